"""Rows that leave the house as a file: who took what, why, by which filters, how many, and who released it.

Few rows are handed over at once, with a reason. More than the parameter ``organisation.export_approval_rows`` says,
those of the last 24 hours counted in, are asked for, released by a second person through the approvals engine, made
once and fetched by a link that dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.engine import Connection

from ops_app.domain.organisation.exports import (
    FORMATS,
    ApprovalNeeded,
    ExportMove,
    ExportState,
    NoSuchExport,
    check_growth,
    checked_format,
    checked_reason,
    move,
    number_of,
    still_holds,
    used_filters,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.casework import access
from ops_app.store.organisation import exports, people
from ops_app.store.organisation.exports import OBJECT, Export
from ops_app.store.store import Store, Transaction

__all__ = [
    "FORMATS",
    "Asked",
    "Export",
    "ExportsPage",
    "end_exports_of",
    "fetch_export",
    "finish_export",
    "list_my_exports",
    "living_files",
    "own_export_like",
    "record_export",
    "record_opening",
    "rows_without_approval",
]

APPROVAL_ROWS = "organisation.export_approval_rows"
LINK_HOURS = "organisation.export_link_hours"
COUNTED_FOR = timedelta(hours=24)
"""How long rows that left with a reason alone count against the limit of the person who took them."""


@dataclass(frozen=True)
class Asked:
    """Which rows are to leave: the list (``what``, and its ``title`` as the person reads it), its filters, how many
    rows, in which format and why. ``address`` is the page of the list within this server."""

    what: str
    title: str
    filters: Mapping[str, str]
    rows: int
    file_format: str
    reason: str
    address: str = "/"


@dataclass(frozen=True)
class ExportsPage:
    """One page of a person's exports, and how many there are in all."""

    rows: tuple[Export, ...]
    total: int


@act("rows.export")
def rows_without_approval(actor: Actor, store: Store, *, now: datetime) -> int:
    """How many rows a person may take now with a reason alone: what is left of the limit after those of the last 24
    hours; more need a second person's approval."""
    with store.reading() as connection:
        limit, taken = _limit_and_taken(connection, actor, now)
    return max(limit - taken, 0)


@act("rows.export")
def link_hours(actor: Actor, store: Store, *, now: datetime) -> int:
    """For how many hours the link of a file works that is made now."""
    with store.reading() as connection:
        return number_on(connection, LINK_HOURS, today(now))


@act("rows.export")
def record_export(actor: Actor, store: Store, *, now: datetime, asked: Asked) -> Export:
    """Enter and audit an export before its bytes are handed over; if this fails, nothing is handed over.

    What a person took within the last 24 hours counts in, so that many small exports are not a large one. Raises
    ``ApprovalNeeded`` above ``rows_without_approval``, ``Invalid`` for a missing reason or an unknown format.
    """
    one = new_export(now, actor, asked, ExportState.HANDED_OVER)
    with store.writing(actor, now) as transaction:
        people.lock(transaction.connection, actor.person_id)
        limit, taken = _limit_and_taken(transaction.connection, actor, now)
        if one.row_count > limit - taken:
            raise ApprovalNeeded(one.row_count, limit, taken)
        exports.add(transaction.connection, one)
        transaction.audit("rows.export", "list", one.what, after=one.facts(), reason=one.reason)
    return one


def _limit_and_taken(connection: Connection, actor: Actor, now: datetime) -> tuple[int, int]:
    """How many rows leave with a reason alone, and how many of them the actor took within the last 24 hours."""
    limit = number_on(connection, APPROVAL_ROWS, today(now))
    return limit, exports.rows_handed_over(connection, actor.person_id, now - COUNTED_FOR)


@act("rows.export")
def own_export_like(
    actor: Actor, store: Store, *, now: datetime, what: str, filters: Mapping[str, str], file_format: str
) -> Export | None:
    """The actor's newest export of the same rows that is not over; ``None`` where there is none."""
    with store.reading() as connection:
        found = exports.newest_like(connection, actor.person_id, what, used_filters(filters), file_format)
    return None if found is None or found.state(now) is ExportState.ENDED else found


@act("rows.export")
def finish_export(
    actor: Actor, store: Store, *, now: datetime, export_id: str, rows: int, sha256: str, size: int
) -> Export:
    """Enter that the file of a released export was made, once; its link lives from now on.

    Raises ``NoSuchExport`` for anybody but who asked, ``MoveNotAllowed`` unless it is released and not made yet,
    ``GrownTooMuch`` when there are more rows than were approved.
    """
    with store.writing(actor, now) as transaction:
        one = _own(transaction, actor, export_id)
        state = move(one.state(now), ExportMove.MAKE)
        check_growth(one.row_count, rows)
        until_at = now + timedelta(hours=number_on(transaction.connection, LINK_HOURS, today(now)))
        values = {"state": state.value, "made_at": now, "file_sha256": sha256, "file_bytes": size,
                  "until_at": until_at, "row_count": rows}  # fmt: skip
        change(transaction, one, values)
        made = replace(one, kept_state=state, made_at=now, file_sha256=sha256, until_at=until_at, row_count=rows)
        transaction.audit("export.made", OBJECT, one.number, after=made.facts() | {"sha256": sha256})
    return made


