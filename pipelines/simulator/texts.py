"""Columns of text from arrays of numbers: ids, days and moments, by table look-up."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from pipelines.simulator.days import date_of

OFFSET = "+08:00"
_FIRST_DAY = 14_600  # 2009-12-22: no loan of the book is older
_LAST_DAY = 29_000  # 2049-05-26


@lru_cache(maxsize=1)
def _days() -> pl.Series:
    return pl.Series([date_of(number).isoformat() for number in range(_FIRST_DAY, _LAST_DAY)], dtype=pl.String)


@lru_cache(maxsize=1)
def _clock() -> pl.Series:
    return pl.Series(
        [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}{OFFSET}" for s in range(86_400)], dtype=pl.String
    )


def day_text(numbers: np.ndarray) -> pl.Series:
    """ISO dates of day numbers; null where the number is negative."""
    there = pl.Series(numbers >= 0)
    text = _days().gather(pl.Series(np.where(numbers >= 0, numbers - _FIRST_DAY, 0).astype(np.uint32)))
    return text.zip_with(there, pl.Series([None], dtype=pl.String)) if not there.all() else text


def moment_text(day: date, seconds: np.ndarray) -> pl.Series:
    """ISO moments of ``day`` with the offset of the lender; null where the second is negative."""
    there = pl.Series(seconds >= 0)
    text = day.isoformat() + _clock().gather(pl.Series(np.maximum(seconds, 0).astype(np.uint32)))
    return text.zip_with(there, pl.Series([None], dtype=pl.String)) if not there.all() else text


def numbered(prefix: str, numbers: np.ndarray, width: int = 0) -> pl.Series:
    """``prefix`` and the number, padded with zeros to ``width``."""
    text = pl.Series(numbers.astype(np.int64)).cast(pl.String)
    return prefix + (text.str.zfill(width) if width else text)


def only_where(text: pl.Series, kept: np.ndarray) -> pl.Series:
    """``text`` where ``kept``, null elsewhere."""
    return text.zip_with(pl.Series(kept), pl.Series([None], dtype=pl.String))


def rows_of(text: pl.Series, rows: np.ndarray) -> pl.Series:
    return text.gather(pl.Series(rows.astype(np.uint32)))
