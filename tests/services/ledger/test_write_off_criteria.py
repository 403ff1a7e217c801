"""Criteria of write-off: changed by two people from a day on, and tried over the whole book (feature 21)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.ledger.write_off_criteria import (
    Criterion,
    NotEligible,
    ProofKind,
    Verdict,
    WriteOffPath,
    criterion_for,
    verdict,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.moving import set_flag
from ops_app.services.ledger.write_off_criteria import (
    criteria_on,
    list_criteria,
    reference_criteria,
    request_criterion,
    try_criteria,
)
from ops_app.services.ledger.write_off_reading import list_candidates
from ops_app.services.organisation import approvals
from ops_app.store.store import Store
from tests.services.casework.casebook import a_spell, now_is, taken_in
from tests.services.ledger.writing_off import (
    DAY,
    MAKER,
    MANAGER,
    NOW,
    PRINCIPAL,
    TODAY,
    asked,
    booked,
    on_the_books,
    with_people,
)

COMPLIANCE = Actor("w-com", "Cai", Role.COMPLIANCE)


def another(store: Store, *, approve: bool = True, **other: object) -> str:
    """A version of a criterion is asked for, and approved; the id of the request."""
    with_people(store)
    given = {
        "path": WriteOffPath.LONG_OVERDUE, "least_days_past_due": 181, "proofs": (ProofKind.RECOURSE_DONE,),
        "method": "direct", "starts_date": TODAY, "reason": "the board decided", "key": uuid4().hex,
    }  # fmt: skip
    request_id = request_criterion(COMPLIANCE, store, now=NOW, **given | other)  # type: ignore[arg-type]
    if approve:
        one = approvals.read_request(MANAGER, store, now=NOW, request_id=request_id).item
        approvals.approve(MANAGER, store, now=NOW, request_id=request_id, expected_version=one.version,
                          content_hash=one.content_hash, reason="", key=uuid4().hex)  # fmt: skip
    return request_id


def test_the_reference_holds_until_another_version_starts_and_every_version_stays(store: Store) -> None:
    held = len(reference_criteria())
    another(store, approve=False, product_code="another")
    assert len(list_criteria(MAKER, store, now=NOW)) == held
    another(store, starts_date=TODAY + 10 * DAY, least_days_past_due=91)
    another(store, product_code="p2p_loan")
    with store.reading() as connection:
        now_held, later = criteria_on(connection, TODAY), criteria_on(connection, TODAY + 10 * DAY)
    path = WriteOffPath.LONG_OVERDUE
    assert criterion_for(now_held, path, "SIM", "card", "CNY") in reference_criteria()
    one, other = criterion_for(later, path, "SIM", "card", "CNY"), criterion_for(now_held, path, "SIM", "p2p_loan", "X")
    assert one is not None
    assert other is not None
    assert (one.least_days_past_due, one.version, other.least_days_past_due, other.version) == (91, 1, 181, 1)
    assert len(list_criteria(MAKER, store, now=NOW)) == held + 2


def test_a_criterion_does_not_begin_in_the_past_and_is_asked_for_by_few(store: Store) -> None:
    with pytest.raises(Invalid) as past:
        another(store, starts_date=TODAY - DAY)
    assert past.value.field == "starts_date"
    with pytest.raises(Refused):
        request_criterion(
            MAKER, store, now=NOW, path=WriteOffPath.DEATH, least_days_past_due=1, proofs=(ProofKind.LEGAL_STEPS,),
            method="direct", starts_date=TODAY, reason="a good reason", key="k",
        )  # fmt: skip


def test_a_version_is_never_changed(store: Store) -> None:
    another(store)
    for statement in ("update write_off_criteria set least_days_past_due = 1", "delete from write_off_criteria"):
        with pytest.raises(DBAPIError), store.writing(MAKER, NOW) as transaction:
            transaction.connection.execute(text(statement))


def flagged(store: Store, case_id: str, flag: Flag) -> str:
    version = now_is(store, case_id).version
    set_flag(MAKER, store, now=NOW, case_id=case_id, version=version, flag=flag, reason="we were told")
    return case_id


def book(store: Store, evidence: Path) -> dict[str, str]:
    """A case of every kind that the criteria tell apart."""
    another(store, least_minor=5_000, most_minor=200_000, currency="CNY", least_days_past_due=361)
    made = {
        "plain": on_the_books(store, evidence),
        "dead": flagged(store, on_the_books(store, evidence), Flag.DECEASED),
        "bankrupt": flagged(store, on_the_books(store, evidence), Flag.BANKRUPT),
        "disputed": flagged(store, on_the_books(store, evidence), Flag.DISPUTE),
        "small": on_the_books(store, evidence, {PRINCIPAL: 4_999}),
        "large": on_the_books(store, evidence, {PRINCIPAL: 200_001}),
        "waiting": on_the_books(store, evidence),
        "done": on_the_books(store, evidence),
        "other": on_the_books(store, evidence, product_code="card"),
    }
    asked(store, made["waiting"], proofs=_one_proof(made["waiting"]))
    booked(store, made["done"], proofs=_one_proof(made["done"]))
    spell = a_spell(900_001, days_past_due=500)
    taken_in(store, evidence, spell, in_ledger=False)
    made["unknown"] = str(spell["case_id"])
    return made


def _one_proof(case_id: str) -> dict[ProofKind, str]:
    from tests.services.ledger.writing_off import document

    return {ProofKind.RECOURSE_DONE: document(case_id, ProofKind.RECOURSE_DONE)}


def test_a_test_run_counts_and_sums_the_book_by_path_and_says_why_the_rest_does_not_qualify(
    store: Store, tmp_path: Path
) -> None:
    made = book(store, tmp_path)
    run = try_criteria(MAKER, store, now=NOW)
    found = Counter({(one.verdict, one.path): 0 for one in (*run.eligible, *run.excluded)})
    for one in (*run.eligible, *run.excluded):
        found[one.verdict, one.path] += one.count
    long = WriteOffPath.LONG_OVERDUE
    assert found == {
        (Verdict.ELIGIBLE, WriteOffPath.DEATH): 1,
        (Verdict.ELIGIBLE, WriteOffPath.BANKRUPTCY): 1,
        (Verdict.ELIGIBLE, long): 2,
        (Verdict.DISPUTED, None): 1,
        (Verdict.HAS_WRITE_OFF, None): 2,
        (Verdict.NOT_IN_LEDGER, None): 1,
        (Verdict.OUT_OF_BAND, long): 2,
    }
    assert run.totals == {"CNY": 400_000}
    assert {one.product_code for one in run.eligible} == {"p2p_loan", "card"}
    assert made


def test_the_store_and_the_rule_say_the_same_of_every_case(store: Store, tmp_path: Path) -> None:
    made = book(store, tmp_path)
    with store.reading() as connection:
        held = criteria_on(connection, TODAY)
    owed = {"small": 4_999, "large": 200_001}
    for path in WriteOffPath:
        page = list_candidates(MAKER, store, now=NOW, path=path)
        listed = {one.case.case_id for one, _ in page.rows}
        assert page.total == len(listed)
        for name, case_id in made.items():
            if name in ("disputed", "waiting", "done", "unknown"):
                assert case_id not in listed
                continue
            case = now_is(store, case_id)
            one: Criterion | None = criterion_for(held, path, case.lender_code, case.product_code, case.currency)
            said = verdict(one, path, case.flags, case.days_past_due, owed.get(name, 100_000))
            assert (case_id in listed) == (said is Verdict.ELIGIBLE), (name, path)
            if said is not Verdict.ELIGIBLE:
                with pytest.raises(NotEligible):
                    asked(store, case_id, path=path)


def test_candidates_are_turned_by_keyset_in_every_order(store: Store, tmp_path: Path) -> None:
    ids = {on_the_books(store, tmp_path, {PRINCIPAL: 10_000 + number}) for number in range(7)}
    for sort in ("days_past_due", "balance_minor", "opened_date"):
        for descending in (True, False):
            seen: list[str] = []
            after = None
            while True:
                page = list_candidates(
                    MAKER,
                    store,
                    now=NOW,
                    sort=sort,
                    descending=descending,
                    after=after,
                    limit=3,
                    product_code="p2p_loan",
                )
                seen += [one.case.case_id for one, _ in page.rows]
                after = page.next_after
                if after is None:
                    break
            assert (len(seen), set(seen)) == (7, ids)
    assert list_candidates(MAKER, store, now=NOW, lender_code="nobody").total == 0
    (_, recourse), *_ = list_candidates(MAKER, store, now=NOW).rows
    assert (recourse.documents, recourse.placements) == (len(ProofKind), 0)
