"""How dates, money, counts and codes are written, in English and 中文."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

from ops_app.consoles.kit.i18n import Texts
from ops_app.domain.hidden import HIDDEN_NAMES, Hidden
from ops_app.domain.money import Money
from ops_app.domain.organisation.permissions import ROLE_NAMES

_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
EMPTY = "–"


class Labels:
    """Values as a person reads them, in one language and one time zone."""

    def __init__(self, texts: Texts, zone: ZoneInfo) -> None:
        self.texts = texts
        self.zone = zone
        self.locale = _LOCALES[texts.language]

    def day(self, value: date | str | None) -> str:
        """A calendar day: ``5 Jan 2026`` or ``2026年1月5日``."""
        if value is None or value == "":
            return EMPTY
        return format_date(_as_date(value), format="medium", locale=self.locale)

    def moment(self, value: datetime | str | None) -> str:
        """A moment, minutes, in the zone of the installation. A naive moment is UTC (what the stores hold)."""
        if value is None or value == "":
            return EMPTY
        aware = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        aware = aware if aware.tzinfo else aware.replace(tzinfo=UTC)
        pattern = "d MMM y, HH:mm" if self.texts.language == "en" else "y年M月d日 HH:mm"
        return format_datetime(aware, pattern, tzinfo=self.zone, locale=self.locale)

    def money(self, minor: int | Hidden | None, currency: str) -> str:
        """Whole minor units as an amount with its currency code; never through a float. One that its reader may not
        see says so."""
        if minor is None or isinstance(minor, Hidden):
            return EMPTY if minor is None else self.hidden
        return format_currency(Money(int(minor), currency).amount, currency, "#,##0.00 ¤¤", locale=self.locale)

    def minor(self, minor: int | Hidden | None, currency: str) -> str:
        """Whole minor units as an amount without its currency (a column beside it says it)."""
        if minor is None or isinstance(minor, Hidden):
            return EMPTY if minor is None else self.hidden
        return format_decimal(Money(int(minor), currency).amount, "#,##0.00", locale=self.locale)

    def figure(self, minor: int | Hidden | None, currency: str | None) -> Decimal | str | None:
        """Whole minor units as a file holds them: a number, the word for one that is hidden, or nothing."""
        if isinstance(minor, Hidden):
            return self.hidden
        return None if minor is None or currency is None else Money(minor, currency).amount

    @property
    def hidden(self) -> str:
        """What stands where its reader may not see a value."""
        return HIDDEN_NAMES[self.texts.language == "zh"]

    def count(self, value: int | None) -> str:
        return EMPTY if value is None else format_decimal(value, locale=self.locale)

    def share(self, value: Decimal | float | None) -> str:
        """A share between 0 and 1 as a percentage with two decimals."""
        return EMPTY if value is None else format_percent(value, "#,##0.00%", locale=self.locale)

    def days(self, value: int | None) -> str:
        """An age in days."""
        if value is None:
            return EMPTY
        return self.texts("labels.one_day") if value == 1 else self.texts("labels.days", count=self.count(value))

    def listing(self, values: Sequence[object]) -> str:
        """Several values in one cell."""
        return ("、" if self.texts.language == "zh" else ", ").join(str(value) for value in values) or EMPTY

    def duration(self, value: timedelta) -> str:
        """How long something took, in seconds or in minutes and seconds."""
        seconds = int(value.total_seconds())
        if seconds < 60:
            return self.texts("labels.seconds", seconds=seconds)
        if seconds < 3600:
            return self.texts("labels.minutes", minutes=seconds // 60, seconds=seconds % 60)
        return self.texts("labels.hours", hours=self.count(seconds // 3600), minutes=seconds % 3600 // 60)

    def named(self, pairs: Mapping[Any, tuple[str, str]], code: object) -> str:
        """The name of a code that the domain itself names in English and 中文."""
        found = pairs.get(code)
        if found is None:
            return EMPTY if code is None or code == "" else str(code)
        return found[1] if self.texts.language == "zh" else found[0]

    def finding(self, reason: str) -> str:
        """What a check of the pipeline found. It writes ``what: names`` in English; beside the check's own sentence
        in 中文 the names alone are said."""
        return reason.partition(": ")[2] or reason if self.texts.language == "zh" else reason

    def language(self, code: str | None) -> str:
        """The name of a language by its code (``zh``, ``en-GB``); a code that names none shows as it is."""
        if not code:
            return EMPTY
        try:
            return Locale.parse(code, sep="-" if "-" in code else "_").get_display_name(self.locale) or code
        except (UnknownLocaleError, ValueError):
            return code

    def role(self, code: str) -> str:
        """The name of a role."""
        return self.named(ROLE_NAMES, code)

    def code(self, group: str, code: object) -> str:
        """The label of a code (``enum.<group>.<code>``); a code without a label shows as it is."""
        return EMPTY if code is None or code == "" else self.texts.code(f"enum.{group}", code)


def _as_date(value: date | str) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value[:10])
