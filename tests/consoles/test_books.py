"""The pages of the books: trial balance, statement, periods, vouchers, differences, the ledger on a case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Role
from ops_app.services.ledger.differences import DifferenceFilter, list_differences
from ops_app.services.ledger.vouchers import list_vouchers
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approvals import RequestFilter
from tests.clock import FixedClock
from tests.consoles.conftest import OpenPage, words
from tests.consoles.test_limitation_and_missing import field, press
from tests.services.casework.casebook import some_cases
from tests.services.ledger.closed import DAY, NOW, all_sent, closed, november, two_people
from tests.services.ledger.entering import paid
from tests.services.ledger.test_differences import a_difference


@pytest.fixture
def cases(app: App) -> list[str]:
    """Cases with a ledger whose November is ready; it is the second of December."""
    object.__setattr__(app, "clock", FixedClock(NOW))
    return november(app.store, app.settings.evidence)


def shown(at: AppTest) -> str:
    assert not at.exception, [error.value for error in at.exception]
    return words(at)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Debits and credits are equal", "Total", "Loan principal", "1301")),
     ("zh", ("借贷相等", "合计", "贷款本金", "1301"))],
)  # fmt: skip
@pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR, Role.MANAGER])
def test_the_trial_balance_says_that_it_balances(
    cases: list[str], open_page: OpenPage, language: str, said: tuple[str, ...], role: Role
) -> None:
    at = open_page("trial_balance", role, language=language, query={"trial_first": "2026-11-01"})
    text = shown(at)
    for one in said:
        assert one in text, one
    rows = at.dataframe[0].value
    total = rows[rows["number"] == ""].iloc[0]
    assert total["debits"] == total["credits"]
    assert set(rows["difference"]) <= {"0.00", "–"}


def test_days_in_the_wrong_order_are_refused_in_words(cases: list[str], open_page: OpenPage) -> None:
    at = open_page("trial_balance", Role.FINANCE, query={"trial_first": "2026-12-31", "trial_last": "2026-12-01"})
    shown(at)
    assert [error.value for error in at.error] == ["The last day is not before the first."]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("trial_balance", "Nothing is posted yet"),
        ("accounting_periods", "Nothing was ever posted"),
        ("vouchers", "Everything that is posted has been exported"),
        ("account_statement", "Nothing is posted to this account"),
        ("ledger_differences", "do not differ"),
    ],
)
def test_an_empty_ledger_says_so(app: App, open_page: OpenPage, page: str, said: str) -> None:
    assert said in shown(open_page(page, Role.FINANCE))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_statement_shows_lines_balance_and_the_entry_of_one(
    cases: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    at = open_page("account_statement", Role.FINANCE, language=language, query={
        "statement_account": "claims_interest", "statement_currency": "CNY",
    })  # fmt: skip
    shown(at)
    rows = at.dataframe[0].value
    assert list(rows["balance"])[-1] == "170.00"
    assert len(rows) == 4
    with app.store.reading() as connection:
        found = connection.exec_driver_sql("select entry_id from journal_entries where entry_no = 1").scalar_one()
    at.query_params["entry_id"] = found
    at.run()
    assert {"en": "Entry 1", "zh": "分录 1"}[language] in shown(at)
    assert len(at.dataframe) == 2


def test_finance_asks_for_a_close_that_the_manager_approves(cases: list[str], app: App, open_page: OpenPage) -> None:
    at = open_page("accounting_periods", Role.FINANCE)
    assert "ready to close" in shown(at)
    field(at, "text_area", "reason").set_value("month end")
    press(at, "Ask for the close")
    assert "A second person approves it" in words(at)
    assert "waiting for a second person" in words(at)
    manager = two_people(app.store)[1]
    (one,) = approvals.list_requests(manager, app.store, now=NOW, wanted=RequestFilter(states=frozenset())).rows
    assert one.kind == "ledger.close_period"


def test_a_close_that_is_not_ready_is_refused_with_the_check_named_and_set_aside_by_asking(
    cases: list[str], open_page: OpenPage, app: App
) -> None:
    a_difference(app.store, cases[0])
    at = open_page("accounting_periods", Role.FINANCE)
    field(at, "text_area", "reason").set_value("month end")
    press(at, "Ask for the close")
    assert any("ledger and feed do not differ" in error.value for error in at.error)
    box = field(at, "selectbox", "check_name")
    assert box.options == ["ledger and feed do not differ"]
    box.select("differences_settled")
    next(one for one in at.text_area if "override" in (one.key or "")).set_value("known to the lender")
    press(at, "Ask to set it aside")
    assert "A second person approves it" in words(at)


@pytest.mark.parametrize("page", ["accounting_periods", "vouchers"])
def test_who_does_not_close_only_looks(cases: list[str], open_page: OpenPage, page: str) -> None:
    assert "It may be done by: finance" in shown(open_page(page, Role.AUDITOR))


def test_a_closed_period_is_exported_fetched_and_acknowledged(cases: list[str], app: App, open_page: OpenPage) -> None:
    finance, manager = two_people(app.store)
    at = open_page("vouchers", Role.FINANCE)
    assert "A period is exported once it is closed" in shown(at)
    closed(app.store, finance, manager)
    all_sent(app.store)
    at.run()
    box = field(at, "selectbox", "period_id")
    press(at, "Export")
    assert any("fill" in error.value.lower() for error in at.error)
    with app.store.reading() as connection:
        period = connection.exec_driver_sql("select period_id from closed_periods").scalar_one()
    box = field(at, "selectbox", "period_id")
    box.select(f"{period}/SIM")
    press(at, "Export")
    assert "Batch 000001 is made" in words(at)
    (batch,) = list_vouchers(finance, app.store, now=NOW).rows
    at.query_params["voucher_id"] = batch.batch_id
    at.run()
    assert batch.file_hash in shown(at)
    press(at, "Record the acknowledgement")
    field(at, "text_input", "reference").set_value("GL-77")
    press(at, "Record the acknowledgement")
    assert "GL-77" in words(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_difference_is_taken_and_its_acceptance_asked_for(
    cases: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    found = a_difference(app.store, cases[0])
    at = open_page("ledger_differences", Role.FINANCE, language=language, query={"difference_id": found})
    shown(at)
    assert list(at.dataframe[0].value["difference"]) == ["-10.00"]
    do = {"en": "Do it", "zh": "确认办理"}[language]
    field(at, "selectbox", "what").select("take")
    press(at, do)
    finance = two_people(app.store)[0]
    (one,) = list_differences(finance, app.store, now=NOW, wanted=DifferenceFilter()).rows
    assert one.owner_id is not None
    field(at, "selectbox", "what").select("leave")
    press(at, do)
    assert at.error, "a reason is needed"
    field(at, "text_area", "reason").set_value("the lender is right")
    field(at, "selectbox", "what").select("accept")
    press(at, do)
    assert {"en": "A second person approves it", "zh": "须由他人审批"}[language] in words(at)


def test_the_case_shows_its_ledger_and_what_was_posted_anew(cases: list[str], app: App, open_page: OpenPage) -> None:
    late = paid(app.store, cases[0], DAY + timedelta(days=1), 9_800, now=NOW)
    at = open_page("cases", Role.FINANCE, query={"case_id": cases[0], "case_tab": "ledger"})
    assert "posted anew" in shown(at)
    assert "Ledger against lender as of" in words(at)
    box = next(one for one in at.selectbox if (one.key or "").startswith("ledger_event"))
    box.select(next(code for code in _codes(app, cases[0]) if code != late.event_id)).run()
    assert "reverses an earlier entry" in shown(at)


def _codes(app: App, case_id: str) -> list[str]:
    with app.store.reading() as connection:
        rows = connection.exec_driver_sql(
            "select event_id from journal_entries where reverses_entry_id is not null and case_id = ?", (case_id,)
        )
        return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("language", "look", "said"), [("en", "Work it out", ("Owed on", "Left over", "lender's last data")),
                                   ("zh", "试算", ("应还", "余款", "资方最近数据"))],
)  # fmt: skip
def test_the_calculator_says_what_is_owed_and_how_a_payment_would_be_posted(
    cases: list[str], open_page: OpenPage, language: str, look: str, said: tuple[str, ...]
) -> None:
    at = open_page("cases", Role.SUPERVISOR, language=language, query={"case_id": cases[0], "case_tab": "balance"})
    field(at, "text_input", "amount_minor").set_value("20.00")
    press(at, look)
    for one in said:
        assert one in words(at), one
    field(at, "text_input", "amount_minor").set_value("twenty")
    press(at, look)
    assert at.error


def test_a_case_that_was_not_taken_over_says_so_and_agencies_have_no_ledger(app: App, open_page: OpenPage) -> None:
    one = some_cases(app.store, app.settings.evidence, 1, in_ledger=False)[0]
    at = open_page("cases", Role.FINANCE, query={"case_id": one, "case_tab": "ledger"})
    assert "has not taken this case over" in shown(at)
