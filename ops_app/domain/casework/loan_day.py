"""One loan on one day as its lender states it, when it is pushed by itself and not in a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.money import minor_digits

PUSHED = "pushed"
"""The mark of a day of which single loans were pushed, before that of its file if that came too. The file counts for
every loan it has; a loan that it lacks stays as it was pushed."""


def as_pushed(mark: str | None) -> str:
    """The mark of a day that has ``mark`` so far (none where nothing came), once a loan of it was pushed."""
    return PUSHED if mark is None else mark if was_pushed(mark) else f"{PUSHED}/{mark}"


def was_pushed(mark: str) -> bool:
    """Whether single loans of the day were pushed."""
    return mark == PUSHED or mark.startswith(f"{PUSHED}/")


def file_mark(mark: str | None) -> str | None:
    """The mark of the day's file; None where it did not come."""
    return None if mark is None or mark == PUSHED else mark.removeprefix(f"{PUSHED}/")


class LoanStatus(StrEnum):
    """How a loan stands in its lender's books, as in the feed ``loans``."""

    ACTIVE = "active"
    OVERDUE = "overdue"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    SOLD = "sold"
    CANCELLED = "cancelled"


class OlderThanKnown(Conflict):
    """The case is known as of a later day than what was pushed."""

    def __init__(self, known: date) -> None:
        super().__init__(
            f"The case is known as of {known}; older data comes in by file.",
            f"案件数据已截至 {known}，更早的数据请以文件报送。",
            field="as_of_date",
        )


@dataclass(frozen=True)
class LoanDay:
    """A loan as of a day. Amounts are whole minor units of ``currency``, not negative. Raises ``Invalid`` naming the
    field."""

    source_code: str
    loan_id: str
    as_of_date: date
    customer_id: str
    currency: str
    outstanding_principal_minor: int
    days_past_due: int
    status: LoanStatus
    outstanding_interest_minor: int = 0
    outstanding_fees_minor: int = 0
    outstanding_penalty_minor: int = 0
    lender_code: str | None = None
    product_code: str | None = None
    region_code: str | None = None

    def __post_init__(self) -> None:
        for name, most in (("source_code", 32), ("loan_id", 200), ("customer_id", 200)):
            text = getattr(self, name)
            if not text.strip() or text != text.strip() or len(text) > most or not text.isprintable():
                raise Invalid(f"Fill in 1 to {most} characters.", f"请填写 1 至 {most} 个字符。", field=name)
        for name in ("lender_code", "product_code", "region_code"):
            text = getattr(self, name)
            if text is not None and (not text.strip() or len(text) > 64 or not text.isprintable()):
                raise Invalid("A code has 1 to 64 characters.", "代码为 1 至 64 个字符。", field=name)
        for part in ("principal", "interest", "fees", "penalty"):
            if not 0 <= getattr(self, f"outstanding_{part}_minor") < 10**17:
                raise Invalid("An amount is not negative.", "金额不能为负。", field=f"outstanding_{part}_minor")
        if not 0 <= self.days_past_due <= 36500:
            raise Invalid("Days past due are 0 to 36500.", "逾期天数为 0 至 36500。", field="days_past_due")
        if not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid(
                f"{self.currency!r} is no currency code.", f"{self.currency!r} 不是币种代码。", field="currency"
            )
        minor_digits(self.currency)
