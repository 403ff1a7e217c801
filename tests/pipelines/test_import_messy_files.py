"""Dirty files of other people through the preview of an import: read with a reason beside each refused row, or refused
with one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ops_app.bootstrap import App
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.imports import checked_file_name
from pipelines.import_preview import PREVIEW, Asked, Found, preview
from pipelines.readers.limited import Reader, reader

TEMPLATE = """
template: messy
source_code: MESSY
lender: {en: "Whoever sends dirty files", zh: "脏数据来源"}
feeds:
  - &any
    feed: originations
    name: text
    max_refused_share: 1.0
    csv: {last_line: open}
    columns: {loan_id: {file: line}, product_code: {constant: any}}
  - {<<: *any, name: tabs, csv: {delimiter: "\\t", last_line: open}}
"""
CORPORA = {
    "csv_spectrum": {".csv"},
    "messytables_horror": {".csv", ".tsv", ".xlsx", ".xls", ".ods", ".xlsm", ".zip", ".psv", ".unknown"},
    "tabulator": {".csv", ".tsv", ".xlsx", ".xls", ".ods", ".gz", ".ndjson", ".zip", ".html"},
    "xlrd_samples": {".xls", ".xlsx", ".ods", ".xlsb", ".txt", ".zip"},
    "cn_bank_statements": {".csv", ".xls", ".xlsx"},
}
DAY = date(2026, 3, 6)


@pytest.fixture(scope="module")
def running() -> Iterator[Reader]:
    with reader() as started:
        yield started


@pytest.fixture
def template(app: App) -> None:
    folder = app.settings.home / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "messy.yml").write_text(TEMPLATE, encoding="utf-8")


def one_sentence(en: str, zh: str) -> bool:
    return 10 < len(en) <= 500 and bool(zh) and "Traceback" not in en and "\n" not in en


def refusal_of_upload(path: Path) -> Invalid | None:
    """What the upload itself says against a file, before it is read."""
    try:
        checked_file_name(path.name)
    except Invalid as refusal:
        return refusal
    return None


def previewed(app: App, path: Path, number: int, running: Reader) -> tuple[Found, Path]:
    folder = app.settings.imports / f"{number:032x}"
    folder.mkdir(parents=True)
    brought = folder / checked_file_name(path.name)
    brought.write_bytes(path.read_bytes())
    entry = "tabs" if path.suffix == ".tsv" else "text"
    return preview(app.settings, Asked(brought, "messy", entry, DAY, {}), running), folder / PREVIEW


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("corpus", CORPORA)
def test_each_dirty_file_is_read_with_a_reason_beside_each_refused_row_or_refused_in_one_sentence(
    app: App, real_data: Path, running: Reader, corpus: str
) -> None:
    folder = real_data / "messy" / corpus
    if not folder.is_dir():
        pytest.skip(f"the corpus {corpus} of dirty files is not in {real_data}")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in CORPORA[corpus])
    assert len(files) >= 10
    ends = {"not taken": 0, "refused": 0, "read": 0}
    for number, path in enumerate(files):
        not_taken = refusal_of_upload(path)
        if not_taken is not None:
            assert (not_taken.field, one_sentence(not_taken.en, not_taken.zh)) == ("file", True), path
            ends["not taken"] += 1
            continue
        found, made = previewed(app, path, number, running)
        assert found.rows_in == found.accepted + found.quarantined, path
        if found.refusal is not None:
            assert found.accepted == 0, path
            assert one_sentence(*found.refusal[1:]), (path, found.refusal)
            ends["refused"] += 1
            continue
        ends["read"] += 1
        with duckdb.connect(str(made), read_only=True) as connection:
            told = connection.execute(
                "select count(*), count(distinct line_no), count(*) filter (reason_en = '' or reason_zh = '')"
                " from refused where rule <> 'file_refused'"
            ).fetchone()
            shown = connection.execute("select count(*) from sample").fetchone()
        assert told == (found.quarantined, found.quarantined, 0), path
        assert shown is not None
        assert shown[0] == min(20, found.rows_in - ragged(made)), path
    assert sum(ends.values()) == len(files)
    assert ends["read"] > 0, ends


def ragged(made: Path) -> int:
    """Rows that could not be split into columns, and so are in no sample."""
    with duckdb.connect(str(made), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from refused where rule in ('ragged_row', 'broken_quotes', 'truncated_line',"
            " 'broken_json')"
        ).fetchone()
    return int(found[0]) if found else 0
