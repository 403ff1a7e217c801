"""LendingClub, real rows: the figures of the ground truth, and a feed whose ids are lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest

from ops_app.config import Settings
from pipelines.ingest import FileOutcome, ingest_file
from pipelines.readers.limited import reader
from pipelines.warehouse import Warehouse
from tests.pipelines.reading import read_by_template

AUGUST, NOVEMBER = date(2017, 8, 1), date(2017, 11, 1)
BY_YEAR = {  # issue year → loans, charged off, recoveries and collection fee as the ground truth rounds them
    2007: (603, 158, "93369.64", "19955.93"),
    2008: (2393, 496, "229949.44", "54051.60"),
    2009: (5281, 723, "455767.38", "111138.27"),
    2010: (12537, 1757, "1032068.22", "175183.69"),
    2011: (21721, 3297, "2520366.21", "242626.19"),
}


@pytest.fixture(scope="module")
def august(real_data: Path) -> Path:
    return real_data / "lc_2007_2011" / "lc_2007_2011_asof_2017-08.parquet"


@pytest.fixture(scope="module")
def november(real_data: Path) -> Path:
    return real_data / "lc_2007_2011" / "lc_2007_2011_asof_2017-11.parquet"


def exact_cents(path: Path, column: str) -> list[tuple[str, int, Decimal]]:
    """(id, issue year, exact amount) as the file holds it, read without the house's own code."""
    rows = duckdb.sql(f"select id, year(issue_d), cast({column} as varchar) from '{path}'").fetchall()
    return [(loan, year, Decimal(text)) for loan, year, text in rows]


def cents(amount: Decimal) -> int:
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def part_of(path: Path, folder: Path) -> Path:
    """The loans with recoveries and those of one month, among them the two that cannot be told apart."""
    target = folder / path.name
    duckdb.sql(
        f"copy (from '{path}' where recoveries > 0 or issue_d = date '2011-09-01') to '{target}' (format parquet)"
    )
    return target


def test_every_loan_is_there_with_its_state_and_its_year(august: Path) -> None:
    loans = read_by_template(august, "lending_club", "loans", file_date=AUGUST)
    assert (loans.result.rows_in, loans.result.accepted) == (42_535, 42_535)
    assert loans.one("select count(*), count(distinct loan_id) from accepted where status = 'written_off'")[0] == 6_431
    found = loans.sql(
        "select year(originated_date), count(*), count(*) filter (status = 'written_off') from accepted group by 1"
    )
    assert {year: counts for year, *counts in found} == {year: list(row[:2]) for year, row in BY_YEAR.items()}


def test_running_totals_add_up_to_the_ground_truth(august: Path) -> None:
    totals = read_by_template(august, "lending_club", "loan_totals", file_date=AUGUST)
    assert totals.one("select count(*), sum(recoveries_minor) from accepted") == (42_535, 433_152_089)
    paid = "paid_principal_minor + paid_interest_minor + paid_late_fees_minor + recoveries_minor"
    assert abs(totals.one(f"select sum({paid}) from accepted")[0] - 51_122_852_450) <= 42_535


@pytest.mark.parametrize(
    ("column", "source", "truth"),
    [
        ("recoveries_minor", "recoveries", "4331520.89"),
        ("collection_fee_minor", "collection_recovery_fee", "602955.68"),
        ("paid_late_fees_minor", "total_rec_late_fee", "64520.90"),
    ],
)
def test_amounts_below_a_cent_are_rounded_row_by_row_and_say_so(
    column: str, source: str, truth: str, august: Path
) -> None:
    """The lender splits amounts below the cent. Each loan is rounded half up, and the difference to the exact total is
    exactly what the rounded rows, marked as imputed, have gained."""
    totals = read_by_template(august, "lending_club", "loan_totals", file_date=AUGUST)
    loaded = dict(totals.sql(f"select loan_id, {column} from accepted"))
    exact = {loan: amount for loan, _, amount in exact_cents(august, source)}
    assert loaded == {loan: cents(amount) for loan, amount in exact.items()}
    assert cents(sum(exact.values(), Decimal(0))) == cents(Decimal(truth))
    marked = {loan for (loan,) in totals.sql(f"select loan_id from accepted where imputed_columns like '%{column}%'")}
    gained = sum((Decimal(loaded[loan]) - exact[loan] * 100 for loan in marked), Decimal(0))
    assert cents((Decimal(sum(loaded.values())) - gained) / 100) == cents(Decimal(truth))
    assert all(exact[loan] * 100 != loaded[loan] for loan in marked)


