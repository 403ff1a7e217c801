"""A made-up published snapshot with the columns of the marts, for the tests of the dashboards alone.

Facts are drawn from a seed; every report is summed from those facts by the formula its mart documents, so that a page
that counts wrongly cannot agree with its rows. Nothing here is real and nothing of it is shipped.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

_SQL = Path(__file__).with_suffix(".sql")
_SEEDS = Path(__file__).parents[2] / "dbt" / "seeds"
END = date(2026, 11, 23)
"""The business date of the made-up snapshot."""


@dataclass(frozen=True)
class Made:
    """How large the made-up book is."""

    cases: int = 400
    days: int = 130
    seed: int = 7
    end: date = END
    currencies: tuple[str, ...] = ("CNY", "USD")

    @property
    def start(self) -> date:
        return self.end - timedelta(days=self.days - 1)


def make_snapshot(folder: Path, made: Made = Made(), *, name: str = "", missing: bool = False) -> Path:
    """Write a snapshot of ``made`` into ``folder`` and point ``current.json`` at it; ``missing`` loses a bank file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{made.end.isoformat()}_{made.seed:08x}.duckdb")
    path.unlink(missing_ok=True)
    values = {
        "seed": made.seed,
        "cases": made.cases,
        "days": made.days,
        "start": made.start.isoformat(),
        "end": made.end.isoformat(),
        "currency": made.currencies[0],
        "other": made.currencies[-1],
        "missing": str(missing).lower(),
        "seeds": str(_SEEDS),
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute(_SQL.read_text(encoding="utf-8").format(**values))
    point_at(folder, path)
    return path


def point_at(folder: Path, path: Path, sha256: str = "") -> None:
    """Write the pointer as publication does, last."""
    said = {
        "name": path.name,
        "sha256": sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
        "build_id": f"build-{path.stem[-8:]}",
    }
    (folder / "current.json").write_text(json.dumps(said), encoding="utf-8")


def make_live(folder: Path, seqs: range, name: str = "00000001.duckdb") -> None:
    """A live file whose acts are ``seqs``, and its pointer."""
    live = folder / "live"
    live.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(live / name)) as connection:
        connection.execute(
            "create table fct_console_actions as select cast(i as bigint) as seq, timestamp '2026-11-24 02:00:00' as "
            "occurred_at, date '2026-11-24' as business_date, 'u1' as actor_id, 'Wang Wei' as actor_name, 'supervisor' "
            "as role_code, cast(null as varchar) as agency_code, 'break.parked' as action, 'break' as object_type, "
            f"'I-' || i as object_id, 'asked the bank' as reason, 'h' as row_hash "
            f"from range({seqs.start}, {seqs.stop}) as r (i)"
        )
    said = {"name": name, "seq": seqs.stop - 1, "as_of": "2026-11-24T02:00:05+00:00"}
    (folder / "live.json").write_text(json.dumps(said), encoding="utf-8")
