"""Payments told many times, by many, in any order, through several doors, with kills: each has exactly one effect."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ops_app.domain.ledger.repayments import Repayment
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import Store, StoreBusy
from ops_app.store.tables.ledger import payments
from tests.services.ledger.storms import NOW, a_book, a_day, deliver, drained, end_state, faults
from tests.store.test_kill import killed_amid

CHANNELS = ("file", "rest", "queue")
Call = tuple[Repayment, str]
LEAST_LOANS, A_LOAN = 40, 10
"""Payments a loan of a day: every one that is back-dated replays those of its loan."""
MOST_ACKNOWLEDGED = 5
"""A kill comes at any moment between so many acknowledgements, or none, and the next."""


def _loans(count: int) -> int:
    return max(LEAST_LOANS, count // A_LOAN)


def _kill(url: str, evidence: Path, cycles: int, seed: int, clients: int = 2) -> list[str]:
    """Kill consumers ``cycles`` times; everything that is wrong afterwards."""
    loans = _loans(cycles * 20)
    store = Store.open(url)
    a_book(store, evidence, loans)
    store.close()
    chance, acknowledged, told = random.Random(seed), set[str](), a_day(cycles * 20, loans, seed)
    for cycle in range(cycles):
        mine = [str(n) for n in range(cycle * 20, cycle * 20 + 20)]
        once = partial(_deliver_one, told, evidence)
        after = chance.randrange(MOST_ACKNOWLEDGED + 1)
        acknowledged |= set(killed_amid(url, mine, after, chance, once, clients))
        if cycle % 50 == 49 or cycle == cycles - 1:
            store = Store.open(url)
            drained(store, evidence)
            found = faults(store, acknowledged, told)
            store.close()
            if found:
                return [*found, f"seed {seed}, cycle {cycle}"]
    assert acknowledged, "no consumer lived long enough to show anything"
    return []


def _deliver_one(
    told: list[Repayment], evidence: Path, store: Store, key: str, acknowledge: Callable[[str], None]
) -> None:
    """What a consumer does: through whichever door, and acknowledged only when it is committed."""
    one = told[int(key)]
    deliver(store, one, CHANNELS[int(key) % len(CHANNELS)], evidence)
    acknowledge(one.payment_id)


def test_killed_consumers_lose_no_acknowledged_payment_and_leave_none_half_applied(
    store_url: str, tmp_path: Path
) -> None:
    assert _kill(store_url, tmp_path, cycles=15, seed=4) == []


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_two_thousand_kills_of_the_consumer_lose_nothing(store_url: str, tmp_path: Path) -> None:
    assert _kill(store_url, tmp_path, cycles=1_000, seed=40) == []


def _client(url: str, calls: Sequence[Call], dies: bool, evidence: Path) -> int:
    """Fork a client that makes ``calls``, or is killed at a random moment of it; its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        chance = random.Random()
        last = chance.randrange(len(calls)) if dies else len(calls)
        store = Store.open(url)
        for one, door in calls[:last]:
            _until_it_is_taken(store, one, door, evidence)
        if dies:
            threading.Timer(chance.uniform(0, 0.05), os.kill, (os.getpid(), signal.SIGKILL)).start()
            _until_it_is_taken(store, *calls[last], evidence)
            time.sleep(5)
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def _until_it_is_taken(store: Store, one: Repayment, door: str, evidence: Path) -> None:
    while True:
        try:
            return deliver(store, one, door, evidence)
        except StoreBusy:
            continue


def _storm(url: str, evidence: Path, count: int, clients: int, kills: int) -> None:
    """Each payment is told 1 to 5 times, by any client and through any door. A client that was killed is started again
    and tells all of its own again."""
    store = Store.open(url)
    a_book(store, evidence, _loans(count))
    store.close()
    told, chance = a_day(count, _loans(count), seed=7), random.Random(7)
    calls: list[list[Call]] = [[] for _ in range(clients)]
    for one in told:
        for door in chance.choices(CHANNELS, k=chance.randint(1, 5)):
            calls[chance.randrange(clients)].append((one, door))
    for mine in calls:
        chance.shuffle(mine)
    deaths = Counter(chance.choices(range(clients), k=kills))
    running = [(_client(url, calls[n], deaths[n] > 0, evidence), n) for n in range(clients)]
    while running:
        pid, n = running.pop(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert ended == (-signal.SIGKILL if deaths[n] else 0)
        if deaths[n]:
            deaths[n] -= 1
            running.append((_client(url, calls[n], deaths[n] > 0, evidence), n))
    store = Store.open(url)
    drained(store, evidence)
    with store.reading() as connection:
        recorded = connection.execute(select(func.count()).select_from(payments)).scalar_one()
    assert recorded == count
    assert faults(store, {one.payment_id for one in told}, told) == []
    store.close()


def test_payments_told_several_times_by_several_clients_have_one_effect(store_url: str, tmp_path: Path) -> None:
    _storm(store_url, tmp_path, count=120, clients=4, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_twenty_thousand_payments_told_up_to_five_times_by_sixteen_clients_with_kills(
    store_url: str, tmp_path: Path
) -> None:
    _storm(store_url, tmp_path, count=20_000, clients=16, kills=50)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _permuted(template: Path, folder: Path, count: int, times: int, evidence: Path) -> set[str]:
    loans = _loans(count)
    told = a_day(count, loans, seed=11)
    ends = set()
    for number in range(times):
        file = folder / f"permuted{number}.db"
        shutil.copy(template, file)
        store = Store.open(f"sqlite:///{file}")
        a_book(store, evidence, loans)
        chance = random.Random(number)
        rows = list(told)
        if number:
            rows += chance.choices(told, k=count // 4)
            chance.shuffle(rows)
        at = 0
        while at < len(rows):
            size = chance.choice([1, 7, 100, 500, 2_000]) if count > 500 else chance.choice([1, 3, 20])
            record_payments(SYSTEM, store, now=NOW, rows=rows[at : at + size], business_date=NOW.date())
            at += size
        ends.add(end_state(store))
        store.close()
        file.unlink()
    return ends


def test_a_day_of_messages_in_any_order_ends_in_one_state(sqlite_url: str, tmp_path: Path) -> None:
    assert len(_permuted(_file(sqlite_url), tmp_path, 200, 6, tmp_path)) == 1


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_ten_thousand_messages_in_fifty_orders_end_in_one_state(sqlite_url: str, tmp_path: Path) -> None:
    assert len(_permuted(_file(sqlite_url), tmp_path, 10_000, 50, tmp_path)) == 1
