"""Differences of ledger and feed in the store: listed along their indexes, changed on the version that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_differences
from ops_app.store.tables.organisation import people

_D = ledger_differences.c
NOBODY = "-"
"""The filter's word for "without an owner"."""


@dataclass(frozen=True)
class Difference:
    """What the ledger says of a component of a case and what the lender's feed says, as of the feed's day (whole minor
    units)."""

    difference_id: str
    case_id: str
    source_code: str
    lender_code: str | None
    loan_id: str
    component: str
    currency: str
    ledger_minor: int
    feed_minor: int
    as_of_date: date
    opened_date: date
    state: str
    owner_id: str | None
    owner_name: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    version: int

    @property
    def difference_minor(self) -> int:
        """What the lender says beyond the ledger."""
        return self.feed_minor - self.ledger_minor


@dataclass(frozen=True)
class DifferenceFilter:
    """``None`` is not narrowed; ``owner_id`` may be ``NOBODY``; ``opened_until``: that day or earlier."""

    state: str | None = "open"
    component: str | None = None
    owner_id: str | None = None
    lender_code: str | None = None
    opened_until: date | None = None


@dataclass(frozen=True)
class DifferenceTotal:
    """What the differences of a filter add up to in a currency; ``gross_minor`` adds them without their signs."""

    currency: str
    count: int
    ledger_minor: int
    feed_minor: int
    gross_minor: int

    @property
    def difference_minor(self) -> int:
        """What the lender says beyond the ledger."""
        return self.feed_minor - self.ledger_minor


def _query() -> Select[Any]:
    own = people.alias("owner")
    return (
        select(
            _D.difference_id, _D.case_id, cases.c.source_code, cases.c.lender_code, cases.c.loan_id, _D.component,
            _D.currency, _D.ledger_minor, _D.feed_minor, _D.as_of_date, _D.opened_date, _D.state, _D.owner_id,
            own.c.display_name.label("owner_name"), _D.reason, _D.decided_by, _D.decided_at, _D.version,
        )
        .join(cases, cases.c.case_id == _D.case_id)
        .outerjoin(own, own.c.person_id == _D.owner_id)
    )  # fmt: skip


def page_query(
    wanted: DifferenceFilter, after: tuple[date, str] | None, limit: int, *, descending: bool = False
) -> Select[Any]:
    """The statement of a page, the longest open first unless ``descending`` (a test looks at its plan)."""
    order = (_D.opened_date, _D.difference_id)
    query = _query().where(*_narrowed(wanted))
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    return query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)


def page(
    connection: Connection, wanted: DifferenceFilter, after: tuple[date, str] | None, limit: int, *,
    descending: bool = False,
) -> list[Difference]:  # fmt: skip
    """The next ``limit`` differences."""
    return [
        Difference(**row._mapping)
        for row in connection.execute(page_query(wanted, after, limit, descending=descending))
    ]  # fmt: skip


def totals(connection: Connection, wanted: DifferenceFilter) -> list[DifferenceTotal]:
    """What the filter holds, by currency."""
    query = (
        select(
            _D.currency, func.count(), func.sum(_D.ledger_minor), func.sum(_D.feed_minor),
            func.sum(func.abs(_D.feed_minor - _D.ledger_minor)),
        )
        .join(cases, cases.c.case_id == _D.case_id)
        .where(*_narrowed(wanted))
        .group_by(_D.currency)
        .order_by(_D.currency)
    )  # fmt: skip
    return [DifferenceTotal(row[0], *(int(one) for one in row[1:])) for row in connection.execute(query)]


def read(connection: Connection, difference_id: str, *, lock: bool = False) -> Difference | None:
    """One difference; with ``lock`` nobody else decides on it before this transaction ends."""
    if lock:
        connection.execute(
            select(_D.difference_id).where(_D.difference_id == difference_id).with_for_update()
        ).first()  # fmt: skip
    row = connection.execute(_query().where(_D.difference_id == difference_id)).first()
    return Difference(**row._mapping) if row else None


def change(connection: Connection, one: Difference, values: Mapping[str, Any]) -> None:
    """Write what was decided, as the next version. Raises ``LookupError`` where another version is there by now."""
    done = connection.execute(
        update(ledger_differences)
        .where(_D.difference_id == one.difference_id, _D.version == one.version)
        .values(**values, version=one.version + 1)
    )
    if done.rowcount != 1:
        raise LookupError(one.difference_id)


def _narrowed(wanted: DifferenceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        found.append(_D.state == wanted.state)
    if wanted.component is not None:
        found.append(_D.component == wanted.component)
    if wanted.owner_id is not None:
        found.append(_D.owner_id.is_(None) if wanted.owner_id == NOBODY else _D.owner_id == wanted.owner_id)
    if wanted.lender_code is not None:
        found.append(cases.c.lender_code == wanted.lender_code)
    if wanted.opened_until is not None:
        found.append(_D.opened_date <= wanted.opened_until)
    return found
