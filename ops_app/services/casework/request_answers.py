"""Answers to requests on cases: documents, disputes and payments are settled by a reply, its evidence, and the last
approval, all in one transaction; evidence is handed out to those who may see the case."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ops_app.domain.casework.evidence import NoSuchFile, Upload, checked_files
from ops_app.domain.casework.requests import (
    ANSWERED_WITH_EVIDENCE,
    ANSWERS,
    AnswerMissing,
    CaseRequestKind,
    NoSuchCaseRequest,
    checked_outcome,
)
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.amounts import require_amounts
from ops_app.domain.organisation.approvals import RequestMove, checked_reason
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.request_kinds import ANSWERED, OBJECT, read_locked
from ops_app.services.organisation.approval_capacity import Read
from ops_app.services.organisation.approval_deciding import Asked, carry_out
from ops_app.services.organisation.approval_moves import Moved, answer_of, answered, once
from ops_app.store import stored_json
from ops_app.store.casework import cases, evidence, requests
from ops_app.store.casework.evidence import Evidence
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.ledger import payments
from ops_app.store.organisation import approvals
from ops_app.store.store import Store, Transaction


@act("approvals.decide")
def answer_request(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    evidence_folder: Path,
    case_request_id: str,
    expected_version: int,
    content_hash: str,
    outcome: str,
    reply: str,
    files: tuple[Upload, ...] = (),
    payment_id: str = "",
    key: str,
) -> Moved:
    """Answer a request of a kind that an answer settles (``ANSWERS``) and give its last approval with it.

    ``expected_version`` and ``content_hash`` are those of the approval which was read; ``payment_id`` names the
    recorded payment that a confirmation found. Raises ``NoSuchCaseRequest``, ``Invalid`` naming the field, ``Conflict``
    where an earlier step is still to be made, and what the approvals engine raises (``OwnRequest`` among it).
    """
    require_amounts(actor)
    one = _reached(actor, store, now, case_request_id)
    if one.kind not in ANSWERS:
        raise Invalid("This kind is approved or rejected.", "此类申请请直接审批。", field="outcome")
    said = checked_outcome(one.kind, outcome)
    why = _checked_reply(reply)
    kept = checked_files(files)
    if one.kind in ANSWERED_WITH_EVIDENCE and not kept:
        raise AnswerMissing(one.kind)
    for file in kept:
        evidence.keep(evidence_folder, file)
    with store.writing(actor, now) as transaction:
        asked = ["answer", case_request_id, expected_version, content_hash, said, why, payment_id.strip()]
        claim = once(transaction, key, [*asked, sorted(file.sha256 for file in kept)])
        if not claim.is_new:
            return answered(claim.answer)
        before = read_locked(transaction, case_request_id)
        _check_last_step(transaction, before)
        detail = _payment(transaction, before, payment_id.strip())
        evidence.link(
            transaction.connection, OBJECT, case_request_id, ANSWERED, kept,
            by=actor.person_id, by_name=actor.name, now=now,
        )  # fmt: skip
        requests.change(transaction.connection, before, {"outcome": said.value, "detail_json": detail})
        transaction.audit(
            "case_request.answered", OBJECT, case_request_id,
            after={"outcome": said, "files": len(kept), "case_id": before.case_id}, reason=why,
        )  # fmt: skip
        read = Read(expected_version, content_hash)
        done = carry_out(transaction, Asked(RequestMove.APPROVE, str(before.approval_id), read, why, key))
        transaction.answer("approvals", key, answer_of(done))
    return done


@act("requests.view")
def fetch_evidence(
    actor: Actor, store: Store, *, now: datetime, evidence_folder: Path, case_request_id: str, evidence_id: str
) -> tuple[Evidence, bytes]:
    """A file of a request, while its reader may see the case too; each fetch is in the audit log. Raises ``NoSuchFile``
    alike for a missing one, a foreign one, one whose case is out of reach, and one that is no longer what was kept."""
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        one = requests.read(connection, case_request_id, requests.reach(scope_of(actor), actor.person_id, now))
        if one is None or cases.read(connection, one.case_id, scope_of(actor), now) is None:
            raise NoSuchFile
        found = {file.evidence_id: file for file in evidence.of(connection, OBJECT, [case_request_id])}
        file = found.get(evidence_id)
        if file is None:
            raise NoSuchFile
        data = evidence.fetch(evidence_folder, file.sha256)
        transaction.audit(
            "evidence.fetched", OBJECT, case_request_id, after={"evidence_id": evidence_id, "sha256": file.sha256}
        )
    return file, data


def _checked_reply(reply: str) -> str:
    try:
        return checked_reason(reply)
    except Invalid as error:
        raise Invalid("Please reply (3 to 500 characters).", "请填写答复（3 至 500 字）。", field="reply") from error


def _reached(actor: Actor, store: Store, now: datetime, case_request_id: str) -> CaseRequest:
    with store.reading() as connection:
        one = requests.read(connection, case_request_id, requests.reach(scope_of(actor), actor.person_id, now))
    if one is None or one.approval_id is None:
        raise NoSuchCaseRequest
    return one


def _check_last_step(transaction: Transaction, one: CaseRequest) -> None:
    approval = approvals.read(transaction.connection, str(one.approval_id), lock=True)
    if approval is not None and approval.awaited_role is not None and not approval.is_last_level:
        raise Conflict(
            "An earlier step is still to be made: approve it to pass it on; the last step answers it.",
            "尚有前一级未审批：请先审批通过，由最后一级答复。",
        )


def _payment(transaction: Transaction, one: CaseRequest, payment_id: str) -> str | None:
    """The payment that a confirmation names, as JSON; it must be recorded for the same loan."""
    if one.kind is not CaseRequestKind.PAYMENT_CONFIRMATION:
        return None
    found = payments.read_many(transaction.connection, one.source_code, [payment_id]).get(payment_id)
    if found is None or found.content.loan_id != one.loan_id:
        raise Invalid(
            "No payment of this number is recorded for this loan. Record it first, or reject the request.",
            "该借据下没有此编号的已入账还款，请先入账，或驳回该申请。",
            field="payment_id",
        )
    return stored_json.write({"payment_id": payment_id, "paid_minor": found.content.amount_minor})
