"""How amounts, counts, shares and days are written, by Babel: 万 and 亿 in 中文, K and M in English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)

from dashboards.texts import Texts

EMPTY = "–"
_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
_SCALES = {"en": ((10**9, "B"), (10**6, "M"), (10**3, "K")), "zh": ((10**8, "亿"), (10**4, "万"))}
RULE_OF_FEED = "rule_of_feed"
"""Among the names of a snapshot: the sentences of rules. Feeds share codes of rules and word them for themselves."""

Number = Decimal | float | int


def rule_key(feed: object, code: object) -> str:
    """What the sentence of a rule is kept under."""
    return f"{feed}:{code}"


@dataclass(frozen=True)
class Labels:
    """Values as a person reads them. ``names`` holds the labels of codes that the snapshot itself names."""

    texts: Texts
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    zone: tzinfo = UTC

    @property
    def locale(self) -> str:
        return _LOCALES[self.texts.language]

    def short(self, value: Number | None, unit: str, currency: str = "") -> str:
        """A figure on a card: ``¥1,234.6万``, ``CN¥12.3M``, ``12,345``, ``31.2%``."""
        if value is None:
            return EMPTY
        if unit == "share":
            return self.share(value)
        if unit == "money":
            if abs(Decimal(value)) < 10_000:
                return format_currency(value, currency, locale=self.locale)
            return format_compact_currency(value, currency, locale=self.locale, fraction_digits=2)
        if abs(Decimal(value)) < 1_000_000:
            return self.count(value)
        return format_compact_decimal(value, locale=self.locale, fraction_digits=2)

    def exact(self, value: Number | None, unit: str, currency: str = "") -> str:
        """The whole figure, to the minor unit."""
        if value is None:
            return EMPTY
        if unit == "share":
            return format_percent(value, "#,##0.00%", locale=self.locale)
        if unit == "money":
            return f"{format_decimal(value, '#,##0.00', locale=self.locale)} {currency}".strip()
        return self.count(value)

    def amount(self, value: Number | None) -> str:
        return EMPTY if value is None else format_decimal(value, "#,##0.00", locale=self.locale)

    def count(self, value: Number | None) -> str:
        return EMPTY if value is None else format_decimal(value, "#,##0", locale=self.locale)

    def share(self, value: Number | None) -> str:
        return EMPTY if value is None else format_percent(value, "#,##0.0%", locale=self.locale)

    def change(self, now: Number, before: Number, unit: str, currency: str = "") -> str:
        """The difference to the compared period: points for a share, per cent for the rest, the whole from nothing."""
        if unit == "share":
            points = format_decimal(
                round((float(now) - float(before)) * 100, 1), "+#,##0.0;-#,##0.0", locale=self.locale
            )
            return self.texts("card.points", points=points)
        if not before:
            return f"{'+' if now > 0 else ''}{self.short(now, unit, currency)}"
        ratio = (Decimal(now) - Decimal(before)) / abs(Decimal(before))
        return format_percent(ratio, "+#,##0.0%;-#,##0.0%", locale=self.locale)

    def day(self, value: date | None) -> str:
        """``5 Jan 2026`` or ``2026年1月5日``."""
        return (
            EMPTY if value is None else format_date(value, "d MMM y" if self.is_english else "y年M月d日", self.locale)
        )

    def month(self, value: date) -> str:
        return format_date(value, "MMM y" if self.is_english else "y年M月", self.locale)

    def moment(self, value: datetime | None) -> str:
        """A moment to the minute in the zone of the house; a naive one is UTC, as the marts hold it."""
        if value is None:
            return EMPTY
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        pattern = "d MMM y, HH:mm" if self.is_english else "y年M月d日 HH:mm"
        return format_datetime(aware, pattern, tzinfo=self.zone, locale=self.locale)

    @property
    def is_english(self) -> bool:
        return self.texts.language == "en"

    def code(self, column: str, value: object) -> str:
        """The name of a code: from the snapshot where it names it, else from the catalogue, else the code."""
        if value is None or value == "":
            return self.texts("labels.none")
        named = self.names.get(column, {}).get(str(value))
        return named or self.texts.code(f"enum.{column}", value)

    def rule(self, feed: object, code: object) -> str:
        """The sentence of a rule of a feed, or its code where the snapshot has none."""
        return self.names.get(RULE_OF_FEED, {}).get(rule_key(feed, code)) or self.code("rule", code)

    def group(self, group: Iterable[tuple[str, object]]) -> list[str]:
        """The names of what a figure was split by."""
        parts = tuple(group)
        feed = dict(parts).get("feed")
        return [self.rule(feed, value) if column == "rule" else self.code(column, value) for column, value in parts]

    def column(self, name: str) -> str:
        """The heading of a column of rows."""
        return self.texts.code("column", name)

    def scale(self, largest: Number) -> tuple[int, str]:
        """The divisor that keeps an axis readable and its word: ``(10000, '万')``, ``(1000000, 'M')``, ``(1, '')``."""
        return next((scale for scale in _SCALES[self.texts.language] if abs(Decimal(largest)) >= scale[0]), (1, ""))
