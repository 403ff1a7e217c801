"""Dagster's events are kept by connections that stay open, in Dagster's own format, beside other processes."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage

from ops_app.config import Settings
from pipelines.event_storage import RunEventStorage
from pipelines.instance import dagster_home, open_instance


def _run(instance: dg.DagsterInstance) -> str:
    @dg.asset
    def figure() -> int:
        return 7

    return dg.materialize([figure], instance=instance).run_id


def _open_files(folder: Path) -> list[str]:
    links = [link for link in Path(f"/proc/{os.getpid()}/fd").iterdir() if link.is_symlink()]
    return [str(path) for link in links if (path := link.readlink()).is_relative_to(folder)]


def test_what_a_run_did_is_read_by_dagsters_own_storage(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, RunEventStorage)
        run_id = _run(instance)
        beside = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))
        assert len(beside.get_logs_for_run(run_id)) == len(instance.all_logs(run_id)) > 5
        assert beside.has_asset_key(dg.AssetKey("figure"))


def test_a_second_process_of_the_same_home_may_write_meanwhile(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    with open_instance(settings) as one, open_instance(settings) as other:
        runs = [_run(one), _run(other), _run(one)]
        assert {run.run_id for run in other.get_runs()} == set(runs)
        assert all(one.all_logs(run) for run in runs)


def test_few_files_stay_open_and_none_after_the_instance_is_closed(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    folder = (settings.dagster_home / "history" / "runs").resolve()
    with open_instance(settings) as instance:
        for _ in range(8):
            _run(instance)
        assert 0 < len({path for path in _open_files(folder) if path.endswith(".db")}) <= 4
    assert _open_files(folder) == []


def test_a_home_that_moved_keeps_its_settings_and_its_events_move_with_it(tmp_path: Path) -> None:
    before, after = Settings.load(home=tmp_path / "a"), Settings.load(home=tmp_path / "b")
    chosen = dagster_home(before) / "dagster.yaml"
    said = yaml.safe_load(chosen.read_text(encoding="utf-8"))
    chosen.write_text(yaml.safe_dump({**said, "retention": {"schedule": {"purge_after_days": 5}}}), encoding="utf-8")
    (tmp_path / "a").rename(tmp_path / "b")
    found = yaml.safe_load((dagster_home(after) / "dagster.yaml").read_text(encoding="utf-8"))
    assert found["retention"] == {"schedule": {"purge_after_days": 5}}
    assert found["event_log_storage"]["config"]["base_dir"].startswith(str((tmp_path / "b").resolve()))
