"""Cases in the store: every query of them is bound to a scope, and every list to an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)
from sqlalchemy.engine import Connection

from ops_app.domain.casework import flags as f
from ops_app.domain.casework.cases import CaseState, CloseReason, Custody, Position
from ops_app.domain.casework.flags import Deed, Flag, Reason
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.case_record import case_tags
from ops_app.store.tables.casework import assignments, cases, debtors, placements
from ops_app.store.tables.organisation import people
from ops_app.store.tables.units import memberships

SORTS = ("days_past_due", "balance_minor", "opened_date")
"""What any list of cases is sorted by; equal values by case id."""

TAG_SORT = "tagged_at"
"""What a list narrowed by a tag is sorted by, unless it is a collector's."""

DECLARED: dict[Reach, dict[str | None, tuple[str, ...]]] = {
    Reach.ALL: {
        **dict.fromkeys((None, "custody", "state", "agency_code", "collector_id"), SORTS),
        "tag": (TAG_SORT,),
    },
    Reach.AGENCY: {None: SORTS, "tag": (TAG_SORT,)},
    # one person's cases are few enough to look at the tags of each
    Reach.OWN: {None: SORTS, "tag": SORTS},
    Reach.NARROWED: {None: SORTS},
    Reach.NONE: {None: SORTS},
}
"""Reach → what a list may be narrowed by (``None``: nothing), one at a time → what it is then sorted by, either way,
with or without a range of the sort's own column. Each has an index, led by the scope of an agency or a collector.
What is not here is not offered: a list of a million cases would be read whole for it."""

FILTERS: dict[Reach, tuple[str, ...]] = {
    reach: tuple(name for name in declared if name) for reach, declared in DECLARED.items()
}
"""Reach → what a list may be narrowed by."""

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
    tagged_at: datetime | None = None
    """When it got the tag that the list is narrowed by."""

    @property
    def position(self) -> Position:
        """Where it stands in the life cycle."""
        return Position(self.state, self.state_before)

    def reasons_against(self, deed: Deed) -> tuple[Reason, ...]:
        """Every reason why ``deed`` may not be done now; empty if it may."""
        return f.reasons_against(deed, self.position, self.flags)


@dataclass(frozen=True)
class CaseFilter:
    """What a list is narrowed by: at most one of the first five, and a range of the column it is sorted by (``least``
    and ``most`` included, of that column's kind). ``tag`` is one of the reader's own house."""

    custody: Custody | None = None
    state: CaseState | None = None
    agency_code: str | None = None
    collector_id: str | None = None
    tag: str | None = None
    least: int | date | None = None
    most: int | date | None = None

    def named(self) -> dict[str, str]:
        """The filters that are set, without the range."""
        return {name: str(value) for name in FILTERS[Reach.ALL] if (value := getattr(self, name)) is not None}


_MASKED = (debtors.c.name_masked, debtors.c.phone_masked, debtors.c.national_id_masked, debtors.c.person_hash)


