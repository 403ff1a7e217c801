"""One way to write a value down, so that equal values have equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

from ops_app.domain.hidden import Hidden

_AS_IT_IS = frozenset({str, int, bool, type(None)})
# made once: every act writes a few values down
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plain(value: object) -> object:
    """``value`` in JSON's own types: moments as UTC ISO text, days as ISO text, decimals as text.

    Raises ``TypeError`` for a float (amounts are whole minor units or decimals) and for anything without one
    obvious spelling, such as what was hidden from somebody: it is nobody's value to keep.
    """
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Hidden):
        raise TypeError("what is hidden is not written down")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=canonical_json)
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def moment_text(moment: datetime) -> str:
    """``moment`` in UTC with six decimals of a second; refuses a naive one."""
    if moment.tzinfo is None:
        raise TypeError("moments are aware")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def canonical_json(value: object) -> str:
    """``value`` as JSON with sorted names and no spaces: equal values give equal text."""
    return _ENCODER.encode(plain(value))


def content_hash(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def key_hash(*parts: str) -> str:
    """SHA-256 (hex) of ``parts``, each prefixed by its length: ("a", "bc") and ("ab", "c") differ."""
    pieces: list[bytes] = []
    for part in parts:
        data = part.encode()
        pieces += (len(data).to_bytes(8, "big"), data)
    return hashlib.sha256(b"".join(pieces)).hexdigest()
