"""The console counts a payment for the agency for which the marts count it: one rule, said in two languages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import list_placements
from ops_app.services.casework.following import collected_in, custody_until
from ops_app.services.casework.placing import run_transfer_cases
from ops_app.store.casework.periods import Placement
from ops_app.store.ledger import payments
from ops_app.store.store import Store
from tests.services.casework.casebook import DUE, NOW, SUPERVISOR, WHY, ZONE, an_agency, placed, some_cases, versions
from tests.services.casework.test_monitoring import a_payment

HERE = ZoneInfo(ZONE)
MODEL = Path(__file__).parents[3] / "dbt" / "models" / "staging" / "ops" / "stg_ops__placements.sql"


def of_mart() -> str:
    """The mart's sentence, with the macro of the business day written out for the zone."""
    text = MODEL.read_text(encoding="utf-8")
    (until_at,) = re.findall(r"(least\(coalesce\(ended_at.*\)) as until_at", text)
    (until,) = re.findall(r"cast\(\s*(case\s+when end_reason.*?end) as date\s*\) as until_date", text, re.DOTALL)
    day = f"cast(timezone('{ZONE}', timezone('UTC', until_at)) as date)"
    until = until.replace("{{ business_date('until_at') }}", day)
    return f"select cast({until} as date) from (select *, {until_at} as until_at from given)"


def test_the_last_day_of_a_placement_is_that_of_the_marts() -> None:
    placed_at = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    due = datetime(2026, 12, 23, 16, 0, tzinfo=UTC)  # midnight in Shanghai
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    ends = [None, placed_at, placed_at + 15 * hour - second, placed_at + 15 * hour, due - second, due, due + 48 * hour]
    blank = Placement(**dict.fromkeys(Placement.__dataclass_fields__) | {"placed_at": placed_at})
    tried = set()
    for end, reason, due_at in product(ends, ("closed", "recalled", "lapsed", "transferred"), (due, placed_at)):
        it = replace(blank, due_at=due_at, ended_at=end, end_reason=reason if end else None)
        given = [one and one.replace(tzinfo=None) for one in (it.placed_at, it.due_at, it.ended_at)]
        with duckdb.connect() as connection:
            connection.execute("create table given (placed_at timestamp, due_at timestamp, ended_at timestamp, "
                               "end_reason varchar)")  # fmt: skip
            connection.execute("insert into given values (?, ?, ?, ?)", [*given, it.end_reason])
            (said,) = connection.execute(of_mart()).fetchone() or (None,)
        assert custody_until(it, HERE) == said, it
        tried.add(said)
    assert len(tried) > 3


def test_a_payment_on_the_day_of_a_transfer_is_the_new_agencys_alone(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    placed(store, "AG01", one)
    an_agency(store, "AG02", day=NOW.date())
    then = NOW + timedelta(days=3)
    arguments = {"cases": versions(store, one), "agency_code": "AG02", "due_at": DUE.isoformat(), "reason": WHY,
                 "zone": ZONE}  # fmt: skip
    with store.writing(SUPERVISOR, then) as transaction:
        run_transfer_cases(transaction, arguments)
    day = then.astimezone(HERE).date()
    paid = [a_payment(n, day + timedelta(days=n - 1), 10**n) for n in range(3)]
    with store.writing(SYSTEM, then) as transaction:
        payments.add_many(transaction.connection, [(it, "h" * 64) for it in paid], then)
        transaction.audit("payments.recorded", "payments", "SIM")
    later = then + timedelta(days=2)
    within = {}
    for ended in (True, False):
        rows = list_placements(SUPERVISOR, store, now=later, ended=ended).rows
        found = collected_in(SUPERVISOR, store, now=later, zone=HERE, placed=rows)
        within |= {it.agency_code: found[it.placement_id].within_minor for it, _ in rows}
    assert within == {"AG01": 1, "AG02": 110}
