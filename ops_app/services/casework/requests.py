"""Requests on cases: raised from a case, taken back, submitted again (features 50 and 60).

A request is a row of its own beside its request for approval: the engine decides who is next and runs the command, the
row keeps the form, the due time, the evidence and the answer. Both are written in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from ops_app.domain.canonical import moment_text
from ops_app.domain.casework.cases import CaseMove, NoSuchCase, checked_reason, moves_from
from ops_app.domain.casework.evidence import Checked, Upload, checked_files
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.request_forms import EVIDENCE_REQUIRED, amount_of, checked_form, names_amounts
from ops_app.domain.casework.requests import (
    CASE,
    CaseRequestKind,
    ClosedCase,
    NoSuchCaseRequest,
    NotWithAnAgency,
)
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.waiver_limits import check_limits
from ops_app.domain.organisation.amounts import require_amounts
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import locked
from ops_app.services.casework.moving import run_set_flag
from ops_app.services.casework.request_kinds import (
    AGENCY_DECIDES,
    ASKED,
    OBJECT,
    arguments_of,
    asked_files,
    flag_arguments,
    owed_of,
    standing_of,
    together_minor,
)
from ops_app.services.casework.request_rules import rule_of
from ops_app.services.ledger import agreements
from ops_app.services.ledger.agreement_terms import agreement_rules, limit_uses
from ops_app.services.organisation.approval_making import enter_request, resubmit_within
from ops_app.services.organisation.approval_making import withdraw as withdraw_approval
from ops_app.services.organisation.approval_moves import Moved, answer_of, answered, once
from ops_app.store.casework import cases, evidence, periods, requests
from ops_app.store.casework.cases import Case
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.organisation import approvals
from ops_app.store.store import Store, Transaction

_MOVE_OF = {CaseRequestKind.KEEP_CASE: CaseMove.RETAIN, CaseRequestKind.RETURN_CASE: CaseMove.RECALL}


@dataclass(frozen=True)
class Asking:
    """What somebody asks for: the form as ``checked_form`` takes it, why, and the files that show it."""

    kind: CaseRequestKind
    form: Mapping[str, Any]
    reason: str
    files: tuple[Upload, ...] = ()


@act("requests.raise")
def raise_request(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    zone: ZoneInfo,
    evidence_folder: Path,
    case_id: str,
    case_version: int,
    asking: Asking,
    key: str,
) -> str:
    """Ask for something on a case within reach; the id of the request, the same for every repetition of ``key``.

    A dispute stops contact at this moment, before anybody decides. ``zone`` is where a day ends. Raises ``NoSuchCase``,
    ``CaseChanged``, ``ClosedCase``, ``NotWithAnAgency``, ``OpenAlready``, ``AmountsHidden`` where it names an amount
    and the actor sees none, and ``Invalid`` naming the field.
    """
    _check_sees(actor, asking.kind, asking.form)
    files = _kept(actor, store, now, evidence_folder, case_id, asking)
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, ["raise", case_id, *_said(asking, files)])
        if not claim.is_new:
            return str(claim.answer)
        case = locked(transaction, {case_id: case_version})[case_id]
        one = _drawn(transaction, zone, case, asking, f"cq-{uuid4().hex}")
        requests.add(transaction.connection, one)
        agreements.ask(transaction, one, case.debtor_key)
        evidence.link(
            transaction.connection, OBJECT, one.case_request_id, ASKED, files,
            by=actor.person_id, by_name=actor.name, now=now,
        )  # fmt: skip
        approval_id = enter_request(
            transaction, kind=one.kind.approval_kind, object_type=CASE, object_id=case_id,
            arguments=arguments_of(one, asked_files(transaction, one.case_request_id)), reason=one.reason,
            amount_minor=one.amount_minor, currency=one.currency, flags=_flags(transaction, one, case),
        )  # fmt: skip
        _name_approval(transaction, one, approval_id)
        transaction.audit(
            "case_request.raised", OBJECT, one.case_request_id, after=_facts(one, len(files)), reason=one.reason
        )
        if one.kind is CaseRequestKind.DISPUTE and Flag.DISPUTE not in case.flags:
            run_set_flag(transaction, flag_arguments(case, Flag.DISPUTE, one.reason))
        transaction.answer("approvals", key, one.case_request_id)
    return one.case_request_id


@act("requests.raise")
def resubmit_request(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    zone: ZoneInfo,
    evidence_folder: Path,
    case_request_id: str,
    expected_version: int,
    asking: Asking,
    key: str,
) -> Moved:
    """Submit an own returned request again, changed or not, with further files or without; files that came before stay.
    It rests on the case as it now is and is due anew. ``expected_version`` is that of the approval which was read.
    Raises as ``raise_request`` and ``withdraw_request``."""
    before = _own(actor, store, now, case_request_id)
    for form in (before.form, asking.form):
        _check_sees(actor, before.kind, form)
    files = _kept(actor, store, now, evidence_folder, before.case_id, replace(asking, kind=before.kind))
    with store.writing(actor, now) as transaction:
        said = ["resubmit", case_request_id, expected_version, *_said(asking, files)]
        claim = once(transaction, key, said)
        if not claim.is_new:
            return answered(claim.answer)
        found = cases.read_locked(transaction.connection, [before.case_id], scope_of(actor), now)
        case = found.get(before.case_id)
        known = requests.read(transaction.connection, case_request_id, (), lock=True)
        if case is None or known is None or known.approval_id is None:
            raise NoSuchCaseRequest
        came = asked_files(transaction, case_request_id)
        one = replace(
            _drawn(transaction, zone, case, replace(asking, kind=known.kind), case_request_id, has_files=bool(came)),
            approval_id=known.approval_id,
        )
        evidence.link(
            transaction.connection, OBJECT, case_request_id, ASKED, files,
            by=actor.person_id, by_name=actor.name, now=now,
        )  # fmt: skip
        requests.change(transaction.connection, known, requests.asked(one))
        agreements.ask(transaction, one, case.debtor_key)
        done = resubmit_within(
            transaction, request_id=known.approval_id, expected_version=expected_version,
            arguments=arguments_of(one, asked_files(transaction, case_request_id)), reason=one.reason,
            amount_minor=one.amount_minor, currency=one.currency, flags=_flags(transaction, one, case), key=key,
        )  # fmt: skip
        transaction.audit(
            "case_request.resubmitted", OBJECT, case_request_id,
            before=_facts(known, len(came)), after=_facts(one, len(came) + len(files)), reason=one.reason,
        )  # fmt: skip
        transaction.answer("approvals", key, answer_of(done))
    return done


@act("requests.raise")
def withdraw_request(
    actor: Actor, store: Store, *, now: datetime, case_request_id: str, expected_version: int, reason: str, key: str
) -> Moved:
    """Take an own request back; a dispute is not (``OnlyAnAnswerEnds``). Raises ``NoSuchCaseRequest`` alike for a
    missing, a foreign and somebody else's, and what the approvals engine raises."""
    one = _own(actor, store, now, case_request_id)
    return withdraw_approval(
        actor, store, now=now, request_id=str(one.approval_id), expected_version=expected_version,
        reason=checked_reason(reason), key=key,
    )  # fmt: skip


