"""The work on an import in a process of its own: what a stranger's file can cost never falls on the server.

The process is the command line itself, so that pages reach the pipeline by no other way than an operator does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import NotReady


class ImportNotWorked(NotReady):
    """The process ended without finishing; what it did not finish still waits, and nothing is half done."""

    def __init__(self) -> None:
        super().__init__(
            "The work on this import stopped. Nothing is half done: try again, or the next run takes it up.",
            "该导入的处理已中断，未留下部分结果。请重试，或由下一次运行处理。",
        )


@dataclass(frozen=True)
class Step:
    """How far the work is: ``what`` names the step."""

    done: int
    total: int
    what: str


def work(settings: Settings, import_id: str) -> Iterator[Step]:
    """Work on an import until it waits for a person again; gives the steps. Raises ``ImportNotWorked``.

    Whoever stops listening does not stop the work.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "ops_app.cli", "import-work", import_id, "--json-lines"],
        cwd=PROJECT_ROOT,
        env=settings.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    for line in process.stdout or ():
        try:
            said = json.loads(line)
            yield Step(int(said["done"]), int(said["total"]), str(said["what"]))
        except (ValueError, KeyError, TypeError):
            continue
    if process.wait() != 0:
        raise ImportNotWorked
