"""A thousand dirty files of other people's tests: each reads with every record counted, or is refused by name."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipelines.readers.limited import Reader, reader
from tests.golden_file import check_golden
from tests.pipelines.reading import Reading, read
from tests.readers.dirty import counted, entry_for, stated

CORPORA = {
    "csv_spectrum": (12, 12),  # (files, files that read and agree with Python's own count)
    "messytables_horror": (36, 10),
    "tabulator": (46, 16),
    "csvkit": (83, 60),
    "xlrd_samples": (16, 1),
    "duckdb_csv": (344, 174),
    "pollock_survey": (82, 63),
}
# a blank line in a file of one column is a row to us and nothing to Python
DISAGREEING = {"duckdb_csv": ["big_header.csv"]}
# what Python's own reader, told to be strict, calls an error: the count of records cannot be compared
UNCOUNTABLE = {"csvkit": 0, "duckdb_csv": 16, "pollock_survey": 1}


@pytest.fixture(scope="module")
def running() -> Iterator[Reader]:
    with reader() as started:
        yield started


def files_of(corpus: str, real_data: Path) -> list[Path]:
    folder = real_data / "messy" / corpus
    folder = folder / "csv" if corpus == "pollock_survey" else folder
    left_out = {".md", ".html"} | ({".json"} if corpus == "csv_spectrum" else set())
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in left_out)


def outcome(reading: Reading) -> dict[str, Any]:
    result = reading.result
    if result.refused:
        return {"refused": result.refused, "rows": result.rows_in}
    return {"rows": result.rows_in, "accepted": result.accepted, "refused_rows": reading.reasons()}


LONG = {"duckdb_csv", "pollock_survey"}


@pytest.mark.parametrize("corpus", [pytest.param(c, marks=pytest.mark.slow if c in LONG else ()) for c in CORPORA])
def test_every_file_reads_whole_or_is_refused_by_name(corpus: str, real_data: Path, running: Reader) -> None:
    outcomes: dict[str, Any] = {}
    agreed = uncountable = 0
    disagreed: list[str] = []
    for path in files_of(corpus, real_data):
        entry = entry_for(path)
        if corpus == "pollock_survey":
            entry = entry_for(
                path, *stated(next((real_data / "messy/pollock_survey/parameters").glob(f"{path.name}*")))
            )
        reading = read(path, entry, file_name=path.name, reader=running)
        outcomes[path.relative_to(real_data / "messy" / corpus).as_posix()] = outcome(reading)
        if reading.result.refused or reading.result.format != "csv":
            continue
        records = counted(path, entry.csv, reading.result.encoding)
        uncountable += records is None
        agreed += records == reading.result.rows_in
        if records is not None and records != reading.result.rows_in:
            disagreed.append(path.name)
    files, agreeing = CORPORA[corpus]
    assert len(outcomes) == files
    assert disagreed == DISAGREEING.get(corpus, [])
    assert agreed == agreeing
    assert uncountable == UNCOUNTABLE.get(corpus, 0)
    check_golden(f"dirty_{corpus}.json", outcomes)


@pytest.mark.parametrize(
    "corpus", ["messytables_horror", "tabulator", "oca_bank_statement_import", "cn_bank_statements"]
)
def test_a_workbook_gives_as_many_rows_as_another_reader_finds(corpus: str, real_data: Path, running: Reader) -> None:
    compared = 0
    for path in sorted((real_data / "messy" / corpus).rglob("*.xlsx")):
        reading = read(path, entry_for(path), reader=running)
        if reading.result.refused:
            assert reading.result.refused == "formula"
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sheet = openpyxl.load_workbook(path).worksheets[0]
        filled = [row for row in sheet.iter_rows(values_only=True) if any(cell not in (None, "") for cell in row)]
        assert reading.result.rows_in == max(len(filled) - 1, 0), path.name
        compared += 1
    assert (
        compared
        == {"messytables_horror": 3, "tabulator": 10, "oca_bank_statement_import": 4, "cn_bank_statements": 2}[corpus]
    )


def test_the_rows_of_a_spectrum_file_are_those_its_author_states(real_data: Path, running: Reader) -> None:
    for path in files_of("csv_spectrum", real_data):
        stated_rows = json.loads(
            next((path.parent.parent / "json").glob(f"{path.stem}.json")).read_text(encoding="utf-8")
        )
        rows = len(stated_rows) if isinstance(stated_rows, list) else 1
        assert read(path, entry_for(path), reader=running).result.accepted == rows, path.name
