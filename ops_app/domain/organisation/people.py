"""People: roles and the actor on whose behalf something is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.rights import NOTHING_LESS, Rights


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

ROLES_OF_EITHER = frozenset({Role.COLLECTOR, Role.FIELD_VISITOR})
LANGUAGES = ("en", "zh")
_SIGN_IN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}", re.ASCII)


@dataclass(frozen=True)
class Actor:
    """Who acts: taken from the session, never from a form (R0.3)."""

    person_id: str
    name: str
    role: Role
    agency_code: str | None = None
    language: str = "en"
    session_id: str | None = None
    must_change_password: bool = False
    """Signed in with a temporary password: until it is changed, only the own account is open."""
    rights: Rights = NOTHING_LESS
    """What this person may less than their role."""
    address: str | None = field(default=None, compare=False)
    """The network address this person acts from, where it is known; it goes into the audit log."""

    @property
    def audience(self) -> str:
        """The published snapshot this actor may open."""
        return f"agency-{self.agency_code}" if self.agency_code else "asset_company"


SYSTEM = Actor(person_id="system", name="Recoup", role=Role.SYSTEM)
"""The actor of schedules and pipelines."""


def folded_name(sign_in_name: str) -> str:
    """A sign-in name as it is compared: without spaces around it, in small letters."""
    return sign_in_name.strip().lower()


def is_possible_name(folded: str) -> bool:
    """Whether a folded sign-in name can belong to anybody."""
    return _SIGN_IN_NAME.fullmatch(folded) is not None


def checked_name(sign_in_name: str) -> str:
    """The folded sign-in name; raises ``Invalid`` unless it is 2 to 64 of a–z, 0–9, dot, dash and underscore."""
    name = folded_name(sign_in_name)
    if not is_possible_name(name):
        raise Invalid(
            "A sign-in name has 2 to 64 letters a–z, digits, dots, dashes or underscores, and begins with a letter or "
            "digit.",
            "登录名为 2 至 64 位，由字母 a–z、数字、点、短横线或下划线组成，并以字母或数字开头。",
            field="sign_in_name",
        )
    return name


def checked_display_name(display_name: str) -> str:
    """The name people read, spaces tidied; raises ``Invalid`` if empty, too long or not printable."""
    name = " ".join(display_name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("A name has 1 to 100 printable characters.", "姓名为 1 至 100 个可见字符。", field="display_name")
    return name


def checked_language(language: str) -> str:
    """``en`` or ``zh``; raises ``Invalid`` for anything else."""
    if language not in LANGUAGES:
        raise Invalid("The language is en or zh.", "语言为 en 或 zh。", field="language")
    return language


def check_place(role: Role, agency_code: str | None) -> None:
    """Raise ``Invalid`` unless ``role`` may be held there: agency roles in an agency, asset staff in none."""
    if role is Role.SYSTEM:
        raise Invalid("Nobody can be given the role of the system itself.", "不能授予系统角色。", field="role")
    if role in AGENCY_ROLES and agency_code is None:
        raise Invalid(
            "This role belongs to an agency: name it.", "该角色属于催收机构，请填写机构。", field="agency_code"
        )
    if agency_code is not None and role not in AGENCY_ROLES | ROLES_OF_EITHER:
        raise Invalid(
            "This role belongs to the asset company, not to an agency.",
            "该角色属于资产公司，不属于机构。",
            field="agency_code",
        )
    if agency_code is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", agency_code, re.ASCII):
        raise Invalid(
            "An agency code has letters, digits, dashes and underscores.",
            "机构代码由字母、数字、短横线和下划线组成。",
            field="agency_code",
        )


def person_id_of(sign_in_name: str) -> str:
    """The id of a person: derived from the sign-in name, which is never given to a second person."""
    return "p-" + key_hash("person", sign_in_name)[:16]
