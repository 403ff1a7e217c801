"""Feed files on disk: standard names, amounts as decimal text, a control sidecar beside each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from ops_app.domain.errors import Conflict

TEMPLATE = "standard"
LATE = "late"
LOG = "written.txt"


@dataclass(frozen=True)
class Table:
    """One feed's rows of one day. Columns in ``money`` hold whole cents until they are written."""

    feed: str
    frame: pl.DataFrame
    money: tuple[str, ...] = ()

    def with_frame(self, frame: pl.DataFrame) -> Table:
        return Table(self.feed, frame, self.money)


def decimal_text(column: str) -> pl.Expr:
    """Whole cents as ``1234.50``, exactly."""
    return (pl.col(column).cast(pl.Decimal(38, 2)) / 100).cast(pl.Decimal(38, 2)).cast(pl.String).alias(column)


def text_of_cents(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


@dataclass
class FeedWriter:
    """Writes under ``inbound``/standard and counts the honest rows; files that come late wait under ``held``/late.

    What was written is listed in ``held``, so that a later run replaces its own files only.
    """

    inbound: Path
    held: Path
    rows: dict[str, int] = field(default_factory=dict)
    cents: dict[str, dict[str, int]] = field(default_factory=dict)

    def write(
        self, table: Table, day: date, ext: str = "csv", *, suffix: str = "", deliver_on: date | None = None,
        declare: Mapping[str, object] | None = None,
    ) -> Path:  # fmt: skip
        """Write one file and its sidecar; ``declare`` replaces what the sidecar says (a planted lie)."""
        folder = self.inbound / TEMPLATE
        if deliver_on is not None:
            folder = self.held / LATE / deliver_on.isoformat() / TEMPLATE
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{table.feed}_{day.isoformat()}{suffix}.{ext}"
        sums = {name: int(table.frame[name].sum() or 0) for name in table.money}
        text = table.frame.with_columns(
            [decimal_text(name) for name in table.money]
            + [pl.col(name).cast(pl.String) for name, kind in table.frame.schema.items() if kind.is_integer()
               and name not in table.money]
        )  # fmt: skip
        if ext == "parquet":
            text.write_parquet(path, compression="zstd", compression_level=1, statistics=False)
        else:
            text.write_csv(path)
        said = {"rows": table.frame.height, "sums": {name: text_of_cents(value) for name, value in sums.items()}}
        write_sidecar(path, declare if declare is not None else said)
        self.note(path)
        return path

    def note(self, path: Path) -> None:
        """Enter the name of a feed file and of its sidecar into the log."""
        with (self.held / LOG).open("a", encoding="utf-8") as log:
            log.writelines(f"{one.name}\n" for one in (path, sidecar_of(path)))

    def count(self, table: Table) -> None:
        """Add honest rows to the totals of the answer key."""
        self.rows[table.feed] = self.rows.get(table.feed, 0) + table.frame.height
        totals = self.cents.setdefault(table.feed, {})
        for name in table.money:
            totals[name] = totals.get(name, 0) + int(table.frame[name].sum() or 0)


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.name + ".control.json")


def write_sidecar(path: Path, said: Mapping[str, object]) -> None:
    """Control totals as the sender declares them."""
    sidecar_of(path).write_text(json.dumps(said, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def clear_earlier(inbound: Path, held: Path) -> None:
    """Remove the files that an earlier simulation wrote; raises ``Conflict`` if others stand beside them."""
    log = held / LOG
    for name in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        (inbound / TEMPLATE / name).unlink(missing_ok=True)
    left = sorted(path.name for path in (inbound / TEMPLATE).glob("*"))
    if left:
        raise Conflict(
            f"{inbound / TEMPLATE} holds files that no simulation wrote ({left[0]}, …). Choose an empty folder.",
            f"{inbound / TEMPLATE} 中有并非模拟生成的文件（{left[0]} 等），请选择空目录。",
        )
    for folder in (LATE, "movements"):
        shutil.rmtree(held / folder, ignore_errors=True)
    log.unlink(missing_ok=True)


def deliver_due(held: Path, inbound: Path, business_date: date) -> list[Path]:
    """Move the files waiting under ``held``/late whose delivery day has come into ``inbound``.

    ``held`` is the folder of the hidden truth. A run of ``business_date`` calls this first; calling it again does
    nothing. Returns the files that arrived, without their sidecars.
    """
    arrived: list[Path] = []
    for folder in sorted((held / LATE).glob("????-??-??")):
        if date.fromisoformat(folder.name) > business_date:
            continue
        # the sidecar goes first: a file is never there without the totals it must agree with
        for waiting in sorted(
            (path for path in folder.rglob("*") if path.is_file()), key=lambda path: (not _is_sidecar(path), path)
        ):
            target = inbound / waiting.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(waiting, target)
            if not _is_sidecar(target):
                arrived.append(target)
        shutil.rmtree(folder)
    return arrived


def _is_sidecar(path: Path) -> bool:
    return path.name.endswith(".control.json")
