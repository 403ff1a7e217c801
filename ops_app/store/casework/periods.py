"""What happened to cases: events, placements and assignments as periods, flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, func, insert, literal, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.scope import Scope
from ops_app.store import driver, stored_json
from ops_app.store.casework.case_scope import left_of, members_of
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.case_record import case_tags
from ops_app.store.tables.casework import assignments, case_events, case_flags, cases, placements
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class CaseEvent:
    """One thing that happened to a case; ``what`` is a move or what else was done."""

    case_id: str
    nth: int
    what: str
    from_state: str | None
    to_state: str
    custody: str
    reason: str
    detail: Mapping[str, Any]
    made_by: str
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class Placement:
    """One placement of a case with an agency, the ``nth`` of it (一手, 二手, 三手). It gives access from ``placed_at``
    until ``due_at`` or ``ended_at``, whichever is earlier. Payments value-dated before ``tail_until_date`` still count
    for the agency; touches are attempts to reach the debtor, the first and the last known."""

    placement_id: str
    case_id: str
    nth: int
    agency_code: str
    placed_at: datetime
    due_at: datetime
    first_contact_due_at: datetime
    placed_by: str
    placed_balance_minor: int
    currency: str
    ended_at: datetime | None = None
    end_reason: str | None = None
    ended_by: str | None = None
    ended_balance_minor: int | None = None
    end_note: str | None = None
    tail_until_date: date | None = None
    first_touch_at: datetime | None = None
    last_touch_at: datetime | None = None

    def end_at(self, now: datetime) -> datetime:
        """The moment at which it ends if it is ended ``now``: when it was due, if that is past already. A run of a past
        business day may end what somebody began after the close of that day: that ends as it begins."""
        return max(min(now, self.due_at), self.placed_at)


@dataclass(frozen=True)
class Assignment:
    """One person's time with a case, from ``assigned_at`` until ``ended_at``; credit follows these moments."""

    assignment_id: str
    case_id: str
    nth: int
    collector_id: str
    agency_code: str | None
    assigned_at: datetime
    assigned_by: str
    ended_at: datetime | None = None
    end_reason: str | None = None
    ended_by: str | None = None
    collector_name: str | None = None


@dataclass(frozen=True)
class SetFlag:
    """A flag that was set on a case, and when and why it was cleared."""

    case_id: str
    nth: int
    flag: Flag
    reason: str
    set_by: str
    set_at: datetime
    cleared_by: str | None = None
    cleared_at: datetime | None = None
    clear_reason: str | None = None


_ADD_EVENTS = insert(case_events)


def add_events(connection: Connection, rows: Sequence[CaseEvent]) -> None:
    """Enter events; they are never changed."""
    if rows:
        values = [{**vars(one), "detail_json": stored_json.write(one.detail)} for one in rows]
        for value in values:
            value.pop("detail")
        driver.write(connection, _ADD_EVENTS, values)


def events(connection: Connection, case_id: str) -> list[CaseEvent]:
    """What happened to a case, first to last."""
    rows = connection.execute(
        select(case_events).where(case_events.c.case_id == case_id).order_by(case_events.c.nth)
    ).mappings()
    return [_event(dict(row)) for row in rows]


def _moment(value: datetime) -> ColumnElement[datetime]:
    return literal(value, placements.c.ended_at.type)


def _event(values: dict[str, Any]) -> CaseEvent:
    return CaseEvent(detail=stored_json.read(values.pop("detail_json")), **values)


def last_actor(connection: Connection, case_id: str) -> str | None:
    """The name of whoever did the last thing to a case."""
    found: str | None = connection.execute(
        select(case_events.c.made_by_name)
        .where(case_events.c.case_id == case_id)
        .order_by(case_events.c.nth.desc())
        .limit(1)
    ).scalar()
    return found


