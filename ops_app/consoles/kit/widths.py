"""How wide a column of a table must be, where the browser would make it too narrow.

The grid measures the cells of a column and, of more than five, leaves out those that are twice as wide as the average
or wider. A column of dashes with one amount in it was as wide as a dash, and the amount lost its first digits: a figure
that reads as another one. The same rule is worked out here, and such a column gets the width of its widest cell.
"""

from __future__ import annotations

from collections.abc import Sequence

_NARROW, _WIDE, _PADDING = 8, 15, 20
_MEASURED_BY_ALL = 5
MOST = 360


def width_for(label: str, texts: Sequence[str]) -> int | None:
    """Pixels for a column of these texts under its label; ``None`` where the grid's own measure fits."""
    sizes = [_pixels(text) for text in texts]
    if len(sizes) <= _MEASURED_BY_ALL:
        return None
    widest, average = max(sizes), sum(sizes) / len(sizes)
    # a little before the grid does: it measures with the font, which is not known here
    return min(max(widest, _pixels(label)) + _PADDING, MOST) if widest >= 1.6 * average else None


def _pixels(text: str) -> int:
    """About what a line of text takes, its padding included."""
    line = max(text.splitlines(), key=len, default="")
    return _PADDING + sum(_WIDE if ord(one) > 0x2E7F else _NARROW for one in line)
