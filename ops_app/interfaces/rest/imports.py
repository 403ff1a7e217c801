"""Imports by machines of the house: brought, previewed, corrected, confirmed, reversed; the services of the page."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.imports import FEEDS_WITH_AMOUNT, ImportState, checked_typed_sum
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.gateways.import_files import bring, read_preview, refused_lines
from ops_app.gateways.pipeline_child import work_on_import
from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.import_models import (
    ImportDecisionIn,
    ImportIn,
    ImportOut,
    ImportsOut,
    RefusedOut,
    RefusedPage,
    RowCorrectionIn,
    TypedTotalsIn,
)
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.organisation import imports

Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
ImportId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$")]


def import_routes(callers: Callers) -> APIRouter:
    """``/v1/imports``: ``POST`` and ``GET``, ``GET /{id}``, ``GET /{id}/refused``, ``POST /{id}/corrections``,
    ``POST /{id}/totals`` and ``POST /{id}/decisions``. What needs work is answered when the work is done or waits
    for a run."""
    router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=StrictRoute)
    app = callers.app

    def worked(actor: Actor, import_id: str) -> ImportOut:
        for _ in work_on_import(app.settings, import_id):
            pass
        return ImportOut.of(imports.read_import(actor, app.store, now=app.clock.now(), import_id=import_id))

    @router.post("", status_code=201)
    def upload(
        request: Request,
        asked: ImportIn,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=120)] = None,
    ) -> ImportOut:
        """Bring a file; answers with what its preview counts. ``Idempotency-Key`` is required."""
        actor = callers.of(request)
        idempotency_key = required_key(idempotency_key)
        now = app.clock.now()
        with callers.alone("imports", idempotency_key):
            one = bring(
                actor,
                app.store,
                app.settings,
                now=now,
                name=asked.file_name,
                data=_bytes(asked.content_base64),
                template=asked.template,
                entry=asked.entry,
                file_date=asked.file_date,
                key=idempotency_key,
                typed_rows=asked.typed_rows,
                typed_sum=asked.typed_sum,
            )
            return worked(actor, one.import_id)

    @router.get("")
    def list_imports(
        request: Request,
        state: Annotated[list[ImportState] | None, Query(max_length=len(ImportState))] = None,
        feed: Annotated[str | None, Query(max_length=64)] = None,
        sort: Annotated[str, Query(max_length=40)] = "uploaded_at",
        descending: bool = True,
        page: Page = 1,
        page_size: PageSize = 50,
    ) -> ImportsOut:
        """A page of imports, newest first."""
        found = imports.list_imports(
            callers.of(request),
            app.store,
            now=app.clock.now(),
            states=set(state or ()),
            feed=feed,
            sort=sort,
            descending=descending,
            page=page,
            page_size=page_size,
        )
        rows = [ImportOut.of(one) for one in found.rows]
        return ImportsOut(rows=rows, total=found.total, page=page, page_size=page_size)

    @router.get("/{import_id}")
    def read_import(request: Request, import_id: ImportId) -> ImportOut:
        """One import."""
        return ImportOut.of(
            imports.read_import(callers.of(request), app.store, now=app.clock.now(), import_id=import_id)
        )

    @router.get("/{import_id}/refused")
    def refused(request: Request, import_id: ImportId, page: Page = 1, page_size: PageSize = 50) -> RefusedPage:
        """Its refused rows, by line, each with the sentence of its rule."""
        actor = callers.of(request)
        require(actor, "imports.make")  # before the id: who may not is told so whether it is there or not
        one = imports.read_import(actor, app.store, now=app.clock.now(), import_id=import_id)
        rows, total = refused_lines(actor, app.settings, one, limit=page_size, offset=(page - 1) * page_size)
        return RefusedPage(rows=[RefusedOut.of(row) for row in rows], total=total)

    @router.post("/{import_id}/corrections", status_code=201)
    def correct(request: Request, import_id: ImportId, asked: RowCorrectionIn) -> ImportOut:
        """Decide about a refused row; a version that is not the present one is refused, so twice has one effect."""
        actor = callers.of(request)
        require(actor, "imports.make")  # before the id: who may not is told so whether it is there or not
        one = imports.read_import(actor, app.store, now=app.clock.now(), import_id=import_id)
        columns = {column.name for column in read_preview(actor, app.settings, one).columns}
        imports.correct_import_row(
            actor,
            app.store,
            now=app.clock.now(),
            import_id=import_id,
            expected_version=asked.version,
            line_no=asked.line_no,
            columns=columns,
            decision=asked.decision,
            corrected=asked.corrected,
            reason=asked.reason,
        )
        return worked(actor, import_id)

    @router.post("/{import_id}/totals", status_code=201)
    def totals(request: Request, import_id: ImportId, asked: TypedTotalsIn) -> ImportOut:
        """Type other control totals; a version that is not the present one is refused, so twice has one effect."""
        actor = callers.of(request)
        require(actor, "imports.make")  # before the id: who may not is told so whether it is there or not
        one = imports.read_import(actor, app.store, now=app.clock.now(), import_id=import_id)
        imports.type_totals(
            actor,
            app.store,
            now=app.clock.now(),
            import_id=import_id,
            expected_version=asked.version,
            typed_rows=asked.typed_rows,
            typed_sum=checked_typed_sum(asked.typed_sum, has_amount=one.feed in FEEDS_WITH_AMOUNT),
        )
        return worked(actor, import_id)

    @router.post("/{import_id}/decisions", status_code=201)
    def decide(request: Request, import_id: ImportId, asked: ImportDecisionIn) -> ImportOut:
        """Confirm, discard or reverse; a version that is not the present one is refused, so twice has one effect."""
        actor = callers.of(request)
        now = app.clock.now()
        if asked.decision == "confirm":
            imports.confirm_import(actor, app.store, now=now, import_id=import_id, expected_version=asked.version)
            return worked(actor, import_id)
        act = imports.discard_import if asked.decision == "discard" else imports.ask_reversal
        done = act(actor, app.store, now=now, import_id=import_id, expected_version=asked.version, reason=asked.reason)
        return ImportOut.of(done) if done.state is ImportState.DISCARDED else worked(actor, import_id)

    return router


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("This is no base64.", "不是有效的 base64。", field="content_base64") from error
