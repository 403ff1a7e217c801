"""The definitions of the figures and of the rows behind them, read from ``metrics.yml`` and ``rows.yml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Kind = Literal["stock", "flow", "month_end", "flow_rate", "opening_rate", "as_of"]
Unit = Literal["money", "count", "share"]
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class RowsOf:
    """Which rows add up to one side of a figure: a row set, the sum over it, and what else must hold of a row."""

    rows: str
    sum: str
    where: str = "true"
    day: str = ""


@dataclass(frozen=True)
class Metric:
    """One figure, as ``metrics.yml`` defines it. Texts are pairs (English, 中文)."""

    code: str
    name: tuple[str, str]
    says: tuple[str, str]
    formula: tuple[str, str]
    window: tuple[str, str]
    unit: Unit
    better: Literal["up", "down", "none"]
    kind: Kind
    mart: str
    feeds: tuple[str, ...]
    rows: Mapping[str, RowsOf]
    top: str = ""
    bottom: str = ""
    date: str = "business_date"
    where: str = "true"
    buckets: tuple[str, ...] = ()
    shown_if: str = ""
    numerator: tuple[str, str] = ("", "")
    denominator: tuple[str, str] = ("", "")

    @property
    def is_rate(self) -> bool:
        return self.unit == "share"


@dataclass(frozen=True)
class RowSet:
    """Rows that may be opened: a query over published marts, its date column if it has one, and its order."""

    code: str
    name: tuple[str, str]
    sql: str
    order: str
    date: str = ""


@functools.cache
def metrics() -> Mapping[str, Metric]:
    """Every figure by its code, in the order of the file."""
    return {code: _metric(code, said) for code, said in _read("metrics.yml").items()}


@functools.cache
def row_sets() -> Mapping[str, RowSet]:
    """Every set of rows by its code."""
    return {
        code: RowSet(code=code, **{**said, "name": tuple(said["name"])}) for code, said in _read("rows.yml").items()
    }


def _metric(code: str, said: Mapping[str, Any]) -> Metric:
    rows = {side: _rows_of(part) for side, part in said["rows"].items()}
    plain: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items() if key != "rows"
    }
    return Metric(code=code, rows=rows, **plain)


def _rows_of(part: Mapping[str, Any]) -> RowsOf:
    return RowsOf(rows=part["set"], **{key: str(value) for key, value in part.items() if key != "set"})


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((_FOLDER / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return found
