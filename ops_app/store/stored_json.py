"""JSON columns: written canonically, read with exact numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from ops_app.domain.canonical import canonical_json as write

__all__ = ["read", "write"]


def read(stored: str | None) -> Any:
    """The value of a JSON column; ``None`` where nothing is stored."""
    return None if stored is None else json.loads(stored, parse_float=Decimal)
