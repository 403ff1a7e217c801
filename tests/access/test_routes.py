"""Every route × role × session: open to the roles of its row, closed to the others, and closed without a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, SYSTEM, Role
from ops_app.interfaces.gate import OPEN_PATHS, OPEN_PREFIXES
from ops_app.server import front_of
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.services.organisation.sign_in import begin_session, token_hash
from ops_app.store.organisation import sessions
from ops_app.store.tables.agencies import agencies
from tests.access import table
from tests.access.table import PEOPLE
from tests.consoles.gate import behind_the_gate
from tests.consoles.test_rest import LOAN, payment

NOBODYS = {
    "break_id": "0" * 32, "request_id": "r-" + "0" * 32, "export_id": "0" * 32, "case_id": "0" * 32,
    "settlement_id": "0" * 32, "agreement_id": "cq-" + "0" * 32,
    "announcement_id": "0" * 64, "file_id": "0" * 32,
    "attachment_id": "0" * 32, "case_request_id": "cq-" + "0" * 32, "evidence_id": "0" * 32, "import_id": "0" * 32,
}  # fmt: skip
"""Ids of nothing, for the parameters of addresses; whoever is let in is told that there is nothing."""

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/payments": payment(payment_id="P-matrix"),
    "POST /api/v1/breaks/{break_id}/decisions": {"decision": "park", "version": 1, "reason": "a good reason"},
    "POST /api/v1/approvals/{request_id}/decisions": {
        "decision": "approve", "version": 1, "content_hash": "0" * 64, "reason": "a good reason",
    },
    "POST /api/v1/loans": LOAN,
    "POST /api/v1/cases/{case_id}/requests": {
        "kind": "documents", "case_version": 1, "form": {"documents": ["contract"], "purpose": "asked for"},
        "reason": "a good reason",
    },
    "POST /api/v1/case-requests/{case_request_id}/answers": {
        "version": 1, "content_hash": "0" * 64, "outcome": "sent", "reply": "a good reply",
    },
    "POST /api/v1/case-requests/{case_request_id}/resubmissions": {
        "version": 1, "form": {}, "reason": "a good reason",
    },
    "POST /api/v1/case-requests/{case_request_id}/withdrawals": {"version": 1, "reason": "a good reason"},
    "POST /api/v1/case-request-rules": {
        "kind": "documents", "asset": "always", "due_hours": 24, "reason": "a good reason",
    },
    "POST /api/v1/imports": {
        "file_name": "x.csv", "content_base64": "eA==", "template": "nobodys", "entry": "loans",
        "file_date": "2026-03-10",
    },
    "POST /api/v1/imports/{import_id}/corrections": {
        "version": 1, "line_no": 1, "decision": "discard", "reason": "a good reason",
    },
    "POST /api/v1/imports/{import_id}/totals": {"version": 1, "typed_rows": 3},
    "POST /api/v1/imports/{import_id}/decisions": {"version": 1, "decision": "confirm"},
    "POST /api/v1/notices/read": {},
}  # fmt: skip
"""Route → a body of the right shape: a wrong one would be refused before anybody is asked who they are."""

QUESTIONS = {"GET /api/v1/cases/{case_id}/posting": {"amount_minor": 1}}
"""Route → what its address asks behind the question mark."""

WAYS = ("own", "other", "unassigned", "ended")
"""The session: of one's own agency, of another agency, none at all, one that has ended (for people of agencies: with
their agency)."""


def found_in(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    """``METHOD /address`` of every route below, however it was put in."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from found_in(inner.routes, prefix)
        elif isinstance(route, Mount):
            yield from found_in(list(route.routes), prefix + route.path)
        else:
            methods = set(getattr(route, "methods", None) or {"GET"}) - {"HEAD", "OPTIONS"}
            yield from (f"{method} {prefix}{getattr(route, 'path', '?')}" for method in sorted(methods))


def test_every_route_has_a_row_and_every_row_a_route(app: App) -> None:
    found = sorted(set(found_in(front_of(app)[0])))
    known = table.rows("routes")
    new = {name: f"  {name}: house <the roles to which it is open>" for name in found if name not in known}
    assert not new, table.missing("routes", new)
    assert sorted(known) == found
    described = {
        f"{method.upper()} /api{address}"
        for address, methods in _api(app).openapi()["paths"].items()
        for method in methods
    }
    assert described <= set(found), "the description of the API names what was not found here"


def _api(app: App) -> Any:
    return next(route.app for route in front_of(app)[0] if isinstance(route, Mount))


def test_nothing_else_lies_before_the_gate() -> None:
    assert {"/sign-in", "/sign-out", "/_stcore/health", "/favicon.png", "/robots.txt"} == OPEN_PATHS
    assert OPEN_PREFIXES == ("/static/", "/api/")


