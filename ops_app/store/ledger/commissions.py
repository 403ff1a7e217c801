"""Commission in the store: contracts, settlements, lines, disputes, overrides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.commission_terms import Terms, terms_of
from ops_app.domain.ledger.commissions import Earned, LineKind, Part
from ops_app.domain.ledger.settlements import DisputeState, SettlementState
from ops_app.store import stored_json
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.commissions import (
    commission_contracts,
    commission_disputes,
    commission_lines,
    commission_overrides,
    settlements,
)

_L = commission_lines.c
_APART = (LineKind.BONUS.value, LineKind.MALUS.value)


@dataclass(frozen=True)
class Contract:
    """One version of an agency's contract on commission, in force from ``valid_from`` until a later version is."""

    contract_id: str
    agency_code: str
    currency: str
    version_no: int
    valid_from: date
    terms: Terms
    terms_hash: str
    reason: str
    asked_by: str
    approved_by: str
    entered_at: datetime


@dataclass(frozen=True)
class Settlement:
    """The statement of an agency for the days from ``first_date`` before ``end_date``; what it comes to is kept once it
    is locked (``totals``)."""

    settlement_id: str
    number: str
    agency_code: str
    currency: str
    first_date: date
    end_date: date
    previous_id: str | None
    contract_id: str
    state: SettlementState
    computed_at: datetime
    made_by: str
    made_at: datetime
    totals: Mapping[str, Any] | None
    due_minor: int | None
    content_hash: str | None
    locked_by: str | None
    locked_at: datetime | None
    invoice_number: str | None
    invoice_minor: int | None
    paid_by: str | None
    paid_at: datetime | None
    version: int


@dataclass(frozen=True)
class CommissionLine:
    """One line: what it changed of a payment's cash (``base_minor``), of its fee before the cap, and of what the cap
    cuts off; ``facts`` are the inputs of its tier."""

    line_id: str
    settlement_id: str
    line_no: int
    kind: LineKind
    agency_code: str
    contract_id: str
    payment_event_id: str | None
    nth: int
    original_line_id: str | None
    source_code: str | None
    payment_id: str | None
    loan_id: str | None
    case_id: str | None
    placement_id: str | None
    batch_id: str | None
    value_date: date
    currency: str
    tier: str
    rate_ppm: int
    paid_to: str | None
    base_minor: int
    full_minor: int
    cut_minor: int
    fee_minor: int
    facts: Mapping[str, Any]
    reason: str | None
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class Dispute:
    """An agency's dispute of a line, and what it was answered."""

    dispute_id: str
    settlement_id: str
    line_id: str
    nth: int
    reason: str
    raised_by: str
    raised_by_name: str
    raised_at: datetime
    state: DisputeState
    answer: str | None
    answered_by: str | None
    answered_by_name: str | None
    answered_at: datetime | None


@dataclass(frozen=True)
class Override:
    """A second person's permission to close in spite of failed checks, until it expires."""

    override_id: str
    checks: tuple[str, ...]
    reason: str
    asked_by: str
    approved_by: str
    approved_at: datetime
    expires_at: datetime


def contracts(connection: Connection, agency_code: str | None = None) -> list[Contract]:
    """Versions (of an agency's contracts), the latest of each currency first."""
    c = commission_contracts.c
    query = select(commission_contracts).order_by(c.agency_code, c.currency, c.version_no.desc())
    if agency_code is not None:
        query = query.where(c.agency_code == agency_code)
    return [_contract(row) for row in connection.execute(query).mappings()]


def contracts_by_id(connection: Connection, contract_ids: Collection[str]) -> dict[str, Contract]:
    """Version id → the version."""
    query = select(commission_contracts).where(commission_contracts.c.contract_id.in_(sorted(contract_ids)))
    return {row["contract_id"]: _contract(row) for row in connection.execute(query).mappings()}


def in_force(known: Sequence[Contract], day: date) -> Contract | None:
    """Of the versions of one agency and currency the one that holds on ``day``: the latest that had begun."""
    begun = [one for one in known if one.valid_from <= day]
    return max(begun, key=lambda one: one.version_no, default=None)


def add_contract(connection: Connection, values: Mapping[str, Any]) -> None:
    """Put a version in force."""
    connection.execute(insert(commission_contracts).values(**values))


