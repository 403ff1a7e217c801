"""The import page: who opens it, the preview with the rule beside the row, correction, confirmation, reversal."""

from __future__ import annotations

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.imports import ImportState
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation import import_work, imports
from ops_app.services.organisation.imports import Import
from tests.consoles.conftest import OpenPage, words
from tests.pipelines.importing import bring, confirm, dirty_sheet, operator_of, write_template


@pytest.fixture
def previewed(app: App) -> Import:
    write_template(app)
    return bring(app, operator_of(app), dirty_sheet())


def state_of(app: App, one: Import) -> Import:
    return import_work.import_to_work(SYSTEM, app.store, now=app.clock.now(), import_id=one.import_id)[0]


def test_an_empty_page_says_what_to_do_in_both_languages(open_page: OpenPage) -> None:
    assert "Choose a template above" in words(open_page("imports", Role.OPERATOR))
    at = open_page("imports", Role.OPERATOR, language="zh")
    assert "请在上方选择模板并上传文件" in words(at)
    assert "标准数据源 · standard" in words(at)


@pytest.mark.slow  # half a minute; the journey of an import does the same in a browser each time
def test_each_refused_row_shows_its_rule_and_the_corrected_row_is_applied(
    app: App, open_page: OpenPage, previewed: Import
) -> None:
    query = {"imports_id": previewed.import_id, "import_rows_id": "11"}
    at = open_page("imports", Role.OPERATOR, query=query)
    assert not at.exception
    text = words(at)
    assert "GB18030" in "".join(one.body for one in at.get("html"))
    assert "一千二" in text
    amount = next(one for one in at.text_input if one.value == "一千二")
    amount.set_value("1200.00")
    press(at, "Correct and replay")
    assert "Say why" in words(at)
    assert next(one for one in at.text_input if one.value == "1200.00")
    next(one for one in at.text_area if one.label == "Reason").set_value("told by telephone")
    press(at, "Correct and replay")
    assert not at.exception
    found = state_of(app, previewed)
    assert (found.state, found.rows_accepted) == (ImportState.PREVIEWED, 9)
    at.button(key=f"confirm_{found.import_id}_{found.version}").click().run(timeout=300)
    assert not at.exception
    assert state_of(app, previewed).state is ImportState.APPLIED


def test_an_applied_import_is_taken_back_on_the_page_with_a_reason(
    app: App, open_page: OpenPage, previewed: Import
) -> None:
    confirm(app, operator_of(app, name="second"), previewed)
    at = open_page("imports", Role.FINANCE, language="zh", query={"imports_id": previewed.import_id})
    next(one for one in at.text_area if one.label == "理由").set_value("发错月份")
    press(at, "撤销此导入")
    assert not at.exception
    assert state_of(app, previewed).state is ImportState.REVERSED
    assert "已撤销" in "".join(one.body for one in at.get("html"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_confirmed_import_that_waits_is_given_up_on_the_page(
    app: App, open_page: OpenPage, previewed: Import, language: str
) -> None:
    now = app.clock.now()
    imports.confirm_import(
        operator_of(app, name="second"), app.store, now=now, import_id=previewed.import_id,
        expected_version=previewed.version,
    )  # fmt: skip
    at = open_page("imports", Role.FINANCE, language=language, query={"imports_id": previewed.import_id})
    assert {"en": "unless it was loaded after all", "zh": "如届时发现已入库，则不作废"}[language] in words(at)
    next(one for one in at.text_area if one.label in {"Reason", "理由"}).set_value("sent by mistake")
    press(at, {"en": "Discard this import", "zh": "作废此导入"}[language])
    assert not at.exception
    assert state_of(app, previewed).state is ImportState.DISCARDED


def test_who_may_only_look_sees_counts_and_no_value_of_any_row(open_page: OpenPage, previewed: Import) -> None:
    at = open_page("imports", Role.AUDITOR, query={"imports_id": previewed.import_id})
    assert "Values of rows are shown to those who may import." in words(at)
    assert "一千二" not in words(at)
    assert not at.form_submit_button


def press(at: object, label: str) -> None:
    """The button of a form, and the work that it starts."""
    next(one for one in at.button if one.label == label).click().run(timeout=300)  # type: ignore[attr-defined]


def test_typed_control_totals_that_disagree_are_said_beside_their_fields_and_can_be_typed_right(
    app: App, open_page: OpenPage
) -> None:
    write_template(app)
    one = bring(app, operator_of(app), dirty_sheet(), typed_rows="13", typed_sum="12,005.00")
    assert (one.refusal, one.rows_agree) == ("control_totals", False)
    at = open_page("imports", Role.OPERATOR, query={"imports_id": one.import_id})
    assert not at.exception
    assert "13 as told, but the file has 12." in "\n".join(error.value for error in at.error)
    assert not any(str(button.key).startswith("confirm_") for button in at.button)
    rows = next(field for field in at.text_input if field.value == "13")
    rows.set_value("many")
    press(at, "Compare again")
    assert "The number of rows is a whole number." in "\n".join(error.value for error in at.error)
    next(field for field in at.text_input if field.value == "many").set_value("12")
    press(at, "Compare again")
    assert not at.exception
    found = state_of(app, one)
    assert (found.rows_agree, found.sum_agrees, found.refusal) == (True, True, None)
    assert "12 as told, the file agrees" in words(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_agency_brings_its_files_through_its_own_templates(app: App, open_page: OpenPage, language: str) -> None:
    write_template(app)
    other = bring(app, operator_of(app), dirty_sheet())
    at = open_page("imports", Role.AGENCY_SUPERVISOR, language=language, query={"imports_id": other.import_id})
    assert not at.exception
    text = words(at)
    assert {"en": "A payment you report is a claim", "zh": "上报还款仅为机构声明"}[language] in text
    assert {"en": "Files of an agency, standard column names · agency", "zh": "机构回传文件（标准列名） · agency"}[
        language
    ] in text
    assert {"en": "Standard feeds", "zh": "标准数据源"}[language] not in text
    assert {"en": "There is no such import.", "zh": "没有此导入。"}[language] in text
    assert "还款_2026-03-06.csv" not in text
