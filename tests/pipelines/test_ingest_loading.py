"""What the warehouse holds does not depend on the order, the repetition or the interruption of deliveries."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ops_app.services.organisation.quarantine import SUPERSEDED
from pipelines.corrections import NOT_REPLAYABLE, RELEASED, replay_corrections
from pipelines.readers.limited import Reader
from tests.pipelines.feeding import HEADER, Home, make_home, payment, repayments


def customers(*lines: str) -> bytes:
    return ("\n".join(["customer_id,name,region_code", *lines]) + "\n").encode()


def totals(day: str, *lines: str) -> bytes:
    header = "as_of_date,loan_id,currency,paid_principal,paid_interest,recoveries"
    return ("\n".join([header, *(f"{day},{line}" for line in lines)]) + "\n").encode()


DELIVERIES = {
    "repayments_2026-03-05.csv": repayments([payment(1), payment(2), payment(3, kind="gift")]),
    "repayments_2026-03-05_b.csv": repayments([payment(10), payment(11), payment(1)]),
    "repayments_2026-03-06.csv": repayments([payment(2), payment(1, "13.00"), payment(4), payment(4)]),
    "repayments_2026-03-07.csv": repayments([payment(1), payment(4), payment(5), HEADER]),
    "customers_2026-03-05.csv": customers("C1,甲,R1", "C2,乙,R1"),
    "customers_2026-03-06.csv": customers("C1,甲,R2", "C2,乙,R1"),
    "customers_2026-03-07.csv": customers("C1,甲,R1", "C2,乙,R1"),
    "loan_totals_2026-01-31.csv": totals("2026-01-31", "L1,CNY,100.00,5.00,", "L2,CNY,10,,"),
    "loan_totals_2026-02-28.csv": totals("2026-02-28", "L1,CNY,250.00,5.00,", "L2,CNY,10,,7.5"),
    "loan_totals_2026-03-31.csv": totals("2026-03-31", "L1,CNY,200.00,9.00,", "L2,CNY,10,,7.5"),
    "loan_totals_2026-03-31_b.csv": totals("2026-03-31", "L1,CNY,260.00,9.00,"),
}


def test_any_order_and_repetition_of_files_ends_in_equal_tables(tmp_path: Path, running: Reader) -> None:
    states = []
    for seed in range(3):
        home = make_home(tmp_path / str(seed))
        names = list(DELIVERIES)
        if seed:
            random.Random(seed).shuffle(names)
        for name in names + (names[:3] if seed % 2 else []):
            home.ingest(home.put(name, DELIVERIES[name]), running)
        states.append(home.state())
    for other in states[1:]:
        assert other == states[0]
    assert len(states[0]["raw.repayments"]) == 7 + 7


def test_one_inbound_run_equals_file_by_file(tmp_path: Path, running: Reader) -> None:
    together, alone = make_home(tmp_path / "together"), make_home(tmp_path / "alone")
    for name, content in DELIVERIES.items():
        together.put(name, content)
        alone.ingest(alone.put(name, content), running)
    outcomes = together.inbound(date(2026, 3, 31))
    assert len(outcomes) == len(DELIVERIES)
    assert together.inbound(date(2026, 3, 31)) == []
    assert together.state() == alone.state()


def test_files_after_the_business_date_wait(home: Home) -> None:
    for name, content in DELIVERIES.items():
        home.put(name, content)
    first = home.inbound(date(2026, 3, 5))
    assert {outcome.file_date for outcome in first} == {date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 5)}
    assert {outcome.file_date for outcome in home.inbound(date(2026, 3, 6))} == {date(2026, 3, 6)}


def test_the_same_file_twice_is_a_no_op_whatever_its_name(home: Home, running: Reader) -> None:
    content = repayments([payment(1), payment(2)])
    first = home.ingest(home.put("repayments_2026-03-05.csv", content), running)
    before = home.state()
    again = home.ingest(home.put("repayments_2026-03-09_resent.csv", content), running)
    assert (first.state, again.state) == ("accepted", "repeated")
    assert (again.rows_in, again.rows_accepted) == (2, 2)
    assert home.state() == before
    assert home.rows("select delivered from raw.files") == [(2,)]


def test_rows_seen_before_are_counted_as_repeated_and_stored_once(home: Home, running: Reader) -> None:
    home.ingest(home.put("repayments_2026-03-05.csv", repayments([payment(1), payment(2)])), running)
    later = home.ingest(home.put("repayments_2026-03-06.csv", repayments([payment(2), payment(3)])), running)
    assert (later.rows_accepted, later.rows_repeated) == (2, 1)
    assert home.rows("select payment_id from raw.repayments order by 1") == [("P1",), ("P2",), ("P3",)]


def test_the_same_payment_with_other_content_is_kept_beside_the_first(home: Home, running: Reader) -> None:
    home.ingest(home.put("repayments_2026-03-05.csv", repayments([payment(1)])), running)
    home.ingest(home.put("repayments_2026-03-06.csv", repayments([payment(1, "99")])), running)
    assert home.rows("select amount_minor, count(distinct row_hash) over () from raw.repayments order by 1") == [
        (1250, 2), (9900, 2),
    ]  # fmt: skip


def test_a_state_that_comes_back_is_the_state_that_counts(home: Home, running: Reader) -> None:
    for day, region in (("05", "R1"), ("06", "R2"), ("07", "R1")):
        home.ingest(home.put(f"customers_2026-03-{day}.csv", customers(f"C1,甲,{region}")), running)
    latest = "select region_code from raw.customers order by file_date desc, file_id desc, line_no desc limit 1"
    assert home.rows(latest) == [("R1",)]


CONTROLS = {
    "rows and sums agree": ({"rows": 2, "sums": {"amount": "25.00"}}, None),
    "a row too few": ({"rows": 3, "sums": {}}, "control_totals"),
    "a cent too much": ({"rows": 2, "sums": {"amount": "25.01"}}, "control_totals"),
    "a sum that is no amount": ({"sums": {"amount": "NaN"}}, "control_totals"),
    "a control file that is none": ({"zeilen": 2}, "control_totals"),
    "a column without amounts": ({"sums": {"channel": "1"}}, "control_totals"),
}


@pytest.mark.parametrize("what", CONTROLS)
def test_control_totals_beside_the_file_decide_over_all_of_it(home: Home, running: Reader, what: str) -> None:
    declared, refused = CONTROLS[what]
    path = home.put("repayments_2026-03-05.csv", repayments([payment(1), payment(2)]))
    path.with_name(path.name + ".control.json").write_text(json.dumps(declared), encoding="utf-8")
    outcome = home.ingest(path, running)
    assert (outcome.reason or None) == refused
    assert home.rows("select count(*) from raw.repayments") == [(0 if refused else 2,)]
    assert home.rows("select count(*) from raw.quarantine where is_primary") == [(2 if refused else 0,)]


TRAILER = """
template: with_trailer
source_code: TRL
lender: {en: Trailer, zh: 控制行}
feeds:
  - feed: repayments
    same_names: true
    trailer: {marker: T, rows: 1, sums: {amount: 2}}
