"""What the REST interface takes and gives: strict shapes, nothing unknown, money as whole minor units."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from ops_app.domain.casework.loan_day import LoanDay, LoanStatus
from ops_app.domain.hidden import HIDDEN, Hidden
from ops_app.domain.ledger.breaks import BreakKind, BreakState
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.services.ledger.reconciliation import Break

Minor = Annotated[int, Field(strict=True, ge=0, lt=10**17)]
Amount = Annotated[
    int | Literal["hidden"], BeforeValidator(lambda given: str(HIDDEN) if isinstance(given, Hidden) else given)
]
"""An amount as it goes out: whole minor units, or ``hidden`` for a caller who may not see amounts."""

Key = Annotated[str, Field(min_length=1, max_length=120)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Refuses what it does not know and converts nothing but dates, which JSON has no type for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PaymentIn(Strict):
    """One payment, reversal or refund. Amounts are whole minor units (``12345`` is 123.45 CNY)."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    payment_id: Id
    loan_id: Id
    kind: Annotated[RepaymentKind, Field(strict=False)] = RepaymentKind.PAYMENT
    reverses_payment_id: Id | None = None
    paid_at: Annotated[AwareDatetime, Field(strict=False)]
    value_date: Annotated[date, Field(strict=False)]
    posted_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    amount_minor: Annotated[int, Field(strict=True, gt=0, lt=10**17)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    channel: Code | None = None
    payer_name: Annotated[str, Field(max_length=200)] | None = None
    payer_account: Annotated[str, Field(max_length=64)] | None = None
    reference: Annotated[str, Field(max_length=500)] | None = None
    principal_minor: Minor | None = None
    interest_minor: Minor | None = None
    fees_minor: Minor | None = None
    penalty_minor: Minor | None = None

    def as_repayment(self) -> Repayment:
        """The payment as the domain knows it; raises ``Invalid`` naming the field."""
        return Repayment(**self.model_dump())


class LoanIn(Strict):
    """One loan as of a day, as the feed ``loans`` has it. Amounts are whole minor units."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    loan_id: Id
    as_of_date: Annotated[date, Field(strict=False)]
    customer_id: Id
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    outstanding_principal_minor: Minor
    outstanding_interest_minor: Minor = 0
    outstanding_fees_minor: Minor = 0
    outstanding_penalty_minor: Minor = 0
    days_past_due: Annotated[int, Field(strict=True, ge=0, le=36500)]
    status: Annotated[LoanStatus, Field(strict=False)]
    lender_code: Code | None = None
    product_code: Code | None = None
    region_code: Code | None = None

    def as_loan_day(self) -> LoanDay:
        """The loan as the domain knows it; raises ``Invalid`` naming the field."""
        return LoanDay(**self.model_dump())


class LoanOut(Strict):
    """What a pushed loan did to its case; a repetition is given the same answer."""

    source_code: str
    loan_id: str
    did: Literal["opened", "closed", "updated", "unchanged"]
    case_id: str | None


class PostingOut(Strict):
    """How a payment would be posted: whole minor units per part, and the rest that nothing is owed for."""

    case_id: str
    currency: str
    amount_minor: int
    order: str
    parts: dict[str, int]
    rest_minor: int


class PaymentOut(Strict):
    """That a payment is recorded; a repetition is given the same answer."""

    source_code: str
    payment_id: str
    state: Literal["recorded"]


class DecisionIn(Strict):
    """A decision on a break. ``version`` is what the caller read; ``counterparts`` are break id → version."""

    decision: Literal["match", "split", "reject", "park", "reopen"]
    version: Annotated[int, Field(strict=True, ge=1)]
    reason: Annotated[str, Field(max_length=500)]
    counterparts: Annotated[dict[str, Annotated[int, Field(strict=True, ge=1)]], Field(max_length=200)] = {}
    accept_difference: bool = False


class DecisionOut(Strict):
    """What a decision did: the state and version of the break now, and every break that moved with it."""

    break_id: str
    state: BreakState
    version: int
    moved: list[str]


class BreakOut(Strict):
    """One break; payers are masked, the age counts business days."""

    break_id: str
    kind: BreakKind
    state: BreakState
    source_code: str
    currency: str
    lender_minor: int | None
    bank_minor: int | None
    recorded_minor: int | None
    difference_minor: int
    loan_id: str | None
    payment_ids: list[str]
    bank_line_ids: list[str]
    reported_minor: int | None
    claimed_minor: int | None
    report_ids: list[str]
    claim_ids: list[str]
    value_date: date
    opened_date: date
    escalated_date: date | None
    age_days: int
    suggestion: dict[str, Any]
    sides: dict[str, Any]
    version: int

    @classmethod
    def of(cls, one: Break, age_days: int) -> BreakOut:
        """The break as it goes out."""
        values = {name: getattr(one, name) for name in cls.model_fields if name != "age_days"}
        values |= {name: list(values[name]) for name in ("payment_ids", "bank_line_ids", "report_ids", "claim_ids")}
        values |= {name: dict(values[name]) for name in ("suggestion", "sides")}
        return cls(**values, age_days=age_days)


class BreaksOut(Strict):
    """A page of breaks; ``as_of_date`` is the last business date that was reconciled."""

    rows: list[BreakOut]
    total: int
    page: int
    page_size: int
    as_of_date: date | None


class Me(Strict):
    """Who holds the session."""

    person_id: str
    name: str
    role: str
    agency_code: str | None
    language: str


class Health(Strict):
    """That the server answers and its store can be read."""

    status: Literal["ok"]
    now: datetime
