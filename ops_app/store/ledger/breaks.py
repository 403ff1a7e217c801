"""Breaks and decisions in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.breaks import DECIDED, UNSETTLED, BreakKind, BreakMove, BreakState
from ops_app.store import stored_json
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.ledger import break_decisions, breaks
from ops_app.store.tables.organisation import people

SORTABLE = ("opened_date", "value_date", "difference_minor", "kind", "state", "last_seen_date")


@dataclass(frozen=True)
class Break:
    """One break as it stands. Amounts are signed whole minor units of ``currency``, null where a side is missing."""

    break_id: str
    kind: BreakKind
    source_code: str
    currency: str
    lender_minor: int | None
    bank_minor: int | None
    recorded_minor: int | None
    difference_minor: int
    loan_id: str | None
    payment_ids: tuple[str, ...]
    bank_line_ids: tuple[str, ...]
    value_date: date
    opened_date: date
    last_seen_date: date
    suggestion: Mapping[str, Any]
    sides: Mapping[str, Any]
    state: BreakState
    owner_id: str | None
    version: int
    reported_minor: int | None = None
    claimed_minor: int | None = None
    report_ids: tuple[str, ...] = ()
    claim_ids: tuple[str, ...] = ()
    escalated_date: date | None = None

    @property
    def shares_a_line(self) -> bool:
        """Whether its money lies within a bank line that is matched with other payments."""
        return self.bank_minor is not None and not self.bank_line_ids


@dataclass(frozen=True)
class Decision:
    """What somebody decided on a break, when and why."""

    decision_id: str
    break_id: str
    decision: BreakMove
    detail: Mapping[str, Any]
    reason: str
    decided_by: str
    decided_by_name: str
    decided_at: datetime
    nth: int


@dataclass(frozen=True)
class BreakFilter:
    """What a list is narrowed by; empty means not at all. ``text`` is looked for in loan, payments and bank lines.

    ``oldest_opened``/``newest_opened`` bound the day of opening (ages are counted by the service).
    """

    kinds: frozenset[BreakKind] = frozenset()
    states: frozenset[BreakState] = UNSETTLED
    source_code: str | None = None
    currency: str | None = None
    owner_id: str | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    opened_until: date | None = None
    escalated: bool = False
    text: str | None = None


def as_of(connection: Connection) -> date | None:
    """The last business date up to which breaks were looked for."""
    found: date | None = connection.execute(select(func.max(breaks.c.last_seen_date))).scalar()
    return found


def read(connection: Connection, break_id: str, *, lock: bool = False) -> Break | None:
    """The break; with ``lock`` nobody else changes it before this transaction ends."""
    query = select(breaks).where(breaks.c.break_id == break_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _break(row) if row else None


def read_many(connection: Connection, ids: Sequence[str]) -> dict[str, Break]:
    """Id → break, for those that exist."""
    found: dict[str, Break] = {}
    for some in chunks(ids):
        found.update(
            (row.break_id, _break(row)) for row in connection.execute(select(breaks).where(breaks.c.break_id.in_(some)))
        )
    return found


def naming(connection: Connection, source_code: str, loan_id: str, payment_id: str) -> list[Break]:
    """Breaks about a payment of a loan, the newest first."""
    query = select(breaks).where(breaks.c.source_code == source_code, breaks.c.loan_id == loan_id)
    found = map(_break, connection.execute(query.order_by(breaks.c.opened_date.desc(), breaks.c.break_id)))
    return [one for one in found if payment_id in one.payment_ids]


def unsettled(connection: Connection) -> dict[str, Break]:
    """Every open or parked break."""
    rows = connection.execute(select(breaks).where(breaks.c.state.in_([state.value for state in UNSETTLED])))
    return {row.break_id: _break(row) for row in rows}


def page(
    connection: Connection, wanted: BreakFilter, *, sort: str, descending: bool, offset: int, limit: int
) -> list[Break]:
    """One page of matching breaks; equal sort values by id."""
    column = breaks.c[sort]
    order = (column.desc() if descending else column.asc(), breaks.c.break_id.asc())
    query = select(breaks).where(*_conditions(wanted)).order_by(*order).offset(offset).limit(limit)
    return [_break(row) for row in connection.execute(query)]


def totals(connection: Connection, wanted: BreakFilter) -> dict[str, tuple[int, int]]:
    """Currency → how many breaks match, and the sum of their differences."""
    rows: Any = connection.execute(
        select(breaks.c.currency, func.count(), func.coalesce(func.sum(breaks.c.difference_minor), 0))
        .where(*_conditions(wanted))
        .group_by(breaks.c.currency)
        .order_by(breaks.c.currency)
    )
    return {currency: (int(count), int(total)) for currency, count, total in rows}


def counts(connection: Connection) -> dict[tuple[BreakKind, BreakState], int]:
    """How many breaks there are of each kind and state."""
    rows: Any = connection.execute(
        select(breaks.c.kind, breaks.c.state, func.count()).group_by(breaks.c.kind, breaks.c.state)
    )
    return {(BreakKind(kind), BreakState(state)): int(number) for kind, state, number in rows}


def aged(connection: Connection, edges: Sequence[date]) -> list[tuple[BreakKind, int, str, int, int, int]]:
    """Unsettled breaks by kind, band of age and currency: how many, the sum of their absolute differences, and how many
    of them are escalated. ``edges`` are days from late to early; band n holds what was opened after ``edges[n]`` and
    not after ``edges[n - 1]``, the last band what was opened on its edge or before."""
    band = case(*((breaks.c.opened_date > edge, number) for number, edge in enumerate(edges)), else_=len(edges))
    rows: Any = connection.execute(
        select(
            breaks.c.kind, band.label("band"), breaks.c.currency, func.count(),
            func.sum(func.abs(breaks.c.difference_minor)), func.count(breaks.c.escalated_date),
        )
        .where(breaks.c.state.in_([state.value for state in UNSETTLED]))
        .group_by(breaks.c.kind, band, breaks.c.currency)
    )  # fmt: skip
    return sorted(
        (BreakKind(kind), int(band), currency, int(count), int(total), int(late))
        for kind, band, currency, count, total, late in rows
    )


def escalate(connection: Connection, opened_until: date, on: date) -> list[str]:
    """Unsettled breaks that were opened by ``opened_until`` and are not escalated yet are so from ``on``; their ids."""
    late = (
        breaks.c.state.in_([state.value for state in UNSETTLED]),
        breaks.c.opened_date <= opened_until,
        breaks.c.escalated_date.is_(None),
    )
    ids: list[str] = list(
        connection.execute(select(breaks.c.break_id).where(*late).order_by(breaks.c.break_id)).scalars()
    )
    if ids:
        connection.execute(update(breaks).where(*late).values(escalated_date=on))
    return ids


def add_many(connection: Connection, rows: Sequence[Break]) -> None:
    """Enter new breaks."""
    if rows:
        connection.execute(insert(breaks), [_stored(one) for one in rows])


def rewrite(connection: Connection, rows: Sequence[Break]) -> None:
    """Write breaks back as they now are."""
    for one in rows:
        stored = _stored(one)
        connection.execute(update(breaks).where(breaks.c.break_id == stored.pop("break_id")).values(stored))


def note_seen(connection: Connection, business_date: date) -> int:
    """Everything that is still broken was seen on ``business_date``; how many rows that changes."""
    still = [state.value for state in UNSETTLED | {BreakState.REJECTED}]
    done = connection.execute(
        update(breaks)
        .where(breaks.c.state.in_(still), breaks.c.last_seen_date < business_date)
        .values(last_seen_date=business_date)
    )
    return int(done.rowcount)


def history(connection: Connection, break_id: str) -> list[Decision]:
    """The decisions on a break, first to last."""
    rows = connection.execute(
        select(break_decisions, people.c.display_name)
        .outerjoin(people, people.c.person_id == break_decisions.c.decided_by)
        .where(break_decisions.c.break_id == break_id)
        .order_by(break_decisions.c.nth)
    )
    return [_decision(row) for row in rows]


def standing(connection: Connection) -> list[tuple[Break, Decision]]:
    """Every decided break with the decision that stands."""
    last = (
        select(break_decisions.c.break_id, func.max(break_decisions.c.nth).label("nth"))
        .group_by(break_decisions.c.break_id)
        .subquery()
    )
    rows = connection.execute(
        select(break_decisions, people.c.display_name)
        .join(last, (last.c.break_id == break_decisions.c.break_id) & (last.c.nth == break_decisions.c.nth))
        .join(breaks, breaks.c.break_id == break_decisions.c.break_id)
        .outerjoin(people, people.c.person_id == break_decisions.c.decided_by)
        .where(breaks.c.state.in_([state.value for state in DECIDED]))
        .order_by(break_decisions.c.break_id)
    )
    decisions = [_decision(row) for row in rows]
    known = read_many(connection, [one.break_id for one in decisions])
    return [(known[one.break_id], one) for one in decisions]


def add_decision(connection: Connection, decision: Decision, key: str) -> None:
    """Enter a decision under its own ``key``."""
    connection.execute(
        insert(break_decisions).values(
            decision_id=decision.decision_id,
            break_id=decision.break_id,
            decision=decision.decision.value,
            detail_json=stored_json.write(decision.detail),
            reason=decision.reason,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
            key=key,
            nth=decision.nth,
        )
    )


def _conditions(wanted: BreakFilter) -> list[ColumnElement[bool]]:
    c = breaks.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.kinds:
        conditions.append(c.kind.in_(sorted(kind.value for kind in wanted.kinds)))
    if wanted.states:
        conditions.append(c.state.in_(sorted(state.value for state in wanted.states)))
    conditions += [
        c[name] == value
        for name in ("source_code", "currency", "owner_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.least_minor is not None:
        conditions.append(func.abs(c.difference_minor) >= wanted.least_minor)
    if wanted.most_minor is not None:
        conditions.append(func.abs(c.difference_minor) <= wanted.most_minor)
    if wanted.opened_until is not None:
        conditions.append(c.opened_date <= wanted.opened_until)
    if wanted.escalated:
        conditions.append(c.escalated_date.is_not(None))
    if wanted.text:
        conditions.append(
            or_(
                *(
                    c[name].contains(wanted.text, autoescape=True)
                    for name in ("loan_id", "payment_ids", "bank_line_ids", "report_ids", "claim_ids")
                )
            )
        )
    return conditions


def _stored(one: Break) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in Break.__dataclass_fields__ if name not in ("suggestion", "sides")}
    return plain | {
        "kind": one.kind.value,
        "state": one.state.value,
        "payment_ids": stored_json.write(list(one.payment_ids)),
        "bank_line_ids": stored_json.write(list(one.bank_line_ids)),
        "report_ids": stored_json.write(list(one.report_ids)),
        "claim_ids": stored_json.write(list(one.claim_ids)),
        "suggestion_json": stored_json.write(one.suggestion),
        "sides_json": stored_json.write(one.sides),
    }


def _break(row: Any) -> Break:
    return Break(
        break_id=row.break_id,
        kind=BreakKind(row.kind),
        source_code=row.source_code,
        currency=row.currency,
        lender_minor=row.lender_minor,
        bank_minor=row.bank_minor,
        recorded_minor=row.recorded_minor,
        difference_minor=row.difference_minor,
        loan_id=row.loan_id,
        payment_ids=tuple(stored_json.read(row.payment_ids)),
        bank_line_ids=tuple(stored_json.read(row.bank_line_ids)),
        value_date=row.value_date,
        opened_date=row.opened_date,
        last_seen_date=row.last_seen_date,
        suggestion=stored_json.read(row.suggestion_json),
        sides=stored_json.read(row.sides_json),
        state=BreakState(row.state),
        owner_id=row.owner_id,
        version=row.version,
        reported_minor=row.reported_minor,
        claimed_minor=row.claimed_minor,
        report_ids=tuple(stored_json.read(row.report_ids)),
        claim_ids=tuple(stored_json.read(row.claim_ids)),
        escalated_date=row.escalated_date,
    )


def _decision(row: Any) -> Decision:
    return Decision(
        decision_id=row.decision_id,
        break_id=row.break_id,
        decision=BreakMove(row.decision),
        detail=stored_json.read(row.detail_json),
        reason=row.reason,
        decided_by=row.decided_by,
        decided_by_name=row.display_name or row.decided_by,
        decided_at=row.decided_at,
        nth=row.nth,
    )


def count_unsettled_of(connection: Connection, person_id: str) -> int:
    """How many breaks that still wait for somebody belong to a person."""
    found: int = connection.execute(
        select(func.count()).where(
            breaks.c.owner_id == person_id, breaks.c.state.in_([state.value for state in UNSETTLED])
        )
    ).scalar_one()
    return found
