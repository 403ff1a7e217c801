"""A plain model of one agency's commission, written from the contract and not from the code: whole numbers, one payment
at a time. What the lines say so far is kept; what a payment should have earned by now is worked out anew each time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.services.ledger.machine.plain import PARTS, PlainClaim

TAX = 600
"""Per 10,000."""


@dataclass(frozen=True)
class Contract:
    """``low`` per 10,000 of the cash, and ``high`` for all of it once the cash of a placement reaches ``share`` of what
    was placed; only ``parts`` count, and payments up to ``tail`` days after a placement."""

    low: int
    high: int
    share: int = 5_000
    parts: tuple[str, ...] = PARTS
    tail: int = 0


CONTRACTS = (
    Contract(2_000, 2_000),
    Contract(3_333, 3_333, parts=("principal", "interest"), tail=5),
    Contract(1_000, 2_500),
    Contract(875, 4_001, share=2_000, tail=2),
)


@dataclass
class Stay:
    """A placement: the days before ``until`` are the agency's."""

    nth: int
    first: date
    placed: int
    until: date | None = None
    because: str = ""


@dataclass(frozen=True)
class Line:
    """A line: the settlement it stands in, counted from 0."""

    period: int
    kind: str
    payment: str
    cash: int
    fee: int


@dataclass
class Earned:
    """What a payment earned: the rate of its first line, and its lines."""

    rate: int
    lines: list[Line] = field(default_factory=list)

    def fees(self, *kinds: str) -> int:
        return sum(one.fee for one in self.lines if one.kind in kinds)

    @property
    def cash(self) -> int:
        return sum(one.cash for one in self.lines)


@dataclass
class Period:
    """A settlement: its days, and what it came to when it was locked."""

    first: date
    end: date
    locked: bool = False
    carried_in: int = 0
    carried_out: int = 0


@dataclass(frozen=True)
class Come:
    """What a settlement comes to."""

    fees: int
    net: int
    tax: int
    gross: int
    carried_out: int


class PlainCommission:
    """The account of one agency."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.stays: dict[int, list[Stay]] = defaultdict(list)
        self.earned: dict[str, Earned] = {}
        self.periods: list[Period] = []

    def ended(self, claim: int, day: date, because: str) -> None:
        """A placement that runs ends on ``day``. The day of a recall is no longer the agency's, the day on which the
        case closed still is, unless it was placed on that day."""
        for one in self.stays[claim]:
            if one.until is None:
                one.until = day + timedelta(days=because == "closed" and day > one.first)

    def runs(self, claim: int) -> bool:
        return any(one.until is None for one in self.stays[claim])

    def reckon(self, claims: list[PlainClaim]) -> list[Line]:
        """The lines that are missing from the open settlement, entered."""
        made: list[Line] = []
        for number, claim in enumerate(claims):
            if not self.stays[number]:
                continue
            paid, dates = claim.at().paid, {one.name: one.day for one in claim.happened if one.what == "pay"}
            of_stay: dict[int, list[tuple[str, int]]] = defaultdict(list)
            for name, day in dates.items():
                stay = self.owner(number, day)
                if stay is not None and day < self.periods[-1].end:
                    pieces = paid.get(name, [])
                    cash = sum(cents for where, part, cents in pieces
                               if where != "held" and part in self.contract.parts)  # fmt: skip
                    of_stay[stay.nth].append((name, cash))
            for stay in self.stays[number]:
                reached = sum(cash for _, cash in of_stay[stay.nth])
                high = reached * 10_000 >= self.contract.share * stay.placed
                rate = self.contract.high if high else self.contract.low
                for name, cash in of_stay[stay.nth]:
                    made += self._of_payment(name, cash, rate)
        return made

    def owner(self, claim: int, day: date) -> Stay | None:
        """The placement to which a payment of ``day`` belongs: who has the case has it, else the last tail."""
        latest_first = sorted(self.stays[claim], key=lambda one: -one.nth)
        for one in latest_first:
            if one.first <= day and (one.until is None or day < one.until):
                return one
        for one in latest_first:
            if one.first <= day and one.until is not None and day < one.until + timedelta(days=self.contract.tail):
                return one
        return None

    def _of_payment(self, name: str, cash: int, rate: int) -> list[Line]:
        said = self.earned.get(name)
        if said is None:
            if cash == 0:
                return []
            said = self.earned[name] = Earned(rate)
            return self._enter(said, name, [("earned", cash, share_of(cash, rate))])
        wanted: list[tuple[str, int, int]] = []
        original = share_of(cash, said.rate)
        if cash != said.cash:
            kind = "clawback" if cash < said.cash else "restored"
            wanted.append((kind, cash - said.cash, original - said.fees("earned", "clawback", "restored")))
        moved = share_of(cash, rate) - original - said.fees("tier_adjustment")
        if moved:
            wanted.append(("tier_adjustment", 0, moved))
        if cash == 0 and said.fees("correction"):
            wanted.append(("correction", 0, -said.fees("correction")))
        return self._enter(said, name, wanted)

    def _enter(self, said: Earned, name: str, wanted: list[tuple[str, int, int]]) -> list[Line]:
        made = [Line(len(self.periods) - 1, kind, name, cash, fee) for kind, cash, fee in wanted]
        said.lines += made
        return made

    def correct(self, name: str, fee: int) -> None:
        """A dispute was accepted, and the fee of a payment corrected."""
        self._enter(self.earned[name], name, [("correction", 0, fee)])

    def lines(self, period: int) -> list[Line]:
        return [line for one in self.earned.values() for line in one.lines if line.period == period]

    def comes_to(self, period: int) -> Come:
        """What a settlement comes to with what the one before left below zero."""
        fees = sum(one.fee for one in self.lines(period))
        total = fees + self.periods[period].carried_in
        net = max(0, total)
        tax = share_of(net, TAX)
        return Come(fees, net, tax, net + tax, min(0, total))


def share_of(cents: int, per_ten_thousand: int) -> int:
    """Rounded half up."""
    return (2 * cents * per_ten_thousand + 10_000) // 20_000
