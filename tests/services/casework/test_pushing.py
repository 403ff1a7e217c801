"""A single pushed loan: the rules of the feed, at once, once a key; the day's file counts when it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from ops_app.domain.casework.cases import CaseState, case_id
from ops_app.domain.casework.loan_day import LoanDay, LoanStatus, OlderThanKnown
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.parameters import Scope
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework import pushing
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.intake import TakenIn, intake_state
from ops_app.services.casework.limitation import read_limitation
from ops_app.services.casework.pushing import Pushed, push_loan
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from ops_app.store.transaction import SameKeyOtherContent
from tests.services.casework.casebook import DAY, NOW, SUPERVISOR, a_spell, now_is, some_cases, taken_in
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

OPERATOR = Actor("p-op", "Olga", Role.OPERATOR)
LOAN = LoanDay("SIM", "P1", DAY, "C1", "CNY", 50_000, 12, LoanStatus.OVERDUE, lender_code="HYB",
               product_code="credit_card")  # fmt: skip
FIRST = case_id("SIM", "P1", 1)


def push(store: Store, evidence: Path, loan: LoanDay = LOAN, key: str = "") -> Pushed:
    return push_loan(OPERATOR, store, now=NOW, loan=loan, key=key or f"k-{loan.as_of_date}-{loan.status}",
                     evidence=evidence)  # fmt: skip


def on(day: date, **other: object) -> LoanDay:
    return replace(LOAN, as_of_date=day, **other)


def test_it_opens_updates_closes_and_reopens_as_a_new_episode(store: Store, tmp_path: Path) -> None:
    days = [DAY - timedelta(days=n) for n in (3, 2, 1, 0)]
    assert push(store, tmp_path, on(days[0])) == Pushed("opened", FIRST)
    assert push(store, tmp_path, on(days[1], days_past_due=35, outstanding_fees_minor=100)) == Pushed("updated", FIRST)
    assert (now_is(store, FIRST).balance_minor, now_is(store, FIRST).bucket) == (50_100, "M2")
    cured = on(days[2], days_past_due=0, status=LoanStatus.ACTIVE)
    assert push(store, tmp_path, cured) == Pushed("closed", FIRST)
    second = case_id("SIM", "P1", 2)
    assert push(store, tmp_path, on(days[3], days_past_due=1)) == Pushed("opened", second)
    record = read_case(SUPERVISOR, store, now=NOW, case_id=FIRST)
    closing = next(one.detail for one in record.events if one.what == "close")
    assert (closing["close_reason"], closing["rule"], closing["rule_version"]) == ("cured", "HYB", 1)
    assert record.case.state is CaseState.CLOSED
    assert read_limitation(SUPERVISOR, store, now=NOW, case_id=second).clock is not None


def test_the_same_key_is_answered_alike_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    first = push(store, tmp_path, key="k")
    version = now_is(store, FIRST).version
    assert push(store, tmp_path, key="k") == first
    assert now_is(store, FIRST).version == version
    with pytest.raises(SameKeyOtherContent, match="days_past_due"):
        push(store, tmp_path, replace(LOAN, days_past_due=13), key="k")
    with store.reading() as connection:
        actions = list(connection.execute(select(audit_log.c.action)).scalars())
    assert actions.count("loan.pushed") == 1


def test_other_cases_stay_as_they_are(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    before = [now_is(store, one) for one in ids]
    push(store, tmp_path)
    assert [now_is(store, one) for one in ids] == before


def file_of(store: Store, evidence: Path, loan: LoanDay, *others: dict[str, object]) -> TakenIn:
    """The day's file has this row of the loan (and spells of others): what intake makes of it by what it carries."""
    state = intake_state(SYSTEM, store, now=NOW)
    carried = state.spells.filter(pl.col("loan_id") == loan.loan_id)
    spell, is_open = carried.select("spell_no", "is_open").row(0) if len(carried) else (0, False)
    rows = pushing._spells(loan, spell, is_open, state.terms).to_dicts()
    return taken_in(store, evidence, *rows, *others, day=loan.as_of_date)


