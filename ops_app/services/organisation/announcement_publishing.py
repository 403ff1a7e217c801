"""Publishing an announcement: asked for by one person, carried out by the approval of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Conflict, Refused
from ops_app.domain.organisation.announcements import (
    ACKNOWLEDGED,
    ALL_AGENCIES,
    ANNOUNCEMENT_KIND_NAMES,
    ASSET_COMPANY,
    AnnouncementMove,
    AnnouncementState,
    NoSuchAnnouncement,
    check_not_over,
    move,
)
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import ROLE_NAMES
from ops_app.services.act import act
from ops_app.services.organisation.announcements import OBJECT, ChangedMeanwhile, change, found, moved
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval, resubmit
from ops_app.store.organisation import announcement_files, announcements, approvals, audit
from ops_app.store.organisation.announcement_files import AnnouncementFile
from ops_app.store.organisation.announcements import Announcement
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.store import Store, Transaction

PUBLISH = "announcement.publish"
"""The kind of request that asks for a publication."""

_MOST_EDITS = 10_000

MUST_ACKNOWLEDGE = "must_acknowledge"
"""The risk flag of an announcement that nobody of its audience gets past."""


@act("announcements.manage")
def submit_announcement(
    actor: Actor, store: Store, *, now: datetime, announcement_id: str, version: int, reason: str, key: str
) -> str:
    """Ask for publication by a second person; the id of the request, by which the announcement then waits.

    A request that its approver returned is submitted again with the text as it is now. Raises ``Conflict`` naming who
    changed the draft since ``version``, ``MoveNotAllowed`` for anything but a draft, ``Invalid`` when it would be over
    before anybody read it, and what the approvals engine raises.
    """
    with store.reading() as connection:
        known = announcements.by_id(connection, announcement_id)
        if known is None:
            raise NoSuchAnnouncement
        asked = approvals.open_of(connection, PUBLISH, OBJECT, announcement_id)
        files = announcement_files.of(connection, [announcement_id])[announcement_id]
    if known.version != version:
        raise ChangedMeanwhile(known)
    moved(known, AnnouncementMove.SUBMIT, now)
    arguments = _arguments(known, files)
    flags = (MUST_ACKNOWLEDGE,) if known.content.kind in ACKNOWLEDGED else ()
    returned = next((one for one in asked if one.state is RequestState.RETURNED), None)
    if returned is None:
        return request_approval(
            actor, store, now=now, kind=PUBLISH, object_type=OBJECT, object_id=announcement_id, arguments=arguments,
            reason=reason, flags=flags, key=key,
        )  # fmt: skip
    return resubmit(
        actor, store, now=now, request_id=returned.request_id, expected_version=returned.version, arguments=arguments,
        reason=reason, flags=flags, key=key,
    ).request_id  # fmt: skip


def run_publish(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Publish what was submitted, within the transaction of the last approval, on behalf of the approver.

    ``arguments``: ``announcement_id`` and the whole text as it was approved. Raises ``NotTheDraft`` when it is another
    text now, ``Refused`` where the approver wrote any of it.
    """
    before = _as_asked(transaction, arguments)
    checker = transaction.actor.person_id
    if checker in {before.drafted_by, before.edited_by} | _writers(transaction, before.announcement_id):
        raise Refused("Somebody else publishes what you wrote.", "本人起草的公告须由他人审批发布。")
    state = move(AnnouncementState.SUBMITTED, AnnouncementMove.PUBLISH)
    values = {"state": state.value, "published_by": checker, "published_at": transaction.now}
    change(transaction, before, before.version, values)
    after = found(transaction, before.announcement_id)
    transaction.audit(
        "announcement.published", OBJECT, after.announcement_id, before={"state": before.kept_state},
        after=after.facts(),
    )  # fmt: skip
    return {"announcement_id": after.announcement_id, "state": after.kept_state, "version": after.version}


def _writers(transaction: Transaction, announcement_id: str) -> set[str]:
    """Everybody who wrote at the text, not the last alone: the audit log remembers them."""
    edited = AuditFilter(action="announcement.edited", object_type=OBJECT, object_id=announcement_id)
    return {row.actor_id for row in audit.newest(transaction.connection, edited, before=None, limit=_MOST_EDITS)}


def _arguments(one: Announcement, files: Sequence[AnnouncementFile]) -> dict[str, Any]:
    """All that is published: the text, and each file by its name and hash."""
    attached = {"files": [file.as_approved for file in files]} if files else {}
    return {"announcement_id": one.announcement_id, **one.content.facts(), **attached}


class NotTheDraft(Conflict):
    """A request holds another text than the draft; the draft alone is what may be published."""

    def __init__(self, one: Announcement) -> None:
        super().__init__(
            f"This is not the text of the draft, which {one.changed_by_name} changed last. Texts are changed on the "
            "page of announcements and submitted from there.",
            f"该内容与草稿不一致（草稿最近由 {one.changed_by_name} 更改）。请在公告管理页面修改后重新提交审批。",
        )


def _as_asked(transaction: Transaction, arguments: Mapping[str, Any]) -> Announcement:
    """The draft that was submitted; raises unless it still is the very text, and not over."""
    one = found(transaction, str(arguments["announcement_id"]))
    if one.kept_state is not AnnouncementState.DRAFT:
        move(one.state(transaction.now), AnnouncementMove.PUBLISH)
    files = announcement_files.of(transaction.connection, [one.announcement_id])[one.announcement_id]
    if canonical_json(_arguments(one, files)) != canonical_json(arguments):
        raise NotTheDraft(one)
    check_not_over(one.content.valid_until_at, transaction.now)
    return one


def _check_request(transaction: Transaction, draft: Draft) -> None:
    one = _as_asked(transaction, draft.arguments)
    if draft.object_id != one.announcement_id or (MUST_ACKNOWLEDGE in draft.flags) is not (
        one.content.kind in ACKNOWLEDGED
    ):
        raise NotTheDraft(one)


register(
    PUBLISH,
    name=("publish an announcement", "发布公告"),
    make="announcements.manage",
    run=run_publish,
    check=_check_request,
    fixed=True,
    labels={
        "announcement_id": ("announcement", "公告"),
        "title_en": ("title in English", "英文标题"),
        "body_en": ("text in English", "英文正文"),
        "title_zh": ("title in Chinese", "中文标题"),
        "body_zh": ("text in Chinese", "中文正文"),
        "kind": ("kind", "类型"),
        "roles": ("roles", "接收角色"),
        "places": ("organisations", "接收组织"),
        "valid_from_at": ("valid from", "生效时间"),
        "valid_until_at": ("valid until", "失效时间"),
        "files": ("attached files", "附件"),
        **{f"kind.{kind.value}": names for kind, names in ANNOUNCEMENT_KIND_NAMES.items()},
        **{f"roles.{role.value}": names for role, names in ROLE_NAMES.items()},
        f"places.{ASSET_COMPANY}": ("asset company", "资产公司"),
        f"places.{ALL_AGENCIES}": ("all agencies", "全部催收机构"),
    },
    flags={MUST_ACKNOWLEDGE: ("stops each reader until they acknowledge it", "接收人确认前无法进行其他操作")},
)
