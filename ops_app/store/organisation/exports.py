"""Exports in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.approvals import OPEN
from ops_app.domain.organisation.exports import ExportState, file_name_of, state_at
from ops_app.domain.organisation.people import Role
from ops_app.store import stored_json
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.exports import exports

OBJECT = "export"
"""What a request for a release is about; its object id is the export's number."""

_LIVING = (ExportState.REQUESTED.value, ExportState.RELEASED.value, ExportState.READY.value)


@dataclass(frozen=True)
class Export:
    """One export as it is kept; ask ``state(now)``, for approvals and links end by themselves."""

    export_id: str
    number: str
    kept_state: ExportState
    what: str
    title: str
    filters: Mapping[str, str]
    address: str
    file_format: str
    row_count: int
    reason: str
    requested_by: str
    requested_by_name: str
    role: Role
    agency_code: str | None
    requested_at: datetime
    waits_until_at: datetime | None
    released_by: str | None
    released_at: datetime | None
    made_at: datetime | None
    file_sha256: str | None
    until_at: datetime | None
    fetches: int
    ended_because: str | None

    def state(self, now: datetime) -> ExportState:
        """The state at ``now``."""
        waits = self.waits_until_at is not None and now < self.waits_until_at
        return state_at(self.kept_state, waits=waits, until_at=self.until_at, fetches=self.fetches, now=now)

    @property
    def file_name(self) -> str:
        """The name under which its file leaves."""
        return file_name_of(self.what, self.filters, self.number, self.file_format)

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of an export."""
        return {
            "number": self.number,
            "what": self.what,
            "filters": dict(self.filters),
            "rows": self.row_count,
            "format": self.file_format,
        }


_SELECTED = select(exports, approval_requests.c.expires_at.label("waits_until_at")).select_from(
    # one at most: an export is asked for once
    exports.outerjoin(
        approval_requests,
        (approval_requests.c.object_type == OBJECT)
        & (approval_requests.c.object_id == exports.c.number)
        & (approval_requests.c.state.in_([state.value for state in OPEN])),
    )
)


def _export(row: Row[Any]) -> Export:
    values = dict(row._mapping)
    for column in ("file_bytes", "ended_at"):
        values.pop(column)
    return Export(
        kept_state=ExportState(values.pop("state")),
        role=Role(values.pop("role_code")),
        filters=stored_json.read(values.pop("filters_json")),
        **values,
    )


def by_id(connection: Connection, export_id: str, *, lock: bool = False) -> Export | None:
    """The export of an id; ``lock`` holds it until the end of the transaction."""
    return _one(connection, exports.c.export_id == export_id, lock=lock)


def by_number(connection: Connection, number: str, *, lock: bool = False) -> Export | None:
    """The export of a number, as ``by_id``."""
    return _one(connection, exports.c.number == number, lock=lock)


def _one(connection: Connection, condition: ColumnElement[bool], *, lock: bool) -> Export | None:
    if lock:
        connection.execute(select(exports.c.export_id).where(condition).with_for_update())
    row = connection.execute(_SELECTED.where(condition)).first()
    return None if row is None else _export(row)


def add(connection: Connection, one: Export) -> None:
    """Insert an export."""
    connection.execute(
        insert(exports).values(
            export_id=one.export_id,
            number=one.number,
            state=one.kept_state.value,
            what=one.what,
            title=one.title,
            filters_json=stored_json.write(one.filters),
            address=one.address,
            file_format=one.file_format,
            row_count=one.row_count,
            reason=one.reason,
            requested_by=one.requested_by,
            requested_by_name=one.requested_by_name,
            role_code=one.role.value,
            agency_code=one.agency_code,
            requested_at=one.requested_at,
            fetches=0,
        )
    )


def change(connection: Connection, one: Export, values: Mapping[str, object]) -> bool:
    """Change an export that still is as it was read; says whether it did."""
    done = connection.execute(
        update(exports)
        .where(
            exports.c.export_id == one.export_id,
            exports.c.state == one.kept_state.value,
            exports.c.fetches == one.fetches,
        )
        .values(**values)
    )
    return done.rowcount == 1


def newest_like(
    connection: Connection, person_id: str, what: str, filters: Mapping[str, str], file_format: str
) -> Export | None:
    """The person's newest export of the same rows in the same format that is not over."""
    row = connection.execute(
        _SELECTED.where(
            exports.c.requested_by == person_id,
            exports.c.what == what,
            exports.c.filters_json == stored_json.write(filters),
            exports.c.file_format == file_format,
            exports.c.state.in_(_LIVING),
        )
        .order_by(exports.c.requested_at.desc(), exports.c.export_id)
        .limit(1)
    ).first()
    return None if row is None else _export(row)


def of_person(connection: Connection, person_id: str, *, offset: int, limit: int) -> tuple[list[Export], int]:
    """A person's exports, newest first, and how many there are in all."""
    own = exports.c.requested_by == person_id
    total: int = connection.execute(select(func.count()).select_from(exports).where(own)).scalar_one()
    rows = connection.execute(
        _SELECTED.where(own).order_by(exports.c.requested_at.desc(), exports.c.export_id).offset(offset).limit(limit)
    )
    return [_export(row) for row in rows], total


def rows_handed_over(connection: Connection, person_id: str, since: datetime) -> int:
    """How many rows a person took with a reason alone after ``since``."""
    found: int = connection.execute(
        select(func.coalesce(func.sum(exports.c.row_count), 0)).where(
            exports.c.requested_by == person_id,
            exports.c.requested_at > since,
            exports.c.state == ExportState.HANDED_OVER.value,
        )
    ).scalar_one()
    return int(found)


def open_of(connection: Connection, *, person_id: str | None = None, agency_code: str | None = None) -> list[Export]:
    """Exports of a person, or of the people of an agency, that are not over."""
    query = _SELECTED.where(exports.c.state.in_(_LIVING))
    if person_id is not None:
        query = query.where(exports.c.requested_by == person_id)
    if agency_code is not None:
        query = query.where(exports.c.agency_code == agency_code)
    return [_export(row) for row in connection.execute(query.order_by(exports.c.export_id))]


def with_living_files(connection: Connection, now: datetime) -> dict[str, str]:
    """Exports whose files may still be fetched at ``now``: id and the file's SHA-256."""
    rows = connection.execute(_SELECTED.where(exports.c.state == ExportState.READY.value, exports.c.until_at > now))
    living = [one for one in map(_export, rows) if one.state(now) is ExportState.READY]
    return {one.export_id: one.file_sha256 for one in living if one.file_sha256}
