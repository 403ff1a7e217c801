"""Shapes of what other systems send, alike by REST and by message: strict, nothing unknown, money in minor units."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

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


class BalanceIn(Strict):
    """What is owed on a loan as of a day, for a loan whose other facts came before."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    loan_id: Id
    as_of_date: Annotated[date, Field(strict=False)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    outstanding_principal_minor: Minor
    outstanding_interest_minor: Minor
    outstanding_fees_minor: Minor
    outstanding_penalty_minor: Minor
    days_past_due: Annotated[int, Field(strict=True, ge=0, le=36500)]


class InstalmentIn(Strict):
    """One instalment of a schedule, as the feed ``instalments`` has it."""

    instalment_no: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    due_date: Annotated[date, Field(strict=False)]
    status: Literal["open", "partly_paid", "paid", "overdue", "waived", "cancelled"]
    principal_minor: Minor = 0
    interest_minor: Minor = 0
    fees_minor: Minor = 0
    penalty_minor: Minor = 0
    paid_principal_minor: Minor = 0
    paid_interest_minor: Minor = 0
    paid_fees_minor: Minor = 0
    paid_penalty_minor: Minor = 0


class InstalmentsIn(Strict):
    """Instalments of one loan as of a day; those that are not named stay as they are known."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    loan_id: Id
    as_of_date: Annotated[date, Field(strict=False)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    instalments: Annotated[list[InstalmentIn], Field(min_length=1, max_length=600)]


class CustomerIn(Strict):
    """What is known of a customer as of a day, as the feed ``customers`` has it."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    customer_id: Id
    as_of_date: Annotated[date, Field(strict=False)]
    name: Annotated[str, Field(max_length=200)] | None = None
    national_id: Annotated[str, Field(max_length=64)] | None = None
    address: Annotated[str, Field(max_length=500)] | None = None
    employer: Annotated[str, Field(max_length=200)] | None = None
    language: Annotated[str, Field(max_length=32)] | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None


class ContactIn(Strict):
    """One contact point, as the feed ``contacts`` has it."""

    contact_id: Id
    kind: Annotated[str, Field(min_length=1, max_length=32)]
    value: Annotated[str, Field(min_length=1, max_length=200)]
    relation: Annotated[str, Field(max_length=32)] | None = None
    valid: bool | None = None


class ContactsIn(Strict):
    """Every contact point of a customer as of a day."""

    source_code: Annotated[str, Field(min_length=1, max_length=32)]
    customer_id: Id
    as_of_date: Annotated[date, Field(strict=False)]
    contacts: Annotated[list[ContactIn], Field(max_length=200)]


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
