"""Announcements (公告): how one comes to be read, by whom, and until when (features 2 and 45)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, Actor, Role

LONGEST_TITLE = 120
LONGEST_BODY = 10_000
LONGEST_REASON = 500
MOST_FILES = 5


class AnnouncementKind(StrEnum):
    """What an announcement is; a change of rules must be acknowledged by each of its readers."""

    NOTICE = "notice"
    RULE_CHANGE = "rule_change"


ANNOUNCEMENT_KIND_NAMES: dict[AnnouncementKind, tuple[str, str]] = {
    AnnouncementKind.NOTICE: ("notice", "通知"),
    AnnouncementKind.RULE_CHANGE: ("rule change", "规则变更"),
}

ACKNOWLEDGED = frozenset({AnnouncementKind.RULE_CHANGE})
"""Kinds that their readers acknowledge before they go on with anything else (feature 45)."""


class AnnouncementState(StrEnum):
    """Where an announcement stands (feature 2)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


ANNOUNCEMENT_STATE_NAMES: dict[AnnouncementState, tuple[str, str]] = {
    AnnouncementState.DRAFT: ("draft", "草稿"),
    AnnouncementState.SUBMITTED: ("waiting for approval", "待审"),
    AnnouncementState.PUBLISHED: ("published", "已发布"),
    AnnouncementState.WITHDRAWN: ("withdrawn", "已撤回"),
    AnnouncementState.EXPIRED: ("expired", "已过期"),
}


class AnnouncementMove(StrEnum):
    """What may happen to an announcement; ``return`` and ``publish`` are done by its request, ``expire`` by the
    clock."""

    EDIT = "edit"
    SUBMIT = "submit"
    RETURN = "return"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


ANNOUNCEMENT_MOVE_NAMES: dict[AnnouncementMove, tuple[str, str]] = {
    AnnouncementMove.EDIT: ("edited", "修改"),
    AnnouncementMove.SUBMIT: ("submitted", "提交审批"),
    AnnouncementMove.RETURN: ("returned to its draft", "退回草稿"),
    AnnouncementMove.PUBLISH: ("published", "发布"),
    AnnouncementMove.WITHDRAW: ("withdrawn", "撤回"),
    AnnouncementMove.EXPIRE: ("expired", "过期"),
}

MOVES: dict[AnnouncementState, dict[AnnouncementMove, AnnouncementState]] = {
    AnnouncementState.DRAFT: {
        AnnouncementMove.EDIT: AnnouncementState.DRAFT,
        AnnouncementMove.SUBMIT: AnnouncementState.SUBMITTED,
        AnnouncementMove.WITHDRAW: AnnouncementState.WITHDRAWN,
    },
    AnnouncementState.SUBMITTED: {
        AnnouncementMove.RETURN: AnnouncementState.DRAFT,
        AnnouncementMove.PUBLISH: AnnouncementState.PUBLISHED,
    },
    AnnouncementState.PUBLISHED: {
        AnnouncementMove.WITHDRAW: AnnouncementState.WITHDRAWN,
        AnnouncementMove.EXPIRE: AnnouncementState.EXPIRED,
    },
    AnnouncementState.WITHDRAWN: {},
    AnnouncementState.EXPIRED: {},
}
"""State → move → next state. What is not here is refused; nothing published is ever edited."""


class MoveNotAllowed(Conflict):
    """The announcement does not stand where this could be done to it."""

    def __init__(self, state: AnnouncementState, what: AnnouncementMove) -> None:
        state_en, state_zh = ANNOUNCEMENT_STATE_NAMES[state]
        move_en, move_zh = ANNOUNCEMENT_MOVE_NAMES[what]
        more_en, more_zh = "", ""
        if what is AnnouncementMove.EDIT and state is not AnnouncementState.SUBMITTED:
            more_en, more_zh = " Withdraw it if it still stands, and draft a new one.", "如仍有效请先撤回，再另行起草。"
        super().__init__(
            f"This announcement is {state_en}, so it cannot be {move_en}.{more_en}",
            f"该公告状态为“{state_zh}”，不能{move_zh}。{more_zh}",
        )


class NoSuchAnnouncement(NotFound):
    """No announcement within the reader's reach; the same answer for missing, foreign, withdrawn and expired."""

    def __init__(self) -> None:
        super().__init__("There is no such announcement.", "没有此公告。")


