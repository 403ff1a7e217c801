"""What a build promises: the same marts whatever the order and the steps, and no half marks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ops_app.config import Settings
from pipelines.build import BuildFailed, _Busy, build, manifest
from pipelines.marts_hash import mart_hashes
from pipelines.warehouse import Warehouse
from tests.dbt import book
from tests.dbt.conftest import Built, Deliveries

DAYS = book.days()


def test_every_model_seed_and_test_of_the_project_ran_and_passed(built: Built) -> None:
    by_kind: dict[str, int] = {}
    for node in built.result.nodes:
        assert node.status in ("success", "pass"), node
        by_kind[node.kind] = by_kind.get(node.kind, 0) + 1
    assert by_kind["unit_test"] >= 12
    assert by_kind["test"] >= 20
    assert by_kind["model"] >= 30


def test_a_good_build_clears_what_was_touched(built: Built) -> None:
    assert built.rows("select count(*) from raw.touched") == [(0,)]


@pytest.mark.slow  # two builds more; whole days in unequal steps are tried each time
def test_one_run_and_step_by_step_give_equal_marts(
    built: Built, build_in: Callable[[Deliveries], dict[str, str]]
) -> None:
    assert build_in([DAYS[:49], DAYS[49:]]) == mart_hashes(built.path)


@pytest.mark.slow  # two builds more; whole days in unequal steps are tried each time
def test_shuffled_late_and_ordered_files_give_equal_marts(
    built: Built, build_in: Callable[[Deliveries], dict[str, str]]
) -> None:
    shuffled = random.Random(3).sample(DAYS, len(DAYS))
    assert build_in([shuffled[:35], shuffled[35:]]) == mart_hashes(built.path)


def test_a_failed_test_stops_the_build_names_itself_and_keeps_what_was_touched(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    settings.make_folders()
    warehouse = Warehouse(settings.warehouse_path)
    with warehouse.open() as connection:
        book.write_book(connection, loans=12)
        book.deliver(connection, DAYS[:20])
        connection.execute("update raw.files set rows_in = rows_in + 1 where feed = 'loans'")
    with pytest.raises(BuildFailed) as failure:
        build(settings.warehouse_path, settings, DAYS[19])
    assert [name for name, _ in failure.value.failed] == ["rows_in_are_rows_accepted_plus_rows_quarantined"]
    assert warehouse.query("select count(*) > 0 from raw.touched") == [(True,)]
    with warehouse.open() as connection:
        connection.execute("update raw.files set rows_in = rows_in - 1 where feed = 'loans'")
    assert build(settings.warehouse_path, settings, DAYS[19]).full_refresh is False
    assert warehouse.query("select count(*) from raw.touched") == [(0,)]


def test_an_empty_installation_builds_and_gives_empty_facts(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    settings.make_folders()
    build(settings.warehouse_path, settings, DAYS[0])
    warehouse = Warehouse(settings.warehouse_path)
    assert warehouse.query("select count(*) from marts.fct_case_days") == [(0,)]
    assert warehouse.query("select count(*) > 10000 from marts.dim_dates") == [(True,)]


def test_the_project_parses_without_a_warehouse_and_once_per_state_of_its_files(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    first = manifest(settings)
    assert first.stat().st_size > 100_000
    assert not settings.warehouse_path.exists()
    assert manifest(settings) == first


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [([], 0), ([(1, 3), (5, 6)], 3), ([(2, 5), (0, 10)], 10), ([(0, 4), (3, 6), (4, 5)], 6), ([(5, 6), (1, 3)], 3)],
)
def test_time_in_which_several_queries_run_is_counted_once(spans: list[tuple[float, float]], seconds: float) -> None:
    busy = _Busy()
    for span in spans:
        busy.add(*span)
    assert busy.seconds == seconds
