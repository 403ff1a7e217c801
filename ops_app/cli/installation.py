"""Commands about an installation: making one, serving it, and whether it is sound."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops_app.cli.printing import AsJson, out, print_json, print_table, progress
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import DomainError


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
    with progress() as report:
        result = run_demo(settings, loans=loans, days=days, seed=seed, progress=report)
    if result.said:
        out.print(result.said)
    print_table(
        "Business days", ["date", "seconds", "rows in", "accepted", "quarantined", "open breaks"], result.day_rows
    )
    print_table("Demo sign-ins", ["name", "password", "role"], result.sign_ins)
    out.print(f"Ready in {result.seconds:.0f} s. Front door: http://{settings.host}:{settings.port}/")
    out.print('Try: recoup sql "select * from rpt_portfolio_daily order by business_date desc limit 5"')
    if serve:
        _serve(settings)


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


def serve() -> None:
    """Front door, live publication, the consumer of messages and Dagster, until interrupted."""
    _serve(Settings.load())


def consume() -> None:
    """Takes messages of the broker (RECOUP_QUEUE_URL) and of REST, and handles them, until interrupted."""
    from ops_app.interfaces.queue.consumer import consume as run

    run(Settings.load())


def doctor(as_json: AsJson = False) -> None:
    """Says whether this machine can run Recoup, and what to do if not."""
    from ops_app.gateways.machine import examine

    found = examine(Settings.load())
    if as_json:
        print_json([vars(one) for one in found])
    else:
        mark = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}
        print_table(
            "This machine",
            ["what", "state", "seen", "what to do"],
            [[o.name, mark[o.state], o.seen, o.remedy] for o in found],
        )
    if any(one.state == "failed" for one in found):
        raise typer.Exit(1)


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
        print_json([vars(one) for one in findings])
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
        print_table("What must always hold", ["no.", "invariant", "state", "detail"], rows)
    if any(one.state == "broken" for one in findings):
        raise typer.Exit(1)


def retry_events() -> None:
    """Lets events that their receiver refused again and again, and that were set aside, be sent once more."""
    from ops_app.bootstrap import open_app
    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.organisation.outbox import retry_set_aside

    app = open_app()
    count = retry_set_aside(SYSTEM, app.store, now=app.clock.now())
    out.print(f"{count} events wait again; they leave with the next watch.")


def docs() -> None:
    """dbt's documentation of every model as one page."""
    from pipelines.build import write_docs

    out.print(f"Documentation: {write_docs(Settings.load())}")


def bench(
    name: Annotated[
        str, typer.Argument(help="acts, build, case_page, ingest, lists, posting, reconciliation, visible")
    ],
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
        print_json(result)
    else:
        print_table(f"bench {name}", ["what", "value"], [[k, v] for k, v in result.items()])
