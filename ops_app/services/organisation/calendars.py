"""Business days of the rule packs and of the house, from the reference file of holidays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.organisation.business_days import Calendar, calendars_of
from ops_app.services.organisation.installation import installation

HOLIDAYS = PROJECT_ROOT / "data" / "reference" / "holidays.yml"
_CHINA = frozenset({"Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "PRC"})


@lru_cache(maxsize=1)
def _calendars() -> Mapping[str, Calendar]:
    return calendars_of(yaml_of(HOLIDAYS.read_text(encoding="utf-8")))


def calendar_of(pack: str | None) -> Calendar:
    """The business days of a rule pack; Monday to Friday where its holidays are not listed."""
    return _calendars().get(pack or "", Calendar())


def is_workday(day: date) -> bool:
    """Whether the house works on ``day``: by China's calendar where its zone is China's."""
    return calendar_of("CN" if installation().zone.key in _CHINA else None).is_business_day(day)
