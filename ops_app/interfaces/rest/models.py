"""What the REST interface takes and gives: strict shapes, nothing unknown, money as whole minor units."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ops_app.domain.hidden import HIDDEN, Hidden
from ops_app.domain.ledger.breaks import BreakKind, BreakState
from ops_app.services.ledger.reconciliation import Break
from ops_app.services.shapes import Strict

Amount = Annotated[
    int | Literal["hidden"], BeforeValidator(lambda given: str(HIDDEN) if isinstance(given, Hidden) else given)
]
"""An amount as it goes out: whole minor units, or ``hidden`` for a caller who may not see amounts."""

Key = Annotated[str, Field(min_length=1, max_length=120)]


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


class MessageOut(Strict):
    """That a message was received, and where it stands; a repetition is told where it stands by now."""

    source_code: str
    message_id: str
    state: Literal["waiting", "parked", "done", "given_up"]


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
