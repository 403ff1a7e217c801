"""``make soak``: the machine from one seed to the next, on both stores, added up in a tally that is kept in git.

Resumable: each seed is one run of ``EXAMPLES`` stories; the tally says which seed comes next. A story that fails prints
its seed and how to see it again, and is not added.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from ops_app.store.store import Store
from tests.postgresql_server import Server, start
from tests.services.ledger.machine.machine import LedgerMachine
from tests.services.ledger.machine.seen import SEEN, table

TALLY = Path(__file__).with_name("tally.json")
EXAMPLES, STEPS = 25, 100
GOALS = {"sqlite": 1_000_000, "postgresql": 100_000}


def read_tally() -> dict[str, Any]:
    """What was run so far: store → the next seed, steps, and how often each class occurred."""
    if TALLY.exists():
        found: dict[str, Any] = json.loads(TALLY.read_text(encoding="utf-8"))
        return found
    return {kind: {"next_seed": 1, "steps": 0, "seen": {}} for kind in GOALS}


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


def main(arguments: list[str] | None = None) -> int:
    """Run ``--seeds`` more seeds on ``--store`` and add them to the tally."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=sorted(GOALS), default="sqlite")
    parser.add_argument("--seeds", type=int, default=4)
    asked = parser.parse_args(arguments)
    tally = read_tally()
    mine = tally[asked.store]
    server = start() if asked.store == "postgresql" else None
    try:
        for number in range(mine["next_seed"], mine["next_seed"] + asked.seeds):
            with tempfile.TemporaryDirectory() as folder:
                seen = run_seed(_fresh(server, Path(folder), number), number, Path(folder))
            mine["steps"] += seen.pop("steps")
            mine["seen"] = dict(sorted((Counter(mine["seen"]) + seen).items()))
            mine["next_seed"] = number + 1
            TALLY.write_text(json.dumps(tally, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"{asked.store} seed {number}: {mine['steps']:,} of {GOALS[asked.store]:,} steps", flush=True)
    finally:
        if server is not None:
            server.stop()
    print(table(Counter(mine["seen"])))
    return 0


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
