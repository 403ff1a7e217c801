"""Who may give which role where: the whole matrix."""

from __future__ import annotations

from itertools import product

import pytest

from ops_app.domain.organisation.ceilings import (
    AGENCY_CEILING,
    DECIDING,
    WITH_A_SECOND,
    BeyondCeiling,
    check_ceiling,
    may_grant,
)
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, ROLE_NAMES

PLACES = (None, "AG01", "AG02")


@pytest.mark.parametrize(("giver", "role", "place"), list(product(Role, Role, PLACES)))
def test_a_role_is_given_below_the_ceiling_and_in_the_own_agency_only(
    giver: Role, role: Role, place: str | None
) -> None:
    own = "AG01" if giver in AGENCY_ROLES | ROLES_OF_EITHER else None
    actor = Actor("p-1", "x", giver, own)
    expected = (giver is Role.ADMINISTRATOR and role is not Role.SYSTEM) or (
        giver is Role.AGENCY_ADMINISTRATOR
        and role in {Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.FIELD_VISITOR}
        and place == "AG01"
    )
    assert may_grant(actor, role, place) is expected
    if expected:
        check_ceiling(actor, role, place)
    else:
        with pytest.raises(BeyondCeiling) as refusal:
            check_ceiling(actor, role, place)
        assert ROLE_NAMES[role][0] in refusal.value.en
        assert ROLE_NAMES[role][1] in refusal.value.zh


def test_no_role_may_give_itself_but_the_administrator() -> None:
    for role in Role:
        if role is not Role.ADMINISTRATOR:
            assert not may_grant(Actor("p-1", "x", role, "AG01"), role, "AG01")
    assert Role.AGENCY_ADMINISTRATOR not in AGENCY_CEILING


def test_the_roles_that_two_people_give_are_those_of_the_asset_company_that_decide() -> None:
    staff = frozenset(Role) - AGENCY_ROLES - ROLES_OF_EITHER - {Role.SYSTEM}
    deciding = {role for right in DECIDING for role in GRANTS[right]} & staff
    assert deciding == WITH_A_SECOND
