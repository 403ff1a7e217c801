"""What the REST interface gives of commission and agreements: strict shapes, money as whole minor units."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ops_app.domain.ledger.agreements import AgreementState, InstalmentState, LapseReason
from ops_app.domain.ledger.commissions import LineKind
from ops_app.domain.ledger.settlements import SettlementState
from ops_app.interfaces.rest.models import Amount
from ops_app.services.ledger.agreement_reading import Agreement, AgreementsPage
from ops_app.services.ledger.commission_reading import LinesPage, ListedLine
from ops_app.services.ledger.settlements import Settlement
from ops_app.services.ledger.statements import Statement
from ops_app.services.shapes import Strict


class TotalsOut(Strict):
    """What a settlement comes to: fees, what was carried in, net of tax, tax, with tax, cash that the agency holds, to
    be paid, carried on, and to be had from the agency."""

    fees_minor: Amount
    carried_in_minor: Amount
    net_minor: Amount
    tax_minor: Amount
    gross_minor: Amount
    held_minor: Amount
    due_minor: Amount
    carried_out_minor: Amount
    receivable_minor: Amount


class SettlementOut(Strict):
    """One settlement, for the days from ``first_date`` before ``end_date``. ``totals`` are those it was locked with; a
    single one that is not locked yet has what it comes to so far."""

    settlement_id: str
    number: str
    agency_code: str
    currency: str
    first_date: date
    end_date: date
    state: SettlementState
    version: int
    computed_at: datetime
    locked_at: datetime | None
    paid_at: datetime | None
    invoice_number: str | None
    content_hash: str | None
    totals: TotalsOut | None

    @classmethod
    def of(cls, one: Settlement) -> SettlementOut:
        """The settlement as a list has it."""
        return cls(**_named(one, cls, "totals"), totals=_totals(one.totals))

    @classmethod
    def with_totals(cls, made: Statement) -> SettlementOut:
        """The settlement with what it comes to."""
        return cls(**_named(made.settlement, cls, "totals"), totals=_totals(vars(made.result)))


class SettlementsOut(Strict):
    """A page of settlements."""

    rows: list[SettlementOut]
    total: int
    page: int
    page_size: int


class CommissionLineOut(Strict):
    """One line of a settlement; ``rate_ppm`` are millionths of the cash."""

    line_id: str
    settlement_id: str
    settlement_number: str
    settlement_state: SettlementState
    line_no: int
    kind: LineKind
    source_code: str | None
    payment_id: str | None
    loan_id: str | None
    case_id: str | None
    batch_id: str | None
    value_date: date
    currency: str
    tier: str
    rate_ppm: int
    paid_to: str | None
    base_minor: Amount
    full_minor: Amount
    cut_minor: Amount
    fee_minor: Amount
    original_line_id: str | None
    reason: str | None

    @classmethod
    def of(cls, row: ListedLine) -> CommissionLineOut:
        """The line as it goes out."""
        one, number, state = row
        values = _named(one, cls, "settlement_number", "settlement_state")
        return cls(**values, settlement_number=number, settlement_state=state)


class LineSumOut(Strict):
    """What the lines that match come to in one currency."""

    currency: str
    base_minor: Amount
    fee_minor: Amount


class CommissionLinesOut(Strict):
    """A page of lines; ``sums`` are of all that match, and empty where those are more than the house counts."""

    rows: list[CommissionLineOut]
    total: int
    sums: list[LineSumOut]
    next_after: str | None

    @classmethod
    def of(cls, found: LinesPage) -> CommissionLinesOut:
        """The page as it goes out."""
        return cls(
            rows=[CommissionLineOut.of(row) for row in found.rows], total=found.total,
            sums=[LineSumOut(**_named(it, LineSumOut)) for it in found.sums], next_after=found.next_after,
        )  # fmt: skip


class InstalmentOut(Strict):
    """One instalment of an agreement."""

    nth: int
    due_date: date
    amount_minor: Amount
    paid_minor: Amount
    state: InstalmentState


class AgreementOut(Strict):
    """One agreement: what is waived once its condition is met, what the debtor pays for it, what of that came and is
    left, and the instalments."""

    agreement_id: str
    case_id: str
    source_code: str
    loan_id: str
    kind: str
    agency_code: str | None
    state: AgreementState
    is_counted: bool
    currency: str
    waived_minor: Amount
    to_pay_minor: Amount
    paid_minor: Amount
    left_minor: Amount
    missed: int
    next_due_date: date | None
    last_due_date: date | None
    requested_at: datetime
    granted_at: datetime | None
    met_date: date | None
    lapsed_date: date | None
    lapse_reason: LapseReason | None
    judged_date: date | None
    version: int
    instalments: list[InstalmentOut]

    @classmethod
    def of(cls, one: Agreement) -> AgreementOut:
        """The agreement as it goes out."""
        parts = [InstalmentOut(**_named(it, InstalmentOut)) for it in one.instalments]
        return cls(**_named(one, cls, "instalments"), instalments=parts)


class AgreementsOut(Strict):
    """A page of agreements."""

    rows: list[AgreementOut]
    total: int
    page: int
    page_size: int

    @classmethod
    def of(cls, found: AgreementsPage, page: int, page_size: int) -> AgreementsOut:
        """The page as it goes out."""
        rows = [AgreementOut.of(one) for one in found.rows]
        return cls(rows=rows, total=found.total, page=page, page_size=page_size)


def _named(one: object, shape: type[Strict], *without: str) -> dict[str, Any]:
    """What ``shape`` takes of ``one`` by its names."""
    return {name: getattr(one, name) for name in shape.model_fields if name not in without}


def _totals(said: Any) -> TotalsOut | None:
    if said is None:
        return None
    hidden = not hasattr(said, "keys")  # the whole of it is hidden from who may not see amounts
    return TotalsOut(**{name: said if hidden else said[name] for name in TotalsOut.model_fields})
