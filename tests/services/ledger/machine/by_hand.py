"""Stories told by hand to the machine: the rare classes of commission occur in every run, whatever the seeds do."""

from __future__ import annotations

from typing import Any

from tests.services.ledger.machine.machine import LedgerMachine
from tests.services.ledger.machine.plain_commission import CONTRACTS
from tests.services.ledger.machine.rules_commission import Closing

PAID = Closing(disputes=False, correction=0, pays=True)


class Chosen:
    """In the place of what is drawn: what was written down."""

    def __init__(self, *choices: Any) -> None:
        self._choices = list(choices)

    def draw(self, _strategy: Any) -> Any:
        return self._choices.pop(0)


class _Told:
    """A story on a machine; the invariant is asked after every step."""

    def __init__(self, machine: LedgerMachine) -> None:
        self.machine = machine

    def step(self, rule: str, *choices: Any, **values: Any) -> None:
        given = {"data": Chosen(*choices)} if rule not in ("days_pass", "open_first") else {}
        getattr(self.machine, rule)(**given, **values)
        self.machine.stands_where_the_model_says()

    def pay(self, cents: int, back: int = 0, *cuts: int) -> str:
        choices: tuple[Any, ...] = (0, list(cuts), False) if cuts else (0,)
        self.step("pay", *choices, cents=cents, back=back, split=bool(cuts), times=1, batch=False)
        return list(self.machine.told)[-1]

    def reverse(self, name: str, forward: int = 1) -> None:
        self.step("reverse", name, forward=forward, times=1, settled=False)

    def settle(self, days: int = 1, closing: Closing = PAID, *choices: Any) -> None:
        self.step("days_pass", days=days)
        self.step("settle", *choices, how="through", closing=closing)


def tell(machine: type[LedgerMachine]) -> None:
    """Tell all of them, each to a machine of its own."""
    for story in (tiers_and_clawback, tails_and_recoveries):
        made = machine()
        story(_Told(made))
        made.teardown()


def tiers_and_clawback(told: _Told) -> None:
    """A tier that is reached by a late payment and lost again, a correction that goes with its cash, totals below zero
    that are made good, cash that is there again because an earlier payment went back."""
    told.step("open_first", opening=[99_999, 1_000, 100, 100], contract=CONTRACTS[2])
    first = told.pay(10_000, 2)
    told.settle(1, Closing(disputes=True, correction=13, pays=True), 0)
    second = told.pay(60_000, 2)  # of a day that is locked
    told.settle(2)
    told.reverse(first)
    told.settle()
    told.step("refund", second, cents=10_000, named=True, settled=True)
    told.settle()
    third = told.pay(40_000)
    told.pay(50_000)  # more than is owed by now
    told.settle(2)
    told.reverse(third, -1)  # before the payment that came after it, of which more is applied by now
    told.settle()


def tails_and_recoveries(told: _Told) -> None:
    """A payment in the tail of a placement, a second placement, recoveries that earn and that do not."""
    told.step("open_first", opening=[99_999, 1_000, 100, 100], contract=CONTRACTS[1])
    told.step("place_or_take_back", 0, back=0)
    told.pay(5_000, 0, 5_000, 5_000, 5_000)
    told.step("days_pass", days=1)
    told.pay(5_000, 0, 5_000, 5_000, 5_000)
    told.settle()
    told.step("place_or_take_back", 0, back=0)
    told.step("write_off", 0, whole=True, back=0)
    told.step("days_pass", days=1)
    told.pay(7_000)
    told.pay(50, 0, 0, 0, 50)
    told.step("days_pass", days=1)
    for how in ("again", "again", "close"):
        told.step("settle", how=how, closing=PAID)
