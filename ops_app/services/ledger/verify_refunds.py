"""What stands in suspense and what is payable is what the journal says, payment by payment and refund by refund."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.ledger.refunds import POSTED, RefundState
from ops_app.store.ledger import suspense
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_events
from ops_app.store.tables.refunds import payouts, refund_lines, refunds, suspense_items

INVARIANT, NAME = 1, "suspense is explained payment by payment, a refund is one payout and one bank line at a time"


def verify_refunds(store: Store) -> Finding:
    """Hold suspense against positions and accounts, requests against what they wait for, refunds against their payouts
    and bank lines. A broken finding names the first that differs."""
    with store.reading() as connection:
        total = sum(
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (suspense_items, refunds)
        )
        wrong = (
            _positions(connection) or _accounts(connection) or _requested(connection) or _standing(connection)
            or _lines(connection)
        )  # fmt: skip
    return broken(INVARIANT, NAME, total, wrong) if wrong else holds(INVARIANT, NAME, total)


def _positions(connection: Connection) -> str | None:
    found = suspense.unlike_positions(connection)
    return None if found is None else f"suspense of case {found} is not what the case holds"


def _accounts(connection: Connection) -> str | None:
    for one in suspense.ties(connection):
        if one.difference_minor:
            return f"{one.account} {one.source_code} {one.currency}: the ledger has {one.difference_minor} beyond"
    return None


def _requested(connection: Connection) -> str | None:
    said = {item: minor for item, minor in suspense.requested_sums(connection).items() if minor}
    kept = suspense.requested_items(connection)
    for item in sorted({*said, *kept}):
        if said.get(item, 0) != kept.get(item, 0):
            return f"requests for {item} come to {said.get(item, 0)}, it keeps {kept.get(item, 0)} for them"
    return None


def _standing(connection: Connection) -> str | None:
    """A refund stands in the journal while it is payable or paid, with its own amount, and in no other state."""
    r, e = refunds.c, ledger_events.c
    undoing = ledger_events.alias("undoing")
    query = (
        select(r.number, r.state, r.amount_minor, e.amount_minor.label("posted"), undoing.c.event_id.label("undone"))
        .outerjoin(ledger_events, e.event_id == r.event_id)
        .outerjoin(undoing, (undoing.c.target_id == r.event_id) & (undoing.c.kind == "cancellation"))
        .order_by(r.number)
    )
    for row in connection.execute(query):
        stands = row.posted is not None and row.undone is None
        if stands != (RefundState(row.state) in POSTED):
            return f"refund {row.number} is {row.state} and {'stands' if stands else 'does not stand'} in the journal"
        if stands and row.posted != row.amount_minor:
            return f"refund {row.number} posted another amount than its own"
    return None


def _lines(connection: Connection) -> str | None:
    """What is paid was paid by one bank line of its last payout, which did not come back; what is in a payout waits."""
    r, p, one = refunds.c, payouts.c, refund_lines.c
    back = refund_lines.alias("back")
    query = (
        select(r.number, r.state, p.reference, one.line_id, back.c.line_id.label("back_id"))
        .outerjoin(payouts, (p.refund_id == r.refund_id) & (p.attempt == r.attempts))
        .outerjoin(refund_lines, (one.reference == p.reference) & (one.what == "paid"))
        .outerjoin(back, (back.c.reference == p.reference) & (back.c.what == "returned"))
        .where(r.state.in_([RefundState.PAID.value, RefundState.IN_PAYOUT.value]))
        .order_by(r.number)
    )
    for row in connection.execute(query):
        paid = row.line_id is not None and row.back_id is None
        if row.reference is None or paid != (row.state == RefundState.PAID.value):
            return f"refund {row.number} is {row.state} and its bank line says otherwise"
    return None
