"""Releasing many rows: asked for by one person, released by the approval of another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.exports import (
    APPROVAL_LIFE,
    ExportMove,
    ExportState,
    NoSuchExport,
    NotTheExport,
    move,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.exports import Asked, change, new_export
from ops_app.store.organisation import exports
from ops_app.store.organisation.exports import OBJECT, Export
from ops_app.store.store import Store, Transaction

RELEASE = "export.release"
"""The kind of request that asks for the release of an export."""


@act("rows.export")
def request_export(actor: Actor, store: Store, *, now: datetime, asked: Asked) -> Export:
    """Ask for the release of an export by a second person; the same rows asked for again are the same export."""
    one = new_export(now, actor, asked, ExportState.REQUESTED)
    with store.writing(actor, now) as transaction:
        known = exports.newest_like(transaction.connection, actor.person_id, one.what, one.filters, one.file_format)
        if known is not None and known.state(now) is not ExportState.ENDED:
            return known
        exports.add(transaction.connection, one)
        transaction.audit("export.requested", OBJECT, one.number, after=one.facts(), reason=one.reason)
        enter_request(
            transaction,
            kind=RELEASE,
            object_type=OBJECT,
            object_id=one.number,
            arguments=_arguments(one),
            reason=one.reason,
        )
        entered = exports.by_id(transaction.connection, one.export_id)
    return entered or one


def run_release(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Release an export within the transaction of the last approval, on behalf of the approver.

    ``arguments``: the export's ``number`` and what an approver reads of it. Raises ``Refused`` where the approver asked
    for it, ``NotTheExport`` when they read something else, ``MoveNotAllowed`` unless it waits.
    """
    one = _as_asked(transaction, arguments)
    checker, now = transaction.actor.person_id, transaction.now
    if checker == one.requested_by:
        raise Refused("Somebody else releases what you asked for.", "本人申请的导出须由他人审批。")
    state = move(one.kept_state, ExportMove.RELEASE)  # its request was approved a moment ago, so it waits no longer
    until_at = now + APPROVAL_LIFE
    values = {"state": state.value, "released_by": checker, "released_at": now, "until_at": until_at}
    change(transaction, one, values)
    transaction.audit("export.released", OBJECT, one.number, after=one.facts() | {"until_at": until_at})
    return {"number": one.number, "until_at": until_at}


def _arguments(one: Export) -> dict[str, object]:
    return one.facts() | {"title": one.title}


def _as_asked(transaction: Transaction, arguments: Mapping[str, Any]) -> Export:
    """The export that a request is about; raises unless what an approver reads of it is what will be made."""
    one = exports.by_number(transaction.connection, str(arguments["number"]), lock=True)
    if one is None:
        raise NoSuchExport
    if canonical_json(_arguments(one)) != canonical_json(arguments):
        raise NotTheExport
    return one


def _check_request(transaction: Transaction, draft: Draft) -> None:
    one = _as_asked(transaction, draft.arguments)
    if draft.object_id != one.number:
        raise NotTheExport


register(
    RELEASE,
    name=("release an export", "导出数据"),
    make="rows.export",
    run=run_release,
    check=_check_request,
    fixed=True,
    labels={
        "number": ("export", "导出编号"),
        "title": ("list", "列表"),
        "what": ("code of the list", "列表代码"),
        "filters": ("filters", "筛选条件"),
        "rows": ("rows", "行数"),
        "format": ("format", "格式"),
    },
)
