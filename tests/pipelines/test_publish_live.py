from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from pipelines.live import LIVE_POINTER, live_loop, publish_live
from pipelines.publish import publish_snapshots
from pipelines.warehouse import Warehouse, connect

NOW = datetime(2026, 3, 10, 17, 30, tzinfo=UTC)
AGENT = Actor("p1", "Zhang", Role.AGENCY_SUPERVISOR, agency_code="AG01")


@pytest.fixture
def house(app: App) -> App:
    """An installation with a snapshot for the asset company and for one agency, without any act."""
    warehouse = Warehouse(app.settings.warehouse_path)
    with warehouse.open() as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.dim_agencies as select 'AG01' as agency_code")
        connection.execute(
            "create table marts.fct_console_actions (seq bigint, occurred_at timestamp, business_date date, actor_id"
            " varchar, actor_name varchar, role_code varchar, agency_code varchar, action varchar, object_type varchar,"
            " object_id varchar, reason varchar, row_hash varchar)"
        )
    publish_snapshots(warehouse, app.settings, date(2026, 3, 10))
    return app


def act(app: App, actor: Actor, name: str) -> None:
    with app.store.writing(actor, NOW) as transaction:
        transaction.audit(name, "break", "b1", reason="because")


def live_acts(app: App, audience: str) -> list[tuple[object, ...]]:
    folder = app.settings.published / audience
    pointer = json.loads((folder / LIVE_POINTER).read_text())
    with closing(connect(folder / "live" / pointer["name"], read_only=True)) as connection:
        return connection.execute(
            "select action, actor_name, business_date from fct_console_actions order by seq"
        ).fetchall()


def test_an_act_is_published_without_a_run_and_dated_by_the_zone_of_the_house(house: App) -> None:
    publish_live(house.settings)
    act(house, SYSTEM, "break.match")
    done = publish_live(house.settings, now=NOW)
    assert done is not None
    assert done.acts["asset_company"] == 1
    assert live_acts(house, "asset_company") == [("break.match", "Recoup", date(2026, 3, 11))]


def test_nothing_is_published_when_nothing_was_done(house: App) -> None:
    act(house, SYSTEM, "break.match")
    assert publish_live(house.settings) is not None
    before = (house.settings.published / "asset_company" / LIVE_POINTER).read_bytes()
    assert publish_live(house.settings) is None
    assert (house.settings.published / "asset_company" / LIVE_POINTER).read_bytes() == before


def test_an_agency_gets_the_acts_of_its_own_people_only(house: App) -> None:
    act(house, SYSTEM, "break.match")
    act(house, AGENT, "session.begin")
    publish_live(house.settings)
    assert [row[0] for row in live_acts(house, "agency-AG01")] == ["session.begin"]
    assert [row[0] for row in live_acts(house, "asset_company")] == ["break.match", "session.begin"]


def test_acts_that_a_new_snapshot_holds_leave_the_live_file(house: App) -> None:
    act(house, SYSTEM, "break.match")
    publish_live(house.settings)
    warehouse = Warehouse(house.settings.warehouse_path)
    with warehouse.open() as connection:
        connection.execute(
            "insert into marts.fct_console_actions select 1, now()::timestamp, current_date, 'system', 'Recoup',"
            " 'system', null, 'break.match', 'break', 'b1', 'because', 'h'"
        )
    publish_snapshots(warehouse, house.settings, date(2026, 3, 10))
    assert publish_live(house.settings) is not None
    assert live_acts(house, "asset_company") == []
    act(house, SYSTEM, "break.park")
    publish_live(house.settings)
    assert [row[0] for row in live_acts(house, "asset_company")] == ["break.park"]


def test_a_reader_of_an_older_live_file_keeps_it(house: App) -> None:
    act(house, SYSTEM, "break.match")
    publish_live(house.settings)
    folder = house.settings.published / "asset_company"
    pointer = json.loads((folder / LIVE_POINTER).read_text())
    with closing(connect(folder / "live" / pointer["name"], read_only=True)) as reader:
        for number in range(6):
            act(house, SYSTEM, f"break.park{number}")
            publish_live(house.settings)
        assert reader.execute("select count(*) from fct_console_actions").fetchone() == (1,)
    assert len(list((folder / "live").glob("*.duckdb"))) <= 4


def test_the_loop_publishes_until_it_is_stopped(house: App) -> None:
    stop = threading.Event()
    loop = threading.Thread(target=live_loop, args=(house.settings, 0.05, stop))
    loop.start()
    try:
        act(house, SYSTEM, "break.match")
        for _ in range(100):
            pointer = house.settings.published / "asset_company" / LIVE_POINTER
            if pointer.exists() and json.loads(pointer.read_text())["seq"] >= 1:
                break
            stop.wait(0.05)
        else:
            pytest.fail("the act was not published")
    finally:
        stop.set()
        loop.join(timeout=5)
    assert not loop.is_alive()
