"""What every command prints with: tables, JSON, a progress bar, lines for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]
Day = Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")]


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Rows on standard output, wrapped rather than cut."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    out.print(shown)


def print_json(value: object) -> None:
    """A value on standard output, indented."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str, indent=2) + "\n")


@contextmanager
def progress() -> Iterator[Any]:
    """A progress bar on standard error; the callable takes (done, total, what)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def report(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total or None, description=what)

        yield report


def print_step(done: int, total: int, what: str) -> None:
    """One step as a line; whoever read them may have gone, and the work goes on."""
    print_line({"done": done, "total": total, "what": what})


def print_line(said: object) -> None:
    """A value as one line of JSON, at once; nothing where nobody reads any more."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        sys.stdout.flush()
