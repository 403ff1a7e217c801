"""Loans that a full feed did not have, and what people did about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.missing import MissingAct, MissingState, state_of
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, intake_findings
from ops_app.store.tables.limitation import intake_finding_acts

Key = tuple[str, str, date]
"""Source, loan and first day of a finding."""

SORTS = ("first_missed_date", "last_missed_date", "loan_id")


@dataclass(frozen=True)
class MissingLoan:
    """One loan that its source's full feed did not have from ``first_missed_date`` to ``last_missed_date``;
    ``acts`` counts what was done about it, ``reason`` and ``made_by_name`` are of the last."""

    source_code: str
    loan_id: str
    first_missed_date: date
    last_missed_date: date
    cleared_date: date | None
    case_id: str
    balance_minor: int | None
    currency: str | None
    days_past_due: int | None
    acts: int
    what: str | None
    until_date: date | None
    reason: str | None
    made_by_name: str | None

    @property
    def key(self) -> Key:
        return (self.source_code, self.loan_id, self.first_missed_date)

    def state(self, today: date) -> MissingState:
        """Where it stands today."""
        return state_of(self.what, self.until_date, self.cleared_date, today)


_f, _a = intake_findings.c, intake_finding_acts.c
_OF_FINDING = and_(
    _a.source_code == _f.source_code, _a.loan_id == _f.loan_id, _a.first_missed_date == _f.first_missed_date
)
_LAST = select(func.max(_a.nth)).where(_OF_FINDING).correlate(intake_findings).scalar_subquery()


def _query() -> Select[Any]:
    return (
        select(
            *intake_findings.c, cases.c.balance_minor, cases.c.currency, cases.c.days_past_due,
            func.coalesce(_a.nth, 0).label("acts"), _a.what, _a.until_date, _a.reason, _a.made_by_name,
        )
        .outerjoin(cases, cases.c.case_id == _f.case_id)
        .outerjoin(intake_finding_acts, and_(_OF_FINDING, _a.nth == _LAST))
    )  # fmt: skip


def _is(state: MissingState, today: date) -> ColumnElement[bool]:
    """As ``state_of`` says, in SQL."""
    parked = and_(_a.what == MissingAct.PARK.value, _a.until_date > today)
    explained = _a.what == MissingAct.EXPLAIN.value
    return {
        MissingState.RETURNED: _f.cleared_date.is_not(None),
        MissingState.EXPLAINED: and_(_f.cleared_date.is_(None), explained),
        MissingState.PARKED: and_(_f.cleared_date.is_(None), parked),
        MissingState.OPEN: and_(
            _f.cleared_date.is_(None),
            or_(_a.what.is_(None), _a.what == MissingAct.REOPEN.value,
                and_(_a.what == MissingAct.PARK.value, _a.until_date <= today)),
        ),
    }[state]  # fmt: skip


def page(
    connection: Connection, today: date, *, states: Sequence[MissingState], text: str | None, sort: str,
    descending: bool, offset: int, limit: int,
) -> tuple[list[MissingLoan], int]:  # fmt: skip
    """A window of the findings in ``states`` whose loan begins with ``text``, and how many there are."""
    query = _query().where(or_(*(_is(state, today) for state in states)))
    if text:
        query = query.where(_f.loan_id.startswith(text, autoescape=True))
    total = int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    column = _f[sort]
    order = (column.desc() if descending else column, _f.source_code, _f.loan_id, _f.first_missed_date)
    rows = connection.execute(query.order_by(*order).offset(offset).limit(limit))
    return [_loan(row) for row in rows], total


def read(connection: Connection, keys: Sequence[Key], *, lock: bool = False) -> dict[Key, MissingLoan]:
    """The findings as they stand; with ``lock`` nobody else deals with them before this transaction ends."""
    found: dict[Key, MissingLoan] = {}
    for some in chunks(sorted(set(keys)), 200):
        chosen = tuple_(_f.source_code, _f.loan_id, _f.first_missed_date).in_(list(some))
        if lock:
            connection.execute(select(intake_findings).where(chosen).with_for_update()).all()
        found.update((one.key, one) for one in map(_loan, connection.execute(_query().where(chosen))))
    return found


def add_act(connection: Connection, one: MissingLoan, what: MissingAct, **said: Any) -> None:
    """Append what was done about a finding."""
    source, loan, first = one.key
    connection.execute(
        insert(intake_finding_acts).values(
            source_code=source, loan_id=loan, first_missed_date=first, nth=one.acts + 1, what=what.value, **said
        )
    )


@dataclass(frozen=True)
class DoneAbout:
    """One act about a finding."""

    nth: int
    what: MissingAct
    reason: str
    until_date: date | None
    made_by_name: str
    made_at: datetime


def acts(connection: Connection, key: Key) -> list[DoneAbout]:
    """What was done about a finding, in order."""
    source, loan, first = key
    query = (
        select(_a.nth, _a.what, _a.reason, _a.until_date, _a.made_by_name, _a.made_at)
        .where(_a.source_code == source, _a.loan_id == loan, _a.first_missed_date == first)
        .order_by(_a.nth)
    )
    return [DoneAbout(**dict(row._mapping) | {"what": MissingAct(row.what)}) for row in connection.execute(query)]


def _loan(row: Any) -> MissingLoan:
    return MissingLoan(**row._mapping)
