"""Late requests on cases are escalated, once each; requests of an agency that has the case no more end."""

from __future__ import annotations

from datetime import date, datetime

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.requests import CASE, CASE_REQUEST_KIND_NAMES, Outcome, Step
from ops_app.domain.organisation.approvals import OPEN
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import act
from ops_app.services.casework.request_kinds import OBJECT, read_locked
from ops_app.services.organisation.approval_moves import expire
from ops_app.services.organisation.approval_moves import locked as locked_approval
from ops_app.services.organisation.installation import installation
from ops_app.services.organisation.notifications import enter_notification
from ops_app.store.casework import requests
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.organisation import notices, people
from ops_app.store.organisation.people import PeopleFilter
from ops_app.store.store import Store, Transaction

LATE = "late"
"""The event of a notice about a request that is past its due time."""

_ABOVE = {Step.AGENCY: Role.SUPERVISOR, Step.ASSET: Role.MANAGER, Step.REQUESTER: Role.SUPERVISOR}
"""Step at which a request is late → the role of the asset company that is told, beside those whose turn it is."""

_MOST_TOLD = 100


@act("system.run")
def escalate_late_requests(actor: Actor, store: Store, *, now: datetime, today: date, limit: int = 200) -> int:
    """Escalate up to ``limit`` open requests whose due time has passed: those whose turn it is, the requester and the
    role above are told, and it is written down. Returns how many were."""
    done = 0
    with store.reading() as connection:
        found = [one.case_request_id for one in requests.late(connection, now, limit)]
    for case_request_id in found:
        with store.writing(actor, now) as transaction:
            one = read_locked(transaction, case_request_id)
            if one.is_late(now) and one.escalated_at is None:
                _escalate(transaction, one, today)
                done += 1
    return done


@act("system.run")
def end_requests_left_behind(actor: Actor, store: Store, *, now: datetime, limit: int = 200) -> int:
    """End up to ``limit`` open requests of agencies that have the case no more; a dispute stays open. How many."""
    done = 0
    with store.reading() as connection:
        found = [one.case_request_id for one in requests.left_behind(connection, limit)]
    for case_request_id in found:
        with store.writing(actor, now) as transaction:
            one = read_locked(transaction, case_request_id)
            approval = locked_approval(transaction, str(one.approval_id))
            if approval.state in OPEN:
                requests.change(transaction.connection, one, {"outcome": Outcome.CASE_LEFT.value})
                expire(transaction, approval)
                done += 1
    return done


def _escalate(transaction: Transaction, one: CaseRequest, today: date) -> None:
    requests.change(transaction.connection, one, {"escalated_at": transaction.now})
    told = _told(transaction, one)
    notices.add(
        transaction.connection,
        *(
            notices.Notice(
                notice_id=key_hash("notice", LATE, one.case_request_id, str(one.version), person_id),
                person_id=person_id,
                event=LATE,
                kind=one.kind.approval_kind,
                object_type=CASE,
                object_id=one.case_id,
                request_id=str(one.approval_id),
                by_name=transaction.actor.name,
                reason="",
                created_at=transaction.now,
                read_at=None,
            )
            for person_id in told
        ),
    )
    transaction.audit(
        "case_request.escalated", OBJECT, one.case_request_id,
        after={"due_at": one.due_at, "step": one.step, "awaited_role": one.awaited_role, "told": len(told)},
    )  # fmt: skip
    en, zh = CASE_REQUEST_KIND_NAMES[one.kind]
    due = one.due_at.astimezone(installation().zone)
    enter_notification(
        transaction, "request_late", one.case_request_id, today,
        f"A request on a case ({en}) was due at {due:%Y-%m-%d %H:%M} and is still open.",
        f"案件申请（{zh}）应于 {due:%Y-%m-%d %H:%M} 前办结，现已超时限。",
    )  # fmt: skip


def _told(transaction: Transaction, one: CaseRequest) -> list[str]:
    """Who is told: the requester, those whose turn it is, and the role above; each once."""
    wanted = [PeopleFilter(role=_ABOVE[one.step], active=True)]
    if one.awaited_role is not None:
        agency = one.agency_code if one.step is Step.AGENCY else None
        wanted.append(PeopleFilter(role=Role(one.awaited_role), agency_code=agency, active=True))
    found = {one.requested_by}
    for each in wanted:
        rows, _ = people.page(
            transaction.connection, each, sort="sign_in_name", descending=False, offset=0, limit=_MOST_TOLD
        )
        found |= {row.person_id for row in rows}
    return sorted(found)
