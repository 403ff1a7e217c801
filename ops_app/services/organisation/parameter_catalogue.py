"""The catalogue of parameters, read from ``data/reference/parameters.yml``; lenders' files (``data/lenders``) add the
values that hold for them, their products and their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.lenders import Lender
from ops_app.domain.organisation.parameter_values import ParameterKind, Value, ValueRule
from ops_app.domain.organisation.parameters import Definition
from ops_app.services.organisation.installation import installation

Names = Mapping[str, tuple[str, str]]

FILE = PROJECT_ROOT / "data" / "reference" / "parameters.yml"
_ENTRY = frozenset(
    {"name", "help", "type", "unit", "least", "most", "places", "codes", "default", "defaults", "scopes", "risky"}
    | {"read_by", "awaited", "held_in"}
)


@dataclass(frozen=True)
class Catalogue:
    """Every parameter by its code; products, rule packs, lenders and regions that have names (English, 中文)."""

    definitions: Mapping[str, Definition]
    products: Names
    packs: Names
    lenders: Names = field(default_factory=dict)
    regions: Names = field(default_factory=dict)


_made: list[tuple[Mapping[str, Lender], Catalogue]] = []


def catalogue() -> Catalogue:
    """The catalogue of this installation, read once for its lenders."""
    lenders = installation().lenders
    if not _made or _made[0][0] is not lenders:
        _made[:] = [(lenders, read_catalogue(FILE, lenders=lenders))]
    return _made[0][1]


def read_catalogue(*files: Path, lenders: Mapping[str, Lender] | None = None) -> Catalogue:
    """The catalogue of ``files`` and of ``lenders``. A later file may add parameters, products and packs, and defaults
    of narrower scopes to a parameter that is there already; nothing else. Raises ``ValueError`` naming the file and the
    entry."""
    entries: dict[str, dict[str, Any]] = {}
    names: dict[str, dict[str, tuple[str, str]]] = {"products": {}, "packs": {}, "regions": {}}
    for file in files:
        stated = yaml_of(file.read_text(encoding="utf-8")) or {}
        for group, found in names.items():
            found |= {
                str(code): _pair(pair, f"{file.name}: {code}") for code, pair in (stated.get(group) or {}).items()
            }
        for code, entry in (stated.get("parameters") or {}).items():
            _add(entries, str(code), dict(entry), file.name)
    for lender in (lenders or {}).values():
        names["products"] = {**lender.products, **names["products"]}
        for code, defaults in lender.parameters.items():
            if code not in entries:
                raise ValueError(f"{lender.code}.yml: there is no parameter {code}")
            _add(entries, code, {"defaults": dict(defaults)}, f"{lender.code}.yml")
    definitions = {code: _definition(code, entry) for code, entry in sorted(entries.items())}
    named = {code: one.name for code, one in (lenders or {}).items()}
    return Catalogue(definitions, names["products"], names["packs"], named, names["regions"])


def _add(entries: dict[str, dict[str, Any]], code: str, entry: dict[str, Any], file: str) -> None:
    if unknown := set(entry) - _ENTRY:
        raise ValueError(f"{file}: {code} has no {', '.join(sorted(unknown))}")
    if code not in entries:
        entries[code] = entry
        return
    if set(entry) != {"defaults"}:
        raise ValueError(f"{file}: {code} is there already; a further file may only add defaults of narrower scopes")
    known = entries[code].setdefault("defaults", {})
    if twice := set(known) & set(entry["defaults"]):
        raise ValueError(f"{file}: {code} has a default for {', '.join(sorted(twice))} already")
    known |= entry["defaults"]


def _definition(code: str, entry: Mapping[str, Any]) -> Definition:
    try:
        codes = {str(one): _pair(pair, code) for one, pair in (entry.get("codes") or {}).items()}
        rule = ValueRule(
            kind=ParameterKind(entry["type"]),
            least=_number(entry.get("least")),
            most=_number(entry.get("most")),
            places=entry.get("places", 0),
            codes=tuple(codes),
        )
        defaults: dict[str, Value] = {
            str(scope): rule.read(value) for scope, value in (entry.get("defaults") or {}).items()
        }
        return Definition(
            code=code,
            area=code.partition(".")[0],
            rule=rule,
            default=rule.read(entry["default"]),
            name=_pair(entry["name"], code),
            help=_pair(entry["help"], code),
            read_by=entry["read_by"],
            unit=_pair(entry["unit"], code) if "unit" in entry else None,
            scopes=frozenset(entry.get("scopes") or ()),
            risky=bool(entry.get("risky", False)),
            awaited=bool(entry.get("awaited", False)),
            held_in=entry.get("held_in"),
            defaults=defaults,
            code_names=codes,
        )
    except (KeyError, TypeError, ValueError, Invalid) as error:
        raise ValueError(f"{code}: {error}") from error


def _number(stated: object) -> Decimal | None:
    if isinstance(stated, float):
        raise ValueError(f"{stated} is written in quotes, so that it stays exact")
    return None if stated is None else Decimal(str(stated))


def _pair(stated: object, what: str) -> tuple[str, str]:
    if isinstance(stated, list) and len(stated) == 2 and all(isinstance(text, str) for text in stated):
        return (stated[0], stated[1])
    raise ValueError(f"{what}: one text in English and one in 中文")
