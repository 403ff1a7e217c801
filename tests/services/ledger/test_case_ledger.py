"""The ledger of a case and its calculator: what changed and why, what is owed on a day, what a payment would pay."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.accruing import accrue
from ops_app.services.ledger.case_ledger import read_case_ledger
from ops_app.services.ledger.posting import preview_posting, what_is_owed
from ops_app.store.store import Store
from tests.services.casework.casebook import AG1, NOW, SUPERVISOR, placed, some_cases
from tests.services.casework.casebook import DAY as FEED_DAY
from tests.services.ledger.entering import an_event, paid, posted, taken_over
from tests.services.ledger.test_accruing import with_terms

FINANCE = Actor("p-fin", "Fan", Role.FINANCE)
DAY, TODAY = date(2026, 11, 2), date(2026, 11, 24)


def test_a_back_dated_payment_shows_what_was_posted_anew_and_because_of_what(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    later = paid(store, one, DAY + timedelta(days=9), 8_000)
    late = paid(store, one, DAY + timedelta(days=2), 5_000)
    made = read_case_ledger(FINANCE, store, now=NOW, case_id=one)
    kinds = [(step.event.kind, step.event.value_date) for step in made.steps]
    assert kinds == [
        (EventKind.OPENING, DAY), (EventKind.RECEIPT, DAY + timedelta(days=2)),
        (EventKind.RECEIPT, DAY + timedelta(days=9)),
    ]  # fmt: skip
    assert [step.was_posted_anew for step in made.steps] == [False, False, True]
    first, storno, anew = made.steps[2].entries
    assert (first.because_event_id, storno.because_event_id, anew.because_event_id) == (
        None, late.event_id, late.event_id,
    )  # fmt: skip
    assert storno.reverses_entry_id == first.entry_id
    assert first.event_id == later.event_id
    owed = [step.owed_minor for step in made.steps]
    assert [each["interest"] for each in owed if each] == [10_000, 5_000, 0]
    assert [each["principal"] for each in owed if each] == [100_000, 100_000, 97_000]


def test_what_was_cancelled_stands_where_it_would_without_a_balance(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    wrong = paid(store, one, DAY + timedelta(days=1), 5_000)
    paid(store, one, DAY + timedelta(days=3), 4_000)
    posted(store, an_event(store, one, EventKind.CANCELLATION, DAY + timedelta(days=1), target_id=wrong.event_id))
    made = read_case_ledger(FINANCE, store, now=NOW, case_id=one)
    assert [(step.event.kind.value, step.is_counted) for step in made.steps] == [
        ("opening", True), ("receipt", False), ("cancellation", False), ("receipt", True),
    ]  # fmt: skip
    assert made.steps[1].owed_minor is None
    assert made.steps[3].owed_minor == {
        "principal": 100_000, "interest": 6_000, "fees": 0, "penalty": 0, "costs": 0,
    }  # fmt: skip


def test_the_ledger_is_held_against_the_feed_as_of_the_feeds_day(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]  # the feed says 100,001 of principal as of its day
    taken_over(store, one, DAY, principal=100_000)
    paid(store, one, FEED_DAY + timedelta(days=1), 50_000)  # after the feed: no difference
    made = read_case_ledger(FINANCE, store, now=NOW, case_id=one)
    found = {check.component: (check.ledger_minor, check.feed_minor, check.difference_minor) for check in made.checks}
    assert found[Component.PRINCIPAL] == (100_000, 100_001, 1)
    assert found[Component.COSTS] == (0, None, None)
    assert {check.as_of_date for check in made.checks} == {FEED_DAY}


def test_the_ledger_is_for_the_asset_company_and_foreign_is_as_missing(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    placed(store, "AG01", one)
    with pytest.raises(Refused):
        read_case_ledger(AG1, store, now=NOW, case_id=one)
    with pytest.raises(NoSuchCase):
        read_case_ledger(FINANCE, store, now=NOW, case_id="0" * 32)
    made = read_case_ledger(FINANCE, store, now=NOW, case_id=one)
    assert (made.steps, made.checks, made.is_taken_over) == ((), (), False)


def test_what_is_owed_on_a_day_has_the_accrual_until_then(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=1_000_000)
    plain = what_is_owed(SUPERVISOR, store, now=NOW, case_id=one, on_date=TODAY + timedelta(days=10))
    assert (plain.is_accrued, plain.as_of_date, plain.total_minor) == (False, FEED_DAY, 1_000_000)
    with_terms(store)
    asked = TODAY + timedelta(days=10)
    owed = what_is_owed(SUPERVISOR, store, now=NOW, case_id=one, on_date=asked)
    assert (owed.is_accrued, owed.as_of_date) == (True, asked)
    accrue(SYSTEM, store, now=NOW, business_date=TODAY)
    assert what_is_owed(SUPERVISOR, store, now=NOW, case_id=one, on_date=asked).owed_minor == owed.owed_minor
    accrue(SYSTEM, store, now=NOW, business_date=asked)
    again = read_case_ledger(FINANCE, store, now=NOW, case_id=one).steps[-1].owed_minor
    assert again == owed.owed_minor


def test_a_payment_is_previewed_as_it_would_be_posted(store: Store, tmp_path: Path) -> None:
    one, two = some_cases(store, tmp_path, 2, in_ledger=False)
    for case_id in (one, two):
        taken_over(store, case_id, DAY, principal=100_000, interest=10_000, costs=500)
        posted(
            store, an_event(store, case_id, EventKind.WRITE_OFF, DAY, terms={"method": "direct"},
                            parts={Component.PRINCIPAL: 40_000}),
        )  # fmt: skip
    seen = preview_posting(SUPERVISOR, store, now=NOW, case_id=one, amount_minor=90_000)
    before = read_case_ledger(FINANCE, store, now=NOW, case_id=two).steps[-1].owed_minor
    paid(store, two, TODAY, 90_000)
    after = read_case_ledger(FINANCE, store, now=NOW, case_id=two).steps[-1].owed_minor
    assert before is not None
    assert after is not None
    assert {part: before[part] - after[part] for part in seen.parts} == seen.parts
    assert sum(seen.parts.values()) + seen.rest_minor == 90_000


@pytest.mark.parametrize("day", [TODAY - timedelta(days=1), TODAY + timedelta(days=367)])
def test_only_a_day_to_come_is_asked_for(store: Store, tmp_path: Path, day: date) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    with pytest.raises(Invalid):
        what_is_owed(SUPERVISOR, store, now=NOW, case_id=one, on_date=day)
    with pytest.raises(Invalid):
        preview_posting(SUPERVISOR, store, now=NOW, case_id=one, amount_minor=1, on_date=day)
