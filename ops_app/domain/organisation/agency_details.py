"""What people fill in of an agency, and how it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ops_app.domain.errors import Invalid

_LONGEST: Mapping[str, int] = {
    "name": 200,
    "short_name": 60,
    "licence_number": 64,
    "fee_schedule": 64,
    "contact_name": 100,
    "contact_phone": 40,
    "contact_email": 200,
}
_MOST_CASES = 10_000_000


@dataclass(frozen=True)
class AgencyDetails:
    """What people fill in of an agency. ``licence_expires_date`` is the first day without a licence; ``regions`` are
    codes of the region reference; ``fee_schedule`` names the schedule that commission is computed by."""

    name: str
    short_name: str
    white_listed: bool = False
    licence_number: str | None = None
    licence_expires_date: date | None = None
    fee_schedule: str | None = None
    regions: tuple[str, ...] = ()
    capacity_cases: int = 0
    contact_name: str | None = None
    contact_phone: str | None = None
    contact_email: str | None = None


def checked_details(details: AgencyDetails) -> AgencyDetails:
    """``details`` with blanks tidied, empty texts as ``None`` and regions once each in order; raises ``Invalid``."""
    texts = {name: _text(name, getattr(details, name), longest) for name, longest in _LONGEST.items()}
    for name in ("name", "short_name"):
        if not texts[name]:
            raise Invalid("Please fill this in.", "请填写此项。", field=name)
    if not 0 <= details.capacity_cases <= _MOST_CASES:
        raise Invalid(
            f"A capacity is 0 to {_MOST_CASES:,} cases.",
            f"承接能力为 0 至 {_MOST_CASES:,} 件。",
            field="capacity_cases",
        )
    return replace(details, regions=_regions(details.regions), **texts)  # type: ignore[arg-type]


def _text(field: str, value: str | None, longest: int) -> str | None:
    text = " ".join((value or "").split())
    if len(text) > longest or not text.isprintable():
        raise Invalid(f"At most {longest} printable characters.", f"最多 {longest} 个可见字符。", field=field)
    return text or None


def _regions(codes: Sequence[str]) -> tuple[str, ...]:
    found = tuple(sorted({code.strip() for code in codes if code.strip()}))
    if any(len(code) > 12 or not code.isascii() or not code.isalnum() for code in found):
        raise Invalid("A region is a code of letters and digits.", "地区代码由字母和数字组成。", field="regions")
    return found
