"""The audit log's arithmetic: what is hashed, and how one row holds the one before it.

Standard library only, so that an outsider can verify a log with this file alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter

from ops_app.domain.canonical import moment_text

GENESIS = "0" * 64
"""The ``prev_hash`` of the first row."""

_FORMAT, _FORMAT_WITH_ADDRESS = "recoup-audit-1", "recoup-audit-2"


@dataclass(frozen=True)
class AuditRow:
    """One act: who, when, what, on what, from what to what, and why."""

    seq: int
    occurred_at: datetime
    actor_id: str
    actor_name: str
    role_code: str
    agency_code: str | None
    action: str
    object_type: str
    object_id: str
    before_json: str | None
    after_json: str | None
    reason: str | None
    request_id: str | None
    prev_hash: str
    row_hash: str = ""
    address: str | None = None
    """The network address the act came from; ``None`` for acts of the system, and in rows from before it was kept."""


_HASHED = tuple(field.name for field in fields(AuditRow) if field.name not in {"row_hash", "address"})
_values = attrgetter(*_HASHED)


@dataclass(frozen=True)
class ChainFault:
    """The first row that does not hold: its ``seq`` and what is wrong with it."""

    seq: int
    why: str


def encode(row: AuditRow) -> bytes:
    """Every field but ``row_hash`` in order, as UTF-8: ``n`` for nothing, else its length in characters, a colon and
    the text; moments in UTC with six decimals. A row with an address has it at the end and says so by its format; one
    without is spelt as rows were before addresses were kept.

    The lengths make the encoding unambiguous: no two different rows have the same bytes.
    """
    seq, occurred_at, *texts = _values(row)
    parts = [_FORMAT if row.address is None else _FORMAT_WITH_ADDRESS]
    if row.address is not None:
        texts.append(row.address)
    for text in (str(seq), moment_text(occurred_at), *texts):
        parts.append("n" if text is None else f"{len(text)}:{text}")
    return "".join(parts).encode()


def hash_of(row: AuditRow) -> str:
    """SHA-256 (hex) of the encoded row."""
    return hashlib.sha256(encode(row)).hexdigest()


def sealed(row: AuditRow) -> AuditRow:
    """``row`` with its hash filled in."""
    return replace(row, row_hash=hash_of(row))


def first_fault(
    rows: Iterable[AuditRow], *, seq: int = 0, row_hash: str = GENESIS
) -> tuple[int, str, ChainFault | None]:
    """Walk ``rows`` in order of ``seq`` from the row (``seq``, ``row_hash``) on.

    Returns the last good ``seq`` and its hash, and the first fault if there is one. An edited row, a missing row, an
    inserted row and exchanged rows are all found; a cut tail and a chain written anew need checkpoints.
    """
    for row in rows:
        if row.seq != seq + 1:
            return seq, row_hash, ChainFault(seq + 1, f"row {seq + 1} is missing; row {row.seq} follows row {seq}")
        if row.prev_hash != row_hash:
            return seq, row_hash, ChainFault(row.seq, f"row {row.seq} does not hold the hash of row {seq}")
        if hash_of(row) != row.row_hash:
            return seq, row_hash, ChainFault(row.seq, f"row {row.seq} was changed: its content does not give its hash")
        seq, row_hash = row.seq, row.row_hash
    return seq, row_hash, None
