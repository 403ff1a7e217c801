"""Permissions: default deny, and what a role holds."""

from __future__ import annotations

import pytest

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, OWN_ACCOUNT, ROLE_NAMES, may, require


def actor(role: Role, *, must_change: bool = False) -> Actor:
    return Actor(
        "p-1", "Ada", role, "A01" if role.value.startswith("agency") else None, must_change_password=must_change
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", sorted(GRANTS))
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, permission: str) -> None:
    granted = role in GRANTS[permission]
    assert may(actor(role), permission) is granted
    if granted:
        require(actor(role), permission)
    else:
        with pytest.raises(Refused) as refusal:
            require(actor(role), permission)
        assert ROLE_NAMES[role][0] in refusal.value.en
        assert ROLE_NAMES[role][1] in refusal.value.zh


@pytest.mark.parametrize("role", list(Role))
def test_a_code_that_is_in_no_table_belongs_to_nobody(role: Role) -> None:
    assert not may(actor(role), "everything.do")
    with pytest.raises(Refused, match="nobody"):
        require(actor(role), "everything.do")


@pytest.mark.parametrize("permission", sorted(GRANTS))
def test_with_a_temporary_password_only_the_own_account_is_open(permission: str) -> None:
    somebody = actor(Role.ADMINISTRATOR, must_change=True)
    assert may(somebody, permission) is (permission == OWN_ACCOUNT)
    if permission != OWN_ACCOUNT:
        with pytest.raises(Refused, match="temporary password"):
            require(somebody, permission)


def test_every_role_has_a_name_in_both_languages() -> None:
    assert set(ROLE_NAMES) == set(Role)
    assert all(en and zh for en, zh in ROLE_NAMES.values())


def test_roles_of_an_agency_see_no_staff_pages_and_the_system_cannot_decide() -> None:
    held = {
        Role.AGENCY_SUPERVISOR: {
            *(f"cases.{code}" for code in ("view", "agency", "assign", "conflict", "conflict_end", "flag", "touch")),
            *(f"cases.{code}" for code in ("unmask", "tag", "attach")),
            *("cases.file", "rows.export", "imports.view", "imports.make"),
            *("cases.withdraw", "views.share", "requests.view", "requests.raise", "repayments.view"),
            *("approvals.view", "approvals.own", "approvals.decide", "commission.own"),
            *(f"fields.{code}" for code in ("name", "phones", "address", "employer", "amounts")),
        },
        Role.AGENCY_ADMINISTRATOR: {
            *("cases.view", "cases.agency", "people.manage_own_agency", "requests.view"),
            *("cases.file", "rows.export", "imports.view", "imports.make", "fields.amounts", "repayments.view"),
            *("commission.own", "commission.split"),
        },
        Role.COLLECTOR: {f"cases.{code}" for code in ("view", "own", "flag", "touch", "unmask", "tag", "attach")}
        | {"cases.conflict", "requests.view", "requests.raise", "approvals.own"}
        | {f"fields.{code}" for code in ("name", "phones", "address", "amounts")},
        Role.FIELD_VISITOR: set(),
    }
    for role, codes in held.items():
        assert {code for code in GRANTS if may(actor(role), code)} == {OWN_ACCOUNT} | codes, role
    assert not may(SYSTEM, "reconciliation.decide")
    assert not may(SYSTEM, "people.manage")


def test_an_actor_of_an_agency_has_the_snapshot_of_that_agency() -> None:
    assert actor(Role.AGENCY_SUPERVISOR).audience == "agency-A01"
    assert actor(Role.ANALYST).audience == "asset_company"