def move(state: AnnouncementState, what: AnnouncementMove) -> AnnouncementState:
    """The state after ``what``; raises ``MoveNotAllowed``."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state, what) from None


def state_at(kept: AnnouncementState, *, waits: bool, valid_until_at: datetime, now: datetime) -> AnnouncementState:
    """The state at ``now`` of what is kept as draft, published or withdrawn: a draft whose request ``waits`` for its
    approval is submitted, and a published announcement expires at the moment its validity ends, without an act."""
    if kept is AnnouncementState.DRAFT and waits:
        return move(kept, AnnouncementMove.SUBMIT)
    if kept is AnnouncementState.PUBLISHED and now >= valid_until_at:
        return move(kept, AnnouncementMove.EXPIRE)
    return kept


ASSET_COMPANY = "asset_company"
ALL_AGENCIES = "agencies"


@dataclass(frozen=True)
class Audience:
    """Who an announcement is for: people in one of ``roles`` who belong to one of ``places``.

    A place is ``asset_company``, ``agencies`` (each of them) or ``agency-<code>``.
    """

    roles: frozenset[Role]
    places: frozenset[str]

    def pairs(self) -> list[tuple[Role, str]]:
        """The combinations of role and place that people can hold, sorted."""
        return sorted((role, place) for role in self.roles for place in self.places if _can_be(role, place))

    def reaches(self, actor: Actor) -> bool:
        """Whether ``actor`` belongs to the audience."""
        return any((actor.role, place) in self.pairs() for place in places_of(actor))


def places_of(actor: Actor) -> tuple[str, ...]:
    """The places to which ``actor`` belongs."""
    return (ALL_AGENCIES, actor.audience) if actor.agency_code else (ASSET_COMPANY,)


def place_of_agency(agency_code: str) -> str:
    """The place of one agency."""
    return f"agency-{agency_code}"


def _can_be(role: Role, place: str) -> bool:
    if role is Role.SYSTEM:
        return False
    return role in ROLES_OF_EITHER or (role in AGENCY_ROLES) is (place != ASSET_COMPANY)


def checked_audience(roles: Iterable[Role], places: Iterable[str]) -> Audience:
    """The audience; raises ``Invalid`` where it is empty or one of its parts could have no reader."""
    audience = Audience(frozenset(roles), frozenset(places))
    if not audience.roles:
        raise Invalid("Choose at least one role.", "请至少选择一个角色。", field="roles")
    if not audience.places:
        raise Invalid(
            "Choose the asset company or at least one agency.", "请选择资产公司或至少一家机构。", field="places"
        )
    if not all(place in {ASSET_COMPANY, ALL_AGENCIES} or place.startswith("agency-") for place in audience.places):
        raise Invalid("There is no such organisation.", "没有此组织。", field="places")
    pairs = audience.pairs()
    if {role for role, _ in pairs} != audience.roles:
        raise Invalid(
            "One of these roles does not exist in the organisations chosen.",
            "所选组织中不存在其中某个角色。",
            field="roles",
        )
    if {place for _, place in pairs} != audience.places:
        raise Invalid(
            "Nobody in one of these organisations has a chosen role.", "所选组织中有一个没有所选角色。", field="places"
        )
    return audience


@dataclass(frozen=True)
class Content:
    """What is announced, to whom and when; complete in English, in 中文 or in both. ``valid_from_at`` is in,
    ``valid_until_at`` is out."""

    kind: AnnouncementKind
    title_en: str
    body_en: str
    title_zh: str
    body_zh: str
    audience: Audience
    valid_from_at: datetime
    valid_until_at: datetime

    def in_language(self, language: str) -> tuple[str, str, str]:
        """Language, title and body as a reader of ``language`` is shown them: the other where theirs is missing."""
        chinese = ("zh", self.title_zh, self.body_zh)
        english = ("en", self.title_en, self.body_en)
        wanted, other = (chinese, english) if language.startswith("zh") else (english, chinese)
        return wanted if wanted[1] else other

    def facts(self) -> dict[str, object]:
        """Its values as plain ones, for the audit log and for comparing."""
        return {
            "kind": self.kind,
            "title_en": self.title_en,
            "body_en": self.body_en,
            "title_zh": self.title_zh,
            "body_zh": self.body_zh,
            "roles": self.audience.roles,
            "places": self.audience.places,
            "valid_from_at": self.valid_from_at,
            "valid_until_at": self.valid_until_at,
        }


def checked_content(content: Content) -> Content:
    """``content`` tidied; raises ``Invalid`` naming the first field that is wrong."""
    title_en, body_en = _checked_text(content.title_en, content.body_en, "en")
    title_zh, body_zh = _checked_text(content.title_zh, content.body_zh, "zh")
    if not title_en and not title_zh:
        raise Invalid(
            "Write it in English, in 中文 or in both.", "请填写中文或英文内容，也可两者皆填。", field="title_zh"
        )
    audience = checked_audience(content.audience.roles, content.audience.places)
    if content.valid_from_at >= content.valid_until_at:
        raise Invalid("It ends before it begins.", "结束日早于开始日。", field="valid_until_at")
    return Content(
        content.kind, title_en, body_en, title_zh, body_zh, audience, content.valid_from_at, content.valid_until_at
    )


def check_not_over(valid_until_at: datetime, now: datetime) -> None:
    """Raise ``Invalid`` for a validity that has passed: nobody would ever read the announcement."""
    if valid_until_at <= now:
        raise Invalid("Its last day has passed.", "有效期已过。", field="valid_until_at")


def _checked_text(title: str, body: str, language: str) -> tuple[str, str]:
    title, body = " ".join(readable(title).split()), readable(body).strip()
    for name, text, longest in (("title", title, LONGEST_TITLE), ("body", body, LONGEST_BODY)):
        if len(text) > longest:
            raise Invalid(f"At most {longest} characters.", f"最多 {longest} 字。", field=f"{name}_{language}")
    if bool(title) != bool(body):
        missing = "body" if title else "title"
        raise Invalid(
            "A language needs both its title and its text.",
            "同一语言须同时填写标题与正文。",
            field=f"{missing}_{language}",
        )
    return title, body


_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def readable(text: str) -> str:
    """``text`` with one kind of line end and without signs that are not seen but change what is: control characters
    and those that turn the direction of writing."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        sign for sign in lines if sign in "\n\t" or (unicodedata.category(sign) != "Cc" and sign not in _TURNING)
    )


def checked_reason(reason: str) -> str:
    """Why something is done, on one line; raises ``Invalid`` when it is missing or too long."""
    text = " ".join(readable(reason).split())
    if not text:
        raise Invalid("Say why.", "请填写原因。", field="reason")
    if len(text) > LONGEST_REASON:
        raise Invalid(
            f"A reason has at most {LONGEST_REASON} characters.", f"原因最多 {LONGEST_REASON} 字。", field="reason"
        )
    return text
