"""The pages of commission, for the asset company and for the agency, in both languages."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit.context import use_app
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.server import SCRIPT
from ops_app.services.ledger import settlements
from ops_app.services.organisation.sign_in import begin_session
from ops_app.store.organisation.people import by_id
from tests.clock import FixedClock
from tests.consoles.conftest import page as page_of
from tests.consoles.conftest import words
from tests.services.casework.casebook import an_agency
from tests.services.ledger.commissioning import (
    CLOSING,
    House,
    a_house,
    asked_to_lock,
    confirmed,
    green,
    lines,
    opened,
    paid,
    standing,
)
from tests.services.ledger.test_claimed_commissions import a_row, taken
from tests.services.ledger.test_claimed_commissions import lines as claimed_lines
from tests.services.ledger.test_claimed_commissions import record as claimed_record


@pytest.fixture
def house(app: App, tmp_path: Path) -> House:
    object.__setattr__(app, "clock", FixedClock(CLOSING))
    use_app(app)
    made = a_house(app.store, app.settings.evidence)
    an_agency(app.store, "AG02")
    paid(made, "P1", 10_003)
    return made


@pytest.fixture
def seen(app: App, house: House, holding):
    """A page as one of the house's people sees it."""

    def look(key: str, person_id: str, language: str = "en", **query: str) -> AppTest:
        token = uuid4().hex
        with app.store.writing(SYSTEM, CLOSING) as transaction:
            one = by_id(transaction.connection, person_id)
            assert one is not None
            transaction.connection.exec_driver_sql(
                f"update people set language = '{language}', must_change_password = 0 where person_id = '{person_id}'"
            )
            begin_session(transaction, one, token, "test")
            transaction.audit("test.signed_in", "person", person_id)
        holding(token)
        at = AppTest.from_file(str(SCRIPT), default_timeout=30)
        at.run()
        for name, value in query.items():
            at.query_params[name] = value
        at.switch_page(str(page_of(key).path)).run()
        assert not at.exception, [error.value for error in at.exception]
        return at

    return look


def press(at: AppTest, label: str) -> AppTest:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]
    return at


def field(at: AppTest, kind: str, name: str, of: str = ""):
    keys = {one.key: one for one in at.get(kind) if f".{name}." in (one.key or "") and str(one.key).startswith(of)}
    return next(iter(keys.values()))


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Settlements", "20.01", "21.21", "earned", "hash")), ("zh", ("结算单", "20.01", "含税金额", "计佣"))],
)
def test_a_settlement_shows_what_it_comes_to_and_its_lines(seen, house: House, language: str, said: tuple[str, ...]):
    one = opened(house)
    at = seen("commission", house.finance.person_id, language, settlements_id=one.settlement_id)
    shown = words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
    for word in said:
        assert word in shown or word == "hash", word


def test_the_list_of_lines_has_totals_and_opens_a_line_down_to_the_journal(seen, house: House):
    one = opened(house)
    line = lines(house, one)[0]
    at = seen("commission", house.finance.person_id, commission_tab="lines", lines_id=line.line_id)
    shown = words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
    for word in ("1 lines", "100.03", "SIM/P1", "claims_principal", "Placement ended at"):
        assert word in shown, word


def test_the_agency_sees_no_draft_and_disputes_a_line_once_it_is_presented(seen, house: House):
    one = opened(house)
    at = seen("agency_commission", house.agency.person_id)
    assert one.number not in words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
    settlements.present_settlement(
        house.finance, house.store, now=CLOSING, settlement_id=one.settlement_id, version=one.version
    )
    at = seen("agency_commission", house.agency.person_id, settlements_id=one.settlement_id)
    field(at, "selectbox", "line_id").select_index(0)
    field(at, "text_area", "reason").input("too little")
    press(at, "Dispute a line")
    assert standing(house, one.settlement_id).state.value == "disputed"
    at = seen("commission", house.finance.person_id, settlements_id=one.settlement_id)
    assert "too little" in words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
    field(at, "selectbox", "accept").select_index(1)
    field(at, "text_input", "correction_minor").input("1.50")
    field(at, "text_area", "reason", "answer_").input("granted")
    press(at, "Answer the dispute")
    assert [it.fee_minor for it in lines(house, one)] == [2_001, 150]


def test_another_agency_finds_nothing(seen, house: House):
    one = opened(house)
    settlements.present_settlement(
        house.finance, house.store, now=CLOSING, settlement_id=one.settlement_id, version=one.version
    )
    at = seen("agency_commission", house.foreign.person_id, settlements_id=one.settlement_id)
    assert "There is no such settlement." in words(at)
    assert one.number not in " ".join(frame.value.to_string() for frame in at.dataframe)


def test_the_desk_names_the_failed_check_and_asks_for_the_lock_once_all_are_green(seen, house: House):
    one = opened(house)
    settlements.present_settlement(
        house.finance, house.store, now=CLOSING, settlement_id=one.settlement_id, version=one.version
    )
    settlements.confirm_settlement(
        house.agency, house.store, now=CLOSING, settlement_id=one.settlement_id, version=one.version + 1
    )
    green(house, red="marts_built")
    at = seen("commission", house.finance.person_id, settlements_id=one.settlement_id)
    assert "the marts are built and their tests passed" in words(at)
    green(house)
    at = seen("commission", house.finance.person_id, settlements_id=one.settlement_id)
    assert "This check is not green" not in words(at)
    field(at, "text_area", "reason", "lock_").input("month is over")
    press(at, "Ask for approval and lock")
    assert "waits for approval" in words(at)


