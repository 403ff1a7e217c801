"""The audit of waivers (减免审核): limits used, what was granted so far, what warns; and what one would come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.request_forms import Standing, checked_form
from ops_app.domain.casework.requests import CaseRequestKind, NoSuchCaseRequest
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.ledger.waiver_limits import LimitUse
from ops_app.domain.organisation.amounts import require_amounts
from ops_app.domain.organisation.approvals import RequestMove, checked_reason
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.request_kinds import read_locked, standing_of
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.ledger.agreement_terms import agreement_rules, limit_uses, uses_among
from ops_app.services.ledger.agreements import OBJECT, OF_AGREEMENTS, UNCOUNTED
from ops_app.services.organisation.approval_capacity import Read
from ops_app.services.organisation.approval_deciding import Asked, carry_out
from ops_app.services.organisation.approval_moves import Moved, answer_of, answered, once
from ops_app.store import stored_json
from ops_app.store.casework import cases, requests
from ops_app.store.casework.cases import Case
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.ledger import agreements
from ops_app.store.organisation import approvals
from ops_app.store.store import Store

__all__ = ["AuditRow", "Tried", "TriedPart", "audit_waivers", "grant_uncounted", "try_agreement", "waiver_limits"]


@dataclass(frozen=True)
class AuditRow:
    """A request for an agreement as its auditor reads it in a list: what is used of the limits of the case and of the
    debtor (without components), and what warns (codes of flags)."""

    item: CaseRequest
    uses: tuple[LimitUse, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class AuditPage:
    """One page of requests for agreements; ``total`` counts all that match."""

    rows: tuple[AuditRow, ...]
    total: int


@dataclass(frozen=True)
class TriedPart:
    """One component, were it granted: owed, waived and left, in whole minor units."""

    component: str
    owed_minor: int
    waived_minor: int
    left_minor: int


@dataclass(frozen=True)
class Tried:
    """What an agreement would come to: each component, the plan (day and ``amount_minor``), and the limits."""

    currency: str
    parts: tuple[TriedPart, ...]
    plan: tuple[Mapping[str, Any], ...]
    uses: tuple[LimitUse, ...]


@act("requests.audit")
def audit_waivers(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: CaseRequestFilter | None = None,
    sort: str = "due_at",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> AuditPage:
    """One page of requests for waivers and plans within reach, each with its limits and warnings."""
    asked = wanted or CaseRequestFilter()
    asked = replace(asked, kinds=asked.kinds & OF_AGREEMENTS or OF_AGREEMENTS)
    found = list_case_requests(
        actor, store, now=now, wanted=asked, sort=sort, descending=descending, page=page, page_size=page_size
    )
    with store.reading() as connection:
        known = cases.read_many(connection, sorted({one.case_id for one in found.rows}), scope_of(actor), now)
        granted = agreements.granted_to(connection, {one.debtor_key for one in known.values()})
        rules = agreement_rules(connection, now)
        flags = approvals.flags_of(connection, [str(one.approval_id) for one in found.rows])
    rows = []
    for one in found.rows:
        case = known.get(one.case_id)
        uses = [] if case is None else uses_among(
            rules, case, one.form, _owed(case), one.case_request_id, granted, now
        )  # fmt: skip
        rows.append(
            AuditRow(one, tuple(it for it in uses if it.code not in COMPONENTS), flags.get(str(one.approval_id), ()))
        )
    return AuditPage(tuple(rows), found.total)


@act("requests.audit")
def waiver_limits(actor: Actor, store: Store, *, now: datetime, case_request_id: str) -> tuple[LimitUse, ...]:
    """What is used of every limit that holds for a request; none for a request that waives nothing. Raises
    ``NoSuchCaseRequest``."""
    with store.reading() as connection:
        one = requests.read(connection, case_request_id, requests.reach(scope_of(actor), actor.person_id, now))
        if one is None:
            raise NoSuchCaseRequest
        case = cases.read(connection, one.case_id, scope_of(actor), now)
        if case is None or one.kind is not CaseRequestKind.WAIVER:
            return ()
        standing = standing_of(connection, case, one.kind, one.case_request_id)
        return tuple(limit_uses(connection, case, one.form, standing, one.case_request_id, now))


@act("requests.raise")
def try_agreement(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, case_id: str, kind: CaseRequestKind,
    form: Mapping[str, Any],
) -> Tried:  # fmt: skip
    """What remains to be paid by component, on which days, if this were granted; nothing is changed. Raises as asking
    for it does: ``NoSuchCase``, ``AmountsHidden``, ``Invalid`` naming the field."""
    require_amounts(actor)
    with store.reading() as connection:
        case = cases.read(connection, case_id, scope_of(actor), now)
        if case is None:
            raise NoSuchCase
        standing = standing_of(connection, case, kind, "")
        rules = agreement_rules(connection, now)
        found = checked_form(kind, form, standing, now.astimezone(zone).date(), rules.due_days(case))
        waiver = kind is CaseRequestKind.WAIVER
        uses = limit_uses(connection, case, found, standing, "", now) if waiver else []
    parts = []
    for part in COMPONENTS:
        owed = standing.owed[part] - standing.not_posted.get(part, 0)
        waived = int(found.get(f"waived_{part}_minor", 0))
        parts.append(TriedPart(part, owed, waived, owed - waived))
    return Tried(case.currency, tuple(parts), tuple(found.get("plan", ())), tuple(uses))


@act("approvals.decide")
def grant_uncounted(
    actor: Actor, store: Store, *, now: datetime, case_request_id: str, expected_version: int, content_hash: str,
    reason: str, key: str,
) -> Moved:  # fmt: skip
    """Approve a waiver or a plan so that it does not count in performance (通过不计入考核). Where a further level
    decides, what it grants does not count either. Raises ``NoSuchCaseRequest`` and what the approvals engine raises."""
    require_amounts(actor)
    why = checked_reason(reason)
    with store.reading() as connection:
        one = requests.read(connection, case_request_id, requests.reach(scope_of(actor), actor.person_id, now))
    if one is None or one.approval_id is None or one.kind not in OF_AGREEMENTS:
        raise NoSuchCaseRequest
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, ["grant_uncounted", case_request_id, expected_version, content_hash, why])
        if not claim.is_new:
            return answered(claim.answer)
        before = read_locked(transaction, case_request_id)
        detail = stored_json.write({**before.detail, UNCOUNTED: True})
        requests.change(transaction.connection, before, {"detail_json": detail})
        transaction.audit("agreement.uncounted", OBJECT, case_request_id, after={UNCOUNTED: True}, reason=why)
        read = Read(expected_version, content_hash)
        done = carry_out(transaction, Asked(RequestMove.APPROVE, str(before.approval_id), read, why, key))
        transaction.answer("approvals", key, answer_of(done))
    return done


def _owed(case: Case) -> Standing:
    return Standing(case.currency, case.principal_minor, case.interest_minor, case.fees_minor, case.penalty_minor)
