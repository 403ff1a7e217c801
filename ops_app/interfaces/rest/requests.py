"""Requests on cases by REST: the same services as the pages."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from ops_app.domain.casework.request_rules import AssetStep
from ops_app.domain.casework.requests import CaseRequestKind, Step
from ops_app.domain.organisation.approvals import OPEN, RequestState
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.request_models import (
    AnswerIn,
    AskAgainIn,
    AskedOut,
    AskIn,
    CaseRequestOut,
    CaseRequestRecordOut,
    CaseRequestsOut,
    MovedOut,
    RuleAskedOut,
    RuleIn,
    RuleOut,
    WithdrawIn,
)
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.casework import request_answers, request_reading, request_rules
from ops_app.services.casework import requests as services
from ops_app.services.organisation.approvals import Moved

Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
Id = Annotated[str, Path(min_length=1, max_length=64)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=120)]


def request_routes(callers: Callers) -> APIRouter:
    """``/v1/case-requests``, ``/v1/cases/{id}/requests`` and ``/v1/case-request-rules``. Decisions are those of
    ``/v1/approvals/{approval_id}/decisions``."""
    router = APIRouter(prefix="/v1", tags=["requests on cases"], route_class=StrictRoute)
    _reading(router, callers)
    _acting(router, callers)
    _rules(router, callers)
    return router


def _reading(router: APIRouter, callers: Callers) -> None:
    app = callers.app

    @router.get("/case-requests")
    def list_requests(
        request: Request,
        state: Annotated[list[RequestState] | None, Query(max_length=len(RequestState))] = None,
        kind: Annotated[list[CaseRequestKind] | None, Query(max_length=len(CaseRequestKind))] = None,
        step: Step | None = None,
        case_id: Annotated[str | None, Query(max_length=64)] = None,
        agency_code: Annotated[str | None, Query(max_length=32)] = None,
        late: bool = False,
        mine: bool = False,
        text: Annotated[str | None, Query(max_length=100)] = None,
        sort: Annotated[str, Query(max_length=40)] = "due_at",
        descending: bool = False,
        page: Page = 1,
        page_size: PageSize = 50,
    ) -> CaseRequestsOut:
        """A page of requests within the caller's reach; open ones unless ``state`` says otherwise."""
        actor, now = callers.of(request), app.clock.now()
        wanted = request_reading.CaseRequestFilter(
            states=frozenset(state) if state else OPEN,
            kinds=frozenset(kind or ()),
            agency_code=agency_code,
            requested_by=actor.person_id if mine else None,
            case_id=case_id,
            step=step,
            late_at=now if late else None,
            text=text or None,
        )
        found = request_reading.list_case_requests(
            actor, app.store, now=now, wanted=wanted, sort=sort, descending=descending, page=page, page_size=page_size
        )
        rows = [CaseRequestOut.of(one) for one in found.rows]
        return CaseRequestsOut(rows=rows, total=found.total, page=found.page, page_size=found.page_size)

    @router.get("/case-requests/{case_request_id}")
    def read_request(request: Request, case_request_id: Id) -> CaseRequestRecordOut:
        """One request with its files and history; ``version`` and ``content_hash`` are what a decision names."""
        found = request_reading.read_case_request(
            callers.of(request), app.store, now=app.clock.now(), case_request_id=case_request_id
        )
        return CaseRequestRecordOut.of_record(found)

    @router.get("/case-requests/{case_request_id}/files/{evidence_id}", response_class=Response)
    def fetch_file(request: Request, case_request_id: Id, evidence_id: Id) -> Response:
        """A file of a request, as an attachment. Missing and foreign are answered alike; each fetch is audited."""
        file, data = request_answers.fetch_evidence(
            callers.of(request), app.store, now=app.clock.now(), evidence_folder=app.settings.evidence,
            case_request_id=case_request_id, evidence_id=evidence_id,
        )  # fmt: skip
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.file_name)}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(data, media_type=file.media_type, headers=headers)


