"""The audit log in the store: walked for verification, searched for people. It is only written by a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.audit import GENESIS, AuditRow
from ops_app.store import stored_json
from ops_app.store.tables.organisation import audit_log

_COLUMNS = tuple(audit_log.c[name] for name in AuditRow.__dataclass_fields__)
_AT_ONCE = 2_000


def walk(connection: Connection, *, after: int = 0, most: int | None = None) -> Iterator[AuditRow]:
    """Rows with a greater ``seq`` than ``after`` (up to ``most``), in order, a few thousand in memory at a time."""
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(
        select(*_COLUMNS).where(audit_log.c.seq > after).order_by(audit_log.c.seq).limit(most)
    )
    for row in rows:
        yield _row(row)


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last row; (0, genesis) for an empty log."""
    row = connection.execute(
        select(audit_log.c.seq, audit_log.c.row_hash).order_by(audit_log.c.seq.desc()).limit(1)
    ).first()
    return (row.seq, row.row_hash) if row else (0, GENESIS)


def hash_at(connection: Connection, seq: int) -> str | None:
    """The hash of row ``seq``; ``None`` if there is no such row."""
    found: str | None = connection.execute(select(audit_log.c.row_hash).where(audit_log.c.seq == seq)).scalar()
    return found


@dataclass(frozen=True)
class AuditFilter:
    """What a search is narrowed by; ``None`` means not at all. The period is half-open: from ``since`` on, before
    ``until``. ``action`` matches one action, or with a trailing dot a family (``person.``)."""

    actor_id: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def newest(connection: Connection, wanted: AuditFilter, *, before: int | None, limit: int) -> list[AuditRow]:
    """Matching rows from the newest back, starting below ``before``."""
    query = select(*_COLUMNS).where(*_conditions(wanted))
    if before is not None:
        query = query.where(audit_log.c.seq < before)
    return [_row(row) for row in connection.execute(query.order_by(audit_log.c.seq.desc()).limit(limit))]


def how_often(connection: Connection, actor_id: str, action: str, since: datetime, most: int) -> int:
    """How many rows of ``action`` by ``actor_id`` are younger than ``since``, counted up to ``most``."""
    first = connection.execute(select(func.min(audit_log.c.seq)).where(audit_log.c.occurred_at > since)).scalar()
    if first is None:
        return 0
    rows = connection.execute(
        select(audit_log.c.seq)
        .where(
            audit_log.c.actor_id == actor_id,
            audit_log.c.seq >= first,
            audit_log.c.action == action,
            audit_log.c.occurred_at > since,
        )
        .limit(most)
    )
    return len(rows.all())


def last_of_each(
    connection: Connection, action: str, object_type: str, ids: Sequence[str], *, since: datetime
) -> dict[str, AuditRow]:
    """Object → the last row of ``action`` on it from ``since`` on, of those objects that have one."""
    query = (
        select(*_COLUMNS)
        .where(
            audit_log.c.object_type == object_type,
            audit_log.c.object_id.in_(list(ids)),
            audit_log.c.action == action,
            audit_log.c.occurred_at >= since,
        )
        .order_by(audit_log.c.seq)
    )
    return {row.object_id: _row(row) for row in connection.execute(query)}


def facts_after(connection: Connection, action: str) -> dict[str, dict[str, Any]]:
    """Object → what the log says it was after its last ``action``."""
    query = select(audit_log.c.object_id, audit_log.c.after_json).where(audit_log.c.action == action)
    rows = connection.execute(query.order_by(audit_log.c.seq))
    return {row.object_id: stored_json.read(row.after_json) or {} for row in rows}


def known_actions(connection: Connection) -> list[str]:
    """The actions that occur in the log, for the choice on a page."""
    return list(connection.execute(select(audit_log.c.action).distinct().order_by(audit_log.c.action)).scalars())


def _row(row: Row[Any]) -> AuditRow:
    values: tuple[Any, ...] = tuple(row)
    return AuditRow(*values)


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name in ("actor_id", "object_type", "object_id", "address"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(audit_log.c[name] == value)
    if wanted.action is not None:
        family = wanted.action.endswith(".")
        action = audit_log.c.action
        conditions.append(action.startswith(wanted.action, autoescape=True) if family else action == wanted.action)
    if wanted.since is not None:
        conditions.append(audit_log.c.occurred_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit_log.c.occurred_at < wanted.until)
    return conditions