def last_actors(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Case → the name of whoever did the last thing to it."""
    found: dict[str, str] = {}
    for some in chunks(list(ids)):
        last = (
            select(case_events.c.case_id, func.max(case_events.c.nth).label("nth"))
            .where(case_events.c.case_id.in_(some))
            .group_by(case_events.c.case_id)
            .subquery()
        )
        same = (case_events.c.case_id == last.c.case_id) & (case_events.c.nth == last.c.nth)
        rows: Any = connection.execute(
            select(case_events.c.case_id, case_events.c.made_by_name).join_from(case_events, last, same)
        )
        found.update((case_id, name) for case_id, name in rows)
    return found


def how_many(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, int]:
    """Case → how many rows of ``table`` (placements, assignments, case_flags) it has had."""
    found: dict[str, int] = {}
    for some in chunks(list(ids)):
        rows: Any = connection.execute(
            select(table.c.case_id, func.max(table.c.nth)).where(table.c.case_id.in_(some)).group_by(table.c.case_id)
        )
        found.update((case_id, int(nth)) for case_id, nth in rows)
    return found


def add_placements(connection: Connection, rows: Sequence[Placement]) -> None:
    """Begin placements; at most one of a case runs."""
    if rows:
        connection.execute(insert(placements), [vars(one) for one in rows])


def end_placements(
    connection: Connection,
    ids: Sequence[str],
    *,
    now: datetime,
    reason: str,
    by: str,
    note: str | None,
    tail_until_date: date | None = None,
) -> None:
    """End the running placements of cases, with the balance they have now, or the one that ``ended_balances.keep``
    kept. The end of each is that of ``Placement.end_at``."""
    c = placements.c
    balance = select(cases.c.balance_minor).where(cases.c.case_id == placements.c.case_id).scalar_subquery()
    for some in chunks(list(ids)):
        connection.execute(
            update(placements)
            .where(placements.c.case_id.in_(some), placements.c.ended_at.is_(None))
            .values(
                ended_at=case((c.placed_at > now, c.placed_at), (c.due_at < now, c.due_at), else_=_moment(now)),
                end_reason=reason,
                ended_by=by,
                end_note=note,
                ended_balance_minor=func.coalesce(c.ended_balance_minor, balance),
                tail_until_date=tail_until_date,
            )
        )
        # what an agency tagged a case with ends with its placement
        connection.execute(
            update(case_tags)
            .where(case_tags.c.case_id.in_(some), case_tags.c.house != "", case_tags.c.removed_at.is_(None))
            .values(removed_at=now, removed_by=by)
        )


def set_due(connection: Connection, due: Mapping[str, datetime]) -> None:
    """Give the running placements of cases (case → moment) another end."""
    if due:
        connection.execute(
            update(placements)
            .where(placements.c.case_id == bindparam("of"), placements.c.ended_at.is_(None))
            .values(due_at=bindparam("until")),
            [{"of": case_id, "until": due_at} for case_id, due_at in sorted(due.items())],
        )


def note_touches(connection: Connection, touched: Mapping[str, datetime]) -> None:
    """Note attempts to reach the debtors of cases (case → moment) on their running placements; an earlier one than the
    last that is known changes only what it is earlier than."""
    c = placements.c
    if touched:
        at = bindparam("at", type_=c.last_touch_at.type)
        connection.execute(
            update(placements)
            .where(c.case_id == bindparam("of"), c.ended_at.is_(None), c.placed_at <= at)
            .values(
                first_touch_at=case((c.first_touch_at < at, c.first_touch_at), else_=at),
                last_touch_at=case((c.last_touch_at > at, c.last_touch_at), else_=at),
            ),
            [{"of": case_id, "at": moment} for case_id, moment in sorted(touched.items())],
        )


def load_of_agency(connection: Connection, agency_code: str) -> int:
    """How many placements run with an agency."""
    running = select(func.count()).where(placements.c.agency_code == agency_code, placements.c.ended_at.is_(None))
    return int(connection.execute(running).scalar_one())


def running_with(connection: Connection, agency_code: str) -> list[Placement]:
    """Every running placement of an agency, by case."""
    rows = connection.execute(
        select(placements)
        .where(placements.c.agency_code == agency_code, placements.c.ended_at.is_(None))
        .order_by(placements.c.case_id)
    )
    return [Placement(**row._mapping) for row in rows]


def lapsed(connection: Connection, now: datetime) -> list[str]:
    """Cases whose running placement was due to end by ``now``."""
    return list(
        connection.execute(
            select(placements.c.case_id)
            .where(placements.c.ended_at.is_(None), placements.c.due_at <= now)
            .order_by(placements.c.case_id)
        ).scalars()
    )


def placements_of(connection: Connection, case_id: str) -> list[Placement]:
    """Every placement of a case, first to last."""
    rows = connection.execute(select(placements).where(placements.c.case_id == case_id).order_by(placements.c.nth))
    return [Placement(**row._mapping) for row in rows]


def running_placements(connection: Connection, ids: Sequence[str]) -> dict[str, Placement]:
    """Case → its running placement."""
    found: dict[str, Placement] = {}
    for some in chunks(list(ids)):
        rows = connection.execute(
            select(placements).where(placements.c.case_id.in_(some), placements.c.ended_at.is_(None))
        )
        found.update((row.case_id, Placement(**row._mapping)) for row in rows)
    return found


def add_assignments(connection: Connection, rows: Sequence[Assignment]) -> None:
    """Begin assignments; at most one of a case runs."""
    if rows:
        values = [{name: value for name, value in vars(one).items() if name != "collector_name"} for one in rows]
        connection.execute(insert(assignments), values)


def end_assignments(connection: Connection, ids: Sequence[str], *, now: datetime, reason: str, by: str) -> None:
    """End the running assignments of cases: those of an agency no later than its placement was due, and none before it
    began (a run of a past business day meets what was assigned since)."""
    c = assignments.c
    due = (
        select(placements.c.due_at)
        .where(
            placements.c.case_id == c.case_id,
            placements.c.agency_code == c.agency_code,
            placements.c.ended_at.is_(None),
        )
        .scalar_subquery()
    )
    end = case((due < now, due), else_=_moment(now))
    for some in chunks(list(ids)):
        connection.execute(
            update(assignments)
            .where(c.case_id.in_(some), c.ended_at.is_(None))
            .values(ended_at=case((c.assigned_at > end, c.assigned_at), else_=end), end_reason=reason, ended_by=by)
        )


def collectors(
    connection: Connection, agency_code: str | None, scope: Scope | None = None, now: datetime | None = None
) -> list[tuple[str, str, int]]:
    """Active collectors of an agency (``None``: of the asset company): id, name, cases they have now; where a ``scope``
    is narrowed, those of its units and the cases that are left to it at ``now``."""
    load = func.count(assignments.c.assignment_id)
    running, whose = _left(scope, now)
    mine = people.c.agency_code.is_(None) if agency_code is None else people.c.agency_code == agency_code
    rows: Any = connection.execute(
        select(people.c.person_id, people.c.display_name, load)
        .select_from(people)
        .outerjoin(
            assignments,
            and_(assignments.c.collector_id == people.c.person_id, assignments.c.ended_at.is_(None), *running),
        )
        .where(people.c.role_code == "collector", people.c.active.is_(True), mine, *whose)
        .group_by(people.c.person_id, people.c.display_name)
        .order_by(load, people.c.display_name)
    )
    return [(person_id, name, int(count)) for person_id, name, count in rows]


def holders(
    connection: Connection, agency_code: str | None, scope: Scope | None = None, now: datetime | None = None
) -> list[tuple[str, str, int]]:
    """Whoever of a house has cases now, active or not: id, name, how many; narrowed as ``collectors``."""
    running, whose = _left(scope, now)
    mine = people.c.agency_code.is_(None) if agency_code is None else people.c.agency_code == agency_code
    rows: Any = connection.execute(
        select(people.c.person_id, people.c.display_name, func.count())
        .select_from(people)
        .join(assignments, assignments.c.collector_id == people.c.person_id)
        .where(assignments.c.ended_at.is_(None), mine, *running, *whose)
        .group_by(people.c.person_id, people.c.display_name)
        .order_by(people.c.display_name, people.c.person_id)
    )
    return [(person_id, name, int(count)) for person_id, name, count in rows]


def _left(scope: Scope | None, now: datetime | None) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """Which assignments and which people are left to a narrowed scope; both empty where nothing is taken."""
    left = left_of(scope, now) if scope is not None and now is not None else []
    if scope is None or now is None or not left:
        return [], []
    running: list[ColumnElement[bool]] = [assignments.c.case_id.in_(select(cases.c.case_id).where(*left))]
    return running, [] if scope.units is None else [people.c.person_id.in_(members_of(scope.units, now))]


def assignments_of(connection: Connection, case_id: str) -> list[Assignment]:
    """Every assignment of a case, first to last, with the collector's name."""
    rows = connection.execute(
        select(assignments, people.c.display_name.label("collector_name"))
        .outerjoin(people, people.c.person_id == assignments.c.collector_id)
        .where(assignments.c.case_id == case_id)
        .order_by(assignments.c.nth)
    )
    return [Assignment(**row._mapping) for row in rows]


def add_flag(connection: Connection, one: SetFlag) -> None:
    """Set a flag; at most one of a kind is set on a case."""
    connection.execute(insert(case_flags).values(**{**vars(one), "flag": one.flag.value}))


def clear_flag(connection: Connection, case_id: str, flag: Flag, *, now: datetime, by: str, reason: str) -> None:
    """Clear a flag that is set."""
    connection.execute(
        update(case_flags)
        .where(case_flags.c.case_id == case_id, case_flags.c.flag == flag.value, case_flags.c.cleared_at.is_(None))
        .values(cleared_at=now, cleared_by=by, clear_reason=reason)
    )


def flags_of(connection: Connection, case_id: str) -> list[SetFlag]:
    """Every flag a case ever had, first to last."""
    rows = connection.execute(select(case_flags).where(case_flags.c.case_id == case_id).order_by(case_flags.c.nth))
    return [SetFlag(**{**row._mapping, "flag": Flag(row.flag)}) for row in rows]
