"""The rules of approval that an installation comes with: data, until people change those of a kind."""

from __future__ import annotations

import functools

from sqlalchemy.engine import Connection

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.organisation.approval_rules import ApprovalRule, rules_from
from ops_app.domain.organisation.lenders import RULES_HOLD_SINCE
from ops_app.services.organisation.installation import installation
from ops_app.store.organisation import approval_rules

REFERENCE = PROJECT_ROOT / "data" / "reference" / "approval_rules.yml"


@functools.cache
def reference_rules() -> tuple[ApprovalRule, ...]:
    """What the reference data says; raises ``Invalid`` where it does not hold together."""
    return rules_from(yaml_of(REFERENCE.read_text(encoding="utf-8")), RULES_HOLD_SINCE)


def rules_of_kind(connection: Connection, kind: str, lender_code: str | None = None) -> list[ApprovalRule]:
    """The rules of a kind, ended and future ones too: those that people made for it, else those that the lender's file
    has for requests about its cases, else those of the reference."""
    stored = approval_rules.rules_of(connection, kind)
    if stored:
        return stored
    lender = installation().lenders.get(lender_code or "")
    if lender is not None and kind in lender.approvals:
        return list(rules_from({kind: lender.approvals[kind]}, RULES_HOLD_SINCE))
    return [rule for rule in reference_rules() if rule.kind == kind]
