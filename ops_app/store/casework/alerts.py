"""Alerts of internal monitoring in the store, and the placements they are found in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.casework.alerts import LASTING, Alert, AlertKind
from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.ledger.breaks import UNSETTLED
from ops_app.store.casework.case_scope import within
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import case_events, cases, placements
from ops_app.store.tables.ledger import breaks
from ops_app.store.tables.organisation import audit_log, people
from ops_app.store.tables.placing import case_alerts, case_batch_rows, case_batches


@dataclass(frozen=True)
class AlertFilter:
    """What a list is narrowed by; ``is_open`` ``None``: open and closed."""

    is_open: bool | None = True
    kind: AlertKind | None = None
    agency_code: str | None = None
    owner_id: str | None = None


def known(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of the ids that were ever found."""
    found: set[str] = set()
    for some in chunks(sorted(ids)):
        found.update(
            connection.execute(select(case_alerts.c.alert_id).where(case_alerts.c.alert_id.in_(some))).scalars()
        )
    return found


def add_new(connection: Connection, rows: Mapping[str, Alert]) -> set[str]:
    """Enter alerts (by id); the ids of those that nobody entered meanwhile."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(case_alerts).on_conflict_do_nothing().returning(case_alerts.c.alert_id)
    added: set[str] = set()
    for some in chunks(sorted(rows)):
        found = [vars(rows[alert_id]) | {"kind": rows[alert_id].kind.value} for alert_id in some]
        values = [{name: value for name, value in one.items() if name in case_alerts.c} for one in found]
        added.update(connection.execute(statement, values).scalars())
    return added


def open_ids(connection: Connection) -> set[str]:
    """The ids of all alerts that nobody closed, of those that may cease."""
    c = case_alerts.c
    lasting = [kind.value for kind in LASTING]
    return set(connection.execute(select(c.alert_id).where(c.closed_at.is_(None), c.kind.not_in(lasting))).scalars())


def reach(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of alerts: whoever does not see every case sees the alerts about single cases
    within reach, and none about a whole agency."""
    if scope.reach is Reach.ALL:
        return []
    return [exists().where(cases.c.case_id == case_alerts.c.case_id, *within(scope, now)).correlate(case_alerts)]


def read_locked(
    connection: Connection, ids: Collection[str], conditions: Sequence[ColumnElement[bool]]
) -> dict[str, Alert]:
    """Id → alert within reach; nobody else changes them before this transaction ends."""
    found: dict[str, Alert] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(
            select(case_alerts).where(case_alerts.c.alert_id.in_(some), *conditions).with_for_update()
        )
        found.update((row.alert_id, _alert(row)) for row in rows)
    return found


def change(connection: Connection, ids: Collection[str], values: dict[str, Any]) -> None:
    """Change alerts that are locked."""
    for some in chunks(sorted(ids)):
        connection.execute(
            update(case_alerts)
            .where(case_alerts.c.alert_id.in_(some))
            .values(**values, version=case_alerts.c.version + 1)
        )


def close_open(connection: Connection, ids: Collection[str], values: dict[str, Any]) -> set[str]:
    """Close those of the alerts that are still open, and give their ids; a note that somebody wrote stays."""
    c = case_alerts.c
    closed: set[str] = set()
    for some in chunks(sorted(ids)):
        statement = update(case_alerts).where(c.alert_id.in_(some), c.closed_at.is_(None))
        done = connection.execute(statement.values(**values, version=c.version + 1).returning(c.alert_id))
        closed.update(done.scalars())
    return closed


def page(
    connection: Connection,
    wanted: AlertFilter,
    conditions: Sequence[ColumnElement[bool]],
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Alert]:
    """Alerts within reach by when they are due, from the nearest; behind ``after`` (that moment and the id of the last
    row seen)."""
    c = case_alerts.c
    about = people.alias()
    query = (
        select(
            case_alerts,
            people.c.display_name.label("owner_name"),
            about.c.display_name.label("person_name"),
            cases.c.loan_id,
        )
        .outerjoin(people, people.c.person_id == c.owner_id)
        .outerjoin(about, about.c.person_id == c.person_id)
        .outerjoin(cases, cases.c.case_id == c.case_id)
        .where(*conditions, *_conditions(wanted))
    )
    if after is not None:
        order = (c.due_at, c.alert_id)
        query = query.where(tuple_(*order) > tuple_(*after, types=[one.type for one in order]))
    return [_alert(row) for row in connection.execute(query.order_by(c.due_at, c.alert_id).limit(limit))]