def test_the_file_of_an_earlier_day_sets_nothing_back_that_was_pushed_since(store: Store, tmp_path: Path) -> None:
    first, second, third = (DAY - timedelta(days=n) for n in (2, 1, 0))
    file_of(store, tmp_path, on(first))
    push(store, tmp_path, on(third, outstanding_principal_minor=10_000))
    before = now_is(store, FIRST)
    done = file_of(store, tmp_path, on(second), a_spell(1, as_of_date=second, opened_date=second))
    assert (done.opened, done.refreshed) == (1, 0)  # the other loan of the file is taken in
    assert now_is(store, FIRST) == before
    assert (before.balance_minor, before.as_of_date) == (10_000, third)


def test_a_case_that_a_push_closed_is_not_opened_again_by_the_file_of_an_earlier_day(
    store: Store, tmp_path: Path
) -> None:
    first, second, third = (DAY - timedelta(days=n) for n in (2, 1, 0))
    file_of(store, tmp_path, on(first))
    paid = on(third, days_past_due=0, status=LoanStatus.SETTLED, outstanding_principal_minor=0)
    assert push(store, tmp_path, paid).did == "closed"
    assert file_of(store, tmp_path, on(second)).opened == 0
    assert now_is(store, FIRST).closed_date == third
    assert intake_state(SYSTEM, store, now=NOW).spells.rows() == [("SIM", "P1", 1, False)]


def test_a_source_that_is_worked_out_anew_leaves_what_was_pushed_as_of_a_later_day(
    store: Store, tmp_path: Path
) -> None:
    first, third = DAY - timedelta(days=2), DAY
    file_of(store, tmp_path, on(first))
    push(store, tmp_path, on(third, outstanding_principal_minor=10_000))
    push(store, tmp_path, on(third, loan_id="P2"), key="of no file")
    before = [now_is(store, one) for one in (FIRST, case_id("SIM", "P2", 1))]
    rows = pushing._spells(on(first), 0, False, intake_state(SYSTEM, store, now=NOW).terms).to_dicts()
    whole = {"whole": frozenset({"SIM"}), "days": [("SIM", first, "reads otherwise")]}
    assert not any(vars(taken_in(store, tmp_path, *rows, day=first, **whole)).values())
    assert [now_is(store, one) for one in (FIRST, case_id("SIM", "P2", 1))] == before
    whole["days"] = [("SIM", third, "the file of the day that was pushed")]
    rows = pushing._spells(on(third), 0, False, intake_state(SYSTEM, store, now=NOW).terms).to_dicts()
    assert taken_in(store, tmp_path, *rows, day=third, **whole).closed == 0
    assert now_is(store, FIRST).balance_minor == 50_000
    assert now_is(store, case_id("SIM", "P2", 1)) == before[1]  # the one of no file stays as it was pushed


def test_a_loan_that_no_rule_takes_in_opens_nothing(store: Store, tmp_path: Path) -> None:
    plant(store, set_to("casework.intake_days_past_due", 13, date(2000, 1, 1), Scope(lender="HYB")))
    assert push(store, tmp_path) == Pushed("unchanged", None)
    other = replace(LOAN, loan_id="P2", lender_code="XJC")
    assert push(store, tmp_path, other, "other").did == "opened"


def test_the_days_of_the_parameter_are_those_of_the_day_of_the_data(store: Store, tmp_path: Path) -> None:
    plant(store, set_to("casework.intake_days_past_due", 13, DAY))
    assert push(store, tmp_path, on(DAY - timedelta(days=1))).did == "opened"
    assert push(store, tmp_path, replace(LOAN, loan_id="P2"), "later").did == "unchanged"


def test_what_is_older_than_known_or_yet_to_come_is_refused(store: Store, tmp_path: Path) -> None:
    push(store, tmp_path)
    with pytest.raises(OlderThanKnown):
        push(store, tmp_path, on(DAY - timedelta(days=1)))
    with pytest.raises(Invalid) as refused:
        push(store, tmp_path, on(DAY + timedelta(days=9)))
    assert refused.value.field == "as_of_date"
    with pytest.raises(Refused, match="operator"):
        push_loan(SUPERVISOR, store, now=NOW, loan=LOAN, key="x", evidence=tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "cny"),
        ("outstanding_principal_minor", -1),
        ("days_past_due", -1),
        ("loan_id", " "),
        ("loan_id", "a\n"),
    ],
)
def test_a_loan_that_is_none_names_its_field(field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        replace(LOAN, **{field: value})
    assert refused.value.field == field
