"""Cases in the store: every query of them is bound to a scope, and every list to an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, false, func, or_, select, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework import flags as f
from ops_app.domain.casework.cases import CaseState, CloseReason, Custody, Position
from ops_app.domain.casework.flags import Deed, Flag, Reason
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import assignments, cases, debtors, placements
from ops_app.store.tables.organisation import people
from ops_app.store.tables.units import memberships

SORTS = ("days_past_due", "balance_minor", "opened_date")
"""What any list of cases is sorted by; equal values by case id."""

FILTERS: dict[Reach, tuple[str, ...]] = {
    Reach.ALL: ("custody", "state", "agency_code", "collector_id"),
    Reach.NARROWED: (),
    Reach.AGENCY: (),
    Reach.OWN: (),
    Reach.NONE: (),
}
"""Reach → what a list may be narrowed by, one at a time, beside a range of the sort's own column. Each with each of
``SORTS`` has an index; the scope of an agency or a collector is the filter itself."""

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Case:
    """One case as it stands, without anything personal but masks. Amounts are whole minor units of ``currency``, as of
    ``as_of_date``."""

    case_id: str
    source_code: str
    loan_id: str
    spell_no: int
    debtor_key: str
    customer_id: str
    lender_code: str | None
    product_code: str
    region_code: str
    currency: str
    principal_minor: int
    interest_minor: int
    fees_minor: int
    penalty_minor: int
    balance_minor: int
    days_past_due: int
    bucket: str
    as_of_date: date
    state: CaseState
    state_before: CaseState | None
    custody: Custody
    agency_code: str | None
    collector_id: str | None
    flags: frozenset[Flag]
    opened_date: date
    opened_rule: str
    opened_rule_version: int
    opened_file_id: str
    opened_line_no: int
    closed_date: date | None
    close_reason: CloseReason | None
    closed_rule_version: int | None
    closed_file_id: str | None
    closed_line_no: int | None
    written_off_date: date | None
    event_count: int
    version: int
    name_masked: str | None = None
    phone_masked: str | None = None
    national_id_masked: str | None = None
    person_hash: str | None = None
    collector_name: str | None = None

    @property
    def position(self) -> Position:
        """Where it stands in the life cycle."""
        return Position(self.state, self.state_before)

    def reasons_against(self, deed: Deed) -> tuple[Reason, ...]:
        """Every reason why ``deed`` may not be done now; empty if it may."""
        return f.reasons_against(deed, self.position, self.flags)


@dataclass(frozen=True)
class CaseFilter:
    """What a list is narrowed by: at most one of the first four, and a range of the column it is sorted by (``least``
    and ``most`` included, of that column's kind)."""

    custody: Custody | None = None
    state: CaseState | None = None
    agency_code: str | None = None
    collector_id: str | None = None
    least: int | date | None = None
    most: int | date | None = None

    def named(self) -> dict[str, str]:
        """The filters that are set, without the range."""
        return {name: str(value) for name in FILTERS[Reach.ALL] if (value := getattr(self, name)) is not None}


_MASKED = (debtors.c.name_masked, debtors.c.phone_masked, debtors.c.national_id_masked, debtors.c.person_hash)


def within(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of cases to ``scope`` at ``now``; every reader of cases uses them."""
    return [*_reached(scope, now), *_left_of(scope, now)]


def _left_of(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """What is left to somebody whose cases are narrowed: those of some sources, or of the collectors of some units."""
    left: list[ColumnElement[bool]] = []
    if scope.sources is not None:
        left.append(cases.c.source_code.in_(sorted(scope.sources)))
    if scope.units is not None:
        day = now.date()  # in UTC
        members = select(memberships.c.person_id).where(
            memberships.c.unit_id.in_(sorted(scope.units)),
            memberships.c.valid_from <= day,
            or_(memberships.c.valid_to.is_(None), memberships.c.valid_to > day),
        )
        left.append(cases.c.collector_id.in_(members))
    return left


def _reached(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    if scope.reach is Reach.ALL:
        return []
    if scope.reach is Reach.NARROWED:
        return [] if scope.units is not None or scope.sources is not None else [false()]
    if scope.reach is Reach.AGENCY and scope.agency_code:
        return _placed_with(scope.agency_code, now)
    if scope.reach is Reach.OWN and scope.collector_id:
        mine: list[ColumnElement[bool]] = [
            cases.c.collector_id == scope.collector_id,
            exists().where(
                assignments.c.case_id == cases.c.case_id,
                assignments.c.collector_id == scope.collector_id,
                assignments.c.ended_at.is_(None),
            ),
        ]
        if scope.agency_code:
            return mine + _placed_with(scope.agency_code, now)
        return [*mine, cases.c.agency_code.is_(None)]
    return [false()]


def _placed_with(agency_code: str, now: datetime) -> list[ColumnElement[bool]]:
    return [
        cases.c.agency_code == agency_code,
        exists().where(
            placements.c.case_id == cases.c.case_id,
            placements.c.agency_code == agency_code,
            placements.c.ended_at.is_(None),
            placements.c.placed_at <= now,
            placements.c.due_at > now,
        ),
    ]


def read(connection: Connection, case_id: str, scope: Scope, now: datetime) -> Case | None:
    """The case, if it is within ``scope``."""
    row = connection.execute(_query().where(cases.c.case_id == case_id, *within(scope, now))).first()
    return _case(row) if row else None


def read_locked(connection: Connection, ids: Sequence[str], scope: Scope, now: datetime) -> dict[str, Case]:
    """Id → case, for those within ``scope``; nobody else changes them before this transaction ends."""
    found: dict[str, Case] = {}
    for some in chunks(sorted(set(ids))):
        rows = connection.execute(
            select(cases)
            .where(cases.c.case_id.in_(some), *within(scope, now))
            .order_by(cases.c.case_id)
            .with_for_update(of=cases)
        )
        found.update((row.case_id, _case(row)) for row in rows)
    return found


def read_many(connection: Connection, ids: Sequence[str], scope: Scope, now: datetime) -> dict[str, Case]:
    """Id → case, for those within ``scope``."""
    found: dict[str, Case] = {}
    for some in chunks(sorted(set(ids))):
        rows = connection.execute(_query().where(cases.c.case_id.in_(some), *within(scope, now)))
        found.update((row.case_id, _case(row)) for row in rows)
    return found


def ids_of_collector(connection: Connection, collector_id: str, *, limit: int) -> list[str]:
    """The cases that are assigned to a person, by id."""
    query = select(cases.c.case_id).where(cases.c.collector_id == collector_id).order_by(cases.c.case_id).limit(limit)
    return list(connection.execute(query).scalars())


def page(
    connection: Connection,
    scope: Scope,
    now: datetime,
    wanted: CaseFilter,
    *,
    sort: str,
    descending: bool,
    after: tuple[Any, str] | None,
    limit: int,
) -> list[Case]:
    """Up to ``limit`` cases behind ``after`` (the sort value and id of the last row seen)."""
    return [
        _case(row)
        for row in connection.execute(
            page_query(scope, now, wanted, sort=sort, descending=descending, after=after, limit=limit)
        )
    ]


def page_query(
    scope: Scope,
    now: datetime,
    wanted: CaseFilter,
    *,
    sort: str,
    descending: bool,
    after: tuple[Any, str] | None,
    limit: int,
) -> Select[Any]:
    """The statement of a page (a test looks at its plan)."""
    if sort not in SORTS:
        raise ValueError(f"cases are not sorted by {sort}")
    column = cases.c[sort]
    query = _query().where(*within(scope, now), *_conditions(wanted, sort))
    if after is not None:
        row = tuple_(column, cases.c.case_id)
        mark = tuple_(*after, types=[column.type, cases.c.case_id.type])
        query = query.where(row < mark if descending else row > mark)
    order = (column.desc(), cases.c.case_id.desc()) if descending else (column.asc(), cases.c.case_id.asc())
    return query.order_by(*order).limit(limit)


def count(connection: Connection, scope: Scope, now: datetime, wanted: CaseFilter, *, sort: str) -> int:
    """How many cases match, counted no further than ``MOST_COUNTED`` + 1."""
    some = select(cases.c.case_id).where(*within(scope, now), *_conditions(wanted, sort)).limit(MOST_COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def of_debtors(connection: Connection, keys: Select[Any], scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases of the debtors that ``keys`` selects, the longest overdue first."""
    return _some(connection, cases.c.debtor_key.in_(keys), scope, now, limit)


def of_person(connection: Connection, one: Case, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """The other cases of the same debtor, across sources where the national id is the same."""
    same: ColumnElement[bool] = cases.c.debtor_key == one.debtor_key
    if one.person_hash:
        keys = select(debtors.c.debtor_key).where(debtors.c.person_hash == one.person_hash)
        same = same | cases.c.debtor_key.in_(keys)
    return _some(connection, same & (cases.c.case_id != one.case_id), scope, now, limit)


def of_loan(connection: Connection, loan_id: str, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases of a loan in every spell."""
    return _some(connection, cases.c.loan_id == loan_id, scope, now, limit)


def of_id(connection: Connection, case_id: str, scope: Scope, now: datetime) -> list[Case]:
    """The case of an id, as a search finds it."""
    return _some(connection, cases.c.case_id == case_id, scope, now, 1)


def write_back(connection: Connection, rows: Iterable[Case]) -> None:
    """Write what people and moves change of cases: state, custody, owners, flags, closing, version."""
    values = [
        {
            "of": one.case_id,
            "state": one.state.value,
            "state_before": one.state_before.value if one.state_before else None,
            "custody": one.custody.value,
            "agency_code": one.agency_code,
            "collector_id": one.collector_id,
            "flags": f.written(one.flags),
            "closed_date": one.closed_date,
            "close_reason": one.close_reason.value if one.close_reason else None,
            "closed_rule_version": one.closed_rule_version,
            "closed_file_id": one.closed_file_id,
            "closed_line_no": one.closed_line_no,
            "written_off_date": one.written_off_date,
            "event_count": one.event_count,
            "version": one.version,
        }
        for one in sorted(
            rows, key=lambda one: one.closed_date is None
        )  # a loan's old spell closes before another opens
    ]
    if values:
        connection.execute(update(cases).where(cases.c.case_id == bindparam("of")), values)


def stored(row: Any) -> Case:
    """A row of the table ``cases`` as a case."""
    return _case(row)


def _some(
    connection: Connection, condition: ColumnElement[bool], scope: Scope, now: datetime, limit: int
) -> list[Case]:
    rows = connection.execute(
        _query()
        .where(condition, *within(scope, now))
        .order_by(cases.c.days_past_due.desc(), cases.c.case_id)
        .limit(limit)
    )
    return [_case(row) for row in rows]


def _query() -> Select[Any]:
    return (
        select(cases, *_MASKED, people.c.display_name.label("collector_name"))
        .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
        .outerjoin(people, people.c.person_id == cases.c.collector_id)
    )


def _conditions(wanted: CaseFilter, sort: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [cases.c[name] == value for name, value in wanted.named().items()]
    if wanted.least is not None:
        conditions.append(cases.c[sort] >= wanted.least)
    if wanted.most is not None:
        conditions.append(cases.c[sort] <= wanted.most)
    return conditions


def _case(row: Any) -> Case:
    values: dict[str, Any] = dict(row._mapping)
    for name, enum in _ENUMS.items():
        if values[name] is not None:
            values[name] = enum(values[name])
    values["flags"] = f.read(values["flags"])
    return Case(**values)


_ENUMS: Mapping[str, type[Any]] = {
    "state": CaseState,
    "state_before": CaseState,
    "custody": Custody,
    "close_reason": CloseReason,
}
