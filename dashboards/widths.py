"""How wide a column must be, where the browser's grid would make it too narrow.

Of more than five cells the grid leaves out those that are twice as wide as the average or wider, and a large amount
among small ones would lose its first digits.
"""

from __future__ import annotations

import polars as pl

_PIXELS, _PADDING, _MOST, _MEASURED_BY_ALL = 8, 20, 360, 5


def width_for(label: str, values: pl.Series) -> int | None:
    """Pixels for a column under its label; ``None`` where the grid's own measure fits."""
    if len(values) <= _MEASURED_BY_ALL:
        return None
    # a separator every three digits; letters of 中文 take two places
    long = values.cast(pl.String).fill_null("-").str.len_bytes() * (4 / 3 if values.dtype.is_numeric() else 1)
    widest, average = float(long.max() or 0), float(long.mean() or 0)
    if widest * _PIXELS + _PADDING < 1.6 * (average * _PIXELS + _PADDING):
        return None
    return min(int(max(widest, len(label.encode())) * _PIXELS) + 2 * _PADDING, _MOST)
