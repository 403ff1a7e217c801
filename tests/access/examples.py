"""What is handed to an act when it is tried: by the name of its parameter, or for one act alone.

A new act whose parameters are all here needs nothing but its row in ``matrix.yml``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ops_app.domain.casework.cases import CaseMove
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.limitation import InterruptionKind
from ops_app.domain.casework.personal import PersonalField, Term
from ops_app.domain.casework.placing import BatchKind, RecallGround
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.casework.tags import Tag
from ops_app.domain.ledger.claimed_commissions import ClaimState
from ops_app.domain.ledger.refunds import RefundGround
from ops_app.domain.ledger.write_off_criteria import WriteOffPath
from ops_app.services.casework.attaching import Incoming
from ops_app.services.casework.batches import Asked
from ops_app.services.casework.requests import Asking
from ops_app.services.ledger.books import StatementFilter
from ops_app.services.ledger.claimed_reading import ClaimFilter
from ops_app.store.store import Store
from tests.access.world import THEN, World, conflict_of
from tests.services.casework.asking import FORMS, PDF
from tests.services.casework.casebook import DUE, WHY, ZONE

STALE = 99
"""A version that no case has: whoever sees the case is told that it changed, and nothing is changed."""


def by_name(world: World, store: Store, evidence: Path, case_id: str, house: str) -> dict[str, Any]:
    """Parameter → what is handed over; ``case_id`` is the case that is asked for, and its file that of ``house``; where
    that house has none, of whoever has."""
    of_case = {place: file for place, file in world.files.items() if place[0] == case_id}
    return {
        "store": store,
        "now": THEN,
        "today": date(2026, 11, 24),
        "zone": ZoneInfo("Asia/Shanghai"),
        "evidence": evidence,
        "case_id": case_id,
        "case_ids": [case_id],
        "ids": [case_id],
        "wanted": {case_id: STALE},
        "cases": {case_id: STALE},
        "version": STALE,
        "expected_version": STALE,
        "reason": WHY,
        "note": WHY,
        "key": "a key",
        "flag": Flag.DISPUTE,
        "move": CaseMove.OPEN_QUEUE,
        "field": PersonalField.NAME,
        "source_code": "SIM",
        "payment_id": "P-none",
        "term": Term.CASE,
        "text": case_id,
        "collector_id": world.mine.person_id,
        "agency_code": "AG01",
        "due_at": DUE + timedelta(days=1),
        "attachment_id": of_case.get((case_id, house), next(iter(reversed(of_case.values())), "0" * 32)),
        "file": Incoming("proof.txt", b"of the matrix", "0" * 64),
        "tag": Tag.MOVED_AWAY.value,
        "kind": InterruptionKind.SUIT,
        "happened_date": date(2026, 11, 23),
        "nth": 1,
        "conflict_id": conflict_of(case_id),
        "event_count": 0,
        "amount_minor": 1_000,
        "evidence_folder": evidence,
        "case_version": STALE,
        "asking": Asking(CaseRequestKind.DOCUMENTS, FORMS[CaseRequestKind.DOCUMENTS], WHY, (PDF,)),
        "entry_id": "0" * 32,
        "first_date": date(2026, 11, 1),
        "check_name": "payments_posted",
        "difference_id": "0" * 32,
        "period_id": "0" * 64,
        "reference": "GL-1",
        "received_date": date(2026, 11, 23),
        "business_date": date(2026, 11, 23),
        "batch_id": "b-" + "0" * 32,
        "batch_ids": ["b-" + "0" * 32],
        "asked": Asked(BatchKind.PLACE, {case_id: STALE}, ZONE, "AG01", DUE + timedelta(days=1)),
        "ground": RecallGround.MISCONDUCT,
        "messages": (),
        "totals": (),
        "count": 1,
        "statement_id": "0" * 32,
        "deliveries": (),
        "chosen": {1: STALE},
        "number": 1,
        "holder": "nobody",
        "broker": "none",
        "trouble": None,
        "limit": 10,
        "claim_ids": [case_id],
        "break_id": "0" * 64,
        "item_id": "0" * 32,
        "refund_id": "0" * 32,
        "file_id": "0" * 32,
        "owner_id": world.mine.person_id,
        "lines": (),
        "execution_date": date(2026, 11, 24),
        "template": "iso_20022",
        "currency": "CNY",
        "payee_name": "Zhang San",
        "payee_account": "6222020012345678",
        "payee_bank": "ICBC",
        "document": "a letter",
        "into_case_id": case_id,
    }


OF_ONE_ACT: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "ledger.books.account_statement": lambda case_id: {"wanted": StatementFilter("cash", "CNY", case_id=case_id)},
    "ledger.books.trial_balance": lambda _: {"source_code": None, "first_date": None},
    "ledger.differences.list_differences": lambda _: {"wanted": None},
    "casework.batches.list_batches": lambda _: {"kind": None, "agency_code": None},
    "casework.cases.list_cases": lambda _: {"wanted": None, "text": None},
    "casework.cases.list_placements": lambda _: {"agency_code": None},
    "casework.limitation.list_expiring": lambda _: {"within_days": 3660},
    "casework.limitation.record_interruption": lambda case_id: {"evidence": "a letter", "key": f"again {case_id}"},
    "ledger.write_offs.request_write_off": lambda _: {
        "path": WriteOffPath.LONG_OVERDUE,
        "effective_date": date(2026, 11, 23),
        "approval_document": "WO-1",
        "proofs": {},
    },
    "ledger.claimed_commissions.decide_claim": lambda _: {"decision": ClaimState.DISPUTED},
    "ledger.claimed_commissions.decide_claims": lambda _: {"decision": ClaimState.DISPUTED},
    "ledger.claimed_reading.list_claimed_lines": lambda _: {"wanted": ClaimFilter("0" * 32)},
    "ledger.claimed_reading.list_own_claimed_lines": lambda _: {"wanted": ClaimFilter("0" * 32)},
    "ledger.refunds.request_refund": lambda _: {"ground": RefundGround.OVERPAYMENT, "attachment_id": None},
    "ledger.refund_reading.list_refunds": lambda _: {"wanted": None},
    "ledger.suspense.list_suspense": lambda _: {"wanted": None},
    "contact.promises.judge_promises": lambda _: {"promises": []},
    "organisation.message_reading.list_messages": lambda _: {"wanted": None},
    "ledger.payment_lists.list_repayments": lambda _: {"wanted": None},
    "casework.missing.list_missing": lambda _: {"text": None},
    "casework.monitoring.list_alerts": lambda _: {"wanted": None},
    "casework.request_reading.list_case_requests": lambda _: {"wanted": None},
    "casework.waiver_audit.audit_waivers": lambda _: {"wanted": None},
    "casework.waiver_audit.try_agreement": lambda _: {
        "kind": CaseRequestKind.INSTALMENT,
        "form": FORMS[CaseRequestKind.INSTALMENT],
    },
    "ledger.agreement_reading.list_agreements": lambda _: {"wanted": None},
    "casework.requests.raise_request": lambda case_id: {"key": f"again {case_id}"},
}
"""Act → what it is handed instead, given the case that is asked for."""


def arguments(
    name: str, act: Callable[..., Any], world: World, store: Store, evidence: Path, case_id: str, house: str
) -> dict[str, Any]:
    """Everything that ``act`` takes and there is an example of; raises ``LookupError`` naming what has none."""
    known = by_name(world, store, evidence, case_id, house) | OF_ONE_ACT.get(name, lambda _: {})(case_id)
    given, missing = {}, []
    for parameter in list(inspect.signature(act).parameters.values())[1:]:
        if parameter.name in known:
            given[parameter.name] = known[parameter.name]
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            missing.append(parameter.name)
    if missing:
        raise LookupError(
            f"tests/access/examples.py has no example of {', '.join(missing)} of the act {name}: add each to by_name"
        )
    return given
