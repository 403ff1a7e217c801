"""The parent's side of the reading process: start it, hand it jobs, learn how they ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pipelines.readers.envelope import Limits
from pipelines.readers.job import REJECTS, RESULT, Job, Result

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class ReaderDied(RuntimeError):
    """The reading process was killed from outside or failed for a reason that is not the file's; try again."""


class Reader:
    """A running reading process. One job at a time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.last_pid: int | None = None
        kept = {
            key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH") if key in os.environ
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.readers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT_ROOT,
            env={**kept, "PYTHONPATH": str(PROJECT_ROOT), "POLARS_MAX_THREADS": "2"},
        )

    def read(self, job: Job) -> Result:
        """The outcome of one job. A file that costs too much is refused; ``ReaderDied`` is not the file's fault."""
        ask = {"job": json.loads(job.model_dump_json())}
        if self.limits is not None:
            ask["limits"] = asdict(self.limits)
        self._send(ask)
        self.last_pid = self._answer().get("pid")
        state = self._answer().get("state")
        if state == "done":
            return Result.model_validate_json((job.work / RESULT).read_text(encoding="utf-8"))
        if state in ("memory", "time"):
            return _too_costly(job, state)
        error = job.work / "error.txt"
        detail = error.read_text(encoding="utf-8") if error.exists() else f"ended as {state}"
        raise ReaderDied(f"Reading {job.file_name} failed: {detail}")

    def _send(self, ask: dict[str, object]) -> None:
        if self._process.stdin is None:
            raise ReaderDied("The reading process has no input.")
        try:
            self._process.stdin.write(json.dumps(ask) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ReaderDied("The reading process ended.") from error

    def _answer(self) -> dict[str, object]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise ReaderDied("The reading process ended without an answer.")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ReaderDied("The reading process gave no proper answer.")
        return answer

    def close(self) -> None:
        """Ends the process; a job still running ends with it."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()


@contextmanager
def reader(limits: Limits | None = None) -> Iterator[Reader]:
    """A reading process for the length of a block."""
    made = Reader(limits)
    try:
        yield made
    finally:
        made.close()


def _too_costly(job: Job, state: str) -> Result:
    """The file took more memory or time than a file of its size may: refused, with nothing read."""
    import polars as pl

    from pipelines.readers.rejects import REJECT_SCHEMA

    pl.DataFrame([], schema=REJECT_SCHEMA).write_parquet(job.work / REJECTS)
    what_en, what_zh = ("memory", "内存") if state == "memory" else ("time", "时间")
    return Result(
        refused="too_costly",
        reason_en=f"Reading the file took more {what_en} than a file of its size may.",
        reason_zh=f"读取该文件所用{what_zh}超过同等大小文件的上限。",
    )