def test_recoveries_and_fees_stand_by_issue_year(august: Path) -> None:
    totals = {
        loan: (recovered, fee)
        for loan, recovered, fee in read_by_template(august, "lending_club", "loan_totals", file_date=AUGUST).sql(
            "select loan_id, recoveries_minor, collection_fee_minor from accepted"
        )
    }
    years = dict(
        read_by_template(august, "lending_club", "loans", file_date=AUGUST).sql(
            "select loan_id, year(originated_date) from accepted"
        )
    )
    for year, (_, _, recovered, fee) in BY_YEAR.items():
        mine = [totals[loan] for loan, issued in years.items() if issued == year]
        assert abs(sum(row[0] for row in mine) - cents(Decimal(recovered))) <= 1, year
        assert abs(sum(row[1] for row in mine) - cents(Decimal(fee))) <= 7, year
    assert _fees_by_year(august) == {year: row[3] for year, row in BY_YEAR.items()}


def _fees_by_year(path: Path) -> dict[int, str]:
    sums: dict[int, Decimal] = {}
    for _, year, amount in exact_cents(path, "collection_recovery_fee"):
        sums[year] = sums.get(year, Decimal(0)) + amount
    return {year: str(total.quantize(Decimal("0.01"))) for year, total in sums.items()}


def test_the_other_feeds_of_the_same_file(august: Path) -> None:
    origins = read_by_template(august, "lending_club", "originations", file_date=AUGUST)
    assert origins.result.accepted == 42_535
    assert dict(origins.sql("select term_months, count(*) from accepted group by 1")) == {36: 31_534, 60: 11_001}
    assert origins.one("select count(*) from accepted where grade = 'B'") == (12_389,)
    customers = read_by_template(august, "lending_club", "customers", file_date=AUGUST)
    assert customers.one("select count(distinct customer_id) from accepted") == (42_535,)


def test_a_feed_without_ids_never_becomes_one_loan(november: Path) -> None:
    loans = read_by_template(november, "lending_club_2017_11", "loans", file_date=NOVEMBER)
    assert (loans.result.rows_in, loans.result.accepted) == (42_535, 42_533)
    assert loans.reasons() == {"ambiguous_key": 2}
    assert loans.one("select count(distinct loan_id), count(*) filter (loan_id = '') from accepted") == (42_533, 0)
    totals = read_by_template(november, "lending_club_2017_11", "loan_totals", file_date=NOVEMBER)
    assert totals.one("select sum(recoveries_minor) from accepted") == (434_198_755,)
    assert totals.reasons() == {"ambiguous_key": 2}
    # the two refused rows have recovered nothing, so that accepted and refused together are the whole
    refused = totals.sql("select raw_json->>'recoveries', raw_json->>'collection_recovery_fee' from rejects")
    assert [tuple(map(float, row)) for row in refused] == [(0.0, 0.0)] * 2


def test_without_a_natural_key_the_feed_is_refused_because_its_ids_are_blank(november: Path, tmp_path: Path) -> None:
    loans = read_by_template(part_of(november, tmp_path), "lending_club", "loans", file_date=NOVEMBER)
    assert loans.result.refused == "refused_share"
    assert loans.result.accepted == 0
    assert loans.one("select count(*) from rejects where rule = 'loan_id_missing'") == (loans.result.rows_in,)


