"""Every page × role × the way in which a case stands to the person, as a browser is shown it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from secrets import token_urlsafe

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from ops_app.bootstrap import App
from ops_app.consoles.kit.context import use_app
from ops_app.consoles.pages import PAGES, PageSpec
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, ROLE_NAMES
from ops_app.server import SCRIPT
from ops_app.services.organisation import sessions as session_service
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.services.organisation.sign_in import begin_session
from ops_app.store.organisation.people import by_id
from tests.access import table, world
from tests.access.table import PEOPLE, Row
from tests.access.world import RELATIONS, THEN, World
from tests.clock import FixedClock
from tests.consoles.conftest import page as page_of
from tests.consoles.conftest import words

Holding = Callable[[str | None], None]


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    found = {spec.key: spec.permission for spec in PAGES}
    found |= {f"dashboards/{url_path}": "dashboards.view" for url_path, *_ in dashboards.PAGES}
    known = table.rows("pages")
    new = {
        key: f"  {key}: house {table.in_words(GRANTS[permission] - {Role.SYSTEM})}"
        for key, permission in found.items()
        if key not in known
    }
    assert not new, table.missing("pages", new)
    assert sorted(known) == sorted(found), "rows of pages that are no more; remove them from tests/access/matrix.yml"
    for key, permission in found.items():
        assert GRANTS[permission] - {Role.SYSTEM} == known[key].who, f"the row of {key} and its permission disagree"


@pytest.fixture
def made(app: App) -> World:
    """The four cases, in the installation whose pages are opened; it is the moment after them."""
    object.__setattr__(app, "clock", FixedClock(THEN))
    use_app(app)
    return world.made(app.store, app.settings.evidence)


def session_of(app: App, made: World, role: Role) -> str:
    """A session of somebody in ``role``; the collector is the one who has the case ``own``."""
    token = token_urlsafe(32)
    with app.store.writing(SYSTEM, THEN) as transaction:
        if role is Role.COLLECTOR:
            person = by_id(transaction.connection, made.mine.person_id)
            assert person is not None
        else:
            agency = "AG01" if role in AGENCY_ROLES | ROLES_OF_EITHER else None
            name = role.value.replace("_", "-")
            person = replace(new_person(THEN, name, f"Test {name}", role, agency, "en"), must_change_password=False)
            enter_person(transaction, person, "no-password-opens-this")
        if person.must_change_password:
            from sqlalchemy import update

            from ops_app.store.tables.organisation import people

            transaction.connection.execute(
                update(people).where(people.c.person_id == person.person_id).values(must_change_password=False)
            )
        begin_session(transaction, person, token, "test")
        transaction.audit("test.session", "person", person.person_id)
    return token


@pytest.mark.parametrize("role", PEOPLE, ids=lambda role: role.value)
def test_a_role_opens_the_pages_of_its_rows_and_sees_only_its_cases(
    app: App, made: World, holding: Holding, role: Role, capsys: pytest.CaptureFixture[str]
) -> None:
    token = session_of(app, made, role)
    holding(token)
    cells = 0
    at = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not at.exception
    for key, row in table.rows("pages").items():
        cells += len(RELATIONS)
        if key.startswith("dashboards/"):
            continue  # their permission is held to their rows above; a function is no file that can be opened here
        spec = page_of(key)
        if row.kind == "list" and role in row.who:
            for relation in RELATIONS:
                _opened(at, spec, {"case_id": made.cases[relation]})
                _shows_only(at, made, role, relation, key)
        _opened(at, spec, {})
        _open_or_refused(at, row, role, key)
        _shows_only(at, made, role, "", key)
    _ended(at, app, made, token, role)
    with capsys.disabled():
        print(f"\nauthorization matrix, pages of {role.value}: {cells} cells, 0 wrong")


def _opened(at: AppTest, spec: PageSpec, query: dict[str, str]) -> None:
    at.query_params.clear()
    for name, value in query.items():
        at.query_params[name] = value
    if spec.url_path:
        at.switch_page(spec.file)
    else:
        at.switch_page("home.py")
    at.run()
    assert not at.exception, (spec.key, [error.value for error in at.exception])


def _open_or_refused(at: AppTest, row: Row, role: Role, key: str) -> None:
    titles = [title.value for title in at.title]
    if role in row.who:
        assert len(titles) == 1, key
        assert not at.error, (key, [error.value for error in at.error])
    else:
        assert titles == [], key
        assert "It may be done by:" in at.error[0].value
        assert ROLE_NAMES[role][0] in at.error[0].value


def _shows_only(at: AppTest, made: World, role: Role, asked: str, key: str) -> None:
    text = words(at)
    for relation in RELATIONS:
        shown = [canary for canary in made.canaries(relation)[2:] if canary in text]
        if relation not in table.sees(role):
            assert not shown, f"{key} shows {role.value} a case that is {relation}: {shown}"
        elif relation == asked:
            assert shown, f"{key} does not open a case that is {relation} to {role.value}"


def _ended(at: AppTest, app: App, made: World, token: str, role: Role) -> None:
    actor = session_service.actor_of(app.store, token, now=THEN)
    assert isinstance(actor, Actor)
    session_service.sign_out_everywhere(actor, app.store, now=THEN)
    at.run()
    assert not at.title
    assert "You are signed out" in words(at)
    for relation in RELATIONS:
        assert not any(canary in words(at) for canary in made.canaries(relation))
