"""The demo's work with money: by the acts that anybody would use, so that no page of money is empty."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.demo_work import create_demo_work
from ops_app.services.ledger.agreement_judging import judge_agreements
from ops_app.services.ledger.commission_verify import verify_commission, verify_statements
from ops_app.services.ledger.verify_books import verify_agreements
from ops_app.services.ledger.verify_write_offs import verify_write_offs
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.services.organisation.demo_people import create_demo_people
from ops_app.store.tables.agreements import agreements
from ops_app.store.tables.commissions import commission_contracts, commission_lines, settlements
from ops_app.store.tables.requests import case_requests
from ops_app.store.tables.write_offs import write_offs
from pipelines.demo_money import agree_in_demo, begin_demo_money, settle_in_demo
from tests.services.casework.asking import ZONE
from tests.services.casework.casebook import NOW, a_debtor, a_spell, taken_in

TODAY = NOW.astimezone(ZONE).date()
REGIONS = ("310000", "320000", "410000", "440000", "510000", "110000")
PARTS = {"principal_minor": 180_000, "interest_minor": 8_000, "fees_minor": 2_000, "penalty_minor": 10_000}


def work(app: App) -> None:
    begin_demo_money(app, now=NOW, today=TODAY)
    create_demo_work(SYSTEM, app.store, now=NOW, zone=ZONE, demo=True)
    agree_in_demo(app, now=NOW, today=TODAY)
    judge_agreements(SYSTEM, app.store, now=NOW, as_of=TODAY)


def settle(app: App) -> bool:
    later = TODAY + timedelta(days=2)
    did = settle_in_demo(app, now=NOW + timedelta(days=2), today=later, since=TODAY)
    judge_agreements(SYSTEM, app.store, now=NOW + timedelta(days=2), as_of=later)
    return did


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A demo of 72 cases in which the money work was done, every step twice."""
    app = open_app(Settings.load(home=tmp_path_factory.mktemp("home"), ops_url="", demo=True))
    spells = [
        a_spell(n, region_code=REGIONS[n % 6], is_due_for_placement=n % 12 > 1, lender_code="HYB", as_of_date=TODAY,
                days_past_due=30 + n, balance_minor=200_000, **PARTS)
        for n in range(1, 73)
    ]  # fmt: skip
    taken_in(app.store, app.settings.evidence, *spells, debtors=[a_debtor(n) for n in range(1, 73)])
    create_demo_people(SYSTEM, app.store, now=NOW, demo=True)
    create_demo_organisation(SYSTEM, app.store, now=NOW, today=TODAY, demo=True)
    work(app)
    work(app)
    assert settle(app)
    assert not settle(app)
    yield app
    app.close()


def found(app: App, *columns: object) -> list[tuple[object, ...]]:
    with app.store.reading() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))  # type: ignore[call-overload]


def test_no_page_of_money_is_empty_and_every_state_is_shown(app: App) -> None:
    assert found(app, write_offs.c.state) == [("booked",), ("partly_recovered",), ("requested",)]
    assert len(found(app, commission_contracts.c.agency_code)) == 2
    assert [state for (state,) in found(app, settlements.c.state)] == ["disputed", "paid"]
    kinds = {kind for (kind,) in found(app, commission_lines.c.kind)}
    assert {"earned"} <= kinds
    asked = [kind for (kind,) in found(app, case_requests.c.kind)]
    assert asked.count("payment_confirmation") == 3
    states = {state for (state,) in found(app, agreements.c.state)}
    assert states >= {"requested", "granted", "fulfilled", "refused"}


def test_what_the_demo_did_with_money_holds_by_every_check(app: App) -> None:
    for check in (verify_commission, verify_statements, verify_write_offs, verify_agreements):
        assert check(app.store).state == "holds", check
