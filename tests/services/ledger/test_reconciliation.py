from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.ledger.breaks import (
    BreakChanged,
    BreakKind,
    BreakMove,
    BreakState,
    MoveNotAllowed,
    NoSuchBreak,
    ReasonMissing,
    SidesDisagree,
    WrongCounterpart,
)
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger.reconciliation import (
    decide_breaks,
    list_breaks,
    match_break,
    park_break,
    preview_decision,
    read_break,
    reject_break,
    reopen_break,
    split_break,
)
from ops_app.services.ledger.reconciliation_runs import standing_decisions
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import SameKeyOtherContent, Store
from ops_app.store.tables.ledger import break_decisions
from ops_app.store.tables.organisation import audit_log
from tests.services.ledger.people import (
    BANK,
    BANK_PART,
    BANK_REST,
    COLLECTOR,
    DAY,
    LENDER,
    NOW,
    a_break,
    a_repayment,
    applied,
    rows_of,
)
from tests.services.organisation.approving import a_person

WHY = "the bank confirmed it by phone"


def state_of(store: Store, break_id: str) -> tuple[BreakState, int]:
    one = read_break(SYSTEM, store, now=NOW, break_id=break_id).item
    return one.state, one.version


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_opens_what_is_broken_and_clears_what_is_broken_no_longer(store: Store):
    first = applied(store, LENDER, BANK)
    second = applied(store, BANK, day=DAY + timedelta(days=1))
    third = applied(store, LENDER, BANK, day=DAY + timedelta(days=2))
    assert (first.opened, first.cleared, first.recurred) == (2, 0, 0)
    assert (second.opened, second.cleared, second.recurred) == (0, 1, 0)
    assert (third.opened, third.cleared, third.recurred) == (0, 0, 1)
    one = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).item
    assert (one.state, one.version, one.opened_date) == (BreakState.OPEN, 3, DAY)
    assert one.last_seen_date == DAY + timedelta(days=2)


def test_the_same_run_again_changes_nothing_and_leaves_no_audit_row(store: Store):
    applied(store, LENDER, BANK)
    audited = rows_of(store, audit_log)
    applied(store, BANK, LENDER)
    assert rows_of(store, audit_log) == audited == 1


def test_a_run_does_not_go_back_in_time(store: Store):
    applied(store, LENDER)
    with pytest.raises(Invalid, match="cannot go back"):
        applied(store, LENDER, day=DAY - timedelta(days=1))


def test_a_new_suggestion_is_taken_over_and_the_break_stays_what_it_was(store: Store):
    applied(store, LENDER)
    said = {"action": "match", "reason": "same_amount_near_date", "break_ids": [BANK.break_id], "items": []}
    applied(store, replace(LENDER, suggestion=said), BANK)
    record = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id)
    assert record.item.suggestion == said
    assert record.item.version == 1
    assert [one.break_id for one in record.related] == [BANK.break_id]


def test_a_run_leaves_alone_what_people_decided_and_clears_what_they_only_parked(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    reject_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k1")
    park_break(supervisor, store, now=NOW, break_id=BANK.break_id, expected_version=1, reason=WHY, key="k2")
    applied(store, LENDER, day=DAY + timedelta(days=1))
    assert state_of(store, LENDER.break_id) == (BreakState.REJECTED, 2)
    assert state_of(store, BANK.break_id) == (BreakState.CLEARED, 3)


def test_conflicting_contents_are_not_cleared_by_a_run(store: Store):
    rows = [a_repayment("P1"), a_repayment("P1", 5)]
    done = record_payments(SYSTEM, store, now=NOW, rows=rows, business_date=DAY)
    applied(store)
    assert state_of(store, done.break_ids[0]) == (BreakState.OPEN, 1)


# --- decisions ------------------------------------------------------------------------------------------------------


def test_a_match_settles_both_breaks_in_one_audited_transaction(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    before = rows_of(store, audit_log)
    done = match_break(
        supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k",
        counterparts={BANK.break_id: 1},
    )  # fmt: skip
    assert done.state is BreakState.MATCHED
    assert set(done.moved) == {LENDER.break_id, BANK.break_id}
    assert state_of(store, BANK.break_id) == (BreakState.MATCHED, 2)
    assert rows_of(store, audit_log) == before + 2
    with store.reading() as connection:
        said = connection.execute(select(audit_log).order_by(audit_log.c.seq.desc()).limit(1)).one()
    assert (said.action, said.actor_name, said.reason) == ("break.match", "Sun", WHY)
    (decision,) = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).history
    assert (decision.decided_by_name, decision.reason, decision.decision) == ("Sun", WHY, BreakMove.MATCH)
    groups = {one.break_id: one.decision_group for one in standing_decisions(SYSTEM, store, now=NOW)}
    assert len(groups) == 2
    assert len(set(groups.values())) == 1


def test_sides_that_do_not_add_up_are_refused_until_the_difference_is_accepted(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK_PART)
    ask = {"break_id": LENDER.break_id, "expected_version": 1, "reason": WHY, "counterparts": {BANK_PART.break_id: 1}}
    with pytest.raises(SidesDisagree) as refused:
        match_break(supervisor, store, now=NOW, key="k", **ask)
    assert "60.00 CNY" in refused.value.en
    assert "60.00 CNY" in refused.value.zh
    assert rows_of(store, break_decisions) == 0
    match_break(supervisor, store, now=NOW, key="k", accept_difference=True, **ask)
    (decision,) = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).history
    assert decision.detail["accepted_difference_minor"] == 6_000


