"""Rows that leave as a file: read back whole, never a formula, always audited first."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.bootstrap import App
from ops_app.consoles.kit import export
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export import Watermark
from ops_app.consoles.kit.export_button import deferred, export_file
from ops_app.consoles.kit.export_making import Sheet
from ops_app.consoles.kit.tables import Column
from ops_app.consoles.kit.viewer import HouseViewer
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation import sessions
from ops_app.services.organisation.audit import AuditFilter, search_audit
from tests.consoles.conftest import SignedInAs

ATTACKS = [
    "=HYPERLINK(\"http://x\",\"y\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1",
    "＝1+1", "=1+1",
]  # fmt: skip


def sheet(values: list[str]) -> Sheet:
    columns = (Column[str]("a", "列 A", lambda row: row), Column[str]("b", "B", lambda row: "1.50"))
    return Sheet("people", "People", columns, {"role": "", "text": "x"}, lambda limit: iter(values[:limit]))


MARK = Watermark("mark", "X1 · Ann · now · why", "Export X1\nTaken by Ann")


def read_csv(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_csv_cell_never_begins_as_a_formula(attack: str) -> None:
    cell = read_csv(export.to_csv(["h"], [[attack]], mark=MARK))[1][0]
    assert cell == "'" + attack


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_xlsx_holds_text_where_there_was_text(attack: str) -> None:
    data = export.to_xlsx(["h"], [[attack]], mark=MARK)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        assert len(sheets) == 2
        assert not any(b"<f>" in archive.read(name) for name in sheets)
    cell = openpyxl.load_workbook(io.BytesIO(data))["rows"]["A3"]
    assert cell.data_type == "s"


@pytest.mark.parametrize("number", ["-5.00", "+8613800000000", "0", "00012345"])
def test_numbers_stay_as_they_are(number: str) -> None:
    assert export.formula_safe(number) == number


@given(st.text())
def test_whatever_the_text_no_cell_begins_as_a_formula(text: str) -> None:
    safe = str(export.formula_safe(text))
    assert safe in {text, "'" + text}
    if safe == text and text.lstrip()[:1] in {"=", "+", "-", "@"}:
        assert text.isascii()
        float(text)


def test_chinese_and_exact_amounts_come_back_whole() -> None:
    data = export.to_csv(["姓名", "金额"], [["王五", Decimal("1234567890123456.10")]], mark=MARK)
    assert read_csv(data) == [["姓名", "金额", "mark"], ["王五", "1234567890123456.10", MARK.line]]


def test_an_export_is_audited_with_who_what_and_how_many(app: App, signed_in: SignedInAs) -> None:
    _, actor = signed_in(Role.SUPERVISOR)
    here = Here(app, actor, app.clock.now())
    rows = read_csv(export_file(here, sheet(["x", "y"]), "csv", "monthly review"))
    assert [row[:2] for row in rows] == [["列 A", "B"], ["x", "1.50"], ["y", "1.50"]]
    _, auditor = signed_in(Role.AUDITOR)
    found = search_audit(auditor, app.store, now=app.clock.now(), wanted=AuditFilter(action="rows.export")).rows
    assert [(row.actor_id, row.object_id) for row in found] == [(actor.person_id, "people")]
    after = json.loads(found[0].after_json or "")
    number = after.pop("number")
    assert after == {"filters": {"text": "x"}, "format": "csv", "rows": 2, "what": "people"}
    assert found[0].reason == "monthly review"
    (mark,) = {row[2] for row in rows[1:]}
    assert all(part in mark for part in (number, actor.name, "monthly review"))


def test_those_who_may_not_export_get_no_bytes(app: App, signed_in: SignedInAs) -> None:
    _, actor = signed_in(Role.COLLECTOR)
    here = Here(app, actor, app.clock.now())
    with pytest.raises(Refused):
        export_file(here, sheet(["x"]), "csv", "monthly review")
    with pytest.raises(Refused):
        HouseViewer(here).export("page", ["h"], [["x"]], filters={}, file_format="xlsx")


def test_a_press_after_the_session_ended_gives_a_sentence_and_no_rows(app: App, signed_in: SignedInAs, holding) -> None:
    token, actor = signed_in(Role.SUPERVISOR)
    holding(token)
    here = Here(app, actor, app.clock.now())
    make = deferred(here, sheet(["secret"]), "csv", "monthly review")
    assert b"secret" in make()
    sessions.sign_out_everywhere(actor, app.store, now=app.clock.now())
    assert b"secret" not in make()
