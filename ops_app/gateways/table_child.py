"""The child that reads one workbook from standard input and writes its first sheet's rows as JSON; with limits on."""

from __future__ import annotations

import json
import resource
import sys

_MEMORY = 2 * 1024**3
_SECONDS = 10
_MOST_ROWS = 5_000
_UNREADABLE = 2


def main() -> int:
    """Exit code 0: rows on standard output; 2: no workbook; anything else: it cost too much."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import fastexcel

    data = sys.stdin.buffer.read()
    try:
        sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, n_rows=_MOST_ROWS, dtypes="string")
        frame = sheet.to_arrow().to_pylist()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with a stranger's file, the exit code says it
        return _UNREADABLE
    rows = [["" if cell is None else str(cell) for cell in row.values()] for row in frame]
    json.dump(rows, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
