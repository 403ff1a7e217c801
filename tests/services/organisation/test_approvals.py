"""The approvals engine: one command, run once, by somebody else than its maker, on what they read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict, DomainError, Invalid
from ops_app.domain.organisation.approvals import (
    ContentChanged,
    DecidedBefore,
    NotAllDecided,
    NotCarriedOut,
    NotYourLevel,
    OnlyTheMaker,
    OwnRequest,
    ReasonMissing,
    RequestChanged,
    RequestMove,
    RequestState,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation import approvals, people
from ops_app.store.organisation.approvals import history
from ops_app.store.store import SameKeyOtherContent, Store
from ops_app.store.tables.approvals import approval_decisions, approval_requests
from ops_app.store.tables.organisation import audit_log, outbox
from tests.services.organisation.approving import (
    ADMINISTRATOR,
    LIMIT,
    NOTE,
    NOW,
    WAIVE,
    a_person,
    ask,
    decide,
    effects,
    read_of,
    seen,
)

pytestmark = pytest.mark.usefixtures("approval_kinds")


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_person(store, "Maker")


@pytest.fixture
def supervisor(store: Store) -> Actor:
    return a_person(store, "Super")


@pytest.fixture
def manager(store: Store) -> Actor:
    return a_person(store, "Manager", Role.MANAGER)


def test_the_last_approval_runs_the_command_and_keeps_its_answer(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    done = decide(store, supervisor, one)
    assert done.state is RequestState.APPROVED
    assert done.result == {"waived": "L1"}
    assert effects(store) == 1
    after = seen(store, maker, one.request_id)
    assert after.result == {"waived": "L1"}
    with store.reading() as connection:
        said = history(connection, one.request_id)
    assert [(it.decision, it.decided_by_name, it.reason) for it in said] == [
        (RequestMove.APPROVE_LAST, "Super", "looked at")
    ]


@pytest.mark.parametrize(("amount", "levels"), [(LIMIT - 1, 1), (LIMIT, 2), (LIMIT + 1, 2), (0, 1), (None, 1)])
def test_an_amount_from_the_limit_on_climbs_two_levels(
    store: Store, maker: Actor, supervisor: Actor, manager: Actor, amount: int | None, levels: int
) -> None:
    one = ask(store, maker, amount)
    assert len(one.levels) == levels
    done = decide(store, supervisor, one)
    if levels == 2:
        assert done.state is RequestState.WAITING
        assert effects(store) == 0
        with pytest.raises(NotYourLevel, match="manager"):
            decide(store, a_person(store, "Other"), seen(store, maker, one.request_id))
        done = decide(store, manager, seen(store, maker, one.request_id))
    assert done.state is RequestState.APPROVED
    assert effects(store) == 1


def test_a_kind_without_a_rule_needs_one_approval_by_a_manager(
    store: Store, maker: Actor, supervisor: Actor, manager: Actor
) -> None:
    one = ask(store, maker, kind=NOTE)
    with pytest.raises(NotYourLevel):
        decide(store, supervisor, one)
    assert decide(store, manager, one).state is RequestState.APPROVED


@pytest.mark.parametrize("what", ["approve", "reject", "return"])
def test_the_maker_decides_nothing_about_an_own_request(store: Store, maker: Actor, what: str) -> None:
    one = ask(store, maker)
    with pytest.raises(OwnRequest):
        decide(store, maker, one, what)
    # a second session of the same person is the same person
    with pytest.raises(OwnRequest):
        decide(store, Actor(maker.person_id, "Other name", Role.SUPERVISOR, session_id="s2"), one, what)
    assert seen(store, maker, one.request_id).version == 1


def test_the_database_itself_refuses_a_maker_who_is_checker(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    row = {
        "decision_id": "d", "request_id": one.request_id, "nth": 1, "decision": "approve", "round_no": 1, "level_no": 1,
        "content_hash": one.content_hash, "maker_id": maker.person_id, "decided_by": supervisor.person_id,
        "role_code": "supervisor", "principal_id": supervisor.person_id, "reason": "", "decided_at": NOW, "key": "k",
    }  # fmt: skip
    planted = [
        {"decided_by": maker.person_id},
        {"principal_id": maker.person_id},
        {"maker_id": "somebody-else"},
        {"content_hash": "0" * 64},
    ]
    for wrong in planted:
        with pytest.raises(IntegrityError), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(insert(approval_decisions).values(**row | wrong))
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(insert(approval_decisions).values(**row))
        transaction.audit("test.planted", "approval_request", one.request_id)
    twice = {"decision_id": "e", "nth": 2, "key": "l", "level_no": 2}
    with pytest.raises(IntegrityError), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(insert(approval_decisions).values(**row | twice))


def test_each_level_is_decided_by_another_person(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker, LIMIT)
    decide(store, supervisor, one)
    people.change_role(
        ADMINISTRATOR, store, now=NOW, person_id=supervisor.person_id, version=1, role=Role.MANAGER, reason="promoted"
    )
    promoted = Actor(supervisor.person_id, "Super", Role.MANAGER)
    with pytest.raises(DecidedBefore):
        decide(store, promoted, seen(store, maker, one.request_id))


def test_a_role_that_was_taken_away_since_the_sign_in_decides_nothing(
    store: Store, maker: Actor, supervisor: Actor
) -> None:
    one = ask(store, maker)
    people.change_role(
        ADMINISTRATOR, store, now=NOW, person_id=supervisor.person_id, version=1, role=Role.ANALYST, reason="moved"
    )
    with pytest.raises(NotYourLevel):
        decide(store, supervisor, one)


def test_somebody_who_left_decides_nothing(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    people.deactivate_person(ADMINISTRATOR, store, now=NOW, person_id=supervisor.person_id, version=1, reason="left")
    with pytest.raises(NotYourLevel):
        decide(store, supervisor, one)
    with pytest.raises(NotYourLevel):
        decide(store, Actor("nobody", "Nobody", Role.SUPERVISOR), one)


def test_what_was_changed_after_reading_is_not_approved(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    with pytest.raises(ContentChanged):
        decide(store, supervisor, one, content_hash="0" * 64)
    decide(store, a_person(store, "Other"), one, "return")
    returned = seen(store, maker, one.request_id)
    approvals.resubmit(
        maker, store, now=NOW, request_id=one.request_id, expected_version=returned.version,
        arguments={"loan_id": "L1", "more": 1}, reason="more of it", amount_minor=200, currency="CNY", key="again",
    )  # fmt: skip
    with pytest.raises(RequestChanged, match="Maker"):
        decide(store, supervisor, one)
    again = seen(store, maker, one.request_id)
    assert again.content_hash != one.content_hash
    with pytest.raises(ContentChanged):
        decide(store, supervisor, one, expected_version=again.version)
    assert decide(store, supervisor, again).state is RequestState.APPROVED


def test_approvals_lapse_when_a_returned_request_is_submitted_again(
    store: Store, maker: Actor, supervisor: Actor, manager: Actor
) -> None:
    one = ask(store, maker, LIMIT)
    decide(store, supervisor, one)
    decide(store, manager, seen(store, maker, one.request_id), "return", reason="too much")
    returned = seen(store, maker, one.request_id)
    assert returned.state is RequestState.RETURNED
    with pytest.raises(OnlyTheMaker):
        approvals.resubmit(
            supervisor, store, now=NOW, request_id=one.request_id, expected_version=returned.version,
            arguments={}, reason="mine now", key="x",
        )  # fmt: skip
    approvals.resubmit(
        maker, store, now=NOW, request_id=one.request_id, expected_version=returned.version,
        arguments={"loan_id": "L1"}, reason="less of it", amount_minor=LIMIT - 1, currency="CNY", key="less",
    )  # fmt: skip
    again = seen(store, maker, one.request_id)
    assert (again.round_no, again.level_no, len(again.levels)) == (2, 1, 1)
    assert decide(store, supervisor, again).state is RequestState.APPROVED
    assert effects(store) == 1


def test_a_command_that_refuses_undoes_the_decision_and_says_why(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker, arguments={"loan_id": "L1", "refuse": True})
    with pytest.raises(NotCarriedOut, match=r"The balance changed\.") as refusal:
        decide(store, supervisor, one, key="same")
    assert "余额已变动" in refusal.value.zh
    assert seen(store, maker, one.request_id) == one
    with store.reading() as connection:
        said = connection.execute(select(audit_log).order_by(audit_log.c.seq.desc()).limit(1)).one()
    assert (said.action, said.actor_id) == ("approval.not_carried_out", supervisor.person_id)
    assert decide(store, supervisor, one, "reject", key="same2").state is RequestState.REJECTED


def test_a_repeated_key_gets_the_first_answer_and_another_content_is_refused(
    store: Store, maker: Actor, supervisor: Actor
) -> None:
    one = ask(store, maker, key="k1")
    assert ask(store, maker, key="k1").request_id == one.request_id
    with pytest.raises(SameKeyOtherContent):
        ask(store, maker, 101, key="k1")
    first = decide(store, supervisor, one, key="k2")
    assert decide(store, supervisor, one, key="k2") == first
    assert effects(store) == 1
    with pytest.raises(SameKeyOtherContent):
        decide(store, supervisor, one, key="k2", reason="something else")


def test_a_flagged_request_is_approved_with_a_reason(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker, flags=["large"])
    with pytest.raises(ReasonMissing):
        decide(store, supervisor, one, reason="")
    decide(store, supervisor, one, reason="within the budget")
    plain = ask(store, maker, loan="L2")
    assert decide(store, supervisor, plain, reason="").state is RequestState.APPROVED
    with pytest.raises(ReasonMissing):
        decide(store, supervisor, ask(store, maker, loan="L3"), "reject", reason="no")


def test_many_are_decided_all_or_none(store: Store, maker: Actor, supervisor: Actor) -> None:
    good = [ask(store, maker, loan=f"L{number}") for number in range(3)]
    bad = ask(store, supervisor, loan="mine")
    refusing = ask(store, maker, loan="R", arguments={"loan_id": "R", "refuse": True})
    items = {one.request_id: read_of(one) for one in (*good, bad, refusing)}
    common = {"now": NOW, "decision": RequestMove.APPROVE, "reason": "all fine"}
    preview = approvals.preview_decisions(supervisor, store, now=NOW, decision=RequestMove.APPROVE, items=items)
    assert (preview.count, preview.totals, set(preview.refused)) == (4, {"CNY": 400}, {bad.request_id})
    with pytest.raises(NotAllDecided) as refusal:
        approvals.decide_requests(supervisor, store, items=items, key="b1", **common)
    assert set(refusal.value.refused) == {bad.request_id, refusing.request_id}
    assert effects(store) == 0
    items = {one.request_id: read_of(one) for one in good}
    done = approvals.decide_requests(supervisor, store, items=items, key="b1", **common)
    assert approvals.decide_requests(supervisor, store, items=items, key="b1", **common) == done
    assert effects(store) == 3


def test_of_two_who_approve_at_once_one_has_an_effect(store: Store, maker: Actor) -> None:
    approvers = [a_person(store, f"S{number}") for number in range(2)]
    for number in range(4):
        one = ask(store, maker, loan=f"L{number}")
        together = Barrier(2)

        def attempt(actor: Actor, one=one, together=together) -> object:
            together.wait()
            try:
                return decide(store, actor, one)
            except DomainError as why:
                return why

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(attempt, approvers))
        assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]
        assert effects(store) == number + 1


def test_every_move_is_audited_once_and_published(store: Store, maker: Actor, supervisor: Actor) -> None:
    decide(store, supervisor, ask(store, maker), "reject")
    with store.reading() as connection:
        audited = connection.execute(
            select(audit_log.c.action).where(audit_log.c.object_type == "approval_request").order_by(audit_log.c.seq)
        ).scalars().all()  # fmt: skip
        told = connection.execute(select(outbox.c.payload_json).where(outbox.c.topic == "approvals")).scalars().all()
    assert audited == ["approval.requested", "approval.reject"]
    assert len(told) == 2
    assert maker.person_id in told[1]


def test_the_queue_holds_what_the_reader_may_decide_and_nothing_else(
    store: Store, maker: Actor, supervisor: Actor, manager: Actor
) -> None:
    small, large = ask(store, maker, 1, "small"), ask(store, maker, LIMIT, "large", flags=["large"])
    own = ask(store, supervisor, 5, "own")

    def queue(actor: Actor, **wanted: object) -> set[str]:
        page = approvals.list_requests(actor, store, now=NOW, only_mine=True, wanted=approvals.RequestFilter(**wanted))
        assert page.total == len(page.rows)
        return {one.request_id for one in page.rows}

    assert queue(supervisor) == {small.request_id, large.request_id}
    assert queue(maker) == {own.request_id}
    assert queue(manager) == set()
    decide(store, supervisor, large)
    assert queue(supervisor) == {small.request_id}
    assert queue(manager) == {large.request_id}
    assert queue(manager, flag="large") == {large.request_id}
    assert queue(manager, most_minor=LIMIT - 1) == set()
    assert queue(manager, least_minor=LIMIT, kinds=frozenset({WAIVE})) == {large.request_id}
    assert approvals.my_requests(maker, store, now=NOW).total == 2
    with pytest.raises(Invalid):
        approvals.list_requests(maker, store, now=NOW, sort="request_id; drop")


def test_nothing_is_written_of_a_refused_move(store: Store, maker: Actor) -> None:
    one = ask(store, maker)
    with pytest.raises(OwnRequest):
        decide(store, maker, one)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(approval_decisions)).scalar_one() == 0
        assert connection.execute(select(approval_requests.c.version)).scalar_one() == 1


def test_of_many_those_that_can_be_are_decided_and_the_others_come_back_with_their_reasons(
    store: Store, maker: Actor, supervisor: Actor
) -> None:
    good = [ask(store, maker, loan=f"L{number}") for number in range(2)]
    bad = ask(store, supervisor, loan="mine")
    refusing = ask(store, maker, loan="R", arguments={"loan_id": "R", "refuse": True})
    items = {one.request_id: read_of(one) for one in (*good, bad, refusing)}
    common = {"now": NOW, "decision": RequestMove.APPROVE, "reason": "all fine", "leave_out": True}
    found = approvals.decide_requests(supervisor, store, items=items, key="b1", **common)
    assert {one.request_id for one in found.done} == {one.request_id for one in good}
    assert set(found.refused) == {bad.request_id, refusing.request_id}
    assert "余额已变动" in found.refused[refusing.request_id].zh
    again = approvals.decide_requests(supervisor, store, items=items, key="b1", **common)
    assert again.done == found.done
    assert {one: why.zh for one, why in again.refused.items()} == {one: why.zh for one, why in found.refused.items()}
    assert effects(store) == 2
    # what was undone is not said to have been done
    with store.reading() as connection:
        said = connection.execute(
            select(audit_log.c.object_id).where(audit_log.c.action.in_(["approval.approve_last", "test.waived"]))
        ).scalars()
        tried = connection.execute(
            select(audit_log.c.object_id).where(audit_log.c.action == "approval.not_carried_out")
        ).scalars()
        assert set(said) == {one.request_id for one in good} | {"L0", "L1"}
        assert set(tried) == {refusing.request_id}
    assert seen(store, maker, refusing.request_id).state is RequestState.WAITING
    left = {one: read for one, read in items.items() if one in found.refused}
    with pytest.raises(NotAllDecided):
        approvals.decide_requests(supervisor, store, items=left, key="b2", **common)
