"""How long the figures of the main page take on daily marts of a million loans; measured, never asserted."""

from __future__ import annotations

import json
import statistics
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dashboards.definitions import metrics
from dashboards.filters import Filters
from dashboards.periods import period_of
from dashboards.published import Published, latest
from dashboards.queries import figure, published_days
from dashboards.views.overview import GROUPS
from tests.dashboards.snapshot import Made, make_snapshot, point_at

FIGURES = (
    "balance", "cases", "net_cash", "recovery_rate", "flow_rate_m1_m2", "roll_rate_m1_m2", "connect_rate",
    "rpc_per_attempt", "promise_rate", "refused_share",
)  # fmt: skip
"""The ten of the main page that every installation has."""

_LARGE = """
create or replace table rpt_portfolio_daily as
select cast(day as date) as business_date, source_code, product_code, region_code, bucket, 'CNY' as currency,
    cast(hash(day, region_code) % 400 as bigint) as cases,
    cast(hash(day, region_code, bucket) % 100000000 as decimal(18, 2)) as balance,
    cast(hash(day, bucket, product_code) % 1000000 as decimal(18, 2)) as net_cash,
    cast(0 as bigint) as cases_opened, cast(0 as bigint) as cases_closed
from range(date '2025-11-24', date '2026-11-24', interval 1 day) as d (day),
    (values ('HYB'), ('XJC')) as s (source_code), (values ('CARD'), ('CASH'), ('AUTO'), ('SHOP')) as p (product_code),
    (select 'R' || i as region_code from range(31) as r (i)),
    (values ('M1'), ('M2'), ('M3'), ('M4'), ('M5'), ('M6'), ('M7')) as b (bucket)
order by business_date;
create or replace table dim_cases as
select 'case-' || i as case_id, 'HYB' as source_code, 'L' || i as loan_id, 'CARD' as product_code, 'R1' as region_code,
    'CNY' as currency, date '2025-11-24' + cast(i * 365 // 1000000 as integer) as opened_date,
    cast(null as date) as closed_date, cast(null as varchar) as close_reason, 'M1' as opened_bucket,
    cast(i % 90000 as decimal(18, 2)) as opened_balance, cast(null as date) as written_off_date
from range(1000000) as r (i);
create or replace table rpt_contact_funnel as
select cast(day as date) as business_date, source_code, channel, bucket, agency_code, cast(90 as bigint) as cases_held,
    cast(60 as bigint) as cases_attempted, cast(hash(day, agency_code) % 200 as bigint) as attempts,
    cast(hash(day, agency_code) % 80 as bigint) as connected,
    cast(hash(day, agency_code) % 40 as bigint) as right_party,
    cast(hash(day, agency_code) % 20 as bigint) as promises, cast(9 as bigint) as promises_kept,
    cast(0 as decimal(18, 2)) as net_cash
from range(date '2025-11-24', date '2026-11-24', interval 1 day) as d (day),
    (values ('HYB'), ('XJC')) as s (source_code), (values ('human'), ('robot'), ('none')) as c (channel),
    (values ('M1'), ('M2'), ('M3'), ('M4'), ('M5'), ('M6'), ('M7')) as b (bucket),
    (select 'AG' || i as agency_code from range(30) as a (i))
order by business_date;
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Daily marts as a million loans make them: a row a day, source, product, region and bucket over a year."""
    folder: Path = tmp_path_factory.mktemp("large")
    path = make_snapshot(folder, Made(cases=50, days=90))
    with duckdb.connect(str(path)) as connection:
        connection.execute(_LARGE)
    point_at(folder, path)
    return latest(folder)


@pytest.mark.bench
def test_the_ten_figures_of_the_main_page(large: Published, capsys: pytest.CaptureFixture[str]) -> None:
    days = published_days(large)
    filters = Filters(period_of("month", days, date(2026, 11, 23)), "CNY", ("CNY",))
    assert set(FIGURES) <= {code for codes in GROUPS.values() for code in codes}
    took = []
    for _ in range(7):
        large._answers.clear()
        published_days(large)
        began = time.perf_counter()
        for code in FIGURES:
            assert figure(large, metrics()[code], filters).why_empty in {"", "no_rows"}, code
        took.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    for code in FIGURES:
        figure(large, metrics()[code], filters)
    kept = (time.perf_counter() - began) * 1000
    rows = large.row("select count(*) as n from rpt_portfolio_daily")["n"]
    said = {
        "name": "dashboard_figures",
        "rows": rows,
        "ten_ms_min": round(min(took), 1),
        "ten_ms_median": round(statistics.median(took), 1),
        "again_ms": round(kept, 2),
    }
    with capsys.disabled():
        print(json.dumps(said))
