"""What was refused of many things at once, on the pages: a table with reasons in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit import tables
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.placing import BatchKind, batch_number
from ops_app.domain.casework.request_rules import AssetStep
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.batches import Asked, submit_batch
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.recalling import run_announce_recall
from ops_app.services.casework.request_rules import request_rule_change
from ops_app.services.organisation import approvals
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import Asked as ExportAsked
from ops_app.store.organisation.people import by_name
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.services.casework.casebook import SUPERVISOR, WHY, now_is, placed, some_cases, versions
from tests.services.organisation.approving import ask, kinds_of_the_tests, seen, with_rules


@pytest.fixture
def ids(app: App) -> list[str]:
    return some_cases(app.store, app.settings.evidence)


def choose_from_the_top(at: AppTest, act: str, count: int) -> None:
    next(one for one in at.number_input if (one.key or "").startswith(f"{act}_from_the_top")).set_value(count).run()


def press(at: AppTest, label: str) -> None:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]


def reason(at: AppTest, form: str, text: str) -> None:
    next(one for one in at.text_area if (one.key or "").startswith(f"{form}_")).set_value(text)


def refused_rows(at: AppTest) -> list[tuple[str, str]]:
    """The rows of the tables of what was refused: what, why."""
    return [
        (str(row["what"]), str(row["why"]))
        for frame in at.dataframe
        if list(frame.value.columns) == ["what", "why"]
        for _, row in frame.value.iterrows()
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cases_that_cannot_stand_in_a_table_and_the_others_are_done(
    ids: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    at = open_page("cases", Role.SUPERVISOR, language=language, query={"cases_view": "in_house"})
    choose_from_the_top(at, "queue", 6)
    set_flag(
        SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[3], version=now_is(app.store, ids[3]).version,
        flag=Flag.COMPLAINT, reason=WHY,
    )  # fmt: skip
    reason(at, "queue", "they are due")
    press(at, {"en": "Queue for placement", "zh": "转待委外"}[language])
    assert [one.value for one in at.success] == [{"en": "5 cases changed.", "zh": "已办理 5 件案件。"}[language]]
    assert "/cases?case_id=" in words(at)  # and it links to them
    assert [one.value for one in at.number_input] == [0], "the next from the top are other cases"
    ((loan, why),) = refused_rows(at)
    assert loan == "L4"
    assert {"en": "Sun changed this case", "zh": "Sun 已先行更改该案件"}[language] in why
    assert len(at.get("download_button")) >= 2  # as CSV and as XLSX
    press(at, {"en": "Put this list away", "zh": "收起该清单"}[language])
    assert refused_rows(at) == []


def test_a_batch_with_a_case_that_cannot_says_which_beside_the_form_and_links_to_what_was_asked(
    ids: list[str], app: App, open_page: OpenPage
) -> None:
    now = app.clock.now()
    placed(app.store, "A01", *ids[:3], now=now, due_at=now + timedelta(days=30))
    with app.store.writing(SUPERVISOR, now) as transaction:
        wanted = {"cases": versions(app.store, *ids[:2]), "reason": "the agency is slow", "zone": "Asia/Shanghai"}
        run_announce_recall(transaction, wanted)
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "placed"})
    choose_from_the_top(at, "recall", 3)
    next(one for one in at.segmented_control if one.key == "cases_bulk_act").set_value("withdraw_recall").run()
    press(at, "Preview")
    assert "2 of 3 cases can be asked for" in words(at)
    assert "would end on" in words(at)
    reason(at, "withdraw_recall", "they promise to work faster")
    press(at, "Ask for approval")
    assert any("1 of 3 cannot be done" in one.value for one in at.error)
    assert refused_rows(at)[-1] == ("L3", "no recall of it is announced")
    next(one for one in at.checkbox if (one.key or "").startswith("withdraw_recall_")).set_value(True)
    press(at, "Ask for approval")
    assert any(one.value.startswith("Asked for as batch B") for one in at.success), [one.value for one in at.error]
    assert "cases_view=batches&amp;batch_id=b-" in words(at)
    assert refused_rows(at) == []


@pytest.fixture
def select_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of a list is selected; the browser's grid does that, which is not here."""

    def chosen(listing: Any, rows: Sequence[Any]) -> Sequence[Any]:
        return rows if isinstance(listing, tables.Listing) and listing.selectable else ()

    monkeypatch.setattr(tables, "_grid", chosen)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_of_many_requests_those_that_can_be_are_decided_and_the_others_listed(
    app: App, open_page: OpenPage, signed_in: SignedInAs, select_all: None, language: str
) -> None:
    with_rules(app.store)
    with kinds_of_the_tests():
        maker = signed_in(Role.FINANCE, name="maker")[1]
        good, refusing = (
            ask(app.store, maker, loan=loan, now=app.clock.now(), arguments={"loan_id": loan, "refuse": loan == "R"})
            for loan in ("L1", "R")
        )
        at = open_page("approvals", Role.SUPERVISOR, language=language)
        at.text_area[0].set_value("all fine")
        at.form_submit_button[0].click().run()
        assert not at.exception, [error.value for error in at.exception]
        assert seen(app.store, maker, good.request_id).state is RequestState.APPROVED
        assert seen(app.store, maker, refusing.request_id).state is RequestState.WAITING
        ((what, why),) = refused_rows(at)
        assert "R" in what
        assert {"en": "The balance changed.", "zh": "余额已变动。"}[language] in why


