"""Files that agencies bring back: under the agency's own source, only of what it had, and never as money received."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ops_app.bootstrap import App
from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.imports import AGENCY_FEEDS, FEEDS_WITH_AMOUNT, ImportState, NoSuchImport
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways import import_files
from ops_app.gateways.import_files import read_preview, refused_lines
from ops_app.services.organisation import imports
from ops_app.services.organisation.imports import Import
from pipelines.expectations.definitions import feed_names, load_feed
from pipelines.imports import work_on
from pipelines.inbound import unwanted_files
from pipelines.ingest import ingest_file
from pipelines.readers.templates import load_template, parse_template
from pipelines.take_over import history
from pipelines.warehouse import Warehouse
from tests.pipelines.importing import confirm, correct, operator_of, reverse
from tests.services.casework.casebook import a_collector, placed, recalled, some_cases

NOTES = "note_id,loan_id,agency_code,written_at,text\n"


@pytest.fixture
def ids(app: App) -> list[str]:
    """L1, L2 placed with AG01 yesterday, L3 with AG02; L4 was with AG01 from ten days ago to five days ago."""
    now = app.clock.now()
    made = some_cases(app.store, app.settings.evidence)
    placed(app.store, "AG01", made[3], now=now - timedelta(days=10), due_at=now + timedelta(days=30))
    recalled(app.store, made[3], now=now - timedelta(days=5))
    yesterday = now - timedelta(days=1)
    placed(app.store, "AG01", *made[:2], now=yesterday, due_at=now + timedelta(days=30))
    placed(app.store, "AG02", made[2], now=yesterday, due_at=now + timedelta(days=30))
    return made


def person(app: App, agency: str = "AG01", role: Role = Role.AGENCY_SUPERVISOR, name: str = "") -> Actor:
    return a_collector(app.store, name or f"{agency}-{role.value}".lower(), agency, role)


def today(app: App) -> date:
    return app.clock.now().astimezone(app.settings.zone).date()


def bring(
    app: App, actor: Actor, text: str, entry: str = "notes", template: str = "agency", key: str = "k", **other: Any
) -> Import:
    one = import_files.bring(
        actor, app.store, app.settings, now=app.clock.now(), name=f"{entry}.csv", data=text.encode(),
        template=template, entry=entry, file_date=today(app), key=key, **other,
    )  # fmt: skip
    return work_on(app, one.import_id)


def notes(app: App, *rows: tuple[str, str, int]) -> str:
    """Notes (id, loan, days ago) at noon of their day."""
    lines = [f"{note},{loan},AG02,{today(app) - timedelta(days=ago)} 12:00:00,promised" for note, loan, ago in rows]
    return NOTES + "\n".join(lines) + "\n"


def held(app: App, sql: str) -> list[tuple[Any, ...]]:
    return Warehouse(app.settings.warehouse_path).query(sql)


def test_rows_of_cases_that_the_agency_did_not_have_on_their_date_are_refused_beside_the_row(
    app: App, ids: list[str]
) -> None:
    actor = person(app)
    given = [("N1", "L1", 0), ("N2", "L3", 0), ("N3", "NOSUCH", 0), ("N4", "L4", 7), ("N5", "L4", 2), ("N6", "L2", 9)]
    one = bring(app, actor, notes(app, *given))
    assert (one.state, one.refusal) == (ImportState.PREVIEWED, None)
    assert (one.rows_in, one.rows_accepted, one.rows_quarantined) == (6, 2, 4)
    found, total = refused_lines(actor, app.settings, one)
    assert total == 4
    assert [(row.line_no, row.rule, row.value) for row in found] == [
        (3, "not_in_custody", "L3"), (4, "not_in_custody", "NOSUCH"), (6, "not_in_custody", "L4"),
        (7, "not_in_custody", "L2"),
    ]  # fmt: skip
    assert len({(row.reason_en, row.reason_zh, row.column_name) for row in found}) == 1  # missing, foreign: alike
    one = confirm(app, actor, one)
    assert one.state is ImportState.APPLIED, one.said_en
    assert held(app, "select source_code, agency_code, note_id, loan_id from raw.notes order by note_id") == [
        ("AG-AG01", "AG01", "N1", "L1"), ("AG-AG01", "AG01", "N4", "L4"),
    ]  # fmt: skip
    assert held(app, "select line_no, rule, state from raw.quarantine where is_primary order by 1") == [
        (line, "not_in_custody", "open") for line in (3, 4, 6, 7)
    ]
    assert held(app, "select source_code, rows_in, rows_accepted, rows_quarantined from raw.files") == [
        ("AG-AG01", 6, 2, 4)
    ]


def test_a_corrected_row_is_held_against_the_custody_again_before_and_after_it_is_applied(
    app: App, ids: list[str]
) -> None:
    actor = person(app)
    one = bring(app, actor, notes(app, ("N1", "L1", 0), ("N2", "L3", 0), ("N3", "NOSUCH", 0)))
    one = correct(app, actor, one, 3, loan_id="L3")
    assert [row.state for row in refused_lines(actor, app.settings, one)[0]] == ["refused_again", "open"]
    one = correct(app, actor, one, 3, loan_id="L2", agency_code="AG02")  # whose it is cannot be corrected
    assert (one.rows_accepted, one.rows_quarantined) == (2, 1)
    one = confirm(app, actor, one)
    assert (one.state, one.rows_accepted) == (ImportState.APPLIED, 2), one.said_en
    one = correct(app, actor, one, 4, loan_id="L3")
    outcomes = {
        row.line_no: row.outcome
        for row in imports.read_corrections(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    }
    assert outcomes[3] == "accepted"
    assert "not placed with your agency" in str(outcomes[4])
    assert held(app, "select loan_id, agency_code from raw.notes order by 1") == [("L1", "AG01"), ("L2", "AG01")]
    assert reverse(app, actor, one).state is ImportState.REVERSED
    assert held(app, "select count(*) from raw.notes") == [(0,)]


def test_nobody_can_bring_rows_in_the_name_of_another_agency(app: App, ids: list[str]) -> None:
    hers = person(app, "AG02")
    one = confirm(app, hers, bring(app, hers, notes(app, ("N1", "L3", 0), ("N2", "L1", 0))))
    assert held(app, "select source_code, agency_code, loan_id from raw.notes") == [("AG-AG02", "AG02", "L3")]
    mine = person(app)
    same = confirm(app, mine, bring(app, mine, notes(app, ("N1", "L3", 0), ("N2", "L1", 0)), key="other"))
    assert (one.state, same.state) == (ImportState.APPLIED, ImportState.APPLIED)  # the same bytes, two files
    assert held(app, "select agency_code, source_code, loan_id from raw.notes order by all") == [
        ("AG01", "AG-AG01", "L1"),
        ("AG02", "AG-AG02", "L3"),
    ]


def test_a_payment_an_agency_reports_is_a_claim_and_never_a_repayment(app: App, ids: list[str]) -> None:
    actor = person(app, role=Role.AGENCY_ADMINISTRATOR)
    day = today(app)
    text = "流水号,借据号,还款时间,金额\n" + f'P1,L1,{day},"1,200.50"\nP2,L3,{day},5.00\n'
    one = bring(app, actor, text, entry="agency_payments", template="agency_zh")
    said = [(row.rule, row.value) for row in refused_lines(actor, app.settings, one)[0]]
    assert (one.rows_accepted, one.rows_quarantined, one.refusal) == (1, 1, None), said
    (total,) = read_preview(actor, app.settings, one).totals
    assert (total.name, total.sum_minor, total.currency) == ("amount", 120050, "CNY")
    (row,) = refused_lines(actor, app.settings, one)[0]
    assert row.values["amount"] == "5.00"
    assert confirm(app, actor, one).state is ImportState.APPLIED
    assert held(app, "select source_code, agency_code, amount_minor, currency from raw.agency_payments") == [
        ("AG-AG01", "AG01", 120050, "CNY")
    ]
    assert held(app, "select count(*) from raw.repayments") == [(0,)]
    assert held(app, "select sum_minor from raw.files") == [(120050,)]


def test_calls_come_in_with_their_case_alone(app: App, ids: list[str]) -> None:
    actor = person(app)
    day = today(app)
    text = f"call_id,loan_id,started_at,talk_seconds\nC1,L1,{day} 09:00:00,30\nC2,,{day} 09:01:00,0\n"
    one = bring(app, actor, text, entry="calls")
    assert (one.rows_accepted, one.rows_quarantined) == (1, 1)
    assert [row.rule for row in refused_lines(actor, app.settings, one)[0]] == ["loan_id_missing"]
    assert confirm(app, actor, one).state is ImportState.APPLIED
    assert held(app, "select channel, direction, agency_code from raw.calls") == [("human", "outbound", "AG01")]


def test_an_agency_reaches_its_own_imports_and_a_foreign_one_is_not_there(app: App, ids: list[str]) -> None:
    mine, hers = person(app), person(app, "AG02")
    one = bring(app, mine, notes(app, ("N1", "L1", 0)))
    now = app.clock.now()
    for import_id in (one.import_id, "0" * 32):
        with pytest.raises(NoSuchImport):
            imports.read_import(hers, app.store, now=now, import_id=import_id)
        with pytest.raises(NoSuchImport):
            imports.confirm_import(hers, app.store, now=now, import_id=import_id, expected_version=one.version)
        with pytest.raises(NoSuchImport):
            imports.read_corrections(hers, app.store, now=now, import_id=import_id)
    with pytest.raises(NoSuchImport):
        read_preview(hers, app.settings, one)
    assert imports.list_imports(hers, app.store, now=now).total == 0
    assert imports.imported_feeds(hers, app.store, now=now) == []
    assert imports.list_imports(mine, app.store, now=now).total == 1
    operator = operator_of(app)
    assert imports.list_imports(operator, app.store, now=now).total == 1
    theirs = bring(app, hers, notes(app, ("N1", "L1", 0)))  # the same bytes: nothing of the other is told
    assert theirs.rows_quarantined == 1


def test_agencies_use_their_templates_alone_and_nobody_else_uses_those(app: App, ids: list[str]) -> None:
    actor = person(app)
    with pytest.raises(NotFound):
        bring(app, actor, "a\n1\n", entry="repayments", template="standard")
    with pytest.raises(NotFound):
        bring(app, operator_of(app), notes(app, ("N1", "L1", 0)))
    with pytest.raises(Refused):
        bring(app, a_collector(app.store, "phone", "AG01"), notes(app, ("N1", "L1", 0)))
    path = app.settings.inbound / "agency" / "notes_2026-11-01.csv"
    path.parent.mkdir(parents=True)
    path.write_text(notes(app, ("N1", "L1", 0)))
    assert unwanted_files(app.settings) == [path.parent]
    with pytest.raises(Invalid, match="import page"):
        ingest_file(Warehouse(app.settings.warehouse_path), app.settings, path, "agency")


def test_what_agencies_bring_is_no_book_of_a_former_system(app: App, ids: list[str]) -> None:
    actor = person(app)
    confirm(app, actor, bring(app, actor, notes(app, ("N1", "L1", 0))))
    with Warehouse(app.settings.warehouse_path).open() as connection:
        assert list(history(connection, app.settings.zone)) == []


def test_the_lists_of_feeds_are_those_of_the_feed_files(app: App) -> None:
    assert {name for name in feed_names() if load_feed(name).sum_column} == FEEDS_WITH_AMOUNT
    assert set(feed_names()) >= AGENCY_FEEDS
    for name in ("agency", "agency_zh"):
        made = load_template(name, app.settings.template_dirs)
        assert made.for_agencies
        assert {entry.feed for entry in made.feeds} == AGENCY_FEEDS
    wrong = "template: t\nsource_code: T\nlender: {en: a, zh: b}\nfor_agencies: true\nfeeds: [{feed: repayments}]\n"
    with pytest.raises(Invalid, match="agencies do not bring repayments"):
        parse_template(wrong, "t")
