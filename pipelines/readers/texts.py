"""What stands in the texts of a whole file, found once by looking at bytes.

A search by regular expression in every row costs more than reading the row. Where the bytes of all texts show that
nothing unusual is in the file, the rows need not be asked one by one; where they show something, each row is asked.
Every answer errs to the side of asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_BATCH_ROWS = 122_880
_TAB, _LF, _CR, _BLANK, _PLUS, _DELETE = 9, 10, 13, 32, 43, 127


@dataclass(frozen=True)
class Seen:
    """What the texts of a file may hold; true also where nobody looked."""

    controls: bool = True
    """Control characters other than tab and line ends."""
    blanks: bool = True
    """A blank at an end of an identifier or a code."""
    exponents: bool = True
    """``E+`` in an identifier: what a spreadsheet leaves of a long number."""


ANYTHING = Seen()
"""Nobody looked."""


def holds_controls(data: Bytes) -> bool:
    """Whether UTF-8 ``data`` holds a control character other than tab, line feed and carriage return."""
    low = int(np.count_nonzero(data < _BLANK))
    for allowed in (_LF, _TAB, _CR):
        low -= int(np.count_nonzero(data == allowed)) if low else 0
    return low > 0 or bool(np.any(data == _DELETE))


def look_at_texts(connection: duckdb.DuckDBPyConnection, texts: str, columns: Mapping[str, str]) -> Seen:
    """One pass over ``columns`` of the query ``texts``, each with its kind (id, code, or what is not looked at closer).

    Cost: the columns are read once more, about a tenth of a microsecond a row and column.
    """
    controls = blanks = exponents = False
    listed = ", ".join(f'"{column}"' for column in columns)
    for batch in connection.sql(f"select {listed} from ({texts})").to_arrow_reader(_BATCH_ROWS):
        for column in batch.schema.names:
            data, starts, ends = _buffers(batch.column(column))
            if not data.size:
                continue
            kind = columns[column]
            controls = controls or holds_controls(data)
            if kind in ("id", "code") and not blanks and bool(np.any(data == _BLANK)):
                blanks = bool(np.any(data[starts] == _BLANK) or np.any(data[ends - 1] == _BLANK))
            if kind == "id" and not exponents:
                exponents = bool(np.any(data == _PLUS))
        if controls and blanks and exponents:
            break
    return Seen(controls, blanks, exponents)


def _buffers(column: Any) -> tuple[Bytes, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(bytes of all values one after another, where each value that has bytes begins, and where it ends)."""
    _, offsets, data = column.buffers()
    if data is None or offsets is None:
        nothing = np.empty(0, np.int64)
        return np.empty(0, np.uint8), nothing, nothing
    wide = np.int64 if str(column.type).startswith("large") else np.int32
    bounds = np.frombuffer(offsets, wide)[column.offset : column.offset + len(column) + 1]
    starts, ends = bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64)
    held = ends > starts
    first = int(bounds[0])
    return np.frombuffer(data, np.uint8)[first : int(bounds[-1])], starts[held] - first, ends[held] - first
