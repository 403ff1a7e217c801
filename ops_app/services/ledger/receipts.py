"""From a recorded payment to its events in the ledger, set by set, within the transaction that records it.

A payment goes to the spell that holds its value date; where none does it passed outside collection (the lender's
balance has it already), and money in another currency than its claim waits in suspense. A reversal or a refund that
names a payment which is not there yet is recorded and waits; it is posted with its payment (decision 0022).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import moment_text
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import TARGETED, Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.posting import PARTS
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.ledger.replay import MOVED, SAME_AS
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.services.ledger.agreement_judging import judge_cases
from ops_app.services.ledger.journal import Posted, post
from ops_app.services.ledger.payment_effects import on_payments
from ops_app.services.ledger.posting_terms import PostingTerms
from ops_app.services.ledger.refund_reports import told_of
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.ledger import agreements, ground, journal
from ops_app.store.ledger import receipts as stored
from ops_app.store.ledger.ground import Ground
from ops_app.store.ledger.receipts import Claim, Loan
from ops_app.store.store import Transaction

__all__ = ["event_of_payment", "move_in", "post_payments", "reverse_recorded"]


def event_of_payment(source_code: str, payment_id: str) -> str:
    """The id of the event of a payment."""
    return event_id(Cause.PAYMENT, f"{source_code}/{payment_id}")


def post_payments(transaction: Transaction, rows: Sequence[Repayment]) -> Posted:
    """Post newly recorded ``rows`` and whatever waited for them, and let follow what follows for their cases and their
    agreements. What must wait itself is left: it has no event yet.

    Cost: what there is to read is read once, under the locks of the cases (``store/ledger/ground.py``), and what there
    is not is not asked for; a payment of a case that has no schedule and no agreement takes fifteen statements on
    SQLite (seventeen where contact was held before), its recording and its audit rows among them, and a batch of some
    hundred takes as many. PostgreSQL takes three more, its locks.
    """
    if not rows:
        return Posted(before={}, after={}, short={})
    known = in_force(transaction.connection)
    posted, told, on = _post(transaction, rows, known)
    case_of = {one.cause_id: one.case_id for one in posted.new}
    pairs = [(one, case_of.get(f"{one.source_code}/{one.payment_id}")) for one in told]
    on_payments(transaction, posted, pairs, ground=on, known=known)
    may = on.agreements or not on.has(posted.after or ())
    if posted.after and may and agreements.any_of_cases(transaction.connection, posted.after):
        judge_cases(transaction, posted.after, today(transaction.now))
    return posted


def reverse_recorded(transaction: Transaction, payment: Repayment) -> Posted:
    """Take a recorded payment back in the ledger from today on, as was approved here: the lender's own reversal, when
    it comes, finds it undone."""
    stored.meet(transaction.connection, {(payment.source_code, payment.payment_id)})
    order = replace(
        payment, kind=RepaymentKind.REVERSAL, payment_id=f"ordered/{payment.payment_id}"[:200],
        reverses_payment_id=payment.payment_id, value_date=today(transaction.now), paid_at=transaction.now,
    )  # fmt: skip
    events = _undoing(transaction.connection, [order], [], {})
    posted = post(transaction, [replace(one, cause=Cause.APPROVAL) for one in events], reason="ordered")
    on_payments(transaction, posted, [(order, one.case_id) for one in posted.new[-1:]])
    return posted


def _post(
    transaction: Transaction, rows: Sequence[Repayment], known: ParameterSet
) -> tuple[Posted, list[Repayment], Ground]:
    """What was posted, and the payments it was posted for: ``rows`` and those that had waited for them; on what."""
    connection = transaction.connection
    # a payment and its reversal may arrive at one moment: whichever is second must see the first
    stored.meet(connection, {(one.source_code, one.reverses_payment_id or one.payment_id) for one in rows})
    paid = [one for one in rows if one.kind is RepaymentKind.PAYMENT]
    back = [one for one in rows if one.kind is not RepaymentKind.PAYMENT]
    on, loans = Ground(), {(one.source_code, one.loan_id) for one in rows}
    ground.hold_claims(connection, on, loans)
    ground.ask(
        connection, on, [(one.source_code, one.payment_id) for one in rows],
        [(one.source_code, one.reverses_payment_id) for one in back if one.reverses_payment_id is not None], loans,
    )  # fmt: skip
    if on.waiting:
        waited = _waiting(connection, paid, back)
        if others := {(one.source_code, one.loan_id) for one in waited} - loans:
            ground.hold_claims(connection, on, others)
            on.holds = on.schedules = on.agreements = True  # nothing was asked of these
        back += waited
    terms = PostingTerms(known)
    events = [_receipt(one, on.claims.get((one.source_code, one.loan_id), []), terms) for one in paid]
    undoing = _undoing(connection, back, events, on.claims, told_of(transaction, back)) if back else []
    return post(transaction, [*events, *undoing], ground=on), [*paid, *back], on


def _waiting(connection: Connection, paid: Sequence[Repayment], back: Sequence[Repayment]) -> list[Repayment]:
    """What is recorded and waits for one of ``paid``, without what is told with it."""
    told = {(one.source_code, one.payment_id) for one in back}
    found: list[Repayment] = []
    for source in sorted({one.source_code for one in paid}):
        ids = sorted(one.payment_id for one in paid if one.source_code == source)
        found += stored.waiting_for(connection, source, ids)
    return [one for one in found if (one.source_code, one.payment_id) not in told]


def move_in(connection: Connection, loans: Iterable[Loan]) -> list[LedgerEvent]:
    """Events that take payments of newly opened claims in which passed outside collection although their value date
    lies in the spell: the claim was opened by data that came later."""
    claims = stored.claims_of(connection, set(loans))
    terms = PostingTerms(in_force(connection))
    events = []
    for one in journal.unplaced_receipts(connection, claims):
        claim = _claim(claims[one.source_code, one.loan_id], one.value_date, one.currency)
        if claim is not None:
            events.append(
                LedgerEvent(
                    kind=EventKind.RECEIPT, source_code=one.source_code, loan_id=one.loan_id, currency=one.currency,
                    value_date=one.value_date, cause=Cause.FEED, cause_id=f"{claim.case_id}/in/{one.event_id}",
                    case_id=claim.case_id, amount_minor=one.amount_minor, parts=one.parts, target_id=one.event_id,
                    terms=_terms(claim, one.value_date, terms) | {"funding": one.terms["place"], "turn": one.turn},
                )
            )  # fmt: skip
    return events


def _turn(payment: Repayment) -> dict[str, str]:
    """When it was paid, then its number: the order of money of one day, whatever the order of arrival."""
    return {"turn": f"{moment_text(payment.paid_at)} {payment.payment_id}"}


def _claim(claims: Sequence[Claim], value_date: date, currency: str) -> Claim | None:
    return next((one for one in claims if one.holds(value_date) and one.currency == currency), None)


def _terms(claim: Claim, day: date, terms: PostingTerms) -> dict[str, Any]:
    return terms.of_receipt(claim.lender_code, claim.product_code, day, claim.days_past_due_on(day))


def _parts(payment: Repayment) -> dict[Component, int]:
    """The lender's own split, where it is whole."""
    parts = {Component(part): getattr(payment, f"{part}_minor") for part in PARTS}
    known = {part: int(amount) for part, amount in parts.items() if amount is not None}
    return known if len(known) == len(parts) else {}


