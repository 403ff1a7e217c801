"""Parameters: what may be set, for whom, from which day. A change is a new version, never an overwrite.

The versions of one parameter in one scope are steps: each holds from its day until the next one begins, so two never
hold on the same day. Where a scope has no version of its own, its wider scopes count, and last the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import combinations

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.parameter_values import Value, ValueRule

DIMENSIONS = ("lender", "product", "pack")
"""What a parameter may vary by, the weightiest first."""

AREAS = ("organisation", "ledger", "casework", "contact", "conduct")
_SCOPE_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Scope:
    """For whom a value holds, or who asks for one: any of lender, product and rule pack; none of them means all."""

    lender: str | None = None
    product: str | None = None
    pack: str | None = None

    def __post_init__(self) -> None:
        for name in DIMENSIONS:
            code = getattr(self, name)
            if code is not None and not _SCOPE_CODE.fullmatch(code):
                raise Invalid(
                    f"{code} is no code: use letters, digits, dashes and underscores.",
                    f"{code} 不是有效代码：请使用字母、数字、短横线和下划线。",
                    field=name,
                )

    @property
    def named(self) -> tuple[str, ...]:
        """The dimensions it names."""
        return tuple(name for name in DIMENSIONS if getattr(self, name) is not None)

    @property
    def text(self) -> str:
        """As it is stored: ``all``, ``lender=B1``, ``lender=B1/product=card``."""
        return "/".join(f"{name}={getattr(self, name)}" for name in self.named) or "all"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope of a stored text; raises ``ValueError`` for anything else."""
        if text == "all":
            return cls()
        parts = dict(part.split("=", 1) for part in text.split("/"))
        found = cls(**parts) if set(parts) <= set(DIMENSIONS) else None
        if found is None or found.text != text:
            raise ValueError(f"{text!r} is no scope")
        return found

    def only(self, dimensions: frozenset[str]) -> Scope:
        """This scope without the dimensions that do not count."""
        return Scope(**{name: getattr(self, name) for name in self.named if name in dimensions})

    def widening(self) -> tuple[Scope, ...]:
        """This scope and every wider one, the most specific first: more dimensions before fewer, then lender before
        product before rule pack."""
        names = self.named
        return tuple(
            Scope(**{name: getattr(self, name) for name in chosen})
            for size in range(len(names), -1, -1)
            for chosen in combinations(names, size)
        )


ALL = Scope()


@dataclass(frozen=True)
class Definition:
    """One parameter: what it is and what may be set. Names, help and unit are (English, 中文).

    ``read_by`` is the module that reads it; ``awaited`` where that module is still to be built. ``held_in`` names the
    file that holds the value where it cannot be changed from a console. ``risky`` changes need an approval.
    """

    code: str
    area: str
    rule: ValueRule
    default: Value
    name: tuple[str, str]
    help: tuple[str, str]
    read_by: str
    unit: tuple[str, str] | None = None
    scopes: frozenset[str] = frozenset()
    risky: bool = False
    awaited: bool = False
    held_in: str | None = None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    code_names: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.area not in AREAS or not self.code.startswith(f"{self.area}."):
            raise ValueError(f"{self.code}: a code begins with its area")
        if not self.scopes <= set(DIMENSIONS):
            raise ValueError(f"{self.code} cannot vary by {sorted(self.scopes - set(DIMENSIONS))}")
        for text, value in {ALL.text: self.default, **self.defaults}.items():
            self.check_scope(Scope.parse(text))
            self.rule.read(value)

    def check_scope(self, scope: Scope) -> None:
        """Raise ``Invalid`` if the parameter may not vary by what ``scope`` names."""
        for name in scope.named:
            if name not in self.scopes:
                raise Invalid(
                    f"{self.name[0]} does not vary by {_DIMENSION_NAMES[name][0]}.",
                    f"{self.name[1]}不按{_DIMENSION_NAMES[name][1]}区分。",
                    field=name,
                )


_DIMENSION_NAMES = {"lender": ("lender", "资方"), "product": ("product", "产品"), "pack": ("rule pack", "规则包")}


class Effect(StrEnum):
    """What a version does from its day on."""

    SET = "set"
    """The scope has this value."""
    FOLLOW = "follow"
    """The scope has no value of its own any more: the wider scope or the default counts."""
    WITHDRAW = "withdraw"
    """A change that was planned for this day does not happen."""


@dataclass(frozen=True)
class ParameterVersion:
    """One version as it is kept for ever. ``version_no`` counts from 1 within (code, scope); ``replaces`` is the number
    of the planned version of the same day that it stands in for. ``made_by`` is the maker of the request."""

    seq: int
    code: str
    scope: str
    version_no: int
    effect: Effect
    value_json: str | None
    valid_from_date: date
    replaces: int | None
    made_by: str
    made_at: datetime
    approval_id: str | None
    reason: str
    prev_id: str
    version_id: str = ""


GENESIS = "0" * 64
"""The ``prev_id`` of the first version."""


def sealed(version: ParameterVersion) -> ParameterVersion:
    """``version`` with its id: a hash of all it says and of the version before it, so that two stores whose newest ids
    are equal hold the same versions."""
    said = {name: value for name, value in vars(version).items() if name != "version_id"}
    return replace(version, version_id=content_hash(said))


class NoSuchParameter(NotFound):
    """The catalogue has no such code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no parameter {code}.", f"没有参数 {code}。")


class ParameterChanged(Conflict):
    """Somebody changed the parameter since it was read."""

    def __init__(self, who: str, version_no: int) -> None:
        super().__init__(
            f"{who} changed this parameter meanwhile (version {version_no}). Look again, then decide.",
            f"{who} 已更改此参数（第 {version_no} 版）。请查看新版本后再决定。",
        )
        self.version_no = version_no


class HeldElsewhere(Refused):
    """The value lives in a file, and a console cannot change it."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(
            f"{definition.name[0]} is held in {definition.held_in} and changes with a new release, so that reports and "
            "consoles cannot disagree. Ask the operator.",
            f"{definition.name[1]}由 {definition.held_in} 固定，随新版本发布变更，以保证报表与操作台一致。请联系运维。",
        )


class PeriodClosed(Refused):
    """The change would reach into a closed period."""

    def __init__(self, area: str, first: date, last: date) -> None:
        super().__init__(
            f"The period {first} to {last} ({area}) is closed and keeps the values it was computed with. "
            "Choose a later day.",
            f"{first} 至 {last} 的期间（{area}）已关账，其取值不再变更。请选择之后的日期。",
            field="valid_from",
        )
