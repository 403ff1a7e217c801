"""The marts against answers worked out another way, from the same rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.warehouse import Connection
from tests.dbt import book
from tests.dbt.conftest import Built


def _snapshots(rows: Connection) -> dict[str, list[dict[str, Any]]]:
    """Loan → its snapshots in order of day."""
    cursor = rows.execute("select * from book_loans order by loan_id, as_of_date")
    names = [column[0] for column in cursor.description or ()]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in cursor.fetchall():
        one = dict(zip(names, row, strict=True))
        one["balance"] = sum(one[f"outstanding_{part}_minor"] for part in ("principal", "interest", "fees", "penalty"))
        found[one["loan_id"]].append(one)
    return found


def _in_collection(one: dict[str, Any]) -> bool:
    if one["status"] == "written_off":
        return True
    return one["status"] not in ("settled", "sold", "cancelled") and one["days_past_due"] > 0 and one["balance"] > 0


@pytest.fixture(scope="module")
def spells(book_rows: Connection) -> dict[tuple[str, int], tuple[date, date | None, str | None]]:
    """(loan, spell) → opened, closed, reason, by walking each loan day by day."""
    found: dict[tuple[str, int], tuple[date, date | None, str | None]] = {}
    for loan, days in _snapshots(book_rows).items():
        number, opened = 0, None
        for one in days:
            if _in_collection(one) and opened is None:
                number, opened = number + 1, one["as_of_date"]
                found[loan, number] = (opened, None, None)
            elif not _in_collection(one) and opened is not None:
                settled = one["status"] == "settled" or one["balance"] == 0
                reason = one["status"] if one["status"] == "sold" else "paid" if settled else "cured"
                found[loan, number] = (opened, one["as_of_date"], reason)
                opened = None
    return found


def test_cases_are_the_spells_that_a_walk_through_each_loan_finds(built: Built, spells: dict[Any, Any]) -> None:
    rows = built.rows("select loan_id, spell_no, opened_date, closed_date, close_reason from marts.dim_cases")
    assert {(loan, spell): tuple(rest) for loan, spell, *rest in rows} == spells
    assert max(spell for _, spell in spells) >= 2
    assert {reason for _, _, reason in spells.values()} == {None, "cured", "paid", "sold"}


def test_case_ids_are_the_hash_of_source_loan_and_spell(built: Built) -> None:
    assert built.rows(
        "select count(*) from marts.dim_cases where case_id <>"
        " md5(source_code || chr(31) || loan_id || chr(31) || spell_no::varchar)"
    ) == [(0,)]


def test_case_days_hold_the_exact_amounts_of_the_snapshot_in_the_currencys_own_units(
    built: Built, book_rows: Connection
) -> None:
    wanted = {
        (one["loan_id"], one["as_of_date"]): Decimal(one["balance"]).scaleb(0 if one["currency"] == "JPY" else -2)
        for days in _snapshots(book_rows).values()
        for one in days
        if _in_collection(one)
    }
    found = {(loan, day): balance for loan, day, balance in built.rows(
        "select loan_id, business_date, balance from marts.fct_case_days")}  # fmt: skip
    assert found == wanted
    assert {type(balance) for balance in found.values()} == {Decimal}


def test_the_bucket_of_last_month_end_is_that_of_the_last_snapshot_of_the_month_before(built: Built) -> None:
    rows = built.rows(
        "select d.prev_month_bucket, l.bucket from marts.fct_case_days d left join intermediate.int_loan_days l"
        " on l.loan_id = d.loan_id and l.as_of_date = last_day(d.business_date - interval 1 month)"
        " where d.business_date >= '2026-02-01'"
    )
    assert rows
    assert all(kept == asked for kept, asked in rows)
    assert len({kept for kept, _ in rows}) > 2


def test_net_cash_is_payments_less_reversals_each_payment_number_counted_once_as_first_delivered(
    built: Built, book_rows: Connection
) -> None:
    first: dict[str, tuple[date, str, str, int]] = {}
    for payment, delivered, kind, currency, amount in book_rows.execute(
        "select payment_id, delivered, kind, currency, amount_minor from book_repayments"
    ).fetchall():
        if payment not in first or delivered < first[payment][0]:
            first[payment] = (delivered, kind, currency, amount)
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for _, kind, currency, amount in first.values():
        signed = amount if kind == "payment" else -amount
        wanted[currency] += Decimal(signed).scaleb(0 if currency == "JPY" else -2)
    assert dict(built.rows("select currency, sum(signed_amount) from marts.fct_repayments group by 1")) == wanted
    assert built.rows("select count(*) from marts.fct_repayments") == [(len(first),)]
    assert built.rows("select count(*) > 0 from marts.fct_repayments where is_reversed") == [(True,)]


def test_agencies_hold_a_case_from_placement_to_recall(built: Built, book_rows: Connection) -> None:
    placed: dict[str, tuple[str, date, date]] = {}
    for loan, agency, begins, ends in book_rows.execute(
        "select loan_id, agency_code, placed_date, max(recalled_date) from book_placements group by all"
    ).fetchall():
        placed[loan] = (agency, begins, ends or date.max)
    rows = built.rows("select loan_id, business_date, agency_code, custody from marts.fct_case_days")
    for loan, day, agency, custody in rows:
        held = placed.get(loan)
        wanted = held[0] if held and held[1] <= day < held[2] else None
        assert (agency, custody) == (wanted, "agency" if wanted else "in_house")
    assert {agency for _, _, agency, _ in rows} == {None, "AG01", "AG02"}


def test_a_promise_is_kept_by_payments_in_time_that_were_not_taken_back(built: Built) -> None:
    paid = defaultdict(list)
    for loan, at, day, amount in built.rows(
        "select loan_id, paid_at, value_date, signed_amount from marts.fct_repayments"
        " where kind = 'payment' and not is_reversed"
    ):
        paid[loan].append((at, day, amount))
    rows = built.rows(
        "select loan_id, promised_at, due_date, amount, state from marts.fct_promises order by loan_id, promised_at"
    )
    for number, (loan, at, due, amount, state) in enumerate(rows):
        later = rows[number + 1] if number + 1 < len(rows) and rows[number + 1][0] == loan else None
        until = due + timedelta(days=3)
        got = sum((a for t, d, a in paid[loan] if t >= at and d <= until and (not later or t < later[1])), Decimal(0))
        if got >= amount:
            assert state == "kept"
        elif later and (later[1] + timedelta(hours=8)).date() <= until:
            assert state == "superseded"
        else:
            assert state == ("broken" if until < book.days()[-1] else "open")
    assert {row[4] for row in rows} == {"kept", "superseded", "broken", "open"}


def test_customers_are_masked_and_a_move_begins_a_new_period(built: Built) -> None:
    rows = built.rows("select name_masked, valid_from, valid_to, region_code from marts.dim_customers")
    assert {name for name, *_ in rows} == {"王**"}
    moved = [row for row in rows if row[1] > book.FIRST_DAY]
    assert moved
    assert {row[3] for row in moved} == {"310000"}
    assert sum(1 for row in rows if row[2] is not None) == len(moved)


def test_attempts_are_counted_in_the_funnel_as_they_stand_in_the_facts(built: Built) -> None:
    assert built.rows(
        "select sum(attempts), sum(connected), sum(right_party), sum(promises) from marts.rpt_contact_funnel"
    ) == built.rows(
        "select count(*), count(*) filter (where connected), count(*) filter (where right_party),"
        " count(*) filter (where promised) from marts.fct_contact_attempts"
    )
    assert built.rows("select sum(promises_kept) from marts.rpt_contact_funnel") == built.rows(
        "select count(*) from marts.fct_promises where state = 'kept'"
    )


def test_a_loan_that_is_no_longer_sent_leaves_by_an_exit_of_its_own(built: Built) -> None:
    states = {row[0] for row in built.rows("select distinct to_bucket from marts.rpt_roll_rates")}
    assert {"absent", "written_off", "C", "M1"} <= states
