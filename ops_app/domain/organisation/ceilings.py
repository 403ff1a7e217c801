"""Who may give which role: nobody grants more than they hold; an agency's administrator stays below a ceiling."""

from __future__ import annotations

from collections.abc import Collection

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, ROLE_NAMES

AGENCY_CEILING = frozenset({Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.FIELD_VISITOR})
"""What the asset company lets an agency's administrator give, in the own agency only (feature 11)."""

GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.ADMINISTRATOR: frozenset(Role) - {Role.SYSTEM},
    Role.AGENCY_ADMINISTRATOR: AGENCY_CEILING,
}
"""Role → roles it may give and manage. Default deny."""

DECIDING = frozenset(
    {
        "approvals.decide", "approvals.rules", "books.export", "differences.decide", "parameters.change",
        "payments.record", "people.manage", "periods.close", "reconciliation.decide", "refunds.pay", "refunds.request",
        "requests.rules", "rights.narrow", "suspense.decide",
    }
)  # fmt: skip
"""Rights that move money, change rules, or decide on what others ask for."""

WITH_A_SECOND = frozenset({Role.ADMINISTRATOR, Role.FINANCE, Role.COMPLIANCE, Role.MANAGER, Role.SUPERVISOR})
"""Roles of the asset company that hold one of ``DECIDING``: two people give them (R0.3, decision 0014)."""


class BeyondCeiling(Refused):
    """The role lies above what this person may give."""

    def __init__(self, actor: Actor, role: Role) -> None:
        may = [other for other in Role if other in GRANTABLE.get(actor.role, frozenset())]
        names_en = ", ".join(ROLE_NAMES[one][0] for one in may) or "nobody"
        names_zh = "、".join(ROLE_NAMES[one][1] for one in may) or "无"
        super().__init__(
            f"You may manage: {names_en}; not: {ROLE_NAMES[role][0]}. Ask the asset company's administrator.",
            f"您可管理的角色：{names_zh}；不含：{ROLE_NAMES[role][1]}。请联系资产公司系统管理员。",
        )


class WiderThanOwn(Refused):
    """The role holds what was taken from the person who would give it."""

    def __init__(self, role: Role) -> None:
        super().__init__(
            f"The role {ROLE_NAMES[role][0]} includes a right that was withheld from you or limited for you; nobody "
            "gives more than they have. Ask an administrator from whom nothing was taken.",
            f"角色“{ROLE_NAMES[role][1]}”包含已对您停用或限额的权限，任何人不得授予超出自身的权限。"
            "请联系权限未受限制的系统管理员。",
        )


class NeedsASecond(Refused):
    """The role is given by two people."""

    def __init__(self, role: Role, deciders: Collection[Role]) -> None:
        names_en = ", ".join(ROLE_NAMES[one][0] for one in deciders)
        names_zh = "、".join(ROLE_NAMES[one][1] for one in deciders)
        super().__init__(
            f"Nobody gives the role {ROLE_NAMES[role][0]} alone: the administrator asks for it, and it is approved by: "
            f"{names_en}.",
            f"角色“{ROLE_NAMES[role][1]}”不得由一人授予：由系统管理员提出申请，经以下角色审批：{names_zh}。",
            field="role",
        )


def may_grant(actor: Actor, role: Role, agency_code: str | None) -> bool:
    """Whether ``actor`` may give ``role`` to somebody of ``agency_code`` (``None``: of the asset company)."""
    if role not in GRANTABLE.get(actor.role, frozenset()):
        return False
    return actor.agency_code is None or actor.agency_code == agency_code


def check_grant(actor: Actor, role: Role, agency_code: str | None) -> None:
    """Raise unless ``actor`` may give ``role`` there and nothing of the role was taken from ``actor``: what opens an
    account or widens it asks this, what closes one asks ``check_ceiling``. Raises ``BeyondCeiling``, ``WiderThanOwn``.
    """
    check_ceiling(actor, role, agency_code)
    taken = actor.rights.withheld | {right for right, _, _ in actor.rights.limits}
    if any(role in GRANTS.get(right, frozenset()) for right in taken):
        raise WiderThanOwn(role)


def check_ceiling(actor: Actor, role: Role, agency_code: str | None) -> None:
    """Raise ``BeyondCeiling`` unless ``actor`` may give ``role`` there."""
    if not may_grant(actor, role, agency_code):
        raise BeyondCeiling(actor, role)
