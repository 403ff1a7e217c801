"""Shapes of what other systems send, alike by REST and by message: strict, nothing unknown, money in minor units."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ops_app.domain.casework.loan_day import LoanDay, LoanStatus
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind

Minor = Annotated[int, Field(strict=True, ge=0, lt=10**17)]
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
