"""A write-off from its request to its reversal, on both stores (feature 20, domain e-7, invariant I6)."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.casework.attachments import NoSuchAttachment
from ops_app.domain.casework.cases import CaseState, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Conflict, DomainError, Invalid, Refused
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.write_off_criteria import NotEligible, ProofKind, ProofMissing, Verdict, WriteOffPath
from ops_app.domain.ledger.write_offs import (
    NotWhatIsOwed,
    WriteOffMoveNotAllowed,
    WriteOffState,
    WrittenOffBefore,
)
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.services.casework.moving import set_flag
from ops_app.services.ledger.write_off_booking import NotInLedger
from ops_app.services.ledger.write_offs import record_voucher, request_reversal, request_write_off
from ops_app.services.organisation import approvals
from ops_app.store.ledger import write_offs as stored
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_events
from ops_app.store.tables.write_offs import write_off_moves, write_off_parts, write_offs
from tests.services.casework.casebook import a_collector, assigned, now_is, placed
from tests.services.ledger.people import rows_of
from tests.services.ledger.writing_off import (
    DAY,
    FEES,
    FINANCE,
    INTEREST,
    MAKER,
    MANAGER,
    NOW,
    OTHER_FINANCE,
    OTHER_MANAGER,
    OWED,
    PRINCIPAL,
    TODAY,
    approved,
    asked,
    balance_of,
    booked,
    document,
    happens,
    of,
    on_the_books,
    open_request,
    paid,
    parts,
    reversed_,
    stands,
)


def test_a_write_off_is_booked_by_its_second_approval_and_by_nothing_before(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = asked(store, case_id)
    assert of(store, write_off_id).state is WriteOffState.REQUESTED
    approved(store, write_off_id, FINANCE)
    assert of(store, write_off_id).state is WriteOffState.IN_APPROVAL
    assert sum(stands(store, case_id).book.values()) == 100_000

    approved(store, write_off_id, MANAGER)

    one, state, case = of(store, write_off_id), stands(store, case_id), now_is(store, case_id)
    assert (one.state, one.claim_minor, one.approved_minor, one.booked_minor) == (
        WriteOffState.BOOKED, 100_000, 100_000, 100_000,
    )  # fmt: skip
    assert sum(state.book.values()) == 0
    assert {part: state.memo[part] for part in OWED} == OWED
    assert (case.state, case.written_off_date) == (CaseState.WRITTEN_OFF, TODAY)
    assert balance_of(store, accounts.ALLOWANCE, case_id) == 100_000
    assert balance_of(store, accounts.WRITTEN_OFF_CLAIMS, case_id) == 100_000
    with store.reading() as connection:
        moves = [move.to_state for move in stored.moves_of(connection, write_off_id)]
    assert moves == [WriteOffState.REQUESTED, WriteOffState.IN_APPROVAL, WriteOffState.BOOKED]


def test_the_direct_method_bears_each_component_on_its_own_account(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path, memo=False)
    happens(store, case_id, EventKind.WRITE_OFF, TODAY - DAY, parts={FEES: 1}, terms={"method": "direct"})
    write_off_id = booked(store, case_id)
    assert of(store, write_off_id).method == "direct"
    assert {part: balance_of(store, accounts.charge_off(part), case_id) for part in OWED} == OWED


def test_nobody_decides_on_their_own_write_off_nor_on_both_levels(store: Store, tmp_path: Path) -> None:
    write_off_id = asked(store, on_the_books(store, tmp_path), by=FINANCE)
    with pytest.raises(OwnRequest):
        approved(store, write_off_id, FINANCE)
    approved(store, write_off_id, OTHER_FINANCE)
    with pytest.raises(DomainError):
        approved(store, write_off_id, OTHER_FINANCE)
    assert of(store, write_off_id).state is WriteOffState.IN_APPROVAL


def test_a_repetition_of_the_request_is_the_same_write_off(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    version = now_is(store, case_id).version
    first = asked(store, case_id, key="once", version=version)
    assert asked(store, case_id, key="once", version=version) == first
    assert rows_of(store, write_offs) == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({PRINCIPAL: 70_001, INTEREST: 20_000, FEES: 10_000}, NotWhatIsOwed),
        ({PRINCIPAL: 69_999, INTEREST: 20_000, FEES: 10_000}, NotWhatIsOwed),
        ({PRINCIPAL: 70_000}, NotWhatIsOwed),
        ({PRINCIPAL: 70_000, INTEREST: 20_000, FEES: 10_000, Component.COSTS: 1}, NotWhatIsOwed),
        ({}, Invalid),
        ({PRINCIPAL: -1}, Invalid),
    ],
)
def test_an_amount_that_is_not_the_balance_of_each_component_is_refused(
    store: Store, tmp_path: Path, given: dict[Component, int], why: type[Exception]
) -> None:
    case_id = on_the_books(store, tmp_path)
    with pytest.raises(why):
        asked(store, case_id, parts=given)
    assert rows_of(store, write_offs) == 0


def by_death(store: Store, case_id: str) -> dict[str, Any]:
    set_flag(MAKER, store, now=NOW, case_id=case_id, version=now_is(store, case_id).version, flag=Flag.DECEASED,
             reason="the family told us")  # fmt: skip
    kinds = (ProofKind.DEATH_CERTIFICATE, ProofKind.ASSET_SEARCH)
    return {"path": WriteOffPath.DEATH, "proofs": {kind: document(case_id, kind) for kind in kinds}}


def test_a_part_is_written_off_where_the_criterion_says_so_and_the_rest_stays_on_the_books(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    how = by_death(store, case_id)
    with pytest.raises(NotWhatIsOwed):
        asked(store, case_id, parts={PRINCIPAL: 70_001}, **how)
    write_off_id = booked(store, case_id, parts={PRINCIPAL: 50_000, INTEREST: 20_000}, **how)
    state = stands(store, case_id)
    assert (state.book[PRINCIPAL], state.book[INTEREST], state.book[FEES], state.memo[PRINCIPAL]) == (
        20_000,
        0,
        10_000,
        50_000,
    )
    assert of(store, write_off_id).is_whole is False
    assert now_is(store, case_id).state is not CaseState.WRITTEN_OFF


def test_a_component_has_one_write_off_that_is_asked_for_or_stands(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    how = by_death(store, case_id)
    first = asked(store, case_id, parts={INTEREST: 20_000}, **how)
    with pytest.raises(WrittenOffBefore):
        asked(store, case_id, parts={INTEREST: 1}, **how)
    approved(store, first, FINANCE, MANAGER)
    with pytest.raises(WrittenOffBefore):
        asked(store, case_id, parts={PRINCIPAL: 70_000, INTEREST: 1}, **how)
    rest = booked(store, case_id, **how)  # all that is owed, but for what has one
    assert {part: one.claim_minor for part, one in parts(store, rest).items() if one.claim_minor} == {
        PRINCIPAL: 70_000, FEES: 10_000,
    }  # fmt: skip
    with store.reading() as connection:
        row = dict(connection.execute(select(write_off_parts).where(write_off_parts.c.component == "interest"))
                   .mappings().first() or {})  # fmt: skip
    with pytest.raises(IntegrityError), store.writing(MAKER, NOW) as transaction:
        transaction.connection.execute(insert(write_off_parts).values(row | {"write_off_id": rest}))


def test_what_is_missing_or_not_allowed_is_said(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    with pytest.raises(ProofMissing):
        asked(store, case_id, proofs={ProofKind.RECOURSE_DONE: document(case_id, ProofKind.RECOURSE_DONE)})
    other = on_the_books(store, tmp_path)
    foreign = {kind: document(other, kind) for kind in (ProofKind.RECOURSE_DONE, ProofKind.LEGAL_STEPS)}
    with pytest.raises(NoSuchAttachment):
        asked(store, case_id, proofs=foreign)
    with pytest.raises(NotEligible) as not_dead:
        asked(store, case_id, path=WriteOffPath.DEATH)
    assert not_dead.value.why is Verdict.NOT_ON_PATH
    with pytest.raises(Invalid, match="future"):
        asked(store, case_id, effective_date=TODAY + DAY)
    with pytest.raises(NotInLedger):
        asked(store, case_id, effective_date=date(2025, 12, 31))
    with pytest.raises(Invalid):
        asked(store, case_id, approval_document="  ")
    with pytest.raises(Refused):
        asked(store, case_id, by=MANAGER)
    with pytest.raises(NoSuchCase):
        request_write_off(
            MAKER, store, now=NOW, case_id="0" * 32, version=1, path=WriteOffPath.LONG_OVERDUE, effective_date=TODAY,
            approval_document="HX", proofs={}, reason="a good reason", key="missing",
        )  # fmt: skip


def test_a_disputed_debt_is_not_written_off_not_even_when_it_is_disputed_meanwhile(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = asked(store, case_id)
    approved(store, write_off_id, FINANCE)
    set_flag(MAKER, store, now=NOW, case_id=case_id, version=now_is(store, case_id).version, flag=Flag.DISPUTE,
             reason="not my debt")  # fmt: skip
    with pytest.raises(NotCarriedOut):
        approved(store, write_off_id, MANAGER)
    assert (of(store, write_off_id).state, rows_of(store, ledger_events)) == (WriteOffState.IN_APPROVAL, 1)


def test_a_payment_before_the_effective_date_that_comes_in_meanwhile_stops_the_booking(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = asked(store, case_id)
    paid(store, case_id, 500, TODAY - DAY)
    with pytest.raises(NotCarriedOut):
        approved(store, write_off_id, FINANCE, MANAGER)
    assert sum(stands(store, case_id).book.values()) == 99_500
    request = open_request(store, write_off_id)
    approvals.reject(MANAGER, store, now=NOW, request_id=request.request_id, expected_version=request.version,
                     content_hash=request.content_hash, reason="the balance changed", key=uuid4().hex)  # fmt: skip
    assert of(store, write_off_id).state is WriteOffState.REJECTED
    assert of(store, booked(store, case_id)).booked_minor == 99_500  # asked anew with the balance as it is


def test_a_payment_of_the_day_or_later_is_a_recovery_and_the_register_follows_it(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    first = paid(store, case_id, 30_000, TODAY)
    one = of(store, write_off_id)
    assert (one.state, one.recovered_minor, one.remaining_minor) == (WriteOffState.PARTLY_RECOVERED, 30_000, 70_000)
    assert balance_of(store, accounts.ALLOWANCE, case_id) == 70_000
    paid(store, case_id, 90_000, TODAY + DAY)
    one = of(store, write_off_id)
    assert (one.state, one.recovered_minor, one.remaining_minor) == (WriteOffState.RECOVERED, 100_000, 0)
    assert stands(store, case_id).held_minor == 20_000  # never more than the claim
    happens(store, case_id, EventKind.REVERSAL, TODAY + DAY, target=first, amount_minor=30_000)
    one = of(store, write_off_id)
    assert (one.state, one.recovered_minor, one.remaining_minor) == (WriteOffState.PARTLY_RECOVERED, 70_000, 30_000)


def test_a_back_dated_payment_makes_the_write_off_smaller_and_the_register_says_so(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    paid(store, case_id, 15_000, TODAY - DAY)
    one = of(store, write_off_id)
    assert (one.approved_minor, one.booked_minor, one.recovered_minor, one.remaining_minor) == (
        100_000, 85_000, 0, 85_000,
    )  # fmt: skip
    assert (one.state, now_is(store, case_id).state) == (WriteOffState.BOOKED, CaseState.WRITTEN_OFF)


def test_what_is_charged_after_the_write_off_belongs_to_the_claim_and_can_be_recovered(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    happens(store, case_id, EventKind.ACCRUAL, TODAY, parts={Component.PENALTY: 1_234, INTEREST: 66})
    one = of(store, write_off_id)
    assert (one.later_minor, one.remaining_minor) == (1_300, 101_300)
    paid(store, case_id, 101_300, TODAY + DAY)
    assert of(store, write_off_id).recovered_minor == 101_300  # the claim and what was charged since, not a cent more


def test_a_reversal_restores_every_balance_to_the_cent_and_recoveries_become_repayments(
    store: Store, tmp_path: Path
) -> None:
    one_way, other_way = on_the_books(store, tmp_path), on_the_books(store, tmp_path)
    write_off_id = booked(store, one_way)
    for case_id in (one_way, other_way):  # the other case was never written off
        paid(store, case_id, 12_345, TODAY)
        happens(store, case_id, EventKind.ACCRUAL, TODAY, parts={INTEREST: 77})
        paid(store, case_id, 23_456, TODAY + DAY)
    assert of(store, write_off_id).recovered_minor == 35_801

    reversed_(store, write_off_id)

    with_it, without = stands(store, one_way), stands(store, other_way)
    assert (with_it.book, with_it.memo, with_it.held_minor) == (without.book, without.memo, without.held_minor)
    for account in (
        accounts.ALLOWANCE,
        accounts.RECOVERED,
        accounts.WRITTEN_OFF_CLAIMS,
        *map(accounts.claims, Component),
    ):
        assert balance_of(store, account, one_way) == balance_of(store, account, other_way), account
    one = of(store, write_off_id)
    assert (one.state, one.booked_minor, one.remaining_minor, one.approved_minor) == (
        WriteOffState.REVERSED, 0, 0, 100_000,
    )  # fmt: skip
    case = now_is(store, one_way)
    assert (case.state, case.written_off_date) == (CaseState.TO_ASSIGN, None)
    assert of(store, booked(store, one_way)).nth == 2  # and it may be written off again


def test_a_case_goes_back_to_the_collector_it_was_taken_from(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    collector = a_collector(store, f"wc{uuid4().hex[:8]}")
    assigned(store, MAKER, collector, case_id)
    write_off_id = booked(store, case_id)
    assert now_is(store, case_id).collector_id is None
    reversed_(store, write_off_id)
    case = now_is(store, case_id)
    assert (case.state, case.collector_id) == (CaseState.IN_HOUSE, collector.person_id)


def test_a_case_that_moved_on_stays_where_it_is_when_its_write_off_is_reversed(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    placed(store, "AG01", case_id)
    reversed_(store, write_off_id)
    case = now_is(store, case_id)
    assert (case.state, case.agency_code, case.written_off_date) == (CaseState.PLACED, "AG01", None)


def test_a_reversal_needs_a_second_person_and_happens_once(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = asked(store, case_id)
    with pytest.raises(WriteOffMoveNotAllowed):
        reversed_(store, write_off_id)
    approved(store, write_off_id, FINANCE, MANAGER)
    version = of(store, write_off_id).version
    request_reversal(MAKER, store, now=NOW, write_off_id=write_off_id, version=version, reason="in error", key="r1")
    with pytest.raises(DomainError):
        approved(store, write_off_id, MAKER, kind="write_off.reverse")
    with pytest.raises(Conflict):
        request_reversal(FINANCE, store, now=NOW, write_off_id=write_off_id, version=version, reason="too", key="r2")
    approved(store, write_off_id, MANAGER, kind="write_off.reverse")
    with pytest.raises(WriteOffMoveNotAllowed):
        reversed_(store, write_off_id)


def test_the_voucher_of_the_general_ledger_is_kept_once_it_is_booked(store: Store, tmp_path: Path) -> None:
    write_off_id = asked(store, on_the_books(store, tmp_path))
    with pytest.raises(Invalid):
        record_voucher(FINANCE, store, now=NOW, write_off_id=write_off_id, version=1, gl_voucher="记-0012")
    approved(store, write_off_id, FINANCE, MANAGER)
    version = of(store, write_off_id).version
    record_voucher(FINANCE, store, now=NOW, write_off_id=write_off_id, version=version, gl_voucher="记-0012")
    assert of(store, write_off_id).gl_voucher == "记-0012"
    with pytest.raises(Conflict):
        record_voucher(FINANCE, store, now=NOW, write_off_id=write_off_id, version=version, gl_voucher="记-0013")


def test_two_last_approvers_at_once_have_exactly_one_effect(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = asked(store, case_id)
    approved(store, write_off_id, FINANCE)
    request = open_request(store, write_off_id)
    begin, said = threading.Barrier(2), []

    def decide(by: Any) -> None:
        begin.wait()
        try:
            approvals.approve(by, store, now=NOW, request_id=request.request_id, expected_version=request.version,
                              content_hash=request.content_hash, reason="checked", key=uuid4().hex)  # fmt: skip
            said.append("done")
        except DomainError:
            said.append("refused")

    threads = [threading.Thread(target=decide, args=(by,)) for by in (MANAGER, OTHER_MANAGER)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(said) == ["done", "refused"]
    assert of(store, write_off_id).booked_minor == 100_000
    assert balance_of(store, accounts.WRITTEN_OFF_CLAIMS, case_id) == 100_000


def test_what_was_asked_for_is_never_changed_and_moves_are_never_removed(store: Store, tmp_path: Path) -> None:
    booked(store, on_the_books(store, tmp_path))
    forbidden = (
        update(write_offs).values(claim_minor=1), update(write_offs).values(approved_minor=1),
        update(write_off_parts).values(approved_minor=0), update(write_off_moves).values(reason="other"),
        text("delete from write_offs"), text("delete from write_off_moves"), text("delete from write_off_parts"),
    )  # fmt: skip
    for statement in forbidden:
        with pytest.raises(DBAPIError), store.writing(MAKER, NOW) as transaction:
            transaction.connection.execute(statement)
    for wrong in ({"booked_minor": 100_001}, {"remaining_minor": -1}, {"state": "requested"}, {"recovered_minor": -1}):
        with pytest.raises(IntegrityError), store.writing(MAKER, NOW) as transaction:
            transaction.connection.execute(update(write_offs).values(**wrong))
