"""The parameters page: what it shows, how a change is asked for, and how it refuses."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.organisation.parameter_changes import Change
from ops_app.domain.organisation.parameters import ALL, Effect
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import closed_periods, parameters
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.test_language import HAN, shown

PLAIN = "casework.case_lock_minutes"
RISKY = "organisation.export_approval_rows"
NAME_OF_RISKY = "Rows above which an export needs approval"


def field(at: AppTest, kind: str, name: str):
    return next(one for one in getattr(at, kind) if f".{name}." in (one.key or "") and one.key.startswith("parameter_"))


def press(at: AppTest, which: str) -> None:
    index = {"preview": 0, "propose": 1}[which]
    at.form_submit_button[index].click().run()
    assert not at.exception, [error.value for error in at.exception]


def fill(at: AppTest, value: str, reason: str = "agreed with the lender") -> None:
    field(at, "text_input", "value").set_value(value)
    field(at, "text_area", "reason").set_value(reason)


def change(app: App, actor: Actor, code: str, value: int, days: int, version: int) -> None:
    now = app.clock.now()
    first = now.astimezone(app.settings.zone).date() + timedelta(days=days)
    parameters.propose_change(
        actor, app.store, now=now, zone=app.settings.zone, change=Change(code, ALL, Effect.SET, first, value),
        expected_version=version, reason="before", key=f"{code}-{value}-{days}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Bucket edges", "M1 1–30", "22:00", "needed"]),
        ("zh", ["账龄分档", "M1 1–30", "参数管理", "需要"]),
    ],
)
def test_the_list_shows_what_holds_today(open_page: OpenPage, language: str, expected: list[str]) -> None:
    at = open_page("parameters", Role.ANALYST, language=language)
    assert not at.exception
    text = words(at)
    for one in expected:
        assert one in text
    assert "None" not in text


def test_the_list_is_filtered_by_area_and_text(open_page: OpenPage) -> None:
    at = open_page("parameters", Role.MANAGER, query={"parameters_area": "contact"})
    assert len(at.dataframe[0].value) == 6
    at = open_page("parameters", Role.FINANCE, query={"parameters_text": "静默"})
    assert list(at.dataframe[0].value["code"]) == ["contact.quiet_from", "contact.quiet_until"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_change_is_previewed_and_then_made(app: App, open_page: OpenPage, signed_in: SignedInAs, language) -> None:
    at = open_page("parameters", Role.ADMINISTRATOR, language=language, query={"parameters_id": PLAIN})
    fill(at, "15")
    press(at, "preview")
    text = words(at)
    assert ("What would change" if language == "en" else "变更预览") in text
    assert ("15 minutes" if language == "en" else "15 分钟") in text
    assert field(at, "text_input", "value").value == "15"
    press(at, "propose")
    assert not at.error
    assert ("version 1" if language == "en" else "第 1 版") in at.success[0].value
    assert "agreed with the lender" in words(at)
    _, auditor = signed_in(Role.AUDITOR)
    tomorrow = app.clock.now().astimezone(app.settings.zone).date() + timedelta(days=1)
    read = parameters.read_parameter(auditor, app.store, now=app.clock.now(), on_date=tomorrow, code=PLAIN)
    assert (read.held.value, read.history[0].version.reason) == (15, "agreed with the lender")


def test_a_wrong_value_is_refused_beside_its_field_and_what_was_typed_stays(open_page: OpenPage) -> None:
    at = open_page("parameters", Role.COMPLIANCE, query={"parameters_id": PLAIN})
    for which in ("preview", "propose"):
        fill(at, "a while")
        press(at, which)
        assert "a while is no whole number" in at.error[0].value
        fill(at, "500")
        press(at, which)
        assert "The most is 120." in at.error[0].value
        assert field(at, "text_input", "value").value == "500"
        assert field(at, "text_area", "reason").value == "agreed with the lender"
    fill(at, "15", reason="")
    press(at, "propose")
    assert at.error[0].value == "Say why."
    field(at, "date_input", "valid_from").set_value(None)
    fill(at, "15")
    press(at, "preview")
    assert at.error[0].value == "Choose the day from which it holds."


def test_a_risky_change_waits_for_approval(open_page: OpenPage) -> None:
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": RISKY})
    fill(at, "500")
    press(at, "preview")
    assert "waits for an approval" in words(at)
    press(at, "propose")
    assert "waits for approval (request r-" in at.success[0].value
    assert "Never changed" in words(at)
    assert "asked for by Test administrator: 500 rows, from " in at.info[0].value
    chinese = open_page("parameters", Role.ANALYST, language="zh", query={"parameters_id": RISKY})
    assert "申请的变更待审批：500 行" in chinese.info[0].value


def test_who_edits_a_stale_version_is_told_who_was_first_and_loses_nothing(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": PLAIN})
    fill(at, "15")
    _, other = signed_in(Role.COMPLIANCE)
    change(app, other, PLAIN, 20, 1, 0)
    press(at, "propose")
    assert "Test compliance changed this parameter meanwhile (version 1)" in at.warning[0].value
    assert field(at, "text_input", "value").value == "15"
    assert field(at, "text_area", "reason").value == "agreed with the lender"
    press(at, "propose")
    assert "version 2" in at.success[0].value


def test_who_withdraws_what_somebody_else_withdrew_is_told_so(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    _, other = signed_in(Role.COMPLIANCE)
    change(app, other, PLAIN, 20, 5, 0)
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": PLAIN})
    control = next(one for one in at.segmented_control if (one.key or "").startswith("effect_"))
    control.set_value("follow").run()
    field(at, "text_area", "reason").set_value("not needed")
    change(app, other, PLAIN, 30, 5, 1)
    press(at, "propose")
    assert "Test compliance changed this parameter meanwhile (version 2)" in at.warning[0].value
    assert field(at, "text_area", "reason").value == "not needed"


def test_an_approver_reads_a_change_of_a_parameter_in_words(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    _, maker = signed_in(Role.COMPLIANCE)
    change(app, maker, RISKY, 77, 3, 0)
    text = words(open_page("approvals", Role.MANAGER))
    assert "change of a parameter" in text
    assert NAME_OF_RISKY in text
    assert RISKY not in text, "a parameter is named, its code is for programs"


def test_a_history_compares_two_versions_and_a_planned_change_is_withdrawn(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    _, maker = signed_in(Role.COMPLIANCE)
    change(app, maker, PLAIN, 20, 5, 0)
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": PLAIN})
    assert "10 minutes" in words(at)
    assert "20 minutes" in words(at)
    control = next(one for one in at.segmented_control if (one.key or "").startswith("effect_"))
    control.set_value("withdraw").run()
    day = field(at, "selectbox", "valid_from")
    assert len(day.options) == 1
    field(at, "text_area", "reason").set_value("not needed")
    press(at, "propose")
    assert not at.error
    assert "withdrawn before it began" in words(at)


def test_ranges_are_typed_by_line_and_money_with_its_currency(open_page: OpenPage) -> None:
    amount = "casework.minimum_placement_amount"
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": amount, "parameters_lender": "B1"})
    fill(at, "1,234.567")
    press(at, "preview")
    assert at.error
    fill(at, "1,234.50")
    field(at, "text_input", "currency").set_value("usd")
    press(at, "propose")
    assert not at.error
    assert "1,234.50 USD" in words(at)
    assert "Lender code B1" in words(at)


@pytest.mark.parametrize(
    "code", ["casework.limitation_years", "casework.placement_exclusions", "casework.buckets", PLAIN]
)
def test_a_record_is_whole_in_each_language(app: App, open_page: OpenPage, signed_in: SignedInAs, code: str) -> None:
    _, maker = signed_in(Role.COMPLIANCE, name="maker")
    change(app, maker, PLAIN, 20, 5, 0)
    places = re.compile(r"\b(?:ops_app|dbt)/[\w/.]+|before")  # where it is read, and the reason somebody typed
    chinese = open_page("parameters", Role.ADMINISTRATOR, language="zh", query={"parameters_id": code})
    assert not chinese.exception
    assert re.findall(r"[A-Za-z]{2,}", places.sub(" ", shown(chinese))) == []
    english = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": code})
    assert HAN.findall(shown(english)) == []


def test_what_a_file_holds_and_who_only_looks_have_no_form(open_page: OpenPage) -> None:
    at = open_page("parameters", Role.ADMINISTRATOR, query={"parameters_id": "casework.buckets"})
    assert "Held in dbt/macros/bucket.sql" in at.info[0].value
    assert not at.form_submit_button
    at = open_page("parameters", Role.ANALYST, query={"parameters_id": PLAIN})
    assert not at.form_submit_button
    assert "You may look" in words(at)


def test_nonsense_in_the_address_is_answered_in_words(open_page: OpenPage) -> None:
    at = open_page("parameters", Role.MANAGER, query={"parameters_id": "no.such", "parameters_part": "x"})
    assert not at.exception
    assert "There is no parameter no.such." in at.error[0].value
    at = open_page(
        "parameters", Role.AUDITOR, query={"parameters_id": "casework.touch_days", "parameters_lender": "a b"}
    )
    assert not at.exception
    assert "a b is no code" in at.error[0].value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_closed_periods_show_the_parameters_they_were_computed_with(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    at = open_page("parameters", Role.ANALYST, language=language, query={"parameters_part": "periods"})
    assert ("No period is closed yet" if language == "en" else "尚无已关账期间") in words(at)
    _, finance = signed_in(Role.FINANCE, name="closer")
    today = app.clock.now().astimezone(app.settings.zone).date()
    closed = closed_periods.close_period(
        finance, app.store, now=app.clock.now(), zone=app.settings.zone, area="contact",
        first_date=today - timedelta(days=31), end_date=today, reason="month end",
    )  # fmt: skip
    query = {"parameters_part": "periods", "periods_id": closed.period_id}
    at = open_page("parameters", Role.AUDITOR, language=language, query=query)
    assert not at.exception
    text = words(at)
    assert "22:00" in text
    assert "month end" in text
    at = open_page("parameters", Role.FINANCE, language=language, query=query)
    assert len(at.form_submit_button) == 1
