"""Rows that no reader may accept, written as raw lines at the end of a good CSV file."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

from pipelines.simulator.files import write_sidecar


def append_bad_rows(path: Path, day: date) -> list[tuple[str, int, str | None]]:
    """Append four bad rows to the CSV at ``path``; its sidecar then declares the rows and no sums.

    Returns fault, line and loan of each. Every bad row repeats a loan that the same file also holds in good order,
    so nothing honest is lost.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        good = next(reader)
        rows = 1 + sum(1 for _ in reader)
    as_of, amount = header.index("as_of_date"), header.index("outstanding_principal")
    bad_date = [*good]
    bad_date[as_of] = f"{day:%Y}-13-45"
    bad_amount = [*good]
    bad_amount[amount] = "12,34.5x"
    lines = {"bad_date": bad_date, "bad_amount": bad_amount, "repeated_header": header, "ragged_row": good[:9]}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines.values())
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
    write_sidecar(path, {"rows": rows + len(lines), "sums": {}})
    loan = good[header.index("loan_id")]
    return [
        (fault, rows + 2 + position, None if fault == "repeated_header" else loan)
        for position, fault in enumerate(lines)
    ]