def _receipt(payment: Repayment, claims: Sequence[Claim], terms: PostingTerms) -> LedgerEvent:
    claim = _claim(claims, payment.value_date, payment.currency)
    said: dict[str, Any]
    if claim is not None:
        said = _terms(claim, payment.value_date, terms)
    else:
        other = any(one.holds(payment.value_date) for one in claims)
        said = {"place": accounts.SUSPENSE_UNMATCHED if other else accounts.OUTSIDE}
    said |= _turn(payment)
    return LedgerEvent(
        kind=EventKind.RECEIPT,
        source_code=payment.source_code,
        loan_id=payment.loan_id,
        currency=payment.currency,
        value_date=payment.value_date,
        cause=Cause.PAYMENT,
        cause_id=f"{payment.source_code}/{payment.payment_id}",
        case_id=claim.case_id if claim else None,
        amount_minor=payment.amount_minor,
        parts=_parts(payment),
        terms=said,
    )


def _undoing(
    connection: Connection,
    back: Sequence[Repayment],
    receipts: Sequence[LedgerEvent],
    claims: dict[Loan, list[Claim]],
    told: Mapping[tuple[str, str], str] | None = None,
) -> list[LedgerEvent]:
    """Events of reversals and refunds: of what they name, and of every case into which that money went on. ``told``:
    refunds (source, payment id) of which the money was posted here already → the event that did."""
    targets = {
        event_of_payment(one.source_code, one.reverses_payment_id)
        for one in back
        if one.reverses_payment_id is not None
    }
    there = {one.event_id: one for one in receipts} | journal.events_by_id(connection, targets)
    went_on: dict[str, list[LedgerEvent]] = {}
    undone: set[str] = set()
    first = journal.events_on(connection, targets)
    for one in [*first, *journal.events_on(connection, {each.event_id for each in first})]:
        if one.kind in TARGETED:
            undone.add(str(one.target_id))
        elif one.kind is EventKind.RECEIPT or MOVED in one.terms:
            went_on.setdefault(str(one.target_id), []).append(one)
    events: list[LedgerEvent] = []
    for payment in back:
        same = (told or {}).get((payment.source_code, payment.payment_id))
        if same is not None:
            ours = journal.events_by_id(connection, [same])[same]
            events.append(_said_again(payment, ours))
            continue
        if payment.reverses_payment_id is None:
            events.append(_refund_alone(payment, claims.get((payment.source_code, payment.loan_id), [])))
            continue
        target = there.get(event_of_payment(payment.source_code, payment.reverses_payment_id))
        if target is None or target.event_id in undone or target.currency != payment.currency:
            continue  # it waits for its payment, or is a break: reconciliation says so
        whole = payment.kind is RepaymentKind.REVERSAL and payment.amount_minor >= target.amount_minor
        beside = [each for each in went_on.get(target.event_id, []) if each.event_id not in undone]
        # a part that goes back is taken from what did not go on, and from a case that has the payment before any other
        rest = target.amount_minor - sum(each.amount_minor for each in beside)
        left = 0 if target.case_id is not None else max(0, payment.amount_minor - rest)
        for nth, one in enumerate(beside, 1):
            if whole and MOVED in one.terms:
                events.append(_never_moved(payment, one, f"#{nth}"))
            elif whole or (left and MOVED not in one.terms):
                part = one.amount_minor if whole else min(left, one.amount_minor)
                events.append(_back(payment, one, whole, f"#{nth}", part))
                left -= min(left, part)
        events.append(_back(payment, target, whole, ""))
        if whole:
            undone.add(target.event_id)
    return events


