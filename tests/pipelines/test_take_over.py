"""The history feeds taken over from the warehouse: the cases of the store and the marts then agree about custody."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ops_app.bootstrap import App
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.take_over import list_differences
from ops_app.services.casework.take_over_running import ask_running_placements
from ops_app.services.organisation import approvals as engine
from ops_app.store.tables.casework import cases
from pipelines.take_over import take_over, take_over_under_lease
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import END, new_home, run, simulated
from tests.pipelines.importing import operator_of
from tests.services.casework.casebook import a_collector, an_agency
from tests.services.casework.test_take_over import decide

HEADER = (
    "placement_id,loan_id,agency_code,batch,placed_date,due_back_date,recalled_date,balance,currency,commission_rate"
)
ALL = "select loan_id from raw.loans where as_of_date = '{day}' and days_past_due > 0 order by loan_id"


def in_store(app: App) -> dict[str, str | None]:
    with app.store.reading() as connection:
        rows: Any = connection.execute(
            cases.select().with_only_columns(cases.c.case_id, cases.c.agency_code).where(cases.c.closed_date.is_(None))
        )
        return {row[0]: row[1] for row in rows}


def in_marts(app: App, day: date) -> dict[str, str | None]:
    found = Warehouse(app.settings.warehouse_path).query(
        "select case_id, agency_code from marts.fct_case_days where business_date = ?", (day,)
    )
    return dict(found)


def write_history(app: App, loans: list[str], day: date) -> None:
    """A third each: still placed, recalled two days ago, recalled and placed anew."""
    lines = [HEADER]
    for number, loan in enumerate(loans):
        old, new = f"P{number}a,{loan},AG0{number % 3 + 1}", f"P{number}b,{loan},AG0{(number + 1) % 3 + 1}"
        back = day + timedelta(days=30)
        begun, ended = day - timedelta(days=90), day - timedelta(days=2)
        recalled = "" if number % 3 == 0 else str(ended)
        lines.append(f"{old},old,{begun},{back},{recalled},{number + 1}.00,CNY,0.2")
        if number % 3 == 2:
            lines.append(f"{new},new,{ended},{back},,{number + 1}.00,CNY,0.2")
    folder = app.settings.inbound / "standard"
    (folder / f"placements_{day}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    notes = ["note_id,loan_id,collector_id,agency_code,written_at,kind,outcome,text"]
    notes += [f"N{n},{loan},C9,AG01,{day} 09:00:00,call,no_answer,无人接听" for n, loan in enumerate(loans)]
    (folder / f"notes_{day}.csv").write_text("\n".join(notes) + "\n", encoding="utf-8")


def approved(app: App) -> list[dict[str, Any]]:
    """The running placements, asked for by an operator and approved by others; what came of each request."""
    now, results = app.clock.now(), []
    operator = operator_of(app)
    for one in ask_running_placements(operator, app.store, now=now, reason="the old system is off", key="k"):
        for role in (Role.MANAGER, Role.FINANCE):
            decider = a_collector(app.store, role.value, role=role)
            if decide(app.store, one, decider, now=now).state is RequestState.APPROVED:
                break
        results.append(dict(engine.read_request(decider, app.store, now=now, request_id=one).item.result or {}))
    return results


def outside(app: App) -> set[str]:
    """The open cases of running placements that may not be placed."""
    page = list_differences(SYSTEM, app.store, now=app.clock.now(), feed="placements", page_size=1000)
    loans = {it.row.loan_id for it in page.rows if it.row.ended_at is None}
    with app.store.reading() as connection:
        rows: Any = connection.execute(
            select(cases.c.case_id).where(cases.c.loan_id.in_(loans), cases.c.closed_date.is_(None))
        )
        return set(rows.scalars())


@pytest.mark.slow  # a minute; the page of take-overs does one through the pipeline each time
def test_after_the_take_over_the_store_and_the_marts_agree_about_every_open_case(tmp_path: Path) -> None:
    files = tmp_path / "files" / "inbound"
    files.mkdir(parents=True)
    simulated(files, loans=120, count=3, faults=False)
    app = new_home(tmp_path / "home", files)
    now = app.clock.now()
    provinces = tuple(f"{number}0000" for number in range(11, 83))
    for code in ("AG01", "AG02", "AG03"):
        an_agency(app.store, code, day=now.date(), regions=(*provinces, "unknown"))
    run(app, END - timedelta(days=1), first=END - timedelta(days=2))
    late = ALL.format(day=END - timedelta(days=1))
    loans = [loan for (loan,) in Warehouse(app.settings.warehouse_path).query(late)]
    assert len(loans) > 10
    write_history(app, loans, END)
    run(app, END)
    assert set(in_store(app).values()) == {None}
    assert set(in_marts(app, END).values()) > {None}
    done = take_over(app, Warehouse(app.settings.warehouse_path))
    assert all(line.agrees for line in done.proof)
    assert (done.cases_placed, set(in_store(app).values())) == (0, {None})
    for result in approved(app):
        assert result["cases_placed"] > 0
    stayed = outside(app)
    by_feed, here = in_marts(app, END), in_store(app)
    assert {one: agency for one, agency in here.items() if one not in stayed} == {
        one: agency for one, agency in by_feed.items() if one not in stayed
    }
    assert {here[one] for one in stayed} <= {None}
    again = take_over_under_lease(app)
    assert (again.rows_new, again.cases_placed) == (sum(line.named_count for line in again.proof), 0)
    assert all(line.agrees for line in again.proof)
    app.close()
