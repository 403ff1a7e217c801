"""The REST interface, mounted at ``/api``: strict models in, one service call, problem+json for every refusal."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ops_app.bootstrap import App
from ops_app.domain.errors import DomainError
from ops_app.interfaces import problems
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.rest.agreements import agreement_routes
from ops_app.interfaces.rest.announcement_files import announcement_file_routes
from ops_app.interfaces.rest.approvals import approval_routes
from ops_app.interfaces.rest.breaks import break_routes
from ops_app.interfaces.rest.callers import Callers
from ops_app.interfaces.rest.case_files import case_file_routes
from ops_app.interfaces.rest.commission import commission_routes
from ops_app.interfaces.rest.exports import export_routes
from ops_app.interfaces.rest.imports import import_routes
from ops_app.interfaces.rest.loans import loan_routes
from ops_app.interfaces.rest.messages import message_routes
from ops_app.interfaces.rest.models import Health, Me
from ops_app.interfaces.rest.payments import payment_routes
from ops_app.interfaces.rest.requests import request_routes
from ops_app.interfaces.rest.todo import todo_routes


def build_api(app: App, cookies: Cookies) -> FastAPI:
    """The API of an installation. Its description is at ``/api/openapi.json``, for whoever is signed in; there is no
    page of it."""
    api = FastAPI(title="Recoup", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    callers = Callers(app, cookies)

    @api.get("/health")
    def health() -> Health:
        """Whether the server answers and the ops store can be read; needs no session."""
        with app.store.reading() as connection:
            connection.exec_driver_sql("select 1")
        return Health(status="ok", now=app.clock.now())

    @api.get("/v1/me")
    def me(request: Request) -> Me:
        """Who holds this session."""
        actor = callers.anyone(request)
        return Me(
            person_id=actor.person_id,
            name=actor.name,
            role=actor.role.value,
            agency_code=actor.agency_code,
            language=actor.language,
        )

    @api.get("/openapi.json", include_in_schema=False)
    def description(request: Request) -> JSONResponse:
        """What this interface takes and answers."""
        callers.anyone(request)
        return JSONResponse(api.openapi())

    api.include_router(payment_routes(callers))
    api.include_router(loan_routes(callers))
    api.include_router(message_routes(callers))
    api.include_router(break_routes(callers))
    api.include_router(export_routes(callers))
    api.include_router(import_routes(callers))
    api.include_router(approval_routes(callers))
    api.include_router(request_routes(callers))
    api.include_router(agreement_routes(callers))
    api.include_router(commission_routes(callers))
    api.include_router(todo_routes(callers))
    api.include_router(case_file_routes(callers))
    api.include_router(announcement_file_routes(callers))
    api.add_exception_handler(DomainError, problems.on_domain_error)
    api.add_exception_handler(RequestValidationError, problems.on_wrong_body)
    api.add_exception_handler(HTTPException, problems.on_http_error)
    api.add_exception_handler(Exception, problems.on_fault)
    return api
