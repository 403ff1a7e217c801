"""Which value holds on which day: against a model that knows nothing of steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.parameter_changes import BACK_DATED, RISKY, Area, Change, Plan, plan
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameter_values import ParameterKind, ValueRule, stored_text
from ops_app.domain.organisation.parameters import (
    ALL,
    GENESIS,
    Definition,
    Effect,
    HeldElsewhere,
    NoSuchParameter,
    ParameterVersion,
    PeriodClosed,
    Scope,
    sealed,
)

TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CODE = "casework.days"
LENDER, CARD = Scope(lender="B1"), Scope(lender="B1", product="card")


def definition(code: str = CODE, **more: object) -> Definition:
    given: dict = {
        "code": code,
        "area": "casework",
        "rule": ValueRule(ParameterKind.DAYS, Decimal(0), Decimal(999)),
        "default": 1,
        "name": ("Days", "天数"),
        "help": ("How many.", "多少天。"),
        "read_by": "nobody.py",
        "scopes": frozenset({"lender", "product"}),
    }
    return Definition(**(given | more))


def known(*versions: ParameterVersion, **more: object) -> ParameterSet:
    return ParameterSet({CODE: definition(**more)}, versions)


def carried_out(before: list[ParameterVersion], done: Plan) -> list[ParameterVersion]:
    """The versions after a plan, made as the service makes them."""
    scope = done.change.scope.text
    number = sum(one.scope == scope for one in before)
    versions = list(before)
    for offset, one in enumerate(done.versions, start=1):
        prev = versions[-1].version_id if versions else GENESIS
        value = None if one.value is None else stored_text(one.value)
        made = ParameterVersion(
            len(versions) + 1, CODE, scope, number + offset, one.effect, value, one.valid_from_date, one.replaces,
            "p-1", NOW, None, "because", prev,
        )  # fmt: skip
        versions.append(sealed(made))
    return versions


def changed(before: list[ParameterVersion], value: int, day: date, scope: Scope = ALL, end: date | None = None, **more):
    change = Change(CODE, scope, Effect.SET, day, value, end)
    return carried_out(before, plan(known(*before, **more), change, today=TODAY, closed=()))


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def test_the_default_holds_until_a_change_and_the_change_from_its_day_on() -> None:
    versions = changed([], 5, day(10))
    assert [known(*versions).value(CODE, day(number)) for number in (0, 9, 10, 500)] == [1, 1, 5, 5]
    assert known().value(CODE, date(1990, 1, 1)) == 1


def test_a_change_with_an_end_gives_back_what_held_before() -> None:
    versions = changed(changed([], 5, day(1)), 9, day(10), end=day(20))
    values = [known(*versions).value(CODE, day(number)) for number in (1, 9, 10, 19, 20, 21)]
    assert values == [5, 5, 9, 9, 5, 5]
    once = changed([], 9, day(10), LENDER, end=day(20))
    assert [known(*once).value(CODE, day(number), LENDER) for number in (9, 10, 20)] == [1, 9, 1]


def test_a_planned_change_stays_when_an_earlier_one_is_put_before_it() -> None:
    versions = changed(changed([], 5, day(20)), 9, day(10))
    assert [known(*versions).value(CODE, day(number)) for number in (9, 10, 19, 20)] == [1, 9, 9, 5]


def test_an_end_behind_a_planned_change_is_refused_by_naming_it() -> None:
    versions = changed([], 5, day(20))
    with pytest.raises(Invalid, match="Version 1 begins on 2026-03-21 and would overlap") as refusal:
        changed(versions, 9, day(10), end=day(21))
    assert refusal.value.field == "valid_to"
    assert len(changed(versions, 9, day(10), end=day(20))) == 2


def test_a_planned_change_is_replaced_by_another_of_the_same_day_and_withdrawn() -> None:
    versions = changed(changed([], 5, day(10)), 7, day(10))
    assert known(*versions).value(CODE, day(10)) == 7
    assert versions[1].replaces == 1
    gone = Change(CODE, ALL, Effect.WITHDRAW, day(10))
    after = carried_out(versions, plan(known(*versions), gone, today=TODAY, closed=()))
    assert known(*after).value(CODE, day(10)) == 1
    again = changed(after, 8, day(10))
    assert (known(*again).value(CODE, day(10)), again[-1].replaces) == (8, 3)
    with pytest.raises(Conflict, match="still to come"):
        plan(known(*again), Change(CODE, ALL, Effect.WITHDRAW, day(11)), today=TODAY, closed=())
    with pytest.raises(Conflict, match="still to come"):
        plan(known(*again), gone, today=day(10), closed=())


def test_the_most_specific_scope_wins_and_following_gives_it_back() -> None:
    versions = changed(changed(changed([], 2, day(1)), 3, day(1), LENDER), 4, day(1), CARD)
    ask = known(*versions)
    other = Scope(lender="B2", product="card")
    assert [ask.value(CODE, day(1), one) for one in (ALL, LENDER, CARD, other)] == [2, 3, 4, 2]
    assert ask.value(CODE, day(1), Scope(lender="B1", product="card", pack="CN")) == 4
    follow = Change(CODE, CARD, Effect.FOLLOW, day(5))
    after = known(*carried_out(versions, plan(ask, follow, today=TODAY, closed=())))
    assert [after.value(CODE, day(number), CARD) for number in (4, 5)] == [4, 3]


def test_with_two_scopes_of_one_dimension_each_the_lender_outweighs_the_product() -> None:
    versions = changed(changed([], 3, day(1), Scope(product="card")), 2, day(1), LENDER)
    assert known(*versions).value(CODE, day(1), CARD) == 2
    order = [one.text for one in Scope("L", "P", "K").widening()]
    assert order == [
        "lender=L/product=P/pack=K", "lender=L/product=P", "lender=L/pack=K", "product=P/pack=K",
        "lender=L", "product=P", "pack=K", "all",
    ]  # fmt: skip


def test_a_default_of_a_narrower_scope_outweighs_a_version_of_a_wider_one() -> None:
    versions = changed([], 9, day(1))
    ask = known(*versions, defaults={"lender=B1": 6})
    assert [ask.value(CODE, day(1), one) for one in (ALL, LENDER, CARD)] == [9, 6, 6]
    assert ask.held(CODE, day(1), LENDER).version_no == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Change(CODE, Scope(pack="CN"), Effect.SET, day(1), 5), "pack"),
        (Change(CODE, ALL, Effect.SET, day(1), 1000), "value"),
        (Change(CODE, ALL, Effect.SET, day(1), None), "value"),
        (Change(CODE, ALL, Effect.FOLLOW, day(1)), "value"),
        (Change(CODE, LENDER, Effect.FOLLOW, day(1)), "value"),
        (Change(CODE, ALL, Effect.SET, day(1), 5, day(1)), "valid_to"),
        (Change(CODE, ALL, Effect.SET, date(1999, 12, 31), 5), "valid_from"),
        (Change(CODE, ALL, Effect.SET, day(4000), 5), "valid_from"),
    ],
)
def test_a_wrong_change_is_refused_by_its_field(change: Change, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        plan(known(), change, today=TODAY, closed=())
    assert refusal.value.field == field


def test_what_holds_already_is_no_change_but_an_own_value_that_equals_the_wider_one_is() -> None:
    versions = changed([], 5, day(1))
    with pytest.raises(Invalid, match="holds already"):
        changed(versions, 5, day(3))
    assert len(changed(versions, 5, day(3), LENDER)) == 2


def test_a_code_that_is_not_in_the_catalogue_is_not_there() -> None:
    with pytest.raises(NoSuchParameter):
        known().value("casework.none", TODAY)


def test_a_value_that_a_file_holds_is_not_changed_here() -> None:
    with pytest.raises(HeldElsewhere, match=r"held in dbt/x\.sql"):
        plan(known(held_in="dbt/x.sql"), Change(CODE, ALL, Effect.SET, day(1), 5), today=TODAY, closed=())


def test_risky_and_back_dated_changes_need_an_approval_and_others_do_not() -> None:
    def reasons(number: int, **more: object) -> tuple[str, ...]:
        change = Change(CODE, ALL, Effect.SET, day(number), 5)
        return plan(known(**more), change, today=TODAY, closed=()).approval_reasons

    assert reasons(0) == reasons(1) == ()
    assert reasons(-1) == (BACK_DATED,)
    assert reasons(1, risky=True) == (RISKY,)
    assert reasons(-1, risky=True) == (RISKY, BACK_DATED)


@pytest.mark.parametrize(
    ("first", "end", "area", "refused"),
    [
        (-30, 0, "casework", True),
        (-30, -10, "casework", False),
        (-10, -9, "casework", True),
        (-30, 0, "ledger", False),
    ],
)
def test_a_change_does_not_reach_into_a_closed_period(first: int, end: int, area: str, refused: bool) -> None:
    change = Change(CODE, ALL, Effect.SET, day(-10), 5)
    closed = [Area(area, day(first), day(end))]
    if refused:
        with pytest.raises(PeriodClosed, match="is closed") as refusal:
            plan(known(), change, today=TODAY, closed=closed)
        assert isinstance(refusal.value, Refused)
    else:
        plan(known(), change, today=TODAY, closed=closed)


def test_a_change_that_ends_before_a_closed_period_does_not_reach_into_it() -> None:
    change = Change(CODE, ALL, Effect.SET, day(-20), 5, day(-10))
    plan(known(), change, today=TODAY, closed=[Area("casework", day(-10), day(0))])
    with pytest.raises(PeriodClosed):
        plan(known(), change, today=TODAY, closed=[Area("casework", day(-11), day(0))])


def test_the_preview_says_what_differs_from_which_day_for_this_scope() -> None:
    versions = changed(changed([], 5, day(20)), 3, day(5), LENDER)
    shown = plan(known(*versions), Change(CODE, ALL, Effect.SET, day(10), 7), today=TODAY, closed=())
    assert [(one.first_date, one.end_date, one.before.value, one.after.value) for one in shown.differences] == [
        (day(10), day(20), 1, 7)
    ]


def test_a_version_is_sealed_over_all_it_says_and_over_the_one_before() -> None:
    one, two = changed(changed([], 5, day(1)), 6, day(2))
    assert two.prev_id == one.version_id
    for name, value in {"value_json": "7", "valid_from_date": day(3), "made_by": "p-2", "prev_id": GENESIS}.items():
        assert sealed(replace(two, **{name: value})).version_id != two.version_id


SCOPES = [ALL, LENDER, Scope(product="card"), CARD]
a_change = st.tuples(
    st.sampled_from(SCOPES),
    st.sampled_from([Effect.SET, Effect.SET, Effect.SET, Effect.FOLLOW, Effect.WITHDRAW]),
    st.integers(-3, 12),
    st.integers(2, 6),
    st.none() | st.integers(1, 6),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(a_change, max_size=9))
def test_whatever_is_changed_no_day_has_two_versions_and_each_has_the_value_of_a_naive_model(
    changes,
) -> None:
    model: dict[str, dict[date, int | None]] = {one.text: {} for one in SCOPES}
    days = [day(number) for number in range(-4, 24)]
    versions: list[ParameterVersion] = []
    for scope, effect, start, value, length in changes:
        end = None if length is None or effect is Effect.WITHDRAW else day(start + length)
        change = Change(CODE, scope, effect, day(start), value if effect is Effect.SET else None, end)
        before = known(*versions)
        old = {(one.text, when): before.value(CODE, when, one) for one in SCOPES for when in days}
        try:
            done = plan(before, change, today=TODAY, closed=())
        except (Invalid, Conflict):
            continue
        following = [s.valid_from_date for s in before.steps(CODE, scope.text) if s.valid_from_date > day(start)]
        until = end or min(following, default=None)
        versions = carried_out(versions, done)
        for when in days:
            if day(start) <= when and (until is None or when < until):
                own = model[scope.text]
                if effect is Effect.WITHDRAW:
                    own[when] = own.get(day(start - 1))
                else:
                    own[when] = value if effect is Effect.SET else None
        after = known(*versions)
        for when in days:
            if when < day(start):
                assert all(after.value(CODE, when, one) == old[one.text, when] for one in SCOPES)
        told = dict.fromkeys(days) | {
            when: one for one in done.differences for when in days
            if one.first_date <= when and (one.end_date is None or when < one.end_date)
        }  # fmt: skip
        for when, one in told.items():
            was, now = old[scope.text, when], after.value(CODE, when, scope)
            assert (was, now) == ((one.before.value, one.after.value) if one else (was, was))
    final = known(*versions)
    for scope in SCOPES:
        found = final.steps(CODE, scope.text)
        for when in days:
            assert sum(step.holds_on(when) for step in found) <= 1
            expected = next((own for one in scope.widening() if (own := model[one.text].get(when)) is not None), 1)
            assert final.value(CODE, when, scope) == expected
        pieces = final.pieces(CODE, scope, days[0], None)
        assert all(one.valid_to_date == two.valid_from_date for one, two in pairwise(pieces))
        assert pieces[-1].valid_to_date is None


@pytest.mark.parametrize("text", ["all", "lender=B1", "product=card/pack=CN", "lender=B1/product=card/pack=CN"])
def test_a_scope_is_written_one_way(text: str) -> None:
    assert Scope.parse(text).text == text


@pytest.mark.parametrize("text", ["", "product=card/lender=B1", "agency=A01", "lender=B1/all"])
def test_a_text_that_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises((ValueError, Invalid)):
        Scope.parse(text)


def test_a_scope_code_that_is_no_code_is_refused_by_its_field() -> None:
    with pytest.raises(Invalid) as refusal:
        Scope(lender="B 1/x")
    assert refusal.value.field == "lender"
