"""Intake as the ops store takes it: opened, refreshed, closed, missing, lapsed; the same day again changes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import func, select

from ops_app.domain.casework.cases import CaseMove, CaseState, CloseReason, case_id
from ops_app.domain.casework.intake import rules_of
from ops_app.domain.casework.personal import Term
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.finding import search_cases
from ops_app.services.casework.intake import apply_intake, intake_state, missing_loans
from ops_app.services.casework.moving import move_case
from ops_app.store.casework.keys import NoKey, PersonalKey
from ops_app.store.store import Store
from ops_app.store.tables import casework as t
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    DAY,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    closing,
    now_is,
    placed,
    some_cases,
    taken_in,
)

NEXT, LATER = DAY + timedelta(days=1), NOW + timedelta(days=1)


def rows_of(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (*t.metadata.sorted_tables,)
        }


def test_an_opening_names_the_rule_the_row_and_the_queue(store: Store, tmp_path: Path) -> None:
    done = taken_in(store, tmp_path, a_spell(1), a_spell(2, is_due_for_placement=True), a_spell(3, opened_date=None))
    assert done.opened == 2
    record = read_case(SUPERVISOR, store, now=NOW, case_id=case_id("SIM", "L1", 1))
    assert [(one.what, one.to_state) for one in record.events] == [
        ("opened", "entered"), ("queue_for_assignment", "to_assign"),
    ]  # fmt: skip
    said = record.events[0].detail
    assert (said["rule"], said["rule_version"], said["file_id"], said["line_no"]) == ("all", 1, "f" * 64, 1)
    assert now_is(store, case_id("SIM", "L2", 1)).state is CaseState.TO_BE_PLACED


def test_the_same_day_again_changes_nothing_and_says_nothing(store: Store, tmp_path: Path) -> None:
    some_cases(store, tmp_path)
    before = rows_of(store)
    empty = {"days": [], "sent": frozenset({"SIM"})}
    for _ in range(2):
        assert not any(vars(taken_in(store, tmp_path, **empty)).values())
    assert rows_of(store) == before


def test_a_paid_case_closes_wherever_it_is_and_its_periods_end(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", ids[0])
    assigned(store, AG1, a_collector(store, "mine", "AG01"), ids[0])
    move_case(
        SUPERVISOR, store, now=NOW, case_id=ids[0], version=now_is(store, ids[0]).version, move=CaseMove.DISPUTE,
        reason=WHY,
    )  # fmt: skip
    done = taken_in(store, tmp_path, a_spell(1, **closing()), now=LATER, day=NEXT)
    assert (done.closed, done.opened) == (1, 0)
    record = read_case(SUPERVISOR, store, now=LATER, case_id=ids[0])
    one = record.case
    assert (one.state, one.closed_date, one.close_reason) == (CaseState.CLOSED, NEXT, CloseReason.PAID)
    assert (one.closed_file_id, one.closed_line_no, one.balance_minor) == ("e" * 64, 7, 0)
    assert [(it.end_reason, it.ended_balance_minor) for it in record.placements] == [("closed", 0)]
    assert [it.end_reason for it in record.assignments] == ["closed"]
    assert record.events[-1].detail["close_reason"] == "paid"


def test_a_loan_that_falls_behind_again_is_a_new_case_of_the_same_debtor(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    taken_in(store, tmp_path, a_spell(1, **closing("cured")), now=LATER, day=NEXT)
    again = taken_in(
        store, tmp_path, a_spell(1, spell_no=2, opened_date=NEXT, as_of_date=NEXT),
        now=LATER + timedelta(days=1), day=NEXT + timedelta(days=1),
    )  # fmt: skip
    assert again.opened == 1
    record = read_case(SUPERVISOR, store, now=LATER, case_id=case_id("SIM", "L1", 2))
    assert [one.case_id for one in record.same_debtor] == ids


def test_a_loan_that_cures_and_falls_behind_between_two_runs_is_in_one_case_at_a_time(
    store: Store, tmp_path: Path
) -> None:
    some_cases(store, tmp_path, 1)
    later = NEXT + timedelta(days=1)
    done = taken_in(
        store, tmp_path, a_spell(1, **closing("cured")), a_spell(1, spell_no=2, opened_date=later, as_of_date=later),
        now=LATER, day=later,
    )  # fmt: skip
    assert (done.opened, done.closed) == (1, 1)
    assert now_is(store, case_id("SIM", "L1", 2)).state is CaseState.TO_ASSIGN


def test_a_written_off_loan_stays_in_its_spell_and_stays_with_its_agency(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", ids[0])
    off = {"written_off_date": NEXT, "as_of_date": NEXT}
    done = taken_in(store, tmp_path, a_spell(1, **off), a_spell(2, **off), now=LATER, day=NEXT)
    assert done.written_off == 2
    held, free = now_is(store, ids[0]), now_is(store, ids[1])
    assert (held.state, held.written_off_date) == (CaseState.PLACED, NEXT)
    assert (free.state, free.written_off_date) == (CaseState.WRITTEN_OFF, NEXT)


def test_a_loan_missing_from_a_full_feed_is_reported_and_never_closed(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    gone = pl.DataFrame({"source_code": ["SIM"], "loan_id": ["L1"], "case_id": [ids[0]]})
    for n in (1, 2):
        moment, day = NOW + timedelta(days=n), DAY + timedelta(days=n)
        done = taken_in(store, tmp_path, a_spell(2, as_of_date=day), missing=gone, now=moment, day=day)
        assert done.missing == (1 if n == 1 else 0)
    (finding,) = missing_loans(SUPERVISOR, store, now=LATER)
    assert (finding["loan_id"], finding["first_missed_date"], finding["last_missed_date"]) == (
        "L1", NEXT, NEXT + timedelta(days=1),
    )  # fmt: skip
    assert now_is(store, ids[0]).closed_date is None
    assert missing_loans(AG1, store, now=LATER) == []
    back = DAY + timedelta(days=3)
    assert (
        taken_in(store, tmp_path, a_spell(1, as_of_date=back), now=NOW + timedelta(days=3), day=back).found_again == 1
    )
    assert missing_loans(SUPERVISOR, store, now=LATER) == []


def test_a_placement_whose_time_is_up_comes_back_by_itself(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    assert taken_in(store, tmp_path, now=DUE - timedelta(seconds=1), day=date(2026, 12, 23), days=[]).lapsed == 0
    assert taken_in(store, tmp_path, now=DUE, day=date(2026, 12, 24), days=[]).lapsed == 1
    record = read_case(SUPERVISOR, store, now=DUE, case_id=ids[0])
    assert (record.case.state, record.placements[0].end_reason) == (CaseState.RETURNED, "lapsed")


def test_a_spell_that_later_data_takes_away_is_withdrawn_and_comes_again_as_the_same_case(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path, 2)
    whole = {"whole": frozenset({"SIM"})}
    assert taken_in(store, tmp_path, a_spell(2), now=LATER, day=NEXT, **whole).closed == 1
    assert now_is(store, ids[0]).close_reason is CloseReason.WITHDRAWN
    assert intake_state(SYSTEM, store, now=LATER).spells["loan_id"].to_list() == ["L2"]
    later = NEXT + timedelta(days=1)
    taken_in(store, tmp_path, a_spell(1, opened_date=later, as_of_date=later), now=LATER, day=later)
    again = now_is(store, ids[0])
    assert (again.state, again.opened_date, again.closed_date) == (CaseState.TO_ASSIGN, later, None)


def test_personal_data_is_sealed_and_renewed_and_never_begun_with_a_second_key(store: Store, tmp_path: Path) -> None:
    some_cases(store, tmp_path, 2)
    with store.reading() as connection:
        everything = "\n".join(
            str(connection.execute(select(table)).all())
            for table in (t.debtors, t.debtor_details, t.debtor_terms, t.cases, t.case_events, audit_log)
        )
    for secret in ("王1", "110101199001010001", "13800130001", "0001'"):
        assert secret not in everything.replace("****0001", "")
    renewed = a_debtor(1, name="李1", phones=("13911112222",))
    taken_in(store, tmp_path, debtors=[renewed], days=[])

    def found(term: Term, text: str) -> int:
        return len(search_cases(SUPERVISOR, store, now=NOW, term=term, text=text, evidence=tmp_path).rows)

    assert (found(Term.NAME, "王1"), found(Term.NAME, "李1"), found(Term.PHONE_TAIL, "2222")) == (0, 1, 1)
    with pytest.raises(NoKey):
        taken_in(store, tmp_path / "other", debtors=[a_debtor(9)], days=[])
    with pytest.raises(NoKey):
        PersonalKey(b"x" * 64).open("0" * 32, PersonalKey.load(tmp_path).seal("0" * 32, renewed.personal))


def test_only_the_system_takes_in(store: Store) -> None:
    for service in (apply_intake, intake_state):
        with pytest.raises(Refused):
            service(SUPERVISOR, store, now=NOW)


BASE = {"rule": "all", "version": 1, "valid_from": date(2026, 1, 1), "least_days_past_due": 1, "least_balance_minor": 0}


@pytest.mark.parametrize(
    "listed",
    [
        [BASE, BASE],
        [BASE | {"product_code": "p2p"}],
        [BASE, BASE | {"rule": "other"}],
        [BASE | {"speed": 3}],
        [BASE | {"version": 0}],
        [BASE, BASE | {"version": 2}],
    ],
)
def test_rules_that_contradict_themselves_are_refused(listed: list[dict]) -> None:
    with pytest.raises(Invalid):
        rules_of(listed)
