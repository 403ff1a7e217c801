"""The life of a case in the ops store reaches the facts: by every route alike, day by day, and to the last unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ops_app.bootstrap import App
from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways import import_files
from ops_app.gateways.case_facts import calls_of, notes_of
from ops_app.store.casework import cases as stored_cases
from ops_app.store.casework.cases import Case
from ops_app.store.tables.casework import assignments, cases, placements
from pipelines.build import build
from pipelines.imports import work_on
from pipelines.simulator import regions
from pipelines.verify import verify_life
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import copied, days, hashes, new_home, run, simulated
from tests.pipelines.importing import confirm
from tests.services.casework.casebook import (
    SUPERVISOR,
    a_collector,
    an_agency,
    assigned,
    placed,
    placing,
    recalled,
    versions,
)

DAYS = days(6)
BEFORE, PLACED_ON, RECALLED_ON = DAYS[-3:]
OF_CASES = (
    "fct_case_days", "fct_assignments", "fct_agency_notes", "fct_contact_attempts", "fct_repayments",
    "rpt_contact_funnel", "rpt_portfolio_daily", "dim_cases",
)  # fmt: skip


def at(app: App, day: date, hour: int = 10) -> datetime:
    return datetime.combine(day, time(hour), app.settings.zone).astimezone(UTC)


def rows(app: App, sql: str) -> list[tuple[Any, ...]]:
    return Warehouse(app.settings.warehouse_path).query(sql)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of a small book before anything was placed, two days before its end."""
    files = tmp_path_factory.mktemp("simulated") / "inbound"
    simulated(files, loans=400, count=len(DAYS), faults=False)
    app = new_home(tmp_path_factory.mktemp("before"), files)
    run(app, BEFORE, first=DAYS[0])
    app.close()
    return app.settings.home


def to_be_placed(app: App) -> list[str]:
    """Cases that wait to be placed, by identity."""
    waiting = select(cases.c.case_id).where(cases.c.custody == Custody.TO_BE_PLACED.value).order_by(cases.c.case_id)
    with app.store.reading() as connection:
        return list(connection.execute(waiting).scalars())


def place_and_assign(app: App) -> tuple[list[str], list[str]]:
    """Six cases to the first agency and four to the second on one day, half of the first's to a collector of it."""
    for code in ("AG01", "AG02"):
        an_agency(app.store, code, day=DAYS[0], regions=regions.CODES)
    ids = to_be_placed(app)[:10]
    assert len(ids) == 10
    now, due_at = at(app, PLACED_ON), at(app, PLACED_ON, 0) + timedelta(days=30)
    for code, some in (("AG01", ids[:6]), ("AG02", ids[6:])):
        placing(app.store, code, versions(app.store, *some), now=now, due_at=due_at)
    collector = a_collector(app.store, "hua", "AG01")
    supervisor = a_collector(app.store, "gao", "AG01", Role.AGENCY_SUPERVISOR)
    assigned(app.store, supervisor, collector, *ids[:3], now=now)
    return ids[:6], ids[6:]


def take_back(app: App, ids: Sequence[str]) -> None:
    """On the last day: one comes back and goes to the other agency, one comes back for good."""
    now = at(app, RECALLED_ON)
    recalled(app.store, ids[0], ids[5], now=now)
    placed(app.store, "AG02", ids[0], now=now + timedelta(hours=1), due_at=now + timedelta(days=20))


def bring(app: App, actor: Actor, text: str, entry: str) -> None:
    one = import_files.bring(
        actor, app.store, app.settings, now=app.clock.now(), name=f"{entry}.csv", data=text.encode(),
        template="agency", entry=entry, file_date=PLACED_ON, key=entry,
    )  # fmt: skip
    confirm(app, actor, work_on(app, one.import_id))


