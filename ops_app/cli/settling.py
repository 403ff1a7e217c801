"""``recoup settle``: settlements of commission for scripts: opened, reckoned, checked, written as files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops_app.cli.printing import AsJson, out, print_json, print_table
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import SYSTEM

if TYPE_CHECKING:
    from ops_app.bootstrap import App
    from ops_app.services.ledger.settlements import Settlement


def settle(
    agency: Annotated[str, typer.Option(help="Code of the agency.")] = "",
    currency: Annotated[str, typer.Option(help="Currency of the statement.")] = "CNY",
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the period to open.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--before", formats=["%Y-%m-%d"], help="The day after its last.")
    ] = None,
    number: Annotated[str, typer.Option(help="A settlement by its number, to reckon again or to write.")] = "",
    write: Annotated[
        Path | None, typer.Option(help="Folder for its statement: XLSX and PDF in both languages, check file.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute every locked settlement; exit 1 on broken.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Open and reckon a period of an agency, reckon a draft again, or (--verify) recompute what is locked."""
    from ops_app.bootstrap import open_app

    app = open_app()
    if verify:
        _verify(app, as_json)
        return
    from ops_app.services.ledger.settlements import open_settlement, reckon_settlement

    now = app.clock.now()
    if agency and since and until:
        key = f"settle/{agency}/{currency}/{since.date()}/{until.date()}"
        done = open_settlement(
            SYSTEM, app.store, now=now, agency_code=agency, currency=currency, first_date=since.date(),
            end_date=until.date(), key=key,
        )  # fmt: skip
        _print(app, done.settlement_id, as_json)
        return
    if not number:
        _list(app, agency, as_json)
        return
    found = _by_number(app, number)
    if write is not None:
        _write(app, found, write)
    elif found.state.value == "draft":
        reckon_settlement(SYSTEM, app.store, now=now, settlement_id=found.settlement_id, version=found.version)
    _print(app, found.settlement_id, as_json)


def _verify(app: App, as_json: bool) -> None:
    from ops_app.services.ledger.commission_verify import verify_commission, verify_statements

    findings = [verify_commission(app.store), verify_statements(app.store)]
    if as_json:
        print_json([vars(one) for one in findings])
    else:
        rows = [[it.invariant, it.name, it.state, it.checked, it.detail] for it in findings]
        print_table("Settlements", ["no.", "invariant", "state", "checked", "detail"], rows)
    if any(it.state == "broken" for it in findings):
        raise typer.Exit(1)


def _list(app: App, agency: str, as_json: bool) -> None:
    from ops_app.services.ledger.commission_reading import list_settlements

    rows, total = list_settlements(SYSTEM, app.store, now=app.clock.now(), agency_code=agency or None, page_size=500)
    if as_json:
        print_json([_facts(one) for one in rows])
        return
    print_table(f"{total} settlements", ["number", "from", "before", "state", "due (minor units)"],
                [[it.number, it.first_date, it.end_date, it.state.value, it.due_minor] for it in rows])  # fmt: skip


def _by_number(app: App, number: str) -> Settlement:
    from ops_app.services.ledger.commission_reading import list_settlements

    page = 1
    while True:
        rows, total = list_settlements(SYSTEM, app.store, now=app.clock.now(), page=page, page_size=500)
        for one in rows:
            if one.number == number:
                return one
        if page * 500 >= total:
            raise Invalid(f"There is no settlement {number}.", f"没有结算单 {number}。", field="number")
        page += 1


def _print(app: App, settlement_id: str, as_json: bool) -> None:
    from ops_app.services.ledger.commission_reading import read_settlement

    made = read_settlement(SYSTEM, app.store, now=app.clock.now(), settlement_id=settlement_id).statement
    facts = _facts(made.settlement) | {"lines": len(made.lines), "hash": made.hash} | vars(made.result)
    if as_json:
        print_json(facts)
    else:
        print_table(made.settlement.number, ["what", "value"], [[name, value] for name, value in facts.items()])


def _facts(one: Settlement) -> dict[str, object]:
    return {
        "number": one.number, "settlement_id": one.settlement_id, "agency_code": one.agency_code,
        "first_date": one.first_date, "end_date": one.end_date, "state": one.state.value,
        "content_hash": one.content_hash,
    }  # fmt: skip


def _write(app: App, one: Settlement, folder: Path) -> None:
    from ops_app.consoles.commission import statement_files
    from ops_app.services.ledger.commission_reading import read_settlement

    made = read_settlement(SYSTEM, app.store, now=app.clock.now(), settlement_id=one.settlement_id).statement
    folder.mkdir(parents=True, exist_ok=True)
    zone = app.settings.zone
    files = {f"{one.number}.json": statement_files.check_file(made)}
    for language in ("en", "zh"):
        files[f"{one.number}.{language}.xlsx"] = statement_files.workbook(made, language, zone)
        files[f"{one.number}.{language}.pdf"] = statement_files.document(made, language, zone)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        out.print(f"{folder / name}: {len(data)} bytes")


def claimed(
    agency: Annotated[str, typer.Option(help="Statements of one agency.")] = "",
    number: Annotated[str, typer.Option(help="One statement by its number: by period, beside its contract.")] = "",
    take_in: Annotated[
        bool, typer.Option("--take-in", help="Take in statements that files brought since the last business day.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="With --number: compare it again with what is reckoned by now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What agencies claim to have earned, beside what their contracts give: claimed, recomputed, difference."""
    from ops_app.bootstrap import open_app
    from ops_app.services.ledger.claimed_commissions import compare_claims
    from ops_app.services.ledger.claimed_reading import list_claims, read_claim

    app = open_app()
    now = app.clock.now()
    if take_in:
        from pipelines.claimed_commissions import take_in_claimed
        from pipelines.warehouse import Warehouse

        warehouse = Warehouse(app.settings.warehouse_path)
        done = take_in_claimed(warehouse, app, now.astimezone(app.settings.zone).date(), now=now)
        if not as_json:
            out.print(f"{done.statements} statements with {done.lines} lines taken in; {done.late} lines came late,"
                      f" {done.unknown} are of agencies that nobody entered")  # fmt: skip
    rows, total = list_claims(SYSTEM, app.store, now=now, agency_code=agency or None, page_size=500)
    if not number:
        facts = [vars(one) for one in rows]
        if as_json:
            print_json(facts)
            return
        shown = ("number", "agency_code", "currency", "until_date", "compared_at")
        print_table(f"{total} claimed statements", list(shown), [[one[name] for name in shown] for one in facts])
        return
    one = next((it for it in rows if it.number == number), None)
    if one is None:
        raise Invalid(f"There is no claimed statement {number}.", f"没有申报对账单 {number}。", field="number")
    if compare:
        compare_claims(SYSTEM, app.store, now=now, statement_id=one.statement_id, version=one.version)
    found = read_claim(SYSTEM, app.store, now=now, statement_id=one.statement_id)
    periods = [vars(it) for it in found.periods]
    if as_json:
        print_json(vars(found.statement) | {"not_claimed_minor": found.not_claimed_minor, "periods": periods})
        return
    shown = ("period", "lines", "collected_minor", "received_minor", "eligible_minor", "claimed_minor",
             "recomputed_minor",
             "difference_minor", "differing", "open", "disputed", "accepted")  # fmt: skip
    together = {name: sum(it[name] for it in periods) for name in shown[1:]} | {"period": "all"}
    names = [name.removesuffix("_minor").replace("_", " ") for name in shown]
    print_table(f"{number} ({one.currency}, minor units)", names,
                [[it[name] for name in shown] for it in [*periods, together]])  # fmt: skip
