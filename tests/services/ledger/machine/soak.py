"""``make soak``: the machine from one seed to the next, each store added up in a tally of its own that is kept in git.

Resumable: each seed is one run of ``EXAMPLES`` stories; the tally says which seed comes next. A story that fails prints
its seed and how to see it again, and is not added. One soak a store at a time; the two stores may run side by side, as
``--whole`` does: one run of as many steps on each as must be shown, with its own table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from filelock import FileLock
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from ops_app.store.store import Store
from tests.postgresql_server import Server, start
from tests.services.ledger.machine.machine import RARE, LedgerMachine
from tests.services.ledger.machine.seen import SEEN, table

EXAMPLES, STEPS = 25, 100
GOALS = {"sqlite": 1_000_000, "postgresql": 100_000}
WHOLE = {"sqlite": 100_000, "postgresql": 20_000}


def tally_file(kind: str) -> Path:
    """Where what was run on a store is added up."""
    return Path(__file__).with_name(f"tally-{kind}.json")


def read_tally(kind: str) -> dict[str, Any]:
    """What was run so far: the next seed, steps, and how often each class occurred."""
    if tally_file(kind).exists():
        found: dict[str, Any] = json.loads(tally_file(kind).read_text(encoding="utf-8"))
        return found
    return {"next_seed": 1, "steps": 0, "seen": {}}


def run_seed(url: str, number: int, evidence: Path, examples: int = EXAMPLES) -> Counter[str]:
    """One seed on the store at ``url``; how often each class occurred. Raises as its first story that fails."""
    SEEN.clear()
    machine = seed(number)(type("Machine", (LedgerMachine,), {"url": url, "evidence": evidence}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    return Counter(SEEN)


def soak(kind: str, *, seeds: int | None = None, steps: int = 0) -> Counter[str]:
    """``seeds`` more seeds on a store, or as many as ``steps`` take, each added to the tally; what this run saw."""
    run: Counter[str] = Counter()
    with FileLock(Path(tempfile.gettempdir()) / f"recoup-soak-{kind}.lock"):
        mine = read_tally(kind)
        server = start() if kind == "postgresql" else None
        try:
            done = 0
            while done < seeds if seeds is not None else run["steps"] < steps:
                number = mine["next_seed"]
                with tempfile.TemporaryDirectory() as folder:
                    seen = run_seed(_fresh(server, Path(folder), number), number, Path(folder))
                run, done = run + seen, done + 1
                mine["steps"] += seen.pop("steps")
                mine["seen"] = dict(sorted((Counter(mine["seen"]) + seen).items()))
                mine["next_seed"] = number + 1
                tally_file(kind).write_text(json.dumps(mine, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                print(f"{kind} seed {number}: {mine['steps']:,} of {GOALS[kind]:,} steps", flush=True)
        finally:
            if server is not None:
                server.stop()
    return run


def main(arguments: list[str] | None = None) -> int:
    """Run more seeds on a store, or a whole run on both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=sorted(GOALS), default="sqlite")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="as many steps on each store as must be shown, in one run")
    parser.add_argument("--steps", type=int, help="seeds of the store until so many steps are done in this run")
    asked = parser.parse_args(arguments)
    if asked.whole:
        mine = [sys.executable, "-m", "tests.services.ledger.machine.soak"]
        both = [subprocess.Popen([*mine, "--store", kind, "--steps", str(steps)]) for kind, steps in WHOLE.items()]
        return max(one.wait() for one in both)
    began = time.monotonic()
    run = soak(asked.store, seeds=None if asked.steps else asked.seeds, steps=asked.steps or 0)
    steps, never = run.pop("steps"), [name for name in RARE if not run[name]]
    print(f"{asked.store}: {steps:,} steps in this run, {time.monotonic() - began:,.0f} s\n{table(run)}", flush=True)
    if asked.steps and never:
        print(f"{asked.store}: never seen: {', '.join(never)}", flush=True)
    return int(bool(asked.steps and never))


def _fresh(server: Server | None, folder: Path, number: int) -> str:
    if server is None:
        file = folder / "ops.db"
        url = f"sqlite:///{file}"
        _migrated(url)
        return url
    server.execute(f"create database soak_{number}")
    _migrated(server.url(f"soak_{number}"))
    return server.url(f"soak_{number}")


def _migrated(url: str) -> None:
    store = Store.open(url)
    store.migrate()
    store.close()


if __name__ == "__main__":
    sys.exit(main())
