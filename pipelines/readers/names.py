"""File names: the date that the inbound layout puts into them."""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])", re.ASCII)


def date_in_name(name: str) -> date | None:
    """The first date yyyy-mm-dd in ``name``, or None; a date that no calendar has counts as none."""
    found = _DATE.search(name)
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
