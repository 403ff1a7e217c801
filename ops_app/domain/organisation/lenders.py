"""Lenders (资方): what differs from one to the next, as data (D6): no code knows a lender by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ops_app.domain.casework.intake import IntakeRule, rules_listed
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approval_rules import rules_from
from ops_app.domain.organisation.parameters import Scope

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)
_ENTRIES = frozenset(
    {"lender", "name", "kind", "pack", "products", "buckets", "intake", "parameters", "approvals"},
)
BUCKETS = "casework.buckets"
RULES_HOLD_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
"""The rules of approval that come in files hold for every request ever made."""
DEFAULT_PACK = "CN"
"""The rule pack of a lender that has no file."""


class LenderKind(StrEnum):
    """What kind of house a lender is."""

    BANK = "bank"
    CONSUMER_FINANCE = "consumer_finance"
    P2P = "p2p"


@dataclass(frozen=True)
class Lender:
    """One lender. ``products`` are code → (English, 中文); ``parameters`` are code → scope text → stored value, its
    buckets among them; ``approvals`` are kind of request → its levels as the reference file has them."""

    code: str
    name: tuple[str, str]
    kind: LenderKind
    pack: str
    products: Mapping[str, tuple[str, str]]
    intake: tuple[IntakeRule, ...] = ()
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    approvals: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def lender_of(stated: Mapping[str, Any], file_name: str) -> Lender:
    """A lender from its file; raises ``Invalid`` naming the file and the entry."""
    try:
        return _lender(stated, file_name.removesuffix(".yml"))
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        what = error.en if isinstance(error, Invalid) else f"{type(error).__name__} {error}"
        raise Invalid(f"{file_name} is wrong: {what}", f"{file_name} 有误：{what}", field="lender") from error


def _lender(stated: Mapping[str, Any], stem: str) -> Lender:
    if unknown := set(stated) - _ENTRIES:
        raise ValueError(f"there is no entry {', '.join(sorted(map(str, unknown)))}")
    code = str(stated["lender"])
    if not _CODE.fullmatch(code) or code != stem:
        raise ValueError(f"the code {code} is not the name of the file")
    parameters: dict[str, dict[str, object]] = {}
    for name, value in (stated.get("parameters") or {}).items():
        parameters.setdefault(str(name), {})[Scope(lender=code).text] = value
    if "buckets" in stated:
        parameters[BUCKETS] = {Scope(lender=code).text: _ranges(stated["buckets"])}
    products = {}
    for product, about in stated["products"].items():
        products[str(product)] = _pair(about["name"])
        if unknown := set(about) - {"name", "parameters"}:
            raise ValueError(f"product {product} has no {', '.join(sorted(unknown))}")
        for name, value in (about.get("parameters") or {}).items():
            parameters.setdefault(str(name), {})[Scope(lender=code, product=str(product)).text] = value
    approvals = dict(stated.get("approvals") or {})
    rules_from(approvals, RULES_HOLD_SINCE)
    return Lender(
        code=code,
        name=_pair(stated["name"]),
        kind=LenderKind(stated["kind"]),
        pack=str(stated["pack"]),
        products=products,
        intake=rules_listed({**one, "lender_code": code} for one in stated.get("intake") or ()),
        parameters=parameters,
        approvals=approvals,
    )


def _ranges(stated: Mapping[str, int | None]) -> list[dict[str, object]]:
    """Code → last day, as the ranges of the parameter: each begins where the one before ended."""
    found: list[dict[str, object]] = []
    first = 0
    for code, last in stated.items():
        found.append({"code": code, "first": first, "last": last})
        first = first if last is None else last + 1
    return found


def _pair(stated: object) -> tuple[str, str]:
    if isinstance(stated, list) and len(stated) == 2 and all(isinstance(text, str) and text for text in stated):
        return (stated[0], stated[1])
    raise ValueError("a name is one text in English and one in 中文")
