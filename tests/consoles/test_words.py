"""What pages say in words: names instead of codes, amounts with their currency, who may do what one may not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops_app.bootstrap import App
from ops_app.consoles.kit import url
from ops_app.consoles.kit.export import MAX_ROWS
from ops_app.domain.organisation.people import Role
from ops_app.services.casework.placing import queue_cases
from ops_app.services.organisation import quarantine
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import Asked
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.services.casework.casebook import SUPERVISOR, WHY, placed, some_cases, versions


@pytest.fixture
def ids(app: App) -> list[str]:
    return some_cases(app.store, app.settings.evidence)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_may_not_act_on_cases_is_told_who_may(ids: list[str], app: App, open_page: OpenPage, language: str) -> None:
    now = app.clock.now()
    placed(app.store, "A01", ids[0], now=now, due_at=now + timedelta(days=30))
    at = open_page("cases", Role.AUDITOR, language=language, query={"cases_view": "placed"})
    said = words(at)
    assert {"en": "Done by others", "zh": "由其他角色办理"}[language] in said
    assert {"en": "Recall with notice: ", "zh": "通知退案："}[language] in said
    assert {"en": "supervisor", "zh": "主管"}[language] in said
    at.query_params["case_id"] = ids[0]
    at.run()
    said = words(at)
    assert {"en": "Cases are moved and flagged by: ", "zh": "案件流转与标识由以下角色办理："}[language] in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_contacts_say_who_may_see_them_in_full(ids: list[str], open_page: OpenPage, language: str) -> None:
    query = {"cases_view": "in_house", "case_id": ids[0], "case_tab": "contacts"}
    at = open_page("cases", Role.AUDITOR, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    said = [one.value for one in at.caption]
    assert any({"en": "It may be done by: ", "zh": "可由以下角色办理："}[language] in one for one in said), said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_agency_shows_its_regions_by_name_and_who_may_move_it(
    ids: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    now = app.clock.now()
    placed(app.store, "A01", ids[0], now=now, due_at=now + timedelta(days=30))
    at = open_page("agencies", Role.AUDITOR, language=language, query={"agencies_id": "A01"})
    assert not at.exception, [error.value for error in at.exception]
    said = words(at)
    assert {"en": "Beijing 110000", "zh": "北京市 110000"}[language] in said
    assert {"en": "By others: ", "zh": "可由其他角色办理："}[language] in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_an_agency_the_form_says_what_to_do(
    ids: list[str], app: App, open_page: OpenPage, language: str
) -> None:
    queue_cases(SUPERVISOR, app.store, now=app.clock.now(), wanted=versions(app.store, *ids), reason=WHY)
    at = open_page("cases", Role.SUPERVISOR, language=language, query={"cases_view": "to_be_placed"})
    next(one for one in at.number_input if (one.key or "").startswith("place_from_the_top")).set_value(2).run()
    assert not at.exception, [error.value for error in at.exception]
    start = {"en": "No agency can take cases now", "zh": "目前没有可承接案件的机构"}[language]
    assert any(one.value.startswith(start) for one in at.info)
    assert not [one for one in at.button if one.label in ("Ask for approval", "提交审批")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_approver_of_a_list_that_nobody_counted_reads_up_to_how_many_rows(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, maker = signed_in(Role.SUPERVISOR, name="maker")
    for what, rows in (("audit", MAX_ROWS), ("cases", 4_321)):
        request_export(
            maker, app.store, now=app.clock.now(), asked=Asked(what, what, {}, rows, "csv", "for the audit", "/cases")
        )
    said = words(open_page("approvals", Role.MANAGER, language=language))
    most = f"{MAX_ROWS:,}"
    assert {"en": f"audit, up to {most} rows", "zh": f"audit，最多 {most} 行"}[language] in said
    assert {"en": "cases, 4,321 rows", "zh": "cases，4,321 行"}[language] in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_exports_says_how_long_a_link_works(open_page: OpenPage, language: str) -> None:
    said = words(open_page("exports", Role.SUPERVISOR, language=language))
    assert {"en": "for 24 hours after its file was made, 5 times at most", "zh": "24 小时内有效，最多下载 5 次"}[
        language
    ] in said


def test_a_correction_that_waits_is_known_for_its_row_alone(app: App, signed_in: SignedInAs) -> None:
    _, operator = signed_in(Role.OPERATOR)
    common = {"feed": "repayments", "source_code": "SIM", "decision": "replay", "reason": "typing"}
    quarantine.correct_row(
        operator, app.store, now=app.clock.now(), file_id="f" * 64, line_no=7, corrected={"name": "Zhang"}, key="c1",
        **common,
    )  # fmt: skip
    row = {"file_id": "f" * 64, "feed": "repayments"}
    (one,) = quarantine.waiting_corrections(operator, app.store, line_no=7, **row)
    assert (one.reason, one.corrected) == ("typing", {"name": "Zhang"})
    assert quarantine.waiting_corrections(operator, app.store, line_no=8, **row) == []
    _, manager = signed_in(Role.MANAGER)
    (masked,) = quarantine.waiting_corrections(manager, app.store, line_no=7, **row)
    assert masked.corrected == {"name": "***"}  # personal data: for those who correct it


def test_filters_leave_by_the_words_above_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"_recoup_shown_filters": {
        "cases_placed_sort": ("balance_minor-", "Sort by", "Balance ↓"),
        "cases_placed_value": ("A01", "Agency", "A01 First"),
        "other_least": ("", "From", ""),
    }}  # fmt: skip
    monkeypatch.setattr(url.st, "session_state", state)
    said = url.shown_filters({"agency_code": "A01", "sort": "balance_minor-", "least": "", "odd": "17"})
    assert said == [("Agency", "A01 First"), ("Sort by", "Balance ↓"), ("odd", "17")]
