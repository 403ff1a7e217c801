"""Cases in the store: one by its id, some by what they have in common, each query bound to a scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select, union
from sqlalchemy.engine import Connection

from ops_app.domain.casework import flags as f
from ops_app.domain.casework.cases import CaseState, CloseReason, Custody, Position
from ops_app.domain.casework.flags import Deed, Flag, Reason
from ops_app.domain.casework.scope import Scope
from ops_app.store.casework.case_scope import within
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import case_events, cases, debtors
from ops_app.store.tables.organisation import people

_MASKED = (debtors.c.name_masked, debtors.c.phone_masked, debtors.c.national_id_masked, debtors.c.person_hash)

_BY_BYTES: ColumnElement[Any] = literal_column("cases.loan_id using ~<~")

_ENUMS: Mapping[str, type[Any]] = {
    "state": CaseState,
    "state_before": CaseState,
    "custody": Custody,
    "close_reason": CloseReason,
}


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


def shown() -> Select[Any]:
    """Cases as they are shown: with the masks of the debtor and the name of the collector."""
    return (
        select(cases, *_MASKED, people.c.display_name.label("collector_name"))
        .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
        .outerjoin(people, people.c.person_id == cases.c.collector_id)
    )


def stored(row: Any) -> Case:
    """A row of the table ``cases`` (or of ``shown``) as a case; so is what its columns are called with their values."""
    values: dict[str, Any] = row if isinstance(row, dict) else dict(row._mapping)
    for name, enum in _ENUMS.items():
        if values[name] is not None:
            values[name] = enum(values[name])
    values["flags"] = f.read(values["flags"])
    return Case(**values)


def read(connection: Connection, case_id: str, scope: Scope, now: datetime) -> Case | None:
    """The case, if it is within ``scope``."""
    row = connection.execute(shown().where(cases.c.case_id == case_id, *within(scope, now))).first()
    return stored(row) if row else None


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
        found.update((row.case_id, stored(row)) for row in rows)
    return found


def read_many(connection: Connection, ids: Sequence[str], scope: Scope, now: datetime) -> dict[str, Case]:
    """Id → case, for those within ``scope``."""
    found: dict[str, Case] = {}
    for some in chunks(sorted(set(ids))):
        rows = connection.execute(shown().where(cases.c.case_id.in_(some), *within(scope, now)))
        found.update((row.case_id, stored(row)) for row in rows)
    return found


Mark = tuple[int, int]
"""The version of a case and the number of its last event."""

_NTH = select(func.max(case_events.c.nth)).where(case_events.c.case_id == cases.c.case_id).scalar_subquery()
_MARKS = select(cases.c.case_id, cases.c.version, func.coalesce(_NTH, 0)).where(
    cases.c.case_id.in_(bindparam("ids", expanding=True))
)


def marks(connection: Connection, ids: Collection[str]) -> dict[str, Mark]:
    """Case → what changes with whatever happens to it, for those that there are."""
    found: dict[str, Mark] = {}
    for some in chunks(sorted(ids)):
        rows: Any = connection.execute(_MARKS, {"ids": some})
        found.update((case_id, (version, nth)) for case_id, version, nth in rows)
    return found


def agencies_of(connection: Connection, ids: Collection[str]) -> list[str]:
    """The agencies that have these cases, in order."""
    found: set[str] = set()
    for some in chunks(sorted(ids)):
        rows = connection.execute(
            select(cases.c.agency_code).where(cases.c.case_id.in_(some), cases.c.agency_code.is_not(None)).distinct()
        )
        found.update(rows.scalars())
    return sorted(found)


def ids_of_collector(connection: Connection, collector_id: str, *, limit: int) -> list[str]:
    """The cases that are assigned to a person, by id."""
    query = select(cases.c.case_id).where(cases.c.collector_id == collector_id).order_by(cases.c.case_id).limit(limit)
    return list(connection.execute(query).scalars())


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
    conditions, order = with_loan(connection, beginning)
    rows = connection.execute(shown().where(*within(scope, now), *conditions).order_by(order).limit(limit))
    return sorted(map(stored, rows), key=lambda one: (one.loan_id, one.spell_no))


def with_loan(connection: Connection, beginning: str) -> tuple[list[ColumnElement[bool]], ColumnElement[Any]]:
    """The conditions on cases whose loan number begins so, and the order of the index that serves them."""
    loan, end = cases.c.loan_id, _behind(beginning)
    if connection.dialect.name == "postgresql":  # by bytes, whatever the collation of the database
        return [loan.op("~>=~")(beginning), loan.op("~<~")(end)], _BY_BYTES
    return [loan >= beginning, loan < end], loan


def of_id(connection: Connection, beginning: str, scope: Scope, now: datetime, *, limit: int) -> list[Case]:
    """Cases whose id begins so, as a search finds them."""
    conditions = [cases.c.case_id >= beginning, cases.c.case_id < beginning + "g"]  # an id is hexadecimal
    rows = connection.execute(shown().where(*conditions, *within(scope, now)).order_by(cases.c.case_id).limit(limit))
    return [stored(row) for row in rows]


def _some(
    connection: Connection, condition: ColumnElement[bool], scope: Scope, now: datetime, limit: int
) -> list[Case]:
    # found first and sorted after: a planner that follows the order of the answer reads the cases of everybody
    found = select(cases.c.case_id).where(condition).cte("found").prefix_with("MATERIALIZED")
    rows = connection.execute(
        shown()
        .where(cases.c.case_id.in_(select(found.c.case_id)), *within(scope, now))
        .order_by(cases.c.days_past_due.desc(), cases.c.case_id)
        .limit(limit)
    )
    return [stored(row) for row in rows]


def _behind(beginning: str) -> str:
    """The first text, by bytes, that is behind all those with this beginning."""
    last = ord(beginning[-1]) + 1
    if 0xD800 <= last <= 0xDFFF:  # half characters are no text
        last = 0xE000
    return beginning[:-1] + chr(min(last, 0x10FFFF))
