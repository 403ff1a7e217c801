"""The operations pages: runs asked for, rows corrected, files and checks as the pipeline last published them."""

from __future__ import annotations

import json

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.gateways import operations_file
from ops_app.services.organisation import quarantine, runs
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.planted import DAY, plant_operations_file, plant_runs, plant_snapshot

ROW = f"{'a' * 64}.2"


def test_every_tab_says_so_when_there_is_nothing(open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("operations", Role.OPERATOR)
    said = {
        "days": "No business day has been run yet",
        "feeds": "Nothing is published yet",
        "checks": "waits",
        "files": "No file has arrived yet",
        "refused": "No row is refused",
        "announced": "Nothing was announced",
    }
    for tab, sentence in said.items():
        control = next(one for one in at.segmented_control if (one.key or "").startswith("operations_tab"))
        control.set_value(tab).run()
        assert not at.exception, tab
        assert sentence in words(at), tab


def test_a_run_whose_process_was_killed_is_shown_as_failed_with_its_cause(app: App, open_page: OpenPage) -> None:
    plant_runs(app, app.clock.now())
    at = open_page("operations", Role.MANAGER)
    text = words(at)
    assert "its process was killed" in text
    assert "succeeded" in text
    assert not at.form_submit_button  # a manager looks, an operator asks


def test_a_run_is_asked_for_once_with_a_reason(app: App, open_page: OpenPage) -> None:
    at = open_page("operations", Role.OPERATOR)
    at.date_input[0].set_value(DAY)
    at.form_submit_button[0].click().run()
    assert "Please fill this in." in at.error[0].value
    assert runs.waiting_requests(SYSTEM, app.store) == []
    at.date_input[0].set_value(DAY)
    at.text_area[0].set_value("the bank file came late")
    at.form_submit_button[0].click().run()
    assert not at.exception
    assert "Asked." in at.success[0].value
    asked = runs.waiting_requests(SYSTEM, app.store)
    assert [(one.kind, one.business_date, one.reason) for one in asked] == [("day", DAY, "the bank file came late")]
    assert "the bank file came late" in words(at) or at.text[0].value == "the bank file came late"


def test_feeds_that_are_missing_stand_first(app: App, open_page: OpenPage) -> None:
    plant_snapshot(app.settings)
    at = open_page("operations", Role.SUPERVISOR, query={"operations_tab": "feeds"})
    table = at.dataframe[0].value
    assert list(table["feed"]) == ["bank lines", "repayments"]
    assert list(table["state"]) == ["missing", "on time"]
    assert list(table["share"]) == ["–", "3.00%"]


def test_a_refused_row_is_corrected_and_the_next_run_is_given_what_changed(app: App, open_page: OpenPage) -> None:
    plant_operations_file(app.settings)
    at = open_page("operations", Role.OPERATOR, query={"operations_tab": "refused", "refused_id": ROW})
    assert not at.exception
    amount = next(one for one in at.text_input if one.label == "amount")
    assert amount.value == "-5.00"
    amount.set_value("5.00")
    at.form_submit_button[0].click().run()
    assert "Say why" in at.error[0].value
    assert next(one for one in at.text_input if one.label == "amount").value == "5.00"
    at.text_area[0].set_value("the sender told us the sign was wrong")
    at.form_submit_button[0].click().run()
    assert not at.exception
    assert "Kept." in at.success[0].value
    waiting = quarantine.open_corrections(SYSTEM, app.store)
    assert [(one.line_no, one.corrected, one.decision) for one in waiting] == [(2, {"amount": "5.00"}, "replay")]
    assert "waits for the next run" in words(at)


def test_a_correction_that_changes_nothing_is_refused(app: App, open_page: OpenPage) -> None:
    plant_operations_file(app.settings)
    at = open_page("operations", Role.OPERATOR, query={"operations_tab": "refused", "refused_id": ROW})
    at.text_area[0].set_value("as it is")
    at.form_submit_button[0].click().run()
    assert "Nothing is corrected yet." in at.error[0].value


def test_those_who_may_not_correct_do_not_see_what_the_sender_wrote(app: App, open_page: OpenPage) -> None:
    plant_operations_file(app.settings)
    at = open_page("operations", Role.MANAGER, query={"operations_tab": "refused", "refused_id": ROW})
    text = words(at)
    assert "王五" not in text
    assert "-5.00" not in text
    assert "-***" in text
    assert not at.form_submit_button


def test_many_refused_rows_are_shown_page_by_page(app: App, open_page: OpenPage) -> None:
    plant_operations_file(app.settings, refused=30_000)
    at = open_page("operations", Role.OPERATOR, query={"operations_tab": "refused", "refused_page": "600"})
    assert "29,951–30,000 of 30,000" in words(at)
    assert len(at.dataframe[0].value) == 50


def test_results_of_file_checks_come_from_the_stored_json(app: App, signed_in: SignedInAs, open_page: OpenPage) -> None:
    plant_operations_file(app.settings)
    at = open_page("expectations", Role.OPERATOR)
    table = at.dataframe[0].value
    assert list(table["refused"]) == ["3"]
    assert list(table["said"]) == ["not met"]
    _, operator = signed_in(Role.OPERATOR, name="second")
    results, total = operations_file.check_results(operator, app.settings.published, only_refusing=False)
    assert total == 1
    assert json.loads(results[0].gx_json or "{}")["result"]["unexpected_count"] == 3


def test_a_newer_file_is_seen_at_the_next_run_of_the_page_and_old_ones_are_removed(
    app: App, signed_in: SignedInAs
) -> None:
    _, operator = signed_in(Role.OPERATOR)
    for number in range(5):
        plant_operations_file(app.settings, refused=number)
    published = app.settings.published
    assert operations_file.refused_rows(operator, published)[1] == 0 + 1 + 2 + 3 + 4
    assert len(list((published / "operations").glob("*.duckdb"))) == 3