def _acting(router: APIRouter, callers: Callers) -> None:
    app = callers.app

    @router.post("/cases/{case_id}/requests", status_code=201)
    def ask(request: Request, case_id: Id, asked: AskIn, idempotency_key: IdempotencyKey = None) -> AskedOut:
        """Ask for something on a case; ``Idempotency-Key`` is required."""
        actor, key = callers.of(request), required_key(idempotency_key)
        with callers.alone("approvals", key):
            identity = services.raise_request(
                actor, app.store, now=app.clock.now(), zone=app.settings.zone, evidence_folder=app.settings.evidence,
                case_id=case_id, case_version=asked.case_version, asking=asked.asking(), key=key,
            )  # fmt: skip
        return AskedOut(case_request_id=identity)

    @router.post("/case-requests/{case_request_id}/resubmissions", status_code=201)
    def ask_again(
        request: Request, case_request_id: Id, asked: AskAgainIn, idempotency_key: IdempotencyKey = None
    ) -> MovedOut:
        """Submit an own returned request again."""
        actor, key = callers.of(request), required_key(idempotency_key)
        asking = services.Asking(
            CaseRequestKind.WAIVER, asked.form, asked.reason, tuple(one.upload() for one in asked.files)
        )  # its kind is that of the request, whatever stands here
        with callers.alone("approvals", key):
            done = services.resubmit_request(
                actor, app.store, now=app.clock.now(), zone=app.settings.zone, evidence_folder=app.settings.evidence,
                case_request_id=case_request_id, expected_version=asked.version, asking=asking, key=key,
            )  # fmt: skip
        return _moved(done)

    @router.post("/case-requests/{case_request_id}/withdrawals", status_code=201)
    def withdraw(
        request: Request, case_request_id: Id, asked: WithdrawIn, idempotency_key: IdempotencyKey = None
    ) -> MovedOut:
        """Take an own request back."""
        actor, key = callers.of(request), required_key(idempotency_key)
        with callers.alone("approvals", key):
            done = services.withdraw_request(
                actor, app.store, now=app.clock.now(), case_request_id=case_request_id, expected_version=asked.version,
                reason=asked.reason, key=key,
            )  # fmt: skip
        return _moved(done)

    @router.post("/case-requests/{case_request_id}/answers", status_code=201)
    def answer(
        request: Request, case_request_id: Id, asked: AnswerIn, idempotency_key: IdempotencyKey = None
    ) -> MovedOut:
        """Answer a request that an answer settles, with the last approval."""
        actor, key = callers.of(request), required_key(idempotency_key)
        with callers.alone("approvals", key):
            done = request_answers.answer_request(
                actor, app.store, now=app.clock.now(), evidence_folder=app.settings.evidence,
                case_request_id=case_request_id, expected_version=asked.version, content_hash=asked.content_hash,
                outcome=asked.outcome, reply=asked.reply, files=tuple(one.upload() for one in asked.files),
                payment_id=asked.payment_id, key=key,
            )  # fmt: skip
        return _moved(done)


def _rules(router: APIRouter, callers: Callers) -> None:
    app = callers.app

    @router.get("/case-request-rules")
    def list_rules(request: Request) -> list[RuleOut]:
        """Which requests go up to the asset company, as it holds now."""
        found = request_rules.list_request_rules(callers.of(request), app.store, now=app.clock.now())
        return [RuleOut.of(one) for one in found]

    @router.post("/case-request-rules", status_code=201)
    def ask_rule(request: Request, asked: RuleIn, idempotency_key: IdempotencyKey = None) -> RuleAskedOut:
        """Ask for another rule; it holds once somebody else has approved it."""
        actor, key = callers.of(request), required_key(idempotency_key)
        with callers.alone("approvals", key):
            identity = request_rules.request_rule_change(
                actor, app.store, now=app.clock.now(), kind=asked.kind, asset=AssetStep(asked.asset),
                due_hours=asked.due_hours, above_minor=asked.above_minor, agency_code=asked.agency_code,
                currency=asked.currency, reason=asked.reason, key=key,
            )  # fmt: skip
        return RuleAskedOut(request_id=identity)


def _moved(done: Moved) -> MovedOut:
    return MovedOut(state=done.state, version=done.version, level_no=done.level_no, levels=done.levels)
