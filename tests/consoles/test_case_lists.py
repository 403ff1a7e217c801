"""Lists of cases, placements and batches on their pages, and the search: what is typed, narrowed, shown and kept."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.casework import columns
from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.casework.batches import Asked, submit_batch
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.viewing import open_case
from ops_app.services.organisation.rights import narrow_right
from ops_app.store.organisation import people
from tests.consoles.conftest import OpenPage, SignedInAs, page, words
from tests.consoles.test_cases import loans, press, six_cases
from tests.services.casework.casebook import (
    SUPERVISOR,
    WHY,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    now_is,
    taken_in,
    versions,
)


@pytest.fixture
def ids(app: App) -> list[str]:
    return six_cases(app)


def search(at: AppTest, term: str, text: str) -> None:
    next(one for one in at.selectbox if one.key == "search_cases.term").set_value(term)
    next(one for one in at.text_input if one.key == "search_cases.text").set_value(text)
    press(at, "search_cases", "Search")


def test_a_search_keeps_what_was_typed_and_found_until_it_is_cleared(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR)
    assert not next(one for one in at.expander if one.label == "Search").proto.expanded
    search(at, "phone_tail", "0002")
    assert "1 cases found." in [one.value for one in at.caption]
    at.query_params["case_id"] = ids[0]
    at.run()
    next(one for one in at.button if one.label == "Back to the list").click().run()
    assert next(one for one in at.text_input if one.key == "search_cases.text").value == "0002"
    assert "1 cases found." in [one.value for one in at.caption]
    at.switch_page(page("todo").file).run()
    at.switch_page(page("agency_cases").file).run()
    assert next(one for one in at.text_input if one.key == "search_cases.text").value == "0002"
    assert "1 cases found." in [one.value for one in at.caption]
    search(at, "phone_tail", "0003")
    assert [one.value for one in at.info] == ["No case within your reach has this."]
    assert not at.success
    assert next(one for one in at.expander if one.label == "Search").proto.expanded
    assert next(one for one in at.text_input if one.key == "search_cases.text").value == "0003"
    press(at, "search_cases", "Clear")
    assert next(one for one in at.text_input if one.key == "search_cases.text").value == ""
    assert not at.info


def test_a_search_that_is_refused_says_why_beside_the_field(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("my_cases", Role.COLLECTOR)
    search(at, "phone_tail", "12")
    assert [one.value for one in at.error] == ["Type exactly the last 4 characters."]
    assert next(one for one in at.text_input if one.key == "search_cases.text").value == "12"
    press(at, "search_cases", "Clear")
    press(at, "search_cases", "Search")
    assert [one.value for one in at.error] == ["Please fill this in."]


def test_what_one_person_searched_for_is_not_shown_to_the_next_in_the_same_window(
    ids: list[str], open_page: OpenPage, signed_in: SignedInAs, holding
) -> None:
    at = open_page("cases", Role.SUPERVISOR)
    search(at, "name", "王3")
    token, _ = signed_in(Role.MANAGER)
    holding(token)
    at.run()
    assert "王3" not in words(at)
    assert "1 cases found." not in words(at)


def test_the_number_of_a_case_is_shown_where_it_is_searched_by(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "outsourced", "case_id": ids[0]})
    assert ids[0] in words(at)  # the head of the record has all of it
    next(one for one in at.button if one.label == "Back to the list").click().run()
    (shown,) = [frame.value for frame in at.dataframe if "due_at" in frame.value]
    assert set(shown["case"]) == {one[:12] for one in ids[:3]}
    search(at, "case_id", ids[4][:12])
    assert "L5" in loans(at)


def test_placed_cases_are_narrowed_by_agency_and_an_agencys_by_collector(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "placed"})
    box_of = next(one for one in at.selectbox if (one.key or "").startswith("cases_placed_agency"))
    assert any("A01" in option and option != "A01" for option in box_of.options)
    box_of.set_value("A02").run()
    assert loans(at) == {"L3"}
    hers = a_collector(app.store, "yan", "A01")
    boss = Actor("p-boss", "Boss", Role.AGENCY_SUPERVISOR, "A01")
    assigned(app.store, boss, hers, ids[1], now=app.clock.now())
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query={"agency_cases_by": "collector_id"})
    by = next(one for one in at.selectbox if (one.key or "").startswith("agency_cases_value"))
    assert "Yan" in by.options
    by.set_value(hers.person_id).run()
    assert loans(at) == {"L2"}


@pytest.mark.parametrize(
    ("sort", "typed", "said"),
    [
        ("days_past_due-", {"least": "abc"}, "“abc” is no whole number; it is not used."),
        ("days_past_due-", {"most": "-3"}, "“-3” is no whole number; it is not used."),
        ("opened_date-", {"most": "yesterday"}, "“yesterday” is no day. Write it like 2026-11-30; it is not used."),
        ("days_past_due-", {"least": "9", "most": "3"}, "The end is before the beginning, so nothing can match."),
    ],
)
def test_a_bound_that_is_none_is_said_beside_its_field_and_stays(
    ids: list[str], open_page: OpenPage, sort: str, typed: dict[str, str], said: str
) -> None:
    query = {f"cases_all_{end}": text for end, text in typed.items()}
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all", "cases_all_sort": sort} | query)
    assert [one.value for one in at.error] == [said]
    for end, text in typed.items():
        assert next(one for one in at.text_input if (one.key or "").startswith(f"cases_all_{end}")).value == text


def test_a_bound_is_read_in_characters_of_any_width(ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all", "cases_all_least": "\uff15"})
    assert loans(at) == {"L5", "L6"}
    assert not at.error


def test_placements_are_found_by_loan_period_and_sort(ids: list[str], app: App, open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "history"})
    assert "3 rows" in words(at)
    at.query_params["placements_history_loan"] = "L2"
    at.run()
    assert loans(at) == {"L2"}
    at.query_params["placements_history_loan"] = "L"
    at.run()
    assert [one.value for one in at.error] == ["Type at least the first 2 characters."]
    del at.query_params["placements_history_loan"]
    at.query_params["placements_history_since"] = "2099-01-01"
    at.run()
    assert [one.value for one in at.info] == ["Nothing matches these filters."]
    at.query_params["placements_history_since"] = "last week"
    at.run()
    assert [one.value for one in at.error] == ["“last week” is no day. Write it like 2026-11-30; it is not used."]
    at.run()
    assert at.error  # it is said as long as it stands there
    assert loans(at) == {"L1", "L2", "L3"}
    next(one for one in at.date_input if one.key == "placements_history_since.").set_value(date(2020, 1, 1)).run()
    assert not at.error
    assert "2020-01-01" in at.query_params["placements_history_since"]


def test_what_is_outsourced_shows_complaints_and_history_counts_them(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    set_flag(SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[0], version=now_is(app.store, ids[0]).version,
             flag=Flag.COMPLAINT, reason=WHY)  # fmt: skip
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "outsourced"})
    (shown,) = [frame.value for frame in at.dataframe if "due_at" in frame.value]
    assert dict(zip(shown["loan"], shown["complaint"], strict=True)) == {"L1": "Yes", "L2": "–", "L3": "–"}
    assert set(shown["promise_due"]) == {"not published yet"}
    at.query_params["cases_view"] = "history"
    at.run()
    (shown,) = [frame.value for frame in at.dataframe if "complaints" in frame.value]
    assert dict(zip(shown["loan"], shown["complaints"], strict=True)) == {"L1": "1", "L2": "0", "L3": "0"}


def test_the_list_of_an_agency_shows_who_has_a_case_open(ids: list[str], app: App, open_page: OpenPage) -> None:
    open_case(SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[1])
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR)
    (shown,) = [frame.value for frame in at.dataframe if "lock" in frame.value]
    by_loan = dict(zip(shown["loan"], shown["lock"], strict=True))
    assert by_loan["L1"] == "–"
    assert by_loan["L2"].startswith("Sun, until ")


def test_from_one_case_of_a_person_one_goes_on_to_the_other(app: App, open_page: OpenPage) -> None:
    taken_in(app.store, app.settings.evidence, a_spell(1), a_spell(2, customer_id="C1"), debtors=[a_debtor(1)])
    one, two = (case_id("SIM", f"L{number}", 1) for number in (1, 2))
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "in_house", "case_id": one})
    assert "Loan L1, spell 1" in [it.value for it in at.subheader]
    next(it for it in at.button if it.key == f"to_case_{two}").click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert "Loan L2, spell 1" in [it.value for it in at.subheader]
    assert two in at.query_params["case_id"]


def asked_for(app: App, ids: list[str], *wanted: int, kind: BatchKind = BatchKind.PLACE, agency: str = "A01") -> str:
    """A batch of the supervisor that waits for approval; its id."""
    now = app.clock.now()
    asked = Asked(
        kind, versions(app.store, *(ids[n] for n in wanted)), "Asia/Shanghai", agency, now + timedelta(days=40)
    )
    (batch,) = submit_batch(SUPERVISOR, app.store, now=now, asked=asked, reason=WHY, key=f"{kind}{wanted}")
    return batch.batch_id


def test_the_list_of_batches_is_narrowed_and_opens_the_approval_and_the_cases_of_each(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    queue_cases(SUPERVISOR, app.store, now=app.clock.now(), wanted=versions(app.store, *ids[4:]), reason=WHY)
    place = asked_for(app, ids, 4, 5)
    extend = asked_for(app, ids, 0, kind=BatchKind.EXTEND)
    at = open_page("cases", Role.MANAGER, query={"cases_view": "batches"})
    assert "2 rows" in words(at)
    at.query_params["batches_by"], at.query_params["batches_kind"] = "kind", "extend"
    at.run()
    (shown,) = [frame.value for frame in at.dataframe if "count" in frame.value]
    assert list(shown["count"]) == ["1"]
    at.query_params["batches_by"], at.query_params["batches_state"] = "state", "approved"
    at.run()
    assert [one.value for one in at.info] == ["Nothing matches these filters."]
    at.query_params["batches_state"], at.query_params["batch_id"] = "waiting", place
    at.run()
    assert loans(at) == {"L5", "L6"}
    assert "Open the approval" in [one.proto.label for one in at.get("page_link")]
    next(one for one in at.selectbox if (one.key or "").startswith("case_id")).set_value(ids[4]).run()
    assert not at.exception, [error.value for error in at.exception]
    assert "Loan L5, spell 1" in [one.value for one in at.subheader]
    assert extend != place


@pytest.mark.parametrize(("source", "shown"), [("SIM", {f"L{n}" for n in range(1, 7)}), ("OTHER", set())])
def test_whose_cases_are_narrowed_has_one_list_of_what_is_left_to_them(
    ids: list[str], app: App, open_page: OpenPage, source: str, shown: set[str]
) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "placed"})
    with app.store.reading() as connection:
        boss = people.by_name(connection, "supervisor-en")
    assert boss is not None
    narrow_right(
        Actor("p-admin", "Admin", Role.ADMINISTRATOR), app.store, now=app.clock.now(), person_id=boss.person_id,
        kind=Narrowing.PORTFOLIO, permission="*", value=[source], reason=WHY,
    )  # fmt: skip
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    assert loans(at) == shown


def test_the_locks_of_a_page_are_asked_for_once(
    ids: list[str], app: App, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    look = columns.open_with
    monkeypatch.setattr(columns, "open_with", lambda *given, **more: asked.append(more["ids"]) or look(*given, **more))
    open_page("agency_cases", Role.AGENCY_SUPERVISOR)
    assert [set(one) for one in asked] == [set(ids[:2])] * len(asked)
    assert len(asked) <= 2  # the page is run once before it is gone to


def test_the_first_view_that_a_link_names_stays_when_something_is_done_there(
    ids: list[str], open_page: OpenPage
) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "placed"})
    assert loans(at) == {"L1", "L2", "L3"}
    at.run()
    at.run()
    assert loans(at) == {"L1", "L2", "L3"}, "it does not go to where other work waits"
