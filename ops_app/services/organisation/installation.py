"""What services know of their installation without a door to ask: its lenders, and the zone in which its days begin.

The composition root says it once (``settle``); a process serves one installation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import yaml

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.lenders import DEFAULT_PACK, Lender, lender_of
from ops_app.domain.organisation.parameters import Scope
from ops_app.store.zone import HOUSE_ZONE, settle_zone

HOUSE_LENDERS = (PROJECT_ROOT / "data" / "lenders",)


@dataclass(frozen=True)
class Installation:
    """Lenders by their codes, and the zone."""

    lenders: Mapping[str, Lender]
    zone: ZoneInfo


_settled: list[Installation] = []


def settle(lender_dirs: Sequence[Path], zone: ZoneInfo) -> None:
    """Say where lenders are described and in which zone a day begins. Raises ``Invalid`` naming a wrong file."""
    lenders = read_lenders(lender_dirs)
    if not _settled or (_settled[0].lenders, _settled[0].zone) != (lenders, zone):
        _settled[:] = [Installation(MappingProxyType(lenders), zone)]
    settle_zone(zone)


def installation() -> Installation:
    """The installation of this process: as settled, else that of the project alone."""
    if not _settled:
        settle(HOUSE_LENDERS, HOUSE_ZONE)
    return _settled[0]


def read_lenders(folders: Sequence[Path]) -> dict[str, Lender]:
    """Every lender of ``folders`` by its code; a later folder replaces one of the same code. Raises ``Invalid``."""
    files = {file.stem: file for folder in folders for file in sorted(folder.glob("*.yml"))}
    found = {}
    for code, file in sorted(files.items()):
        try:
            stated = yaml_of(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise Invalid(f"{file.name} cannot be read.", f"{file.name} 无法读取。", field="lender") from error
        found[code] = lender_of(stated, file.name)
    return found


def today(now: datetime) -> date:
    """The day of ``now`` in the installation's zone, on which a parameter is read."""
    return now.astimezone(installation().zone).date()


def scope_of_loan(lender_code: str | None, product_code: str | None = None) -> Scope:
    """For whom a parameter of a loan is read: its lender, its product, and the lender's rule pack. A code that no scope
    can bear (a feed may send any) has no value of its own."""
    lender = installation().lenders.get(lender_code) if lender_code else None
    named = {"lender": lender_code, "product": product_code, "pack": lender.pack if lender else DEFAULT_PACK}
    found = {}
    for name, code in named.items():
        try:
            Scope(**{name: code})
        except Invalid:
            continue
        found[name] = code
    return Scope(**found)
