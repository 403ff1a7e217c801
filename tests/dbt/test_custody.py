"""Custody of case-days from the ops store: from the day it first knows the loan on, and by the close of each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops_app.config import Settings
from pipelines.build import build, target_path
from pipelines.marts_hash import mart_hashes
from pipelines.warehouse import Connection, Warehouse
from tests.dbt import book

DAYS = book.days()
LAST = DAYS[29]
FIRST = LAST - timedelta(days=9)
CHECK = "a_case_day_is_its_agencys_while_the_placement_runs"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A small book of thirty days, built before anything was placed in the ops store."""
    made = Settings.load(home=tmp_path_factory.mktemp("custody"))
    made.make_folders()
    with Warehouse(made.warehouse_path).open() as connection:
        book.write_book(connection, loans=80)
        book.deliver(connection, DAYS[:30])
    build(made.warehouse_path, made, LAST)
    yield made


def chosen(settings: Settings, told: bool) -> tuple[str, str]:
    """Case and loan that were in collection all the ten days, with a placement told by the feed or without."""
    feed = "select loan_id from staging.stg_feeds__placements"
    sql = f"""
        select case_id, loan_id from marts.fct_case_days
        where business_date between date '{FIRST}' and date '{LAST}' and loan_id {"" if told else "not"} in ({feed})
        group by all having count(*) = 10 and (not {told} or count(agency_code) = 10) order by all limit 1
    """
    ((case_id, loan_id),) = Warehouse(settings.warehouse_path).query(sql)
    return case_id, loan_id


def place(
    connection: Connection, one: tuple[str, str], nth: int, agency: str, begun: str, due: date, ended: str | None
) -> None:
    """A placement by moments of the house's clock, as a run copies it."""
    utc = "cast(? as timestamp) - interval 8 hour"
    connection.execute(
        "insert into ops.placements by name select ? as placement_id, ? as case_id, ? as nth, ? as agency_code,"
        f" {utc} as placed_at, {utc} as due_at, {utc} as ended_at, 'SIM' as source_code, ? as loan_id,"
        " 12345 as placed_balance_minor, 'CNY' as currency, if(? is null, null, 'recalled') as end_reason",
        [f"{one[0]}/{nth}", one[0], nth, agency, begun, due, ended, one[1], ended],
    )


def held(settings: Settings, case_id: str) -> list[str | None]:
    """The agency of each of the ten days."""
    sql = "select agency_code from marts.fct_case_days where case_id = ? and business_date >= ? order by business_date"
    return [code for (code,) in Warehouse(settings.warehouse_path).query(sql, [case_id, FIRST])]


def check(settings: Settings) -> list[tuple[Any, ...]]:
    """What the test of the marts finds, as the last build compiled it."""
    (compiled,) = Path(target_path(settings)).glob(f"compiled/**/{CHECK}.sql")
    return Warehouse(settings.warehouse_path).query(compiled.read_text(encoding="utf-8"))


def test_the_ops_store_says_who_has_a_loan_from_its_first_placement_on_and_the_feed_before(settings: Settings) -> None:
    new, told = chosen(settings, told=False), chosen(settings, told=True)
    (feeds,) = set(held(settings, told[0]))
    other = "AG02" if feeds == "AG01" else "AG01"
    due = LAST + timedelta(days=30)
    day = [FIRST + timedelta(days=n) for n in range(10)]
    with Warehouse(settings.warehouse_path).open() as connection:
        # recalled on the fourth day and placed with another on the same; that one was due on the ninth and nobody ended it
        place(connection, new, 1, "AG01", f"{day[1]} 00:00:00", due, f"{day[3]} 23:59:59")
        place(connection, new, 2, "AG02", f"{day[3]} 23:59:59", day[8], None)
        place(connection, told, 1, other, f"{day[4]} 23:00:00", due, f"{day[6]} 00:00:00")
        connection.execute("insert into raw.touched values ('ops.placements', ?)", [day[1]])
    made = {node.name for node in build(settings.warehouse_path, settings, LAST).nodes}
    assert {"fct_placements", "fct_case_days", CHECK} <= made
    assert not {"dim_collectors", "fct_assignments"} & made
    assert held(settings, new[0]) == [None, "AG01", "AG01", *["AG02"] * 5, None, None]
    assert held(settings, told[0]) == [*[feeds] * 4, other, other, *[None] * 4]
    found = mart_hashes(settings.warehouse_path)
    build(settings.warehouse_path, settings, LAST, full_refresh=True)
    assert mart_hashes(settings.warehouse_path) == found
    assert check(settings) == []
    with Warehouse(settings.warehouse_path).open() as connection:
        wrong = "update marts.fct_case_days set agency_code = 'AG01' where case_id = ? and business_date = ?"
        connection.execute(wrong, [new[0], day[5]])
    assert [(row[0], row[1], row[3]) for row in check(settings)] == [(new[0], day[5], "AG02")]
