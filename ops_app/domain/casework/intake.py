"""Rules of intake: from when on an overdue loan is a case, and from when on it waits to be placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from ops_app.domain.errors import Invalid


@dataclass(frozen=True)
class IntakeRule:
    """One version of a rule. ``None`` as lender or product fits every one.

    A loan in collection opens a case once it is at least ``least_days_past_due`` days late (``None``: as many as the
    parameter ``casework.intake_days_past_due`` says on the day, for its lender and product) and owes at least
    ``least_balance_minor`` (whole minor units of its own currency), unless its status or region is excluded. A case
    that nobody has taken waits to be placed once it is ``placement_from_days`` days late (``None``: never by itself).
    A written-off loan fits whatever its days.
    """

    rule: str
    version: int
    valid_from: date
    least_days_past_due: int | None = None
    least_balance_minor: int = 0
    lender_code: str | None = None
    product_code: str | None = None
    exclude_statuses: tuple[str, ...] = ()
    exclude_regions: tuple[str, ...] = ()
    placement_from_days: int | None = None

    def __post_init__(self) -> None:
        if not self.rule or self.version < 1 or (self.least_days_past_due or 0) < 0 or self.least_balance_minor < 0:
            raise _wrong(f"rule {self.rule or '?'} version {self.version}")
        if self.placement_from_days is not None and self.placement_from_days < 0:
            raise _wrong(f"placement_from_days of {self.rule}")

    @property
    def weight(self) -> int:
        """How specific the rule is: the greater wins."""
        return (2 if self.product_code else 0) + (1 if self.lender_code else 0)


def rules_of(listed: Iterable[Mapping[str, Any]]) -> tuple[IntakeRule, ...]:
    """Rules from their file; raises ``Invalid`` as ``checked`` does."""
    return checked(rules_listed(listed))


def rules_listed(listed: Iterable[Mapping[str, Any]]) -> tuple[IntakeRule, ...]:
    """Rules as a file lists them, not held against one another; raises ``Invalid`` for an unknown name."""
    known = {one.name for one in fields(IntakeRule)}
    rules = []
    for entry in listed:
        if unknown := set(entry) - known:
            raise _wrong(", ".join(sorted(map(str, unknown))))
        values = dict(entry)
        for name in ("exclude_statuses", "exclude_regions"):
            values[name] = tuple(values.get(name) or ())
        rules.append(IntakeRule(**values))
    return tuple(rules)


def checked(rules: Iterable[IntakeRule]) -> tuple[IntakeRule, ...]:
    """The rules of the house and of its lenders together; raises ``Invalid`` for a repeated version, two rules of equal
    reach, or if no rule fits every loan."""
    rules = tuple(rules)
    reach: dict[tuple[str | None, str | None], str] = {}
    for one in rules:
        if reach.setdefault((one.lender_code, one.product_code), one.rule) != one.rule:
            raise _wrong(f"{one.rule} and {reach[one.lender_code, one.product_code]} fit the same loans")
    for key in ("version", "valid_from"):
        seen = [(one.rule, getattr(one, key)) for one in rules]
        if len(set(seen)) != len(seen):
            raise _wrong(f"a {key} that occurs twice in one rule")
    if (None, None) not in reach:
        raise _wrong("no rule that fits every loan")
    return rules


def _wrong(what: str) -> Invalid:
    return Invalid(f"The rules of intake are wrong: {what}.", f"入催规则有误：{what}。", field="intake")
