"""The ledger against a plain model: payments, reversals, back-dating, waivers, write-offs, recoveries, crashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.services.ledger.machine.by_hand import tell
from tests.services.ledger.machine.machine import RARE, LedgerMachine
from tests.services.ledger.machine.seen import SEEN, table

STEPS = {"sqlite": (72, 100), "postgresql": (30, 100)}
"""Examples and steps of the everyday run; ``make soak`` goes on from there."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_ledger_stands_where_a_plain_model_says_after_every_step(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    examples, steps = STEPS[kind]
    machine = type("Machine", (LedgerMachine,), {"url": request.getfixturevalue(f"{kind}_url"), "evidence": tmp_path})
    SEEN.clear()
    tell(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, print_blob=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    print(f"\n{kind}\n{table(SEEN)}")
    assert [name for name in RARE if not SEEN[name]] == []
