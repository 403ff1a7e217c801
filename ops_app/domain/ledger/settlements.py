"""Settlement of commission (佣金结算): what may become of the statement of an agency's period, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.commission_terms import AgencyCash
from ops_app.domain.money import round_half_up


class SettlementState(StrEnum):
    """Where a settlement stands. From ``locked`` on nothing of it changes but that it is paid."""

    DRAFT = "draft"
    PRESENTED = "presented"
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"
    LOCKED = "locked"
    PAID = "paid"


SETTLEMENT_STATE_NAMES: dict[SettlementState, tuple[str, str]] = {
    SettlementState.DRAFT: ("draft", "草稿"),
    SettlementState.PRESENTED: ("with the agency to confirm", "待机构确认"),
    SettlementState.DISPUTED: ("disputed by the agency", "机构有异议"),
    SettlementState.CONFIRMED: ("confirmed by the agency", "机构已确认"),
    SettlementState.LOCKED: ("approved and locked", "已审批锁定"),
    SettlementState.PAID: ("paid", "已付款"),
}


class SettlementMove(StrEnum):
    """What may happen to a settlement."""

    PRESENT = "present"
    TAKE_BACK = "take_back"
    DISPUTE = "dispute"
    ANSWER = "answer"
    CONFIRM = "confirm"
    LOCK = "lock"
    PAY = "pay"


SETTLEMENT_MOVE_NAMES: dict[SettlementMove, tuple[str, str]] = {
    SettlementMove.PRESENT: ("present to the agency", "提交机构确认"),
    SettlementMove.TAKE_BACK: ("take back to the draft", "退回草稿"),
    SettlementMove.DISPUTE: ("dispute a line", "对明细提出异议"),
    SettlementMove.ANSWER: ("answer a dispute", "答复异议"),
    SettlementMove.CONFIRM: ("confirm", "确认"),
    SettlementMove.LOCK: ("approve and lock", "审批锁定"),
    SettlementMove.PAY: ("pay", "付款"),
}

MOVES: dict[SettlementState, dict[SettlementMove, SettlementState]] = {
    SettlementState.DRAFT: {SettlementMove.PRESENT: SettlementState.PRESENTED},
    SettlementState.PRESENTED: {
        SettlementMove.TAKE_BACK: SettlementState.DRAFT,
        SettlementMove.DISPUTE: SettlementState.DISPUTED,
        SettlementMove.CONFIRM: SettlementState.CONFIRMED,
    },
    SettlementState.DISPUTED: {
        SettlementMove.DISPUTE: SettlementState.DISPUTED,
        SettlementMove.ANSWER: SettlementState.DISPUTED,
        SettlementMove.TAKE_BACK: SettlementState.DRAFT,
    },
    SettlementState.CONFIRMED: {
        SettlementMove.TAKE_BACK: SettlementState.DRAFT,
        SettlementMove.LOCK: SettlementState.LOCKED,
    },
    SettlementState.LOCKED: {SettlementMove.PAY: SettlementState.PAID},
    SettlementState.PAID: {},
}
"""State → move → next state. What is not here is refused."""

CLOSED = frozenset({SettlementState.LOCKED, SettlementState.PAID})
"""States in which a settlement recomputes to the same bytes for ever."""


class DisputeState(StrEnum):
    """Where an agency's dispute of a line stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


DISPUTE_STATE_NAMES: dict[DisputeState, tuple[str, str]] = {
    DisputeState.OPEN: ("open", "待答复"),
    DisputeState.ACCEPTED: ("accepted", "异议成立"),
    DisputeState.REJECTED: ("rejected", "异议不成立"),
}

OVERRIDE_LIFE = timedelta(hours=24)
"""How long a second person's permission to close in spite of a failed check holds."""


class NoSuchSettlement(NotFound):
    """No such settlement, or one of another agency."""

    def __init__(self) -> None:
        super().__init__("There is no such settlement.", "没有该结算单。")


class MoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: SettlementState, move: SettlementMove) -> None:
        super().__init__(
            f"A settlement that is {SETTLEMENT_STATE_NAMES[state][0]} does not allow:"
            f" {SETTLEMENT_MOVE_NAMES[move][0]}.",
            f"状态为“{SETTLEMENT_STATE_NAMES[state][1]}”的结算单不能执行“{SETTLEMENT_MOVE_NAMES[move][1]}”。",
        )


class SettlementChanged(Conflict):
    """Somebody changed the settlement since it was read."""

    def __init__(self, state: SettlementState) -> None:
        super().__init__(
            f"The settlement changed meanwhile; it is now {SETTLEMENT_STATE_NAMES[state][0]}. Please look again.",
            f"该结算单已有变动，现状态为“{SETTLEMENT_STATE_NAMES[state][1]}”，请刷新后再看。",
        )


class DisputesOpen(Conflict):
    """Disputes wait for an answer."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} disputed lines still wait for an answer.", f"尚有 {count} 条异议明细待答复。"
        )  # fmt: skip


class InvoiceDiffers(Invalid):
    """The invoice is not of the amount that is due."""

    def __init__(self, due: str, currency: str) -> None:
        super().__init__(
            f"The invoice must be of exactly {due} {currency}, tax included.",
            f"发票金额须与应付含税金额一致：{due} {currency}。",
            field="invoice_minor",
        )


@dataclass(frozen=True)
class Totals:
    """What a settlement comes to: whole minor units of its currency.

    ``fees_minor`` is the sum of its lines net of tax; ``carried_in_minor`` (never above zero) what an earlier period
    left owing. ``net_minor`` is what is invoiced, ``carried_out_minor`` (never above zero) what goes on to the next
    period, or is ``receivable_minor`` from an agency that has left. ``held_minor`` is the cash the agency collected
    itself; ``due_minor`` what is paid to it (below zero: it pays the rest of what it holds).
    """

    fees_minor: int
    carried_in_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    held_minor: int
    due_minor: int
    carried_out_minor: int
    receivable_minor: int
    carried_since: date | None


def move(state: SettlementState, what: SettlementMove) -> SettlementState:
    """The state after ``what``; raises ``MoveNotAllowed``. The only way in which a settlement changes state."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state, what) from None


def totals_of(
    fees_minor: int,
    held_minor: int,
    *,
    carried_in_minor: int,
    carried_since: date | None,
    first_date: date,
    tax_rate: Decimal,
    agency_cash: AgencyCash,
    agency_left: bool,
) -> Totals:
    """What lines of ``fees_minor`` come to. A total below zero is not invoiced: it goes on to the next period, aged by
    the first day of the period in which it arose, and is a receivable once the agency has left (domain e-9)."""
    total = fees_minor + carried_in_minor
    net, below = max(0, total), min(0, total)
    tax = round_half_up(tax_rate * net)
    gross = net + tax
    due = gross - (held_minor if agency_cash is AgencyCash.NETTED else 0)
    since = (carried_since or first_date) if below else None
    return Totals(
        fees_minor=fees_minor,
        carried_in_minor=carried_in_minor,
        net_minor=net,
        tax_minor=tax,
        gross_minor=gross,
        held_minor=held_minor,
        due_minor=due,
        carried_out_minor=0 if agency_left else below,
        receivable_minor=-below if agency_left else 0,
        carried_since=since,
    )


def checked_period(first_date: date, end_date: date) -> None:
    """Raise ``Invalid`` unless a period has a day and no more than a year."""
    if not timedelta(0) < end_date - first_date <= timedelta(days=366):
        raise Invalid(
            "A period has one day at least and a year at most.", "结算期间至少一天、至多一年。", field="end_date"
        )