def bring_back(app: App, case_id: str) -> None:
    """The first agency's own call and note about a case, at noon of the day on which it was placed."""
    with app.store.reading() as connection:
        one = stored_cases.read(connection, case_id, Scope(Reach.ALL), app.clock.now())
    assert isinstance(one, Case)
    actor = a_collector(app.store, "ming", "AG01", Role.AGENCY_SUPERVISOR)
    noon = f"{PLACED_ON} 12:00:00"
    note = "答应周五还款，新号 138 0013 8000 与 13900139000"
    bring(app, actor, f"note_id,loan_id,written_at,text\nN1,{one.loan_id},{noon},{note}\n", "notes")
    columns = "call_id,loan_id,channel,direction,started_at,talk_seconds,outcome"
    bring(app, actor, f"{columns}\nK1,{one.loan_id},human,outbound,{noon},60,promise\n", "calls")


@pytest.fixture(scope="module")
def day_by_day(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, list[str], list[str]]]:
    """The two days with their acts, each day run by itself."""
    app = copied(before, tmp_path_factory.mktemp("by_day") / "home")
    first, second = place_and_assign(app)
    bring_back(app, first[0])
    run(app, PLACED_ON)
    take_back(app, first)
    run(app, RECALLED_ON)
    yield app, first, second
    app.close()


@pytest.mark.slow  # more than a minute: another home and a build of everything
def test_a_backfill_after_the_acts_and_a_build_of_everything_give_the_facts_of_single_days(
    before: Path, tmp_path: Path, day_by_day: tuple[App, list[str], list[str]]
) -> None:
    alone, first, _ = day_by_day
    app = copied(before, tmp_path / "home")
    place_and_assign(app)
    bring_back(app, first[0])
    take_back(app, first)
    run(app, RECALLED_ON, first=PLACED_ON)
    found = hashes(app)
    assert {name: found[name] for name in OF_CASES} == {name: hashes(alone)[name] for name in OF_CASES}
    # what is placed is the balance that whoever placed it knew, and a later day was known to one of them
    every = "select * exclude (placed_balance) from marts.fct_placements order by all"
    assert rows(app, every) == rows(alone, every)
    build(app.settings.warehouse_path, app.settings, RECALLED_ON, full_refresh=True)
    assert hashes(app) == found
    app.close()


@pytest.mark.slow  # half a minute: another home
def test_an_act_after_its_day_was_run_changes_the_facts_of_that_day_as_if_it_had_been_there(
    before: Path, tmp_path: Path, day_by_day: tuple[App, list[str], list[str]]
) -> None:
    alone, first, _ = day_by_day
    app = copied(before, tmp_path / "home")
    run(app, PLACED_ON)
    place_and_assign(app)
    bring_back(app, first[0])
    take_back(app, first)
    run(app, RECALLED_ON)
    held = "select case_id, business_date, custody, agency_code, owner_id is null from marts.fct_case_days order by all"
    assert rows(app, held) == rows(alone, held)
    found = hashes(app)
    build(app.settings.warehouse_path, app.settings, RECALLED_ON, full_refresh=True)
    assert hashes(app) == found
    app.close()


def test_the_facts_count_and_sum_what_the_ops_store_has(day_by_day: tuple[App, list[str], list[str]]) -> None:
    app, _, _ = day_by_day
    p, a = placements.c, assignments.c
    with app.store.reading() as connection:
        placed_there = connection.execute(
            select(p.agency_code, func.count(), func.sum(p.placed_balance_minor), func.sum(p.ended_balance_minor))
            .group_by(p.agency_code).order_by(p.agency_code)
        ).all()  # fmt: skip
        given = connection.execute(select(func.count(), func.count(a.ended_at)).select_from(assignments)).one()
    assert rows(
        app,
        "select agency_code, count(*), cast(sum(placed_balance) * 100 as bigint), cast(sum(ended_balance) * 100 as"
        " bigint) from marts.fct_placements group by 1 order by 1",
    ) == [tuple(row) for row in placed_there]
    assert rows(app, "select count(*), count(ended_at) from marts.fct_assignments") == [tuple(given)]
    assert verify_life(app.settings, Warehouse(app.settings.warehouse_path)).state == "holds"


