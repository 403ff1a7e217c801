"""The reading process: takes jobs on standard input, forks a limited process for each, answers on standard output.

Started as ``python -m pipelines.readers.child``. The fork costs milliseconds; what a hostile file can take is bounded
by the limits of its own process and ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from pipelines.readers.envelope import Limits
from pipelines.readers.job import Job
from pipelines.readers.read import read_job

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.002


def costs(size: int, limits: Limits) -> tuple[int, int]:
    """(address space beyond the present, seconds) a file of ``size`` bytes may take."""
    return limits.memory + min(3 << 30, 2 * size), limits.seconds + size // 2_000_000


def _limit(memory: int, seconds: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (mapped + memory, mapped + memory))
    resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))


def _in_fork(job: Job, limits: Limits, memory: int, seconds: int) -> int:
    """Runs the job with the limits on; exit code 0 is done, 3 out of memory, 4 an error of ours."""
    _limit(memory, seconds)
    try:
        read_job(job, limits)
    except MemoryError:
        return 3
    except Exception as error:  # noqa: BLE001 - the exit code is all that leaves this process
        (job.work / "error.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        return 3 if "OutOfMemory" in type(error).__name__ or "failed to allocate" in str(error) else 4
    return 0


def _wait(process: int, seconds: int) -> str:
    """Waits for the fork; ends it when its time is over. Answers done, memory, error, time or died."""
    deadline, pause = time.monotonic() + seconds, _POLL_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return _meaning(status)
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return "time"


def _meaning(status: int) -> str:
    if os.WIFSIGNALED(status):
        by = os.WTERMSIG(status)
        if by in (signal.SIGXCPU,):
            return "time"
        # SIGABRT, SIGSEGV and SIGBUS are what parsers do when they are refused memory or meet what they did not expect
        return "memory" if by in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS) else "died"
    return {0: "done", 3: "memory"}.get(os.WEXITSTATUS(status), "error")


def main() -> None:
    """Serves until standard input closes."""
    limits = Limits()
    for line in sys.stdin:
        asked = json.loads(line)
        job = Job.model_validate(asked["job"])
        given = limits if "limits" not in asked else Limits(**asked["limits"])
        memory, seconds = costs(job.path.stat().st_size, given)
        process = os.fork()
        if process == 0:
            os._exit(_in_fork(job, given, memory, seconds))
        print(json.dumps({"pid": process}), flush=True)  # noqa: T201 - the answer to the parent
        print(json.dumps({"state": _wait(process, seconds)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
