"""Reading simulated feed files in tests, without any code of the pipelines."""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path

import polars as pl

END = date(2026, 11, 24)


def read_file(path: Path) -> pl.DataFrame:
    """One feed file as text columns."""
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)


def read_feed(inbound: Path, feed: str) -> pl.DataFrame:
    """Every file of a feed, with the date of the file as ``file_date``; planted extra files are left out."""
    frames = []
    for path in sorted((inbound / "standard").glob(f"{feed}_????-??-??.*")):
        if path.suffix in (".csv", ".parquet"):
            frames.append(read_file(path).with_columns(file_date=pl.lit(path.stem[-10:])))
    return pl.concat(frames)


def cents(column: str) -> pl.Expr:
    """Decimal text as whole cents, by another way than the simulator's."""
    return pl.col(column).str.replace(".", "", literal=True).cast(pl.Int64)


def lines_of(path: Path) -> list[list[str]]:
    """Raw CSV lines; index 0 is the header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder``."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
