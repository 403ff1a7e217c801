"""An agency's system reads its statements and agreements by REST: its own, once presented, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.rest.api import build_api
from ops_app.services.ledger import settlements
from ops_app.services.organisation.sign_in import begin_session
from ops_app.store.organisation.people import by_id
from tests.clock import FixedClock
from tests.services.casework.casebook import an_agency
from tests.services.ledger.commissioning import CLOSING, House, a_house, lines, locked, opened, paid

Get = Callable[..., Any]
BASE = "/api/v1/commission"


@pytest.fixture
def house(app: App) -> House:
    object.__setattr__(app, "clock", FixedClock(CLOSING))
    made = a_house(app.store, app.settings.evidence)
    an_agency(app.store, "AG02")
    for number, minor in enumerate((10_003, 20_000, 30_000), start=1):
        paid(made, f"P{number}", minor, case=number)
    return made


@pytest.fixture
def get(app: App) -> Iterator[Get]:
    """An answer to one of the house's people."""
    served = Starlette(routes=[Mount("/api", app=build_api(app, Cookies(over_tls=False)))])
    with TestClient(served, base_url="http://testserver") as client:

        def ask(actor: Actor, address: str, **query: Any) -> Any:
            token = uuid4().hex
            with app.store.writing(SYSTEM, CLOSING) as transaction:
                transaction.connection.exec_driver_sql(
                    f"update people set must_change_password = 0 where person_id = '{actor.person_id}'"
                )
                person = by_id(transaction.connection, actor.person_id)
                assert person is not None
                begin_session(transaction, person, token, "test")
                transaction.audit("test.signed_in", "person", actor.person_id)
            client.cookies.set("recoup_session", token)
            return client.get(address, params=query)

        yield ask


def test_an_agency_reads_its_locked_statement_and_the_lines_page_by_page(get: Get, house: House) -> None:
    one = locked(house, opened(house))
    listed = get(house.agency, f"{BASE}/settlements").json()
    assert (listed["total"], [it["number"] for it in listed["rows"]]) == (1, [one.number])
    read = get(house.agency, f"{BASE}/settlements/{one.settlement_id}").json()
    assert (read["state"], read["totals"]["fees_minor"], read["content_hash"]) == ("locked", 12_001, one.content_hash)
    assert read["totals"] == listed["rows"][0]["totals"]
    found: list[int] = []
    after = None
    for _ in range(3):
        query = {"settlement_id": one.settlement_id, "limit": 1} | ({"after": after} if after else {})
        page = get(house.agency, f"{BASE}/lines", **query).json()
        assert (page["total"], page["sums"]) == (3, [{"currency": "CNY", "base_minor": 60_003, "fee_minor": 12_001}])
        found += [it["fee_minor"] for it in page["rows"]]
        after = page["next_after"]
    assert (sorted(found), after) == ([2_001, 4_000, 6_000], None)
    assert {it.fee_minor for it in lines(house, one)} == set(found)


def test_no_draft_and_nothing_of_another_agency_is_told(get: Get, house: House) -> None:
    one = opened(house)
    assert get(house.agency, f"{BASE}/settlements").json()["rows"] == []
    assert get(house.agency, f"{BASE}/lines").json()["rows"] == []
    assert get(house.agency, f"{BASE}/settlements/{one.settlement_id}").status_code == 404
    settlements.present_settlement(
        house.finance, house.store, now=CLOSING, settlement_id=one.settlement_id, version=one.version
    )
    mine = get(house.agency, f"{BASE}/settlements/{one.settlement_id}").json()
    assert (mine["state"], mine["totals"]["gross_minor"]) == ("presented", 12_721)
    assert get(house.foreign, f"{BASE}/settlements").json()["total"] == 0
    for query in ({}, {"settlement_id": one.settlement_id}, {"case_id": house.ids[0]}):
        answer = get(house.foreign, f"{BASE}/lines", **query).json()
        assert (answer["rows"], answer["total"], answer["sums"]) == ([], 0, [])
    gone, never = (
        get(house.foreign, f"{BASE}/settlements/{it}") for it in (one.settlement_id, "0" * len(one.settlement_id))
    )
    assert (gone.status_code, gone.json()["detail"]) == (404, never.json()["detail"])


def test_the_asset_companys_people_have_their_own_pages_and_a_wrong_mark_is_refused(get: Get, house: House) -> None:
    assert get(house.finance, f"{BASE}/settlements").status_code == 403
    assert get(house.agency, f"{BASE}/lines", after="nonsense").status_code == 422
    assert get(house.agency, f"{BASE}/lines", sort="payer").status_code == 422


def test_agreements_are_read_within_reach(get: Get, house: House) -> None:
    answer = get(house.agency, "/api/v1/agreements")
    assert (answer.status_code, answer.json()["rows"], answer.json()["total"]) == (200, [], 0)
    assert get(house.agency, "/api/v1/agreements/cq-none").status_code == 404