def counts(
    connection: Connection, now: datetime, conditions: Sequence[ColumnElement[bool]]
) -> dict[AlertKind, tuple[int, int]]:
    """Kind → how many within reach are open, and how many of those are over their time."""
    late = func.count().filter(case_alerts.c.due_at <= now)
    rows: Any = connection.execute(
        select(case_alerts.c.kind, func.count(), late)
        .where(case_alerts.c.closed_at.is_(None), *conditions)
        .group_by(case_alerts.c.kind)
    )
    return {AlertKind(kind): (int(count), int(over)) for kind, count, over in rows}


def untried(connection: Connection, now: datetime) -> list[Any]:
    """Running placements that nobody tried though their time for it is over: placement, case, agency, since when."""
    p = placements.c
    return list(
        connection.execute(
            select(p.placement_id, p.case_id, p.agency_code, p.first_contact_due_at.label("since_at")).where(
                p.ended_at.is_(None), p.due_at > now, p.first_touch_at.is_(None), p.first_contact_due_at <= now
            )
        )
    )


def tried_before(connection: Connection, moment: datetime, now: datetime) -> list[Any]:
    """Running placements tried last before ``moment``: placement, case, agency, lender, product, last time."""
    p = placements.c
    return list(
        connection.execute(
            select(p.placement_id, p.case_id, p.agency_code, p.last_touch_at, cases.c.lender_code, cases.c.product_code)
            .join(cases, cases.c.case_id == p.case_id)
            .where(p.ended_at.is_(None), p.due_at > now, p.last_touch_at < moment)
        )
    )


def unmatched(connection: Connection, opened_until: date) -> list[Any]:
    """Breaks of repayments of placed cases that nobody decided on since ``opened_until`` or before: break, case and its
    running placement, agency, day it was opened."""
    return list(
        connection.execute(
            select(
                breaks.c.break_id, cases.c.case_id, placements.c.placement_id, cases.c.agency_code, breaks.c.opened_date
            )
            .join(cases, and_(cases.c.loan_id == breaks.c.loan_id, cases.c.source_code == breaks.c.source_code))
            .join(placements, and_(placements.c.case_id == cases.c.case_id, placements.c.ended_at.is_(None)))
            .where(
                breaks.c.state.in_([state.value for state in UNSETTLED]),
                breaks.c.opened_date <= opened_until,
                cases.c.custody == Custody.PLACED.value,
            )
        )
    )


def shown_in_full(connection: Connection, role_code: str, since: datetime, until: datetime) -> list[Any]:
    """Who of a role looked at personal data in full within ``since`` (included) and ``until`` (not): person, agency,
    moment and what was seen, as the audit log has it."""
    a = audit_log.c
    first = connection.execute(select(func.min(a.seq)).where(a.occurred_at >= since)).scalar()
    if first is None:
        return []
    return list(
        connection.execute(
            select(a.actor_id, a.agency_code, a.occurred_at, a.after_json).where(
                a.action == "debtor.unmasked",
                a.seq >= first,
                a.occurred_at >= since,
                a.occurred_at < until,
                a.role_code == role_code,
            )
        )
    )


def tried_by(connection: Connection, ids: Collection[str], since: datetime) -> list[Any]:
    """Attempts that people entered on these cases from ``since`` on: case, person, moment."""
    e = case_events.c
    found: list[Any] = []
    for some in chunks(sorted(ids)):
        found += connection.execute(
            select(e.case_id, e.made_by, e.made_at).where(e.case_id.in_(some), e.what == "touched", e.made_at >= since)
        )
    return found


def askers(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Case → whoever asked for its last placement and is still here."""
    found: dict[str, str] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(
            select(case_batch_rows.c.case_id, case_batches.c.made_by)
            .join(case_batches, case_batches.c.batch_id == case_batch_rows.c.batch_id)
            .join(people, people.c.person_id == case_batches.c.made_by)
            .where(
                case_batch_rows.c.case_id.in_(some),
                case_batch_rows.c.outcome == "done",
                case_batches.c.kind.in_(("place", "transfer")),
                people.c.active.is_(True),
                or_(people.c.agency_code.is_(None), people.c.agency_code == ""),
            )
            .order_by(case_batches.c.made_at)
        ).tuples()
        found.update(rows.all())
    return found


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    c = case_alerts.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.is_open is not None:
        conditions.append(c.closed_at.is_(None) if wanted.is_open else c.closed_at.is_not(None))
    if wanted.kind is not None:
        conditions.append(c.kind == wanted.kind.value)
    if wanted.agency_code is not None:
        conditions.append(c.agency_code == wanted.agency_code)
    if wanted.owner_id is not None:
        conditions.append(c.owner_id == wanted.owner_id)
    return conditions


def _alert(row: Any) -> Alert:
    return Alert(**{**row._mapping, "kind": AlertKind(row.kind)})
