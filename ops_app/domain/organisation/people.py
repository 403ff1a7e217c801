"""People: roles and the actor on whose behalf something is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Role codes of the house (design section 2)."""

    ADMINISTRATOR = "administrator"
    ALLOCATION = "allocation"
    FINANCE = "finance"
    AUDITOR = "auditor"
    COMPLIANCE = "compliance"
    MANAGER = "manager"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    OPERATOR = "operator"
    AGENCY_ADMINISTRATOR = "agency_administrator"
    AGENCY_SUPERVISOR = "agency_supervisor"
    COLLECTOR = "collector"
    FIELD_VISITOR = "field_visitor"
    SYSTEM = "system"


AGENCY_ROLES = frozenset({Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR})
"""Roles that only exist inside an agency; a collector or field visitor may be in house or of an agency."""


@dataclass(frozen=True)
class Actor:
    """Who acts: taken from the session, never from a form (R0.3)."""

    person_id: str
    name: str
    role: Role
    agency_code: str | None = None
    language: str = "en"
    session_id: str | None = None

    @property
    def audience(self) -> str:
        """The published snapshot this actor may open."""
        return f"agency-{self.agency_code}" if self.agency_code else "asset_company"


SYSTEM = Actor(person_id="system", name="Recoup", role=Role.SYSTEM)
"""The actor of schedules and pipelines."""
