"""What the lender's feed says of refunds that are ours: one thing with them, so that nothing is given back twice.

A refund of the feed is ours where it names the payment that ours gives back, of the same amount and currency, or
carries the reference of a payout. Where ours was posted the feed's posts nothing; where ours is only asked for the
feed's counts, and ours is not approved any more (decision 0032).
"""

from __future__ import annotations

from collections.abc import Sequence

from ops_app.domain.ledger.refunds import PENDING, references_in
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.store.ledger import refunds
from ops_app.store.ledger.refunds import Refund, RefundReport
from ops_app.store.store import Transaction


def told_of(transaction: Transaction, rows: Sequence[Repayment]) -> dict[tuple[str, str], str]:
    """Refunds among ``rows`` (source, payment id) of which the money was posted here already → the event that did; what
    each is about is noted. The payments that they name are held by the caller."""
    asked = [one for one in rows if one.kind is RepaymentKind.REFUND]
    if not asked:
        return {}
    connection = transaction.connection
    open_ones = refunds.live_of_payments(
        connection,
        {(one.source_code, one.reverses_payment_id) for one in asked if one.reverses_payment_id is not None},
    )
    called = refunds.payouts_called(connection, {found for one in asked for found in references_in(one.reference)})
    found: dict[tuple[str, str], str] = {}
    for one in asked:
        known = refunds.reported(connection, one.source_code, one.payment_id)
        ours = refunds.read(connection, known) if known is not None else _ours(transaction, one, open_ones, called)
        if ours is None:
            continue
        is_same = ours.state not in PENDING and ours.event_id is not None
        if known is None:
            open_ones = [it for it in open_ones if it.refund_id != ours.refund_id]
            refunds.add_report(
                connection,
                RefundReport(one.source_code, one.payment_id, ours.refund_id, is_same, transaction.now),
            )
        if is_same:
            found[one.source_code, one.payment_id] = str(ours.event_id)
    return found


def _ours(
    transaction: Transaction, one: Repayment, open_ones: Sequence[Refund], called: dict[str, refunds.Payout]
) -> Refund | None:
    for reference in references_in(one.reference):
        if reference in called and refunds.report_of(transaction.connection, called[reference].refund_id) is None:
            ours = refunds.read(transaction.connection, called[reference].refund_id)
            if ours is not None and _alike(ours, one):
                return ours
    alike = [it for it in open_ones if it.payment_id == one.reverses_payment_id and _alike(it, one)]
    # of several alike the lender speaks of the one that is further on its way
    return min(alike, key=lambda it: (it.state in PENDING, it.number), default=None)


def _alike(ours: Refund, one: Repayment) -> bool:
    return (ours.source_code, ours.amount_minor, ours.currency) == (one.source_code, one.amount_minor, one.currency)
