"""A person's limit of amount, for what is asked for and answered on cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.rights import AMOUNTS, AboveLimit, Narrowing, Rights
from ops_app.services.organisation.rights import narrow_right
from ops_app.store.store import Store
from tests.services.casework.asking import House, answer, ask, decide
from tests.services.casework.casebook import NOW, assigned, now_is, placed, some_cases
from tests.services.organisation.approving import ADMINISTRATOR

OF_NO_MONEY = (
    CaseRequestKind.DISPUTE, CaseRequestKind.STOP_COLLECTION, CaseRequestKind.DOCUMENTS, CaseRequestKind.RETURN_CASE,
    CaseRequestKind.KEEP_CASE,
)  # fmt: skip


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


@pytest.fixture
def ids(store: Store, tmp_path: Path, house: House) -> list[str]:
    made = some_cases(store, tmp_path, 5)
    placed(store, "AG01", *made)
    assigned(store, house.agency, house.caller, *made)
    return made


def test_no_limit_stops_a_request_that_moves_no_money(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    limit = Rights(limits=frozenset({("requests.raise", "CNY", 60_000)}))
    caller = replace(house.caller, rights=limit)
    assert now_is(store, ids[0]).balance_minor > 60_000
    for case_id, kind in zip(ids, OF_NO_MONEY, strict=True):
        ask(store, tmp_path, caller, case_id, kind)
    assert Flag.DISPUTE in now_is(store, ids[0]).flags
    with pytest.raises(AboveLimit):
        ask(store, tmp_path, caller, ids[4], CaseRequestKind.INSTALMENT)
    ask(store, tmp_path, caller, ids[4], CaseRequestKind.WAIVER)  # what moves no money on this case adds nothing
    with pytest.raises(AboveLimit):
        ask(store, tmp_path, caller, ids[4], CaseRequestKind.PAYMENT_CONFIRMATION)


def test_no_limit_stops_the_answer_to_a_request_that_moves_no_money(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    for person in (house.supervisor, house.agency):
        narrow_right(
            ADMINISTRATOR, store, now=NOW, person_id=person.person_id, kind=Narrowing.LIMIT,
            permission="approvals.decide", value={"CNY": 60_000}, reason="review",
        )  # fmt: skip
    dispute = ask(store, tmp_path, house.second, ids[0], CaseRequestKind.DISPUTE)
    answer(store, tmp_path, house.supervisor, dispute, "debt_confirmed")
    kept = ask(store, tmp_path, house.caller, ids[1], CaseRequestKind.KEEP_CASE)
    decide(store, house.agency, kept)
    decide(store, house.supervisor, kept)
    plan = ask(store, tmp_path, house.caller, ids[1], CaseRequestKind.INSTALMENT)
    with pytest.raises(AboveLimit):
        decide(store, house.agency, plan)
    waiver = ask(store, tmp_path, house.caller, ids[2], CaseRequestKind.WAIVER)
    decide(store, house.agency, waiver)


def test_what_is_above_a_limit_tells_no_sums_to_whom_amounts_are_hidden() -> None:
    limits = frozenset({("requests.raise", "CNY", 60_000)})
    blind = Rights(withheld=frozenset({AMOUNTS}), limits=limits)
    for rights in (blind, Rights(limits=limits)):
        with pytest.raises(AboveLimit) as refused:
            rights.check_amount("requests.raise", 12_345, "CNY", 60_000)
        for sentence in (refused.value.en, refused.value.zh):
            assert any(digit in sentence for digit in "0123456789") is (rights is not blind)