"""


@pytest.mark.parametrize(
    ("trailer", "refused"),
    [("T,2,25.00", ""), ("T,2,25", ""), ("T,3,25.00", "control_totals"), ("T,2,24.99", "control_totals"),
     ("T,2", "trailer"), ("T,two,25.00", "trailer"), ("", "trailer")],
)  # fmt: skip
def test_a_trailer_is_no_row_but_must_be_right(home: Home, running: Reader, trailer: str, refused: str) -> None:
    home.template("with_trailer", TRAILER)
    lines = [payment(1), payment(2), *([trailer] if trailer else [])]
    path = home.put("repayments_2026-03-05.csv", repayments(lines), "with_trailer")
    outcome = home.ingest(path, running, template="with_trailer")
    assert outcome.reason == refused
    if not refused:
        assert (outcome.rows_in, outcome.rows_accepted) == (2, 2)
        assert home.rows("select declared_rows, declared_sum_minor, sum_minor from raw.files") == [(2, 2500, 2500)]


def test_running_totals_become_payment_events_once(home: Home, running: Reader) -> None:
    for name in ("loan_totals_2026-03-31.csv", "loan_totals_2026-01-31.csv", "loan_totals_2026-02-28.csv"):
        home.ingest(home.put(name, DELIVERIES[name]), running)
    events = home.rows(
        "select loan_id, value_date, reference, kind, amount_minor, principal_minor, interest_minor"
        " from raw.repayments order by all"
    )
    assert events == [
        ("L1", date(2026, 1, 31), "interest", "payment", 500, None, 500),
        ("L1", date(2026, 1, 31), "principal", "payment", 10000, 10000, None),
        ("L1", date(2026, 2, 28), "principal", "payment", 15000, 15000, None),
        ("L1", date(2026, 3, 31), "interest", "payment", 400, None, 400),
        ("L1", date(2026, 3, 31), "principal", "refund", 5000, 5000, None),
        ("L2", date(2026, 1, 31), "principal", "payment", 1000, 1000, None),
        ("L2", date(2026, 2, 28), "recovery", "payment", 750, None, None),
    ]
    assert home.rows("select count(distinct payment_id), count(*) from raw.repayments") == [(7, 7)]
    assert home.rows("select distinct imputed_columns from raw.repayments") == [("payment_id,paid_at,value_date",)]


def test_what_changed_is_marked_for_the_next_build(home: Home, running: Reader) -> None:
    lines = [payment(1), payment(2, value_date="2026-02-27")]
    home.ingest(home.put("repayments_2026-03-05.csv", repayments(lines)), running)
    call = '{"call_id":"C1","channel":"human","direction":"outbound","started_at":"2026-03-05T17:30:00Z"}\n'
    home.ingest(home.put("calls_2026-03-05.jsonl", call.encode()), running)
    assert home.rows("select feed, partition_date from raw.touched order by all") == [
        ("calls", date(2026, 3, 6)), ("repayments", date(2026, 2, 27)), ("repayments", date(2026, 3, 5)),
    ]  # fmt: skip


def test_a_failure_while_loading_leaves_nothing_of_the_file(
    home: Home, running: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.put("repayments_2026-03-05.csv", repayments([payment(1)]))

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.ingest_file._remember", fail)
        with pytest.raises(OSError, match="space"):
            home.ingest(path, running)
    for table in ("repayments", "files", "touched", "expectation_results"):
        assert home.rows(f"select count(*) from raw.{table}") == [(0,)]
    assert home.ingest(path, running).rows_accepted == 1


def correction(home: Home, line: int, decision: str = "replay", **values: str | None) -> dict[str, object]:
    file_id = home.rows("select any_value(file_id) from raw.files")[0][0]
    return {
        "correction_id": f"K{line}",
        "file_id": file_id,
        "line_no": line,
        "decision": decision,
        "corrected_json": json.dumps(values),
    }


def replay(home: Home, *corrections: dict[str, object]) -> dict[str, str]:
    outcomes = replay_corrections(home.warehouse, home.settings, pl.DataFrame(list(corrections)))
    home.holds_all_rows()
    return outcomes


CALLS = [
    '{"call_id":"C1","channel":"human","direction":"outbound","started_at":"2026-03-05 10:00:00"}',
    '{"call_id":"C2","channel":"pigeon","direction":"outbound","started_at":"2026-03-05 10:00:00"}',
    '{"call_id":"C3","channel":"robot","direction":"outbound","started_at":"soon"}',
]


def test_a_corrected_row_is_loaded_with_the_lineage_it_had(home: Home, running: Reader) -> None:
    good = [CALLS[0].replace("C1", f"G{n}") for n in range(200)]
    home.ingest(home.put("calls_2026-03-05.jsonl", ("\n".join([*CALLS, *good]) + "\n").encode()), running)
    assert home.rows("select line_no from raw.quarantine where is_primary order by 1") == [(2,), (3,)]
    outcomes = replay(home, correction(home, 2, channel="human"), correction(home, 3, started_at="later"))
    assert outcomes["K2"] == "accepted"
    assert "date and time" in outcomes["K3"]
    assert home.rows("select call_id, line_no, channel from raw.calls where line_no < 4 order by 1") == [
        ("C1", 1, "human"), ("C2", 2, "human"),
    ]  # fmt: skip
    assert home.rows("select line_no, state from raw.quarantine where is_primary order by 1") == [
        (2, "replayed"), (3, "open"),
    ]  # fmt: skip
    assert home.rows("select rows_accepted, rows_quarantined from raw.files") == [(202, 1)]
    assert replay(home, correction(home, 2, channel="robot"), correction(home, 3, "discard")) == {
        "K2": "not open", "K3": "discarded",
    }  # fmt: skip
    assert home.rows("select count(*) from raw.calls where call_id = 'C2'") == [(1,)]


def test_a_file_refused_for_its_share_is_released_when_its_bad_rows_are_settled(home: Home, running: Reader) -> None:
    lines = [payment(1), payment(2, "oops"), payment(3, kind="gift"), payment(4)]
    assert home.ingest(home.put("repayments_2026-03-05.csv", repayments(lines)), running).state == "refused"
    assert replay(home, correction(home, 3, amount="7.00")) == {}
    outcomes = replay(home, correction(home, 3, amount="7.00"), correction(home, 4, "discard"))
    assert outcomes == {"K3": "accepted", "K4": "discarded"}
    assert home.rows("select payment_id, amount_minor, line_no from raw.repayments order by 1") == [
        ("P1", 1250, 2), ("P2", 700, 3), ("P4", 1250, 5),
    ]  # fmt: skip
    assert home.rows("select state, reason, rows_accepted, rows_quarantined, sum_minor from raw.files") == [
        ("accepted", RELEASED, 3, 1, 3200)
    ]


@pytest.mark.parametrize(("last", "loaded"), [("replay", [("P2", 700)]), ("discard", [])])
def test_of_two_corrections_of_one_row_the_later_one_counts(
    home: Home, running: Reader, last: str, loaded: list[tuple[str, int]]
) -> None:
    lines = [payment(n) for n in range(10, 200)]
    home.ingest(home.put("repayments_2026-03-05.csv", repayments([payment(1), payment(2, "oops"), *lines])), running)
    first = correction(home, 3, amount="9.00", payment_id="P3") | {"correction_id": "first"}
    second = correction(home, 3, last, amount="7.00") | {"correction_id": "second"}
    outcomes = replay(home, first, second)
    assert outcomes == {"first": SUPERSEDED, "second": "accepted" if last == "replay" else "discarded"}
    assert home.rows("select payment_id, amount_minor from raw.repayments where line_no = 3") == loaded
    accepted = 191 + len(loaded)
    assert home.rows("select rows_in, rows_accepted, rows_quarantined from raw.files") == [
        (192, accepted, 192 - accepted)
    ]


def test_rows_of_a_file_whose_totals_disagree_cannot_be_let_in_one_by_one(home: Home, running: Reader) -> None:
    path = home.put("repayments_2026-03-05.csv", repayments([payment(1), payment(2)]))
    path.with_name(path.name + ".control.json").write_text('{"rows": 3}', encoding="utf-8")
    home.ingest(path, running)
    assert replay(home, correction(home, 2)) == {"K2": NOT_REPLAYABLE}
    assert home.rows("select count(*) from raw.repayments") == [(0,)]
