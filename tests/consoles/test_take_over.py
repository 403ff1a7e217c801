"""The take-over page: the proof sheet, what stayed outside, who may do it."""

from __future__ import annotations

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Role
from ops_app.services.casework.take_over import take_over_book
from tests.consoles.conftest import OpenPage, words
from tests.pipelines.importing import operator_of
from tests.services.casework.casebook import an_agency, some_cases
from tests.services.casework.test_take_over import LATER, ZONE, note, placement


def test_an_empty_page_says_how_a_book_is_taken_over(open_page: OpenPage) -> None:
    assert "No book was taken over yet" in words(open_page("take_over", Role.OPERATOR))
    at = open_page("take_over", Role.AUDITOR, language="zh")
    assert "尚未移交" in words(at)
    assert not at.form_submit_button


def test_the_proof_sheet_and_every_row_outside_are_shown(app: App, open_page: OpenPage) -> None:
    some_cases(app.store, app.settings.evidence)
    take_over_book(operator_of(app), app.store, now=LATER, zone=ZONE, rows=[placement(1, "AG77"), note(1)])
    at = open_page("take_over", Role.MANAGER)
    assert not at.exception
    assert "Every row of the old book is in the new one or named below" in words(at)
    proof, outside = (frame.value for frame in at.dataframe)
    assert list(proof["feed"]) == ["notes", "placements"]
    assert list(proof["verdict"]) == ["Yes", "Yes"]
    assert list(outside["why"]) == ["there is no such agency"]
    assert "系统中没有该机构" in words(open_page("take_over", Role.MANAGER, language="zh"))


def test_a_take_over_needs_a_reason_and_is_done_by_the_pipeline(app: App, open_page: OpenPage) -> None:
    at = open_page("take_over", Role.OPERATOR)
    at.form_submit_button[0].click().run(timeout=300)
    assert "Please give a reason" in words(at)
    at.text_area[0].set_value("the former system was switched off")
    at.form_submit_button[0].click().run(timeout=300)
    assert not at.exception
    assert "The take-over is done." in at.success[0].value


def test_running_placements_wait_on_the_page_until_somebody_asks_for_their_approval(
    app: App, open_page: OpenPage
) -> None:
    some_cases(app.store, app.settings.evidence)
    an_agency(app.store, "AG01")
    take_over_book(operator_of(app), app.store, now=LATER, zone=ZONE, rows=[placement(1), placement(2)])
    reader = open_page("take_over", Role.AUDITOR)
    assert "2 placements that still run" in words(reader)
    assert not reader.form_submit_button
    at = open_page("take_over", Role.OPERATOR)
    button = next(one for one in at.form_submit_button if one.label == "Ask for the running placements")
    button.click().run(timeout=300)
    assert "Please give a reason" in words(at)
    at.text_area[1].set_value("the former system was switched off")
    next(one for one in at.form_submit_button if one.label == button.label).click().run(timeout=300)
    assert not at.exception
    after = words(open_page("take_over", Role.SUPERVISOR))
    assert "wait for a second person to approve" in after
    assert "待他人审批" in words(open_page("take_over", Role.SUPERVISOR, language="zh"))
