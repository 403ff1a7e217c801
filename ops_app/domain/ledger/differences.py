"""Differences between ledger and feed: shown until they go, or until two people accept the lender's figure."""

from __future__ import annotations

from enum import StrEnum

from ops_app.domain.errors import Conflict, NotFound


class DifferenceState(StrEnum):
    """Where a difference stands: it clears by itself when ledger and feed agree again."""

    OPEN = "open"
    CLEARED = "cleared"
    ACCEPTED = "accepted"


DIFFERENCE_STATE_NAMES: dict[DifferenceState, tuple[str, str]] = {
    DifferenceState.OPEN: ("open", "未处理"),
    DifferenceState.CLEARED: ("gone by itself", "已自动消除"),
    DifferenceState.ACCEPTED: ("lender's figure accepted", "已采用资方金额"),
}


class NoSuchDifference(NotFound):
    """No such difference."""

    def __init__(self) -> None:
        super().__init__("There is no such difference.", "没有该差异。")


class DifferenceChanged(Conflict):
    """It was decided on, or the figures moved, since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "This difference has changed meanwhile. Please look again.", "该差异已变化，请刷新后再看。", field="reason"
        )


class DifferenceOver(Conflict):
    """It is open no longer."""

    def __init__(self, state: DifferenceState) -> None:
        english, chinese = DIFFERENCE_STATE_NAMES[state]
        super().__init__(
            f"Nothing is left to decide: {english}.", f"该差异{chinese}，无需处理。", field="reason"
        )  # fmt: skip
