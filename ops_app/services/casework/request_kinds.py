"""The commands behind requests on cases: what the last approval of each kind carries out, in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.request_forms import Standing, check_waived, labels_of
from ops_app.domain.casework.requests import (
    ANSWERED_WITH_EVIDENCE,
    ANSWERS,
    CASE,
    CASE_REQUEST_KIND_NAMES,
    CONTACT_MAY_GO_ON,
    AnswerMissing,
    BalanceMoved,
    CaseElsewhere,
    CaseRequestKind,
    ClosedCase,
    NoSuchCaseRequest,
    Outcome,
    check_move,
    outcome_of,
)
from ops_app.domain.casework.scope import Reach, Scope, scope_of
from ops_app.domain.casework.waivers import COMPONENTS, Grant, not_posted
from ops_app.domain.errors import Conflict
from ops_app.domain.ledger.waiver_limits import check_limits
from ops_app.domain.organisation.approval_rules import levels_for
from ops_app.domain.organisation.approvals import OPEN, RequestMove
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.moving import run_clear_flag, run_set_flag
from ops_app.services.casework.placing import run_extend_cases
from ops_app.services.casework.recalling import run_recall_cases
from ops_app.services.ledger import agreements
from ops_app.services.ledger.agreement_judging import judge_cases
from ops_app.services.ledger.agreement_terms import limit_uses
from ops_app.services.organisation.approval_defaults import rules_of_kind
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.installation import installation, today
from ops_app.store.casework import cases, evidence, requests
from ops_app.store.casework.cases import Case
from ops_app.store.casework.evidence import Evidence
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.ledger.agreements import hold_debtor, lapsed_on
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Transaction

OBJECT = "case_request"
ASKED, ANSWERED = "asked", "answered"
"""Parts of a request that files are evidence of."""

AGENCY_DECIDES = Role.AGENCY_SUPERVISOR
_LIVES = {kind: timedelta(days=30) for kind in CaseRequestKind} | {CaseRequestKind.DISPUTE: timedelta(days=3650)}
"""How long each waits to be decided. A dispute never lapses by time: contact stays stopped until it is answered."""

FLAGS = {
    "again": ("something of this kind was granted on this case before", "该案件此前已获同意同类申请"),
    "disputed": ("the debtor disputes the debt", "债务人对债务有争议"),
    "principal": ("principal would be waived", "涉及减免本金"),
    "own_supervisor": (
        "asked for by the agency's supervisor, so without an agency's step",
        "由机构主管本人提交，未经机构内部审批",
    ),
}


def arguments_of(one: CaseRequest, files: Sequence[Evidence]) -> dict[str, Any]:
    """All that an approver reads of a request, and so approves: the form, what it rests on, and the files by hash."""
    return {
        "case_request_id": one.case_request_id,
        "case_id": one.case_id,
        "loan_id": one.loan_id,
        **one.form,
        "balance_minor": one.balance_minor,
        "currency": one.currency,
        "due_at": one.due_at,
        "needs_asset": one.needs_asset,
        "files": [file.facts() for file in files],
    }


def asked_files(transaction: Transaction, case_request_id: str) -> list[Evidence]:
    """The files that came with a request."""
    found = evidence.of(transaction.connection, OBJECT, [case_request_id])
    return [one for one in found if one.part == ASKED]


def read_locked(transaction: Transaction, case_request_id: str) -> CaseRequest:
    """The request as it now stands, for whoever may act on it by the engine; nobody else changes it meanwhile."""
    found = requests.read(transaction.connection, case_request_id, (), lock=True)
    if found is None:
        raise NoSuchCaseRequest
    return found


class NotTheRequest(Conflict):
    """A request for approval says something else than the request on the case."""

    def __init__(self) -> None:
        super().__init__(
            "This is not what the request on the case says. It is changed and submitted again on the page of requests.",
            "该内容与案件申请不一致，请在申请页面修改后重新提交。",
        )


def _check(transaction: Transaction, draft: Draft) -> None:
    one = read_locked(transaction, str(draft.arguments.get("case_request_id")))
    expected = canonical_json(arguments_of(one, asked_files(transaction, one.case_request_id)))
    if (
        one.requested_by != transaction.actor.person_id
        or (draft.kind, draft.object_type, draft.object_id) != (one.kind.approval_kind, CASE, one.case_id)
        or (draft.amount_minor, draft.currency) != (one.amount_minor, one.currency)
        or canonical_json(draft.arguments) != expected
    ):
        raise NotTheRequest


def _levels(transaction: Transaction, draft: Draft) -> tuple[Role, ...]:
    """The agency's step, unless its supervisor asked herself; then the asset company's, where the request goes up."""
    one = read_locked(transaction, str(draft.arguments["case_request_id"]))
    agency = (AGENCY_DECIDES,) if one.agency_code is not None and one.role is not AGENCY_DECIDES else ()
    if agency and not one.needs_asset:
        return agency
    scope = scope_of(transaction.actor)
    case = cases.read(transaction.connection, one.case_id, scope, transaction.now)
    rules = rules_of_kind(transaction.connection, draft.kind, case.lender_code if case else None)
    together = together_minor(transaction.connection, one.case_id, one.kind, one.amount_minor, one.case_request_id)
    return agency + levels_for(rules, draft.kind, together, draft.currency, transaction.now)


def _followed(transaction: Transaction, after: ApprovalRequest, what: RequestMove, by: Actor, reason: str) -> None:
    """The request on the case moves with the request for approval, in the same transaction."""
    one = requests.of_approval(transaction.connection, after.request_id, lock=True)
    if one is None:
        raise NoSuchCaseRequest
    left = what is RequestMove.EXPIRE and one.outcome is Outcome.CASE_LEFT
    if not left:
        check_move(one.kind, what)
    if what is RequestMove.APPROVE_LAST:
        _check_answer(transaction, one)
    awaited = after.awaited_role
    values: dict[str, Any] = {
        "state": after.state.value,
        "awaited_role": None if awaited is None else awaited.value,
        "outcome": one.outcome.value if one.outcome else None,
    }
    if after.state not in OPEN:
        ended = one.outcome if left else outcome_of(what, one.outcome)
        values |= {"ended_at": max(after.ended_at or transaction.now, one.requested_at),
                   "outcome": ended.value if ended else None}  # fmt: skip
    if what is not RequestMove.RESUBMIT:
        values["reply"] = reason or one.reply
        if by.person_id != one.requested_by:
            values |= {"replied_by": by.person_id, "replied_by_name": by.name}
    if not requests.change(transaction.connection, one, values):
        raise NotTheRequest
    if after.state not in OPEN:
        agreements.follow(transaction, one, Outcome(values["outcome"]) if values["outcome"] else None, reason)
        transaction.audit(
            "case_request.ended", OBJECT, one.case_request_id,
            before={"state": one.state}, after={"state": after.state, "outcome": values["outcome"]},
            reason=reason or None,
        )  # fmt: skip


def _check_answer(transaction: Transaction, one: CaseRequest) -> None:
    if one.kind not in ANSWERS:
        return
    given = evidence.of(transaction.connection, OBJECT, [one.case_request_id])
    with_files = any(file.part == ANSWERED for file in given)
    if one.outcome is None or (one.kind in ANSWERED_WITH_EVIDENCE and not with_files):
        raise AnswerMissing(one.kind)


def _case(transaction: Transaction, one: CaseRequest) -> Case:
    """The case as it now stands, within the reach of who decides, and still with the agency that asked."""
    scope = scope_of(transaction.actor)
    found = cases.read_locked(transaction.connection, [one.case_id], scope, transaction.now).get(one.case_id)
    stays = one.kind is CaseRequestKind.DISPUTE
    if found is None or (not stays and one.agency_code is not None and found.agency_code != one.agency_code):
        raise CaseElsewhere
    return found


def _run_terms(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """A waiver or an instalment plan is granted as asked, if the case is open and the balance still what it rests on:
    the agreement holds from now on. It changes no amount before its condition is met; where nothing is asked in return
    that is at once."""
    one = read_locked(transaction, str(arguments["case_request_id"]))
    # whoever decides may no longer see a case that was closed: they are told why all the same
    known = cases.read(transaction.connection, one.case_id, Scope(Reach.ALL), transaction.now)
    if known is not None and known.closed_date is not None:
        raise ClosedCase
    case = _case(transaction, one)
    if (case.balance_minor, case.currency) != (one.balance_minor, one.currency):
        raise BalanceMoved
    if one.kind is CaseRequestKind.WAIVER:
        standing = standing_of(transaction.connection, case, one.kind, one.case_request_id)
        if one.form.get("owed", owed_of(standing)) != owed_of(standing):
            raise BalanceMoved
        check_waived(one.form, standing)
        hold_debtor(transaction.connection, case.debtor_key)
        found = limit_uses(transaction.connection, case, one.form, standing, one.case_request_id, transaction.now)
        check_limits(found, case.currency)
    agreements.grant(transaction, one, case)
    judge_cases(transaction, [case.case_id], today(transaction.now))
    return _done(transaction, one, {"amount_minor": one.amount_minor, "currency": one.currency, "terms": one.form})


def standing_of(
    connection: Connection, case: Case, kind: CaseRequestKind, but: str, placement_due_date: date | None = None
) -> Standing:
    """What a request of ``kind`` rests on; for a waiver less what others than the request ``but`` were granted and the
    lender has not posted yet (decision 0016)."""
    owed = Standing(
        case.currency, case.principal_minor, case.interest_minor, case.fees_minor, case.penalty_minor,
        placement_due_date,
    )  # fmt: skip
    if kind is not CaseRequestKind.WAIVER:
        return owed
    before = [one for one in _standing_grants(connection, case.case_id) if one.case_request_id != but]
    return replace(owed, not_posted=not_posted([_grant(one, owed) for one in before], owed.owed))


def together_minor(connection: Connection, case_id: str, kind: CaseRequestKind, amount_minor: int, but: str) -> int:
    """The amount that decides how high a request climbs: for a waiver with all that was granted on the case before, so
    that several small ones climb as high as the one large one that they are; else its own."""
    if kind is not CaseRequestKind.WAIVER:
        return amount_minor
    before = _standing_grants(connection, case_id)
    return amount_minor + sum(one.amount_minor for one in before if one.case_request_id != but)


def _standing_grants(connection: Connection, case_id: str) -> list[CaseRequest]:
    """The waivers that were granted on a case and did not lapse: one that did gave nothing (decision 0026)."""
    lapsed = lapsed_on(connection, case_id)
    found = requests.granted(connection, case_id, CaseRequestKind.WAIVER)
    return [one for one in found if one.case_request_id not in lapsed]


def owed_of(standing: Standing) -> dict[str, int]:
    """What was owed of each component when it was asked for, as a waiver keeps it."""
    return {f"{part}_minor": minor for part, minor in standing.owed.items()}


def _grant(one: CaseRequest, now: Standing) -> Grant:
    """A granted waiver. One that does not say what was owed of each component was granted on a balance alone: what
    that fell by is then what each component may have fallen by."""
    fell = max(0, one.balance_minor - now.balance_minor)
    said = one.form.get("owed")
    owed = {part: int(said[f"{part}_minor"]) if said else minor + fell for part, minor in now.owed.items()}
    return Grant({part: int(one.form.get(f"waived_{part}_minor", 0)) for part in COMPONENTS}, owed)


def _run_keep(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one = read_locked(transaction, str(arguments["case_request_id"]))
    case = _case(transaction, one)
    run_extend_cases(
        transaction,
        {"cases": {case.case_id: case.version}, "due_at": one.form["until_at"], "reason": one.reason,
         "zone": installation().zone.key},
    )  # fmt: skip
    return _done(transaction, one, {"until_at": one.form["until_at"]})


def _run_return(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one = read_locked(transaction, str(arguments["case_request_id"]))
    case = _case(transaction, one)
    run_recall_cases(
        transaction,
        {"cases": {case.case_id: case.version}, "reason": one.reason, "day": today(transaction.now).isoformat()},
    )
    return _done(transaction, one, {"returned_from": one.agency_code})


def _run_stop(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one = read_locked(transaction, str(arguments["case_request_id"]))
    case = _case(transaction, one)
    if Flag.CEASE_CONTACT not in case.flags:
        run_set_flag(transaction, flag_arguments(case, Flag.CEASE_CONTACT, one.reason))
    return _done(transaction, one, {"flag": Flag.CEASE_CONTACT})


def _run_dispute(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one = read_locked(transaction, str(arguments["case_request_id"]))
    case = _case(transaction, one)
    may_go_on = one.outcome in CONTACT_MAY_GO_ON
    if may_go_on and Flag.DISPUTE in case.flags:
        run_clear_flag(transaction, flag_arguments(case, Flag.DISPUTE, one.reply or one.reason))
    return _done(transaction, one, {"contact_may_go_on": may_go_on})


def _run_answered(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one = read_locked(transaction, str(arguments["case_request_id"]))
    _case(transaction, one)
    return _done(transaction, one, dict(one.detail))


def flag_arguments(case: Case, flag: Flag, reason: str) -> dict[str, Any]:
    """What setting or clearing a flag is run with, on the case as it was read."""
    return {"case_id": case.case_id, "version": case.version, "flag": flag.value, "reason": reason}


def _done(transaction: Transaction, one: CaseRequest, result: Mapping[str, Any]) -> Mapping[str, Any]:
    transaction.audit(
        "case_request.carried_out", OBJECT, one.case_request_id,
        after={"kind": one.kind, "case_id": one.case_id, "outcome": one.outcome, "amount_minor": one.amount_minor,
               "currency": one.currency},
    )  # fmt: skip
    return {"case_id": one.case_id, "outcome": one.outcome, **result}


_RUNS = {
    CaseRequestKind.WAIVER: _run_terms,
    CaseRequestKind.INSTALMENT: _run_terms,
    CaseRequestKind.KEEP_CASE: _run_keep,
    CaseRequestKind.RETURN_CASE: _run_return,
    CaseRequestKind.DOCUMENTS: _run_answered,
    CaseRequestKind.STOP_COLLECTION: _run_stop,
    CaseRequestKind.DISPUTE: _run_dispute,
    CaseRequestKind.PAYMENT_CONFIRMATION: _run_answered,
}
_LABELS = {
    "case_request_id": ("request", "申请编号"),
    "case_id": ("case", "案件编号"),
    "loan_id": ("loan", "借据号"),
    "balance_minor": ("balance when asked for", "申请时余额"),
    "together_minor": ("with the waivers granted on this case before", "连同本案此前已同意的减免"),
    "owed": ("owed when asked for", "申请时各项欠款"),
    "principal_minor": ("principal", "本金"),
    "interest_minor": ("interest", "利息"),
    "fees_minor": ("fees", "费用"),
    "penalty_minor": ("penalty interest", "罚息"),
    "currency": ("currency", "币种"),
    "due_at": ("due", "办理时限"),
    "until_at": ("new end of the placement", "委外新到期时间"),
    "needs_asset": ("goes up to the asset company", "上报资产公司"),
    "files": ("evidence", "证据文件"),
    "file_name": ("file", "文件"),
    "sha256": ("SHA-256", "SHA-256"),
    "size_bytes": ("bytes", "字节数"),
    "plan": ("plan", "分期计划"),
    "due_date": ("due on", "应还日"),
    "amount_minor": ("amount", "金额"),
}

for _kind in CaseRequestKind:
    register(
        _kind.approval_kind,
        name=CASE_REQUEST_KIND_NAMES[_kind],
        make="requests.raise",
        run=_RUNS[_kind],
        check=_check,
        fixed=True,
        labels=_LABELS | labels_of(_kind),
        flags=FLAGS,
        life=_LIVES[_kind],
        levels=_levels,
        followed=_followed,
    )
