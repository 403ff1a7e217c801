"""The ``recoup`` command: each command translates, calls one function inward, and prints what came back."""

from __future__ import annotations

import logging

import typer

from ops_app.cli import data, installation, settling
from ops_app.cli.printing import err
from ops_app.domain.errors import DomainError

cli = typer.Typer(
    name="recoup",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recoup: post-loan collection suite. 贷后催收套件。",
)
for _name, _command in (
    ("demo", installation.demo),
    ("init", installation.init),
    ("serve", installation.serve),
    ("consume", installation.consume),
    ("run-day", data.run_day_command),
    ("ingest", data.ingest),
    ("import-work", data.import_work),
    ("take-over", data.take_over_command),
    ("simulate", data.simulate),
    ("sql", data.sql),
    ("doctor", installation.doctor),
    ("publish", data.publish),
    ("verify", installation.verify),
    ("reconcile", data.reconcile),
    ("settle", settling.settle),
    ("claimed", settling.claimed),
    ("retry-events", installation.retry_events),
    ("docs", installation.docs),
    ("bench", installation.bench),
):
    cli.command(_name)(_command)


def main() -> None:
    """Entry point: a refusal is one sentence and a non-zero exit, never a stack trace."""
    logging.getLogger("nanobind").setLevel(logging.CRITICAL)
    try:
        cli()
    except DomainError as refusal:
        err.print(f"[red]{refusal.en}[/]\n[red]{refusal.zh}[/]")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
