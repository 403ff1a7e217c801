"""The story that the machine tells: its claims, what was told of them, and how it speaks to the services."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from ops_app.domain.casework.cases import case_id
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.journal import post
from ops_app.store.ledger.commissions import Settlement
from ops_app.store.store import Store
from tests.services.casework.casebook import a_spell, taken_in
from tests.services.ledger.commissioning import House
from tests.services.ledger.machine.plain import PlainClaim
from tests.services.ledger.machine.plain_commission import PlainCommission

FIRST = date(2026, 3, 2)
CENTS = st.sampled_from([1, 2, 3, 99, 100, 101, 1_000, 2_500, 9_999, 10_000, 99_999])
FEED_PARTS = ("principal", "interest", "fees", "penalty")
numbers = itertools.count(1)


@dataclass
class Told:
    """A payment, reversal or refund that was told: its content, and whether the ledger may have posted it."""

    content: Any
    claim: int
    posted: bool = False
    undone: bool = False


class Crashed(RuntimeError):
    """The process dies before the act is committed."""


class Story(RuleBasedStateMachine):
    """What the rules share."""

    url: str
    evidence: Path
    commission: PlainCommission
    house: House
    settlement: Settlement | None
    last_settled: Settlement | None

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.open(self.url)
        self.day = FIRST
        self.turn = 0
        self.claims: list[PlainClaim] = []
        self.loans: list[int] = []
        self.opened: list[date] = []
        self.closed: list[date | None] = []
        self.told: dict[str, Told] = {}
        self.outside = 0
        self.told_since = False

    @property
    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 4, 0, tzinfo=UTC)

    def _next(self) -> str:
        self.turn += 1
        return f"{self.turn:020d}"

    @staticmethod
    def _paid(content: Any) -> str:
        """Money of one day counts in the order in which it was paid, then by its number."""
        return f"{content.paid_at:%Y-%m-%dT%H:%M:%S.%f}Z {content.payment_id}"

    def _case(self, n: int) -> str:
        return case_id("SIM", f"L{self.loans[n]}", 1)

    def _event(self, n: int, kind: EventKind, name: str, day: date, **other: Any) -> LedgerEvent:
        return LedgerEvent(
            kind=kind, source_code="SIM", loan_id=f"L{self.loans[n]}", currency="CNY", value_date=day,
            cause=Cause.APPROVAL, cause_id=name, case_id=self._case(n), **other,
        )  # fmt: skip

    def _post(self, event: LedgerEvent) -> None:
        with self.store.writing(SYSTEM, self.now) as transaction:
            post(transaction, [event])
            transaction.audit("ledger.posted", "ledger_event", event.event_id)

    def _holds(self, n: int, day: date) -> bool:
        closed = self.closed[n]
        return self.opened[n] < day and (closed is None or day <= closed)

    def _feed(self, n: int, **said: int) -> None:
        amounts = {f"{part}_minor": said[part] for part in FEED_PARTS}
        spell = a_spell(self.loans[n], as_of_date=self.day, opened_date=self.opened[n],
                        balance_minor=sum(amounts.values()), **amounts)  # fmt: skip
        taken_in(self.store, self.evidence, spell, day=self.day, now=self.now)

    def _pick(self, data: st.DataObject, names: list[str]) -> str:
        return data.draw(st.sampled_from(sorted(names)))
