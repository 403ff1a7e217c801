"""Checks of what must always hold in the area ledger. They read; they change nothing."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ops_app.domain.errors import DomainError
from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.ledger.repayments import CONTENT, Repayment, RepaymentKind, body_hash
from ops_app.store.store import Store
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.organisation import inbox

MONEY_INVARIANT, MONEY_NAME = 1, "every recorded payment is what it was when it was recorded, and its parts make it up"
ONCE_INVARIANT, ONCE_NAME = 2, "an external payment id has exactly one effect"
_AT_ONCE = 5_000


def verify_money(store: Store) -> Finding:
    """Invariant 1 as far as payments exist: the content of each still has the hash it was recorded with.

    A broken finding names the first payment that does not.
    """
    checked = 0
    with store.reading() as connection:
        query = select(payments).order_by(payments.c.source_code, payments.c.payment_id)
        for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
            checked += 1
            values = {name: getattr(row, name) for name in CONTENT}
            try:
                digest = body_hash(Repayment(**values | {"kind": RepaymentKind(values["kind"])}))
            except (DomainError, ValueError, TypeError) as why:
                return broken(MONEY_INVARIANT, MONEY_NAME, checked, f"{row.source_code} {row.payment_id}: {why}")
            if digest != row.body_hash:
                what = f"{row.source_code} {row.payment_id} differs from its hash"
                return broken(MONEY_INVARIANT, MONEY_NAME, checked, what)
    return holds(MONEY_INVARIANT, MONEY_NAME, checked)


def verify_once(store: Store) -> Finding:
    """Invariant 2: each payment was claimed once in the inbox, under the hash it is recorded with, and nothing was
    claimed that is not recorded."""
    with store.reading() as connection:
        total = connection.execute(select(func.count()).select_from(payments)).scalar_one()
        wrong = _first_unclaimed(connection) or _first_without_effect(connection)
    if wrong is not None:
        return broken(ONCE_INVARIANT, ONCE_NAME, int(total), wrong)
    return holds(ONCE_INVARIANT, ONCE_NAME, int(total))


def _first_unclaimed(connection: Connection) -> str | None:
    claimed = (
        (inbox.c.source == "payment/" + payments.c.source_code)
        & (inbox.c.key == payments.c.payment_id)
        & (inbox.c.body_hash == payments.c.body_hash)
    )
    row = connection.execute(
        select(payments.c.source_code, payments.c.payment_id)
        .outerjoin(inbox, claimed)
        .where(inbox.c.key.is_(None))
        .order_by(payments.c.source_code, payments.c.payment_id)
        .limit(1)
    ).first()
    return f"{row.source_code} {row.payment_id} was never claimed with this content" if row else None


def _first_without_effect(connection: Connection) -> str | None:
    recorded = (inbox.c.source == "payment/" + payments.c.source_code) & (inbox.c.key == payments.c.payment_id)
    row = connection.execute(
        select(inbox.c.source, inbox.c.key)
        .outerjoin(payments, recorded)
        .where(inbox.c.source.startswith("payment/", autoescape=True), payments.c.payment_id.is_(None))
        .order_by(inbox.c.source, inbox.c.key)
        .limit(1)
    ).first()
    return f"{row.source} {row.key} was claimed but is not recorded" if row else None