def test_a_notice_of_a_result_names_the_batch_and_links_to_it(
    ids: list[str], app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    now = app.clock.now()
    queue_cases(SUPERVISOR, app.store, now=now, wanted=versions(app.store, *ids[:2]), reason=WHY)
    at = open_page("todo", Role.SUPERVISOR)
    with app.store.reading() as connection:
        me = by_name(connection, "supervisor-en")
    assert me is not None
    maker = Actor(me.person_id, me.display_name, Role.SUPERVISOR)
    placed(app.store, "A01", ids[5], now=now, due_at=now + timedelta(days=30))  # so that there is an agency
    what = Asked(BatchKind.PLACE, versions(app.store, *ids[:2]), "Asia/Shanghai", "A01", now + timedelta(days=30))
    (batch,) = submit_batch(maker, app.store, now=now, asked=what, reason=WHY, key="k")
    _, manager = signed_in(Role.MANAGER, name="boss")
    (one,) = approvals.requests_on(manager, app.store, now=now, object_type="case_batch", object_id=batch.batch_id)
    approvals.reject(
        manager, app.store, now=now, request_id=one.request_id, expected_version=one.version,
        content_hash=one.content_hash, reason="not now", key="r",
    )  # fmt: skip
    at.run()
    said = words(at)
    assert batch_number(batch.batch_id, batch.made_at) in said
    assert f"/cases?cases_view=batches&amp;batch_id={batch.batch_id}" in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_returned_batch_is_opened_as_it_was_entered_and_submitted_again(
    ids: list[str], app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    now = app.clock.now()
    queue_cases(SUPERVISOR, app.store, now=now, wanted=versions(app.store, *ids[:3]), reason=WHY)
    placed(app.store, "A01", ids[5], now=now, due_at=now + timedelta(days=30))  # so that there is an agency
    at = open_page("approvals", Role.SUPERVISOR, language=language, query={"approvals_tab": "mine"})
    with app.store.reading() as connection:
        me = by_name(connection, f"supervisor-{language}")
    assert me is not None
    maker = Actor(me.person_id, me.display_name, Role.SUPERVISOR)
    what = Asked(BatchKind.PLACE, versions(app.store, *ids[:3]), "Asia/Shanghai", "A01", now + timedelta(days=30))
    (batch,) = submit_batch(maker, app.store, now=now, asked=what, reason="a first reason", key="k")
    _, manager = signed_in(Role.MANAGER, name="boss")
    (one,) = approvals.requests_on(manager, app.store, now=now, object_type="case_batch", object_id=batch.batch_id)
    approvals.return_request(
        manager, app.store, now=now, request_id=one.request_id, expected_version=one.version,
        content_hash=one.content_hash, reason="too many", key="r",
    )  # fmt: skip
    at.query_params["approvals_mine_id"] = one.request_id
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    form = f"batch_again_{batch.batch_id}"
    agency = next(each for each in at.selectbox if (each.key or "").startswith(f"{form}.agency_code"))
    why = next(each for each in at.text_area if (each.key or "").startswith(f"{form}.reason"))
    out = next(each for each in at.text_area if (each.key or "").startswith(f"{form}.cases"))
    assert (agency.value, why.value) == ("A01", "a first reason")
    out.set_value("L1\nL77")
    press(at, {"en": "Submit again", "zh": "重新提交"}[language])
    assert any("L77" in each.value for each in at.error)
    next(each for each in at.text_area if (each.key or "").startswith(f"{form}.cases")).set_value("L1")
    press(at, {"en": "Submit again", "zh": "重新提交"}[language])
    assert not at.error, [each.value for each in at.error]
    again = seen(app.store, maker, one.request_id)
    assert (again.state, again.round_no, again.arguments["case_count"]) == (RequestState.WAITING, 2, 2)
    compared = next(frame.value for frame in at.dataframe if list(frame.value.columns) == ["what", "v1", "v2"])
    assert ("3", "2") in {(str(row["v1"]), str(row["v2"])) for _, row in compared.iterrows()}


def test_what_cannot_be_changed_offers_its_reason_alone(app: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_tab": "mine"})
    with app.store.reading() as connection:
        me = by_name(connection, "supervisor-en")
    assert me is not None
    maker, now = Actor(me.person_id, me.display_name, Role.SUPERVISOR), app.clock.now()
    request_export(maker, app.store, now=now, asked=ExportAsked("cases", "Cases", {}, 5_000, "csv", "audit", "/cases"))
    _, manager = signed_in(Role.MANAGER, name="boss")
    one = approvals.list_requests(manager, app.store, now=now).rows[0]
    approvals.return_request(
        manager, app.store, now=now, request_id=one.request_id, expected_version=one.version,
        content_hash=one.content_hash, reason="what for?", key="r",
    )  # fmt: skip
    at.query_params["approvals_mine_id"] = one.request_id
    at.run()
    assert "What it asks for is fixed" in words(at)
    assert not [each for each in at.text_input if (each.key or "").startswith(f"resubmit_{one.request_id}")]
    next(each for each in at.text_area if (each.key or "").startswith("resubmit_")).set_value("for the audit of May")
    press(at, "Submit again")
    assert not at.error, [each.value for each in at.error]
    assert seen(app.store, maker, one.request_id).reason == "for the audit of May"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_returned_rule_is_changed_in_whole_units_and_by_names(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    at = open_page("approvals", Role.COMPLIANCE, language=language, query={"approvals_tab": "mine"})
    with app.store.reading() as connection:
        me = by_name(connection, f"compliance-{language}")
    assert me is not None
    maker, now = Actor(me.person_id, me.display_name, Role.COMPLIANCE), app.clock.now()
    request_id = request_rule_change(
        maker, app.store, now=now, kind=CaseRequestKind.WAIVER, asset=AssetStep.ABOVE, due_hours=24,
        above_minor=500_050, currency="CNY", reason="as agreed", key="k",
    )  # fmt: skip
    _, manager = signed_in(Role.MANAGER, name="boss")
    one = seen(app.store, manager, request_id)
    approvals.return_request(
        manager, app.store, now=now, request_id=request_id, expected_version=one.version,
        content_hash=one.content_hash, reason="too low", key="r",
    )  # fmt: skip
    at.query_params["approvals_mine_id"] = request_id
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    form = f"resubmit_{request_id}."
    fields = {(each.key or "").removeprefix(form).split(".")[0]: each for each in [*at.text_input, *at.selectbox]
              if (each.key or "").startswith(form)}  # fmt: skip
    assert set(fields) == {"asset", "above_minor", "due_hours"}  # what it is about stays
    assert fields["above_minor"].value == "5000.50"
    assert {"en": "5,000.50 CNY", "zh": "5,000.50 CNY"}[language] in words(at)
    fields["above_minor"].set_value("6,000.75")
    press(at, {"en": "Submit again", "zh": "重新提交"}[language])
    assert not at.error, [each.value for each in at.error]
    assert seen(app.store, maker, request_id).arguments["above_minor"] == 600_075
