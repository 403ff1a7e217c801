"""Schedules of loans in collection: what the lender's feed of instalments says, into the ops store after intake.

A run reads the latest row of each instalment of loans in open cases, of those loans of which a later day is there than
the ops store knows; the same day again writes nothing.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from ops_app.bootstrap import App
from ops_app.domain.ledger.instalments import Instalment
from ops_app.domain.organisation.people import SYSTEM
from ops_app.engines.instalments import MEASURED
from ops_app.gateways.clock import close_of
from ops_app.services.ledger.schedules import InstalmentRow, known_schedules, take_in_schedules
from pipelines.warehouse import Connection, Warehouse

_LAID_OUT = ("wanted_loans", "known_schedules")
_LATEST = """
    with row as (
        select i.* from raw.instalments as i semi join wanted_loans using (source_code, loan_id)
        where i.file_date <= date '{until}' and i.as_of_date <= date '{until}'
    ),
    later as (
        select r.source_code, r.loan_id from row as r
        left join known_schedules as k using (source_code, loan_id)
        group by all having max(r.as_of_date) > coalesce(any_value(k.known_date), date '0001-01-01')
    ),
    latest as (
        select r.* from row as r semi join later using (source_code, loan_id)
        qualify row_number() over (
            partition by r.source_code, r.loan_id, r.instalment_no
            order by r.as_of_date desc, r.file_date desc, r.file_id desc, r.line_no desc
        ) = 1
    )
"""


def take_in_instalments(warehouse: Warehouse, app: App, business_date: date, *, now: datetime | None = None) -> int:
    """Take in what the feed said of schedules up to ``business_date``; how many instalments were entered."""
    moment = now or close_of(business_date, app.settings.zone)
    known = known_schedules(SYSTEM, app.store, now=moment)
    with warehouse.open() as connection:
        try:
            rows = _rows(connection, known.loans, known.days, business_date)
        finally:
            for name in _LAID_OUT:
                connection.execute(f"drop table if exists temp.{name}")
    return take_in_schedules(SYSTEM, app.store, now=moment, business_date=business_date, rows=rows)


def _rows(connection: Connection, loans: Any, days: Any, business_date: date) -> list[InstalmentRow]:
    loan = {"source_code": pl.String, "loan_id": pl.String}
    for name, given, schema in (
        ("wanted_loans", loans, loan),
        ("known_schedules", days, loan | {"known_date": pl.Date}),
    ):
        connection.register("laid_out", pl.DataFrame(list(given), schema=schema, orient="row").to_arrow())
        connection.execute(f"create or replace temp table {name} as select * from laid_out")
        connection.unregister("laid_out")
    latest = _LATEST.format(until=business_date.isoformat())
    found = connection.execute(f"{latest} {MEASURED.format(stated='latest')}").fetchall()
    return [
        InstalmentRow(source, one, currency, Instalment(number, due_date, due, paid, as_of))
        for source, one, number, due_date, currency, due, paid, as_of in found
    ]
