"""Who goes from one agency to another takes nothing along and leaves nothing behind that the others can read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import Rights
from ops_app.services.casework.assigning import unassign_cases
from ops_app.services.casework.saved_views import list_views, save_view
from ops_app.services.organisation.approvals import my_requests
from ops_app.services.organisation.notices import list_my_notices
from ops_app.services.organisation.people import change_role
from ops_app.services.organisation.todo import list_todos
from ops_app.store.store import Store
from tests.access.world import THEN
from tests.services.casework.asking import ask, decide
from tests.services.casework.casebook import (
    AG1,
    NOW,
    WHY,
    ZONE,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    placed,
    taken_in,
    versions,
)
from tests.services.organisation.planting import an_agency

ADMIN = Actor("p-admin", "Admin", Role.ADMINISTRATOR)


def moved(store: Store, who: Actor, agency: str) -> Actor:
    """The person as the next session finds them."""
    an_agency(store, agency)
    change_role(
        ADMIN, store, now=THEN, person_id=who.person_id, version=1, role=who.role, agency_code=agency, reason=WHY
    )
    return replace(who, agency_code=agency)


def shown(store: Store, who: Actor) -> dict[str, str]:
    return {one.name: one.filters["text"] for one in list_views(who, store, now=THEN, page="agency_cases")}


def test_a_shared_view_goes_with_its_owner_and_is_not_written_into_the_house_left(store: Store) -> None:
    lead, stays = (a_collector(store, name, "AG01", Role.AGENCY_SUPERVISOR) for name in ("lead", "stays"))
    other = a_collector(store, "other", "AG02", Role.AGENCY_SUPERVISOR)
    given = {"now": NOW, "page": "agency_cases", "name": "Ours", "shared": True}
    save_view(lead, store, filters={"text": "L-of-AG01"}, **given)
    assert (shown(store, stays), shown(store, other)) == ({"Ours": "L-of-AG01"}, {})
    lead = moved(store, lead, "AG02")
    assert (shown(store, stays), shown(store, other)) == ({}, {}), "nobody of the old house or the new one reads it"
    save_view(lead, store, filters={"text": "L-of-AG02"}, **given)
    assert (shown(store, stays), shown(store, other)) == ({}, {"Ours": "L-of-AG02"})


def test_what_one_was_told_in_another_agency_is_not_read_on(store: Store, tmp_path: Path) -> None:
    taken_in(store, tmp_path, a_spell(7301), debtors=[a_debtor(7301)])
    one = case_id("SIM", "L7301", 1)
    placed(store, "AG01", one)
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, one)
    request_id = ask(store, tmp_path, mine, one, CaseRequestKind.WAIVER)
    lead = a_collector(store, "lead", "AG01", Role.AGENCY_SUPERVISOR)
    decide(store, lead, request_id, "reject")

    def told(who: Actor) -> tuple[int, int, int, int]:
        page = list_my_notices(who, store, now=THEN)
        todos = list_todos(who, store, now=THEN, zone=ZoneInfo(ZONE))
        return len(page.rows), page.total, page.unread, todos.unread_notices

    assert told(mine) == (1, 1, 1, 1)
    assert told(replace(mine, rights=Rights(sources=frozenset({"SIM"})))) == (1, 1, 1, 1)
    assert told(replace(mine, rights=Rights(sources=frozenset({"OTHER"})))) == (0, 0, 0, 0)
    unassign_cases(AG1, store, now=THEN, wanted=versions(store, one), reason=WHY)
    mine = moved(store, mine, "AG02")
    assert told(mine) == (0, 0, 0, 0)
    assert my_requests(mine, store, now=THEN).rows == ()