def test_one_payment_is_split_over_several_lines(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK_PART, BANK_REST)
    parts = {BANK_PART.break_id: 1, BANK_REST.break_id: 1}
    done = split_break(
        supervisor,
        store,
        now=NOW,
        break_id=LENDER.break_id,
        expected_version=1,
        counterparts=parts,
        reason=WHY,
        key="k",
    )
    assert done.state is BreakState.SPLIT
    assert {one.decision for one in standing_decisions(SYSTEM, store, now=NOW)} == {BreakMove.SPLIT}
    reopened = reopen_break(
        supervisor, store, now=NOW, break_id=BANK_REST.break_id, expected_version=2, reason="wrong customer", key="k2"
    )
    assert set(reopened.moved) == {LENDER.break_id, *parts}
    assert state_of(store, LENDER.break_id) == (BreakState.OPEN, 3)
    assert standing_decisions(SYSTEM, store, now=NOW) == []


def test_a_repeated_key_gives_the_first_answer_and_other_content_under_it_is_refused(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    ask = {"break_id": LENDER.break_id, "expected_version": 1, "key": "same"}
    first = park_break(supervisor, store, now=NOW, reason=WHY, **ask)
    again = park_break(supervisor, store, now=NOW + timedelta(hours=1), reason=WHY, **ask)
    assert first == again
    assert rows_of(store, break_decisions) == 1
    with pytest.raises(SameKeyOtherContent):
        park_break(supervisor, store, now=NOW, reason="another reason", **ask)
    with pytest.raises(SameKeyOtherContent):
        reject_break(supervisor, store, now=NOW, reason=WHY, **ask)


def test_two_people_decide_one_break_and_the_second_is_told_who_was_first(store: Store):
    people = [a_person(store, "Sun"), a_person(store, "Zhou")]
    applied(store, LENDER)
    won: list[str] = []
    told: list[BreakChanged] = []
    start = threading.Barrier(2)

    def decide(who: int) -> None:
        start.wait()
        try:
            reject_break(
                people[who], store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key=f"k{who}"
            )
            won.append(people[who].name)
        except BreakChanged as changed:
            told.append(changed)

    threads = [threading.Thread(target=decide, args=(who,)) for who in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == len(told) == 1
    assert told[0].who == won[0]
    assert won[0] in told[0].zh
    assert rows_of(store, break_decisions) == 1


def test_a_decided_break_is_not_decided_anew_without_being_reopened(store: Store):
    sun, zhou = a_person(store, "Sun"), a_person(store, "Zhou")
    applied(store, LENDER)
    reject_break(sun, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k1")
    with pytest.raises(BreakChanged, match="Sun"):
        park_break(zhou, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k2")
    with pytest.raises(MoveNotAllowed):
        park_break(zhou, store, now=NOW, break_id=LENDER.break_id, expected_version=2, reason=WHY, key="k2")
    reopen_break(zhou, store, now=NOW, break_id=LENDER.break_id, expected_version=2, reason="new evidence", key="k3")
    park_break(zhou, store, now=NOW, break_id=LENDER.break_id, expected_version=3, reason=WHY, key="k4")
    past = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).history
    assert [(one.decision, one.decided_by_name) for one in past] == [
        (BreakMove.REJECT, "Sun"), (BreakMove.REOPEN, "Zhou"), (BreakMove.PARK, "Zhou"),
    ]  # fmt: skip


def test_a_break_that_a_run_cleared_meanwhile_names_the_run(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    applied(store, BANK, day=DAY + timedelta(days=1))
    with pytest.raises(BreakChanged, match="Recoup"):
        park_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k")


def test_counterparts_that_cannot_be_put_together_are_refused(store: Store):
    supervisor = a_person(store, "Sun")
    dollars = a_break(BreakKind.UNMATCHED_BANK, -10_000, lines=("99/7",), currency="USD")
    foreign = a_break(BreakKind.UNMATCHED_LENDER, -10_000, payments=("Q1",), source_code="XJC")
    applied(store, LENDER, BANK, dollars, foreign)
    ask = {"break_id": LENDER.break_id, "expected_version": 1, "reason": WHY, "key": "k"}
    for others in ({dollars.break_id: 1}, {foreign.break_id: 1}, {LENDER.break_id: 1}, {BANK.break_id: 1, "x": 1}):
        with pytest.raises(WrongCounterpart):
            match_break(supervisor, store, now=NOW, counterparts=others, **ask)
    with pytest.raises(WrongCounterpart):
        split_break(supervisor, store, now=NOW, counterparts={BANK.break_id: 1}, **ask)
    with pytest.raises(BreakChanged):
        match_break(supervisor, store, now=NOW, counterparts={BANK.break_id: 9}, **ask)
    with pytest.raises(NoSuchBreak):
        match_break(supervisor, store, now=NOW, counterparts={"0" * 64: 1}, **ask)
    conflict = record_payments(
        SYSTEM, store, now=NOW, rows=[a_repayment("P1"), a_repayment("P1", 5)], business_date=DAY
    ).break_ids[0]
    with pytest.raises(WrongCounterpart, match="Two contents"):
        match_break(supervisor, store, now=NOW, counterparts={conflict: 1}, **ask)


@pytest.mark.parametrize("reason", ["", "no", "   "])
def test_a_decision_needs_a_reason(store: Store, reason: str):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER)
    with pytest.raises(ReasonMissing):
        park_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=reason, key="k")


def test_only_who_may_decides_and_only_who_may_sees(store: Store):
    applied(store, LENDER)
    manager = a_person(store, "Ma", Role.MANAGER)
    with pytest.raises(Refused, match="supervisor"):
        park_break(manager, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k")
    with pytest.raises(Refused):
        list_breaks(COLLECTOR, store, now=NOW)
    with pytest.raises(Refused):
        read_break(COLLECTOR, store, now=NOW, break_id=LENDER.break_id)


def test_decisions_cannot_be_changed_nor_removed(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER)
    park_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k")
    with pytest.raises(DBAPIError, match="append-only"), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update break_decisions set reason = 'x'"))


# --- many at once ---------------------------------------------------------------------------------------------------


def test_a_preview_counts_and_totals_what_a_bulk_decision_would_do_and_changes_nothing(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK_PART, BANK_REST)
    reject_break(supervisor, store, now=NOW, break_id=BANK_REST.break_id, expected_version=1, reason=WHY, key="k")
    items = {LENDER.break_id: 1, BANK_PART.break_id: 1, BANK_REST.break_id: 2, "0" * 64: 1}
    preview = preview_decision(supervisor, store, now=NOW, decision=BreakMove.REJECT, items=items)
    assert (preview.count, preview.totals) == (2, {"CNY": 6_000})
    assert {key: type(why) for key, why in preview.refused.items()} == {
        BANK_REST.break_id: MoveNotAllowed, "0" * 64: NoSuchBreak,
    }  # fmt: skip
    assert state_of(store, LENDER.break_id) == (BreakState.OPEN, 1)


def test_a_bulk_decision_is_all_or_nothing_and_repeats_its_answer(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK_PART, BANK_REST)
    how = {"decision": BreakMove.REJECT, "reason": WHY, "key": "bulk"}
    with pytest.raises(Conflict):
        decide_breaks(supervisor, store, now=NOW, items={LENDER.break_id: 1, BANK_PART.break_id: 7}, **how)
    assert state_of(store, LENDER.break_id) == (BreakState.OPEN, 1)
    items = {LENDER.break_id: 1, BANK_PART.break_id: 1}
    first = decide_breaks(supervisor, store, now=NOW, items=items, **how)
    assert decide_breaks(supervisor, store, now=NOW, items=items, **how) == first
    assert {one.state for one in first} == {BreakState.REJECTED}
    assert rows_of(store, break_decisions) == 2


def test_matches_are_reopened_in_bulk_with_their_counterparts(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    match_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k",
                counterparts={BANK.break_id: 1})  # fmt: skip
    items = {LENDER.break_id: 2, BANK.break_id: 2}
    decide_breaks(supervisor, store, now=NOW, decision=BreakMove.REOPEN, items=items, reason=WHY, key="b")
    assert state_of(store, LENDER.break_id) == state_of(store, BANK.break_id) == (BreakState.OPEN, 3)


def test_a_match_is_never_made_in_bulk(store: Store):
    supervisor = a_person(store, "Sun")
    with pytest.raises(Invalid):
        preview_decision(supervisor, store, now=NOW, decision=BreakMove.MATCH, items={LENDER.break_id: 1})
    with pytest.raises(Invalid):
        decide_breaks(supervisor, store, now=NOW, decision=BreakMove.REJECT, items={}, reason=WHY, key="k")
