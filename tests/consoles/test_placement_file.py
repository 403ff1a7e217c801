"""The placement file on its pages: the agency's own page, the batch and the agency of the asset company."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.casework.placement_file import sheet
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_file, make_list
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.exports import ApprovalNeeded, ExportState, NoSuchExport
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.batches import Asked as Batched
from ops_app.services.casework.placing import queue_cases
from ops_app.services.organisation import approvals, exports
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import Asked
from pipelines.ingest import ingest_file
from pipelines.warehouse import Warehouse
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.test_governed_export import client, hold, link, own, release
from tests.services.casework.casebook import SUPERVISOR, WHY, placed, recalled, some_cases, versions
from tests.services.casework.test_batches import submit

__all__ = ["client"]


@pytest.fixture
def ids(app: App) -> list[str]:
    """Six cases: three placed with A01, one with A02, two in house."""
    now = app.clock.now()
    made = some_cases(app.store, app.settings.evidence)
    placed(app.store, "A01", *made[:3], now=now, due_at=now + timedelta(days=30))
    placed(app.store, "A02", made[3], now=now, due_at=now + timedelta(days=30))
    return made


@pytest.fixture
def here(app: App, signed_in: SignedInAs) -> Here:
    _, actor = signed_in(Role.AGENCY_SUPERVISOR)
    return Here(app, actor, app.clock.now())


def opened_wide(at: AppTest) -> AppTest:
    """The page with the placement file asked for."""
    at.toggle(key="placement_file_wanted").set_value(True).run()
    return at


def opened(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("role", [Role.AGENCY_SUPERVISOR, Role.AGENCY_ADMINISTRATOR])
def test_an_agency_is_offered_its_own_file_on_its_page(
    ids: list[str], open_page: OpenPage, role: Role, language: str
) -> None:
    at = opened_wide(open_page("agency_cases", role, language=language))
    assert not at.exception, [error.value for error in at.exception]
    said = {"en": "3 cases, ", "zh": "共 3 件，委托金额 "}[language]
    assert said in words(at)
    assert "3,000.06" in words(at)


def test_the_page_of_the_agency_offers_it_to_allocation_people_and_to_nobody_else(
    ids: list[str], open_page: OpenPage
) -> None:
    query = {"agencies_id": "A01"}
    assert "3 cases" in words(opened_wide(open_page("agencies", Role.ALLOCATION, query=query)))
    assert not open_page("agencies", Role.AUDITOR, query=query).toggle


def test_a_batch_by_which_cases_come_to_an_agency_offers_its_file(
    app: App, ids: list[str], signed_in: SignedInAs, open_page: OpenPage
) -> None:
    now = app.clock.now()
    queue_cases(SUPERVISOR, app.store, now=now, wanted=versions(app.store, *ids[4:]), reason=WHY)
    _, maker = signed_in(Role.ALLOCATION, name="maker")
    wanted = Batched(BatchKind.PLACE, versions(app.store, *ids[4:]), "Asia/Shanghai", "A01", now + timedelta(days=30))
    (batch,) = submit(app.store, maker, wanted)
    query = {"cases_view": "batches", "batch_id": batch.batch_id}
    assert "No case of this is placed now" in words(open_page("cases", Role.SUPERVISOR, query=query))
    _, manager = signed_in(Role.MANAGER, name="deciding")
    (asked,) = approvals.requests_on(manager, app.store, now=now, object_type="case_batch", object_id=batch.batch_id)
    approvals.approve(
        manager, app.store, now=app.clock.now(), request_id=asked.request_id, expected_version=asked.version,
        content_hash=asked.content_hash, key="k",
    )  # fmt: skip
    assert "共 2 件" in words(open_page("cases", Role.SUPERVISOR, language="zh", query=query))


def test_the_archive_is_read_back_by_the_standard_template_with_its_control_totals(
    app: App, ids: list[str], here: Here, tmp_path: Path
) -> None:
    one = sheet(here, "A01", None, None)
    assert one.pack is not None
    day = here.today.isoformat()
    assert one.pack.name("csv") == f"placements_A01_all_{day}.zip"
    inside = opened(export_file(here, one, "csv", "for our own system"))
    name = f"placements_A01_all_{day}.csv"
    assert set(inside) == {name, f"{name}.control.json"}
    assert inside[name].startswith(b"\xef\xbb\xbf")
    assert json.loads(inside[f"{name}.control.json"]) == {"rows": 3, "sums": {"balance": "3000.06"}}
    rows = list(csv.DictReader(io.StringIO(inside[name].decode("utf-8-sig"), newline="")))
    assert [row["loan_id"] for row in rows] == ["L1", "L2", "L3"]
    assert (rows[0]["balance"], rows[0]["source_code"], rows[0]["agency_code"]) == ("1000.01", "SIM", "A01")
    assert "王1" not in inside[name].decode("utf-8-sig")  # masked, as on the screen
    for file, data in inside.items():
        (tmp_path / file).write_bytes(data)
    done = ingest_file(Warehouse(app.settings.warehouse_path), app.settings, tmp_path / name, "standard", "placements")
    assert (done.state, done.rows_accepted) == ("accepted", 3), done.why
    (tmp_path / f"{name}.control.json").write_text('{"rows": 3, "sums": {"balance": "3000.07"}}')
    (tmp_path / name).write_bytes(inside[name] + inside[name].splitlines(keepends=True)[-1])
    again = ingest_file(Warehouse(app.settings.warehouse_path), app.settings, tmp_path / name, "standard", "placements")
    assert (again.state, again.reason) == ("refused", "control_totals")
    assert set(opened(export_file(here, one, "xlsx", "for our own system"))) == {
        f"placements_A01_all_{day}.xlsx", f"placements_A01_all_{day}.xlsx.control.json",
    }  # fmt: skip


def test_an_id_that_a_spreadsheet_would_run_is_only_text(app: App, ids: list[str], here: Here) -> None:
    with app.store.writing(SYSTEM, app.clock.now()) as transaction:
        transaction.connection.execute(text("update cases set loan_id = '=1+1' where case_id = :one"), {"one": ids[0]})
        transaction.audit("test.renamed", "case", ids[0])
    inside = opened(export_file(here, sheet(here, "A01", None, None), "csv", "for our own system"))
    assert b"'=1+1" in inside[f"placements_A01_all_{here.today.isoformat()}.csv"]


def test_above_the_limit_the_asset_company_releases_it_and_the_link_dies_with_the_placement(
    app: App, ids: list[str], here: Here, signed_in: SignedInAs, client: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "number_on", lambda _, code, day: 2 if code == exports.APPROVAL_ROWS else 24)
    one = sheet(here, "A01", None, None)
    with pytest.raises(ApprovalNeeded):
        export_file(here, one, "csv", "for our own system")
    asked = Asked(one.name, one.title, one.filters, 3, "csv", "for our own system")
    known = request_export(here.actor, app.store, now=app.clock.now(), asked=asked)
    _, manager = signed_in(Role.MANAGER, name="releasing")
    release(app, manager, known.number)
    make_list(here, one, own(here, known))
    done = own(here, known)
    assert done.state(app.clock.now()) is ExportState.READY
    assert done.file_name == f"placements_A01_all_{done.number}.zip"
    hold(client, app, here.actor)  # type: ignore[arg-type]
    answer = client.get(link(done))  # type: ignore[attr-defined]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert len(opened(answer.content)) == 2
    recalled(app.store, ids[0], now=app.clock.now())
    with pytest.raises(NoSuchExport):
        exports.fetch_export(here.actor, app.store, now=app.clock.now(), export_id=done.export_id)


def test_an_agency_cannot_release_its_own_file(app: App, ids: list[str], here: Here, signed_in: SignedInAs) -> None:
    one = sheet(here, "A01", None, None)
    asked = Asked(one.name, one.title, one.filters, 5_000, "csv", "for our own system")
    known = request_export(here.actor, app.store, now=app.clock.now(), asked=asked)
    _, colleague = signed_in(Role.AGENCY_SUPERVISOR, name="colleague")
    (waiting,) = approvals.requests_on(
        colleague, app.store, now=app.clock.now(), object_type="export", object_id=known.number
    )
    with pytest.raises(Exception, match="manager"):
        approvals.approve(
            colleague, app.store, now=app.clock.now(), request_id=waiting.request_id,
            expected_version=waiting.version, content_hash=waiting.content_hash, key="k",
        )  # fmt: skip
    assert own(here, known).state(app.clock.now()) is ExportState.REQUESTED


def test_another_currency_is_a_file_of_its_own(app: App, ids: list[str], here: Here) -> None:
    with app.store.writing(SYSTEM, app.clock.now()) as transaction:
        for table in ("cases", "placements"):
            transaction.connection.execute(
                text(f"update {table} set currency = 'USD' where case_id = :one"), {"one": ids[0]}
            )
        transaction.audit("test.renamed", "case", ids[0])
    inside = opened(export_file(here, sheet(here, "A01", None, None), "csv", "for our own system"))
    day = here.today.isoformat()
    assert json.loads(inside[f"placements_A01_all_USD_{day}.csv.control.json"])["sums"] == {"balance": "1000.01"}
    assert json.loads(inside[f"placements_A01_all_CNY_{day}.csv.control.json"]) == {
        "rows": 2, "sums": {"balance": "2000.05"},
    }  # fmt: skip
