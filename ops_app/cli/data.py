"""Commands about data: files in, business days, what is published, questions to it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops_app.cli.printing import AsJson, Day, out, print_json, print_line, print_step, print_table, progress
from ops_app.config import Settings
from ops_app.domain.errors import DomainError, Invalid

if TYPE_CHECKING:
    from ops_app.bootstrap import App


def run_day_command(day: Day = None, as_json: AsJson = False) -> None:
    """One business day through Dagster: ingest, check, reconcile, build, publish."""
    from ops_app.bootstrap import open_app
    from pipelines.run_day import next_business_date, run_day

    app = open_app()
    business_date = day.date() if day else next_business_date(app)
    with progress() as report:
        result = run_day(app, business_date, progress=report)
    if as_json:
        print_json(result.as_dict())
    else:
        print_table(
            f"Business day {business_date}", ["stage", "what"], [[stage, what] for stage, what in result.lines()]
        )
    if not result.succeeded:
        raise typer.Exit(1)


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
    with progress() as report:
        for number, path in enumerate(files):
            report(number, len(files), path.name)
            outcome = ingest_file(warehouse, settings, path, template, feed, file_date=day.date() if day else None)
            outcomes.extend(outcome if isinstance(outcome, list) else [outcome])
    if as_json:
        print_json([outcome.as_dict() for outcome in outcomes])
    else:
        rows = [[o.file_name, o.feed, o.state, o.rows_in, o.rows_accepted, o.rows_quarantined, o.why] for o in outcomes]
        print_table("Files", ["file", "feed", "state", "rows in", "accepted", "quarantined", "why"], rows)
    if any(outcome.state == "refused" for outcome in outcomes):
        raise typer.Exit(1)


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
        done = [work_on(app, one, print_step) for one in ids]
    else:
        with progress() as report:
            done = [work_on(app, one, report) for one in ids]
        rows = [
            [one.file_name, one.feed, one.state, one.rows_in, one.rows_accepted, _agreement(one.rows_agree),
             _agreement(one.sum_agrees), one.said_en or one.refusal_en or ""]
            for one in done
        ]  # fmt: skip
        print_table(
            "Imports", ["file", "feed", "state", "rows in", "accepted", "rows as told", "sum as told", "said"], rows
        )
    if not json_lines and any(False in (one.rows_agree, one.sum_agrees) for one in done):
        raise typer.Exit(1)


def _agreement(agrees: bool | None) -> str:
    """Whether a control total agrees, in words; nothing where none was told."""
    return "" if agrees is None else "yes" if agrees else "NO"


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
        done = take_over_under_lease(app, print_step if json_lines else None)
    except DomainError as refusal:
        if not json_lines:
            raise
        print_line({"refused_en": refusal.en, "refused_zh": refusal.zh})
        raise typer.Exit(1) from None
    if as_json:
        print_json([asdict(line) for line in done.proof])
    elif not json_lines:
        columns = ["feed", "agency", "status", "currency", "old", "new", "named", "old sum", "new sum", "agrees"]
        rows = [
            [line.feed, line.agency_code, line.status, line.currency, line.old_count, line.new_count, line.named_count,
             line.old_minor, line.new_minor, "yes" if line.agrees else "NO"]
            for line in done.proof
        ]  # fmt: skip
        print_table("Old book against new (sums in minor units)", columns, rows)
        out.print(f"{done.rows_new} rows entered")
        for one in waiting_placements(SYSTEM, app.store, now=app.clock.now()):
            whose = f"asked for by {one.asked_by_name}" if one.asked_by_name else "ask for it on the page Take-over"
            out.print(f"{one.count} running placements in {one.currency} wait for an approval: {whose}")
    if not all(line.agrees for line in done.proof):
        raise typer.Exit(1)


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
    with progress() as report:
        key = simulate_portfolio(
            out_dir, loans=loans, days=days, seed=seed, faults=faults, end_date=last, progress=report
        )
    out.print(f"{loans} loans, {days} days to {last}, {len(key.faults)} planted faults, in {out_dir}")


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
        print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    elif format_ == "csv":
        sys.stdout.write(answer.as_csv())
    elif format_ == "table":
        print_table("", answer.columns, [list(row) for row in answer.rows])
        out.print(f"{len(answer.rows)} rows · data as of {answer.as_of}", style="dim")
    else:
        raise typer.BadParameter("table, csv or json", param_hint="--format")


def publish(as_json: AsJson = False) -> None:
    """Publish the present marts again, one snapshot an audience."""
    from pipelines.run_day import publish_again

    done = publish_again(Settings.load())
    if as_json:
        print_json([vars(one) for one in done])
    else:
        print_table("Published", ["audience", "snapshot"], [[one.audience, one.name] for one in done])


def reconcile(
    day: Day = None,
    breaks: Annotated[bool, typer.Option("--breaks", help="List the breaks that are open afterwards.")] = False,
) -> None:
    """Reconcile the lender's repayments with the bank and with what is recorded, as of a business date."""
    from ops_app.bootstrap import open_app
    from pipelines.run_day import last_business_date, reconcile_again

    app = open_app()
    result = reconcile_again(app, day.date() if day else last_business_date(app))
    print_table("Reconciliation", ["what", "count"], [[name, value] for name, value in result.items()])
    if breaks:
        _print_breaks(app)


def _print_breaks(app: App) -> None:
    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.ledger.reconciliation import list_breaks

    page = list_breaks(SYSTEM, app.store, now=app.clock.now(), page_size=500)
    columns = ["source", "kind", "loan", "value date", "lender", "bank", "difference (minor units)"]
    rows = [
        [one.source_code, one.kind.value, one.loan_id, one.value_date, one.lender_minor, one.bank_minor,
         one.difference_minor]
        for one in page.rows
    ]  # fmt: skip
    print_table(f"{page.total} open breaks", columns, rows)
