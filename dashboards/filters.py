"""What a person narrowed the dashboards to, as SQL and as words. Values are bound, never written into a query."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.periods import Period

DIMENSIONS: Mapping[str, str] = {"sources": "source_code", "products": "product_code", "regions": "region_code"}
"""Filters that take several values, and the column that each narrows."""


@dataclass(frozen=True)
class Filters:
    """Empty means all. One ``currency`` at a time: amounts of two are never added. ``currencies`` are all there are."""

    period: Period
    currency: str
    currencies: tuple[str, ...]
    sources: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def not_split_by(self, columns: Collection[str], *, is_money: bool) -> tuple[str, ...]:
        """Filters in use that rows with ``columns`` cannot be narrowed by. A figure with any is not shown."""
        missing = [name for name, column in DIMENSIONS.items() if getattr(self, name) and column not in columns]
        if is_money and len(self.currencies) > 1 and "currency" not in columns:
            missing.append("currency")
        return tuple(missing)

    def where(self, columns: Collection[str], group: Group = ()) -> tuple[str, dict[str, Any]]:
        """A condition on rows with ``columns``, and its values. ``group`` is the clicked part of a table or chart."""
        parts: list[str] = []
        values: dict[str, Any] = {}
        for name, column in DIMENSIONS.items():
            chosen = getattr(self, name)
            if chosen and column in columns:
                keys = {f"{name}_{place}": value for place, value in enumerate(chosen)}
                parts.append(f"{column} in ({', '.join('$' + key for key in keys)})")
                values.update(keys)
        if "currency" in columns:
            parts.append("currency = $currency")
            values["currency"] = self.currency
        for place, (column, value) in enumerate(group):
            if value is None:
                parts.append(f"{column} is null")
            else:
                parts.append(f"{column} = $group_{place}")
                values[f"group_{place}"] = value
        return " and ".join(parts) or "true", values

    def as_link(self) -> dict[str, str]:
        """The filters as the parameters of an address: codes, so that a link means the same in both languages."""
        period = self.period
        link = {name: ",".join(getattr(self, name)) for name in DIMENSIONS} | {"currency": self.currency}
        link["period"] = period.code
        if period.code == "custom":
            link |= {"from": period.start.isoformat(), "to": period.end.isoformat()}
        return {name: value for name, value in link.items() if value}


Group = tuple[tuple[str, Any], ...]
"""Column and value of a clicked part; ``None`` means rows that have no value there."""
