"""Sums over the lines of the journal: what every account came to, along the indexes by account and accounting date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.engine import Connection

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component, claims
from ops_app.store.ledger import closing
from ops_app.store.ledger.closing import BalanceKey
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_positions
from ops_app.store.tables.parameters import closed_periods

_L, _E, _P = journal_lines.c, journal_entries.c, ledger_positions.c
SIDES = ((_L.debit_account, 1), (_L.credit_account, -1))
"""Column of the account of a leg → its sign: balances are debits less credits."""


@dataclass(frozen=True)
class Turnover:
    """An account of a source in a currency: what it came to before the first day, and what moved from then on (whole
    minor units; balances are debits less credits). ``of_cases_minor`` is the part of the closing balance that lines
    with a case make."""

    opening_minor: int = 0
    debit_minor: int = 0
    credit_minor: int = 0
    of_cases_minor: int = 0

    @property
    def closing_minor(self) -> int:
        """What it came to after the last day."""
        return self.opening_minor + self.debit_minor - self.credit_minor


def turnovers(
    connection: Connection, codes: Collection[str], first: date, last: date, *, known_at: datetime | None = None,
) -> dict[BalanceKey, Turnover]:  # fmt: skip
    """What each of the accounts ``codes`` did from ``first`` to ``last``, as it was known at a moment (``None``: as it
    is known now). Balances of the last period that was closed by then are taken as they were kept, so that only lines
    since are read. ``of_cases_minor`` then speaks of lines since alone, with what was kept put to it."""
    kept, since = _kept(connection, first, known_at)
    found = {key: Turnover(opening_minor=amount, of_cases_minor=amount) for key, amount in kept.items()}
    for row in connection.execute(_turnover_query(codes, since, first, last, known_at)):
        key = (row.source_code, row.currency, row.account)
        before = kept.get(key, 0)
        found[key] = Turnover(
            before + int(row.opening), int(row.debits), int(row.credits), before + int(row.of_cases)
        )  # fmt: skip
    return found


def _kept(connection: Connection, first: date, known_at: datetime | None) -> tuple[dict[BalanceKey, int], date]:
    """The balances of the last closed period before ``first``, and the day from which lines are read."""
    c = closed_periods.c
    query = select(c.period_id, c.end_date).where(c.area == "ledger", c.end_date <= first)
    if known_at is not None:
        query = query.where(c.closed_at <= known_at)
    row = connection.execute(query.order_by(c.end_date.desc()).limit(1)).first()
    if row is None:
        return {}, date.min
    return closing.balances(connection, [row.period_id]), row.end_date


def _turnover_query(
    codes: Collection[str], since: date, first: date, last: date, known_at: datetime | None
) -> Select[Any]:
    legs = []
    for account, sign in SIDES:
        leg = select(
            _L.source_code, _L.currency, account.label("account"), _L.accounting_date, _L.case_id, _L.amount_minor,
            literal(sign).label("sign"),
        ).where(account.in_(sorted(codes)), _L.accounting_date >= since, _L.accounting_date <= last)  # fmt: skip
        if known_at is not None:
            leg = leg.join(journal_entries, _E.entry_id == _L.entry_id).where(_E.posted_at <= known_at)
        legs.append(leg)
    leg_of = union_all(*legs).subquery().c
    within = leg_of.accounting_date >= first

    def total(when: ColumnElement[bool], amount: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((when, amount), else_=0)), 0)

    signed = leg_of.sign * leg_of.amount_minor
    return select(
        leg_of.source_code, leg_of.currency, leg_of.account,
        total(~within, signed).label("opening"),
        total(and_(within, leg_of.sign == 1), leg_of.amount_minor).label("debits"),
        total(and_(within, leg_of.sign == -1), leg_of.amount_minor).label("credits"),
        total(leg_of.case_id.is_not(None), signed).label("of_cases"),
    ).group_by(leg_of.source_code, leg_of.currency, leg_of.account)  # fmt: skip


def last_day(connection: Connection) -> date | None:
    """The latest accounting date that anything is posted on."""
    return connection.execute(select(func.max(_E.accounting_date))).scalar()


def first_day(connection: Connection) -> date | None:
    """The earliest accounting date that anything is posted on."""
    return connection.execute(select(func.min(_E.accounting_date))).scalar()


def sub_ledgers(connection: Connection) -> dict[BalanceKey, int]:
    """What the positions of all cases add up to, as the balance of the account that controls them."""
    columns: Mapping[str, ColumnElement[Any]] = {
        **{claims(one): func.sum(_P[f"{one.value}_minor"]) for one in Component},
        accounts.WRITTEN_OFF_CLAIMS: func.sum(sum((_P[f"written_off_{one.value}_minor"] for one in Component),
                                                  start=literal(0))),
        accounts.SUSPENSE_CASE: -func.sum(_P.held_minor),
    }  # fmt: skip
    query = select(_P.source_code, _P.currency, *(one.label(code) for code, one in columns.items()))
    return {
        (row.source_code, row.currency, code): int(getattr(row, code))
        for row in connection.execute(query.group_by(_P.source_code, _P.currency))
        for code in columns
    }


def unlike_lines(connection: Connection, first: date, end: date) -> list[tuple[str, str]]:
    """Source and currency of those whose entries from ``first`` until ``end`` do not come to what their lines do."""
    e = (
        select(_E.source_code, _E.currency, func.sum(_E.total_minor).label("total"))
        .where(_E.accounting_date >= first, _E.accounting_date < end)
        .group_by(_E.source_code, _E.currency)
        .subquery()
    )
    lines = (
        select(_L.source_code, _L.currency, func.sum(_L.amount_minor).label("total"))
        .join(journal_entries, _E.entry_id == _L.entry_id)
        .where(_L.accounting_date >= first, _L.accounting_date < end, _E.accounting_date == _L.accounting_date)
        .group_by(_L.source_code, _L.currency)
        .subquery()
    )
    same = and_(e.c.source_code == lines.c.source_code, e.c.currency == lines.c.currency)
    query = select(
        func.coalesce(e.c.source_code, lines.c.source_code), func.coalesce(e.c.currency, lines.c.currency)
    ).select_from(e.outerjoin(lines, same, full=True))
    differs = or_(e.c.total != lines.c.total, e.c.total.is_(None), lines.c.total.is_(None))
    return [(row[0], row[1]) for row in connection.execute(query.where(differs))]
