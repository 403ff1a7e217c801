"""A publisher in a process of its own, to be killed: publishes again and again, with other content each time."""

from __future__ import annotations

import itertools
import resource
import signal
import sys
from datetime import date
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from ops_app.config import Settings
from pipelines.publish import publish_snapshots
from pipelines.warehouse import Connection, Warehouse

DAY = date(2026, 3, 10)
ROWS = 30_000


def make_marts(connection: Connection, version: int) -> None:
    """Marts of the least shape that audiences need; every row of a version carries its number."""
    connection.execute("create schema if not exists marts")
    connection.execute(
        "create or replace table marts.dim_agencies as select 'AG01' as agency_code union all select 'AG02'"
    )
    connection.execute(
        "create or replace table marts.dim_cases as select 'case' || i as case_id, 'cust' || i as customer_key,"
        " null::date as closed_date, null::varchar as close_reason, null::date as reached_30_date,"
        " null::decimal(18, 2) as reached_30_balance, null::date as reached_90_date,"
        " null::decimal(18, 2) as reached_90_balance, null::date as written_off_date,"
        " null::decimal(18, 2) as written_off_balance from range(100) t(i)"
    )
    connection.execute(
        f"create or replace table marts.fct_case_days as select 'case' || (i % 100) as case_id, date '2026-03-01' +"
        f" (i % 9)::integer as business_date, case i % 3 when 0 then 'AG01' when 1 then 'AG02' end as agency_code,"
        f" {version} as version, (i * 7 % 1000)::decimal(18, 2) as balance from range({ROWS}) t(i)"
    )


def publish_on(home: str, start: int, at_work: Pipe) -> None:
    """Publish versions from ``start`` on until killed; says so through ``at_work`` after each publication."""
    settings = Settings.load(home=Path(home), keep_snapshots=3)
    settings.make_folders()
    warehouse = Warehouse(settings.warehouse_path)
    with warehouse.open() as connection:
        for version in itertools.count(start):
            make_marts(connection, version)
            publish_snapshots(warehouse, settings, DAY)
            at_work.send(version)


def main(home: str, limit: str) -> None:
    """Publish once on a disk where no file may grow beyond ``limit`` bytes."""
    settings = Settings.load(home=Path(home))
    warehouse = Warehouse(settings.warehouse_path)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with warehouse.open() as connection:
        make_marts(connection, -1)
        connection.execute("checkpoint")
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        publish_snapshots(warehouse, settings, DAY)


if __name__ == "__main__":
    main(*sys.argv[1:])