@pytest.fixture
def tokens(app: App) -> dict[tuple[Role, str], str]:
    """A session of every role in every way."""
    now, found = app.clock.now(), {}
    with app.store.writing(SYSTEM, now) as transaction:
        for code, state in (("A01", "active"), ("A02", "active"), ("A03", "ended")):
            transaction.connection.execute(
                insert(agencies).values(
                    agency_code=code, state=state, created_at=now, changed_at=now, changed_by="x", version=1,
                    **_details(code),
                )
            )  # fmt: skip
        for role in PEOPLE:
            for way, agency in (("own", "A01"), ("other", "A02"), ("ended", "A03")):
                place = agency if role in AGENCY_ROLES | ROLES_OF_EITHER else None
                name = f"{role.value.replace('_', '-')}-{way}"
                person = replace(new_person(now, name, name, role, place, "en"), must_change_password=False)
                enter_person(transaction, person, "no-password-opens-this")
                found[role, way] = f"token-{name}"
                begin_session(transaction, person, found[role, way], "test")
                if way == "ended" and place is None:
                    sessions.end(transaction.connection, token_hash(found[role, way]), now)
        transaction.audit("test.people", "list", "people")
    return found


def _details(code: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in agencies.c:
        if column.name in {"agency_code", "state", "created_at", "changed_at", "changed_by", "version"}:
            continue
        if not column.nullable:
            values[column.name] = code if column.type.python_type is str else 0
    return values


def test_each_route_is_open_as_the_table_says(
    app: App, tokens: dict[tuple[Role, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    cells, wrong = 0, []
    with TestClient(behind_the_gate(app), base_url="http://testserver", follow_redirects=False) as client:
        for name, row in table.rows("routes").items():
            for role in PEOPLE:
                for way in WAYS:
                    cells += 1
                    status, body = _asked(client, name, tokens.get((role, way)), f"{role.value}-{way}")
                    why = _wrong(row.kind, role in row.who, way, status, body)
                    if why:
                        wrong.append((name, role.value, way, why))
    with capsys.disabled():
        print(f"\nauthorization matrix, routes: {cells} cells, {len(wrong)} wrong")
    assert wrong == []


def _asked(client: TestClient, name: str, token: str | None, key: str) -> tuple[int, str]:
    method, address = name.split(" ", 1)
    client.cookies.clear()
    if token:
        client.cookies.set("recoup_session", token)
    form = {} if address.startswith("/api/") else {"data": {"token": "forged"}}
    body = {"json": BODIES[name]} if name in BODIES else form if method == "POST" else {}
    headers = {"Idempotency-Key": key} if method == "POST" else {}
    answer = client.request(method, address.format(**NOBODYS), headers=headers, params=QUESTIONS.get(name), **body)
    return answer.status_code, answer.text


def _wrong(kind: str, may: bool, way: str, status: int, body: str) -> str | None:
    if status in {405, 415, 500} or (status == 422 and way == "own"):
        return f"{status}: give it a body of the right shape in BODIES of tests/access/test_routes.py: {body[:200]}"
    if kind == "open":
        return "closed, and its row says open" if status == 401 and "<form" not in body else None
    if kind == "signed":
        return None if status == 401 else f"{status} without a signature"
    if way in {"unassigned", "ended"}:
        return None if status == 401 else f"{status} without a living session"
    if may:
        refused = status == 401 or (status == 403 and "may be done by" in body)
        return f"{status}: closed to a role of its row" if refused else None
    return None if status == 403 and "may be done by" in body else f"{status}: open to a role without it"


def test_missing_and_foreign_exports_are_answered_alike_to_everybody(
    app: App, tokens: dict[tuple[Role, str], str]
) -> None:
    from ops_app.domain.organisation.exports import ExportState
    from ops_app.services.organisation.exports import Asked, change, new_export
    from ops_app.services.organisation.sign_in import actor_of
    from ops_app.store.organisation import exports

    now = app.clock.now()
    owner = actor_of(app.store, tokens[Role.ANALYST, "own"], now=now)
    assert owner is not None
    one = new_export(now, owner, Asked("cases", "Cases", {}, 3, "csv", "for work"), ExportState.REQUESTED)
    ready = {"state": "ready", "released_by": "p-other", "released_at": now, "made_at": now, "file_bytes": 1,
             "until_at": now + timedelta(hours=24), "file_sha256": "0" * 64}  # fmt: skip
    with app.store.writing(owner, now) as transaction:
        exports.add(transaction.connection, one)
        change(transaction, one, ready)
        transaction.audit("test.export", "export", one.number)
    with TestClient(behind_the_gate(app), base_url="http://testserver", follow_redirects=False) as client:
        for role in PEOPLE:
            for way in ("own", "other"):
                if (role, way) == (Role.ANALYST, "own"):
                    continue
                client.cookies.set("recoup_session", tokens[role, way])
                foreign = client.get(f"/api/v1/exports/{one.export_id}/file")
                missing = client.get(f"/api/v1/exports/{'0' * 32}/file")
                assert (foreign.status_code, foreign.text) == (missing.status_code, missing.text), (role, way)
                assert foreign.status_code == 404
    with app.store.reading() as connection:
        kept = exports.by_id(connection, one.export_id)
    assert kept is not None
    assert kept.fetches == 0
