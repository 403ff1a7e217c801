"""The ``recoup`` command: each command translates, calls one function inward, and prints what came back."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import DomainError, Invalid

cli = typer.Typer(
    name="recoup",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recoup: post-loan collection suite. 贷后催收套件。",
)
out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]
Day = Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Business date.")]


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    out.print(table)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str, indent=2) + "\n")


@contextmanager
def _progress() -> Iterator[Any]:
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


@cli.command()
def demo(
    loans: Annotated[int, typer.Option(help="Loans of the seeded portfolio.", min=500, max=1_000_000)] = 20_000,
    days: Annotated[int, typer.Option(help="Business days of history.", min=10, max=730)] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same portfolio.")] = 7,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the front door afterwards.")] = True,
) -> None:
    """A seeded portfolio through full business days, published, then the consoles.

    Once stopped, the same command goes on where it was, with the portfolio it began with.
    """
    from pipelines.demo import run_demo

    settings = Settings.load(demo=True)
    with _progress() as report:
        result = run_demo(settings, loans=loans, days=days, seed=seed, progress=report)
    if result.said:
        out.print(result.said)
    _table("Business days", ["date", "seconds", "rows in", "accepted", "quarantined", "open breaks"], result.day_rows)
    _table("Demo sign-ins", ["name", "password", "role"], result.sign_ins)
    out.print(f"Ready in {result.seconds:.0f} s. Front door: http://{settings.host}:{settings.port}/")
    out.print('Try: recoup sql "select * from rpt_portfolio_daily order by business_date desc limit 5"')
    if serve:
        _serve(settings)


@cli.command()
def init(
    name: Annotated[str, typer.Option(prompt="Sign-in name of the first administrator")],
    display_name: Annotated[str, typer.Option(prompt="Their name as people read it")],
    template: Annotated[str, typer.Option(help="Lender template to begin with.")] = "standard",
) -> None:
    """An empty installation: the first administrator and a lender template."""
    from ops_app.bootstrap import open_app
    from ops_app.services.organisation.first_administrator import create_first_administrator
    from pipelines.readers.templates import load_template

    settings = Settings.load()
    load_template(template, settings.template_dirs)
    app = open_app(settings)
    password = create_first_administrator(app.store, now=app.clock.now(), sign_in_name=name, display_name=display_name)
    (settings.inbound / template).mkdir(parents=True, exist_ok=True)
    out.print(f"Administrator {name} may sign in with: {password}")
    out.print(f"Put the lender's files into {settings.inbound / template}, then: recoup run-day")


def _serve(settings: Settings) -> None:
    from pipelines.serve import serve_everything

    serve_everything(settings, say=out.print)


@cli.command()
def serve() -> None:
    """Front door, live publication and Dagster, until interrupted."""
    _serve(Settings.load())


@cli.command("run-day")
def run_day_command(day: Day = None, as_json: AsJson = False) -> None:
    """One business day through Dagster: ingest, check, reconcile, build, publish."""
    from ops_app.bootstrap import open_app
    from pipelines.run_day import next_business_date, run_day

    app = open_app()
    business_date = day.date() if day else next_business_date(app)
    with _progress() as report:
        result = run_day(app, business_date, progress=report)
    if as_json:
        _print_json(result.as_dict())
    else:
        _table(f"Business day {business_date}", ["stage", "what"], [[stage, what] for stage, what in result.lines()])
    if not result.succeeded:
        raise typer.Exit(1)


@cli.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to load.")],
    template: Annotated[str, typer.Option("--template", "-t", help="Name of the template.")],
    feed: Annotated[str | None, typer.Option("--feed", "-f", help="Feed; from the file name where left out.")] = None,
    day: Day = None,
    as_json: AsJson = False,
) -> None:
    """Load files of any lender through a template; prints accepted, refused, and why."""
    from pipelines.ingest import ingest_file
    from pipelines.warehouse import Warehouse

    settings = Settings.load()
    settings.make_folders()
    warehouse = Warehouse(settings.warehouse_path)
    outcomes = []
    with _progress() as report:
        for number, path in enumerate(files):
            report(number, len(files), path.name)
            outcome = ingest_file(warehouse, settings, path, template, feed, file_date=day.date() if day else None)
            outcomes.extend(outcome if isinstance(outcome, list) else [outcome])
    if as_json:
        _print_json([outcome.as_dict() for outcome in outcomes])
    else:
        rows = [[o.file_name, o.feed, o.state, o.rows_in, o.rows_accepted, o.rows_quarantined, o.why] for o in outcomes]
        _table("Files", ["file", "feed", "state", "rows in", "accepted", "quarantined", "why"], rows)
    if any(outcome.state == "refused" for outcome in outcomes):
        raise typer.Exit(1)


@cli.command("import-work")
def import_work(
    import_id: Annotated[str | None, typer.Argument(help="One import; all that wait where left out.")] = None,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="Progress as JSON lines, for machines.")] = False,
    rows_told: Annotated[
        str | None, typer.Option("--rows", help="Number of rows that the sender told; needs IMPORT_ID.")
    ] = None,
    sum_told: Annotated[
        str | None, typer.Option("--sum", help="Sum of the amounts that the sender told; needs IMPORT_ID.")
    ] = None,
) -> None:
    """Does what imports of the consoles wait for: reads, loads, replays, takes back.

    With control totals it compares the file with them first; exit code 1 where they disagree.
    """
    from ops_app.bootstrap import open_app
    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.organisation.import_work import waiting_imports
    from pipelines.imports import type_totals, work_on

    app = open_app()
    if rows_told is not None or sum_told is not None:
        if import_id is None:
            raise Invalid("Name the import these totals belong to.", "请指明控制总数所属的导入。", field="import_id")
        type_totals(app, import_id, rows_told, sum_told)
    waiting = waiting_imports(SYSTEM, app.store, now=app.clock.now())
    ids = [import_id] if import_id else [one.import_id for one in waiting]
    if json_lines:
        done = [work_on(app, one, _json_lines) for one in ids]
    else:
        with _progress() as report:
            done = [work_on(app, one, report) for one in ids]
        rows = [
            [one.file_name, one.feed, one.state, one.rows_in, one.rows_accepted, _agreement(one.rows_agree),
             _agreement(one.sum_agrees), one.said_en or one.refusal_en or ""]
            for one in done
        ]  # fmt: skip
        _table("Imports", ["file", "feed", "state", "rows in", "accepted", "rows as told", "sum as told", "said"], rows)
    if not json_lines and any(False in (one.rows_agree, one.sum_agrees) for one in done):
        raise typer.Exit(1)


def _agreement(agrees: bool | None) -> str:
    """Whether a control total agrees, in words; nothing where none was told."""
    return "" if agrees is None else "yes" if agrees else "NO"


@cli.command("take-over")
def take_over_command(
    json_lines: Annotated[bool, typer.Option("--json-lines", help="Progress as JSON lines, for machines.")] = False,
    as_json: AsJson = False,
) -> None:
    """Takes over the history of a former system and prints the proof: the old book against the new. Safe to repeat."""
    from ops_app.bootstrap import open_app
    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.casework.take_over_running import waiting_placements
    from pipelines.take_over import take_over_under_lease

    app = open_app()
    try:
        done = take_over_under_lease(app, _json_lines if json_lines else None)
    except DomainError as refusal:
        if not json_lines:
            raise
        _print_line({"refused_en": refusal.en, "refused_zh": refusal.zh})
        raise typer.Exit(1) from None
    if as_json:
        _print_json([asdict(line) for line in done.proof])
    elif not json_lines:
        columns = ["feed", "agency", "status", "currency", "old", "new", "named", "old sum", "new sum", "agrees"]
        rows = [
            [line.feed, line.agency_code, line.status, line.currency, line.old_count, line.new_count, line.named_count,
             line.old_minor, line.new_minor, "yes" if line.agrees else "NO"]
            for line in done.proof
        ]  # fmt: skip
        _table("Old book against new (sums in minor units)", columns, rows)
        out.print(f"{done.rows_new} rows entered")
        for one in waiting_placements(SYSTEM, app.store, now=app.clock.now()):
            whose = f"asked for by {one.asked_by_name}" if one.asked_by_name else "ask for it on the page Take-over"
            out.print(f"{one.count} running placements in {one.currency} wait for an approval: {whose}")
    if not all(line.agrees for line in done.proof):
        raise typer.Exit(1)


def _json_lines(done: int, total: int, what: str) -> None:
    """One step as a line; whoever read them may have gone, and the work goes on."""
    _print_line({"done": done, "total": total, "what": what})


def _print_line(said: object) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        sys.stdout.flush()


@cli.command()
def simulate(
    out_dir: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    loans: Annotated[int, typer.Option(min=10)] = 20_000,
    days: Annotated[int, typer.Option(min=1)] = 60,
    seed: int = 7,
    faults: Annotated[bool, typer.Option("--faults", help="Plant faults and write their answer key.")] = False,
    end: Day = None,
) -> None:
    """Feed files of a synthetic portfolio, with planted faults and their answer key on request."""
    from pipelines.simulator import simulate as simulate_portfolio

    last = end.date() if end else date(2026, 10, 31)
    with _progress() as report:
        key = simulate_portfolio(
            out_dir, loans=loans, days=days, seed=seed, faults=faults, end_date=last, progress=report
        )
    out.print(f"{loans} loans, {days} days to {last}, {len(key.faults)} planted faults, in {out_dir}")


@cli.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    format_: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Snapshot of that date.")
    ] = None,
    audience: Annotated[str, typer.Option(help="Whose snapshot.")] = "asset_company",
) -> None:
    """A read-only query on the published snapshot."""
    from ops_app.gateways.sql_sandbox import run_query

    answer = run_query(Settings.load(), query, audience=audience, as_of=as_of.date() if as_of else None)
    if format_ == "json":
        _print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    elif format_ == "csv":
        sys.stdout.write(answer.as_csv())
    elif format_ == "table":
        _table("", answer.columns, [list(row) for row in answer.rows])
        out.print(f"{len(answer.rows)} rows · data as of {answer.as_of}", style="dim")
    else:
        raise typer.BadParameter("table, csv or json", param_hint="--format")


@cli.command()
def doctor(as_json: AsJson = False) -> None:
    """Says whether this machine can run Recoup, and what to do if not."""
    from ops_app.gateways.machine import examine

    found = examine(Settings.load())
    if as_json:
        _print_json([vars(one) for one in found])
    else:
        mark = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}
        _table(
            "This machine",
            ["what", "state", "seen", "what to do"],
            [[o.name, mark[o.state], o.seen, o.remedy] for o in found],
        )
    if any(one.state == "failed" for one in found):
        raise typer.Exit(1)


@cli.command()
def publish(as_json: AsJson = False) -> None:
    """Publish the present marts again, one snapshot an audience."""
    from pipelines.run_day import publish_again

    done = publish_again(Settings.load())
    if as_json:
        _print_json([vars(one) for one in done])
    else:
        _table("Published", ["audience", "snapshot"], [[one.audience, one.name] for one in done])


@cli.command()
def verify(
    as_json: AsJson = False,
    public_key: Annotated[
        Path | None, typer.Option(help="the audit log's public key as it was kept on another machine", exists=True)
    ] = None,
) -> None:
    """Checks what must always hold: per invariant ``holds``, ``broken`` or ``not built``; exit 1 on ``broken``."""
    from ops_app.bootstrap import open_app
    from pipelines.verify import verify_everything

    findings = verify_everything(open_app(), public_key)
    if as_json:
        _print_json([vars(one) for one in findings])
    else:
        word = {"holds": "[green]holds[/]", "broken": "[red]broken[/]", "not built": "[dim]not built[/]"}
        rows = [
            [
                f.invariant,
                f.name,
                f"{word[f.state]} ({f.checked} checked)" if f.state == "holds" else word[f.state],
                f.detail,
            ]
            for f in findings
        ]
        _table("What must always hold", ["no.", "invariant", "state", "detail"], rows)
    if any(one.state == "broken" for one in findings):
        raise typer.Exit(1)


@cli.command()
def reconcile(day: Day = None) -> None:
    """Reconcile the lender's repayments with the bank and with what is recorded, as of a business date."""
    from ops_app.bootstrap import open_app
    from pipelines.run_day import last_business_date, reconcile_again

    app = open_app()
    result = reconcile_again(app, day.date() if day else last_business_date(app))
    _table("Reconciliation", ["what", "count"], [[name, value] for name, value in result.items()])


@cli.command()
def docs() -> None:
    """dbt's documentation of every model as one page."""
    from pipelines.build import write_docs

    out.print(f"Documentation: {write_docs(Settings.load())}")


@cli.command()
def bench(
    name: Annotated[str, typer.Argument(help="ingest, build, reconciliation, acts, lists, case_page")],
    rows: Annotated[int | None, typer.Option(help="Rows; a default per benchmark.")] = None,
    as_json: AsJson = False,
) -> None:
    """A benchmark beside its raw limit in the same run; from a checkout."""
    sys.path.insert(0, str(PROJECT_ROOT))  # the tests are no installed package
    try:
        from tests.bench import BENCHMARKS
    except ModuleNotFoundError:
        raise DomainError(
            "Benchmarks run from a checkout of the project.", "基准测试须在项目源码目录中运行。"
        ) from None
    if name not in BENCHMARKS:
        raise typer.BadParameter(f"one of {', '.join(sorted(BENCHMARKS))}", param_hint="NAME")
    result = BENCHMARKS[name](rows)
    if as_json:
        _print_json(result)
    else:
        _table(f"bench {name}", ["what", "value"], [[k, v] for k, v in result.items()])


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


if __name__ == "__main__":
    main()
