"""The quarterly review of rights (权限复核, feature 9): when one begins, how long it may take, what is decided."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound

UNUSED_DAYS = 90
"""A right that was not used for so many days comes into the review: as long as the quarter that it looks back on."""

TERM = timedelta(days=30)
"""How long the people have who decide; afterwards the review is late and the managers are told."""

MOST_DECIDED = 500
"""Rights that one act decides on."""


class ReviewDecision(StrEnum):
    """What became of a right in a review; ``LAPSED``: its person left or got another role before anybody decided."""

    KEPT = "kept"
    TAKEN = "taken"
    LAPSED = "lapsed"


REVIEW_DECISION_NAMES: dict[ReviewDecision, tuple[str, str]] = {
    ReviewDecision.KEPT: ("kept", "保留"),
    ReviewDecision.TAKEN: ("taken away", "收回"),
    ReviewDecision.LAPSED: ("lapsed", "已失效"),
}


class NoSuchReview(NotFound):
    """No review of this quarter, or no such right in it."""

    def __init__(self) -> None:
        super().__init__("There is no such right in the review.", "复核中没有该权限。")


class DecidedAlready(Conflict):
    """Somebody decided on one of these rights meanwhile."""

    def __init__(self, who: str) -> None:
        super().__init__(
            f"{who} decided on one of these rights meanwhile. Look again.",
            f"{who} 已对其中的权限作出处理，请刷新后再试。",
        )


def quarter_of(day: date) -> str:
    """The quarter of a day, as in ``2026-Q4``: a review is known by it, so there is one a quarter."""
    return f"{day.year:04d}-Q{(day.month - 1) // 3 + 1}"


def checked_items(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rights to decide on, each once; raises ``Invalid`` where there are none or too many."""
    chosen = list(dict.fromkeys(items))
    if not 1 <= len(chosen) <= MOST_DECIDED:
        raise Invalid(f"Choose 1 to {MOST_DECIDED} rights.", f"请选择 1 至 {MOST_DECIDED} 项权限。", field="items")
    return chosen
