"""The tree of units: its rules hold on every day, whatever is added, moved or closed."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_app.domain.errors import Conflict, DomainError, Invalid
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.units import (
    PARENTS,
    UNIT_KIND_NAMES,
    NoSuchUnit,
    Tree,
    UnitChangesLater,
    UnitKind,
    UnitPeriod,
    WrongPlace,
    added,
    changed,
    checked_unit_code,
    checked_unit_name,
    closed,
)

DAY = date(2026, 1, 1)
HEAD, BRANCH, TEAM, POST = UnitKind


def unit(unit_id: str, kind: UnitKind, parent: str | None, start: int = 0, end: int | None = None) -> UnitPeriod:
    period = Period(DAY + timedelta(start), None if end is None else DAY + timedelta(end))
    return UnitPeriod(unit_id, kind, parent, unit_id, period)


def small() -> Tree:
    return Tree((unit("hq", HEAD, None), unit("a", BRANCH, "hq"), unit("b", BRANCH, "hq"), unit("t", TEAM, "a")))


def names(tree: Tree, unit_id: str, day: int) -> list[str]:
    return [row.unit_id for row in tree.path(unit_id, DAY + timedelta(day))]


def test_a_move_leaves_the_days_before_it_as_they_were() -> None:
    moved = changed(small(), "t", parent_id="b", name="t", valid_from=DAY + timedelta(10))
    assert names(moved, "t", 9) == ["hq", "a", "t"]
    assert names(moved, "t", 10) == ["hq", "b", "t"]
    assert [row.period for row in moved.of("t")] == [
        Period(DAY, DAY + timedelta(10)),
        Period(DAY + timedelta(10)),
    ]
    assert moved.below("b", DAY + timedelta(10)) == {"b", "t"}
    assert [(depth, row.unit_id) for depth, row in moved.in_order(DAY)] == [(0, "hq"), (1, "a"), (2, "t"), (1, "b")]


@pytest.mark.parametrize("kind", list(UnitKind))
@pytest.mark.parametrize("parent", list(UnitKind))
def test_each_kind_lies_only_under_the_kinds_of_the_table(kind: UnitKind, parent: UnitKind) -> None:
    rows = [unit("hq", HEAD, None), unit("branch", BRANCH, "hq"), unit("team", TEAM, "hq"), unit("post", POST, "hq")]
    above = {HEAD: "hq", BRANCH: "branch", TEAM: "team", POST: "post"}[parent]
    if parent in PARENTS[kind]:
        assert Tree((*rows, unit("new", kind, above))).path("new", DAY)
    else:
        with pytest.raises(WrongPlace):
            Tree((*rows, unit("new", kind, above)))


@pytest.mark.parametrize(
    "rows",
    [
        [unit("hq", HEAD, None), unit("other", HEAD, None)],
        [unit("a", BRANCH, None)],
        [unit("hq", HEAD, None), unit("a", BRANCH, "b"), unit("b", BRANCH, "a")],
        [unit("hq", HEAD, None), unit("a", BRANCH, "nobody")],
        [unit("hq", HEAD, None, 5), unit("a", BRANCH, "hq", 4)],
        [unit("hq", HEAD, None, 0, 9), unit("a", BRANCH, "hq", 0, 10)],
        [unit("hq", HEAD, None, 0, 9), unit("a", BRANCH, "hq")],
    ],
)
def test_a_tree_that_breaks_a_rule_on_any_day_cannot_be_constructed(rows: list[UnitPeriod]) -> None:
    with pytest.raises(WrongPlace):
        Tree(tuple(rows))


def test_a_unit_is_in_one_place_on_one_day() -> None:
    with pytest.raises(Conflict):
        Tree((unit("hq", HEAD, None), unit("a", BRANCH, "hq", 0, 6), unit("a", BRANCH, "hq", 5)))


def test_a_unit_with_others_below_it_cannot_close_before_them() -> None:
    with pytest.raises(WrongPlace, match="no parent"):
        closed(small(), "a", valid_to=DAY + timedelta(10))
    without = closed(small(), "t", valid_to=DAY + timedelta(10))
    assert closed(without, "a", valid_to=DAY + timedelta(10)).on(DAY + timedelta(10)).keys() == {"hq", "b"}
    with pytest.raises(WrongPlace):
        closed(without, "a", valid_to=DAY + timedelta(9))


def test_what_is_past_or_entered_already_is_not_changed() -> None:
    tree = changed(small(), "t", parent_id="b", name="t", valid_from=DAY + timedelta(10))
    with pytest.raises(UnitChangesLater):
        changed(tree, "t", parent_id="a", name="t", valid_from=DAY + timedelta(10))
    with pytest.raises(UnitChangesLater):
        closed(tree, "t", valid_to=DAY + timedelta(3))
    gone = closed(tree, "t", valid_to=DAY + timedelta(20))
    with pytest.raises(UnitChangesLater):
        changed(gone, "t", parent_id="a", name="t", valid_from=DAY + timedelta(15))
    with pytest.raises(NoSuchUnit):
        changed(gone, "t", parent_id="a", name="t", valid_from=DAY + timedelta(20))
    with pytest.raises(NoSuchUnit):
        closed(small(), "nobody", valid_to=DAY + timedelta(20))
    with pytest.raises(WrongPlace, match="head office"):
        closed(Tree((unit("hq", HEAD, None),)), "hq", valid_to=DAY + timedelta(20))
    with pytest.raises(Conflict):
        added(small(), unit("t", TEAM, "a"))


def test_a_unit_cannot_be_moved_below_itself() -> None:
    tree = added(small(), unit("a2", BRANCH, "a"))
    with pytest.raises(WrongPlace, match="below itself"):
        changed(tree, "a", parent_id="a2", name="a", valid_from=DAY + timedelta(1))
    with pytest.raises(WrongPlace):
        changed(tree, "a", parent_id="a", name="a", valid_from=DAY + timedelta(1))


IDS = ["hq", "u1", "u2", "u3", "u4", "u5"]
DAYS = st.integers(0, 40).map(lambda number: DAY + timedelta(number))
CHANGES = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), st.sampled_from(IDS[1:]), st.sampled_from(IDS), st.sampled_from([BRANCH, TEAM]), DAYS,
            st.none() | DAYS,
        ),
        st.tuples(st.just("move"), st.sampled_from(IDS), st.sampled_from(IDS), DAYS),
        st.tuples(st.just("close"), st.sampled_from(IDS), DAYS),
    ),
    max_size=25,
)  # fmt: skip


def _holds(tree: Tree, day: date) -> None:
    there = tree.on(day)
    for unit_id, row in there.items():
        seen = set()
        while row.parent_id is not None:
            assert row.unit_id not in seen, "a circle"
            seen.add(row.unit_id)
            assert row.parent_id in there, "an orphan"
            row = there[row.parent_id]
        assert row.kind is HEAD
        assert tree.path(unit_id, day)[0].unit_id == "hq"
    if there:
        assert tree.below("hq", day) == set(there)


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_no_change_ever_makes_a_circle_or_an_orphan_on_any_day(changes: list[tuple]) -> None:
    tree = Tree((unit("hq", HEAD, None),))
    for what, unit_id, *rest in changes:
        before = tree
        with suppress(DomainError):
            if what == "add":
                parent, kind, start, end = rest
                tree = added(tree, UnitPeriod(unit_id, kind, parent, unit_id, Period(start, end)))
            elif what == "move":
                parent, day = rest
                tree = changed(tree, unit_id, parent_id=parent, name=unit_id, valid_from=day)
            else:
                tree = closed(tree, unit_id, valid_to=rest[0])
        if tree is not before and what != "add":  # what is over stays what it was
            day = rest[-1]
            earlier = min(day, *(row.period.valid_from for row in before.rows)) if before.rows else day
            for number in range((day - earlier).days):
                assert tree.on(earlier + timedelta(number)) == {
                    known: row if tree.on(earlier + timedelta(number))[known] == row else _ended(row, day)
                    for known, row in before.on(earlier + timedelta(number)).items()
                }
        for number in range(46):
            _holds(tree, DAY + timedelta(number))


def _ended(row: UnitPeriod, day: date) -> UnitPeriod:
    return UnitPeriod(row.unit_id, row.kind, row.parent_id, row.name, Period(row.period.valid_from, day))


@pytest.mark.parametrize("code", ["", "a b", "组", "-x", "x" * 33])
def test_a_wrong_code_is_refused_by_its_field(code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_unit_code(code)
    assert refusal.value.field == "unit_code"


def test_codes_and_names_are_tidied_and_every_kind_is_named() -> None:
    assert checked_unit_code(" east-1 ") == "EAST-1"
    assert checked_unit_name("  华东  分部 ") == "华东 分部"
    for name in ("", "x" * 101, "a\x00b"):
        with pytest.raises(Invalid):
            checked_unit_name(name)
    assert set(UNIT_KIND_NAMES) == set(UnitKind)


def test_periods_are_half_open_and_have_days() -> None:
    period = Period(DAY, DAY + timedelta(1))
    assert period.holds_on(DAY)
    assert not period.holds_on(DAY + timedelta(1))
    assert not period.overlaps(Period(DAY + timedelta(1)))
    assert period.overlaps(Period(DAY))
    assert period.within(Period(DAY))
    assert not Period(DAY).within(period)
    for end in (0, -1):
        with pytest.raises(Invalid):
            Period(DAY, DAY + timedelta(end))
