"""Signed messages: HMAC-SHA256 over ``t.body``, the raw bytes as they came, told in one header.

``Recoup-Signature: t=<seconds since 1970>,v1=<hex>`` with one ``v1`` for each key the sender signs with, so that a key
is exchanged without a gap: for a while the sender signs with both, or the receiver knows both.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ops_app.domain.errors import Refused

HEADER = "Recoup-Signature"
TOLERANCE = timedelta(seconds=300)
"""So far the moment of a signature may be from ours, in either direction."""

MOST_KEYS = 2
"""Keys of a source that live at the same time."""

SHORTEST_KEY = 16
_T = re.compile(r"t=([0-9]{1,12})", re.ASCII)
_V1 = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)
_MOST_SIGNATURES = 4


class BadSignature(Refused):
    """The signature of a message is missing, wrong, too old or from the future. Which of them is said; no more."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh, field=HEADER)


def sign(key: bytes, raw: bytes, moment: datetime) -> str:
    """The header of a message that leaves at ``moment``, signed with ``key``."""
    t = int(moment.timestamp())
    return f"t={t},v1={_digest(key, t, raw)}"


def check_signature(
    header: str | None, raw: bytes, keys: Sequence[bytes], now: datetime, *, oldest: timedelta | None = TOLERANCE
) -> None:
    """Raise ``BadSignature`` unless one of the signatures in ``header`` is by one of ``keys`` and its moment is near
    ``now``. ``oldest=None``: however old (a message that waited at a broker); the future is refused all the same.

    Every signature is compared with every key in constant time, so that neither the key nor the place of a wrong byte
    shows in how long it takes.
    """
    if not header or not keys:
        raise BadSignature("The message is not signed.", "报文未签名。")
    t, signatures = _read(header)
    matches = 0
    for key in keys:
        wanted = _digest(key, t, raw)
        for given in signatures:
            matches |= hmac.compare_digest(wanted, given)
    if not matches:
        raise BadSignature("The signature is wrong.", "签名有误。")
    age = now.timestamp() - t
    if age < -TOLERANCE.total_seconds():
        raise BadSignature("The signature is from the future.", "签名时间晚于当前时间。")
    if oldest is not None and age > oldest.total_seconds():
        raise BadSignature("The signature is too old.", "签名已过期。")


def keys_of(stated: str) -> Mapping[str, tuple[bytes, ...]]:
    """Source → its live keys, from ``SOURCE=key,SOURCE=key``. Raises ``ValueError`` that names the source, never a
    key."""
    found: dict[str, tuple[bytes, ...]] = {}
    for part in filter(None, map(str.strip, stated.split(","))):
        source, is_pair, key = part.partition("=")
        if not is_pair or not source.strip():
            raise ValueError("a key of messages is written SOURCE=key")
        if len(key.encode()) < SHORTEST_KEY:
            raise ValueError(f"the key of {source.strip()} has fewer than {SHORTEST_KEY} characters")
        found[source.strip()] = (*found.get(source.strip(), ()), key.encode())
    for source, keys in found.items():
        if len(keys) > MOST_KEYS:
            raise ValueError(f"{source} has more than {MOST_KEYS} keys")
    return found


def _read(header: str) -> tuple[int, list[str]]:
    moments, signatures = [], []
    for part in header.split(","):
        if (moment := _T.fullmatch(part.strip())) is not None:
            moments.append(int(moment[1]))
        elif (signature := _V1.fullmatch(part.strip())) is not None:
            signatures.append(signature[1])
        else:
            raise BadSignature("The signature cannot be read.", "签名格式有误。")
    if len(moments) != 1 or not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise BadSignature("The signature cannot be read.", "签名格式有误。")
    return moments[0], signatures


def _digest(key: bytes, t: int, raw: bytes) -> str:
    return hmac.new(key, f"{t}.".encode() + raw, hashlib.sha256).hexdigest()