def test_settlements_become_promises(november: Path) -> None:
    promises = read_by_template(november, "lending_club_2017_11", "promises", file_date=NOVEMBER)
    assert dict(promises.sql("select status, count(*) from accepted group by 1")) == {
        "kept": 137,
        "broken": 15,
        "open": 3,
    }
    assert promises.reasons() == {"not_of_this_feed": 42_380}


def ingest_in_order(home: Path, steps: Sequence[tuple[Path, str, str, date]]) -> tuple[Warehouse, list[FileOutcome]]:
    settings = Settings.load(home=home)
    settings.make_folders()
    warehouse = Warehouse(settings.warehouse_path)
    with reader() as running:
        outcomes = [
            ingest_file(warehouse, settings, path, template, feed, file_date=day, running=running)
            for path, template, feed, day in steps
        ]
    assert all(one.rows_in == one.rows_accepted + one.rows_quarantined for one in outcomes)
    return warehouse, outcomes


def test_the_feed_without_ids_finds_its_loans_in_whichever_order_files_come(
    august: Path, november: Path, tmp_path: Path
) -> None:
    early, late = part_of(august, tmp_path), part_of(november, tmp_path)
    rows = duckdb.sql(f"select count(*) from '{early}'").fetchall()[0][0]
    steps = [
        (early, "lending_club", "loan_keys", AUGUST),
        (early, "lending_club", "loan_totals", AUGUST),
        (late, "lending_club_2017_11", "loan_totals", NOVEMBER),
    ]
    ends = []
    for name, order in (("first", steps), ("last", steps[::-1])):
        warehouse, _ = ingest_in_order(tmp_path / name, order)
        totals = warehouse.query("from raw.loan_totals order by all")
        payments = warehouse.query("from raw.repayments order by all")
        assert warehouse.query("select count(*) from raw.loan_totals where loan_id like 'nk_%'") == [(0,)]
        # recovered between the two reports: 10,466.66, each once
        assert warehouse.query(
            "select count(*), sum(amount_minor) from raw.repayments"
            " where value_date = date '2017-11-01' and reference = 'recovery'"
        ) == [(19, 1_046_666)]
        ends.append((totals, payments))
    assert ends[0] == ends[1]
    assert len(ends[0][0]) == rows + rows - 2


def test_all_but_two_loans_are_found_again_by_their_values(august: Path, november: Path) -> None:
    keys = read_by_template(august, "lending_club", "loan_keys", file_date=AUGUST)
    named = dict(keys.sql("select natural_key, loan_id from accepted"))
    later = read_by_template(november, "lending_club_2017_11", "loan_totals", file_date=NOVEMBER)
    found = {named[key] for (key,) in later.sql("select loan_id from accepted")}
    assert len(named) == len(found) == 42_533


def test_the_same_file_again_changes_nothing(august: Path, tmp_path: Path) -> None:
    part = part_of(august, tmp_path)
    step = (part, "lending_club", "loan_totals", AUGUST)
    warehouse, outcomes = ingest_in_order(tmp_path, [step, step])
    assert [one.state for one in outcomes] == ["accepted", "repeated"]
    assert warehouse.query("select count(*) from raw.loan_totals") == [(outcomes[0].rows_in,)]


def test_every_refused_row_says_where_it_stands_and_why(november: Path) -> None:
    loans = read_by_template(november, "lending_club_2017_11", "loans", file_date=NOVEMBER)
    reasons = loans.sql("select line_no, reason_en, reason_zh from rejects order by line_no")
    twins = duckdb.sql(
        f"select file_row_number + 1 from read_parquet('{november}', file_row_number = true) where loan_amnt = 12000"
        " and issue_d = date '2011-09-01' and zip_code = '926xx' and annual_inc = 80000 and total_rec_int = 1263.95"
    ).fetchall()
    assert [(line,) for line, _, _ in reasons] == sorted(twins)
    assert all("told apart" in en and "无法区分" in zh for _, en, zh in reasons)
