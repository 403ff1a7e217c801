"""Requests on cases: who sees them, how far they climb, what they do, how they end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.domain.casework.cases import CaseState, NoSuchCase
from ops_app.domain.casework.evidence import NoSuchFile
from ops_app.domain.casework.flags import Deed, Flag
from ops_app.domain.casework.requests import (
    AnswerMissing,
    BalanceMoved,
    CaseElsewhere,
    CaseRequestKind,
    NoSuchCaseRequest,
    NotWithAnAgency,
    OnlyAnAnswerEnds,
    OpenDispute,
    Outcome,
    Step,
)
from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.approvals import (
    NoSuchRequest,
    NotCarriedOut,
    NotYourLevel,
    OpenAlready,
    OwnRequest,
    RequestState,
)
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.moving import clear_flag
from ops_app.services.casework.request_answers import fetch_evidence
from ops_app.services.casework.request_escalation import end_requests_left_behind, escalate_late_requests
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.casework.requests import Asking, resubmit_request, withdraw_request
from ops_app.services.organisation import approvals
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from ops_app.store.tables.requests import notices
from tests.services.casework.asking import FORMS, PDF, SCAN, ZONE, House, answer, ask, decide, seen
from tests.services.casework.casebook import (
    NOW,
    WHY,
    a_spell,
    assigned,
    now_is,
    placed,
    recalled,
    some_cases,
    taken_in,
)

K = CaseRequestKind


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


@pytest.fixture
def ids(store: Store, tmp_path: Path, house: House) -> list[str]:
    """Four cases: two placed with AG01 of which the caller has the first, one with AG02, one of the in-house caller."""
    made = some_cases(store, tmp_path, 4)
    placed(store, "AG01", *made[:2])
    placed(store, "AG02", made[2])
    assigned(store, house.agency, house.caller, made[0])
    assigned(store, house.supervisor, house.in_house, made[3])
    return made


def audited(store: Store, case_request_id: str) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(
            select(audit_log.c.action).where(audit_log.c.object_id == case_request_id).order_by(audit_log.c.seq)
        )
        return list(rows.scalars())


def told(store: Store, person_id: str) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(notices.c.event).where(notices.c.person_id == person_id))
        return sorted(rows.scalars())


def test_a_small_waiver_of_an_agency_ends_with_its_supervisor(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    form = {"waived_principal_minor": 50_000}
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER, **form)
    assert list(seen(store, house.caller, one).approval.levels) == [Role.AGENCY_SUPERVISOR]
    for nobody in (house.supervisor, house.manager):
        with pytest.raises(NotYourLevel):
            decide(store, nobody, one)
    done = decide(store, house.agency, one)
    record = seen(store, house.caller, one)
    assert (done.state, record.item.state, record.item.outcome) == (
        RequestState.APPROVED, RequestState.APPROVED, Outcome.GRANTED,
    )  # fmt: skip
    assert (record.item.reply, record.item.replied_by_name) == ("looked", "Gao")
    steps = ["case_request.raised", "case_request.ended", "agreement.grant", "case_request.carried_out"]
    assert audited(store, one) == steps
    assert told(store, house.caller.person_id) == ["approve_last"]


def test_a_waiver_above_the_limits_climbs_to_the_asset_company_and_its_manager(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    taken_in(store, tmp_path, a_spell(1, balance_minor=2_000_000, as_of_date=NOW.date()))
    form = {"waived_principal_minor": 600_000, "to_pay_minor": 900_000}
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER, **form)
    steps = []
    for decider in (house.agency, house.supervisor, house.manager):
        record = seen(store, decider, one)
        steps.append((record.item.step, record.approval.awaited_role))
        assert record.refusal is None
        decide(store, decider, one)
    assert steps == [
        (Step.AGENCY, Role.AGENCY_SUPERVISOR), (Step.ASSET, Role.SUPERVISOR), (Step.ASSET, Role.MANAGER),
    ]  # fmt: skip
    assert seen(store, house.caller, one).item.outcome is Outcome.GRANTED
    assert told(store, house.caller.person_id) == ["approve", "approve", "approve_last"]


@pytest.mark.parametrize(("lender", "levels"), [("XJC", 2), ("HYB", 1), (None, 1)])
def test_the_file_of_a_lender_says_from_which_amount_a_manager_decides_too(
    store: Store, tmp_path: Path, house: House, ids: list[str], lender: str | None, levels: int
) -> None:
    taken_in(store, tmp_path, a_spell(1, balance_minor=2_000_000, lender_code=lender, as_of_date=NOW.date()))
    form = {"waived_principal_minor": 300_000, "to_pay_minor": 900_000}
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER, **form)
    asset = (Role.SUPERVISOR, Role.MANAGER)[:levels]
    assert seen(store, house.caller, one).approval.levels == (Role.AGENCY_SUPERVISOR, *asset)


def test_nobody_decides_on_their_own_request_and_no_other_agency_reaches_it(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    own = ask(store, tmp_path, house.supervisor, ids[3], K.WAIVER)
    with pytest.raises(OwnRequest):
        decide(store, house.supervisor, own)
    hers = ask(store, tmp_path, house.agency, ids[0], K.WAIVER, waived_principal_minor=1_000)
    record = seen(store, house.agency, hers)
    # an agency supervisor's own goes up, however small
    assert (record.approval.levels, record.item.needs_asset) == ((Role.SUPERVISOR,), True)
    with pytest.raises(OwnRequest):
        decide(store, house.agency, hers)
    with pytest.raises(NotYourLevel):
        decide(store, house.agency_second, hers)
    by_caller = ask(store, tmp_path, house.caller, ids[0], K.INSTALMENT)
    approval = seen(store, house.caller, by_caller).approval
    for request_id in (approval.request_id, "r-0"):
        with pytest.raises(NoSuchRequest):
            approvals.approve(
                house.other, store, now=NOW, request_id=request_id, expected_version=1,
                content_hash=approval.content_hash, key=f"k{request_id}",
            )  # fmt: skip
    for foreign in (by_caller, "cq-0"):
        with pytest.raises(NoSuchCaseRequest):
            seen(store, house.other, foreign)


def test_each_lists_what_is_within_reach(store: Store, tmp_path: Path, house: House, ids: list[str]) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    two = ask(store, tmp_path, house.agency, ids[1], K.INSTALMENT)
    three = ask(store, tmp_path, house.other, ids[2], K.WAIVER)
    four = ask(store, tmp_path, house.in_house, ids[3], K.WAIVER)

    def listed(by) -> set[str]:
        return {it.case_request_id for it in list_case_requests(by, store, now=NOW).rows}

    assert listed(house.supervisor) == {one, two, three, four}
    assert listed(house.agency) == {one, two}
    assert listed(house.caller) == {one}
    assert listed(house.other) == {three}
    assert listed(house.in_house) == {four}
    assigned(store, house.agency, house.caller, ids[1])
    assert listed(house.caller) == {one, two}
    on_case = {"now": NOW, "object_type": "case", "object_id": ids[0]}
    assert approvals.requests_on(house.in_house, store, **on_case) == []
    assert len(approvals.requests_on(house.caller, store, **on_case)) == 1
    mine = approvals.my_requests(house.caller, store, now=NOW)
    assert [it.object_id for it in mine.rows] == [ids[0]]
    everything = approvals.list_requests(house.agency, store, now=NOW)
    assert {it.object_id for it in everything.rows} == set(ids[:2])
    queue = approvals.list_requests(house.agency, store, now=NOW, only_mine=True)
    assert [it.object_id for it in queue.rows] == [ids[0]]


def test_only_what_is_within_reach_is_asked_for_and_asking_twice_is_once(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    for case_id in (ids[1], ids[2], "0" * 32):
        with pytest.raises(NoSuchCase):
            ask(store, tmp_path, house.caller, case_id, K.WAIVER, version=1)
    version = now_is(store, ids[0]).version
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER, version=version, key="k")
    assert ask(store, tmp_path, house.caller, ids[0], K.WAIVER, version=version, key="k") == one
    with pytest.raises(OpenAlready):
        ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    with pytest.raises(Conflict):
        ask(store, tmp_path, house.caller, ids[0], K.WAIVER, version=version, key="k", to_pay_minor=1)
    with pytest.raises(NotWithAnAgency):
        ask(store, tmp_path, house.in_house, ids[3], K.KEEP_CASE)
    with pytest.raises(Invalid) as missing:
        ask(store, tmp_path, house.caller, ids[0], K.STOP_COLLECTION, files=())
    assert missing.value.field == "files"
    with pytest.raises(Refused):
        ask(store, tmp_path, house.finance, ids[0], K.DISPUTE)


def test_a_dispute_stops_contact_at_once_until_it_is_answered_with_evidence(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.DISPUTE, files=())
    assert Flag.DISPUTE in now_is(store, ids[0]).flags
    assert [it.code for it in now_is(store, ids[0]).reasons_against(Deed.CONTACT)] == ["dispute"]
    with pytest.raises(OpenDispute):
        clear_flag(
            house.supervisor, store, now=NOW, case_id=ids[0], version=now_is(store, ids[0]).version,
            flag=Flag.DISPUTE, reason=WHY,
        )  # fmt: skip
    version = seen(store, house.caller, one).approval.version
    with pytest.raises(OnlyAnAnswerEnds):
        withdraw_request(
            house.caller, store, now=NOW, case_request_id=one, expected_version=version, reason=WHY, key="w"
        )
    with pytest.raises(OnlyAnAnswerEnds):
        decide(store, house.agency, one, "reject")
    with pytest.raises(Conflict, match="earlier step"):
        answer(store, tmp_path, house.agency, one, "debt_confirmed")
    decide(store, house.agency, one)
    for without in (lambda: decide(store, house.supervisor, one),
                    lambda: answer(store, tmp_path, house.supervisor, one, "debt_confirmed", files=())):  # fmt: skip
        with pytest.raises(AnswerMissing):
            without()
    assert Flag.DISPUTE in now_is(store, ids[0]).flags
    answer(store, tmp_path, house.supervisor, one, "debt_confirmed")
    record = seen(store, house.caller, one)
    assert Flag.DISPUTE not in now_is(store, ids[0]).flags
    assert (record.item.outcome, record.item.reply) == (Outcome.DEBT_CONFIRMED, "as the contract says")
    assert [(it.part, it.file_name) for it in record.files] == [("answered", "合同.png")]


def test_a_debt_that_is_not_owed_stays_without_contact(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.in_house, ids[3], K.DISPUTE)
    answer(store, tmp_path, house.supervisor, one, "not_owed")
    assert Flag.DISPUTE in now_is(store, ids[3]).flags
    clear_flag(
        house.supervisor, store, now=NOW, case_id=ids[3], version=now_is(store, ids[3]).version, flag=Flag.DISPUTE,
        reason="closed with the lender",
    )  # fmt: skip


def test_what_is_asked_for_is_done_by_the_last_approval(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    keep = ask(store, tmp_path, house.caller, ids[0], K.KEEP_CASE)
    stop = ask(store, tmp_path, house.caller, ids[0], K.STOP_COLLECTION)
    back = ask(store, tmp_path, house.agency, ids[1], K.RETURN_CASE)
    for one in (keep, stop):
        decide(store, house.agency, one)
        assert now_is(store, ids[0]).state is CaseState.PLACED or one is stop
        decide(store, house.supervisor, one)
    kept = now_is(store, ids[0])
    assert (kept.state, Flag.CEASE_CONTACT in kept.flags) == (CaseState.RETAINED, True)
    (file,) = seen(store, house.agency, back).files
    wanted = {"evidence_folder": tmp_path, "case_request_id": back, "evidence_id": file.evidence_id}
    assert fetch_evidence(house.agency, store, now=NOW, **wanted)[1] == PDF.data
    decide(store, house.supervisor, back)
    with pytest.raises(NoSuchFile):
        fetch_evidence(house.agency, store, now=NOW, **wanted)
    assert fetch_evidence(house.supervisor, store, now=NOW, **wanted)[1] == PDF.data
    (tmp_path / "files" / file.sha256[:2] / file.sha256).write_bytes(b"%PDF another")
    with pytest.raises(NoSuchFile):
        fetch_evidence(house.supervisor, store, now=NOW, **wanted)
    assert (now_is(store, ids[1]).state, now_is(store, ids[1]).agency_code) == (CaseState.RETURNED, None)
    ended = seen(store, house.agency, back)  # what they asked for they still see; the case and its files no more
    assert (ended.item.outcome, ended.case_in_reach, ended.files) == (Outcome.GRANTED, False, ())


def test_documents_and_payments_are_answered_with_what_was_found(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    papers = ask(store, tmp_path, house.in_house, ids[3], K.DOCUMENTS, files=())
    answer(store, tmp_path, house.supervisor, papers, "provided", files=(SCAN, PDF, PDF))
    assert len(seen(store, house.in_house, papers).files) == 2
    paid = ask(store, tmp_path, house.in_house, ids[3], K.PAYMENT_CONFIRMATION)
    with pytest.raises(Invalid) as unknown:
        answer(store, tmp_path, house.finance, paid, "payment_found", payment_id="P-9", files=())
    assert unknown.value.field == "payment_id"
    assert seen(store, house.in_house, paid).item.outcome is None
    decide(store, house.finance, paid, "reject", reason="no such payment")
    record = seen(store, house.in_house, paid)
    assert (record.item.outcome, record.item.reply) == (Outcome.REFUSED, "no such payment")


def test_a_waiver_lapses_with_the_balance_it_rests_on(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.in_house, ids[3], K.WAIVER)
    taken_in(store, tmp_path, a_spell(4, balance_minor=90_000, as_of_date=NOW.date()), day=NOW.date())
    with pytest.raises(NotCarriedOut) as refused:
        decide(store, house.supervisor, one)
    assert isinstance(refused.value.why, BalanceMoved)
    assert seen(store, house.in_house, one).item.state is RequestState.WAITING
    decide(store, house.supervisor, one, "return", reason="balance moved")
    record = seen(store, house.in_house, one)
    assert (record.item.step, record.item.reply) == (Step.REQUESTER, "balance moved")
    resubmit_request(
        house.in_house, store, now=NOW, zone=ZONE, evidence_folder=tmp_path, case_request_id=one,
        expected_version=record.approval.version, key="again",
        asking=Asking(K.WAIVER, FORMS[K.WAIVER] | {"waived_principal_minor": 10_000}, "less of it"),
    )  # fmt: skip
    again = seen(store, house.in_house, one)
    assert (again.item.balance_minor, again.item.amount_minor, again.item.step) == (90_000, 10_000, Step.ASSET)
    assert [file.file_name for file in again.files] == ["income proof.pdf"]
    decide(store, house.supervisor, one)
    with pytest.raises(Invalid, match=r"Only 800.00 CNY of this can still be waived: 100.00 CNY was granted before"):
        ask(store, tmp_path, house.in_house, ids[3], K.WAIVER, waived_principal_minor=85_000, to_pay_minor=1)


def test_a_withdrawn_request_is_over_and_only_its_maker_withdraws(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    given = {"now": NOW, "case_request_id": one, "expected_version": 1, "reason": WHY, "key": "w"}
    with pytest.raises(NoSuchCaseRequest):
        withdraw_request(house.agency, store, **given)
    withdraw_request(house.caller, store, **given)
    record = seen(store, house.agency, one)
    assert (record.item.outcome, record.item.replied_by) == (Outcome.WITHDRAWN, None)


def test_a_late_request_is_escalated_once_and_people_are_told(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    late = NOW + timedelta(hours=48)
    given = {"today": late.date()}
    assert escalate_late_requests(SYSTEM, store, now=late - timedelta(seconds=1), **given) == 0
    assert escalate_late_requests(SYSTEM, store, now=late, **given) == 1
    assert escalate_late_requests(SYSTEM, store, now=late, **given) == 0
    for person in (house.caller, house.agency, house.agency_second, house.supervisor, house.second):
        assert told(store, person.person_id) == ["late"], person
    for person in (house.manager, house.other, house.in_house):
        assert told(store, person.person_id) == []
    assert audited(store, one)[-1] == "case_request.escalated"
    wanted = CaseRequestFilter(late_at=late)
    assert [it.case_request_id for it in list_case_requests(house.agency, store, now=late, wanted=wanted).rows] == [one]


def test_a_recall_ends_what_the_agency_asked_for_but_not_a_dispute(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    waiver = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    decide(store, house.agency, waiver)
    dispute = ask(store, tmp_path, house.caller, ids[0], K.DISPUTE)
    recalled(store, ids[0])
    with pytest.raises(NotCarriedOut) as refused:
        decide(store, house.supervisor, waiver)
    assert isinstance(refused.value.why, CaseElsewhere)
    assert end_requests_left_behind(SYSTEM, store, now=NOW) == 1
    assert end_requests_left_behind(SYSTEM, store, now=NOW) == 0
    assert seen(store, house.agency, waiver).item.outcome is Outcome.CASE_LEFT
    assert seen(store, house.agency, dispute).item.state is RequestState.WAITING


def test_an_agencys_approvals_are_delegated_within_the_agency_alone(store: Store, house: House) -> None:
    possible = approvals.possible_delegates(house.agency, store, now=NOW)
    assert [one.person_id for one in possible] == [house.agency_second.person_id]
    span = {"starts_at": NOW, "ends_at": NOW + timedelta(days=1), "reason": "on leave", "now": NOW}
    for nth, foreign in enumerate((house.other, house.supervisor, house.manager, house.caller)):
        with pytest.raises(Invalid):
            approvals.delegate(house.agency, store, to_person_id=foreign.person_id, key=f"d{nth}", **span)
    with pytest.raises(Invalid):
        approvals.delegate(house.supervisor, store, to_person_id=house.agency.person_id, key="up", **span)
    approvals.delegate(house.agency, store, to_person_id=house.agency_second.person_id, key="own", **span)
