"""Invariant 3 in what was kept of the journal: balances of closed periods, files of vouchers, sums of agreements."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ops_app.domain.findings import Finding, broken, holds
from ops_app.services.ledger.vouchers import batch_file
from ops_app.store.ledger import closing, vouchers
from ops_app.store.ledger.closing import BalanceKey
from ops_app.store.organisation import parameters
from ops_app.store.store import Store
from ops_app.store.tables.agreements import agreement_instalments, agreements
from ops_app.store.tables.books import voucher_batches
from ops_app.store.tables.journal import journal_lines

INVARIANT = 3
BALANCES_NAME = "balances kept of closed periods are what the journal comes to"
VOUCHERS_NAME = "vouchers that left for the general ledger are made again to the same bytes"
AGREEMENTS_NAME = "instalments make up what an agreement asks for and what was paid of it"

_L = journal_lines.c


def verify_closed_balances(store: Store) -> Finding:
    """The balances of each closed period worked out from all lines posted until its end. A broken finding names the
    first account that differs."""
    checked = 0
    with store.reading() as connection:
        periods = sorted(parameters.periods(connection, "ledger"), key=lambda one: one.end_date)
        moves = _moves(connection) if periods else []
        now: dict[BalanceKey, int] = defaultdict(int)
        place = 0
        for period in periods:
            while place < len(moves) and moves[place][0] < period.end_date:
                _, key, amount = moves[place]
                now[key] += amount
                place += 1
            kept = closing.balances(connection, [period.period_id])
            checked += len(kept)
            for key in sorted(now.keys() | kept.keys()):
                if now.get(key, 0) != kept.get(key, 0):
                    said = f"{kept.get(key, 0)} was kept, the journal has {now.get(key, 0)}"
                    return broken(INVARIANT, BALANCES_NAME, checked, f"{period.first_date} {' '.join(key)}: {said}")
    return holds(INVARIANT, BALANCES_NAME, checked)


def verify_vouchers(store: Store) -> Finding:
    """Each batch made again from its period, source and template: the same hash. A broken finding names the first."""
    checked = 0
    with store.reading() as connection:
        query = select(voucher_batches.c.batch_id).order_by(voucher_batches.c.number)
        for (batch_id,) in connection.execute(query).all():
            one = vouchers.read(connection, str(batch_id))
            assert one is not None
            checked += 1
            if hashlib.sha256(batch_file(connection, one)).hexdigest() != one.file_hash:
                return broken(INVARIANT, VOUCHERS_NAME, checked, f"batch {one.number} has other content now")
    return holds(INVARIANT, VOUCHERS_NAME, checked)


def verify_agreements(store: Store) -> Finding:
    """What the instalments of an agreement sum up to is what it asks for, and what was paid of each what was paid of
    it. A broken finding names the first agreement of which it is not so."""
    a, i = agreements.c, agreement_instalments.c
    sums = (
        select(i.agreement_id, func.sum(i.amount_minor).label("asked"), func.sum(i.paid_minor).label("paid"))
        .group_by(i.agreement_id)
        .subquery()
    )
    asked, paid = func.coalesce(sums.c.asked, 0), func.coalesce(sums.c.paid, 0)
    query = select(a.agreement_id).outerjoin(sums, sums.c.agreement_id == a.agreement_id)
    with store.reading() as connection:
        checked = int(connection.execute(select(func.count()).select_from(agreements)).scalar_one())
        wrong = connection.execute(
            query.where((asked != a.to_pay_minor) | (paid != a.paid_minor)).order_by(a.agreement_id).limit(1)
        ).scalar()
    if wrong is not None:
        return broken(INVARIANT, AGREEMENTS_NAME, checked, f"agreement {wrong}")
    return holds(INVARIANT, AGREEMENTS_NAME, checked)


def _moves(connection: Connection) -> list[tuple[date, BalanceKey, int]]:
    """What each day moved on each account, in the order of days."""
    found = []
    for account, sign in ((_L.debit_account, 1), (_L.credit_account, -1)):
        query = select(
            _L.accounting_date, _L.source_code, _L.currency, account.label("account"), func.sum(_L.amount_minor)
        ).group_by(_L.accounting_date, _L.source_code, _L.currency, account)
        found += [(row[0], (row[1], row[2], row[3]), sign * int(row[4])) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one[0])
