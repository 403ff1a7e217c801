"""What each standard feed holds: one YAML file a feed, read once and never changed.

From a feed file come the columns of ``raw.<feed>``, the rules that decide each row, and the GX suite.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ops_app.config import yaml_of
from ops_app.domain.errors import NotFound

FOLDER = Path(__file__).parent / "feeds"
ColumnType = Literal["text", "id", "code", "date", "moment", "amount", "integer", "boolean"]

_SQL_TYPES = {
    "text": "varchar",
    "id": "varchar",
    "code": "varchar",
    "date": "date",
    "moment": "timestamp",
    "amount": "bigint",
    "integer": "bigint",
    "boolean": "boolean",
}
LINEAGE = {
    "source_code": "varchar",
    "file_id": "varchar",
    "line_no": "bigint",
    "row_hash": "ubigint",
    "file_date": "date",
    "imputed_columns": "varchar",
}
"""Columns every raw feed table has after its own: where a row came from."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One standard column; ``en`` and ``zh`` are its names for people."""

    type: ColumnType
    required: bool = False
    en: str
    zh: str


class _Rule(_Strict):
    code: str
    en: str
    zh: str


class InRule(_Rule):
    """The column holds one of ``values``."""

    check: Literal["in"]
    column: str
    values: list[str]


class CurrencyRule(_Rule):
    """The column holds an ISO 4217 code whose minor unit has at most two decimals."""

    check: Literal["currency"]
    column: str


class RangeRule(_Rule):
    """``min <= column <= max``; amounts in minor units, dates as ISO text."""

    check: Literal["range"]
    column: str
    min: int | str | None = None
    max: int | str | None = None


class CompareRule(_Rule):
    """``left <= right + plus_days`` (or ``>=``) between two dates or moments; ``file_date`` is the file's own date.

    A moment compared with a date counts by its UTC day.
    """

    check: Literal["compare"]
    left: str
    op: Literal["<=", ">="]
    right: str
    plus_days: int = 0


class TotalRule(_Rule):
    """The parts add up to the column, where the column and all parts are given."""

    check: Literal["total"]
    column: str
    parts: list[str] = Field(min_length=1)


class RequiredWhenRule(_Rule):
    """The column is given wherever ``when`` holds one of ``values``."""

    check: Literal["required_when"]
    column: str
    when: str
    values: list[str]


Rule = Annotated[
    InRule | CurrencyRule | RangeRule | CompareRule | TotalRule | RequiredWhenRule, Field(discriminator="check")
]


class Feed(_Strict):
    """One standard feed. ``kind`` event: the first content of a key counts; state: the latest does."""

    feed: str
    grain: dict[Literal["en", "zh"], str]
    kind: Literal["event", "state"]
    key: list[str]
    partition: str | None = None
    """The date or moment column by which the warehouse rebuilds; None: the file's date."""
    max_refused_share: float = Field(ge=0, le=1)
    columns: dict[str, Column]
    rules: list[Rule] = []

    @model_validator(mode="after")
    def _names_exist(self) -> Feed:
        named = [*self.key, *([self.partition] if self.partition else [])]
        for rule in self.rules:
            named += [
                value
                for field in ("column", "left", "right", "when")
                if isinstance(value := getattr(rule, field, None), str) and value != "file_date"
            ]
            named += getattr(rule, "parts", [])
        unknown = set(named) - set(self.columns)
        if unknown:
            raise ValueError(f"feed {self.feed}: no such column {sorted(unknown)}")
        codes = [rule.code for rule in self.rules]
        if len(set(codes)) != len(codes):
            raise ValueError(f"feed {self.feed}: a rule code is used twice")
        return self

    def stored_name(self, column: str) -> str:
        """The column's name in ``raw``: money carries its unit, ``<name>_minor``."""
        return f"{column}_minor" if self.columns[column].type == "amount" else column

    @property
    def stored_columns(self) -> dict[str, str]:
        """Column name in ``raw`` to SQL type, without lineage."""
        return {self.stored_name(name): _SQL_TYPES[column.type] for name, column in self.columns.items()}

    @property
    def sum_column(self) -> str | None:
        """The amount whose sum controls a file: ``amount``, else the first there is."""
        amounts = [name for name, column in self.columns.items() if column.type == "amount"]
        return "amount" if "amount" in amounts else amounts[0] if amounts else None

    @property
    def currency_column(self) -> str | None:
        """The column that says in which currency the amounts are, where the feed has one."""
        return "currency" if "currency" in self.columns else None


@cache
def feed_names() -> tuple[str, ...]:
    """Every standard feed, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


@cache
def load_feed(name: str) -> Feed:
    """The definition of the standard feed ``name``."""
    if name not in feed_names():
        raise NotFound(
            f"{name} is no standard feed; the feeds are {', '.join(feed_names())}.",
            f"{name} 不是标准数据源；标准数据源有：{', '.join(feed_names())}。",
        )
    feed = Feed.model_validate(yaml_of((FOLDER / f"{name}.yml").read_text(encoding="utf-8")))
    if feed.feed != name:
        raise ValueError(f"{name}.yml describes feed {feed.feed}")
    return feed
