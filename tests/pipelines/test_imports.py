"""Imports of people: previewed, corrected, confirmed, replayed, and reversed until they are used."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from ops_app.bootstrap import App
from ops_app.cli import cli
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.imports import ImportState, ImportUsed, NothingToLoad
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.gateways.import_files import read_preview, refused_lines
from ops_app.services.organisation import imports, runs
from ops_app.services.organisation.imports import FileHereAlready, Import
from pipelines.imports import work_on, work_within
from pipelines.ingest import ingest_inbound
from pipelines.warehouse import Warehouse
from tests.pipelines.importing import (
    DAY,
    HEADER,
    bring,
    confirm,
    correct,
    dirty_sheet,
    line,
    operator_of,
    reverse,
    write_template,
)

pytestmark = pytest.mark.usefixtures("template")


@pytest.fixture
def template(app: App) -> None:
    write_template(app)


def held(app: App, sql: str) -> list[tuple[Any, ...]]:
    return Warehouse(app.settings.warehouse_path).query(sql)


def everything(app: App) -> dict[str, list[tuple[Any, ...]]]:
    """All that the warehouse holds of files and rows, in an order of its own."""
    tables = ("files", "quarantine", "expectation_results", "repayments", "deliveries")
    return {table: held(app, f"select * from raw.{table} order by all") for table in tables}


def test_a_dirty_gb18030_sheet_is_previewed_with_the_rule_beside_each_row_and_nothing_is_loaded(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    assert (one.state, one.rows_in, one.rows_accepted, one.rows_quarantined) == (ImportState.PREVIEWED, 12, 8, 4)
    assert one.refusal is None
    shown = read_preview(actor, app.settings, one)
    assert (shown.encoding, shown.format) == ("gb18030", "csv")
    assert {column.name: column.source for column in shown.columns if column.source}["amount"] == "金额"
    assert shown.sample[0][1]["payer_name"] == "㐀𠀀龘"
    assert shown.sample[0][1]["amount"] == "1200.50"
    assert [(total.name, total.currency, total.sum_minor) for total in shown.totals] == [("amount", "CNY", 8 * 120050)]
    found, total = refused_lines(actor, app.settings, one)
    assert total == 4
    assert [(row.line_no, row.rule, row.state) for row in found] == [
        (10, "repeated_header", "discarded"),
        (11, "amount_unreadable", "open"),
        (12, "value_date_unreadable", "open"),
        (13, "duplicate_row", "discarded"),
    ]
    assert found[1].value == "一千二"
    assert "金额" in found[1].reason_zh
    assert not app.settings.warehouse_path.exists()


def test_corrected_rows_are_decided_again_and_applied_with_the_file_in_one_transaction(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    one = correct(app, actor, one, 11, amount="still no number")
    (row,) = [row for row in refused_lines(actor, app.settings, one)[0] if row.line_no == 11]
    assert row.state == "refused_again"
    assert row.again_en
    one = correct(app, actor, one, 11, amount="1200.00")
    one = correct(app, actor, one, 12)
    assert (one.rows_accepted, one.rows_quarantined) == (9, 3)
    one = confirm(app, actor, one)
    assert one.state is ImportState.APPLIED, one.said_en
    assert held(app, "select count(*), sum(amount_minor) from raw.repayments") == [(9, 8 * 120050 + 120000)]
    assert held(app, "select rows_in, rows_accepted, rows_quarantined, state from raw.files") == [
        (12, 9, 3, "accepted")
    ]
    assert held(app, "select line_no, state from raw.quarantine where is_primary order by 1") == [
        (10, "discarded"), (11, "replayed"), (12, "discarded"), (13, "discarded"),
    ]  # fmt: skip
    outcomes = imports.read_corrections(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    assert [(row.line_no, row.outcome) for row in outcomes] == [(11, "accepted"), (12, "discarded")]


def test_a_row_corrected_after_the_import_is_replayed_at_once(app: App) -> None:
    actor = operator_of(app)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    one = correct(app, actor, one, 12, value_date="2026-03-05")
    assert (one.state, one.rows_accepted, one.rows_quarantined) == (ImportState.APPLIED, 9, 3)
    assert held(app, "select count(*) from raw.repayments where payment_id = 'P102'") == [(1,)]


def test_too_many_refused_rows_refuse_the_file_until_enough_are_corrected_or_discarded(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet(good=4))
    assert (one.refusal, one.rows_accepted, one.rows_quarantined) == ("refused_share", 0, 8)
    with pytest.raises(NothingToLoad):
        confirm(app, actor, one)
    one = correct(app, actor, one, 7, amount="12.00")
    assert (one.refusal, one.rows_accepted) == ("refused_share", 0)
    assert "2 of 8 rows" in (one.refusal_en or "")
    one = correct(app, actor, one, 6)
    assert (one.refusal, one.rows_accepted) == (None, 5)
    one = confirm(app, actor, one)
    assert one.state is ImportState.APPLIED, one.said_en
    assert held(app, "select rows_in, rows_accepted, rows_quarantined from raw.files") == [(8, 5, 3)]


def test_a_reversed_import_leaves_the_warehouse_as_it_was_and_the_file_may_come_again(app: App) -> None:
    actor = operator_of(app)
    confirm(app, actor, bring(app, actor, "\n".join([HEADER, line(900)]).encode() + b"\n", name="还款_2026-03-01.csv",
                              key="k0", day=date(2026, 3, 6)))  # fmt: skip
    before = everything(app)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    assert everything(app) != before
    one = reverse(app, actor, one)
    assert one.state is ImportState.REVERSED, one.said_en
    assert everything(app) == before
    again = confirm(app, actor, bring(app, actor, dirty_sheet(), key="k2"))
    assert again.state is ImportState.APPLIED


def test_the_same_file_twice_is_refused_and_one_that_the_inbound_folder_brought_is_a_no_op(app: App) -> None:
    actor = operator_of(app)
    folder = app.settings.inbound / "dirty_bank"
    folder.mkdir(parents=True)
    (folder / "还款_2026-03-06.csv").write_bytes(dirty_sheet())
    ingest_inbound(Warehouse(app.settings.warehouse_path), app.settings, date(2026, 3, 31))
    before = everything(app)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    assert one.state is ImportState.REPEATED
    after = everything(app)
    assert after["repayments"] == before["repayments"]
    assert after["quarantine"] == before["quarantine"]
    with pytest.raises(FileHereAlready):
        bring(app, actor, dirty_sheet(), key="k2")


def test_an_import_is_used_as_soon_as_a_run_was_under_way_after_it_and_then_stays(app: App) -> None:
    actor = operator_of(app)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    run = runs.start_run(SYSTEM, app.store, now=app.clock.now(), kind="day", business_date=DAY)
    before = everything(app)
    with pytest.raises(ImportUsed, match="the run day of 2026-03-06 has read its rows"):
        reverse(app, actor, one)
    runs.end_run(SYSTEM, app.store, now=app.clock.now(), run_id=run, succeeded=False, detail={})
    with pytest.raises(ImportUsed):
        reverse(app, actor, one)
    assert everything(app) == before


def test_an_import_whose_rows_another_file_also_sent_stays(app: App) -> None:
    actor = operator_of(app)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    other = "\n".join([HEADER, line(1, name="㐀𠀀龘"), line(77)]).encode() + b"\n"
    confirm(app, actor, bring(app, actor, other, name="还款_2026-03-07.csv", key="k2"))
    before = everything(app)
    one = reverse(app, actor, one)
    assert one.state is ImportState.APPLIED
    assert "would be lost" in (one.said_en or "")
    assert everything(app) == before


def test_while_a_run_holds_the_warehouse_an_import_waits_and_the_next_try_applies_it(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    run = runs.start_run(SYSTEM, app.store, now=app.clock.now(), kind="day", business_date=DAY)
    one = confirm(app, actor, one)
    assert one.state is ImportState.CONFIRMED
    assert "run is under way" in (one.said_en or "")
    runs.end_run(SYSTEM, app.store, now=app.clock.now() - timedelta(seconds=1), run_id=run, succeeded=True, detail={})
    assert work_on(app, one.import_id).state is ImportState.APPLIED


def test_a_process_killed_between_loading_and_saying_so_is_made_good_by_the_next(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.imports.import_work.note_applied", killed)
        with pytest.raises(KeyboardInterrupt):
            confirm(app, actor, one)
    loaded = everything(app)
    one = work_on(app, one.import_id)
    assert (one.state, one.rows_accepted) == (ImportState.APPLIED, 8)
    assert everything(app) == loaded
    assert reverse(app, actor, one).state is ImportState.REVERSED


def test_what_a_killed_process_discarded_is_not_called_accepted(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    one = correct(app, actor, one, 11, amount="1200.00")
    one = correct(app, actor, one, 12)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.imports.import_work.note_applied", killed)
        with pytest.raises(KeyboardInterrupt):
            confirm(app, actor, one)
    assert work_on(app, one.import_id).state is ImportState.APPLIED
    outcomes = imports.read_corrections(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    assert [(row.line_no, row.outcome) for row in outcomes] == [(11, "accepted"), (12, "discarded")]


def test_an_import_at_which_the_warehouse_fails_does_not_stop_the_run(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = operator_of(app)
    run = runs.start_run(SYSTEM, app.store, now=app.clock.now(), kind="day", business_date=DAY)
    one = confirm(app, actor, bring(app, actor, dirty_sheet()))
    assert one.state is ImportState.CONFIRMED

    def fails(*_: object) -> None:
        raise duckdb.ConversionException("no such value")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.imports.Worker.work", fails)
        assert work_within(app, Warehouse(app.settings.warehouse_path), run) == 1
    kept = imports.read_import(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    assert (kept.state, kept.said_en) == (ImportState.CONFIRMED, "ConversionException: no such value")


def give_up(app: App, actor: Actor, one: Import) -> Import:
    asked = imports.discard_import(
        actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version,
        reason="the sender took it back",
    )  # fmt: skip
    assert asked.state is ImportState.CONFIRMED, "whether anything was loaded is looked at under the lease"
    return work_on(app, one.import_id)


def test_a_confirmed_import_whose_loading_fails_is_given_up_and_the_file_may_come_again(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())

    def fails(*_: object, **__: object) -> None:
        raise duckdb.ConversionException("no such value")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.imports.Worker._replayed", fails)
        with pytest.raises(duckdb.ConversionException):
            confirm(app, actor, one)
    one = imports.read_import(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    assert (one.state, one.file_id is not None) == (ImportState.CONFIRMED, True)
    done = give_up(app, actor, one)
    assert (done.state, done.file_id, done.applied_at) == (ImportState.DISCARDED, None, None)
    assert not any(everything(app).values())
    again = bring(app, actor, dirty_sheet(), key="k2")
    assert confirm(app, actor, again).state is ImportState.APPLIED


def test_an_import_given_up_while_a_run_holds_the_warehouse_is_discarded_by_the_next_try(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    run = runs.start_run(SYSTEM, app.store, now=app.clock.now(), kind="day", business_date=DAY)
    one = confirm(app, actor, one)
    waits = give_up(app, actor, one)
    assert (waits.state, waits.given_up_at is not None) == (ImportState.CONFIRMED, True)
    assert "run is under way" in (waits.said_en or "")
    assert work_within(app, Warehouse(app.settings.warehouse_path), run) == 1
    done = imports.read_import(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    assert done.state is ImportState.DISCARDED


def test_an_import_that_was_loaded_after_all_is_not_discarded(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.imports.import_work.note_applied", killed)
        with pytest.raises(KeyboardInterrupt):
            confirm(app, actor, one)
    loaded = everything(app)
    one = imports.read_import(actor, app.store, now=app.clock.now(), import_id=one.import_id)
    done = give_up(app, actor, one)
    assert (done.state, done.rows_accepted) == (ImportState.APPLIED, 8)
    assert "Take it back instead" in (done.said_en or "")
    assert everything(app) == loaded
    assert reverse(app, actor, done).state is ImportState.REVERSED


def test_loading_that_comes_to_something_else_than_the_preview_loads_nothing_and_is_sent_back(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, dirty_sheet())
    path = app.settings.home / "templates" / "dirty_bank.yml"
    path.write_text(path.read_text().replace('["%Y/%m/%d"]', '["%d-%m-%Y"]').replace("0.2", "1.0"), encoding="utf-8")
    one = confirm(app, actor, one)
    assert (one.state, one.file_id) == (ImportState.PREVIEWED, None)
    assert "Nothing was loaded" in (one.said_en or "")
    assert not any(everything(app).values())


def test_a_file_that_cannot_be_read_is_accounted_for_and_can_only_be_discarded(app: App) -> None:
    actor = operator_of(app)
    one = bring(app, actor, b"\xff\xfe\x00broken\x81\n" * 3)
    assert one.refusal is not None
    assert one.rows_in == one.rows_quarantined
    with pytest.raises(NothingToLoad):
        confirm(app, actor, one)
    done = imports.discard_import(
        actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version,
        reason="sent in the wrong form",
    )  # fmt: skip
    assert done.state is ImportState.DISCARDED


GOOD = ("\n".join([HEADER, line(1), line(2)]) + "\n").encode("gb18030")


def typed(app: App, rows: str | None, total: str | None, data: bytes = GOOD) -> Any:
    actor = operator_of(app)
    return actor, bring(app, actor, data, typed_rows=rows, typed_sum=total)


def test_control_totals_that_agree_are_said_to_and_are_kept_with_the_file(app: App) -> None:
    actor, one = typed(app, "2", "2,401.00")
    assert (one.rows_agree, one.sum_agrees, one.refusal, one.rows_accepted) == (True, True, None, 2)
    assert confirm(app, actor, one).state is ImportState.APPLIED
    assert held(app, "select declared_rows, declared_sum_minor from raw.files") == [(2, 240100)]


@pytest.mark.parametrize(
    ("rows", "total", "agree", "said"),
    [
        ("3", "2401.00", (False, True), "3 rows declared, 2 found"),
        ("2", "2401.01", (True, False), "declared 2401.01, found 2401.00"),
        ("3", "1", (False, False), "3 rows declared, 2 found; amount declared 1, found 2401.00"),
        (None, "1", (None, False), "found 2401.00"),
    ],
)
def test_a_file_that_disagrees_with_what_was_typed_is_refused_until_it_is_typed_right(
    app: App, rows: str | None, total: str, agree: tuple[bool | None, bool], said: str
) -> None:
    actor, one = typed(app, rows, total)
    assert ((one.rows_agree, one.sum_agrees), one.refusal, one.rows_accepted) == (agree, "control_totals", 0)
    assert said in (one.refusal_en or "")
    with pytest.raises(NothingToLoad):
        confirm(app, actor, one)
    imports.type_totals(
        actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version,
        typed_rows=2, typed_sum="2401.00",
    )  # fmt: skip
    again = work_on(app, one.import_id)
    assert (again.rows_agree, again.sum_agrees, again.refusal, again.rows_accepted) == (True, True, None, 2)
    assert confirm(app, actor, again).state is ImportState.APPLIED


@pytest.mark.parametrize(
    ("rows", "total", "field"), [("two", None, "typed_rows"), ("-1", None, "typed_rows"), (None, "1.234", "typed_sum")]
)
def test_what_is_no_control_total_is_refused_beside_its_field(
    app: App, rows: str | None, total: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        typed(app, rows, total)
    assert refusal.value.field == field
    assert not any(app.settings.imports.glob("*/*"))


def test_the_command_line_types_control_totals_and_fails_where_they_disagree(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops_app.bootstrap.open_app", lambda: app)
    _, one = typed(app, None, None)
    assert (one.rows_agree, one.sum_agrees) == (None, None)
    runner = CliRunner()
    wrong = runner.invoke(cli, ["import-work", one.import_id, "--rows", "3", "--sum", "2401.00"])
    assert wrong.exit_code == 1
    right = runner.invoke(cli, ["import-work", one.import_id, "--rows", "2", "--sum", "2401.00"])
    assert (right.exit_code, right.exception) == (0, None), right.output
    found = imports.read_import(operator_of(app, name="other"), app.store, now=app.clock.now(), import_id=one.import_id)
    assert (found.rows_agree, found.sum_agrees, found.refusal) == (True, True, None)
    assert runner.invoke(cli, ["import-work", "--rows", "3"]).exit_code == 1
