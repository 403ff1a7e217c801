"""The rules of reconciliation as data: windows, tolerances, which sources share a bank account, what is no payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tolerance:
    """How far the bank's amount may be from the lender's in one channel (a fee kept by the channel).

    The larger of ``minor`` whole minor units and ``per_mille`` thousandths of the lender's amount.
    """

    minor: int = 0
    per_mille: int = 0


@dataclass(frozen=True)
class Outside:
    """A bank line that is no repayment: its text (reference or counterparty) matches ``pattern`` (RE2)."""

    code: str
    pattern: str


@dataclass(frozen=True)
class Orders:
    """Standing orders of a source whose bank lines are of its customers' own accounts: orders of ``kind`` pay a loan on
    ``day`` of the month, and the bank shows it with ``reference`` in ``direction``."""

    kind: str
    reference: str
    day: int
    direction: str = "out"

    def __post_init__(self) -> None:
        if not 1 <= self.day <= 31 or self.direction not in ("in", "out"):
            raise ValueError("a standing order has a day of the month and a direction")


@dataclass(frozen=True)
class Rules:
    """One version of the rules.

    A bank line may carry a value date from ``bank_early_days`` before to ``bank_late_days`` after the payment's. The
    statement of a day is expected to hold the payments made up to ``bank_lag_days`` before it. A batch line may gather
    up to ``batch_span_days`` consecutive days of a channel (weekends and holidays). Two items that agree in all but the
    date are held together up to ``apart_days``. A payment booked more than ``backdate_days`` after its value date is
    out of period. Suggestions look ``suggest_days`` around. Items of one reference that do not add up are held together
    up to ``group_items``. What an agency reports or a collector claims may lie ``told_days`` to either side of its
    payment; it waits ``arrival_days`` for the lender and, where the agency keeps the cash, ``remit_days`` for the
    remittance; an agency has ``report_lag_days`` to report; what is told again within ``twice_days`` is told twice.
    ``books`` names the sources that share one bank account (source code → book); a source that is not named is its own
    book. Where ``reversal_needs_bank_line`` is off, a lender reverses in its books only. ``orders`` names the sources
    whose standing orders are held against their bank lines (source code → which orders and lines).
    """

    bank_early_days: int = 2
    bank_late_days: int = 10
    batch_span_days: int = 10
    apart_days: int = 92
    backdate_days: int = 30
    suggest_days: int = 15
    bank_lag_days: int = 0
    group_items: int = 12
    told_days: int = 3
    arrival_days: int = 1
    remit_days: int = 5
    report_lag_days: int = 1
    twice_days: int = 3
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    outside: tuple[Outside, ...] = ()
    books: Mapping[str, str] = field(default_factory=dict)
    reversal_needs_bank_line: bool = True
    orders: Mapping[str, Orders] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (
            "bank_early_days", "bank_late_days", "apart_days", "backdate_days", "suggest_days", "told_days",
            "arrival_days", "remit_days", "report_lag_days", "twice_days",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) <= 366:
                raise ValueError(f"{name} lies between 0 and 366 days")
        if not 1 <= self.batch_span_days <= 31:
            raise ValueError("batch_span_days lies between 1 and 31")

    @property
    def offsets(self) -> tuple[int, ...]:
        """Days from the payment to the bank line that may still match, nearest first, later before earlier."""
        return tuple(sorted(range(-self.bank_early_days, self.bank_late_days + 1), key=lambda d: (abs(d), d < 0)))

    @classmethod
    def from_mapping(cls, stated: Mapping[str, Any]) -> Rules:
        """Rules from a parsed YAML document; raises ``TypeError`` for a name that is no rule."""
        values = dict(stated)
        tolerances = {code: Tolerance(**kept) for code, kept in (values.pop("tolerances", None) or {}).items()}
        outside = tuple(Outside(**kept) for kept in values.pop("outside", None) or ())
        orders = {source: Orders(**kept) for source, kept in (values.pop("orders", None) or {}).items()}
        books = values.pop("books", None) or {}
        return cls(tolerances=tolerances, outside=outside, books=books, orders=orders, **values)
