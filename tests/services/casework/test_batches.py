"""Placing, extending, recalling, transferring in batches: asked by one, approved by another, judged when it is run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.casework.cases import CaseMove, CaseState, Custody, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.placing import AgencyStopped, BatchKind
from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.approvals import MoveNotAllowed, NotCarriedOut, OwnRequest, RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework.batch_changes import earlier_versions, read_own_batch, resubmit_batch
from ops_app.services.casework.batches import (
    Asked,
    list_batches,
    preview_batch,
    read_batch,
    submit_batch,
)
from ops_app.services.casework.cases import list_cases, read_case
from ops_app.services.casework.ending import end_due_placements
from ops_app.services.casework.moving import move_case, set_flag
from ops_app.services.casework.placing import SomeRefused, queue_cases
from ops_app.services.casework.recalling import announced_recalls, run_announce_recall
from ops_app.services.casework.verify import verify_one_owner
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approval_kinds import kind_of
from ops_app.store.casework import notices
from ops_app.store.store import Store, Transaction
from tests.services.casework.casebook import (
    AG1,
    AG2,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    a_debtor,
    a_spell,
    an_agency,
    assigned,
    closing,
    now_is,
    placed,
    placing,
    some_cases,
    taken_in,
    versions,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def manager(store: Store) -> Actor:
    return a_collector(store, "manager", role=Role.MANAGER)


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_collector(store, "maker", role=Role.SUPERVISOR)


def asked(store: Store, *ids: str, kind: BatchKind = BatchKind.PLACE, agency: str | None = "AG01", due=DUE) -> Asked:
    return Asked(kind, versions(store, *ids), ZONE, agency, due)


def submit(store: Store, by: Actor, what: Asked, key: str = "k1", **other):
    return submit_batch(by, store, now=NOW, asked=what, reason=WHY, key=key, **other)


def decide(store: Store, by: Actor, batch_id: str, now=LATER, act=engine.approve):
    (one,) = engine.requests_on(by, store, now=now, object_type="case_batch", object_id=batch_id)
    return act(
        by, store, now=now, request_id=one.request_id, expected_version=one.version, content_hash=one.content_hash,
        reason="looked at", key=f"{act.__name__}/{one.request_id}/{one.version}",
    )  # fmt: skip


def queued(store: Store, tmp_path: Path, count: int = 6, agency: str = "AG01", **other) -> list[str]:
    ids = some_cases(store, tmp_path, count)
    an_agency(store, agency, **other)
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *ids), reason=WHY)
    return ids


def test_nothing_is_placed_until_somebody_else_approves(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids))
    assert (batch.case_count, batch.excluded_count) == (6, 0)
    assert batch.balance_minor == batch.principal_minor == sum(100_000 + n for n in range(1, 7))
    assert list_cases(AG1, store, now=LATER).rows == ()
    with pytest.raises(OwnRequest):
        decide(store, maker, batch.batch_id)
    done = decide(store, manager, batch.batch_id)
    assert (done.state, done.result["done"], done.result["dropped"]) == (RequestState.APPROVED, 6, 0)
    assert {one.case_id for one in list_cases(AG1, store, now=LATER).rows} == set(ids)
    assert list_cases(AG2, store, now=LATER).rows == ()
    assert [
        (one.batch.batch_id, one.state) for one in list_batches(maker, store, now=LATER, made_by=maker.person_id).rows
    ] == [(batch.batch_id, "approved")]
    assert {one.outcome for one in read_batch(manager, store, now=LATER, batch_id=batch.batch_id).rows} == {"done"}
    assert verify_one_owner(store).state == "holds"


def test_the_same_key_asks_once(store: Store, tmp_path: Path, maker: Actor) -> None:
    ids = queued(store, tmp_path)
    what = asked(store, *ids[:3])
    assert submit(store, maker, what) == submit(store, maker, what)
    assert list_batches(maker, store, now=NOW).total == 1


def test_a_preview_names_every_reason_and_changes_nothing(store: Store, tmp_path: Path, maker: Actor) -> None:
    ids = queued(store, tmp_path)
    far = a_spell(7, region_code="440000", currency="CNY")
    small = a_spell(8, balance_minor=9_999)
    dollars = a_spell(9, currency="USD", balance_minor=9_999)
    taken_in(store, tmp_path, far, small, dollars, debtors=[a_debtor(n) for n in (7, 8, 9)])
    more = [row["case_id"] for row in (far, small, dollars)]
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *more), reason=WHY)
    for flag in (Flag.DISPUTE, Flag.DECEASED, Flag.VULNERABLE):
        version = now_is(store, ids[0]).version
        set_flag(SUPERVISOR, store, now=NOW, case_id=ids[0], version=version, flag=flag, reason=WHY)
    found = preview_batch(maker, store, now=NOW, asked=asked(store, *ids, *more))
    assert {case_id: [one.code for one in reasons] for case_id, _, reasons in found.excluded} == {
        ids[0]: ["dispute", "deceased"], more[0]: ["outside_region"], more[1]: ["below_minimum"],
    }  # fmt: skip
    assert [(one.currency, one.count, one.balance_minor) for one in found.totals] == [
        ("CNY", 5, sum(100_000 + n for n in range(2, 7))), ("USD", 1, 9_999),
    ]  # fmt: skip
    assert found.against == ()
    with pytest.raises(SomeRefused):
        submit(store, maker, asked(store, *ids, *more))
    assert list_batches(maker, store, now=NOW).rows == ()
    made = submit(store, maker, asked(store, *ids, *more), leave_out=True)
    assert [(one.currency, one.case_count, one.excluded_count) for one in made] == [("CNY", 5, 3), ("USD", 1, 0)]


def test_a_case_that_waits_for_one_approval_is_not_asked_for_again(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids[:2]))
    found = preview_batch(maker, store, now=NOW, asked=asked(store, *ids[1:3]))
    assert [(case_id, [one.code for one in why]) for case_id, _, why in found.excluded] == [(ids[1], ["waiting"])]
    decide(store, manager, batch.batch_id, act=engine.reject)
    assert preview_batch(maker, store, now=NOW, asked=asked(store, *ids[1:3])).excluded == ()
    assert now_is(store, ids[0]).state is CaseState.TO_BE_PLACED


def test_what_changed_before_the_approval_is_dropped_and_listed(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids))
    taken_in(store, tmp_path, a_spell(1, **closing()), now=NOW)
    move_case(
        SUPERVISOR, store, now=NOW, case_id=ids[1], version=now_is(store, ids[1]).version, move=CaseMove.DISPUTE,
        reason=WHY,
    )  # fmt: skip
    done = decide(store, manager, batch.batch_id)
    assert (done.result["done"], done.result["dropped"]) == (4, 2)
    rows = {one.case_id: one for one in read_batch(manager, store, now=LATER, batch_id=batch.batch_id).rows}
    assert {case_id for case_id, one in rows.items() if one.outcome == "dropped"} == set(ids[:2])
    assert "disputed" in rows[ids[1]].reasons[0].en
    assert now_is(store, ids[1]).agency_code is None


def test_a_batch_of_which_nothing_is_left_is_not_carried_out(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, ids[0]))
    taken_in(store, tmp_path, a_spell(1, **closing()), now=NOW)
    with pytest.raises(NotCarriedOut, match="Not one case"):
        decide(store, manager, batch.batch_id)
    assert [one.state for one in list_batches(maker, store, now=LATER).rows] == ["waiting"]


STOPPED = {
    "contract_expired": None,
    "licence_expired": "update agencies set licence_expires_date = '2026-11-01'",
    "not_white_listed": "update agencies set white_listed = false",
    "not_active": "update agencies set state = 'suspended'",
    "no_certificate": "update certificates set expires_date = '2026-11-01'",
    "capacity": "update agencies set capacity_cases = 5",
}
"""What stops an agency → what happens to it after it was asked for; a contract ends by itself."""


@pytest.mark.parametrize("code", STOPPED)
def test_an_agency_that_may_not_work_is_given_nothing_when_asked_and_when_approved(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor, code: str
) -> None:
    ids = queued(store, tmp_path, until=date(2026, 11, 27))
    a_collector(store, "hers", "AG01")
    (batch,) = submit(store, maker, asked(store, *ids))
    statement, late = STOPPED[code], LATER
    if statement is None:
        late = NOW + timedelta(days=5)
    else:
        with store.writing(SYSTEM, NOW) as transaction:
            _change(transaction, statement)
    with pytest.raises(NotCarriedOut) as refusal:
        decide(store, manager, batch.batch_id, now=late)
    assert isinstance(refusal.value.why, AgencyStopped)
    assert [one.code for one in refusal.value.why.reasons] == [code]
    decide(store, manager, batch.batch_id, now=late, act=engine.reject)
    with pytest.raises(AgencyStopped) as stopped:
        submit_batch(maker, store, now=late, asked=asked(store, *ids), reason=WHY, key="k2")
    assert (stopped.value.field, [one.code for one in stopped.value.reasons]) == ("agency_code", [code])
    assert now_is(store, ids[0]).agency_code is None


def _change(transaction: Transaction, statement: str) -> None:
    transaction.connection.execute(text(statement))
    transaction.audit("agency.changed", "agency", "AG01")


def test_two_batches_cannot_share_the_last_room(store: Store, tmp_path: Path, maker: Actor, manager: Actor) -> None:
    ids = queued(store, tmp_path, capacity_cases=4)
    (one,) = submit(store, maker, asked(store, *ids[:3]))
    (two,) = submit(store, maker, asked(store, *ids[3:]), key="k2")
    decide(store, manager, one.batch_id)
    with pytest.raises(NotCarriedOut, match="room for 1"):
        decide(store, manager, two.batch_id)


def test_a_large_balance_needs_finance_too(store: Store, tmp_path: Path, maker: Actor, manager: Actor) -> None:
    an_agency(store, "AG01")
    row = a_spell(1, balance_minor=1_000_000_000)
    taken_in(store, tmp_path, row, debtors=[a_debtor(1)])
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, row["case_id"]), reason=WHY)
    (batch,) = submit(store, maker, asked(store, row["case_id"]))
    assert decide(store, manager, batch.batch_id).state is RequestState.WAITING
    assert now_is(store, row["case_id"]).agency_code is None
    finance = a_collector(store, "finance", role=Role.FINANCE)
    assert decide(store, finance, batch.batch_id).state is RequestState.APPROVED
    assert now_is(store, row["case_id"]).agency_code == "AG01"


def test_a_batch_is_approved_as_what_it_is_and_as_nothing_else(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids[:2]))
    (one,) = engine.requests_on(manager, store, now=NOW, object_type="case_batch", object_id=batch.batch_id)
    like = {
        "object_type": "case_batch", "object_id": batch.batch_id, "arguments": dict(one.arguments), "reason": WHY,
        "amount_minor": one.amount_minor, "currency": one.currency,
    }  # fmt: skip
    with pytest.raises(Invalid, match="not the one of this batch"):
        engine.request_approval(maker, store, now=NOW, kind="cases.recall", key="k9", **like)
    with store.writing(manager, NOW) as transaction, pytest.raises(Invalid, match="not the one of this batch"):
        kind_of("cases.recall").run(transaction, one.arguments)
        transaction.audit("case_batch.asked", "case_batch", batch.batch_id)
    assert now_is(store, ids[0]).agency_code is None


def test_batches_that_were_split_climb_as_high_as_the_whole(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    rows = [a_spell(number, balance_minor=400_000_000) for number in range(1, 7)]
    for code in ("AG01", "AG02"):
        an_agency(store, code)
    taken_in(store, tmp_path, *rows)
    ids = [row["case_id"] for row in rows]
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *ids), reason=WHY)

    def ask(number: int, by: Actor = maker, agency: str = "AG01", now=NOW):
        (batch,) = submit_batch(
            by, store, now=now, asked=asked(store, ids[number], agency=agency), reason=WHY, key=f"part/{number}"
        )
        (one,) = engine.requests_on(manager, store, now=now, object_type="case_batch", object_id=batch.batch_id)
        return batch, one.levels, one.flags, one.arguments["together_minor"]

    second = a_collector(store, "second", role=Role.SUPERVISOR)
    first, *said = ask(0)
    assert said == [(Role.MANAGER,), (), 400_000_000]
    assert ask(1)[1:] == ((Role.MANAGER,), ("in_parts",), 800_000_000)
    decide(store, manager, first.batch_id)  # what was approved within the day still counts
    third, *said = ask(2)
    assert said == [(Role.MANAGER, Role.FINANCE), ("in_parts",), 1_200_000_000]
    assert ask(3, by=second)[1:] == ((Role.MANAGER,), (), 400_000_000)
    assert ask(4, agency="AG02")[1:] == ((Role.MANAGER,), (), 400_000_000)
    decide(store, manager, third.batch_id, act=engine.reject)  # what was refused counts no more
    day = NOW + timedelta(days=1)
    assert ask(5, now=day)[1:] == ((Role.MANAGER,), ("in_parts",), 800_000_000)


def test_a_batch_counts_from_when_it_was_asked_for_last_and_until_its_time_is_over(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    rows = [a_spell(number, balance_minor=600_000_000) for number in range(1, 5)]
    an_agency(store, "AG01")
    taken_in(store, tmp_path, *rows)
    ids = [row["case_id"] for row in rows]
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *ids), reason=WHY)

    def what(number: int) -> Asked:
        return asked(store, ids[number], due=NOW + timedelta(days=120))

    def request(batch_id: str):
        (one,) = engine.requests_on(manager, store, now=NOW, object_type="case_batch", object_id=batch_id)
        return one

    def ask(number: int, now: datetime):
        (batch,) = submit_batch(maker, store, now=now, asked=what(number), reason=WHY, key=f"part/{number}")
        return request(batch.batch_id)

    first, later = ask(0, NOW).object_id, NOW + timedelta(days=2)
    decide(store, manager, first, act=engine.return_request)
    resubmit_batch(
        maker, store, now=later, batch_id=first, expected_version=request(first).version, asked=what(0), reason=WHY,
        key="again",
    )  # fmt: skip
    decide(store, manager, first, now=later)
    second = ask(1, later + timedelta(minutes=10))
    assert second.levels == (Role.MANAGER, Role.FINANCE), "asked for again and approved ten minutes ago"
    third = ask(2, second.expires_at - timedelta(seconds=1))
    assert third.levels == (Role.MANAGER, Role.FINANCE)
    assert ask(3, third.expires_at).levels == (Role.MANAGER,), "nothing marked yet what is over"


def test_an_approval_runs_the_very_cases_that_were_read(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids[:2]))
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(
            text("update case_batch_rows set case_id = :other where case_id = :one"), {"other": ids[5], "one": ids[0]}
        )
        transaction.audit("case_batch.asked", "case_batch", batch.batch_id)
    with pytest.raises(NotCarriedOut, match="not those asked for"):
        decide(store, manager, batch.batch_id)
    assert now_is(store, ids[5]).agency_code is None


def test_an_extension_and_a_transfer_are_asked_for_too(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:4])
    hers = a_collector(store, "hers", "AG01")
    assigned(store, AG1, hers, *ids[:4])
    longer = DUE + timedelta(days=60)
    (batch,) = submit(store, maker, asked(store, *ids[:2], kind=BatchKind.EXTEND, agency=None, due=longer))
    decide(store, manager, batch.batch_id)
    assert read_case(hers, store, now=DUE + timedelta(days=1), case_id=ids[0]).placements[0].due_at == longer

    an_agency(store, "AG02")
    (batch,) = submit(store, maker, asked(store, *ids[1:3], kind=BatchKind.TRANSFER, agency="AG02"), key="k2")
    decide(store, manager, batch.batch_id)
    for one in ids[1:3]:
        record = read_case(SUPERVISOR, store, now=LATER, case_id=one)
        first, second = record.placements
        assert (first.agency_code, first.ended_at, first.end_reason) == ("AG01", LATER, "recalled")
        assert (second.agency_code, second.placed_at, second.nth) == ("AG02", LATER, 2)
        assert (record.case.custody, record.case.collector_id) == (Custody.PLACED, None)
        with pytest.raises(NoSuchCase):
            read_case(AG1, store, now=LATER, case_id=one)
        assert "AG01" not in repr(read_case(AG2, store, now=LATER, case_id=one).placements)
    assert verify_one_owner(store).state == "holds"
    found = preview_batch(maker, store, now=LATER, asked=asked(store, ids[1], kind=BatchKind.TRANSFER, agency="AG02"))
    assert [one.code for one in found.excluded[0][2]] == ["same_agency"]


def test_only_who_may_place_asks_and_a_missing_case_is_like_a_foreign_one(
    store: Store, tmp_path: Path, maker: Actor
) -> None:
    ids = queued(store, tmp_path)
    for role in set(Role) - {Role.SUPERVISOR, Role.ALLOCATION}:
        agency = "AG01" if role.value.startswith("agency") else None
        with pytest.raises(Refused):
            submit(store, Actor("p-x", "X", role, agency), asked(store, *ids))
    with pytest.raises(NoSuchCase):
        preview_batch(maker, store, now=NOW, asked=Asked(BatchKind.PLACE, {"0" * 32: 1}, ZONE, "AG01", DUE))
    with pytest.raises(Invalid) as refusal:
        submit(store, maker, asked(store, *ids, due=NOW))
    assert refusal.value.field == "due_at"


def test_an_ended_agency_is_refused_like_any_that_does_not_work(store: Store, tmp_path: Path, maker: Actor) -> None:
    ids = queued(store, tmp_path, state=AgencyState.ENDED)
    assert [one.code for one in preview_batch(maker, store, now=NOW, asked=asked(store, *ids)).against] == [
        "not_active"
    ]


def test_a_recall_is_taken_back_by_a_request_that_somebody_else_approves(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    with store.writing(SUPERVISOR, NOW) as transaction:
        run_announce_recall(transaction, {"cases": versions(store, *ids[:2]), "reason": WHY, "zone": ZONE})
    what = asked(store, *ids[:3], kind=BatchKind.WITHDRAW_RECALL, agency=None, due=None)
    found = preview_batch(maker, store, now=NOW, asked=what)
    assert [(case_id, [one.code for one in why]) for case_id, _, why in found.excluded] == [(ids[2], ["no_notice"])]
    assert found.effective == (DUE, DUE)  # where the placements would end again
    with pytest.raises(SomeRefused):
        submit(store, maker, what)
    (batch,) = submit(store, maker, what, leave_out=True)
    assert batch.case_count == 2
    with pytest.raises(OwnRequest):
        decide(store, maker, batch.batch_id)
    assert len(announced_recalls(AG1, store, now=NOW)) == 1  # nothing happens before
    done = decide(store, manager, batch.batch_id)
    assert (done.result["done"], done.result["dropped"]) == (2, 0)
    assert announced_recalls(AG1, store, now=LATER) == []
    assert {one.case_id for one in list_cases(AG1, store, now=DUE - timedelta(seconds=1)).rows} == set(ids[:3])


def test_a_recall_that_took_effect_before_the_approval_is_dropped(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    with store.writing(SUPERVISOR, NOW) as transaction:
        run_announce_recall(transaction, {"cases": versions(store, ids[0]), "reason": WHY, "zone": ZONE})
    what = asked(store, ids[0], kind=BatchKind.WITHDRAW_RECALL, agency=None, due=None)
    (batch,) = submit(store, maker, what)
    with pytest.raises(NotCarriedOut, match="took effect"):
        decide(store, manager, batch.batch_id, now=NOW + timedelta(days=8))


def test_a_manager_does_not_ask_for_what_managers_approve(store: Store, tmp_path: Path, manager: Actor) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    with pytest.raises(Refused):
        submit(store, manager, asked(store, ids[0], kind=BatchKind.WITHDRAW_RECALL, agency=None, due=None))


def test_a_batch_that_came_back_is_changed_and_judged_anew_and_both_versions_stay(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    an_agency(store, "AG02")
    (batch,) = submit(store, maker, asked(store, *ids))
    decide(store, manager, batch.batch_id, act=engine.return_request)
    set_flag(
        SUPERVISOR, store, now=LATER, case_id=ids[0], version=now_is(store, ids[0]).version, flag=Flag.DISPUTE,
        reason=WHY,
    )  # fmt: skip
    found = read_own_batch(maker, store, now=LATER, batch_id=batch.batch_id)
    assert {one.case_id for one in found.cases} == set(ids)
    again = asked(store, *ids[:3], agency="AG02")  # its own cases wait for nobody else
    preview = preview_batch(maker, store, now=LATER, asked=again, again=batch.batch_id)
    assert [(case_id, [one.code for one in why]) for case_id, _, why in preview.excluded] == [(ids[0], ["dispute"])]
    (request,) = engine.requests_on(maker, store, now=LATER, object_type="case_batch", object_id=batch.batch_id)
    common = {"now": LATER, "batch_id": batch.batch_id, "expected_version": request.version, "reason": "another agency"}
    with pytest.raises(SomeRefused):
        resubmit_batch(maker, store, asked=again, key="again", **common)
    with pytest.raises(NotFound):
        resubmit_batch(a_collector(store, "other", role=Role.SUPERVISOR), store, asked=again, key="o", **common)
    done = resubmit_batch(maker, store, asked=again, key="again", leave_out=True, **common)
    assert resubmit_batch(maker, store, asked=again, key="again", leave_out=True, **common) == done
    now_asked = read_batch(manager, store, now=LATER, batch_id=batch.batch_id)
    assert (now_asked.batch.agency_code, now_asked.batch.case_count, now_asked.batch.made_at) == ("AG02", 2, NOW)
    ((number, before, rows),) = [
        (one.round_no, one.batch, one.rows)
        for one in earlier_versions(manager, store, now=LATER, batch_id=batch.batch_id)
    ]
    assert (number, before.agency_code, before.case_count, before.reason) == (1, "AG01", 6, WHY)
    assert {one.case_id for one in rows} == set(ids)
    record = engine.read_request(manager, store, now=LATER, request_id=request.request_id)
    assert [(one.round_no, one.arguments["agency_code"], one.amount_minor) for one in record.rounds] == [
        (1, "AG01", batch.balance_minor), (2, "AG02", now_asked.batch.balance_minor),
    ]  # fmt: skip
    assert len(list_batches(maker, store, now=LATER).rows) == 1  # what was set aside is in no list
    later = LATER + timedelta(hours=1)
    decide(store, manager, batch.batch_id, now=later)
    assert {one.case_id for one in list_cases(AG2, store, now=later).rows} == set(ids[1:3])
    assert list_cases(AG1, store, now=later).rows == ()


def test_what_a_batch_comes_to_after_a_change_decides_its_levels(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = some_cases(store, tmp_path, 2)
    large = a_spell(9, balance_minor=1_000_000_000)
    taken_in(store, tmp_path, large, debtors=[a_debtor(9)])
    an_agency(store, "AG01")
    every = [*ids, large["case_id"]]
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *every), reason=WHY)
    (batch,) = submit(store, maker, asked(store, *every))
    (request,) = engine.requests_on(maker, store, now=NOW, object_type="case_batch", object_id=batch.batch_id)
    assert request.levels == (Role.MANAGER, Role.FINANCE)
    decide(store, manager, batch.batch_id, act=engine.return_request)
    done = resubmit_batch(
        maker, store, now=LATER, batch_id=batch.batch_id, expected_version=request.version + 1,
        asked=asked(store, *ids), reason=WHY, key="less",
    )  # fmt: skip
    assert done.levels == 1
    with pytest.raises(Invalid, match="CNY"):  # another currency is another batch
        dollars = a_spell(11, currency="USD", balance_minor=50_000)
        taken_in(store, tmp_path, dollars, debtors=[a_debtor(11)])
        queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, dollars["case_id"]), reason=WHY)
        decide(store, manager, batch.batch_id, act=engine.return_request)
        resubmit_batch(
            maker, store, now=LATER, batch_id=batch.batch_id, expected_version=done.version + 1,
            asked=asked(store, dollars["case_id"]), reason=WHY, key="dollars",
        )  # fmt: skip


def test_a_batch_that_was_not_returned_is_not_changed(store: Store, tmp_path: Path, maker: Actor) -> None:
    ids = queued(store, tmp_path)
    (batch,) = submit(store, maker, asked(store, *ids[:3]))
    with pytest.raises(MoveNotAllowed):
        resubmit_batch(
            maker, store, now=LATER, batch_id=batch.batch_id, expected_version=1, asked=asked(store, *ids[:2]),
            reason=WHY, key="early",
        )  # fmt: skip
    assert read_batch(maker, store, now=LATER, batch_id=batch.batch_id).batch == batch


def test_a_withdrawal_approved_late_leaves_a_recall_that_was_announced_after_it_was_asked_for(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = some_cases(store, tmp_path, 3)
    placed(store, "AG01", ids[0])
    an_agency(store, "AG02")

    def recall(now) -> None:
        with store.writing(SUPERVISOR, now) as transaction:
            run_announce_recall(transaction, {"cases": versions(store, ids[0]), "reason": WHY, "zone": ZONE})

    recall(NOW)
    what = Asked(BatchKind.WITHDRAW_RECALL, versions(store, ids[0]), ZONE)
    (batch,) = submit(store, maker, what)
    later = NOW + timedelta(days=8)
    end_due_placements(SYSTEM, store, now=later, today=later.date())
    queue_cases(SUPERVISOR, store, now=later, wanted=versions(store, ids[0]), reason=WHY)
    placing(store, "AG02", versions(store, ids[0]), now=later)
    recall(later + timedelta(minutes=5))
    with pytest.raises(NotCarriedOut, match="another one was announced since"):
        decide(store, manager, batch.batch_id, now=later + timedelta(minutes=10))
    with store.reading() as connection:
        assert notices.running(connection, ids)[ids[0]].agency_code == "AG02"
