"""Somebody from whom amounts are withheld: what they may still do on cases, and what waits for somebody who sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.hidden import HIDDEN
from ops_app.domain.organisation.approvals import NotAllDecided, RequestMove, RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, AmountsHidden, Narrowing, Rights
from ops_app.services.casework.batches import Asked, list_batches, preview_batch, submit_batch
from ops_app.services.casework.cases import list_cases, read_case
from ops_app.services.casework.following import placement_reasons
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.request_reading import list_case_requests
from ops_app.services.casework.requests import Asking, resubmit_request
from ops_app.services.ledger.posting import preview_posting
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approvals import Read, RequestFilter
from ops_app.services.organisation.rights import narrow_right
from ops_app.store.casework import batches
from ops_app.store.store import Store
from tests.services.casework.asking import FORMS, ZONE, House, answer, ask, decide, seen
from tests.services.casework.casebook import (
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    an_agency,
    assigned,
    now_is,
    placed,
    some_cases,
    versions,
)

NO_AMOUNTS = Rights(withheld=frozenset({AMOUNTS}))
BLIND = replace(SUPERVISOR, rights=NO_AMOUNTS)
ADMIN = Actor("p-admin", "Admin", Role.ADMINISTRATOR)


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


@pytest.fixture
def one(store: Store, tmp_path: Path, house: House) -> str:
    """A case placed with AG01 and assigned to its caller."""
    case_id = some_cases(store, tmp_path, 2)[0]
    placed(store, "AG01", case_id)
    assigned(store, house.agency, house.caller, case_id)
    return case_id


def withheld(store: Store, who: Actor) -> Actor:
    """Amounts are taken from a person of the store; the actor of their next click."""
    narrow_right(
        ADMIN, store, now=NOW, person_id=who.person_id, kind=Narrowing.WITHHELD, permission=AMOUNTS, value=[],
        reason="not needed",
    )  # fmt: skip
    return replace(who, rights=NO_AMOUNTS)


def test_a_case_is_read_without_its_amounts_and_with_everything_else(store: Store, one: str) -> None:
    case, whole = (read_case(actor, store, now=NOW, case_id=one).case for actor in (BLIND, SUPERVISOR))
    assert {getattr(case, f"{part}_minor") for part in ("principal", "interest", "fees", "penalty", "balance")} == {
        HIDDEN
    }
    amounts = {name: value for name, value in vars(whole).items() if name.endswith("_minor")}
    assert replace(whole, **dict.fromkeys(amounts, 0)) == replace(case, **dict.fromkeys(amounts, 0))
    assert whole.balance_minor == 100_001


@pytest.mark.parametrize("descending", [True, False])
def test_no_list_is_sorted_or_narrowed_by_what_is_hidden(store: Store, one: str, descending: bool) -> None:
    tries: list[Callable[[Actor], Any]] = [
        lambda actor: list_cases(actor, store, now=NOW, sort="balance_minor", descending=descending),
        lambda actor: list_case_requests(actor, store, now=NOW, sort="amount_minor", descending=descending),
        lambda actor: approvals.list_requests(actor, store, now=NOW, sort="amount_minor", descending=descending),
        lambda actor: approvals.my_requests(actor, store, now=NOW, sort="amount_minor", descending=descending),
        *(
            (lambda actor, name=name: approvals.list_requests(
                actor, store, now=NOW, wanted=RequestFilter(**{name: 5})))
            for name in ("least_minor", "most_minor", "least_units")
        ),
    ]  # fmt: skip
    for act in tries:
        act(SUPERVISOR)
        with pytest.raises(AmountsHidden):
            act(BLIND)
    assert list_cases(BLIND, store, now=NOW, sort="days_past_due", descending=descending).rows


@pytest.mark.parametrize(
    "kind",
    [CaseRequestKind.WAIVER, CaseRequestKind.INSTALMENT, CaseRequestKind.PAYMENT_CONFIRMATION, CaseRequestKind.DISPUTE],
)
def test_what_names_an_amount_is_asked_for_by_who_sees_amounts(
    store: Store, tmp_path: Path, one: str, house: House, kind: CaseRequestKind
) -> None:
    caller = replace(house.caller, rights=NO_AMOUNTS)
    with pytest.raises(AmountsHidden):
        ask(store, tmp_path, caller, one, kind)
    assert list_case_requests(SUPERVISOR, store, now=NOW).rows == ()
    assert ask(store, tmp_path, house.caller, one, kind)


def test_a_dispute_without_an_amount_and_what_names_none_is_asked_for_all_the_same(
    store: Store, tmp_path: Path, one: str, house: House
) -> None:
    caller = replace(house.caller, rights=NO_AMOUNTS)
    ask(store, tmp_path, caller, one, CaseRequestKind.DISPUTE, disputed_minor=None)
    assert Flag.DISPUTE in now_is(store, one).flags
    asked = ask(store, tmp_path, caller, one, CaseRequestKind.DOCUMENTS)
    found = seen(store, caller, asked)
    assert (found.item.amount_minor, found.item.balance_minor, found.approval.amount_minor) == (HIDDEN,) * 3
    assert found.approval.arguments["balance_minor"] == HIDDEN
    assert found.approval.content_hash == HIDDEN, "whoever knows all but the balance would find it by trying"
    assert seen(store, house.caller, asked).item.balance_minor == 100_001, "what is kept is whole"


def test_a_returned_request_with_an_amount_is_not_submitted_again_blind(
    store: Store, tmp_path: Path, one: str, house: House
) -> None:
    asked = ask(store, tmp_path, house.caller, one, CaseRequestKind.DISPUTE)
    decide(store, house.agency, asked, "return")
    caller = replace(house.caller, rights=NO_AMOUNTS)
    version = seen(store, caller, asked).approval.version
    given = {"now": NOW, "zone": ZONE, "evidence_folder": tmp_path, "case_request_id": asked,
             "expected_version": version}  # fmt: skip
    form = {name: value for name, value in FORMS[CaseRequestKind.DISPUTE].items() if name != "disputed_minor"}
    asking = Asking(CaseRequestKind.DISPUTE, form, WHY, ())
    with pytest.raises(AmountsHidden):
        resubmit_request(caller, store, asking=asking, key="k", **given)  # type: ignore[arg-type]
    with pytest.raises(AmountsHidden):
        approvals.resubmit(
            caller, store, now=NOW, request_id=str(seen(store, house.caller, asked).approval.request_id),
            expected_version=version, arguments={}, reason=WHY, amount_minor=5, currency="CNY", key="k2",
        )  # fmt: skip


def test_a_request_with_an_amount_is_decided_by_who_sees_it(
    store: Store, tmp_path: Path, one: str, house: House
) -> None:
    asked = ask(store, tmp_path, house.caller, one, CaseRequestKind.INSTALMENT)
    real = seen(store, house.agency, asked).approval
    blind = withheld(store, house.agency)
    assert isinstance(seen(store, blind, asked).refusal, AmountsHidden)
    given = {"now": NOW, "request_id": real.request_id, "expected_version": real.version,
             "content_hash": real.content_hash, "reason": WHY}  # fmt: skip
    # whether the session or the store says so: what was taken a moment ago holds for who clicks now
    for actor in (blind, house.agency):
        for act in (approvals.approve, approvals.reject, approvals.return_request):
            with pytest.raises(AmountsHidden):
                act(actor, store, key=uuid4().hex, **given)  # type: ignore[arg-type]
        items = {real.request_id: Read(real.version, real.content_hash)}
        preview = approvals.preview_decisions(actor, store, now=NOW, decision=RequestMove.APPROVE, items=items)
        assert (preview.count, [type(it) for it in preview.refused.values()]) == (0, [AmountsHidden])
        with pytest.raises(NotAllDecided):
            approvals.decide_requests(
                actor, store, now=NOW, decision=RequestMove.APPROVE, items=items, reason=WHY, key=uuid4().hex
            )
    assert decide(store, house.agency_second, asked).state is RequestState.APPROVED


def test_nobody_decides_for_somebody_from_whom_amounts_are_withheld(
    store: Store, tmp_path: Path, one: str, house: House
) -> None:
    asked = ask(store, tmp_path, house.supervisor, one, CaseRequestKind.INSTALMENT)
    level = seen(store, house.manager, asked).approval.levels[0]
    assert level is Role.SUPERVISOR
    approvals.delegate(
        house.second, store, now=NOW, to_person_id=house.manager.person_id, starts_at=NOW, ends_at=DUE,
        reason="on leave", key="k",
    )  # fmt: skip
    assert seen(store, house.manager, asked).refusal is None
    withheld(store, house.second)
    assert isinstance(seen(store, house.manager, asked).refusal, AmountsHidden)


def test_an_answer_and_a_posting_need_the_amount_to_be_seen(
    store: Store, tmp_path: Path, one: str, house: House
) -> None:
    asked = ask(store, tmp_path, house.supervisor, one, CaseRequestKind.DOCUMENTS)
    with pytest.raises(AmountsHidden):
        answer(store, tmp_path, replace(house.second, rights=NO_AMOUNTS), asked, "sent")
    with pytest.raises(AmountsHidden):
        preview_posting(BLIND, store, now=NOW, case_id=one, amount_minor=100)
    assert preview_posting(SUPERVISOR, store, now=NOW, case_id=one, amount_minor=100).parts


def test_cases_are_placed_without_their_amounts_and_what_is_kept_is_whole(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 3)
    an_agency(store, "AG01", day=NOW.date())
    queue_cases(BLIND, store, now=NOW, wanted=versions(store, *ids), reason=WHY)
    shown = list_cases(BLIND, store, now=NOW).rows
    whole = list_cases(SUPERVISOR, store, now=NOW).rows
    given = {"now": NOW, "today": NOW.date()}
    assert placement_reasons(BLIND, store, shown=shown, **given) == placement_reasons(  # type: ignore[arg-type]
        SUPERVISOR,
        store,
        shown=whole,
        **given,  # type: ignore[arg-type]
    )
    asked = Asked(BatchKind.PLACE, versions(store, *ids), "Asia/Shanghai", "AG01", DUE)
    (total,) = preview_batch(BLIND, store, now=NOW, asked=asked).totals
    assert (total.count, total.balance_minor, total.principal_minor) == (3, HIDDEN, HIDDEN)
    for _ in range(2):  # and the repetition of the key is answered alike
        (made,) = submit_batch(BLIND, store, now=NOW, asked=asked, reason=WHY, key="k")
        assert (made.balance_minor, made.rows_hash) == (HIDDEN, HIDDEN)
    with store.reading() as connection:
        kept = batches.read(connection, made.batch_id)
    assert kept is not None
    assert kept.balance_minor == 300_006
    assert [row.batch.balance_minor for row in list_batches(SUPERVISOR, store, now=NOW).rows] == [300_006]
    assert [row.batch.balance_minor for row in list_batches(BLIND, store, now=NOW).rows] == [HIDDEN]


def test_the_system_and_whoever_has_the_right_see_what_they_saw(store: Store, one: str) -> None:
    for actor in (SYSTEM, SUPERVISOR):
        assert read_case(actor, store, now=NOW, case_id=one).case.balance_minor == 100_001