def _check_sees(actor: Actor, kind: CaseRequestKind, form: Mapping[str, Any]) -> None:
    if names_amounts(kind, form):
        require_amounts(actor)


def _kept(actor: Actor, store: Store, now: datetime, folder: Path, case_id: str, asking: Asking) -> tuple[Checked, ...]:
    """The files, checked and on the disk; nothing is written for a case that is not within reach."""
    files = checked_files(asking.files)
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
    for one in files:
        evidence.keep(folder, one)
    return files


def _drawn(
    transaction: Transaction, zone: ZoneInfo, case: Case, asking: Asking, identity: str, *, has_files: bool = False
) -> CaseRequest:
    """The request as it will be kept, checked against the case as it stands."""
    actor, now, kind = transaction.actor, transaction.now, asking.kind
    if case.closed_date is not None:
        raise ClosedCase
    if kind in _MOVE_OF and (case.agency_code is None or _MOVE_OF[kind] not in moves_from(case.position)):
        raise NotWithAnAgency(kind)
    running = periods.running_placements(transaction.connection, [case.case_id]).get(case.case_id)
    standing = standing_of(
        transaction.connection, case, kind, identity, running.due_at.astimezone(zone).date() if running else None
    )
    rules = agreement_rules(transaction.connection, now)
    form = checked_form(kind, asking.form, standing, now.astimezone(zone).date(), rules.due_days(case))
    if kind is CaseRequestKind.KEEP_CASE:
        last_day = datetime.fromisoformat(form["until_date"]).date()
        form["until_at"] = moment_text(datetime.combine(last_day + timedelta(days=1), time(), zone))
    if kind in EVIDENCE_REQUIRED and not asking.files and not has_files:
        raise Invalid("This kind of request needs a file as evidence.", "此类申请须上传证据文件。", field="files")
    amount = amount_of(kind, form, standing)
    together = together_minor(transaction.connection, case.case_id, kind, amount, identity)
    if kind is CaseRequestKind.WAIVER:
        check_limits(limit_uses(transaction.connection, case, form, standing, identity, now), case.currency)
        form |= {"owed": owed_of(standing), "together_minor": together}
    rule = rule_of(transaction.connection, kind, actor.agency_code, case.currency, now)
    return CaseRequest(
        case_request_id=identity,
        case_id=case.case_id,
        kind=kind,
        agency_code=actor.agency_code,
        requested_by=actor.person_id,
        requested_by_name=actor.name,
        role=actor.role,
        requested_at=now,
        due_at=rule.due_at(now),
        form=form,
        amount_minor=amount,
        currency=case.currency,
        balance_minor=case.balance_minor,
        reason=checked_reason(asking.reason),
        needs_asset=actor.agency_code is None or actor.role is AGENCY_DECIDES or rule.goes_up(together),
        approval_id=None,
        state=RequestState.WAITING,
        awaited_role=AGENCY_DECIDES.value,
        escalated_at=None,
        outcome=None,
        reply=None,
        replied_by=None,
        replied_by_name=None,
        detail={},
        ended_at=None,
        version=1,
        loan_id=case.loan_id,
        source_code=case.source_code,
    )