def settlement(connection: Connection, settlement_id: str, *, lock: bool = False) -> Settlement | None:
    """A settlement by its id; with ``lock`` nobody else changes it before this act ends."""
    query = select(settlements).where(settlements.c.settlement_id == settlement_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else settlement_of(row)


def last_settlement(connection: Connection, agency_code: str, currency: str) -> Settlement | None:
    """The latest settlement of an agency in a currency."""
    s = settlements.c
    query = (
        select(settlements)
        .where(s.agency_code == agency_code, s.currency == currency)
        .order_by(s.first_date.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else settlement_of(row)


def add_settlement(connection: Connection, values: Mapping[str, Any]) -> None:
    """Open a settlement."""
    connection.execute(insert(settlements).values(**values))


def change_settlement(connection: Connection, one: Settlement, values: Mapping[str, Any]) -> bool:
    """Change a settlement of this version; whether it still was of this version."""
    s = settlements.c
    done = connection.execute(
        update(settlements)
        .where(s.settlement_id == one.settlement_id, s.version == one.version)
        .values(**values, version=one.version + 1)
    )
    return done.rowcount == 1


def lines_of(connection: Connection, settlement_id: str) -> list[CommissionLine]:
    """The lines of a settlement in their order."""
    query = select(commission_lines).where(_L.settlement_id == settlement_id).order_by(_L.line_no)
    return [line_of(row) for row in connection.execute(query).mappings()]


def line(connection: Connection, line_id: str) -> CommissionLine | None:
    """A line by its id."""
    row = connection.execute(select(commission_lines).where(_L.line_id == line_id)).mappings().first()
    return None if row is None else line_of(row)


def lines_of_payment(connection: Connection, payment_event_id: str, agency_code: str) -> list[CommissionLine]:
    """The lines of a payment for an agency, the first first."""
    query = (
        select(commission_lines)
        .where(_L.payment_event_id == payment_event_id, _L.agency_code == agency_code)
        .order_by(_L.nth)
    )
    return [line_of(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True)
class Known:
    """What the lines of a payment say for an agency, and which line was the first."""

    earned: Earned
    placement_id: str
    contract_id: str
    first_line_id: str


def earned_of(connection: Connection, agency_code: str, case_ids: Collection[str]) -> dict[str, Known]:
    """Payment's event → what its lines for the agency say so far, of payments of these cases."""
    found: dict[str, Known] = {}
    kind, full = _L.kind, _L.full_minor

    def summed(*kinds: LineKind) -> Any:
        wanted = [one.value for one in kinds]
        return func.coalesce(func.sum(case((kind.in_(wanted), full), else_=0)), 0)

    for some in chunks(sorted(case_ids), 400):
        of = (_L.agency_code == agency_code, _L.case_id.in_(some), _L.payment_event_id.is_not(None))
        sums: dict[str, tuple[int, ...]] = {
            str(row[0]): tuple(int(one) for one in row[1:])
            for row in connection.execute(
                select(
                    _L.payment_event_id, func.sum(_L.base_minor),
                    summed(LineKind.EARNED, LineKind.CLAWBACK, LineKind.RESTORED), summed(LineKind.TIER_ADJUSTMENT),
                    func.sum(_L.cut_minor), func.max(_L.nth), summed(LineKind.CORRECTION),
                )
                .where(*of)
                .group_by(_L.payment_event_id)
            )
        }  # fmt: skip
        first = select(_L.payment_event_id, _L.placement_id, _L.contract_id, _L.line_id, _L.facts_json).where(
            *of, kind == LineKind.EARNED.value
        )
        for event_id, placement_id, contract_id, line_id, facts_json in connection.execute(first).tuples():
            earned = Earned(parts_from(stored_json.read(facts_json)), *sums[str(event_id)])
            found[str(event_id)] = Known(earned, str(placement_id), contract_id, line_id)
    return found


def apart_of(connection: Connection, settlement_id: str) -> dict[LineKind, tuple[int, int]]:
    """Kind of a line for conduct → what its lines in the settlement sum up to, and how many they are."""
    query = (
        select(_L.kind, func.sum(_L.fee_minor), func.count())
        .where(_L.settlement_id == settlement_id, _L.kind.in_(_APART))
        .group_by(_L.kind)
    )
    return {LineKind(kind): (int(fee), int(count)) for kind, fee, count in connection.execute(query).tuples()}


@dataclass(frozen=True)
class Sums:
    """What the lines of a settlement sum up to."""

    lines: int
    last_no: int
    fees_minor: int
    cash_fees_minor: int
    base_minor: int
    held_minor: int


def sums_of(connection: Connection, settlement_id: str) -> Sums:
    """The sums of a settlement's lines; ``held_minor`` is the cash that the agency collected itself."""
    held = func.sum(case((_L.paid_to == "agency", _L.base_minor), else_=0))
    cash = func.sum(case((_L.kind.in_(_APART), 0), else_=_L.fee_minor))
    row = connection.execute(
        select(func.count(), func.max(_L.line_no), func.sum(_L.fee_minor), cash, func.sum(_L.base_minor), held).where(
            _L.settlement_id == settlement_id
        )
    ).one()
    return Sums(*(int(one or 0) for one in row))


def add_lines(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter lines."""
    if rows:
        connection.execute(insert(commission_lines), [dict(row) for row in rows])


def add_dispute(connection: Connection, values: Mapping[str, Any]) -> None:
    """Enter a dispute."""
    connection.execute(insert(commission_disputes).values(**values))


def dispute(connection: Connection, dispute_id: str) -> Dispute | None:
    """A dispute by its id."""
    query = select(commission_disputes).where(commission_disputes.c.dispute_id == dispute_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else _dispute(row)


def disputes_of(connection: Connection, settlement_id: str) -> list[Dispute]:
    """The disputes of a settlement, the first first."""
    d = commission_disputes.c
    query = select(commission_disputes).where(d.settlement_id == settlement_id).order_by(d.raised_at, d.dispute_id)
    return [_dispute(row) for row in connection.execute(query).mappings()]


def answer_dispute(connection: Connection, dispute_id: str, values: Mapping[str, Any]) -> bool:
    """Answer a dispute that is open; whether it was."""
    d = commission_disputes.c
    done = connection.execute(
        update(commission_disputes).where(d.dispute_id == dispute_id, d.state == "open").values(**values)
    )
    return done.rowcount == 1


def add_override(connection: Connection, values: Mapping[str, Any]) -> None:
    """Enter a permission to close in spite of failed checks."""
    connection.execute(insert(commission_overrides).values(**values))


def overrides_of(connection: Connection, settlement_id: str) -> list[Override]:
    """The permissions given for a settlement, the latest first."""
    o = commission_overrides.c
    query = select(commission_overrides).where(o.settlement_id == settlement_id).order_by(o.approved_at.desc())
    return [
        Override(row["override_id"], tuple(stored_json.read(row["checks_json"])), row["reason"], row["asked_by"],
                 row["approved_by"], row["approved_at"], row["expires_at"])
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def parts_from(facts: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts that the facts of a line keep."""
    return tuple(Part(tier, Decimal(rate), int(minor)) for tier, rate, minor in facts.get("parts", ()))


def line_of(row: Any) -> CommissionLine:
    """A row of ``commission_lines`` as the line it is."""
    values = {name: row[name] for name in CommissionLine.__dataclass_fields__ if name not in ("kind", "facts")}
    return CommissionLine(kind=LineKind(row["kind"]), facts=stored_json.read(row["facts_json"]), **values)


def settlement_of(row: Any) -> Settlement:
    """A row of ``settlements`` as the settlement it is."""
    values = {name: row[name] for name in Settlement.__dataclass_fields__ if name not in ("state", "totals")}
    return Settlement(state=SettlementState(row["state"]), totals=stored_json.read(row["totals_json"]), **values)


def _contract(row: Any) -> Contract:
    values = {name: row[name] for name in Contract.__dataclass_fields__ if name != "terms"}
    return Contract(terms=terms_of(stored_json.read(row["terms_json"])), **values)


def _dispute(row: Any) -> Dispute:
    values = {name: row[name] for name in Dispute.__dataclass_fields__ if name != "state"}
    return Dispute(state=DisputeState(row["state"]), **values)
