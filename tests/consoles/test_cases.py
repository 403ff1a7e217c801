"""Pages of cases: each console its own reach, in both languages; bulk acts, record, search and un-masking."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit import tables
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.personal import DailyLimitReached, PersonalField
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.recalling import run_announce_recall
from ops_app.services.casework.unmasking import unmask
from ops_app.services.casework.viewing import open_case
from ops_app.store.organisation import people
from ops_app.store.tables.organisation import audit_log
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.services.casework.casebook import (
    SUPERVISOR,
    WHY,
    a_collector,
    assigned,
    now_is,
    placed,
    some_cases,
    versions,
)
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

VIEWS = ("placed", "to_be_placed", "outsourced", "in_house", "recalled", "ended", "history", "batches", "all")


@pytest.fixture
def ids(app: App) -> list[str]:
    return six_cases(app)


def six_cases(app: App) -> list[str]:
    """Six cases: two placed with A01, one with A02, one waiting, flagged as a dispute."""
    now = app.clock.now()
    made = some_cases(app.store, app.settings.evidence)
    due = now + timedelta(days=30)
    placed(app.store, "A01", *made[:2], now=now, due_at=due)
    placed(app.store, "A02", made[2], now=now, due_at=due)
    version = now_is(app.store, made[3]).version
    set_flag(SUPERVISOR, app.store, now=now, case_id=made[3], version=version, flag=Flag.DISPUTE, reason=WHY)
    return made


def loans(at: AppTest) -> set[str]:
    return {str(cell) for frame in at.dataframe if "loan" in frame.value for cell in frame.value["loan"]}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_the_asset_company_opens(ids: list[str], open_page: OpenPage, view: str, language: str) -> None:
    at = open_page("cases", Role.SUPERVISOR, language=language, query={"cases_view": view})
    assert not at.exception, [error.value for error in at.exception]
    assert loans(at) == {
        "placed": {"L1", "L2", "L3"}, "in_house": {"L4", "L5", "L6"}, "history": {"L1", "L2", "L3"},
        "outsourced": {"L1", "L2", "L3"},
        "all": {f"L{n}" for n in range(1, 7)},
    }.get(view, set())  # fmt: skip
    assert "王1" not in words(at)


def test_a_list_turns_its_pages_and_begins_again_at_a_mark_that_is_none_of_its_own(
    ids: list[str], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.Stream, "__init__", _small_pages(tables.Stream.__init__))
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all", "cases_all_after": "nonsense"})
    seen = [loans(at)]
    for label in ("Next page", "Next page", "First page"):
        next(one for one in at.button if one.label == label).click().run()
        seen.append(loans(at))
    assert seen == [{"L6", "L5"}, {"L4", "L3"}, {"L2", "L1"}, {"L6", "L5"}]


def _small_pages(made):
    def make(self, *args, **kwargs) -> None:
        made(self, *args, **kwargs | {"page_size": 2})

    return make


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_agency_sees_its_own_and_a_foreign_link_shows_nothing(
    ids: list[str], open_page: OpenPage, language: str
) -> None:
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, language=language, query={"case_id": ids[2]})
    assert not at.exception, [error.value for error in at.exception]
    assert loans(at) == {"L1", "L2"}
    assert [error.value for error in at.error] == [{"en": "There is no such case.", "zh": "没有该案件。"}[language]]
    at.query_params["case_id"] = "0" * 32
    at.run()
    assert [error.value for error in at.error] == [{"en": "There is no such case.", "zh": "没有该案件。"}[language]]


def test_a_collector_sees_only_hers(ids: list[str], app: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("my_cases", Role.COLLECTOR)
    assert loans(at) == set()
    with app.store.reading() as connection:
        her = people.by_name(connection, "collector-en")
    assert her is not None
    assigned(app.store, SUPERVISOR, Actor(her.person_id, her.display_name, Role.COLLECTOR), ids[4], now=app.clock.now())
    at.run()
    assert loans(at) == {"L5"}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "tab", ["balance", "repayments", "contacts", "calls", "notes", "placements", "files", "limitation", "events"]
)
def test_a_record_shows_its_parts_masked_and_why_nobody_may_be_contacted(
    ids: list[str], open_page: OpenPage, tab: str, language: str
) -> None:
    at = open_page(
        "cases", Role.SUPERVISOR, language=language,
        query={"cases_view": "in_house", "case_id": ids[3], "case_tab": tab},
    )  # fmt: skip
    assert not at.exception, [error.value for error in at.exception]
    said = words(at)
    assert {"en": "flagged: dispute", "zh": "标识：争议"}[language] in said
    assert "****0004" in said
    assert "王4" not in said
    assert "13800130004" not in said


def test_a_field_is_shown_after_a_reason_and_masked_again_after_a_minute(
    ids: list[str], app: App, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "in_house", "case_id": ids[3]})
    press(at, f"unmask_{ids[3]}", "Show in full")
    assert "Please give a reason (4 to 500 characters)." in [error.value for error in at.error]
    box(at, f"unmask_{ids[3]}.reason").set_value("call back")
    press(at, f"unmask_{ids[3]}", "Show in full")
    assert "王4" in words(at)
    clock = app.clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(type(app.clock), "now", lambda _self: clock)
    at.run()
    assert "王4" not in words(at)


def test_a_flag_is_set_from_the_record(ids: list[str], app: App, open_page: OpenPage) -> None:
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query={"case_id": ids[0]})
    name = f"act_{ids[0]}"
    next(one for one in at.selectbox if (one.key or "").startswith(f"{name}.what")).set_value("set.complaint")
    box(at, f"{name}.reason").set_value("he complained")
    press(at, name, "Do it")
    assert [one.value for one in at.success] == ["Done."]
    assert now_is(app.store, ids[0]).flags == {Flag.COMPLAINT}


def box(at: AppTest, beginning: str):
    return next(one for one in at.text_area if (one.key or "").startswith(beginning))


def press(at: AppTest, form: str, label: str) -> None:
    next(one for one in at.button if one.label == label and f"form_{form}" == one.form_id).click().run()
    assert not at.exception, [error.value for error in at.exception]


def chooser(at: AppTest, beginning: str):
    return next(one for one in at.selectbox if (one.key or "").startswith(beginning))


def test_a_placement_is_previewed_with_every_reason_and_asked_for(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    now = app.clock.now()
    queue_cases(SUPERVISOR, app.store, now=now, wanted=versions(app.store, *ids[3:]), reason=WHY)
    at = open_page("cases", Role.SUPERVISOR)
    assert "to_be_placed" in at.query_params["cases_view"]  # where work waits
    assert loans(at) == {"L4", "L5", "L6"}
    assert "flagged: dispute" in words(at)
    next(one for one in at.number_input if (one.key or "").startswith("place_from_the_top")).set_value(3).run()
    assert "3 cases selected" in words(at)
    chooser(at, "place_").set_value("A01")
    form = next(one.form_id for one in at.button if one.label == "Preview")
    next(one for one in at.button if one.label == "Preview").click().run()
    said = words(at)
    assert "2 of 3 cases can be asked for" in said
    assert "flagged: dispute" in said
    box(at, "place_").set_value("a good agency")
    next(one for one in at.button if one.label == "Ask for approval" and one.form_id == form).click().run()
    assert any("so none was" in one.value for one in at.error)
    assert box(at, "place_").value == "a good agency"  # nothing typed is lost
    next(one for one in at.checkbox if (one.key or "").startswith("place_")).set_value(True)
    next(one for one in at.button if one.label == "Ask for approval" and one.form_id == form).click().run()
    assert not at.exception
    (told,) = [one.value for one in at.success]
    assert told.startswith("Asked for as batch B")
    assert ": 2 cases" in told
    assert now_is(app.store, ids[4]).agency_code is None
    at.query_params["cases_view"] = "batches"
    at.run()
    assert "waiting" in words(at)


@pytest.mark.parametrize("view", ["placed", "to_be_placed", "outsourced", "ended", "recalled", "history", "batches"])
def test_an_empty_view_says_what_to_do_next(open_page: OpenPage, view: str) -> None:
    at = open_page("cases", Role.SUPERVISOR, language="zh", query={"cases_view": view})
    assert not at.exception
    assert [one.value[:2] for one in at.info] == ["暂无"]
    assert "没有符合筛选条件" not in words(at)


def test_an_empty_list_that_was_narrowed_does_not_say_that_there_is_nothing(open_page: OpenPage) -> None:
    at = open_page("my_cases", Role.COLLECTOR)
    assert [one.value for one in at.info] == [
        "Nothing is assigned to you now. Your supervisor assigns cases; they appear here at once."
    ]
    at.query_params["my_cases_least"] = "30"
    at.run()
    assert [one.value for one in at.info] == ["Nothing matches these filters."]


def test_a_list_of_one_page_has_no_buttons_to_turn_it(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all"})
    assert loans(at) == {f"L{n}" for n in range(1, 7)}
    assert not {"First page", "Next page"} & {one.label for one in at.button}


def test_an_agency_is_told_what_goes_back_and_enters_an_attempt(ids: list[str], app: App, open_page: OpenPage) -> None:
    now = app.clock.now()
    with app.store.writing(SUPERVISOR, now) as transaction:
        wanted = {"cases": versions(app.store, ids[0]), "reason": "the agency is slow", "zone": "Asia/Shanghai"}
        run_announce_recall(transaction, wanted)
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR)
    assert any("1 cases go back on" in one.value and "slow" in one.value for one in at.warning)
    (ends,) = [frame.value for frame in at.dataframe if "due" in frame.value]
    said = dict(zip(ends["loan"], ends["due"], strict=True))
    assert [loan for loan, due in said.items() if due.endswith(", recall announced")] == ["L1"]
    next(one for one in at.number_input if (one.key or "").startswith("assign_from_the_top")).set_value(2).run()
    next(one for one in at.segmented_control if one.key == "cases_bulk_act").set_value("touch").run()
    box(at, "touch_").set_value("nobody answered")
    next(one for one in at.button if one.label == "Record an attempt").click().run()
    assert [one.value for one in at.success] == ["2 cases changed."]
    assert "made" in words(at)


def test_who_comes_second_is_told_who_did_what_and_loses_nothing_typed(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    first = open_page("cases", Role.SUPERVISOR, query={"cases_view": "in_house", "case_id": ids[4]})
    second = open_page("cases", Role.COMPLIANCE, query={"cases_view": "in_house", "case_id": ids[4]})
    name = f"act_{ids[4]}"
    set_flag(
        Actor("p-ann", "Ann", Role.SUPERVISOR), app.store, now=app.clock.now(), case_id=ids[4],
        version=now_is(app.store, ids[4]).version, flag=Flag.COMPLAINT, reason="she called us",
    )  # fmt: skip
    next(one for one in second.selectbox if (one.key or "").startswith(f"{name}.what")).set_value("set.vulnerable")
    box(second, f"{name}.reason").set_value("a doctor's letter")
    press(second, name, "Do it")
    told = "\n".join(one.value for one in second.warning)
    assert "Ann changed this case meanwhile" in told
    assert "flag set" in told
    assert "she called us" in told
    assert box(second, f"{name}.reason").value == "a doctor's letter"
    assert now_is(app.store, ids[4]).flags == {Flag.COMPLAINT}
    next(one for one in second.button if one.label.startswith("I have read it")).click().run()
    assert box(second, f"{name}.reason").value == "a doctor's letter"
    press(second, name, "Do it")
    assert now_is(app.store, ids[4]).flags == {Flag.COMPLAINT, Flag.VULNERABLE}
    assert not first.exception


def test_opening_a_record_is_logged_once_and_not_at_every_click(ids: list[str], app: App, open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "in_house", "case_id": ids[3]})
    at.run()
    at.query_params["case_id"] = ids[4]
    at.run()
    with app.store.reading() as connection:
        rows = connection.execute(audit_log.select().where(audit_log.c.action == "case.viewed")).all()
    assert [row.object_id for row in rows] == [ids[3], ids[4]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_conflict_of_interest_is_declared_shown_and_ended(
    ids: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    agency = Actor("p-agency", "Gao", Role.AGENCY_SUPERVISOR, "A01")
    her = a_collector(app.store, "hers", "A01")
    assigned(app.store, agency, her, ids[0], now=app.clock.now())
    query = {"case_id": ids[0], "case_tab": "contacts"}
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, language=language, query=query)
    none = {"en": "No conflict of interest is declared with this debtor.", "zh": "该债务人尚无登记的利益冲突"}
    assert none[language] in words(at)
    name = f"act_{ids[0]}"
    choice(at, f"{name}.what").set_value("conflict.declare")
    box(at, f"{name}.reason").set_value("she is her sister")
    press(at, name, {"en": "Do it", "zh": "确认办理"}[language])
    assert now_is(app.store, ids[0]).collector_id is None
    assert "Hers" in words(at)
    assert none[language] not in words(at)
    name = f"end_conflict_{ids[0]}"
    press(at, name, {"en": "End a conflict", "zh": "解除利益冲突"}[language])
    assert any(one.value for one in at.error)
    choice(at, f"{name}.which").select_index(0)
    box(at, f"{name}.reason").set_value("it was somebody else")
    press(at, name, {"en": "End a conflict", "zh": "解除利益冲突"}[language])
    assert none[language] in words(at)


def choice(at: AppTest, beginning: str) -> Any:
    return next(one for one in at.selectbox if (one.key or "").startswith(beginning))


def test_a_tag_is_added_found_by_and_removed(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all", "case_id": ids[3]})
    next(one for one in at.button if one.label == "Add: priority").click().run()
    assert loans(at) == set(), "the record stands in the place of the list"
    next(one for one in at.button if one.label == "Back to the list").click().run()
    assert "case_id" not in at.query_params
    assert "L4" in loans(at)
    at.query_params["cases_all_by"] = "tag"
    at.query_params["cases_all_value"] = "priority"
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    assert loans(at) == {"L4"}
    at.query_params["case_id"] = ids[3]
    at.run()
    next(one for one in at.button if one.label == "Remove: priority").click().run()
    next(one for one in at.button if one.label == "Back to the list").click().run()
    assert loans(at) == set(), "the filter is as it was, and the tag is gone"


def test_a_filter_that_there_is_not_is_refused_in_words(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all", "cases_all_by": "shoe_size"})
    assert "“shoe_size”" in words(at)
    at = open_page(
        "cases", Role.MANAGER,
        query={"cases_view": "all", "cases_all_by": "agency_code", "cases_all_value": "NOWHERE"},
    )  # fmt: skip
    assert "“NOWHERE”" in " ".join(one.value for one in at.warning)
    assert loans(at) == {f"L{n}" for n in range(1, 7)}


def test_a_view_is_saved_used_and_shared_with_ones_own_house(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "in_house", "cases_in_house_sort": "balance_minor+"})
    next(one for one in at.text_input if (one.key or "").startswith("save_view.name")).set_value("Small ones")
    next(one for one in at.checkbox if (one.key or "").startswith("save_view.shared")).check()
    press(at, "save_view", "Save the present filters")
    other = open_page("cases", Role.MANAGER)
    assert "Small ones" in words(other)
    next(one for one in other.button if one.label == "Show it").click().run()
    assert not other.exception, [error.value for error in other.exception]
    assert loans(other) == {"L4", "L5", "L6"}
    assert "Small ones" not in words(open_page("agency_cases", Role.AGENCY_SUPERVISOR))


def test_who_comes_second_reads_who_has_the_case_open_and_waits(ids: list[str], app: App, open_page: OpenPage) -> None:
    open_case(SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[4])
    at = open_page("cases", Role.ALLOCATION, query={"cases_view": "in_house", "case_id": ids[4]})
    assert "Sun has this case open until" in words(at)
    name = f"act_{ids[4]}"
    next(one for one in at.selectbox if (one.key or "").startswith(f"{name}.what")).set_value(
        "move.queue_for_placement"
    )
    box(at, f"{name}.reason").set_value("to be placed")
    press(at, name, "Do it")
    assert any("Sun has this case open and may change it" in one.value for one in at.warning)
    assert box(at, f"{name}.reason").value == "to be placed"


def test_a_supervisor_reads_that_somebody_came_to_the_end_of_the_fields_of_the_day(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    at = open_page("todo", Role.SUPERVISOR)
    plant(app.store, set_to("organisation.unmask_daily_limit", 0, date(2000, 1, 1)))
    with pytest.raises(DailyLimitReached):
        unmask(
            Actor("p-com", "Cao", Role.COMPLIANCE), app.store, now=app.clock.now(), case_id=ids[3],
            field=PersonalField.NAME, reason=WHY, evidence=app.settings.evidence,
        )  # fmt: skip
    at.run()
    said = " ".join(one.body for one in at.get("html"))
    assert "All the fields that one person may see in full today were seen – Cao" in said
