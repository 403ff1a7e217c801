"""What an agency claims to have earned: its own statement of commission, held line by line against what was reckoned.

A statement that an agency (or a lender on its behalf) sends is a claim. Nothing is paid on it; it is held against the
lines that the contract makes of what stands in the journal, and a person of finance decides on what differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Conflict, NotFound


class ClaimFinding(StrEnum):
    """What a claimed line is beside what was reckoned."""

    AGREES = "agrees"
    ABOVE = "above"
    BELOW = "below"
    NOT_PAID = "not_paid"
    NOT_EARNED = "not_earned"
    TWICE = "twice"


CLAIM_FINDING_NAMES: dict[ClaimFinding, tuple[str, str]] = {
    ClaimFinding.AGREES: ("agrees", "一致"),
    ClaimFinding.ABOVE: ("above the contract", "申报高于合同"),
    ClaimFinding.BELOW: ("below the contract", "申报低于合同"),
    ClaimFinding.NOT_PAID: ("no payment", "无对应回款"),
    ClaimFinding.NOT_EARNED: ("earns nothing", "该回款不计佣"),
    ClaimFinding.TWICE: ("claimed before", "重复申报"),
}


class ClaimState(StrEnum):
    """Where a claimed line stands. ``agreed``: within the tolerance, nothing is to be decided."""

    AGREED = "agreed"
    OPEN = "open"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"


CLAIM_STATE_NAMES: dict[ClaimState, tuple[str, str]] = {
    ClaimState.AGREED: ("agreed", "一致"),
    ClaimState.OPEN: ("to be decided", "待处理"),
    ClaimState.ACCEPTED: ("difference accepted", "差异已认可"),
    ClaimState.DISPUTED: ("disputed", "已提出异议"),
}

DECIDED = frozenset({ClaimState.ACCEPTED, ClaimState.DISPUTED})
"""What a person may make of a line that differs; either may be changed for the other."""


class NoSuchClaim(NotFound):
    """No such claimed statement or line, or one of another agency."""

    def __init__(self) -> None:
        super().__init__("There is no such claimed statement.", "没有该申报对账单。")


class ClaimAgrees(Conflict):
    """A line that agrees is not decided."""

    def __init__(self) -> None:
        super().__init__("The line agrees; there is nothing to decide.", "该行一致，无需处理。")


class ClaimChanged(Conflict):
    """Somebody decided, or the statement was compared again, since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "The claimed lines changed meanwhile. Please look again.", "申报明细已有变动，请刷新后再看。"
        )  # fmt: skip


@dataclass(frozen=True)
class ClaimedRow:
    """A line of a claimed statement as the feed brought it, whole minor units of ``currency``."""

    source_code: str
    agency_code: str
    statement: str
    sender_line: str
    period: str
    loan_id: str
    payment_id: str | None
    since_date: date | None
    until_date: date
    collected_minor: int
    claimed_minor: int
    currency: str
    file_id: str
    line_no: int


@dataclass(frozen=True)
class ClaimedSum:
    """What the lines of one statement and period come to as the sender stated them, rounded once: where a sender
    states less than the smallest unit, its rounded lines do not add up to its total."""

    agency_code: str
    statement: str
    currency: str
    period: str
    lines: int
    collected_minor: int
    claimed_minor: int
