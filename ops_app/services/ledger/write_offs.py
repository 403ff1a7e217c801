"""Write-offs (feature 20): asked for by component with evidence, approved by level, booked by the last approval, and
reversed by two people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.casework.attachments import NoSuchAttachment
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.write_off_criteria import (
    METHOD_NAMES,
    PATH_NAMES,
    PROOF_NAMES,
    Criterion,
    NotEligible,
    ProofKind,
    Verdict,
    WriteOffPath,
    check_proofs,
    criterion_for,
    verdict,
)
from ops_app.domain.ledger.write_offs import (
    STANDING,
    WriteOffMove,
    WriteOffState,
    WrittenOffBefore,
    checked_parts,
    next_state,
)
from ops_app.domain.organisation.approvals import OPEN, RequestMove, RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import locked as locked_cases
from ops_app.services.ledger.write_off_booking import (
    OBJECT,
    ChangedMeanwhile,
    case_of,
    check_case,
    facts_of,
    locked,
    moved_to,
    owed_on,
    run_booking,
    run_reversal,
)
from ops_app.services.ledger.write_off_criteria import criteria_on
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.installation import today
from ops_app.store.casework import attachments
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import write_offs
from ops_app.store.ledger.write_offs import Part, Proof, WriteOff
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Store, Transaction

BOOK, REVERSE = "write_off.book", "write_off.reverse"
"""The kinds of requests: to write off, and to reverse a write-off."""

LONGEST_DOCUMENT, LONGEST_VOUCHER = 200, 100
_INBOX = "write_offs"

FLAGS = {
    "part": ("only a part of what is owed is written off", "仅核销部分欠款"),
    "charged_off": ("a part was charged off before and is not posted again", "部分债权此前已核销，不重复入账"),
    "with_agency": ("the case is with an agency", "案件委外中"),
}


@act("write_offs.request")
def request_write_off(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    case_id: str,
    version: int,
    path: WriteOffPath,
    effective_date: date,
    approval_document: str,
    proofs: Mapping[ProofKind, str],
    parts: Mapping[Component, int] | None = None,
    reason: str,
    key: str,
) -> str:
    """Ask that a claim be written off as of the morning of ``effective_date``; the id of the write-off, the same for
    every repetition of ``key``.

    ``parts`` is component → whole minor units (``None``: all that is owed then); ``proofs`` is kind of document → the
    attachment of the case that is it. Raises ``NoSuchCase``, ``CaseChanged``, ``NotEligible``, ``ProofMissing``,
    ``WrittenOffBefore``, ``NotWhatIsOwed``, ``NotInLedger``, ``Invalid`` by field.
    """
    why, document = checked_reason(reason), _named(approval_document, LONGEST_DOCUMENT, "approval_document")
    said = {
        "case_id": case_id, "version": version, "path": path, "effective_date": effective_date, "document": document,
        "proofs": {kind.value: one for kind, one in proofs.items()}, "reason": why,
        "parts": None if parts is None else {component.value: amount for component, amount in parts.items()},
    }  # fmt: skip
    actor.rights.check_seen(0)
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash(said))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        case = locked_cases(transaction, {case_id: version})[case_id]
        check_case(case)
        one, rows = _asked(transaction, case, path, effective_date, document, proofs, parts, why)
        try:
            with transaction.part():
                write_offs.add(transaction.connection, one, rows)
        except IntegrityError as error:  # another act asked for the same a moment ago
            raise WrittenOffBefore(next(row.component for row in rows if row.claim_minor)) from error
        write_offs.add_moves(transaction.connection, [_first_move(transaction, one)])
        arguments = arguments_of(one, rows)
        transaction.audit("write_off.requested", OBJECT, one.write_off_id, after=facts_of(one), reason=why)
        enter_request(
            transaction, kind=BOOK, object_type=OBJECT, object_id=one.write_off_id, arguments=arguments, reason=why,
            amount_minor=one.claim_minor, currency=one.currency, flags=_flags(one, case),
        )  # fmt: skip
        transaction.answer(_INBOX, key, one.write_off_id)
    return one.write_off_id


@act("write_offs.request")
def request_reversal(
    actor: Actor, store: Store, *, now: datetime, write_off_id: str, version: int, reason: str, key: str
) -> str:
    """Ask that a booked write-off be reversed; the id of the request. Raises ``NoSuchWriteOff``, ``ChangedMeanwhile``,
    ``WriteOffMoveNotAllowed``, ``OpenAlready``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash(["reverse", write_off_id, version, why]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        one = _of_version(transaction, write_off_id, version)
        next_state(one.state, WriteOffMove.REVERSE)
        request_id = enter_request(
            transaction, kind=REVERSE, object_type=OBJECT, object_id=one.write_off_id,
            arguments=reversal_arguments(one, why), reason=why, amount_minor=one.claim_minor, currency=one.currency,
        )  # fmt: skip
        transaction.answer(_INBOX, key, request_id)
    return request_id


@act("write_offs.request")
def record_voucher(
    actor: Actor, store: Store, *, now: datetime, write_off_id: str, version: int, gl_voucher: str
) -> WriteOff:
    """Keep the number of the voucher of the general ledger with a booked write-off. Raises ``NoSuchWriteOff``,
    ``ChangedMeanwhile``, ``Invalid``."""
    number = _named(gl_voucher, LONGEST_VOUCHER, "gl_voucher")
    with store.writing(actor, now) as transaction:
        one = _of_version(transaction, write_off_id, version)
        if one.event_id is None:
            raise Invalid("It is not booked yet.", "该核销尚未入账。", field="gl_voucher")
        if not write_offs.rewrite(transaction.connection, one, gl_voucher=number):
            raise ChangedMeanwhile
        after = locked(transaction, write_off_id)
        transaction.audit("write_off.voucher", OBJECT, write_off_id, before=facts_of(one), after=facts_of(after))
    return after


def _of_version(transaction: Transaction, write_off_id: str, version: int) -> WriteOff:
    """The write-off at the version that was read; its case is locked before it, as everywhere."""
    known = write_offs.read(transaction.connection, write_off_id)
    if known is not None:
        case_of(transaction, known.case_id)
    one = locked(transaction, write_off_id)
    if one.version != version:
        raise ChangedMeanwhile
    return one


def _named(text: str, longest: int, field: str) -> str:
    tidy = " ".join(text.split())
    if not 1 <= len(tidy) <= longest:
        raise Invalid(f"This has 1 to {longest} characters.", f"须填写 1 至 {longest} 个字符。", field=field)
    return tidy


def _asked(
    transaction: Transaction,
    case: Case,
    path: WriteOffPath,
    day: date,
    document: str,
    proofs: Mapping[ProofKind, str],
    parts: Mapping[Component, int] | None,
    reason: str,
) -> tuple[WriteOff, list[Part]]:
    """The write-off that is asked for, held against the criteria and the ledger."""
    connection, now = transaction.connection, transaction.now
    if day > today(now):
        raise Invalid("It does not count from the future.", "生效日不得晚于今天。", field="effective_date")
    owed, state = owed_on(connection, case, day)
    has_one = write_offs.live_components(connection, case.case_id)
    claim = {one: owed.of(one) for one in Component if one not in has_one} if parts is None else dict(parts)
    criterion = _criterion(transaction, case, path, day, sum(owed.of(one) for one in Component))
    is_whole = all(claim.get(one, 0) == owed.of(one) for one in Component if one not in has_one)
    approved = checked_parts(claim, owed, whole=is_whole or not criterion.partial, has_one=has_one)
    check_proofs(criterion, proofs)
    nth = write_offs.next_nth(connection, case.case_id)
    identity = key_hash("write_off", case.case_id, str(nth))[:32]
    one = WriteOff(
        write_off_id=identity, case_id=case.case_id, nth=nth, source_code=case.source_code, loan_id=case.loan_id,
        lender_code=case.lender_code, product_code=case.product_code, currency=case.currency, path=path,
        # one claim has one method: what was charged off before says into which account its recoveries go
        method=state.method or criterion.method,
        is_whole=is_whole, effective_date=day, days_past_due=case.days_past_due, approval_document=document,
        proofs=_proofs(transaction, case.case_id, proofs), reason=reason, claim_minor=sum(claim.values()),
        approved_minor=sum(approved.values()), requested_by=transaction.actor.person_id,
        requested_by_name=transaction.actor.name, requested_at=now, state=WriteOffState.REQUESTED, booked_minor=0,
        later_minor=0, recovered_minor=0, remaining_minor=0, event_id=None, booked_at=None, gl_voucher=None,
        case_state_before=None, collector_before=None, written_off_date_before=None, reversed_at=None, move_count=1,
        version=1,
    )  # fmt: skip
    # all that is owed: what is charged later of any component belongs to it too
    kept = [it for it in Component if claim.get(it, 0) or (is_whole and it not in has_one)]
    return one, [Part(identity, it, case.case_id, True, claim.get(it, 0), approved[it]) for it in kept]


def _criterion(transaction: Transaction, case: Case, path: WriteOffPath, day: date, owed_minor: int) -> Criterion:
    """The criterion that the case meets on ``path``; raises ``NotEligible``."""
    held = criteria_on(transaction.connection, day)
    found = criterion_for(held, path, case.lender_code, case.product_code, case.currency)
    why = verdict(found, path, case.flags, case.days_past_due, owed_minor)
    if Flag.DISPUTE in case.flags:
        why = Verdict.DISPUTED
    if found is None or why is not Verdict.ELIGIBLE:
        raise NotEligible(why)
    return found


def _proofs(transaction: Transaction, case_id: str, given: Mapping[ProofKind, str]) -> tuple[Proof, ...]:
    """The documents, each a file of the case that is still offered. Raises ``NoSuchAttachment``."""
    files = {one.attachment_id: one for one in attachments.of_case(transaction.connection, case_id)}
    found = []
    for kind in ProofKind:
        if kind in given:
            file = files.get(given[kind])
            if file is None or file.withdrawn_at is not None:
                raise NoSuchAttachment
            found.append(Proof(kind, file.attachment_id, file.file_name, file.sha256))
    return tuple(found)


def _flags(one: WriteOff, case: Case) -> tuple[str, ...]:
    found = {
        "part": not one.is_whole,
        "charged_off": one.approved_minor < one.claim_minor,
        "with_agency": case.agency_code is not None,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _first_move(transaction: Transaction, one: WriteOff) -> dict[str, Any]:
    return {
        "write_off_id": one.write_off_id, "nth": 1, "what": write_offs.ASKED, "from_state": None,
        "to_state": one.state.value, "recovered_minor": 0, "reason": one.reason, "made_by": transaction.actor.person_id,
        "made_by_name": transaction.actor.name, "made_at": transaction.now,
    }  # fmt: skip


def arguments_of(one: WriteOff, parts: list[Part]) -> dict[str, Any]:
    """All that an approver reads of a write-off, and so approves."""
    return {
        "write_off_id": one.write_off_id,
        "case_id": one.case_id,
        "loan_id": one.loan_id,
        "path": one.path.value,
        "days_past_due": one.days_past_due,
        "effective_date": one.effective_date,
        **{f"{part.component.value}_minor": part.claim_minor for part in parts if part.claim_minor},
        "posted_minor": one.approved_minor,
        "is_whole": one.is_whole,
        "method": one.method,
        "approval_document": one.approval_document,
        "proofs": [f"{proof.kind.value} {proof.file_name} {proof.sha256[:12]}" for proof in one.proofs],
        "currency": one.currency,
    }


def reversal_arguments(one: WriteOff, because: str) -> dict[str, Any]:
    """All that an approver reads of a reversal. What is recovered by then is reposted, however much that is."""
    return {
        "write_off_id": one.write_off_id,
        "case_id": one.case_id,
        "loan_id": one.loan_id,
        "path": one.path.value,
        "effective_date": one.effective_date,
        "claim_minor": one.claim_minor,
        "gl_voucher": one.gl_voucher,
        "currency": one.currency,
        "because": because,
    }


def _check_booking(transaction: Transaction, draft: Draft) -> None:
    one = locked(transaction, str(draft.arguments.get("write_off_id")))
    expected = arguments_of(one, write_offs.parts_of(transaction.connection, one.write_off_id))
    asked = (draft.object_type, draft.object_id, draft.amount_minor, draft.currency)
    if (
        content_hash(draft.arguments) != content_hash(expected)
        or asked != (OBJECT, one.write_off_id, one.claim_minor, one.currency)
        or one.requested_by != transaction.actor.person_id
    ):
        raise Invalid("The request is not what the write-off says.", "申请内容与核销记录不一致。", field="write_off_id")


def _check_reversal(transaction: Transaction, draft: Draft) -> None:
    one = locked(transaction, str(draft.arguments.get("write_off_id")))
    expected = reversal_arguments(one, str(draft.arguments.get("because")))
    asked = (draft.object_type, draft.object_id, draft.amount_minor, draft.currency)
    if content_hash(draft.arguments) != content_hash(expected) or asked != (
        OBJECT, one.write_off_id, one.claim_minor, one.currency,
    ):  # fmt: skip
        raise Invalid("The request is not what the write-off says.", "申请内容与核销记录不一致。", field="write_off_id")
    if one.state not in STANDING:
        next_state(one.state, WriteOffMove.REVERSE)


_FOLLOWS = {
    RequestMove.APPROVE: WriteOffMove.APPROVE,
    RequestMove.RETURN: WriteOffMove.RETURN,
    RequestMove.RESUBMIT: WriteOffMove.RESUBMIT,
    RequestMove.REJECT: WriteOffMove.REJECT,
    RequestMove.WITHDRAW: WriteOffMove.WITHDRAW,
    RequestMove.EXPIRE: WriteOffMove.LAPSE,
}


def _followed(transaction: Transaction, after: ApprovalRequest, what: RequestMove, by: Actor, reason: str) -> None:
    """The write-off moves with its request, in the same transaction; the last approval moves it when it is booked."""
    if what not in _FOLLOWS:
        return
    one = moved_to(transaction, locked(transaction, after.object_id), _FOLLOWS[what], reason or None)
    if after.state not in (*OPEN, RequestState.APPROVED):
        write_offs.end_parts(transaction.connection, one.write_off_id)


_SHARED = {
    "write_off_id": ("write-off", "核销编号"),
    "case_id": ("case", "案件"),
    "loan_id": ("loan", "借据号"),
    "path": ("path", "核销路径"),
    **{f"path.{path.value}": names for path, names in PATH_NAMES.items()},
    "effective_date": ("counts from", "生效日"),
    "currency": ("currency", "币种"),
}

register(
    BOOK,
    name=("write off a claim", "核销债权"),
    make="write_offs.request",
    run=run_booking,
    check=_check_booking,
    followed=_followed,
    fixed=True,
    flags=FLAGS,
    labels=_SHARED
    | {
        "days_past_due": ("days past due", "逾期天数"),
        **{f"{part.value}_minor": names for part, names in COMPONENT_NAMES.items()},
        "posted_minor": ("on the books, to be posted", "表内待入账金额"),
        "is_whole": ("all that is owed", "全额核销"),
        "method": ("method of booking", "记账方法"),
        **{f"method.{method}": names for method, names in METHOD_NAMES.items()},
        "approval_document": ("approval document", "审批文件号"),
        "proofs": ("evidence", "证据清单"),
        **{f"proofs.{kind.value}": names for kind, names in PROOF_NAMES.items()},
    },
)
register(
    REVERSE,
    name=("reverse a write-off", "撤销核销"),
    make="write_offs.request",
    run=run_reversal,
    check=_check_reversal,
    fixed=True,
    labels=_SHARED
    | {
        "claim_minor": ("claim written off", "核销债权金额"),
        "gl_voucher": ("voucher of the general ledger", "总账凭证号"),
        "because": ("reason", "撤销理由"),
    },
)
