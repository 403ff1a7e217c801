"""An amount that is hidden is nowhere in an answer, is no number, and is never written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.canonical import canonical_json
from ops_app.domain.hidden import HIDDEN
from ops_app.domain.organisation.amounts import (
    check_by_amount,
    is_amount,
    require_amounts,
    sees_amounts,
    sorts_for,
    without_amounts,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import may, require
from ops_app.domain.organisation.rights import AMOUNTS, NEED_AMOUNTS, AmountsHidden, Rights

SEES = Actor("p-1", "Sun", Role.SUPERVISOR)
BLIND = replace(SEES, rights=Rights(withheld=frozenset({AMOUNTS})))
PLANTED = 765_432_109

NAMES = st.sampled_from(["balance_minor", "totals", "amount", "case_id", "count", "reason", "plan", "owed", "parts"])


@dataclass(frozen=True)
class Part:
    name: str
    paid_minor: int | None
    count: int = 3

    def __post_init__(self) -> None:
        assert self.paid_minor is None or self.paid_minor >= 0


@dataclass(frozen=True)
class Asked:
    amount_minor: int | None
    content_hash: str


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Answers of any shape in which amounts stand under names of amounts alone."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.text("abc", max_size=3))
    part = st.builds(Part, st.text("abc", max_size=3), leaf)

    def within(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        def under(name: str) -> st.SearchStrategy[Any]:
            held = st.one_of(leaf, st.dictionaries(st.sampled_from(["CNY", "USD"]), leaf)) if is_amount(name) else inner
            return st.tuples(st.just(name), held)

        return st.one_of(
            st.lists(inner, max_size=3), st.tuples(inner, inner),
            st.lists(NAMES.flatmap(under), max_size=4).map(dict),
        )  # fmt: skip

    return st.recursive(st.one_of(plain, part), within, max_leaves=12)


@given(nested(st.just(PLANTED)))
def test_no_amount_is_left_however_deep_it_stands(answer: Any) -> None:
    before = repr(answer)
    assert str(PLANTED) not in repr(without_amounts(answer))
    assert repr(answer) == before, "what is kept is not changed"


@given(nested(st.none()))
def test_what_holds_no_amount_is_given_back_as_it_is(answer: Any) -> None:
    assert without_amounts(answer) == answer


def test_a_record_keeps_everything_else_and_its_checks_are_not_run_again() -> None:
    hidden = without_amounts(Part("fee", PLANTED))
    assert (hidden.name, hidden.paid_minor, hidden.count) == ("fee", HIDDEN, 3)
    assert without_amounts(Part("fee", None)) == Part("fee", None)


def test_the_hash_of_what_holds_an_amount_is_hidden_with_it() -> None:
    assert without_amounts(Asked(PLANTED, "f" * 64)).content_hash == HIDDEN
    assert without_amounts(Asked(None, "f" * 64)).content_hash == "f" * 64
    assert without_amounts({"rows_hash": "f" * 64, "note": "f" * 64}) == {"rows_hash": HIDDEN, "note": "f" * 64}


def test_a_hidden_amount_stays_hidden_in_sums_and_is_no_number() -> None:
    assert sum([HIDDEN, 5]) is HIDDEN  # type: ignore[list-item]
    assert 5 - HIDDEN is HIDDEN
    for wrong in (lambda: HIDDEN < 5, lambda: HIDDEN < 5, lambda: int(HIDDEN), lambda: HIDDEN >= HIDDEN):
        with pytest.raises((TypeError, ValueError)):
            wrong()


def test_what_cannot_be_looked_through_is_not_let_out() -> None:
    with pytest.raises(TypeError, match="generator"):
        without_amounts({"rows": (one for one in [PLANTED])})


def test_what_is_hidden_is_never_written_down() -> None:
    with pytest.raises(TypeError, match="not written down"):
        canonical_json({"balance_minor": HIDDEN})


@pytest.mark.parametrize("permission", sorted(NEED_AMOUNTS))
def test_rights_to_what_is_made_of_amounts_lapse_with_the_right_to_see_them(permission: str) -> None:
    for role in Role:
        whole, less = Actor("p", "P", role), Actor("p", "P", role, rights=BLIND.rights)
        assert not may(less, permission)
        if may(whole, permission):
            with pytest.raises(AmountsHidden, match="Amounts are hidden from you"):
                require(less, permission)


def test_who_sees_no_amounts_does_not_sort_or_act_by_them() -> None:
    assert sees_amounts(SEES)
    assert not sees_amounts(BLIND)
    assert sorts_for(SEES, ("days_past_due", "balance_minor")) == ("days_past_due", "balance_minor")
    assert sorts_for(BLIND, ("days_past_due", "balance_minor")) == ("days_past_due",)
    require_amounts(SEES)
    check_by_amount(SEES, "amount_minor", "least_units")
    check_by_amount(BLIND, "made_at", None)
    for name in ("amount_minor", "least_units", "balance_minor"):
        with pytest.raises(AmountsHidden):
            check_by_amount(BLIND, name)
    with pytest.raises(AmountsHidden):
        require_amounts(BLIND)


def test_thresholds_of_the_house_stay_in_sight() -> None:
    rule = {"from_minor": 5_000, "above_minor": 1, "least_balance_minor": 2}
    assert without_amounts(rule) == rule
