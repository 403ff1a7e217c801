"""Events of the ledger: what happened to the claim of a case, in the order in which it counts.

An event is never changed. What was wrong is cancelled by another event, and the case is replayed in value-date order
(``replay.py``); what each event then posts, if it differs from what stands, is reversed and posted anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component


class EventKind(StrEnum):
    """What an event does to the claim of a case."""

    OPENING = "opening"
    ACCRUAL = "accrual"
    RECEIPT = "receipt"
    REVERSAL = "reversal"
    REFUND = "refund"
    WAIVER = "waiver"
    WRITE_OFF = "write_off"
    CORRECTION = "correction"
    CLOSING = "closing"
    CANCELLATION = "cancellation"


EVENT_KIND_NAMES: dict[EventKind, tuple[str, str]] = {
    EventKind.OPENING: ("taken over", "期初"),
    EventKind.ACCRUAL: ("accrual", "计提"),
    EventKind.RECEIPT: ("payment", "还款"),
    EventKind.REVERSAL: ("reversal", "冲正"),
    EventKind.REFUND: ("refund", "退款"),
    EventKind.WAIVER: ("waiver", "减免"),
    EventKind.WRITE_OFF: ("write-off", "核销"),
    EventKind.CORRECTION: ("correction", "更正"),
    EventKind.CLOSING: ("returned to the lender", "结案转出"),
    EventKind.CANCELLATION: ("cancellation", "撤销"),
}


class Cause(StrEnum):
    """What an event came from; with the id of that it is the event's natural key."""

    PAYMENT = "payment"
    FEED = "feed"
    DECISION = "decision"
    REQUEST = "request"
    APPROVAL = "approval"
    REPLAY = "replay"


CAUSE_NAMES: dict[Cause, tuple[str, str]] = {
    Cause.PAYMENT: ("payment", "还款流水"),
    Cause.FEED: ("lender's feed", "资方数据"),
    Cause.DECISION: ("decision", "人工处理"),
    Cause.REQUEST: ("request", "申请"),
    Cause.APPROVAL: ("approval", "审批"),
    Cause.REPLAY: ("replay", "重放"),
}

RANK: dict[EventKind, int] = {
    EventKind.OPENING: 0,
    EventKind.WRITE_OFF: 1,
    EventKind.ACCRUAL: 2,
    EventKind.RECEIPT: 3,
    EventKind.REVERSAL: 4,
    EventKind.REFUND: 5,
    EventKind.WAIVER: 6,
    EventKind.CORRECTION: 7,
    EventKind.CLOSING: 9,
    EventKind.CANCELLATION: 10,
}
"""The order of events of one value date (decision 0022): what was written off in the morning is not repaid by what
comes in the same day, and what accrues for the day is there when its payment is posted."""

TARGETED = frozenset({EventKind.REVERSAL, EventKind.CANCELLATION})
"""Kinds that undo another event, which they name."""


@dataclass(frozen=True)
class LedgerEvent:
    """One event of the sub-ledger of a case.

    ``amount_minor`` is what a receipt, reversal or refund moves (whole minor units of ``currency``); ``parts`` is what
    an opening, accrual, waiver, write-off or correction says by component, what the sender of a receipt says it pays,
    and what the cancellation of an accrual takes back (only a correction may have parts below zero). ``target_id``
    names the event that is undone, refunded or whose unapplied rest is used. ``terms`` are the conditions as of its
    day: ``orders`` (stage → order code), ``follow`` (the sender's own parts count), ``funding`` (the account the money
    comes from), ``method`` (of a write-off), ``is_memo`` (an opening of a claim that is written off already), ``turn``
    (see there), ``from`` (of an accrual by Recoup: until when it had accrued). ``seq`` is the order of arrival.
    """

    kind: EventKind
    source_code: str
    loan_id: str
    currency: str
    value_date: date
    cause: Cause
    cause_id: str
    case_id: str | None = None
    amount_minor: int = 0
    parts: Mapping[Component, int] = field(default_factory=dict)
    target_id: str | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0

    def __post_init__(self) -> None:
        if self.amount_minor < 0 or any(isinstance(one, bool) for one in (self.amount_minor, *self.parts.values())):
            raise Invalid("The amount must not be below zero.", "金额不得小于零。", field="amount_minor")
        if self.kind is not EventKind.CORRECTION and any(part < 0 for part in self.parts.values()):
            raise Invalid("No part may be below zero.", "各项金额不得小于零。", field="parts")
        if self.kind in TARGETED and self.target_id is None:
            raise Invalid("What is undone must be named.", "须注明被撤销的事项。", field="target_id")

    @cached_property
    def event_id(self) -> str:
        """The same cause is the same event, however often it is told. Asked for a dozen times while it is posted."""
        return event_id(self.cause, self.cause_id)

    @property
    def turn(self) -> str:
        """Where the event stands among those of its kind and day. For money it is when it was paid, then its number:
        a day's payments end in one state whatever the order in which they arrive. For the rest it is the arrival."""
        return str(self.terms.get("turn") or f"{self.seq:020d}")


def event_id(cause: Cause, cause_id: str) -> str:
    """The id of the event that ``cause`` with this id makes."""
    return key_hash("ledger_event", cause.value, cause_id)[:32]
