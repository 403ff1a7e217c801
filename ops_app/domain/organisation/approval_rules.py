"""Rules of approval: which roles decide on a kind of request, one after another, from which amount."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import key_hash, moment_text
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import FALLBACK_ROLE, RANKS
from ops_app.domain.organisation.people import Role

ANY_CURRENCY = "*"
"""A rule for amounts of every currency that has no rules of its own, and for requests without an amount."""

MOST_LEVELS = 9
_KIND = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+", re.ASCII)


@dataclass(frozen=True)
class ApprovalRule:
    """Requests of ``kind`` from ``from_minor`` on (inclusive, minor units of ``currency``) need level ``level_no``,
    which ``role`` decides. Valid for requests made from ``starts_at`` until before ``ends_at`` (never, where both are
    the same)."""

    kind: str
    level_no: int
    role: Role
    starts_at: datetime
    from_minor: int = 0
    currency: str = ANY_CURRENCY
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise Invalid(f"{self.kind!r} is no kind of request.", f"{self.kind!r} 不是申请类型。", field="kind")
        if self.role not in RANKS:
            raise Invalid("This role decides on no requests.", "该角色不能审批。", field="role")
        if not 1 <= self.level_no <= MOST_LEVELS:
            raise Invalid("A level is 1 to 9.", "审批级次为 1 至 9。", field="level_no")
        if self.from_minor < 0:
            raise Invalid("An amount is not negative.", "金额不能为负。", field="from_minor")
        if self.currency != ANY_CURRENCY and not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid("The currency has three letters.", "币种为三位字母。", field="currency")
        if self.ends_at is not None and self.ends_at < self.starts_at:
            raise Invalid("A rule ends after it starts.", "规则的失效时间不得早于生效时间。", field="ends_at")

    @property
    def rule_id(self) -> str:
        """The same rule is the same row, however often it is loaded."""
        return key_hash(
            "approval_rule", self.kind, self.currency, str(self.from_minor), str(self.level_no), self.role.value,
            moment_text(self.starts_at),
        )  # fmt: skip

    def is_valid(self, at: datetime) -> bool:
        """Whether requests made ``at`` follow this rule."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


def levels_for(
    rules: Iterable[ApprovalRule], kind: str, amount_minor: int | None, currency: str | None, at: datetime
) -> tuple[Role, ...]:
    """The roles that decide on a request made ``at``, first to last.

    Rules of the request's own currency stand in for those of any currency. Of one level's rules the one with the
    highest ``from_minor`` that the amount reaches names the role. Without any rule: one approval by a manager.
    """
    valid = [rule for rule in rules if rule.kind == kind and rule.is_valid(at)]
    own = [rule for rule in valid if rule.currency == currency]
    reached: dict[int, ApprovalRule] = {}
    for rule in own or (rule for rule in valid if rule.currency == ANY_CURRENCY):
        before = reached.get(rule.level_no)
        if rule.from_minor <= (amount_minor or 0) and (before is None or before.from_minor < rule.from_minor):
            reached[rule.level_no] = rule
    return tuple(reached[level].role for level in sorted(reached)) or (FALLBACK_ROLE,)


def check_rules(rules: Sequence[ApprovalRule]) -> None:
    """Raise ``Invalid`` where two rules say different things about the same amounts at the same time, or where the
    lowest amounts would need nobody."""
    seen: list[ApprovalRule] = []
    for rule in sorted(rules, key=lambda it: (it.kind, it.currency, it.level_no, it.from_minor, it.starts_at)):
        last = seen[-1] if seen else None
        if last is not None and _same_place(last, rule) and (last.ends_at is None or rule.starts_at < last.ends_at):
            raise Invalid(
                f"Two rules of {rule.kind} name level {rule.level_no} from the same amount at the same time.",
                f"{rule.kind} 第 {rule.level_no} 级存在起点金额与有效期重叠的规则。",
                field="rules",
            )
        seen.append(rule)
    for kind, currency in {(rule.kind, rule.currency) for rule in rules}:
        mine = [rule for rule in rules if (rule.kind, rule.currency) == (kind, currency)]
        for starts_at in {rule.starts_at for rule in mine}:
            if not any(rule.level_no == 1 and rule.from_minor == 0 and rule.is_valid(starts_at) for rule in mine):
                raise Invalid(
                    f"The rules of {kind} leave small amounts without a first level.",
                    f"{kind} 的规则未覆盖最低金额的第一级审批。",
                    field="rules",
                )


def _same_place(one: ApprovalRule, other: ApprovalRule) -> bool:
    return (one.kind, one.currency, one.level_no, one.from_minor) == (
        other.kind, other.currency, other.level_no, other.from_minor,
    )  # fmt: skip


def rules_from(stated: Mapping[str, Sequence[Mapping[str, Any]]], starts_at: datetime) -> tuple[ApprovalRule, ...]:
    """Rules as the reference file states them: kind → its levels (``level``, ``role``, ``from_minor``, ``currency``).

    All are valid from ``starts_at`` on. Raises ``Invalid``.
    """
    rules = tuple(
        ApprovalRule(
            kind=kind,
            level_no=int(row["level"]),
            role=Role(row["role"]),
            starts_at=starts_at,
            from_minor=int(row.get("from_minor", 0)),
            currency=str(row.get("currency", ANY_CURRENCY)),
        )
        for kind, rows in stated.items()
        for row in rows
    )
    check_rules(rules)
    return rules
