"""Parts of the record of a case: its limitation and its history, each within the reach of who reads; and lists and
requests that name what they are about in words."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from ops_app.bootstrap import App
from ops_app.domain.casework.limitation import InterruptionKind
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.batches import Asked, submit_batch
from ops_app.services.casework.limitation import read_limitation, record_interruption
from tests.consoles.conftest import OpenPage, words
from tests.consoles.planted import plant_snapshot
from tests.consoles.test_limitation_and_missing import field, press
from tests.services.casework.casebook import SUPERVISOR, ZONE, a_debtor, a_spell, an_agency, placed, taken_in, versions


@pytest.fixture
def one(app: App) -> str:
    """A case placed with A01, whose limitation was interrupted before that."""
    now = app.clock.now()
    day = now.astimezone(app.settings.zone).date()
    row = a_spell(1, days_past_due=400, as_of_date=day, opened_date=day)
    taken_in(app.store, app.settings.evidence, row, debtors=[a_debtor(1)], now=now, day=day)
    case_id: str = row["case_id"]
    record_interruption(
        SUPERVISOR, app.store, now=now, case_id=case_id, kind=InterruptionKind("demand"),
        happened_date=day - timedelta(days=9), evidence="EMS 5550001", key="k",
    )  # fmt: skip
    later = now + timedelta(milliseconds=1)
    placed(app.store, "A01", case_id, now=later, due_at=now + timedelta(days=30))
    return case_id


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Runs since", "began it anew", "EMS 5550001")), ("zh", ("起算日", "重新起算", "EMS 5550001"))],
)
def test_the_record_has_the_limitation_how_it_is_computed_and_its_evidence(
    one: str, open_page: OpenPage, language: str, said: tuple[str, ...]
) -> None:
    query = {"cases_view": "placed", "case_id": one, "case_tab": "limitation"}
    at = open_page("cases", Role.SUPERVISOR, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    for text in said:
        assert text in words(at)


def test_an_interruption_is_recorded_from_the_record_of_the_case(one: str, open_page: OpenPage, app: App) -> None:
    query = {"cases_view": "placed", "case_id": one, "case_tab": "limitation"}
    at = open_page("cases", Role.SUPERVISOR, query=query)
    day = app.clock.now().astimezone(app.settings.zone).date() - timedelta(days=1)
    field(at, "selectbox", "kind").select("demand")
    field(at, "date_input", "happened_date").set_value(day)
    field(at, "text_input", "evidence").set_value("EMS 777")
    press(at, "Record")
    clock = read_limitation(SYSTEM, app.store, now=app.clock.now(), case_id=one).clock
    assert clock is not None
    assert clock.started_date == day


def test_an_agency_reads_the_clock_but_not_what_was_written_before_its_time(one: str, open_page: OpenPage) -> None:
    query = {"case_id": one, "case_tab": "limitation"}
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query=query)
    assert not at.exception, [error.value for error in at.exception]
    said = words(at)
    assert "the period began anew" in said
    assert "compliance record interruptions" in said
    assert "EMS" not in said
    assert "Sun" not in said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("queued for placement", "entered", "to be placed", "with an agency", "A01", "a good reason")),
        ("zh", ("转待委外", "待委外", "委外中", "A01", "a good reason")),
    ],
)
def test_the_history_has_every_move_with_states_custody_and_agency(
    one: str, open_page: OpenPage, language: str, said: tuple[str, ...]
) -> None:
    query = {"cases_view": "placed", "case_id": one, "case_tab": "events"}
    at = open_page("cases", Role.SUPERVISOR, language=language, query=query)
    (history,) = [frame.value for frame in at.dataframe if "custody" in frame.value]
    cells = {str(cell) for row in history.itertuples(index=False) for cell in row}
    assert set(said) <= cells
    assert len(history) >= 4


def test_the_history_of_an_agency_begins_with_its_own_placement(one: str, open_page: OpenPage) -> None:
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query={"case_id": one, "case_tab": "events"})
    (history,) = [frame.value for frame in at.dataframe if "custody" in frame.value]
    assert list(history["what"]) == ["placed"]


def _published_notes(app: App, audience: str, case_id: str) -> None:
    """What an audience's snapshot has of agencies' notes: one of the placement, one of the week before."""
    path = plant_snapshot(app.settings, audience)
    now = app.clock.now().replace(tzinfo=None)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table fct_agency_notes as select * from (values"
            " ('n1', ?, timestamp '2100-01-01 04:00:00', 'A01', 'E7', 'call', 'promised', '答应周五还款 *******'),"
            " ('n2', ?, cast(? as timestamp) - interval 7 day, 'A01', 'E8', null, null, 'of the placement before'))"
            " as t(agency_note_id, case_id, written_at, agency_code, collector_id, kind, outcome, note)",
            [case_id, case_id, now],
        )


@pytest.mark.parametrize(("language", "empty"), [("en", "No agency has brought back notes"), ("zh", "暂无机构回传")])
def test_notes_that_an_agency_brought_back_stand_on_the_record(
    one: str, app: App, open_page: OpenPage, language: str, empty: str
) -> None:
    query = {"cases_view": "placed", "case_id": one, "case_tab": "notes"}
    at = open_page("cases", Role.SUPERVISOR, language=language, query=query)
    assert empty in words(at)
    _published_notes(app, "asset_company", one)
    at.run()
    (shown,) = [frame.value for frame in at.dataframe if "note" in frame.value]
    assert list(shown["note"]) == ["答应周五还款 *******", "of the placement before"]
    assert list(shown["kind"]) == ["call", "–"]


def test_an_agency_reads_its_own_notes_of_the_placement_that_runs(one: str, app: App, open_page: OpenPage) -> None:
    _published_notes(app, "agency-A01", one)
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query={"case_id": one, "case_tab": "notes"})
    (shown,) = [frame.value for frame in at.dataframe if "note" in frame.value]
    assert list(shown["note"]) == ["答应周五还款 *******"]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "2 cases, agency A01"), ("zh", "2 件案件，机构 A01")]
)  # fmt: skip
@pytest.mark.parametrize("page", ["approvals", "todo"])
def test_a_batch_is_named_by_its_cases_and_agency_and_not_by_its_identifier(
    app: App, open_page: OpenPage, page: str, language: str, said: str
) -> None:
    now = app.clock.now()
    rows = [a_spell(n, is_due_for_placement=True) for n in (1, 2)]
    taken_in(app.store, app.settings.evidence, *rows, debtors=[a_debtor(n) for n in (1, 2)])
    an_agency(app.store, "A01", day=now.date())
    wanted = versions(app.store, *(str(row["case_id"]) for row in rows))
    asked = Asked(BatchKind.PLACE, wanted, ZONE, "A01", now + timedelta(days=30))
    (batch,) = submit_batch(SUPERVISOR, app.store, now=now, asked=asked, reason="by region", key="k")
    at = open_page(page, Role.MANAGER, language=language)
    text = words(at)
    assert said in text
    assert batch.batch_id not in text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Days past due, from", "Days past due, to")), ("zh", ("逾期天数不低于", "逾期天数不高于"))],
)
def test_a_range_names_the_column_it_narrows(
    one: str, open_page: OpenPage, language: str, said: tuple[str, str]
) -> None:
    text = words(open_page("cases", Role.SUPERVISOR, language=language, query={"cases_view": "placed"}))
    for label in said:
        assert label in text
