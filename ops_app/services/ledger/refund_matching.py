"""Bank lines that pay refunds or send them back: known by the reference they carry, and by their amount.

A line has one effect, however often its statement comes. What does not fit (another amount, a refund that is not in a
payout, a return of what never left) moves nothing and is a break of reconciliation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.refunds import LIFE, RefundMove, references_in
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.refund_booking import OBJECT, facts_of, locked, moved_to
from ops_app.store.ledger import refunds
from ops_app.store.ledger.refunds import Payout, Refund, RefundLine
from ops_app.store.store import Store, Transaction

__all__ = ["AnsweredLine", "BankLine", "LineAnswer", "settle_payouts"]

PAID, RETURNED = "paid", "returned"


class LineAnswer(StrEnum):
    """What a bank line with the reference of a payout is."""

    PAID = "refund_paid"
    RETURNED = "refund_returned"
    DIFFERS = "refund_differs"
    UNEXPECTED = "refund_unexpected"


@dataclass(frozen=True)
class BankLine:
    """A line of a bank statement: ``is_out`` where money left. Whole minor units."""

    source_code: str
    account: str
    line_id: str
    value_date: date
    amount_minor: int
    currency: str
    is_out: bool
    reference: str | None


@dataclass(frozen=True)
class AnsweredLine:
    """What became of a line; ``is_told`` where the lender's own feed speaks of that refund too, so that the line is the
    proof of both."""

    line: BankLine
    answer: LineAnswer
    reference: str
    is_told: bool


@act("refunds.settle")
def settle_payouts(actor: Actor, store: Store, *, now: datetime, lines: Sequence[BankLine]) -> tuple[AnsweredLine, ...]:
    """Hold ``lines`` against payouts: what left closes its refund as of the line's value date, what came back opens it
    again. Lines without a reference of a payout are left out of the answer. Running again changes nothing."""
    named = [(one, found) for one in lines for found in references_in(one.reference)]
    if not named:
        return ()
    order = sorted(named, key=lambda pair: (pair[0].value_date, not pair[0].is_out, pair[0].account, pair[0].line_id))
    with store.writing(actor, now) as transaction:
        known = refunds.payouts_called(transaction.connection, {found for _, found in order})
        return tuple(_answer(transaction, one, known[found]) for one, found in order if found in known)


def _answer(transaction: Transaction, line: BankLine, payout: Payout) -> AnsweredLine:
    refund, _ = locked(transaction, payout.refund_id)
    told = refunds.report_of(transaction.connection, refund.refund_id) is not None
    noted = refunds.lines_of(transaction.connection, [payout.reference])
    mine = next((it for it in noted if _same(it, line)), None)
    if mine is not None:
        answer = LineAnswer.PAID if mine.what == PAID else LineAnswer.RETURNED
        return AnsweredLine(line, answer, payout.reference, told)
    if (line.amount_minor, line.currency) != (payout.amount_minor, refund.currency):
        return AnsweredLine(line, LineAnswer.DIFFERS, payout.reference, told)
    what = RefundMove.SETTLE if line.is_out else RefundMove.COME_BACK
    of_this_payout = payout.attempt == refund.attempts
    if not of_this_payout or what not in LIFE[refund.state] or any(it.what == _said(line) for it in noted):
        return AnsweredLine(line, LineAnswer.UNEXPECTED, payout.reference, told)
    event = _paid(refund, payout, line) if line.is_out else _returned(refund, payout, line)
    post(transaction, [event], reason=payout.reference)
    before = facts_of(refund)
    values = {"paid_event_id": event.event_id, "paid_date": line.value_date} if line.is_out else {
        "paid_event_id": None, "paid_date": None,
    }  # fmt: skip
    after = moved_to(transaction, refund, what, f"{line.account}/{line.line_id}"[:200], **values)
    refunds.add_line(
        transaction.connection,
        RefundLine(line.source_code, line.account, line.line_id, payout.reference, _said(line), line.amount_minor,
                   line.value_date, event.event_id, transaction.now),
    )  # fmt: skip
    transaction.audit(
        f"refund.{_said(line)}", OBJECT, refund.refund_id, before=before,
        after=facts_of(after) | {"line": f"{line.account}/{line.line_id}", "value_date": line.value_date},
    )  # fmt: skip
    return AnsweredLine(line, LineAnswer.PAID if line.is_out else LineAnswer.RETURNED, payout.reference, told)


def _same(noted: RefundLine, line: BankLine) -> bool:
    return (noted.source_code, noted.account, noted.line_id) == (line.source_code, line.account, line.line_id)


def _said(line: BankLine) -> str:
    return PAID if line.is_out else RETURNED


def _paid(one: Refund, payout: Payout, line: BankLine) -> LedgerEvent:
    """What was payable has left."""
    return LedgerEvent(
        EventKind.REFUND, one.source_code, one.loan_id, one.currency, line.value_date, Cause.FEED,
        f"payout/{payout.reference}/{PAID}", case_id=one.case_id, amount_minor=one.amount_minor,
        target_id=one.event_id, terms={"place": accounts.REFUNDS_PAYABLE, "turn": payout.reference},
    )  # fmt: skip


def _returned(one: Refund, payout: Payout, line: BankLine) -> LedgerEvent:
    """What had left is here again, and payable."""
    return LedgerEvent(
        EventKind.REVERSAL, one.source_code, one.loan_id, one.currency, line.value_date, Cause.FEED,
        f"payout/{payout.reference}/{RETURNED}", case_id=one.case_id, amount_minor=one.amount_minor,
        target_id=one.paid_event_id, terms={"funding": accounts.REFUNDS_PAYABLE, "turn": payout.reference},
    )  # fmt: skip
