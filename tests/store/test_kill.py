"""Clients are killed at random moments (kill -9): nothing acknowledged is lost, nothing is half applied."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from select import select as readable

import pytest
from sqlalchemy import insert, select, text

from ops_app.domain.canonical import content_hash
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.store import Store
from ops_app.store.tables import organisation as t

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LONGEST_LIFE_SECONDS = 0.030
Acknowledge = Callable[[str], None]


def post(store: Store, key: str, acknowledge: Acknowledge) -> None:
    """Inbox, two effects, audit row and message in one act; acknowledged after the commit."""
    with store.writing(SYSTEM, NOW) as transaction:
        claim = transaction.claim("SIM", key, content_hash(key))
        if claim.is_new:
            for half in ("first", "second"):
                transaction.connection.execute(
                    insert(t.parameters).values(
                        name=f"{key}/{half}", value_json="1", changed_at=NOW, changed_by="x", version=1
                    )
                )
            transaction.audit("payment.recorded", "payment", key)
            transaction.answer("SIM", key, {"accepted": key})
            transaction.publish("payments", key, {"key": key})
    acknowledge(key)


def post_and_acknowledge_too_early(store: Store, key: str, acknowledge: Acknowledge) -> None:
    """The fault this harness exists to find."""
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.claim("SIM", key, content_hash(key))
        transaction.audit("payment.recorded", "payment", key)
        acknowledge(key)
        time.sleep(0.002)


def post_in_two_halves(store: Store, key: str, acknowledge: Acknowledge) -> None:
    """The other fault: effects in two transactions."""
    for half in ("first", "second"):
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(
                insert(t.parameters).values(
                    name=f"{key}/{half}", value_json="1", changed_at=NOW, changed_by="x", version=1
                )
            )
            transaction.audit("payment.recorded", "payment", key)
        time.sleep(0.002)
    acknowledge(key)


def start_client(url: str, keys: list[str], deliver: Callable[..., None]) -> tuple[int, int]:
    """Fork a client that delivers ``keys`` and writes each acknowledged one to a pipe; its pid and the pipe."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return pid, read_end
    try:
        os.close(read_end)
        store = Store.open(url)
        with store.reading() as connection:
            connection.execute(text("select 1"))
        os.write(write_end, b"ready\n")
        for key in keys:
            deliver(store, key, lambda acked: os.write(write_end, f"{acked}\n".encode()))
        time.sleep(5)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(1)


def killed_after(url: str, keys: list[str], seconds: float, deliver: Callable[..., None], clients: int) -> list[str]:
    """Let ``clients`` deliver for ``seconds``, kill them, and return what they acknowledged."""
    started = _clients(url, keys, deliver, clients)
    time.sleep(seconds)
    return _killed(started)


def killed_amid(
    url: str, keys: list[str], acknowledgements: int, chance: random.Random, deliver: Callable[..., None], clients: int
) -> list[str]:
    """As ``killed_after``, but at any moment between that many acknowledgements and the next, however busy the machine
    is with other things."""
    started = _clients(url, keys, deliver, clients)
    said, open_pipes, began = b"", [pipe for _, pipe in started], time.monotonic()
    while said.count(b"\n") < acknowledgements:
        for pipe in readable(open_pipes, [], [])[0]:
            heard = os.read(pipe, 4_096)
            said += heard
            if not heard:
                raise RuntimeError("a client ended by itself")
    each = (time.monotonic() - began) / acknowledgements if acknowledgements else LONGEST_LIFE_SECONDS
    time.sleep(chance.uniform(0, each))
    return said.decode().split() + _killed(started)


def _clients(url: str, keys: list[str], deliver: Callable[..., None], clients: int) -> list[tuple[int, int]]:
    started = [start_client(url, keys[at:] + keys[:at], deliver) for at in range(clients)]
    for _, pipe in started:
        assert os.read(pipe, 6) == b"ready\n"
    return started


def _killed(started: list[tuple[int, int]]) -> list[str]:
    acknowledged: list[str] = []
    for pid, _ in started:
        os.kill(pid, signal.SIGKILL)
    for pid, pipe in started:
        os.waitpid(pid, 0)
        with os.fdopen(pipe, "rb") as said:
            acknowledged += said.read().decode().split()
    return acknowledged


def faults(store: Store, acknowledged: set[str]) -> list[str]:
    """Everything that is not as it must be after the kills so far."""
    with store.reading() as connection:
        inbox = set(connection.execute(select(t.inbox.c.key)).scalars())
        effects = list(connection.execute(select(t.parameters.c.name).order_by(t.parameters.c.name)).scalars())
        audited = list(connection.execute(select(t.audit_log.c.object_id)).scalars())
        messages = list(connection.execute(select(t.outbox.c.key)).scalars())
    found = []
    if not acknowledged <= inbox:
        found.append(f"lost {sorted(acknowledged - inbox)[:3]}")
    if effects != sorted(f"{key}/{half}" for key in inbox for half in ("first", "second")):
        found.append("half applied")
    if sorted(audited) != sorted(inbox) or sorted(messages) != sorted(inbox):
        found.append("audit rows or messages differ from the effects")
    if verify_audit(store).state != "holds":
        found.append("the audit chain is broken")
    return found


def run(url: str, cycles: int, seed: int, deliver: Callable[..., None] = post, clients: int = 2) -> list[str]:
    """Kill clients ``cycles`` times; the first faults found, with the seed, or nothing."""
    chance = random.Random(seed)
    acknowledged: set[str] = set()
    for cycle in range(cycles):
        keys = [f"c{cycle}-{number}" for number in range(200)]
        life = chance.uniform(0, LONGEST_LIFE_SECONDS)
        acknowledged |= set(killed_after(url, keys, life, deliver, clients))
        store = Store.open(url)
        found = faults(store, acknowledged)
        store.close()
        if found:
            return [*found, f"seed {seed}, cycle {cycle}"]
    assert acknowledged, "no client lived long enough to show anything"
    return []


def test_killed_clients_lose_nothing_and_leave_nothing_half_done(store_url: str) -> None:
    assert run(store_url, cycles=30, seed=20261124) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_clients_killed_many_times_lose_nothing(store_url: str, seed: int) -> None:
    assert run(store_url, cycles=250, seed=seed) == []


def test_the_harness_finds_what_was_acknowledged_too_early(store_url: str) -> None:
    found = run(store_url, cycles=60, seed=1, deliver=post_and_acknowledge_too_early, clients=1)
    assert any("lost" in one for one in found) or "half applied" in found


def test_the_harness_finds_what_was_half_applied(store_url: str) -> None:
    found = run(store_url, cycles=60, seed=1, deliver=post_in_two_halves, clients=1)
    assert "half applied" in found
