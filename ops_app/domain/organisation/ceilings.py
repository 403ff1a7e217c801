"""Who may give which role: nobody grants more than they hold; an agency's administrator stays below a ceiling."""

from __future__ import annotations

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import ROLE_NAMES

AGENCY_CEILING = frozenset({Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.FIELD_VISITOR})
"""What the asset company lets an agency's administrator give, in the own agency only (feature 11)."""

GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.ADMINISTRATOR: frozenset(Role) - {Role.SYSTEM},
    Role.AGENCY_ADMINISTRATOR: AGENCY_CEILING,
}
"""Role → roles it may give and manage. Default deny."""


class BeyondCeiling(Refused):
    """The role lies above what this person may give."""

    def __init__(self, actor: Actor, role: Role) -> None:
        may = [other for other in Role if other in GRANTABLE.get(actor.role, frozenset())]
        names_en = ", ".join(ROLE_NAMES[one][0] for one in may) or "nobody"
        names_zh = "、".join(ROLE_NAMES[one][1] for one in may) or "无"
        super().__init__(
            f"You may manage: {names_en}; not: {ROLE_NAMES[role][0]}. Ask the asset company's administrator.",
            f"您可管理的角色:{names_zh};不含:{ROLE_NAMES[role][1]}。请联系资产公司系统管理员。",
        )


def may_grant(actor: Actor, role: Role, agency_code: str | None) -> bool:
    """Whether ``actor`` may give ``role`` to somebody of ``agency_code`` (``None``: of the asset company)."""
    if role not in GRANTABLE.get(actor.role, frozenset()):
        return False
    return actor.agency_code is None or actor.agency_code == agency_code


def check_ceiling(actor: Actor, role: Role, agency_code: str | None) -> None:
    """Raise ``BeyondCeiling`` unless ``actor`` may give ``role`` there."""
    if not may_grant(actor, role, agency_code):
        raise BeyondCeiling(actor, role)
