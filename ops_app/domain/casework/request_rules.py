"""Which requests on a case go up to the asset company, above which amount, per agency; and when each is due."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ops_app.domain.canonical import key_hash, moment_text
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.errors import Invalid

ANY = "*"
"""A rule for every agency, or for every currency, that has no rule of its own."""

LONGEST_DUE_HOURS = 24 * 90
_AGENCY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


class AssetStep(StrEnum):
    """Whether a request that an agency's supervisor approved goes on to the asset company."""

    ALWAYS = "always"
    ABOVE = "above"
    NEVER = "never"


ASSET_STEP_NAMES: dict[AssetStep, tuple[str, str]] = {
    AssetStep.ALWAYS: ("always", "一律上报"),
    AssetStep.ABOVE: ("above the amount", "超过金额上报"),
    AssetStep.NEVER: ("never", "不上报"),
}


@dataclass(frozen=True)
class RequestRule:
    """Requests of ``kind`` of an agency need the asset company ``always``, ``never``, or from amounts strictly above
    ``above_minor`` (whole minor units of ``currency``), and are due ``due_hours`` after they were made. Valid for
    requests made from ``starts_at`` until before ``ends_at``."""

    kind: CaseRequestKind
    asset: AssetStep
    due_hours: int
    starts_at: datetime
    above_minor: int | None = None
    agency_code: str = ANY
    currency: str = ANY
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.asset is AssetStep.ABOVE) != (self.above_minor is not None):
            raise Invalid(
                "Name an amount where, and only where, it decides.", "仅在按金额上报时填写金额。", field="above_minor"
            )
        if self.above_minor is not None and not 0 <= self.above_minor < 10**15:
            raise Invalid("An amount is not negative.", "金额不能为负。", field="above_minor")
        if not 1 <= self.due_hours <= LONGEST_DUE_HOURS:
            raise Invalid(
                f"Due in 1 to {LONGEST_DUE_HOURS} hours.", f"办理时限为 1 至 {LONGEST_DUE_HOURS} 小时。",
                field="due_hours",
            )  # fmt: skip
        if self.agency_code != ANY and not _AGENCY.fullmatch(self.agency_code):
            raise Invalid("Name the agency by its code.", "请填写机构代码。", field="agency_code")
        if self.currency != ANY and not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid("The currency has three letters.", "币种为三位字母。", field="currency")

    @property
    def rule_id(self) -> str:
        """The same rule is the same row, however often it is loaded."""
        return key_hash("request_rule", self.kind.value, self.agency_code, self.currency, moment_text(self.starts_at))

    @property
    def place(self) -> tuple[str, str, str]:
        """What the rule is about: kind, agency, currency."""
        return self.kind.value, self.agency_code, self.currency

    def is_valid(self, at: datetime) -> bool:
        """Whether requests made ``at`` follow this rule."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)

    def goes_up(self, amount_minor: int) -> bool:
        """Whether a request of this amount needs the asset company."""
        if self.above_minor is not None:
            return amount_minor > self.above_minor
        return self.asset is AssetStep.ALWAYS

    def due_at(self, made_at: datetime) -> datetime:
        """When a request made at that moment is due."""
        return made_at + timedelta(hours=self.due_hours)

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of a rule."""
        return {
            "kind": self.kind, "agency_code": self.agency_code, "currency": self.currency, "asset": self.asset,
            "above_minor": self.above_minor, "due_hours": self.due_hours, "starts_at": self.starts_at,
        }  # fmt: skip


def rule_for(
    rules: Iterable[RequestRule], kind: CaseRequestKind, agency_code: str | None, currency: str, at: datetime
) -> RequestRule:
    """The rule that a request follows: an agency's own before those of every agency, then its currency's own.

    An agency that no rule names and a kind without a rule go up always and are due in two days: nothing is let
    through because somebody forgot to say so.
    """
    found = [
        rule
        for rule in rules
        if rule.kind is kind
        and rule.is_valid(at)
        and rule.agency_code in (ANY, agency_code)
        and rule.currency in (ANY, currency)
    ]
    found.sort(key=lambda rule: (rule.agency_code != ANY, rule.currency != ANY, rule.starts_at), reverse=True)
    return found[0] if found else RequestRule(kind, AssetStep.ALWAYS, 48, at)


def rules_from(stated: Mapping[str, Any], starts_at: datetime) -> tuple[RequestRule, ...]:
    """Rules as the reference file states them: kind → ``asset``, ``above_minor``, ``due_hours``, ``agency_code``,
    ``currency``, one or a list. Raises ``Invalid`` and ``ValueError``."""
    rules = []
    for kind, rows in stated.items():
        for row in rows if isinstance(rows, list) else [rows]:
            rules.append(
                RequestRule(
                    CaseRequestKind(kind), AssetStep(row["asset"]), int(row["due_hours"]), starts_at,
                    above_minor=row.get("above_minor"), agency_code=str(row.get("agency_code", ANY)),
                    currency=str(row.get("currency", ANY)),
                )
            )  # fmt: skip
    places = [rule.place for rule in rules]
    if len(set(places)) != len(places):
        raise Invalid("Two rules speak of the same requests.", "同一类申请存在重复规则。", field="rules")
    return tuple(rules)
