"""The pages of the limitation queue and of missing loans: in both languages, with their acts and refusals."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit import tables
from ops_app.domain.casework.missing import MissingAct, MissingState
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.limitation import read_limitation
from ops_app.services.casework.missing import decide_missing, list_missing
from tests.consoles.conftest import OpenPage, words
from tests.services.casework.casebook import SUPERVISOR, a_debtor, a_spell, some_cases, taken_in

OLD = 3 * 365


@pytest.fixture
def near(app: App) -> str:
    """A case whose limitation ends in some 30 days."""
    now = app.clock.now()
    day = now.astimezone(app.settings.zone).date()
    row = a_spell(1, days_past_due=OLD - 30, as_of_date=day, opened_date=day)
    taken_in(app.store, app.settings.evidence, row, debtors=[a_debtor(1)], now=now, day=day)
    found: str = row["case_id"]
    return found


@pytest.fixture
def gone(app: App) -> str:
    """Loans L1 and L2 are missing from the full feed of today."""
    now = app.clock.now()
    ids = some_cases(app.store, app.settings.evidence)
    rows = [{"source_code": "SIM", "loan_id": f"L{n}", "case_id": ids[n - 1]} for n in (1, 2)]
    frame = pl.DataFrame(rows, schema={"source_code": pl.String, "loan_id": pl.String, "case_id": pl.String})
    day = now.astimezone(app.settings.zone).date()
    taken_in(app.store, app.settings.evidence, missing=frame, day=day, days=[], now=now)
    return f"{day}/SIM/L1"


def field(at: AppTest, kind: str, name: str):
    return next(one for one in at.get(kind) if f".{name}." in (one.key or ""))


def press(at: AppTest, label: str) -> AppTest:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]
    return at


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Runs since", "days left", "Record an interruption")), ("zh", ("起算日", "剩余", "登记中断事由"))],
)
def test_the_queue_shows_what_expires_and_the_record_of_a_case(
    near: str, open_page: OpenPage, language: str, said: tuple[str, ...]
) -> None:
    at = open_page("limitation", Role.COMPLIANCE, language=language, query={"limitation_id": near})
    assert not at.exception, [error.value for error in at.exception]
    for one in (*said, "L1"):
        assert one in words(at)
    assert "王1" not in words(at)


def test_an_interruption_is_recorded_and_taken_back_on_the_page(near: str, open_page: OpenPage, app: App) -> None:
    at = open_page("limitation", Role.SUPERVISOR, query={"limitation_id": near})
    day = app.clock.now().astimezone(app.settings.zone).date() - timedelta(days=1)
    field(at, "selectbox", "kind").select("demand")
    field(at, "date_input", "happened_date").set_value(day)
    press(at, "Record")
    assert field(at, "date_input", "happened_date").value == day, "nothing typed is lost"
    assert any("filled" in error.value.lower() or "fill" in error.value.lower() for error in at.error)
    field(at, "text_input", "evidence").set_value("EMS 1234567890")
    press(at, "Record")
    clock = read_limitation(SYSTEM, app.store, now=app.clock.now(), case_id=near).clock
    assert clock is not None
    assert clock.started_date == day
    assert "the period began anew" in words(at)
    field(at, "selectbox", "which").select("1")
    field(at, "text_area", "reason").set_value("the waybill is another debtor's")
    press(at, "Take back")
    assert "taken back" in words(at)
    clock = read_limitation(SYSTEM, app.store, now=app.clock.now(), case_id=near).clock
    assert clock is not None
    assert clock.started_date < day


def test_who_may_only_look_is_told_who_records_and_an_unknown_case_is_no_case(near: str, open_page: OpenPage) -> None:
    at = open_page("limitation", Role.AUDITOR, query={"limitation_id": near})
    assert "compliance record interruptions" in words(at)
    at.query_params["limitation_id"] = "0" * 32
    at.run()
    assert [error.value for error in at.error] == ["There is no such case."]


def test_an_empty_queue_says_what_to_do(app: App, open_page: OpenPage) -> None:
    assert "Choose a longer time" in words(open_page("limitation", Role.SUPERVISOR))


@pytest.mark.parametrize(
    ("language", "label", "said"), [("en", "Do it", "loans dealt with"), ("zh", "确认办理", "已办理 1 笔借据")]
)
def test_a_missing_loan_is_explained_on_the_page(
    gone: str, open_page: OpenPage, app: App, language: str, label: str, said: str
) -> None:
    at = open_page("missing_loans", Role.OPERATOR, language=language, query={"missing_id": gone})
    assert not at.exception, [error.value for error in at.exception]
    assert "L1" in words(at)
    field(at, "selectbox", "what").select("explain")
    field(at, "text_area", "reason").set_value("sold on Friday, the lender will say so")
    press(at, label)
    assert said in words(at)
    found = list_missing(SUPERVISOR, app.store, now=app.clock.now(), states=(MissingState.EXPLAINED,))
    assert [one.loan_id for one in found.rows] == ["L1"]


def test_parking_without_a_reason_says_so_beside_the_field(gone: str, open_page: OpenPage) -> None:
    at = open_page("missing_loans", Role.SUPERVISOR, query={"missing_id": gone})
    field(at, "selectbox", "what").select("park")
    press(at, "Do it")
    assert at.error
    assert field(at, "selectbox", "what").value == "park"


def test_no_missing_loan_is_said_in_words_and_finance_may_only_look(app: App, open_page: OpenPage, gone: str) -> None:
    at = open_page("missing_loans", Role.FINANCE, query={"missing_id": gone})
    assert "It may be done by: supervisor, operator" in words(at)
    at = open_page("missing_loans", Role.AUDITOR, query={"missing_state": "returned"})
    assert not at.exception


@pytest.mark.parametrize("language", ["en", "zh"])
def test_loans_without_an_act_in_common_say_how_they_stand(
    gone: str, app: App, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    now = app.clock.now()
    first = list_missing(SUPERVISOR, app.store, now=now, states=(MissingState.OPEN,)).rows[0]
    decide_missing(
        SUPERVISOR, app.store, now=now, wanted={first.key: first.acts}, what=MissingAct.EXPLAIN,
        reason="sold on Friday", key="k",
    )  # fmt: skip
    monkeypatch.setattr(  # every row is selected; the browser's grid does that, which is not here
        tables, "_grid", lambda listing, rows: rows
    )
    at = open_page("missing_loans", Role.SUPERVISOR, language=language, query={"missing_state": "all"})
    assert not at.exception, [error.value for error in at.exception]
    said = "\n".join(one.value for one in at.caption)
    assert {"en": "Nothing can be done with all of these at once: ", "zh": "所选借据无法一并办理："}[language] in said
    assert {"en": "explained 1", "zh": "已说明 1"}[language] in said
