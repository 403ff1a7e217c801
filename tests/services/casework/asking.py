"""Requests on cases for tests: forms that are right, files, people who decide."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from ops_app.domain.casework.evidence import Upload
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.request_answers import answer_request
from ops_app.services.casework.request_reading import CaseRequestRecord, read_case_request
from ops_app.services.casework.requests import Asking, raise_request
from ops_app.services.organisation.approvals import Moved
from ops_app.store.store import Store
from tests.services.casework.casebook import NOW, WHY, a_collector, now_is
from tests.services.organisation import approving

ZONE = ZoneInfo("Asia/Shanghai")
PDF = Upload("income proof.pdf", b"%PDF-1.7 proof of income")
SCAN = Upload("合同.png", b"\x89PNG\r\n\x1a\n contract")

FORMS: dict[CaseRequestKind, dict[str, Any]] = {
    CaseRequestKind.WAIVER: {
        "ground": "hardship", "waived_principal_minor": 60_000, "to_pay_minor": 30_000, "pay_by_date": "2026-12-24",
    },
    CaseRequestKind.INSTALMENT: {
        "ground": "illness", "total_minor": 100_000, "instalments": 3, "first_date": "2026-12-31",
    },
    CaseRequestKind.KEEP_CASE: {"until_date": "2027-02-28", "ground": "promise"},
    CaseRequestKind.RETURN_CASE: {"ground": "unreachable"},
    CaseRequestKind.DOCUMENTS: {"documents": ["contract", "statement"], "purpose": "the debtor asks for it"},
    CaseRequestKind.STOP_COLLECTION: {"ground": "vulnerable"},
    CaseRequestKind.DISPUTE: {"about": "amount", "disputed_minor": 20_000, "statement": "paid half in June"},
    CaseRequestKind.PAYMENT_CONFIRMATION: {
        "paid_minor": 12_345, "paid_date": "2026-11-20", "channel": "bank_transfer", "reference": "R-1",
    },
}  # fmt: skip


def ask(
    store: Store, folder: Path, by: Actor, case_id: str, kind: CaseRequestKind, *, now: datetime = NOW,
    version: int | None = None, files: tuple[Upload, ...] = (PDF,), key: str | None = None, **form: Any,
) -> str:  # fmt: skip
    """A request of ``by`` on a case; its id."""
    return raise_request(
        by, store, now=now, zone=ZONE, evidence_folder=folder, case_id=case_id,
        case_version=now_is(store, case_id).version if version is None else version,
        asking=Asking(kind, FORMS[kind] | form, WHY, files), key=key or uuid4().hex,
    )  # fmt: skip


def seen(store: Store, by: Actor, case_request_id: str, *, now: datetime = NOW) -> CaseRequestRecord:
    return read_case_request(by, store, now=now, case_request_id=case_request_id)


def decide(
    store: Store, by: Actor, case_request_id: str, what: str = "approve", *, now: datetime = NOW, reason: str = "looked"
) -> Moved:
    """A decision by somebody who read the request."""
    one = seen(store, by, case_request_id, now=now).approval
    return approving.decide(store, by, one, what, now=now, reason=reason)


def answer(
    store: Store, folder: Path, by: Actor, case_request_id: str, outcome: str, *, now: datetime = NOW, **other: Any
) -> Moved:
    one = seen(store, by, case_request_id, now=now).approval
    given = {"reply": "as the contract says", "files": (SCAN,), "key": uuid4().hex} | other
    return answer_request(
        by, store, now=now, evidence_folder=folder, case_request_id=case_request_id, expected_version=one.version,
        content_hash=one.content_hash, outcome=outcome, **given,
    )  # fmt: skip


class House:
    """People of the asset company and of two agencies, all in the store."""

    def __init__(self, store: Store) -> None:
        self.supervisor = a_collector(store, "sun", None, Role.SUPERVISOR)
        self.second = a_collector(store, "song", None, Role.SUPERVISOR)
        self.manager = a_collector(store, "mei", None, Role.MANAGER)
        self.finance = a_collector(store, "fang", None, Role.FINANCE)
        self.agency = a_collector(store, "gao", "AG01", Role.AGENCY_SUPERVISOR)
        self.agency_second = a_collector(store, "gu", "AG01", Role.AGENCY_SUPERVISOR)
        self.other = a_collector(store, "guo", "AG02", Role.AGENCY_SUPERVISOR)
        self.caller = a_collector(store, "cai", "AG01")
        self.in_house = a_collector(store, "hua")
