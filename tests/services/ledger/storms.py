"""Storms of payments: a day of messages, deliverers that repeat and are killed, and a hash of where it all ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from ops_app.domain.canonical import content_hash, plain
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.messages import Channel
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.pushed import push_under_key
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.verify import verify_once
from ops_app.services.ledger.verify_journal import verify_journal, verify_posted, verify_replayed
from ops_app.services.organisation.message_handling import handle_waiting
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_events
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.messages import inbound_messages
from tests.services.casework.casebook import a_spell, taken_in
from tests.services.ledger import messages
from tests.services.ledger.people import a_repayment

OPENED = date(2026, 3, 1)
NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
Acknowledge = Callable[[str], None]


def a_book(store: Store, evidence: Path, loans: int) -> None:
    """``loans`` cases taken over on one day, each owing all four parts."""
    spells = [
        a_spell(n, as_of_date=OPENED, opened_date=OPENED, principal_minor=50_000, interest_minor=900, fees_minor=70,
                penalty_minor=30, balance_minor=51_000)
        for n in range(1, loans + 1)
    ]  # fmt: skip
    taken_in(store, evidence, *spells, day=OPENED, now=NOW - timedelta(days=9))


def a_day(count: int, loans: int, seed: int) -> list[Repayment]:
    """``count`` messages: payments of any value date of ten days, one in twelve reversed, one in forty refunded in
    part; some of loans that are in no case."""
    chance = random.Random(seed)
    made: list[Repayment] = []
    while len(made) < count:
        number, loan = len(made), f"L{chance.randrange(1, loans + loans // 10 + 2)}"
        day = OPENED + timedelta(days=chance.randrange(0, 10))
        paid = a_repayment(f"P{number}", chance.randrange(1, 3_000), loan_id=loan, value_date=day, paid_at=NOW)
        made.append(paid)
        if chance.random() < 1 / 12:
            made.append(
                a_repayment(
                    f"R{number}", paid.amount_minor, loan_id=loan, kind=RepaymentKind.REVERSAL, paid_at=NOW,
                    reverses_payment_id=paid.payment_id, value_date=day + timedelta(days=chance.randrange(0, 3)),
                )
            )  # fmt: skip
        elif chance.random() < 1 / 40 and paid.amount_minor > 1:
            made.append(
                a_repayment(
                    f"B{number}", paid.amount_minor // 2, loan_id=loan, kind=RepaymentKind.REFUND, paid_at=NOW,
                    reverses_payment_id=paid.payment_id, value_date=day + timedelta(days=1),
                )
            )  # fmt: skip
    return made[:count]


def deliver(store: Store, payment: Repayment, channel: str, evidence: Path) -> None:
    """One delivery through a door: a row of a file, pushed under the sender's own key, or a message of a queue."""
    if channel == "queue":
        messages.taken(store, as_message(payment), channel=Channel.NATS, now=NOW)
        handle_waiting(SYSTEM, store, now=NOW, limit=20, evidence=evidence)
        return
    if channel == "file":
        record_payments(SYSTEM, store, now=NOW, rows=[payment], business_date=NOW.date(), origin="file")
        return
    key = f"{payment.source_code}/{payment.payment_id}"
    push_under_key(SYSTEM, store, now=NOW, payment=payment, business_date=NOW.date(), key=key)


def as_message(payment: Repayment) -> bytes:
    """The payment as its sender puts it into a queue."""
    body = {name: value for name, value in asdict(payment).items() if value is not None}
    return messages.raw(f"m-{payment.payment_id}", plain(body), sent_at=NOW.isoformat())


def drained(store: Store, evidence: Path) -> None:
    """Handle what still waits in the inbox, those that were parked for their payment included."""
    for hours in range(1, 4):
        messages.handled_at(store, evidence, NOW + timedelta(hours=hours))


def end_state(store: Store) -> str:
    """A hash of where it all ends: each case's balances, what is held, and what each payment paid as it stands. Not of
    the way there: which entries were reversed and posted anew depends on the order of arrival."""
    with store.reading() as connection:
        ids = list(connection.execute(select(cases.c.case_id).order_by(cases.c.case_id)).scalars())
        stands = journal.standing(connection, case_ids=ids)
        positions = journal.positions(connection, ids)
        told = connection.execute(select(ledger_events.c.event_id, ledger_events.c.kind, ledger_events.c.amount_minor))
        return content_hash(
            {
                "events": sorted(tuple(row) for row in told),
                "positions": [
                    (one, *positions[one].book.values(), *positions[one].memo.values(), positions[one].held_minor)
                    for one in ids
                ],
                "stands": sorted(
                    (event, sorted((t.debit, t.credit, str(t.component), t.amount_minor) for t in one.transfers))
                    for event, one in stands.items()
                ),
            }
        )


def faults(store: Store, acknowledged: set[str], told: Sequence[Repayment]) -> list[str]:
    """Everything that is not as it must be: acknowledged and lost, applied twice or in part.

    A reversal whose payment nobody told for good (its deliverer was killed before) is not lost where it stands parked.
    """
    with store.reading() as connection:
        recorded = set(connection.execute(select(payments.c.payment_id)).scalars())
        of_state = select(inbound_messages.c.message_id).where(inbound_messages.c.state == "parked")
        parked = set(connection.execute(of_state).scalars())
        twice = connection.execute(
            select(ledger_events.c.cause_id).group_by(ledger_events.c.cause_id).having(func.count() > 1)
        ).scalar()
    found = []
    waits = {
        one.payment_id
        for one in told
        if one.reverses_payment_id not in recorded | {None} and f"m-{one.payment_id}" in parked
    }
    if lost := acknowledged - recorded - waits:
        found.append(f"lost {sorted(lost)[:3]}")
    if not recorded <= {one.payment_id for one in told}:
        found.append("recorded what nobody told")
    if twice is not None:
        found.append(f"{twice} has two effects")
    checks = (verify_once(store), verify_posted(store), verify_journal(store), verify_replayed(store))
    return found + [f"{one.name}: {one.detail}" for one in checks if one.state != "holds"]
