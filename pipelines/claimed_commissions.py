"""Claimed statements from the warehouse into the ops store: whole statements that are not there yet, each once.

What a sender states below the smallest unit counts in the sums by period, which are rounded once and therefore are the
sender's own totals; the lines are rounded each for itself.
"""

from __future__ import annotations

from datetime import date, datetime

from ops_app.bootstrap import App
from ops_app.domain.ledger.claimed_commissions import ClaimedRow, ClaimedSum
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.clock import close_of
from ops_app.services.ledger.claimed_commissions import ClaimsTaken, known_statements, take_in_claims
from pipelines.warehouse import Connection, Warehouse

_KEY = "agency_code, statement, currency"


def take_in_claimed(warehouse: Warehouse, app: App, business_date: date, *, now: datetime | None = None) -> ClaimsTaken:
    """Take in every claimed statement that arrived up to ``business_date`` and is not there yet, or has more lines by
    now (which are counted and left). Safe to repeat; a repetition reads nothing but counts."""
    moment = now or close_of(business_date, app.settings.zone)
    there = known_statements(SYSTEM, app.store, now=moment)
    with warehouse.open() as connection:
        _lay_out(connection, business_date)
        try:
            counted = connection.execute(f"select {_KEY}, count(*) from claimed group by all").fetchall()
            fresh = [(a, s, c) for a, s, c, lines in counted if there.get((a, s, c), 0) < lines]
            if not fresh:
                return ClaimsTaken()
            connection.execute(f"create or replace temp table claimed_fresh as select {_KEY} from claimed limit 0")
            connection.executemany("insert into claimed_fresh values (?, ?, ?)", [list(one) for one in fresh])
            rows = [ClaimedRow(*row) for row in connection.execute(_ROWS).fetchall()]
            totals = [ClaimedSum(*row) for row in connection.execute(_SUMS).fetchall()]
        finally:
            for name in ("claimed_fresh", "claimed"):
                connection.execute(f"drop table if exists temp.{name}")
    return take_in_claims(SYSTEM, app.store, now=moment, rows=rows, totals=totals)


def _lay_out(connection: Connection, business_date: date) -> None:
    """``claimed``: of a line that came with several contents the earliest by file date, file and line."""
    connection.execute(
        f"""
        create or replace temp table claimed as
        select * from raw.claimed_commissions where file_date <= date '{business_date.isoformat()}'
        qualify row_number() over (
            partition by {_KEY}, line_id order by file_date, file_id, line_no
        ) = 1
        """
    )


_ROWS = f"""
    select source_code, agency_code, statement, line_id, period, loan_id, payment_id, since_date, until_date,
        collected_minor, commission_minor, currency, file_id, line_no
    from claimed semi join claimed_fresh using ({_KEY}) order by {_KEY}, file_date, file_id, line_no
"""


def _exact(name: str) -> str:
    """The sum of what was stated, in minor units, rounded half up once; where nothing is stated beyond it, the
    amount."""
    stated = f"coalesce(try_cast({name}_stated as decimal(38, 12)) * 100, {name}_minor::decimal(38, 12))"
    return f"round(sum({stated}), 0)::bigint"


_SUMS = f"""
    select agency_code, statement, currency, period, count(*), {_exact("collected")}, {_exact("commission")}
    from claimed semi join claimed_fresh using ({_KEY}) group by all order by all
"""