@act("session.own")
def fetch_export(actor: Actor, store: Store, *, now: datetime, export_id: str) -> Export:
    """Count and audit one fetch of a file, before its bytes are handed over.

    Raises ``NoSuchExport`` alike for an unknown id, somebody else's file, a link that is over or used up, and a person
    whose role or agency is not what it was.
    """
    with store.writing(actor, now) as transaction:
        one = _own(transaction, actor, export_id)
        if one.state(now) is not ExportState.READY:
            raise NoSuchExport
        fetched = replace(one, fetches=one.fetches + 1)
        change(transaction, one, {"fetches": fetched.fetches})
        after = one.facts() | {"fetch": fetched.fetches}
        transaction.audit("export.fetched", OBJECT, one.number, after=after, reason=one.reason)
    return fetched


@act("rows.export")
def list_my_exports(actor: Actor, store: Store, *, now: datetime, page: int = 1, page_size: int = 50) -> ExportsPage:
    """The actor's own exports, newest first."""
    check_page(page, page_size)
    with store.reading() as connection:
        offset = (page - 1) * page_size
        rows, total = exports.of_person(connection, actor.person_id, offset=offset, limit=page_size)
    return ExportsPage(tuple(rows), total)


@act("session.own")
def living_files(actor: Actor, store: Store, *, now: datetime) -> dict[str, str]:
    """Exports whose files may still be fetched (id → SHA-256); every other file may be removed."""
    with store.reading() as connection:
        return exports.with_living_files(connection, now)


@act("dashboards.view")
def record_opening(
    actor: Actor, store: Store, *, now: datetime, what: str, filters: Mapping[str, str], rows: int
) -> None:
    """Audit that somebody opened the rows behind a figure."""
    with store.writing(actor, now) as transaction:
        transaction.audit("rows.opened", "figure", what, after={"filters": dict(filters), "rows": rows})


def end_exports_of(
    transaction: Transaction, *, because: str, person_id: str | None = None, agency_code: str | None = None
) -> int:
    """Within an act that ends access (a person leaves or changes role, a placement ends): what they asked for and the
    links they hold end with it. Returns how many ended."""
    if person_id is None and agency_code is None:
        raise ValueError("whose exports end?")
    found = exports.open_of(transaction.connection, person_id=person_id, agency_code=agency_code)
    for one in found:
        values = {"state": ExportState.ENDED.value, "ended_at": transaction.now, "ended_because": because}
        change(transaction, one, values)
        transaction.audit("export.ended", OBJECT, one.number, reason=because)
    return len(found)


def new_export(now: datetime, actor: Actor, asked: Asked, state: ExportState) -> Export:
    """A checked export that is not in the store yet; raises ``Invalid``."""
    export_id = uuid4().hex
    return Export(
        export_id=export_id,
        number=number_of(export_id, f"{now:%Y%m%d}"),
        kept_state=state,
        what=asked.what,
        title=asked.title,
        filters=used_filters(asked.filters),
        address=asked.address,
        file_format=checked_format(asked.file_format),
        row_count=asked.rows,
        reason=checked_reason(asked.reason),
        requested_by=actor.person_id,
        requested_by_name=actor.name,
        role=actor.role,
        agency_code=actor.agency_code,
        requested_at=now,
        waits_until_at=None,
        released_by=None,
        released_at=None,
        made_at=None,
        file_sha256=None,
        until_at=None,
        fetches=0,
        ended_because=None,
    )


def _own(transaction: Transaction, actor: Actor, export_id: str) -> Export:
    one = exports.by_id(transaction.connection, export_id, lock=True)
    if one is None or one.requested_by != actor.person_id or not still_holds(actor, one.role, one.agency_code):
        raise NoSuchExport
    if one.agency_code is not None and access.narrowed_since(
        transaction.connection, one.agency_code, one.requested_by, one.requested_at, transaction.now
    ):
        raise NoSuchExport  # it may hold rows that are no longer theirs to read
    return one


def change(transaction: Transaction, one: Export, values: Mapping[str, object]) -> None:
    """Change an export within an act, if it still is as it was read; raises ``NoSuchExport``."""
    if not exports.change(transaction.connection, one, values):
        raise NoSuchExport
