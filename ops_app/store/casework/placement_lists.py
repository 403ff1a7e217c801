"""Lists of placements: those that run, those that ended, and all there were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.flags import Flag
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.cases import with_loan
from ops_app.store.casework.periods import Placement
from ops_app.store.tables.casework import case_flags, cases, placements

SORTS: dict[bool | None, tuple[str, ...]] = {
    False: ("due_at", "placed_at"),
    True: ("ended_at", "placed_at"),
    None: ("placed_at",),
}
"""Whether they ended (``None``: either) → what they are sorted by, either way, the usual one first; with or without an
agency and a period of the sort's own moment. Each has an index."""

MOST_OF_A_LOAN = 500
"""Cases whose placements are looked at at once: a beginning of a loan number that more have says too little."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PlacementFilter:
    """What placements are narrowed by, each beside the others. ``ended``: those that ended, run, or (``None``) all;
    ``case_ids``: of these cases alone; ``since`` and ``until`` (excluded) bound the moment they are sorted by."""

    ended: bool | None = None
    agency_code: str | None = None
    case_ids: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


def cases_of_loan(connection: Connection, beginning: str) -> list[str]:
    """The cases of loans whose number begins so; of too many, one more than ``MOST_OF_A_LOAN``."""
    conditions, _ = with_loan(connection, beginning)
    query = select(cases.c.case_id).where(*conditions).limit(MOST_OF_A_LOAN + 1)
    return list(connection.execute(query).scalars())


def page(
    connection: Connection, wanted: PlacementFilter, *, sort: str, descending: bool, after: tuple[Any, str] | None,
    limit: int,
) -> list[Placement]:  # fmt: skip
    """Up to ``limit`` placements behind ``after`` (the moment and the id of the last row seen)."""
    found, conditions = _matching(wanted, sort)
    order = (found.c[sort], found.c.placement_id)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[one.type for one in order])
        conditions.append(row < mark if descending else row > mark)
    query = select(found).where(*conditions)
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    return [Placement(**row._mapping) for row in connection.execute(query)]


def count(connection: Connection, wanted: PlacementFilter, *, sort: str) -> int:
    """How many match, counted no further than ``MOST_COUNTED`` + 1, along the index of the sort."""
    found, conditions = _matching(wanted, sort)
    some = select(found.c.placement_id).where(*conditions).order_by(found.c[sort]).limit(MOST_COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def complaints_in(connection: Connection, shown: Sequence[Placement], now: datetime) -> dict[str, int]:
    """Placement → how many complaints were raised while it ran; one look for all of them."""
    c = case_flags.c
    ids = sorted({one.case_id for one in shown})
    query = select(c.case_id, c.set_at).where(c.case_id.in_(ids), c.flag == Flag.COMPLAINT.value)
    raised: dict[str, list[datetime]] = {}
    for case_id, set_at in connection.execute(query).tuples():
        raised.setdefault(case_id, []).append(set_at)
    return {
        one.placement_id: sum(
            one.placed_at <= moment <= (one.ended_at or one.end_at(now)) for moment in raised.get(one.case_id, ())
        )
        for one in shown
    }


def _matching(wanted: PlacementFilter, sort: str) -> tuple[Any, list[ColumnElement[bool]]]:
    """What is read and the conditions on it. The placements of a few cases are found first and sorted after; all others
    are read along the index of the sort."""
    narrowed: list[ColumnElement[bool]] = []
    if wanted.agency_code is not None:
        narrowed.append(placements.c.agency_code == wanted.agency_code)
    if wanted.ended is not None:
        narrowed.append(placements.c.ended_at.is_not(None) if wanted.ended else placements.c.ended_at.is_(None))
    found: Any = placements
    conditions = narrowed
    if wanted.case_ids is not None:
        of: Select[Any] = select(placements).where(placements.c.case_id.in_(wanted.case_ids), *narrowed)
        found, conditions = of.cte("found").prefix_with("MATERIALIZED"), []
    # a bound that every row meets, so that the index of the sort is walked whatever the statistics say
    conditions.append(found.c[sort] >= (wanted.since or _BEGINNING))
    if wanted.until is not None:
        conditions.append(found.c[sort] < wanted.until)
    return found, conditions
