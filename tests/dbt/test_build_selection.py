"""What a build leaves as it is: everything to which nothing moved, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops_app.config import Settings
from pipelines import build as build_module
from pipelines.build import BuildFailed, build
from pipelines.build_selection import concerned
from pipelines.expectations.definitions import feed_names
from pipelines.marts_hash import mart_hashes
from pipelines.warehouse import Connection, Warehouse
from tests.dbt import book

DAYS = book.days()
PARENTS = {
    "source.recoup.raw.loans": [],
    "source.recoup.raw.calls": [],
    "source.recoup.ops.breaks": [],
    "source.recoup.ops.placements": [],
    "seed.recoup.labels": [],
    "model.recoup.days": ["source.recoup.raw.loans"],
    "model.recoup.attempts": ["source.recoup.raw.calls", "model.recoup.days"],
    "model.recoup.only_calls": ["source.recoup.raw.calls", "seed.recoup.labels"],
    "model.recoup.breaks": ["source.recoup.ops.breaks"],
    "model.recoup.placed": ["source.recoup.ops.placements"],
    "test.recoup.one_row": ["model.recoup.attempts"],
    "test.recoup.calls": ["model.recoup.only_calls"],
    "exposure.recoup.page": ["model.recoup.days"],
}


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        ([], {"model.recoup.breaks"}),
        (["calls"], {"model.recoup.attempts", "model.recoup.only_calls", "test.recoup.one_row", "test.recoup.calls"}),
        (["ops.placements"], {"model.recoup.placed"}),
        (["loans"], {"model.recoup.days", "model.recoup.attempts", "test.recoup.one_row"}),
    ],
)
def test_a_node_is_made_again_where_a_source_above_it_moved(touched: list[str], expected: set[str]) -> None:
    assert concerned(PARENTS, touched) == expected | {"model.recoup.breaks"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings.load(home=tmp_path)
    made.make_folders()
    with Warehouse(made.warehouse_path).open() as connection:
        book.write_book(connection, loans=12)
        book.deliver(connection, DAYS[:20])
    return made


def _deliver_loans_alone(connection: Connection) -> None:
    book.write_book(connection, loans=12)
    book.deliver(connection, DAYS[20:21])
    for feed in set(feed_names()) - {"loans"}:
        connection.execute(f"delete from raw.{feed} where file_date = ?", [DAYS[20]])
    connection.execute("delete from raw.files where file_date = ? and feed <> 'loans'", [DAYS[20]])
    connection.execute("delete from raw.touched where feed <> 'loans'")


def test_a_second_build_makes_only_what_moved_and_a_full_one_the_same(settings: Settings) -> None:
    everything = {node.name for node in build(settings.warehouse_path, settings, DAYS[19]).nodes}
    with Warehouse(settings.warehouse_path).open() as connection:
        _deliver_loans_alone(connection)
    made = {node.name for node in build(settings.warehouse_path, settings, DAYS[20]).nodes}
    assert made < everything
    assert {"dim_cases", "fct_case_days", "rpt_data_health"} <= made
    assert not {"dim_labels", "labels", "stg_feeds__loans", "dim_collectors"} & made
    found = mart_hashes(settings.warehouse_path)
    build(settings.warehouse_path, settings, DAYS[20], full_refresh=True)
    assert mart_hashes(settings.warehouse_path) == found


@pytest.mark.slow  # three builds of everything; the first test of this file is tried each time
def test_contracts_are_compared_by_the_first_build_of_a_project_and_not_again_until_it_changes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    listen = build_module._Watch.__call__

    def noted(watch: build_module._Watch, event: Any) -> None:
        if event.info.name == "SQLQuery" and "describe" in event.data.sql.lower().split("*/")[-1][:12]:
            compared.append(event.data.node_info.node_name)
        listen(watch, event)

    monkeypatch.setattr(build_module._Watch, "__call__", noted)

    def compared_by_a_build() -> set[str]:
        compared.clear()
        build(settings.warehouse_path, settings, DAYS[19])
        return set(compared)

    assert {"dim_cases", "fct_repayments", "rpt_vintages"} <= compared_by_a_build()
    assert compared_by_a_build() == set()
    monkeypatch.setattr(build_module, "project_fingerprint", lambda _: "another state of the project")
    assert {"dim_cases", "fct_repayments", "rpt_vintages"} <= compared_by_a_build()


@pytest.mark.slow  # three builds of everything; the first test of this file is tried each time
def test_after_a_failed_build_the_next_makes_everything(settings: Settings) -> None:
    everything = {node.name for node in build(settings.warehouse_path, settings, DAYS[19]).nodes}
    with Warehouse(settings.warehouse_path).open() as connection:
        connection.execute("update raw.files set rows_in = rows_in + 1 where feed = 'loans'")
    with pytest.raises(BuildFailed):
        build(settings.warehouse_path, settings, DAYS[19])
    with Warehouse(settings.warehouse_path).open() as connection:
        connection.execute("update raw.files set rows_in = rows_in - 1 where feed = 'loans'")
    assert {node.name for node in build(settings.warehouse_path, settings, DAYS[19]).nodes} == everything
