"""Rules of approval and the life of a request, by tables of cases and by properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops_app.config import Settings
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approval_rules import ApprovalRule, check_rules, levels_for, rules_from
from ops_app.domain.organisation.approvals import (
    AGENCY_DECIDERS,
    MOVES,
    OPEN,
    RANKS,
    REQUEST_MOVE_NAMES,
    REQUEST_STATE_NAMES,
    DecidedBefore,
    Decider,
    MoveNotAllowed,
    OwnRequest,
    RequestMove,
    RequestState,
    check_apart,
    holds_level,
    may_stand_in,
    move,
)
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS

AT = datetime(2026, 3, 10, tzinfo=UTC)
KIND = "waiver.grant"
S, M, F, C = Role.SUPERVISOR, Role.MANAGER, Role.FINANCE, Role.COMPLIANCE


def rule(level: int, role: Role, from_minor: int = 0, currency: str = "*", **other: object) -> ApprovalRule:
    return ApprovalRule(KIND, level, role, AT, from_minor, currency, **other)


RULES = (
    rule(1, S),
    rule(1, F, 1_000),
    rule(2, M, 5_000),
    rule(3, C, 9_000),
    rule(1, C, 0, "USD"),
    rule(2, M, 100, "USD"),
)


@pytest.mark.parametrize(
    ("amount", "currency", "levels"),
    [
        (None, None, (S,)),
        (0, "CNY", (S,)),
        (999, "CNY", (S,)),
        (1_000, "CNY", (F,)),
        (1_001, "CNY", (F,)),
        (4_999, "CNY", (F,)),
        (5_000, "CNY", (F, M)),
        (5_001, "CNY", (F, M)),
        (9_000, "CNY", (F, M, C)),
        (99, "USD", (C,)),
        (100, "USD", (C, M)),
        (101, "USD", (C, M)),
        (9_000, "USD", (C, M)),
    ],
)
def test_the_levels_of_an_amount(amount: int | None, currency: str | None, levels: tuple[Role, ...]) -> None:
    assert levels_for(RULES, KIND, amount, currency, AT) == levels


def test_a_kind_without_a_rule_needs_a_manager() -> None:
    assert levels_for(RULES, "other.kind", 1, "CNY", AT) == (M,)
    assert levels_for(RULES, KIND, 1, "CNY", AT - timedelta(microseconds=1)) == (M,)


def test_a_rule_holds_from_its_start_until_before_its_end() -> None:
    ends = AT + timedelta(days=1)
    rules = (rule(1, S, ends_at=ends), ApprovalRule(KIND, 1, F, ends))
    assert levels_for(rules, KIND, 1, "CNY", ends - timedelta(microseconds=1)) == (S,)
    assert levels_for(rules, KIND, 1, "CNY", ends) == (F,)
    assert not rule(1, S, ends_at=AT).is_valid(AT)


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([S, M, F, C]), st.integers(0, 50)), max_size=12),
       st.integers(0, 60), st.integers(0, 60))  # fmt: skip
def test_a_larger_amount_never_needs_fewer_levels(rows: list[tuple[int, Role, int]], one: int, other: int) -> None:
    rules = [rule(level, role, from_minor) for level, role, from_minor in rows if from_minor or level > 1]
    rules.append(rule(1, S))
    small, large = sorted((one, other))
    assert len(levels_for(rules, KIND, small, "CNY", AT)) <= len(levels_for(rules, KIND, large, "CNY", AT))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("kind", {"kind": "Waiver"}),
        ("role", {"role": Role.COLLECTOR}),
        ("level_no", {"level_no": 0}),
        ("level_no", {"level_no": 10}),
        ("from_minor", {"from_minor": -1}),
        ("currency", {"currency": "yuan"}),
        ("ends_at", {"ends_at": AT - timedelta(days=1)}),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(field: str, wrong: dict[str, object]) -> None:
    values: dict[str, object] = {"kind": KIND, "level_no": 1, "role": S, "starts_at": AT}
    with pytest.raises(Invalid) as refusal:
        ApprovalRule(**values | wrong)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "rules",
    [
        (rule(1, S), rule(1, M)),
        (rule(1, S), ApprovalRule(KIND, 1, M, AT + timedelta(days=9))),
        (rule(1, S, 1),),
        (rule(2, M),),
        (rule(1, S), rule(1, S, 5, "USD")),
    ],
)
def test_rules_that_overlap_or_leave_a_gap_are_refused(rules: tuple[ApprovalRule, ...]) -> None:
    with pytest.raises(Invalid):
        check_rules(rules)


def test_rules_one_after_another_are_accepted() -> None:
    ends = AT + timedelta(days=1)
    check_rules((rule(1, S, ends_at=ends), ApprovalRule(KIND, 1, M, ends), rule(2, M, 5)))


def test_the_rules_of_the_reference_data_are_whole() -> None:
    stated = yaml.safe_load(Path(Settings.load().reference_dir / "approval_rules.yml").read_text(encoding="utf-8"))
    rules = rules_from(stated, AT)
    assert {one.kind for one in rules} == set(stated)


@pytest.mark.parametrize("state", list(RequestState))
@pytest.mark.parametrize("what", list(RequestMove))
def test_every_pair_of_state_and_move_is_in_the_table_or_refused(state: RequestState, what: RequestMove) -> None:
    if what in MOVES[state]:
        assert move(state, what) is MOVES[state][what]
        assert state in OPEN
    else:
        with pytest.raises(MoveNotAllowed) as refusal:
            move(state, what)
        assert REQUEST_STATE_NAMES[state][1] in refusal.value.zh


def test_every_state_move_and_deciding_role_is_named_and_granted() -> None:
    assert set(REQUEST_STATE_NAMES) == set(RequestState) == set(MOVES)
    assert set(REQUEST_MOVE_NAMES) == set(RequestMove)
    assert set(RANKS) | AGENCY_DECIDERS == GRANTS["approvals.decide"]


@pytest.mark.parametrize("level", sorted(RANKS))
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("active", [True, False])
def test_who_holds_a_level_and_who_may_stand_in(level: Role, role: Role, active: bool) -> None:
    somebody = Decider("p", role, active)
    assert holds_level(somebody, level) is (active and role is level)
    higher = role in RANKS and RANKS[role] > RANKS[level]
    assert may_stand_in(somebody, level) is (active and (role is level or higher))


@given(st.sets(st.sampled_from("abcd"), min_size=1), st.sampled_from("abcd"), st.sets(st.sampled_from("abcd")))
def test_maker_checker_and_earlier_checkers_are_different_people(
    deciding: set[str], maker: str, earlier: set[str]
) -> None:
    wanted = OwnRequest if maker in deciding else DecidedBefore if deciding & earlier else None
    if wanted is None:
        check_apart(maker, frozenset(deciding), frozenset(earlier))
    else:
        with pytest.raises(wanted):
            check_apart(maker, frozenset(deciding), frozenset(earlier))
