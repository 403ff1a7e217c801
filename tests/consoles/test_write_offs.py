"""The page of write-offs: asked for, its ledger with entries and tie, recoveries by month, criteria and their trial."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.ledger.write_offs import WriteOffState
from ops_app.domain.organisation.people import Role
from ops_app.store.ledger import write_offs
from tests.consoles.conftest import OpenPage, words
from tests.services.ledger.writing_off import (
    FINANCE,
    TODAY,
    approved,
    asked,
    booked,
    of,
    on_the_books,
    paid,
)


def test_an_empty_ledger_says_what_to_do_in_both_languages(open_page: OpenPage) -> None:
    assert "Nothing has been written off yet" in words(
        open_page("write_offs", Role.AUDITOR, query={"write_offs_tab": "ledger"})
    )
    at = open_page("write_offs", Role.AUDITOR, language="zh", query={"write_offs_tab": "ledger"})
    assert not at.exception
    assert "尚无核销记录" in words(at)
    assert "目前没有符合该路径认定条件的案件" in words(open_page("write_offs", Role.FINANCE, language="zh"))


def test_a_supervisor_asks_for_a_write_off_from_the_list_of_cases_that_may_be(app: App, open_page: OpenPage) -> None:
    case_id = on_the_books(app.store, app.settings.evidence)
    at = open_page("write_offs", Role.SUPERVISOR, query={"write_off_case_id": case_id})
    assert not at.exception, at.exception
    button = next(it for it in at.button if it.label == "Ask for the write-off")
    at = button.click().run(timeout=300)
    assert "required" in words(at).lower() or "fill" in words(at).lower()
    _fill(at, "Approval document", "HX-2026-009")
    for kind in ("record of recourse", "judgment or end of enforcement"):
        box = next(it for it in at.selectbox if it.label == kind)
        box.select_index(0)
    next(it for it in at.text_area if it.label == "Reason").set_value("nothing is left to enforce")
    at = next(it for it in at.button if it.label == "Ask for the write-off").click().run(timeout=300)
    assert not at.exception
    assert "Finance and a manager decide on it" in at.success[0].value
    with app.store.reading() as connection:
        (one,) = write_offs.of_case(connection, case_id)
    assert (one.state, one.claim_minor, one.approval_document) == (WriteOffState.REQUESTED, 100_000, "HX-2026-009")


def test_an_amount_above_the_balance_is_said_and_nothing_typed_is_lost(app: App, open_page: OpenPage) -> None:
    case_id = on_the_books(app.store, app.settings.evidence)
    at = open_page("write_offs", Role.FINANCE, query={"write_off_case_id": case_id})
    _fill(at, "principal: owed 700.00 CNY", "700.01")
    _fill(at, "Approval document", "HX-2026-010")
    for kind in ("record of recourse", "judgment or end of enforcement"):
        next(it for it in at.selectbox if it.label == kind).select_index(0)
    next(it for it in at.text_area if it.label == "Reason").set_value("nothing is left to enforce")
    at = next(it for it in at.button if it.label == "Ask for the write-off").click().run(timeout=300)
    assert "More principal is asked for than was owed" in words(at)
    assert next(it for it in at.text_input if it.label == "Approval document").value == "HX-2026-010"


def test_the_ledger_shows_totals_the_tie_and_a_record_with_its_entries(app: App, open_page: OpenPage) -> None:
    write_off_id = booked(app.store, on_the_books(app.store, app.settings.evidence))
    paid(app.store, of(app.store, write_off_id).case_id, 25_000, TODAY)
    at = open_page("write_offs", Role.AUDITOR, query={"write_offs_tab": "ledger", "write_off_id": write_off_id})
    assert not at.exception, at.exception
    said = words(at)
    assert "The register is what the accounts say." in said
    assert [metric.value for metric in at.metric] == ["1,000.00 CNY", "1,000.00 CNY", "250.00 CNY", "750.00 CNY"]
    assert any("1304 Allowance for loan losses" in str(frame.value.to_dict()) for frame in at.dataframe)
    assert "Ask for the reversal" not in [button.label for button in at.button]
    chinese = open_page(
        "write_offs", Role.AUDITOR, language="zh", query={"write_offs_tab": "ledger", "write_off_id": write_off_id}
    )
    assert "台账与科目余额一致" in words(chinese)
    assert any("1304 贷款损失准备" in str(frame.value.to_dict()) for frame in chinese.dataframe)


def test_each_stage_and_tab_of_the_page_opens(app: App, open_page: OpenPage) -> None:
    booked(app.store, on_the_books(app.store, app.settings.evidence))
    waiting = asked(app.store, on_the_books(app.store, app.settings.evidence))
    approved(app.store, waiting, FINANCE)
    readers = (Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR)
    for stage, reader in zip(("pending", "written_off", "recovered", "ended"), readers, strict=True):
        at = open_page("write_offs", reader, query={"write_off_stage": stage})
        assert not at.exception, (stage, at.exception)
    at = open_page("write_offs", Role.ANALYST, query={"write_offs_tab": "vintage"})
    assert not at.exception
    assert f"{TODAY.year}-{TODAY.month:02d}" in str([frame.value.to_dict() for frame in at.dataframe])


def test_the_criteria_are_tried_over_the_book_and_another_version_is_asked_for(app: App, open_page: OpenPage) -> None:
    on_the_books(app.store, app.settings.evidence)
    at = open_page("write_offs", Role.COMPLIANCE, query={"write_offs_tab": "criteria"})
    assert not at.exception, at.exception
    at = at.toggle[0].set_value(True).run(timeout=300)
    assert not at.exception, at.exception
    assert [metric.value for metric in at.metric] == ["1", "1,000.00 CNY"]
    _fill(at, "Days past due at least", "181")
    next(it for it in at.selectbox if it.label == "Path").select("long_overdue")
    next(it for it in at.selectbox if it.label == "Method of booking").select("direct")
    at.multiselect[0].select("recourse_done")
    next(it for it in at.text_area if it.label == "Reason").set_value("the board decided")
    at = next(it for it in at.button if it.label == "Ask for the change").click().run(timeout=300)
    assert not at.exception, at.exception
    assert "A manager decides on it" in at.success[0].value


def _fill(at: AppTest, label: str, value: str) -> None:
    next(it for it in at.text_input if it.label == label).set_value(value)
