"""The power goes at any moment: no payment that was acknowledged is missing afterwards, none is half applied.

One run of the services on a disk that records every write; then, for many places of that record, what the disk may hold
is opened by the store as after a restart. ``kill -9`` cannot show this: the machine keeps what a process wrote.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from ops_app.domain.ledger.repayments import Repayment
from ops_app.domain.organisation.messages import Channel
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.message_handling import handle_waiting
from ops_app.store import sqlite
from ops_app.store.store import Store
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.messages import inbound_messages
from tests.services.ledger import messages
from tests.services.ledger.storms import NOW, a_book, a_day, as_message, deliver, drained, faults
from tests.store.power import driver
from tests.store.power.disk import Cut, Disk

LOANS = 12
DOORS = ("file", "rest", "queue")


def recorded(url: str, folder: Path, patch: pytest.MonkeyPatch, count: int, *, synchronous: str | None = None) -> Disk:
    """Deliver payments through three doors to the store of ``url`` on a disk that records; each is acknowledged as soon
    as its sender is told that it is kept. ``synchronous`` in the place of what the store itself sets."""
    store = Store.open(url)
    a_book(store, folder, LOANS)
    store.close()
    disk = Disk(f"recorded-{folder}", folder / "ops.db")
    prepare = sqlite._prepare

    def prepared(connection: Any, *, read_only: bool) -> None:
        prepare(connection, read_only=read_only)
        if synchronous is not None:
            connection.cursor().execute(f"pragma synchronous = {synchronous}")

    with patch.context() as patched:
        patched.setattr(sqlite, "driver", driver)
        patched.setattr(sqlite, "_prepare", prepared)
        patched.setattr(driver, "disk_name", disk.name)
        store = Store.open(url)
        for number, one in enumerate(a_day(count, LOANS, seed=3)):
            _told(store, disk, one, DOORS[number % len(DOORS)], folder)
        store.close()
    disk.unregister()
    return disk


def _told(store: Store, disk: Disk, one: Repayment, door: str, evidence: Path) -> None:
    if door == "queue":
        messages.taken(store, as_message(one), channel=Channel.NATS, now=NOW)
        disk.acknowledge(one.payment_id)
        handle_waiting(SYSTEM, store, now=NOW, limit=20, evidence=evidence)
    else:
        deliver(store, one, door, evidence)
        disk.acknowledge(one.payment_id)


def places(disk: Disk, count: int) -> list[int]:
    """Half of the cuts anywhere, half right after somebody was told."""
    chance = random.Random(9)
    told = [at + 1 for at, one in enumerate(disk.done) if one.what == "acknowledged"]
    anywhere = [chance.randrange(1, len(disk.done) + 1) for _ in range(count // 2)]
    return sorted(anywhere + chance.choices(told, k=count - len(anywhere)))


def restarted(disk: Disk, count: int, folder: Path) -> Iterator[tuple[Cut, Store]]:
    """The store after each of ``count`` cuts, opened on what the disk then holds."""
    for cut in disk.cuts(places(disk, count)):
        place = folder / "after"
        cut.lay_out(place)
        store = Store.open(f"sqlite:///{place / 'ops.db'}")
        yield cut, store
        store.close()
        shutil.rmtree(place)


def lost(cut: Cut, store: Store) -> set[str]:
    """Acknowledged payments of which the store knows nothing."""
    with store.reading() as connection:
        known = set(connection.execute(select(payments.c.payment_id)).scalars())
        waiting = connection.execute(select(inbound_messages.c.message_id)).scalars()
        return set(cut.acknowledged) - known - {one.rpartition("m-")[2] for one in waiting}


def _none_is_lost(disk: Disk, cuts: int, thorough: int, told: list[Repayment], folder: Path) -> None:
    for number, (cut, store) in enumerate(restarted(disk, cuts, folder)):
        assert lost(cut, store) == set(), f"cut {cut.place}"
        if number % thorough == 0:
            with store.reading() as connection:
                assert connection.execute(text("pragma integrity_check")).scalar() == "ok"
            drained(store, folder)
            assert faults(store, set(cut.acknowledged), told) == [], f"cut {cut.place}"


def test_what_was_acknowledged_outlives_a_loss_of_power(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = recorded(sqlite_url, tmp_path, monkeypatch, 90)
    _none_is_lost(disk, 150, 10, a_day(90, LOANS, seed=3), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_what_was_acknowledged_outlives_two_thousand_losses_of_power(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = recorded(sqlite_url, tmp_path, monkeypatch, 300)
    _none_is_lost(disk, 2_000, 5, a_day(300, LOANS, seed=3), tmp_path)


def test_the_harness_finds_what_a_store_loses_that_does_not_wait_for_the_disk(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = recorded(sqlite_url, tmp_path, monkeypatch, 30, synchronous="normal")
    losses = [len(lost(cut, store)) for cut, store in restarted(disk, 40, tmp_path)]
    print(f"\n{sum(map(bool, losses))} of {len(losses)} cuts lost {sum(losses)} acknowledged payments")
    assert sum(losses) > 0