@pytest.mark.parametrize(("language", "label", "said"), [("en", "Try out", "Tier A"), ("zh", "试算", "档位 A")])
def test_a_contract_is_tried_out_step_by_step(seen, house: House, language: str, label: str, said: str):
    at = seen("commission_contracts", house.finance.person_id, language)
    press(at, label)
    steps = " ".join(frame.value.to_string() for frame in at.dataframe)
    assert said in steps
    assert "200.00" in steps


def test_a_version_is_proposed_and_what_is_wrong_stands_beside_it(seen, house: House):
    at = seen("commission_contracts", house.finance.person_id)
    field(at, "selectbox", "agency_code").select_index(0)
    field(at, "text_area", "terms").input("tiering: both")
    field(at, "text_area", "reason").input("new year")
    press(at, "Propose a new version")
    assert "The contract is wrong at tiers" in words(at)
    field(at, "text_area", "terms").input(
        "{currency: CNY, tiering: whole, age_basis: entry, tiers: [{code: B, rate: '0.1'}]}"
    )
    press(at, "Propose a new version")
    assert "waits for a second person" in words(at)


def test_payments_without_commission_have_their_reason(seen, house: House):
    at = seen(
        "commission", house.finance.person_id, commission_tab="unearned", unearned_since="2026-11-01",
        unearned_until="2026-11-30",
    )  # fmt: skip
    assert "Every payment of these days is on a line." in words(at)


def test_an_agencys_administrator_sets_the_split_and_the_statement_shows_shares(seen, app: App, house: House):
    from tests.services.organisation.approving import a_person

    boss = a_person(app.store, "Boss", Role.AGENCY_ADMINISTRATOR, "AG01")
    at = seen("agency_commission", boss.person_id, commission_tab="split")
    field(at, "text_input", "share").input("0.3")
    press(at, "Set the share")
    assert "The share is set." in words(at)


def claims_of(house: House) -> str:
    """A claimed statement of AG01: a line that claims 5.00 too much, and one without a payment; its id."""
    opened(house)
    taken(house, a_row("1", 2_501), a_row("2", 900, loan="L3"))
    return claimed_record(house).statement.statement_id


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Value dates covered", "By period", "above the contract", "20.01", "14.00")),
        ("zh", ("申报对账单", "按期间", "申报高于合同", "20.01", "14.00")),
    ],
)
def test_what_an_agency_claims_stands_beside_its_contract_by_period_and_line(
    seen, house: House, language: str, said: tuple[str, ...]
):
    statement = claims_of(house)
    for key, person in (("commission", house.finance), ("agency_commission", house.agency)):
        at = seen(key, person.person_id, language, commission_tab="claimed", claims_id=statement)
        shown = words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
        for word in said:
            assert word in shown, (key, word)


def test_finance_disputes_a_claimed_line_with_a_reason_beside_the_form(seen, house: House):
    statement = claims_of(house)
    one, _ = claimed_lines(house)
    at = seen("commission", house.finance.person_id, commission_tab="claimed", claims_id=statement,
              claimed_lines_id=one.line_id)  # fmt: skip
    press(at, "Decide")
    assert claimed_lines(house)[0].state.value == "open"
    field(at, "selectbox", "decision", "claim_").set_value("disputed")
    field(at, "text_area", "reason", "claim_").input("not in our books")
    press(at, "Decide")
    done, other = claimed_lines(house)
    assert (done.state.value, done.reason, other.state.value) == ("disputed", "not in our books", "open")


def test_finance_decides_alike_on_all_lines_that_are_shown(seen, house: House):
    statement = claims_of(house)
    at = seen("commission", house.finance.person_id, commission_tab="claimed", claims_id=statement)
    field(at, "selectbox", "decision", "claims_").set_value("accepted")
    field(at, "text_area", "reason", "claims_").input("settled by letter")
    press(at, "Decide")
    assert {it.state.value for it in claimed_lines(house)} == {"accepted"}


def test_an_agency_sees_its_claim_and_decides_nothing(seen, house: House):
    statement = claims_of(house)
    for person in (house.agency, house.manager):
        key = "agency_commission" if person is house.agency else "commission"
        at = seen(key, person.person_id, commission_tab="claimed", claims_id=statement)
        assert not [one for one in at.button if one.label in ("Decide", "Compare again")]


def test_a_statement_that_waits_to_be_locked_is_named_at_the_desk_of_approvals(seen, house: House):
    green(house)
    one = confirmed(house, opened(house))
    asked_to_lock(house, one)
    at = seen("approvals", house.other.person_id)
    shown = words(at) + " ".join(frame.value.to_string() for frame in at.dataframe)
    assert one.number in shown
    assert "lock a commission statement" in shown
