"""Money: whole minor units with a currency; one named rounding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ops_app.domain.errors import Invalid

# ISO 4217 minor-unit digits of currencies that do not have two (currencies with three are refused at ingest).
WHOLE_UNIT_CURRENCIES = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "PYG", "UGX", "RWF", "GNF"})
THREE_DIGIT_CURRENCIES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "CLF"})
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)


def minor_digits(currency: str) -> int:
    """Digits after the decimal point of ``currency``; refuses currencies with more than two."""
    if currency in THREE_DIGIT_CURRENCIES:
        raise Invalid(
            f"{currency} has three decimals, which this installation does not take.",
            f"{currency} 有三位小数，本系统不接受。",
            field="currency",
        )
    return 0 if currency in WHOLE_UNIT_CURRENCIES else 2


@dataclass(frozen=True, order=True)
class Money:
    """``minor`` whole minor units of ``currency``; adding two currencies is an error."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("minor units are whole numbers")
        if not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid(
                f"{self.currency!r} is no currency code.", f"{self.currency!r} 不是币种代码。", field="currency"
            )

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise Invalid(
                f"{self.currency} and {other.currency} cannot be added.",
                f"{self.currency} 与 {other.currency} 不能相加。",
                field="currency",
            )

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read ``-?digits[.dd]`` in ASCII, nothing else; never rounds."""
        digits = minor_digits(currency)
        if not _AMOUNT.fullmatch(text):
            raise Invalid(f"{text!r} is no amount.", f"{text!r} 不是金额。", field="amount")
        value = Decimal(text).scaleb(digits)
        if value != value.to_integral_value():
            raise Invalid(
                f"{text} has more decimals than {currency}.", f"{text} 的小数位多于 {currency}。", field="amount"
            )
        return cls(int(value), currency)


def round_half_up(value: Decimal) -> int:
    """The one rounding of the house: to a whole minor unit, halves away from zero (domain e-9)."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