def _name_approval(transaction: Transaction, one: CaseRequest, approval_id: str) -> None:
    """The request names its request for approval, and whose turn it is there."""
    made = approvals.read(transaction.connection, approval_id)
    assert made is not None
    assert made.awaited_role is not None
    requests.change(transaction.connection, one, {"approval_id": approval_id, "awaited_role": made.awaited_role.value})


def _flags(transaction: Transaction, one: CaseRequest, case: Case) -> Sequence[str]:
    """What an approver is warned of."""
    found = []
    if requests.granted_minor(transaction.connection, one.case_id, one.kind):
        found.append("again")
    if Flag.DISPUTE in case.flags:
        found.append("disputed")
    if one.form.get("waived_principal_minor"):
        found.append("principal")
    if one.role is AGENCY_DECIDES:
        found.append("own_supervisor")
    return found


def _own(actor: Actor, store: Store, now: datetime, case_request_id: str) -> CaseRequest:
    with store.reading() as connection:
        conditions = requests.reach(scope_of(actor), actor.person_id, now)
        one = requests.read(connection, case_request_id, conditions)
    if one is None or one.requested_by != actor.person_id or one.approval_id is None:
        raise NoSuchCaseRequest
    return one


def _said(asking: Asking, files: Sequence[Checked]) -> list[object]:
    return [asking.kind, dict(asking.form), asking.reason, sorted(one.sha256 for one in files)]


def _facts(one: CaseRequest, files: int) -> dict[str, object]:
    """What the audit log keeps of a request: not its form, in which a person may have written about another."""
    return {
        "kind": one.kind, "case_id": one.case_id, "amount_minor": one.amount_minor, "currency": one.currency,
        "due_at": one.due_at, "needs_asset": one.needs_asset, "files": files,
    }  # fmt: skip
