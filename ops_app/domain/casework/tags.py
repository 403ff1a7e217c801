"""Tags of cases: a defined list of what people want to find cases by. A tag forbids nothing; flags do."""

from __future__ import annotations

from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid


class Tag(StrEnum):
    """What a case is tagged with."""

    PROMISING = "promising"
    HARD_TO_REACH = "hard_to_reach"
    MOVED_AWAY = "moved_away"
    HARDSHIP = "hardship"
    THIRD_PARTY_PAYS = "third_party_pays"
    NEGOTIATING = "negotiating"
    FRAUD_SUSPECTED = "fraud_suspected"
    LEGAL_CANDIDATE = "legal_candidate"
    PRIORITY = "priority"


TAG_NAMES: dict[Tag, tuple[str, str]] = {
    Tag.PROMISING: ("promising", "还款意愿好"),
    Tag.HARD_TO_REACH: ("hard to reach", "难联系"),
    Tag.MOVED_AWAY: ("moved away", "已搬迁"),
    Tag.HARDSHIP: ("hardship", "经济困难"),
    Tag.THIRD_PARTY_PAYS: ("somebody else pays", "他人代偿"),
    Tag.NEGOTIATING: ("negotiating", "协商中"),
    Tag.FRAUD_SUSPECTED: ("fraud suspected", "疑似欺诈"),
    Tag.LEGAL_CANDIDATE: ("candidate for legal action", "拟诉讼"),
    Tag.PRIORITY: ("priority", "重点跟进"),
}


def checked_tag(code: str) -> Tag:
    """The tag of ``code``; raises ``Invalid`` for one that is not in the list."""
    try:
        return Tag(code)
    except ValueError as error:
        raise Invalid(
            "There is no such tag. Choose one of the list.", "没有该标签，请从列表中选择。", field="tag"
        ) from error


class TaggedAlready(Conflict):
    """The case has the tag; says who set it."""

    def __init__(self, tag: Tag, who: str) -> None:
        en, zh = TAG_NAMES[tag]
        super().__init__(f"{who} tagged the case already: {en}.", f"{who} 已添加标签“{zh}”。", field="tag")


class NotTagged(Conflict):
    """The case has not, or no longer, the tag."""

    def __init__(self, tag: Tag) -> None:
        en, zh = TAG_NAMES[tag]
        super().__init__(f"The case is no longer tagged: {en}.", f"案件已无标签“{zh}”，可能已被他人移除。", field="tag")
