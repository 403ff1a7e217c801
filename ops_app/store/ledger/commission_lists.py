"""Lists of commission: lines and settlements, narrowed and sorted along indexes, with totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.settlements import SettlementState
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.ledger.commissions import CommissionLine, Settlement, line_of, settlement_of
from ops_app.store.tables.casework import assignments, placements
from ops_app.store.tables.commissions import commission_lines, commission_splits, settlements
from ops_app.store.tables.organisation import people

_L, _S = commission_lines.c, settlements.c
SORTS = ("value_date", "fee_minor")
"""What lines are sorted by, either way; with any one filter there is an index for each."""
IN_ORDER = "line_no"
"""The sort of the lines of one settlement: as its statement has them."""
_LEAST = {"value_date": date(1970, 1, 1), "fee_minor": -(10**17), IN_ORDER: 0}


@dataclass(frozen=True)
class LineFilter:
    """What lines are narrowed by, each beside the others. ``states``: of settlements that stand so; an agency's people
    are never given a line of a draft."""

    agency_code: str | None = None
    settlement_id: str | None = None
    case_id: str | None = None
    batch_id: str | None = None
    tier: str | None = None
    state: SettlementState | None = None
    kind: str | None = None
    without_drafts: bool = False


@dataclass(frozen=True)
class LineTotals:
    """What lines come to, by currency: (currency, lines, cash, fees)."""

    currency: str
    lines: int
    base_minor: int
    fee_minor: int


def page(
    connection: Connection, wanted: LineFilter, *, sort: str, descending: bool, after: tuple[Any, str] | None,
    limit: int,
) -> list[tuple[CommissionLine, str, SettlementState]]:  # fmt: skip
    """Up to ``limit`` lines behind ``after`` (value of the sort and id of the last line seen), each with the number and
    state of its settlement."""
    order = (_L[sort], _L.line_id)
    conditions = _conditions(wanted, sort)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[one.type for one in order])
        conditions.append(row < mark if descending else row > mark)
    query = (
        select(commission_lines, _S.number, _S.state)
        .join(settlements, _S.settlement_id == _L.settlement_id)
        .where(*conditions)
        .order_by(*(one.desc() if descending else one.asc() for one in order))
        .limit(limit)
    )
    return [
        (line_of(row), str(row["number"]), SettlementState(row["state"]))
        for row in connection.execute(query).mappings()
    ]


def count(connection: Connection, wanted: LineFilter) -> int:
    """How many lines match, counted no further than ``MOST_COUNTED`` + 1."""
    some = (
        select(_L.line_id)
        .join(settlements, _S.settlement_id == _L.settlement_id)
        .where(*_conditions(wanted, "value_date"))
        .limit(MOST_COUNTED + 1)
    )
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def totals(connection: Connection, wanted: LineFilter) -> list[LineTotals]:
    """What the lines that match come to, by currency."""
    query = (
        select(_L.currency, func.count(), func.sum(_L.base_minor), func.sum(_L.fee_minor))
        .join(settlements, _S.settlement_id == _L.settlement_id)
        .where(*_conditions(wanted, "value_date"))
        .group_by(_L.currency)
        .order_by(_L.currency)
    )
    rows: Any = connection.execute(query)
    return [LineTotals(currency, int(lines), int(base), int(fee)) for currency, lines, base, fee in rows]


def tiers(connection: Connection) -> list[str]:
    """The tiers that lines have, read along the index: one look for each."""
    found: list[str] = []
    while len(found) < 500:
        query = select(func.min(_L.tier))
        if found:
            query = query.where(_L.tier > found[-1])
        following = connection.execute(query).scalar()
        if following is None:
            break
        found.append(following)
    return [one for one in found if one]


def settlements_page(
    connection: Connection, *, agency_code: str | None, state: SettlementState | None, without_drafts: bool,
    offset: int, limit: int,
) -> tuple[list[Settlement], int]:  # fmt: skip
    """A page of settlements, the latest period first, and how many there are."""
    conditions: list[ColumnElement[bool]] = []
    if agency_code is not None:
        conditions.append(_S.agency_code == agency_code)
    if state is not None:
        conditions.append(_S.state == state.value)
    if without_drafts:
        conditions.append(_S.state != SettlementState.DRAFT.value)
    query = (
        select(settlements)
        .where(*conditions)
        .order_by(_S.first_date.desc(), _S.settlement_id.desc())
        .offset(offset)
        .limit(limit)
    )
    total = connection.execute(select(func.count()).select_from(settlements).where(*conditions)).scalar_one()
    return [settlement_of(row) for row in connection.execute(query).mappings()], int(total)


@dataclass(frozen=True)
class Owner:
    """Who had a case in an agency, and when; what is known of the placement a line rests on."""

    collector_id: str
    collector_name: str
    case_id: str
    assigned_at: Any
    ended_at: Any


def collectors_of(connection: Connection, agency_code: str, case_ids: Sequence[str]) -> list[Owner]:
    """The assignments of these cases within the agency, the first first."""
    a = assignments.c
    query = (
        select(a.collector_id, people.c.display_name, a.case_id, a.assigned_at, a.ended_at)
        .join(people, people.c.person_id == a.collector_id)
        .where(a.case_id.in_(case_ids), a.agency_code == agency_code)
        .order_by(a.case_id, a.nth)
    )
    rows: Any = connection.execute(query)
    return [Owner(*row) for row in rows]


def placement_days(connection: Connection, placement_id: str) -> tuple[Any, Any, Any, int] | None:
    """When a placement began, ended, its tail ends, and which it was of its case."""
    p = placements.c
    query = select(p.placed_at, p.ended_at, p.tail_until_date, p.nth).where(p.placement_id == placement_id)
    row = connection.execute(query).first()
    return None if row is None else (row.placed_at, row.ended_at, row.tail_until_date, int(row.nth))


def splits(connection: Connection, agency_code: str) -> list[Any]:
    """The versions of an agency's split, the latest first."""
    c = commission_splits.c
    query = select(commission_splits).where(c.agency_code == agency_code).order_by(c.version_no.desc())
    return list(connection.execute(query).mappings())


def add_split(connection: Connection, values: Mapping[str, Any]) -> None:
    """Enter a version of an agency's split."""
    connection.execute(insert(commission_splits).values(**values))


def _conditions(wanted: LineFilter, sort: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (_L.agency_code, wanted.agency_code), (_L.settlement_id, wanted.settlement_id),
            (_L.case_id, wanted.case_id), (_L.batch_id, wanted.batch_id), (_L.tier, wanted.tier),
            (_L.kind, wanted.kind), (_S.state, wanted.state.value if wanted.state else None),
        )
        if value is not None
    ]  # fmt: skip
    if wanted.without_drafts:
        found.append(_S.state != SettlementState.DRAFT.value)
    # a bound that every row meets, so that the index of the sort is walked whatever the statistics say
    found.append(_L[sort] >= _LEAST[sort])
    return found
