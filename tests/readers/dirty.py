"""How a dirty file is read in the tests, and how many records it holds by an independent count."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from pathlib import Path

from pipelines.readers.templates import CsvFormat, FeedMap

DELIMITERS = {".tsv": "\t", ".psv": "|", ".ssv": ";"}


def entry_for(path: Path, how: CsvFormat | None = None, encoding: str = "auto") -> FeedMap:
    """An entry that reads every column and asks nothing of it: the loan is the line itself."""
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    how = how or CsvFormat(delimiter=DELIMITERS.get(suffix, ","), last_line="open")
    known = {".xlsx", ".xls", ".xlsb", ".xlsm", ".ods", ".XLS"}
    form = "xlsx" if suffix in known else "jsonl" if suffix in {".ndjson", ".jsonl", ".json"} else "csv"
    return FeedMap.model_validate(
        {
            "feed": "originations",
            "format": form,
            "encoding": encoding,
            "csv": how.model_dump(),
            "columns": {"loan_id": {"file": "line"}},
            "max_refused_share": 1.0,
            "repeated_header": False,
        }
    )


def counted(path: Path, how: CsvFormat, encoding: str) -> int | None:
    """Records below the header by Python's own reader; None where it cannot read the file in that dialect."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else bz2.decompress(raw) if path.suffix == ".bz2" else raw
    try:
        text = raw.decode(encoding)
        lines = text.replace("\r\r\n", "\n").replace("\r\n", "\n").split("\n", how.skip_rows)[how.skip_rows :]
        reader = csv.reader(
            io.StringIO("".join(lines), newline=""),
            delimiter=how.delimiter,
            quotechar=how.quote or None,
            quoting=csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE,
            strict=True,
        )
        records = [record for record in reader if record]
    except (UnicodeDecodeError, csv.Error, LookupError):
        return None
    return len(records) - (1 if how.header else 0)


def stated(parameters: Path) -> tuple[CsvFormat, str]:
    """The dialect that a survey's own file says a sender uses."""
    said = json.loads(parameters.read_text(encoding="utf-8"))
    encoding = said["encoding"].lower()
    return (
        CsvFormat(
            delimiter=said["delimiter"] or ",",
            quote=said["quotechar"],
            escape=said["escapechar"] or said["quotechar"] or '"',
            skip_rows=int(said["preamble_lines"]),
            last_line="open",
        ),
        "auto" if encoding in {"ascii", "utf-8", "utf_8"} else encoding,
    )