def test_every_placed_case_day_is_its_agencys_and_no_other_is(day_by_day: tuple[App, list[str], list[str]]) -> None:
    app, first, second = day_by_day
    wanted = {(PLACED_ON, one): "AG01" for one in first} | {(PLACED_ON, one): "AG02" for one in second}
    wanted |= {(RECALLED_ON, one): "AG01" for one in first[1:5]} | {(RECALLED_ON, one): "AG02" for one in second}
    wanted |= {(RECALLED_ON, first[0]): "AG02"}
    still = set(rows(app, "select business_date, case_id from marts.fct_case_days"))
    found = rows(app, "select business_date, case_id, agency_code from marts.fct_case_days where custody = 'agency'")
    assert {(day, one): code for day, one, code in found} == {key: v for key, v in wanted.items() if key in still}
    assert len(found) > 12
    owned = rows(app, "select business_date, case_id from marts.fct_case_days where owner_id is not null")
    of_collector = {(PLACED_ON, one) for one in first[:3]} | {(RECALLED_ON, one) for one in first[1:3]}
    assert set(owned) == of_collector & still


def test_what_an_agency_brought_back_is_of_its_case_and_shown_with_it(
    day_by_day: tuple[App, list[str], list[str]],
) -> None:
    app, first, _ = day_by_day
    assert rows(
        app,
        "select a.call_id, a.source_code, a.case_id, p.agency_code from marts.fct_contact_attempts as a"
        " join marts.fct_placements as p using (placement_id)",
    ) == [("K1", "SIM", first[0], "AG01")]
    shown = notes_of(SUPERVISOR, app.settings.published, first[0], None)
    assert [(one.agency_code, one.note) for one in shown] == [("AG01", "答应周五还款，新号 ******* 与 *******")]
    own = Actor("p", "P", Role.AGENCY_SUPERVISOR, "AG01")
    assert notes_of(own, app.settings.published, first[0], None) == shown
    assert notes_of(Actor("q", "Q", Role.AGENCY_SUPERVISOR, "AG02"), app.settings.published, first[0], None) == []
    assert "K1" in rows(app, "select string_agg(call_id, ' ') from marts.fct_contact_attempts where call_id = 'K1'")[0]
    assert calls_of(SUPERVISOR, app.settings.published, first[0], None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("update marts.fct_placements set placed_balance = placed_balance + 0.01 where nth = 2", "placement"),
        ("delete from marts.fct_assignments where ended_at is null", "assignment"),
        ("update marts.fct_placements set agency_code = 'AG02' where agency_code = 'AG01'", "placement"),
    ],
)
def test_the_control_finds_a_fact_that_is_not_what_the_ops_store_says(
    day_by_day: tuple[App, list[str], list[str]], tmp_path: Path, wrong: str, said: str
) -> None:
    app, _, _ = day_by_day
    kept = Warehouse(tmp_path / "warehouse.duckdb", lock_path=tmp_path / "lock")
    kept.path.write_bytes(app.settings.warehouse_path.read_bytes())
    assert verify_life(app.settings, kept).state == "holds"
    with kept.open() as connection:
        connection.execute(wrong)
    found = verify_life(app.settings, kept)
    assert (found.state, said in found.detail) == ("broken", True)


def test_acts_since_the_last_run_are_not_a_fault(before: Path, tmp_path: Path) -> None:
    app = copied(before, tmp_path / "home")
    first, _ = place_and_assign(app)
    warehouse = Warehouse(app.settings.warehouse_path)
    assert verify_life(app.settings, warehouse).state == "holds"
    run(app, PLACED_ON)
    recalled(app.store, first[0], now=at(app, RECALLED_ON))
    assert verify_life(app.settings, warehouse).state == "holds"
    app.close()
