"""Work of the pipeline asked for on a page, in a process of its own: what it costs never falls on the server.

The process is the command line itself, so that pages reach the pipeline by no other way than an operator does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import DomainError, NotReady


class WorkStopped(NotReady):
    """The process ended without finishing; what it did not finish still waits, and nothing is half done."""

    def __init__(self) -> None:
        super().__init__(
            "The work stopped before its end. Nothing is half done: try again.", "处理已中断，未留下部分结果，请重试。"
        )


@dataclass(frozen=True)
class Step:
    """How far the work is: ``what`` names the step."""

    done: int
    total: int
    what: str


def work_on_import(settings: Settings, import_id: str) -> Iterator[Step]:
    """Work on an import until it waits for a person again; as ``_steps``."""
    return _steps(settings, "import-work", import_id, "--json-lines")


def take_over(settings: Settings) -> Iterator[Step]:
    """Take over the history of the former system; as ``_steps``."""
    return _steps(settings, "take-over", "--json-lines")


def _steps(settings: Settings, *arguments: str) -> Iterator[Step]:
    """The steps of a command as it goes. Raises what refused it, or ``WorkStopped``.

    Whoever stops listening does not stop the work.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "ops_app.cli", *arguments],
        cwd=PROJECT_ROOT,
        env=settings.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    refused: DomainError | None = None
    for line in process.stdout or ():
        try:
            said = json.loads(line)
            if "refused_en" in said:
                refused = NotReady(str(said["refused_en"]), str(said["refused_zh"]))
                continue
            yield Step(int(said["done"]), int(said["total"]), str(said["what"]))
        except (ValueError, KeyError, TypeError):
            continue
    ended = process.wait()
    if refused is not None:
        raise refused
    if ended != 0:
        raise WorkStopped
