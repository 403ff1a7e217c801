"""Lists of cases: what each reader narrows and sorts them by, every combination with an index that serves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import CaseState, Custody
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.case_scope import house_of, within
from ops_app.store.casework.cases import Case, shown, stored
from ops_app.store.tables.case_record import case_tags
from ops_app.store.tables.casework import cases

SORTS = ("days_past_due", "balance_minor", "opened_date")
"""What any list of cases is sorted by; equal values by case id."""

TAG_SORT = "tagged_at"
"""What a list narrowed by a tag is sorted by, unless it is a collector's."""

DECLARED: dict[Reach, dict[str | None, tuple[str, ...]]] = {
    Reach.ALL: {
        **dict.fromkeys((None, "custody", "state", "agency_code", "collector_id"), SORTS),
        "tag": (TAG_SORT,),
    },
    Reach.AGENCY: {None: SORTS, "collector_id": SORTS, "tag": (TAG_SORT,)},
    # one person's cases are few enough to look at the tags of each
    Reach.OWN: {None: SORTS, "tag": SORTS},
    Reach.NARROWED: {None: SORTS},
    Reach.NONE: {None: SORTS},
}
"""Reach → what a list may be narrowed by (``None``: nothing), one at a time → what it is then sorted by, either way,
with or without a range of the sort's own column. Each has an index, led by the scope of an agency or a collector;
whoever has a case has it for one agency, so that a collector of an agency is found by the index of collectors. What is
placed with an agency is what has its code (a rule of the table), so that placed cases of an agency are narrowed by it
alone. What is not here is not offered: a list of a million cases would be read whole for it."""

FILTERS: dict[Reach, tuple[str, ...]] = {
    reach: tuple(name for name in declared if name) for reach, declared in DECLARED.items()
}
"""Reach → what a list may be narrowed by."""


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
        stored(row)
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
    query = shown().where(*within(scope, now), *_conditions(scope, wanted, sort))
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


def _sorted_by(sort: str) -> ColumnElement[Any]:
    if sort == TAG_SORT:
        return case_tags.c.tagged_at
    if sort not in SORTS:
        raise ValueError(f"cases are not sorted by {sort}")
    return cases.c[sort]


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
