"""Write-off, payment, back-dated payment, reversal and undoing in any order (invariant I6), by the services, on both
stores: after every step nothing is below zero and the opening balance is conserved."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops_app.domain.errors import DomainError
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.write_offs import STANDING
from ops_app.services.ledger.verify_write_offs import verify_write_offs
from ops_app.store.store import Store
from tests.services.ledger.writing_off import (
    DAY,
    INTEREST,
    TODAY,
    balance_of,
    booked,
    happens,
    of,
    on_the_books,
    paid,
    parts,
    reversed_,
    stands,
)

STEPS = ("write_off", "pay", "pay_late", "accrue", "reverse_payment", "cancel_payment", "undo_write_off")


class Model:
    """What an independent reckoning knows: what was put on the claim, and what money came in and went out."""

    def __init__(self) -> None:
        self.charged = 100_000
        self.money = 0
        self.payments: list[tuple[str, int]] = []


def step(store: Store, case_id: str, model: Model, what: str, amount: int, ids: list[str]) -> None:
    match what:
        case "write_off":
            ids.append(booked(store, case_id))
        case "undo_write_off" if ids:
            reversed_(store, ids[-1])
        case "pay" | "pay_late":
            day = TODAY + DAY if what == "pay" else TODAY - (1 + amount % 20) * DAY
            model.payments.append((paid(store, case_id, amount, day), amount))
            model.money += amount
        case "accrue":
            happens(store, case_id, EventKind.ACCRUAL, TODAY + DAY, parts={INTEREST: amount})
            model.charged += amount
        case "reverse_payment" | "cancel_payment" if model.payments:
            target, back = model.payments.pop(amount % len(model.payments))
            kind = EventKind.REVERSAL if what == "reverse_payment" else EventKind.CANCELLATION
            more: dict[str, Any] = {"amount_minor": back} if kind is EventKind.REVERSAL else {}
            happens(store, case_id, kind, TODAY + 2 * DAY, target=target, **more)
            model.money -= back


def check(store: Store, case_id: str, model: Model, ids: list[str]) -> None:
    state = stands(store, case_id)
    assert min(*state.book.values(), *state.memo.values()) >= 0
    assert sum(state.owed.values()) + model.money - state.held_minor == model.charged
    assert balance_of(store, accounts.CASH, case_id) == model.money
    standing = [one for one in (of(store, it) for it in ids) if one.state in STANDING]
    assert sum(one.remaining_minor for one in standing) == sum(state.memo.values())
    for one in standing:
        of_parts = parts(store, one.write_off_id)
        assert one.recovered_minor <= one.booked_minor + one.later_minor
        assert one.booked_minor == sum(part.booked_minor for part in of_parts.values()) <= one.approved_minor
        assert all(of_parts[part].remaining_minor == state.memo[part] for part in Component)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True)
@given(made=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 60_000)), min_size=3, max_size=12))
def test_whatever_happens_the_opening_balance_is_owed_written_off_or_repaid(
    store: Store, tmp_path: Path, made: list[tuple[str, int]]
) -> None:
    case_id, model, ids = on_the_books(store, tmp_path), Model(), []  # type: ignore[var-annotated]
    for what, amount in made:
        with suppress(DomainError):  # refused in words: it changed nothing, which the checks below hold it to
            step(store, case_id, model, what, amount, ids)
        check(store, case_id, model, ids)
    assert verify_write_offs(store).state == "holds"
