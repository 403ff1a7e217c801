"""What a parameter's value may be: its kind, its bounds, how it is read from what is stored or typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal
from enum import StrEnum

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_ranges import Range, check_ranges, read_ranges, typed_ranges, wrong


class ParameterKind(StrEnum):
    """What kind of value a parameter has."""

    WHOLE = "whole"
    DAYS = "days"
    MONEY = "money"
    DECIMAL = "decimal"
    SHARE = "share"
    TIME = "time"
    CODE = "code"
    CODES = "codes"
    RANGES = "ranges"


Value = int | Money | Decimal | time | str | tuple[str, ...] | tuple[Range, ...]
"""A value in the type of its kind: whole and days are ``int``, money is ``Money``, decimal and share are ``Decimal``,
time is a ``time`` of the day, code is ``str``, codes and ranges are tuples."""

NUMBERS = frozenset({ParameterKind.WHOLE, ParameterKind.DAYS})
DECIMALS = frozenset({ParameterKind.DECIMAL, ParameterKind.SHARE})
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3])[::][0-5][0-9]")


@dataclass(frozen=True)
class ValueRule:
    """What is allowed: ``least`` and ``most`` are inclusive (money: in whole minor units), ``places`` are the decimals
    kept, ``codes`` the codes to choose from (of ranges: in rising order)."""

    kind: ParameterKind
    least: Decimal | None = None
    most: Decimal | None = None
    places: int = 0
    codes: tuple[str, ...] = ()

    def read(self, stored: object) -> Value:
        """The checked value from its stored form or from itself; raises ``Invalid`` (field ``value``)."""
        kind = self.kind
        if kind in NUMBERS:
            return self._whole(stored)
        if kind in DECIMALS:
            return self._decimal(stored)
        if kind is ParameterKind.MONEY:
            return self._money(stored)
        if kind is ParameterKind.TIME:
            return _time(stored)
        if kind is ParameterKind.CODE:
            return self._code(stored)
        if kind is ParameterKind.CODES:
            return self._codes(stored)
        ranges = read_ranges(stored)
        check_ranges(ranges, codes=self.codes, least=int(self.least or 0))
        return ranges

    def kept(self, stored: object) -> Value:
        """A value that was checked when it was stored; bounds that were narrowed since do not undo history."""
        return replace(self, least=self.least if self.kind is ParameterKind.RANGES else None, most=None).read(stored)

    def typed(self, text: str, currency: str = "") -> Value:
        """The checked value from what a person typed (money: an amount in ``currency``); raises ``Invalid``."""
        text = text.strip()
        if not text:
            raise wrong("Fill in a value.", "请填写取值。")
        if self.kind in NUMBERS:
            if not _WHOLE.fullmatch(text):
                raise _not_whole(text)
            return self.read(int(text))
        if self.kind is ParameterKind.SHARE and text[-1] in "%%":
            number = text[:-1].strip()
            if not _DECIMAL.fullmatch(number):
                raise _not_decimal(text)
            return self.read(Decimal(number) / 100)
        if self.kind is ParameterKind.MONEY:
            return self.read(_typed_money(text, currency))
        if self.kind is ParameterKind.RANGES:
            return self.read(typed_ranges(text))
        return self.read(text)

    def _whole(self, stored: object) -> int:
        if isinstance(stored, bool) or not isinstance(stored, int):
            raise _not_whole(stored)
        self._bounded(Decimal(stored))
        return stored

    def _decimal(self, stored: object) -> Decimal:
        if not isinstance(stored, Decimal) and not (isinstance(stored, str) and _DECIMAL.fullmatch(stored)):
            raise _not_decimal(stored)
        value = Decimal(stored)
        kept = value.quantize(Decimal(1).scaleb(-self.places))
        if kept != value:
            raise wrong(f"At most {self.places} decimals are kept.", f"最多保留 {self.places} 位小数。")
        self._bounded(kept)
        return kept

    def _money(self, stored: object) -> Money:
        if isinstance(stored, Mapping) and set(stored) == {"minor", "currency"}:
            try:
                stored = Money(stored["minor"], stored["currency"])
            except TypeError as error:
                raise wrong(
                    "An amount is whole minor units with a currency.", "金额应为最小单位整数并注明币种。"
                ) from error
        if not isinstance(stored, Money):
            raise wrong("An amount is whole minor units with a currency.", "金额应为最小单位整数并注明币种。")
        self._bounded(Decimal(stored.minor), lambda minor: str(Money(int(minor), stored.currency).amount))
        return stored

    def _code(self, stored: object) -> str:
        if not isinstance(stored, str) or stored not in self.codes:
            known = ", ".join(self.codes)
            raise wrong(f"Choose one of: {known}.", f"请从以下代码中选择：{known}。")
        return stored

    def _codes(self, stored: object) -> tuple[str, ...]:
        if isinstance(stored, str) or not isinstance(stored, Sequence):
            raise wrong("Codes are a list.", "代码应为列表。")
        if len(set(stored)) != len(stored):
            raise wrong("A code is there twice.", "代码重复。")
        chosen = {self._code(one) for one in stored}
        return tuple(code for code in self.codes if code in chosen)

    def _bounded(self, value: Decimal, shown: Callable[[Decimal], str] = str) -> None:
        if self.least is not None and value < self.least:
            raise wrong(f"The least is {shown(self.least)}.", f"不得小于 {shown(self.least)}。")
        if self.most is not None and value > self.most:
            raise wrong(f"The most is {shown(self.most)}.", f"不得大于 {shown(self.most)}。")


def stored_form(value: Value) -> object:
    """``value`` in JSON's own types; ``ValueRule.read`` of it gives ``value`` again."""
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, tuple):
        return [one.facts() if isinstance(one, Range) else one for one in value]
    return value


def stored_text(value: Value) -> str:
    """``value`` as canonical JSON: equal values give equal text."""
    return canonical_json(stored_form(value))


def _time(stored: object) -> time:
    if isinstance(stored, time):
        return stored
    if not isinstance(stored, str) or not _TIME.fullmatch(stored):
        raise wrong("A time of day is hours and minutes, such as 22:00.", "时间应填写时和分，例如 22:00。")
    hours, minutes = stored.replace(":", ":").split(":")
    return time(int(hours), int(minutes))


def _typed_money(text: str, currency: str) -> Money:
    try:
        return Money.parse(text.replace(",", ""), currency)
    except Invalid as error:
        raise Invalid(error.en, error.zh, field="currency" if error.field == "currency" else "value") from error


def _not_whole(found: object) -> Invalid:
    return wrong(f"{found} is no whole number.", f"{found} 不是整数。")


def _not_decimal(found: object) -> Invalid:
    return wrong(f"{found} is no decimal number, such as 0.95.", f"{found} 不是小数，例如 0.95。")
