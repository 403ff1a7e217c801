"""The parsed dbt project: dbt parses each state of the project's files once, and every build begins from what it found.

Parsing costs seconds, a build of what moved little more; so the manifest is kept beside the installation by the
fingerprint of the project's files, and in this process for other installations. It holds nothing of one installation
but the name of its database, which DuckDB takes from the name of the file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ops_app.config import Settings
from pipelines.code_version import project_fingerprint
from pipelines.durable import move_into_place

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_ENDINGS = {"manifest.json": "json", "partial_parse.msgpack": "msgpack"}
_OF_THIS_PROCESS: dict[str, dict[str, bytes]] = {}


@dataclass(frozen=True)
class Parsed:
    """Where the manifest of one state of the project is kept; neither file changes once it is there."""

    json: Path
    packed: Path

    def manifest(self) -> Manifest:
        """A manifest of its own for one invocation, which writes into it."""
        from dbt.contracts.graph.manifest import Manifest  # takes seconds, and not every process makes a build

        made = Manifest.from_msgpack(self.packed.read_bytes())
        made.build_flat_graph()
        return made


def parsed(settings: Settings, warehouse_path: Path, folder: Path, parse: Callable[[Path], None]) -> Parsed:
    """What dbt made of the present files of the project; ``parse`` is called, with the folder to write into, where
    neither ``folder`` nor this process has it yet."""
    name = f"{project_fingerprint(settings.dbt_dir)}-{settings.warehouse}-{warehouse_path.stem}"
    kept = {file: folder / f"parsed-{name}.{ending}" for file, ending in _ENDINGS.items()}
    if not all(path.exists() for path in kept.values()):
        settings.run.mkdir(parents=True, exist_ok=True)
        with FileLock(str(settings.run.resolve() / "dbt-parse.lock"), timeout=300):
            work = folder / f"parse-{os.getpid()}"
            work.mkdir(parents=True, exist_ok=True)
            if name not in _OF_THIS_PROCESS:
                parse(work)
                _OF_THIS_PROCESS[name] = {file: (work / file).read_bytes() for file in kept}
            for file, path in kept.items():
                (work / file).write_bytes(_OF_THIS_PROCESS[name][file])
                move_into_place(work / file, path)
            shutil.rmtree(work, ignore_errors=True)
    return Parsed(kept["manifest.json"], kept["partial_parse.msgpack"])
