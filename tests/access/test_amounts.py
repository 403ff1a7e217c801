"""Amounts withheld from a person: no act, by whatever role, gives one of them away (decision 0017)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops_app.domain.casework.missing import MissingAct
from ops_app.domain.casework.personal import Term
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.ledger.claimed_commissions import ClaimState
from ops_app.domain.ledger.commission_terms import terms_of
from ops_app.domain.organisation.approvals import RequestMove
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, may
from ops_app.domain.organisation.rights import AMOUNTS, NEED_AMOUNTS, AmountsHidden
from ops_app.services.act import DECLARED
from ops_app.services.casework.cases import list_placements
from ops_app.services.casework.request_reading import CaseRequestFilter
from ops_app.services.ledger.claimed_reading import ClaimFilter
from ops_app.services.organisation.approvals import Read, RequestFilter
from ops_app.store.casework import cases as stored
from ops_app.store.store import Store
from tests.access import table
from tests.access.amounts import GONE, Planted, blind, planted, shown
from tests.access.examples import arguments, by_name
from tests.access.table import PEOPLE, PREFIX
from tests.access.test_acts import outcome, said
from tests.access.world import NUMBERS, RELATIONS, THEN

NO_MONEY = (
    "organisation.agencies.", "organisation.agency_", "organisation.announcement", "organisation.approval_delegations.",
    "organisation.closed_periods.", "organisation.memberships.", "organisation.parameter", "organisation.people",
    "organisation.sessions.", "organisation.units.", "organisation.rights.", "organisation.role_giving.",
    "organisation.access_reviews.",
    "organisation.runs.", "organisation.export", "casework.saved_views.", "casework.intake.apply_intake",
    "contact.deciding.release_hold", "contact.deciding.take_hold",
)  # fmt: skip
"""Acts about no case, payment or request on one: they are not tried."""

COMMISSION = terms_of(
    {"currency": "CNY", "tiering": "whole", "age_basis": "entry", "tiers": [{"code": "A", "rate": "0.1"}]}
)
WHOLE: dict[str, dict[str, Any]] = {
    "organisation.approval_reading.list_requests": {"wanted": RequestFilter(states=frozenset()), "page_size": 200},
    "casework.request_reading.list_case_requests": {"wanted": CaseRequestFilter(states=frozenset())},
    "casework.finding.search_cases": {"term": Term.LOAN, "text": GONE[1]},
    "casework.missing.read_missing": {"key": GONE},
    "ledger.payment_lists.read_repayment": {"source_code": "SIM", "payment_id": f"P{NUMBERS['own']}"},
    "casework.missing.decide_missing": {"wanted": {GONE: 99}},
    "ledger.claimed_commissions.take_in_claims": {"rows": (), "totals": ()},
    "ledger.claimed_commissions.decide_claim": {"decision": ClaimState.DISPUTED},
    "ledger.claimed_commissions.decide_claims": {"decision": ClaimState.DISPUTED},
    "ledger.claimed_reading.list_claimed_lines": {"wanted": ClaimFilter("0" * 32)},
    "ledger.claimed_reading.list_own_claimed_lines": {"wanted": ClaimFilter("0" * 32)},
}
"""Act → what it is handed instead: lists in every state rather than what waits alone, a loan that is missing."""


HOLD_AMOUNTS = frozenset(
    {
        "casework.cases.list_cases", "casework.cases.read_case", "casework.cases.list_placements",
        "casework.cases.cases_of_ids", "casework.finding.search_cases", "casework.viewing.case_payments",
        "casework.viewing.case_audit", "casework.following.collected_in", "casework.limitation.list_expiring",
        "casework.missing.list_missing", "casework.missing.read_missing", "casework.batches.list_batches",
        "casework.batches.read_batch", "casework.request_reading.list_case_requests",
        "casework.request_reading.read_case_request", "organisation.approval_reading.list_requests",
        "organisation.approval_reading.my_requests", "organisation.approval_reading.read_request",
        "organisation.approval_reading.requests_on", "organisation.todo.list_todos",
        "casework.waiver_audit.audit_waivers", "casework.waiver_audit.try_agreement",
        "casework.waiver_audit.waiver_limits", "ledger.agreement_reading.agreements_of_case",
        "ledger.agreement_reading.list_agreements", "ledger.agreement_reading.read_agreement",
        "ledger.repayments.list_payments", "ledger.payment_lists.list_repayments",
        "ledger.payment_lists.read_repayment", "organisation.audit.search_audit",
    }
)  # fmt: skip
"""Acts that show the planted amount to somebody who may see it: so the sweep looks where there is something."""


ONE_STORE_A_DAY = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
"""What is withheld of an answer is withheld in Python, whatever the store: the other one is among the slow ones."""


def given(name: str, act: Callable[..., Any], made: Planted, store: Store, evidence: Path, actor: Actor, case_id: str
          ) -> dict[str, Any] | None:  # fmt: skip
    """What is handed over, or ``None`` where the sweep has no example for the act."""
    ids = made.ids
    wanted = set(inspect.signature(act).parameters)
    one, placed = None, []
    if may(actor, "cases.view") and wanted & {"one", "shown"}:
        with store.reading() as connection:
            one = stored.read(connection, case_id, scope_of(actor), THEN)
    if may(actor, "cases.view") and "placed" in wanted:
        placed = list(list_placements(actor, store, now=THEN).rows)
    more: dict[str, Any] = {
        "request_id": ids["request_id"], "case_request_id": ids["case_request_id"], "batch_id": ids["batch_id"],
        "agreement_id": ids["agreement_id"],
        "content_hash": ids["content_hash"], "evidence_id": "0" * 32, "outcome": "confirmed", "reply": "as it is",
        "decision": RequestMove.APPROVE, "items": {it: Read(1, ids["content_hash"]) for it in ids["approvals"]},
        "object_type": "case", "object_id": case_id, "what": next(iter(MissingAct)),
        "placed": [row[::-1] for row in placed] if name.endswith("deadlines") else placed,
        "one": one, "shown": [one] if one else [], "arguments": {}, "from_id": made.world.mine.person_id,
        "write_off_id": "0" * 32, "gl_voucher": "GL-1",
        "settlement_id": "0" * 32, "line_id": "0" * 32, "dispute_id": "0" * 32, "invoice_number": "F1",
        "invoice_minor": 1, "accept": False, "answer": "no", "currency": "CNY", "first_date": THEN.date(),
        "end_date": THEN.date(), "terms": COMMISSION, "cash_minor": 1_000, "age_days": 1, "bucket": "M1",
        "placed_balance_minor": 1_000, "original_principal_minor": 1_000, "valid_from": THEN.date(),
        "share": Decimal(0), "to_id": made.world.hers.person_id,
        "asset": "always", "due_hours": 24, "levels": [], "page": "cases",
    }  # fmt: skip
    if table.rows("acts")[name].kind in {"case", "list"} and name not in WHOLE:
        try:
            return arguments(name, act, made.world, store, evidence, case_id, actor.agency_code or "")
        except LookupError:
            pass
    known = by_name(made.world, store, evidence, case_id, actor.agency_code or "") | more
    found = dict(WHOLE.get(name, {}))
    for it in list(inspect.signature(act).parameters.values())[1:]:
        if it.default is it.empty and it.kind is not it.VAR_KEYWORD:
            if it.name not in found | known:
                return None
            found.setdefault(it.name, known.get(it.name))
    return found


def answers_with_nothing(act: Callable[..., Any]) -> bool:
    """Whether all that the act answers is an id, a count or nothing."""
    returned = typing.get_type_hints(inspect.unwrap(act)).get("return")
    return returned in (None, type(None), str, int, bool)


def sweep(
    made: Planted, store: Store, evidence: Path, person: Callable[[Actor], Actor], only: frozenset[str] = frozenset()
) -> tuple[int, dict[str, list[str]], list[str]]:
    """How many cells were tried, what acts gave away by name and role, and acts that nothing could be handed to."""
    cells, gave, untried = 0, {}, set()
    for name, act in table.acts().items():
        if name.startswith(NO_MONEY) or (only and name not in only):
            continue
        about_cases = table.rows("acts")[name].kind in {"case", "list"}
        for role in PEOPLE:
            actor = person(made.world.actor(role))
            if not may(actor, DECLARED[PREFIX + name]):
                continue
            for relation in RELATIONS if about_cases else RELATIONS[:1]:
                handed = given(name, act, made, store, evidence, actor, made.world.cases[relation])
                if handed is None:
                    if not answers_with_nothing(act):
                        untried.add(name)
                    break
                cells += 1
                answer, error = outcome(act, actor, **handed)
                if isinstance(error, TypeError):
                    gave[f"{name} {role.value} {relation}"] = [f"it could not be called: {error}"]
                if found := shown(answer, error):
                    gave[f"{name} {role.value} {relation}"] = found
    return cells, gave, sorted(untried)


@ONE_STORE_A_DAY
def test_no_act_gives_an_amount_away_to_whoever_may_not_see_amounts(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = planted(store, tmp_path)
    cells, gave, untried = sweep(made, store, tmp_path, blind)
    with capsys.disabled():
        print(f"\namounts withheld, acts ({store.dialect}): {cells} cells, {len(gave)} give one away")
    assert gave == {}
    assert untried == [], "hand these something in given(), or say in NO_MONEY that they are about none"


@ONE_STORE_A_DAY
def test_the_sweep_finds_the_amount_wherever_somebody_may_see_it(store: Store, tmp_path: Path) -> None:
    made = planted(store, tmp_path)
    _, gave, _ = sweep(made, store, tmp_path, lambda actor: actor, HOLD_AMOUNTS)
    assert {name.split(" ")[0] for name in gave} == HOLD_AMOUNTS


def test_what_is_made_of_amounts_is_closed_with_a_sentence_that_says_so() -> None:
    for name, act in table.acts().items():
        permission = DECLARED[PREFIX + name]
        for role in PEOPLE:
            if permission not in NEED_AMOUNTS or role not in GRANTS[permission]:
                continue
            _, error = outcome(act, blind(Actor("x", "x", role, "AG01" if role.value.startswith("agency") else None)))
            assert isinstance(error, AmountsHidden), (name, role, said(error))


def test_amounts_are_held_by_everybody_who_sees_cases_payments_or_dashboards() -> None:
    sees = GRANTS["cases.view"] | GRANTS["payments.view"] | GRANTS["dashboards.view"]
    assert GRANTS[AMOUNTS] == sees
    assert Role.FIELD_VISITOR not in sees
    assert set(GRANTS) >= NEED_AMOUNTS
