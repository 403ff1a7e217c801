"""Parameters in the store: what is proposed, what is kept, what is read, and what nobody can change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.errors import Conflict, DomainError, Invalid, Refused
from ops_app.domain.money import Money
from ops_app.domain.organisation.approvals import NotCarriedOut, OpenAlready
from ops_app.domain.organisation.parameter_changes import Change
from ops_app.domain.organisation.parameter_ranges import Range
from ops_app.domain.organisation.parameters import (
    ALL,
    Effect,
    HeldElsewhere,
    NoSuchParameter,
    ParameterChanged,
    Scope,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.organisation import approvals, parameter_reading, parameters
from ops_app.services.organisation.parameter_changes import KIND, arguments_of, run_change
from ops_app.services.organisation.parameters import ParameterFilter
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from ops_app.store.tables.parameters import parameter_versions
from tests.services.organisation.approving import a_person, decide
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.parameters import (
    BANDS,
    CASH,
    PLAIN,
    RISKY,
    TODAY,
    ZONE,
    day,
    propose,
    set_to,
    usual_catalogue,
    value,
)

ADMIN, COMPLIANCE, FINANCE = someone(Role.ADMINISTRATOR), someone(Role.COMPLIANCE), someone(Role.FINANCE)
LENDER = Scope(lender="B1")


@pytest.fixture(autouse=True)
def _catalogue() -> Iterator[None]:
    with usual_catalogue():
        yield


def rows(store: Store, table):
    with store.reading() as connection:
        return connection.execute(select(table)).all()


def test_a_change_holds_from_its_day_is_audited_and_leaves_what_was_before(store: Store) -> None:
    done = propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0)
    assert (done.version_nos, done.approval_id) == ((1,), None)
    assert [value(store, PLAIN, day(number)) for number in (0, 1, 900)] == [1, 5, 5]
    (row,) = rows(store, audit_log)
    assert (row.action, row.object_type, row.object_id) == ("parameter.changed", "parameter", PLAIN)
    assert (row.actor_id, row.reason) == (ADMIN.person_id, "because")
    assert json.loads(row.before_json) == {"scope": "all", "value": 1, "version_no": 0}
    after = json.loads(row.after_json)
    assert (after["value"], after["valid_from_date"], after["version_nos"]) == (5, "2026-11-25", [1])


def test_each_kind_of_value_comes_back_as_it_went(store: Store) -> None:
    bands = (Range("A", 0, 30), Range("B", 31, None))
    propose(ADMIN, store, set_to(BANDS, bands, day(1)), 0)
    propose(ADMIN, store, set_to(CASH, Money(500, "JPY"), day(1), LENDER), 0)
    assert value(store, BANDS, day(1)) == bands
    assert value(store, CASH, day(1), LENDER) == Money(500, "JPY")
    assert value(store, CASH, day(1)) == Money(100, "CNY")


def test_a_stale_change_is_refused_by_naming_who_was_first_and_changes_nothing(store: Store, admin: Actor) -> None:
    propose(admin, store, set_to(PLAIN, 5, day(1)), 0)
    with pytest.raises(ParameterChanged, match="Ada changed this parameter") as refusal:
        propose(COMPLIANCE, store, set_to(PLAIN, 6, day(1)), 0, "other")
    assert isinstance(refusal.value, Conflict)
    assert value(store, PLAIN, day(1)) == 5
    propose(COMPLIANCE, store, set_to(PLAIN, 6, day(1)), 1, "again")
    assert value(store, PLAIN, day(1)) == 6


def test_two_who_change_at_once_are_not_both_first(store: Store) -> None:
    def attempt(number: int) -> object:
        try:
            return propose(ADMIN, store, set_to(PLAIN, number + 2, day(1)), 0, f"k{number}").version_nos
        except ParameterChanged:
            return "late"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert sorted(map(str, answers)) == ["(1,)", "late", "late", "late"]


def test_a_repeated_key_is_given_the_first_answer_and_other_content_is_refused(store: Store) -> None:
    first = propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0, "k")
    assert propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0, "k") == first
    with pytest.raises(Conflict, match="other content"):
        propose(ADMIN, store, set_to(PLAIN, 6, day(1)), 0, "k")
    assert len(rows(store, parameter_versions)) == 1


def test_risky_and_back_dated_changes_wait_for_somebody_else(store: Store) -> None:
    maker, manager = a_person(store, "Maker", Role.ADMINISTRATOR), a_person(store, "Manager", Role.MANAGER)
    for number, change in enumerate((set_to(RISKY, 5, day(1)), set_to(PLAIN, 6, day(-1), LENDER))):
        asked = propose(maker, store, change, 0)
        assert asked.version_nos == ()
        assert asked == propose(maker, store, change, 0)
        assert len(rows(store, parameter_versions)) == number
        one = approvals.read_request(manager, store, now=NOW, request_id=asked.approval_id).item
        assert one.flags == (("risky",), ("back_dated",))[number]
        with pytest.raises(OpenAlready):
            propose(maker, store, change, 0, "again")
        with pytest.raises(Refused):
            decide(store, maker, one, now=NOW)
        decide(store, manager, one, now=NOW)
        made = rows(store, parameter_versions)[number]
        assert (made.approval_id, made.made_by, made.reason) == (one.request_id, maker.person_id, "because")
    assert value(store, RISKY, day(1)) == 5
    assert value(store, PLAIN, day(-1), LENDER) == 6
    acts = [row.action for row in rows(store, audit_log)]
    assert acts.count("parameter.changed") == 2


def test_an_approval_that_comes_too_late_or_after_another_change_changes_nothing(store: Store) -> None:
    maker, manager = a_person(store, "Maker", Role.ADMINISTRATOR), a_person(store, "Manager", Role.MANAGER)
    late = propose(maker, store, set_to(RISKY, 5, day(1)), 0).approval_id
    one = approvals.read_request(manager, store, now=NOW, request_id=late).item
    with pytest.raises(NotCarriedOut, match="went by while it waited"):
        decide(store, manager, one, now=NOW + timedelta(days=2))
    waiting = propose(maker, store, set_to(PLAIN, 5, day(-1)), 0).approval_id
    propose(COMPLIANCE, store, set_to(PLAIN, 6, day(1)), 0, "direct")
    one = approvals.read_request(manager, store, now=NOW, request_id=waiting).item
    with pytest.raises(NotCarriedOut, match="compliance changed this parameter meanwhile"):
        decide(store, manager, one, now=NOW)
    assert len(rows(store, parameter_versions)) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        {"made_by": "p-other"},
        {"back_dated": True},
        {"value": 1_000_000},
        {"value": "5"},
        {"scope": "all/none"},
        {"effect": "delete"},
        {"zone": "Nowhere/Land"},
        {"valid_from_date": "tomorrow"},
        {"code": "casework.plain"},
        {"expected_version": 3},
        {"more": 1},
    ],
)
def test_a_request_that_says_one_thing_and_does_another_is_refused(store: Store, spoilt: dict) -> None:
    maker = a_person(store, "Maker", Role.ADMINISTRATOR)
    change = set_to(RISKY, 5, day(1))
    arguments = arguments_of(
        change, expected_version=0, zone=ZONE.key, reason="r", made_by=maker.person_id, back_dated=False
    )
    given = {"now": NOW, "kind": KIND, "object_type": "parameter", "object_id": RISKY, "reason": "why", "key": "k"}
    with pytest.raises(DomainError):
        approvals.request_approval(maker, store, arguments=arguments | spoilt, flags=("risky",), **given)
    assert approvals.request_approval(maker, store, arguments=arguments, flags=("risky",), **given)


def test_what_a_file_holds_and_what_does_not_vary_is_refused(store: Store) -> None:
    with pytest.raises(HeldElsewhere):
        propose(ADMIN, store, set_to("casework.held", 5, day(1)), 0)
    with pytest.raises(Invalid) as refusal:
        propose(ADMIN, store, set_to(PLAIN, 5, day(1), Scope(pack="CN")), 0)
    assert refusal.value.field == "pack"
    with pytest.raises(NoSuchParameter):
        propose(ADMIN, store, set_to("casework.none", 5, day(1)), 0)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_change_says_why(store: Store, reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0, reason=reason)
    assert refusal.value.field == "reason"


def test_the_day_is_that_of_the_installations_zone(store: Store) -> None:
    late = NOW.replace(hour=17)  # the 25th has begun in Shanghai
    assert propose(ADMIN, store, set_to(PLAIN, 5, day(0), LENDER), 0, "early", now=late).approval_id
    assert propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0, now=late).version_nos == (1,)


@pytest.mark.parametrize("role", [role for role in Role if role not in GRANTS["parameters.change"]])
def test_only_those_who_may_change_parameters(role: Role) -> None:
    with pytest.raises(Refused, match="administrator, compliance"):
        propose(someone(role, "A01" if role.value.startswith("agency") else None), None, set_to(PLAIN, 5, day(1)), 0)


def test_a_history_tells_each_version_its_days_and_its_maker(store: Store, admin: Actor) -> None:
    propose(admin, store, set_to(PLAIN, 5, day(10)), 0)
    propose(admin, store, set_to(PLAIN, 6, day(10)), 1)
    propose(admin, store, set_to(PLAIN, 9, day(2), end=day(4)), 2)
    record = parameters.read_parameter(admin, store, now=NOW, on_date=day(2), code=PLAIN)
    assert [(one.version.version_no, one.value, one.made_by_name) for one in record.history] == [
        (4, None, "Ada"), (3, 9, "Ada"), (2, 6, "Ada"), (1, 5, "Ada"),
    ]  # fmt: skip
    held = [(one.step.valid_from_date, one.step.valid_to_date) if one.step else None for one in record.history]
    assert held == [(day(4), day(10)), (day(2), day(4)), (day(10), None), None]
    assert (record.held.value, record.expected_version) == (9, 4)


def test_a_list_shows_what_holds_what_comes_and_is_narrowed_sorted_and_paged(store: Store) -> None:
    propose(ADMIN, store, set_to(PLAIN, 5, day(3)), 0)
    propose(ADMIN, store, set_to(PLAIN, 7, day(3), LENDER), 0, "narrow")

    def codes(**more) -> list[str]:
        page = parameters.list_parameters(ADMIN, store, now=NOW, on_date=TODAY, **more)
        return [row.definition.code for row in page.rows]

    assert codes(wanted=ParameterFilter(area="ledger")) == [CASH]
    assert codes(wanted=ParameterFilter(text="PLAIN")) == [PLAIN]
    assert codes(wanted=ParameterFilter(text="测试"), page_size=2) == [BANDS, "casework.held"]
    assert codes(wanted=ParameterFilter(changed_only=True)) == [PLAIN]
    assert codes(sort="next_date")[0] == PLAIN
    assert codes(page=3, page_size=2) == [CASH, "organisation.approval_expiry_days"]
    row = parameters.list_parameters(ADMIN, store, now=NOW, on_date=TODAY, wanted=ParameterFilter(text="plain")).rows[0]
    assert (row.held.value, row.next_value, row.next_date, row.narrower, row.version_no) == (1, 5, day(3), 1, 1)
    with pytest.raises(Invalid):
        codes(sort="value_json")
    with pytest.raises(Invalid):
        codes(page=0)


def test_a_preview_changes_nothing(store: Store) -> None:
    shown = parameters.preview_change(ADMIN, store, now=NOW, zone=ZONE, change=set_to(RISKY, 5, day(1)))
    assert [(one.first_date, one.before.value, one.after.value) for one in shown.differences] == [(day(1), 1, 5)]
    assert shown.approval_reasons == ("risky",)
    assert not rows(store, parameter_versions)


def test_a_planned_change_is_withdrawn_and_stays_in_the_history(store: Store) -> None:
    propose(ADMIN, store, set_to(PLAIN, 5, day(5)), 0)
    propose(ADMIN, store, Change(PLAIN, ALL, Effect.WITHDRAW, day(5)), 1)
    assert value(store, PLAIN, day(6)) == 1
    assert [row.effect for row in rows(store, parameter_versions)] == ["set", "withdraw"]
    assert rows(store, audit_log)[-1].action == "parameter.withdrawn"


def test_versions_cannot_be_changed_removed_or_put_on_the_same_day(store: Store) -> None:
    propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0)
    row = dict(rows(store, parameter_versions)[0]._mapping)
    table = parameter_versions
    spoilt = [
        update(table).values(value_json="6"),
        delete(table),
        insert(table).values(row | {"seq": 2, "version_no": 2, "prev_id": "a", "version_id": "b"}),
        insert(table).values(row | {"seq": 3, "version_no": 2, "prev_id": "a", "version_id": "b", "replaces": 1}),
        insert(table).values(
            row | {"seq": 2, "version_no": 2, "prev_id": "a", "version_id": "b", "replaces": 1}
            | {"valid_from_date": day(2)}
        ),
        insert(table).values(row | {"seq": 2, "version_no": 2, "prev_id": "a", "version_id": "b", "replaces": 2}),
        insert(table).values(
            row | {"seq": 2, "version_no": 2, "prev_id": "a", "version_id": "b", "valid_from_date": day(2)}
            | {"effect": "follow"}
        ),
    ]  # fmt: skip
    for statement in spoilt:
        with pytest.raises((IntegrityError, DBAPIError)), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(statement)
            transaction.audit("test.spoilt", "test", "x")
    assert [dict(one._mapping) for one in rows(store, parameter_versions)] == [row]


def test_a_set_is_read_once_for_each_state_and_what_was_rolled_back_is_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = parameter_reading.parameters.all_versions
    monkeypatch.setattr(parameter_reading.parameters, "all_versions", lambda c: reads.append(1) or real(c))
    propose(ADMIN, store, set_to(PLAIN, 5, day(1)), 0)
    value(store, PLAIN, day(1))
    before = len(reads)
    for number in range(20):
        value(store, PLAIN, day(number))
    assert len(reads) == before

    class Undone(Exception):
        pass

    def arguments(number: int):
        return arguments_of(
            set_to(PLAIN, number, day(1)),
            expected_version=1,
            zone=ZONE.key,
            reason="r",
            made_by="p-1",
            back_dated=False,
        )

    with pytest.raises(Undone), store.writing(ADMIN, NOW) as transaction:
        run_change(transaction, arguments(6))
        assert parameters.value_on(transaction.connection, PLAIN, day(1)) == 6
        raise Undone
    assert value(store, PLAIN, day(1)) == 5
    with store.writing(ADMIN, NOW) as transaction:
        run_change(transaction, arguments(7))
    assert value(store, PLAIN, day(1)) == 7