def _said_again(payment: Repayment, ours: LedgerEvent) -> LedgerEvent:
    """The lender tells of a refund that was posted here: it is on record, and moves nothing."""
    return LedgerEvent(
        EventKind.REFUND, payment.source_code, payment.loan_id, payment.currency, payment.value_date, Cause.PAYMENT,
        f"{payment.source_code}/{payment.payment_id}", case_id=ours.case_id, amount_minor=payment.amount_minor,
        terms=_turn(payment) | {SAME_AS: ours.event_id},
    )  # fmt: skip


def _never_moved(payment: Repayment, moved: LedgerEvent, suffix: str) -> LedgerEvent:
    """Held money that was moved to another case comes back before its payment is taken back."""
    return LedgerEvent(
        EventKind.CANCELLATION, payment.source_code, moved.loan_id, moved.currency, payment.value_date, Cause.PAYMENT,
        f"{payment.source_code}/{payment.payment_id}{suffix}", case_id=moved.case_id, target_id=moved.event_id,
        terms=_turn(payment),
    )  # fmt: skip


def _back(
    payment: Repayment, target: LedgerEvent, whole: bool, suffix: str, amount_minor: int | None = None
) -> LedgerEvent:
    said = {name: target.terms[name] for name in ("place", "funding", SAME_AS) if name in target.terms} | _turn(payment)
    return LedgerEvent(
        kind=EventKind.REVERSAL if whole else EventKind.REFUND,
        source_code=payment.source_code,
        loan_id=target.loan_id,
        currency=payment.currency,
        value_date=payment.value_date,
        cause=Cause.PAYMENT,
        cause_id=f"{payment.source_code}/{payment.payment_id}{suffix}",
        case_id=target.case_id,
        amount_minor=payment.amount_minor if amount_minor is None else amount_minor,
        target_id=target.event_id,
        terms=said,
    )


def _refund_alone(payment: Repayment, claims: Sequence[Claim]) -> LedgerEvent:
    """A refund that names no payment: from what the case holds, else of money outside collection."""
    claim = _claim(claims, payment.value_date, payment.currency)
    return LedgerEvent(
        kind=EventKind.REFUND,
        source_code=payment.source_code,
        loan_id=payment.loan_id,
        currency=payment.currency,
        value_date=payment.value_date,
        cause=Cause.PAYMENT,
        cause_id=f"{payment.source_code}/{payment.payment_id}",
        case_id=claim.case_id if claim else None,
        amount_minor=payment.amount_minor,
        terms=_turn(payment) | ({} if claim else {"place": accounts.OUTSIDE}),
    )
