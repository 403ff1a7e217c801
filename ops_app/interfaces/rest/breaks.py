"""The breaks of reconciliation, listed and decided; the same services as the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import UNSETTLED, BreakKind, BreakState
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.models import BreakOut, BreaksOut, DecisionIn, DecisionOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.ledger import reconciliation as desk

Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
BreakId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]


def break_routes(callers: Callers) -> APIRouter:
    """``GET /v1/breaks``, ``GET /v1/breaks/{id}`` and ``POST /v1/breaks/{id}/decisions``."""
    router = APIRouter(prefix="/v1/breaks", tags=["breaks"], route_class=StrictRoute)
    app = callers.app

    @router.get("")
    def list_breaks(
        request: Request,
        state: Annotated[list[BreakState] | None, Query(max_length=len(BreakState))] = None,
        kind: Annotated[list[BreakKind] | None, Query(max_length=len(BreakKind))] = None,
        text: Annotated[str | None, Query(max_length=100)] = None,
        sort: Annotated[str, Query(max_length=40)] = "opened_date",
        descending: bool = False,
        page: Page = 1,
        page_size: PageSize = 50,
    ) -> BreaksOut:
        """A page of breaks; open and parked ones unless ``state`` says otherwise."""
        wanted = desk.BreakFilter(
            kinds=frozenset(kind or ()), states=frozenset(state) if state else UNSETTLED, text=text or None
        )
        found = desk.list_breaks(
            callers.of(request),
            app.store,
            now=app.clock.now(),
            wanted=wanted,
            sort=sort,
            descending=descending,
            page=page,
            page_size=page_size,
        )
        return BreaksOut(
            rows=[BreakOut.of(one, found.age_days(one)) for one in found.rows],
            total=found.total,
            page=found.page,
            page_size=found.page_size,
            as_of_date=found.as_of_date,
        )

    @router.get("/{break_id}")
    def read_break(request: Request, break_id: BreakId) -> BreakOut:
        """One break with both sides."""
        found = desk.read_break(callers.of(request), app.store, now=app.clock.now(), break_id=break_id)
        return BreakOut.of(found.item, found.age_days)

    @router.post("/{break_id}/decisions", status_code=201)
    def decide(
        request: Request,
        break_id: BreakId,
        asked: DecisionIn,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=120)] = None,
    ) -> DecisionOut:
        """Decide on a break; ``Idempotency-Key`` is required, and its repetition is given the first answer."""
        actor = callers.of(request)
        idempotency_key = required_key(idempotency_key)
        common: dict[str, Any] = {
            "now": app.clock.now(),
            "break_id": break_id,
            "expected_version": asked.version,
            "reason": asked.reason,
            "key": idempotency_key,
        }
        if asked.decision in {"match", "split"}:
            common |= {"counterparts": asked.counterparts, "accept_difference": asked.accept_difference}
        elif asked.counterparts or asked.accept_difference:
            raise Invalid("Only match and split have counterparts.", "仅匹配与拆分有对应项。", field="counterparts")
        acts: dict[str, Callable[..., desk.Decided]] = {
            "match": desk.match_break,
            "split": desk.split_break,
            "reject": desk.reject_break,
            "park": desk.park_break,
            "reopen": desk.reopen_break,
        }
        with callers.alone("decisions", idempotency_key):
            done = acts[asked.decision](actor, app.store, **common)
        return DecisionOut(break_id=done.break_id, state=done.state, version=done.version, moved=list(done.moved))

    return router