def within(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of cases to ``scope`` at ``now``; every reader of cases uses them."""
    return [*_reached(scope, now), *left_of(scope, now)]


def left_of(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """What is left to somebody whose cases are narrowed: those of some sources, or of the collectors of some units."""
    left: list[ColumnElement[bool]] = []
    if scope.sources is not None:
        left.append(cases.c.source_code.in_(sorted(scope.sources)))
    if scope.units is not None:
        left.append(cases.c.collector_id.in_(members_of(scope.units, now)))
    return left


def members_of(units: frozenset[str], now: datetime) -> Select[Any]:
    """The ids of those who belong to any of ``units`` on the day of ``now`` (in UTC)."""
    day = now.date()
    return select(memberships.c.person_id).where(
        memberships.c.unit_id.in_(sorted(units)),
        memberships.c.valid_from <= day,
        or_(memberships.c.valid_to.is_(None), memberships.c.valid_to > day),
    )


def is_member(connection: Connection, person_id: str, units: frozenset[str], now: datetime) -> bool:
    """Whether somebody belongs to any of ``units`` on the day of ``now``."""
    query = members_of(units, now).where(memberships.c.person_id == person_id)
    return connection.execute(query.limit(1)).first() is not None


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
    column = _sorted_by(sort)
    query = _query().where(*within(scope, now), *_conditions(scope, wanted, sort))
    identity = cases.c.case_id
    if wanted.tag is not None and sort == TAG_SORT:
        identity = case_tags.c.case_id
        query = query.add_columns(case_tags.c.tagged_at).join(case_tags, case_tags.c.case_id == cases.c.case_id)
    if after is not None:
        row = tuple_(column, identity)
        mark = tuple_(*after, types=[column.type, identity.type])
        query = query.where(row < mark if descending else row > mark)
    order = (column.desc(), identity.desc()) if descending else (column.asc(), identity.asc())
    return query.order_by(*order).limit(limit)


def count(connection: Connection, scope: Scope, now: datetime, wanted: CaseFilter, *, sort: str) -> int:
    """How many cases match, counted no further than ``MOST_COUNTED`` + 1."""
    return int(connection.execute(count_query(scope, now, wanted, sort=sort)).scalar_one())


def count_query(scope: Scope, now: datetime, wanted: CaseFilter, *, sort: str) -> Select[Any]:
    """The statement of ``count``. In the order of the page, so that it reads a part of the same index and no table."""
    some = select(cases.c.case_id).where(*within(scope, now), *_conditions(scope, wanted, sort))
    if wanted.tag is not None and sort == TAG_SORT:
        some = some.join(case_tags, case_tags.c.case_id == cases.c.case_id)
    some = some.order_by(_sorted_by(sort)).limit(MOST_COUNTED + 1)
    return select(func.count()).select_from(some.subquery())


def of_debtors(connection: Connection, keys: Select[Any], scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases of the debtors that ``keys`` selects, the longest overdue first."""
    return _some(connection, cases.c.debtor_key.in_(keys), scope, now, limit)


def of_person(connection: Connection, one: Case, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """The other cases of the same debtor, across sources where the national id is the same."""
    if one.person_hash is None:
        same: ColumnElement[bool] = cases.c.debtor_key == one.debtor_key
    else:
        keys = union(
            select(debtors.c.debtor_key).where(debtors.c.debtor_key == one.debtor_key),
            select(debtors.c.debtor_key).where(debtors.c.person_hash == one.person_hash),
        )
        same = cases.c.debtor_key.in_(keys)
    return _some(connection, same & (cases.c.case_id != one.case_id), scope, now, limit)


def of_loan(connection: Connection, beginning: str, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases of loans whose number begins so, in every spell, by loan; the first ones found where there are more."""
    loan, end = cases.c.loan_id, _behind(beginning)
    query = _query().where(*within(scope, now)).limit(limit)
    if connection.dialect.name == "postgresql":  # by bytes, whatever the collation of the database
        query = query.where(loan.op("~>=~")(beginning), loan.op("~<~")(end)).order_by(_BY_BYTES)
    else:
        query = query.where(loan >= beginning, loan < end).order_by(loan)
    rows = connection.execute(query)
    return sorted(map(_case, rows), key=lambda one: (one.loan_id, one.spell_no))


def of_id(connection: Connection, beginning: str, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases whose id begins so, as a search finds them."""
    conditions = [cases.c.case_id >= beginning, cases.c.case_id < beginning + "g"]  # an id is hexadecimal
    rows = connection.execute(_query().where(*conditions, *within(scope, now)).order_by(cases.c.case_id).limit(limit))
    return [_case(row) for row in rows]


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
    # found first and sorted after: a planner that follows the order of the answer reads the cases of everybody
    found = select(cases.c.case_id).where(condition).cte("found").prefix_with("MATERIALIZED")
    rows = connection.execute(
        _query()
        .where(cases.c.case_id.in_(select(found.c.case_id)), *within(scope, now))
        .order_by(cases.c.days_past_due.desc(), cases.c.case_id)
        .limit(limit)
    )
    return [_case(row) for row in rows]


def _behind(beginning: str) -> str:
    """The first text, by bytes, that is behind all those with this beginning."""
    last = ord(beginning[-1]) + 1
    if 0xD800 <= last <= 0xDFFF:  # half characters are no text
        last = 0xE000
    return beginning[:-1] + chr(min(last, 0x10FFFF))


def _query() -> Select[Any]:
    return (
        select(cases, *_MASKED, people.c.display_name.label("collector_name"))
        .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
        .outerjoin(people, people.c.person_id == cases.c.collector_id)
    )


def _sorted_by(sort: str) -> ColumnElement[Any]:
    if sort == TAG_SORT:
        return case_tags.c.tagged_at
    if sort not in SORTS:
        raise ValueError(f"cases are not sorted by {sort}")
    return cases.c[sort]


def house_of(scope: Scope) -> str:
    """Whose tags and views a reader has: an agency's code, or nothing for the asset company."""
    return scope.agency_code or ""


def _conditions(scope: Scope, wanted: CaseFilter, sort: str) -> list[ColumnElement[bool]]:
    named = wanted.named()
    tag = named.pop("tag", None)
    conditions: list[ColumnElement[bool]] = [cases.c[name] == value for name, value in named.items()]
    if tag is not None:
        on = [case_tags.c.house == house_of(scope), case_tags.c.tag == tag, case_tags.c.removed_at.is_(None)]
        conditions += on if sort == TAG_SORT else [exists().where(case_tags.c.case_id == cases.c.case_id, *on)]
    if wanted.least is not None:
        conditions.append(_sorted_by(sort) >= wanted.least)
    if wanted.most is not None:
        conditions.append(_sorted_by(sort) <= wanted.most)
    return conditions


def _case(row: Any) -> Case:
    values: dict[str, Any] = dict(row._mapping)
    for name, enum in _ENUMS.items():
        if values[name] is not None:
            values[name] = enum(values[name])
    values["flags"] = f.read(values["flags"])
    return Case(**values)


_BY_BYTES = text("cases.loan_id using ~<~")
_ENUMS: Mapping[str, type[Any]] = {
    "state": CaseState,
    "state_before": CaseState,
    "custody": Custody,
    "close_reason": CloseReason,
}
