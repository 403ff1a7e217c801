"""A plain model of one claim, written from the rules and not from the code: dictionaries, one small step at a time.

It knows no accounts, entries or transfers. It keeps what is owed on the books and in the register, what each payment
paid, and what is held, and works everything out anew from its list of happenings whenever it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

PARTS = ("principal", "interest", "fees", "penalty", "costs")
STANDARD = ("costs", "fees", "penalty", "interest", "principal")
AFTER_WRITE_OFF = ("principal", "interest", "fees", "penalty", "costs")
PLACE = {"open": 0, "write_off": 1, "accrue": 2, "pay": 3, "reverse": 4, "refund": 5, "waive": 6, "close": 9}


@dataclass
class Happening:
    """One thing that happened: ``name`` tells it apart, ``of`` names what it takes back."""

    what: str
    day: date
    turn: str
    name: str
    amount: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    of: str | None = None
    cancelled: bool = False


@dataclass
class Standing:
    """Where the claim stands: cents on the books, in the register, held; what each payment paid and came short of."""

    book: dict[str, int]
    register: dict[str, int]
    held: dict[str, int]
    short: dict[str, dict[str, int]] = field(default_factory=dict)
    paid: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)

    def owed(self, part: str) -> int:
        return self.book[part] + self.register[part]


class PlainClaim:
    """A claim and everything that happened to it."""

    def __init__(self) -> None:
        self.happened: list[Happening] = []

    def at(self, day: date | None = None) -> Standing:
        """Where it stands after everything that counts up to ``day`` (all of it, where no day is named)."""
        now = Standing(dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0), {})
        counts = [one for one in self.happened if not one.cancelled]
        paid = now.paid
        gone_off = False
        for one in sorted(counts, key=lambda each: self._place(each, counts)):
            if day is not None and one.day > day:
                continue
            if one.what == "open":
                for part, cents in one.parts.items():
                    now.book[part] += cents
            elif one.what == "accrue":
                where = now.register if gone_off and now.book["principal"] == 0 else now.book
                for part, cents in one.parts.items():
                    where[part] += cents
            elif one.what == "write_off":
                gone_off = True
                for part, cents in one.parts.items():
                    taken = cents if cents <= now.book[part] else now.book[part]
                    now.book[part] -= taken
                    now.register[part] += taken

                    now.short.setdefault(one.name, {})[part] = cents - taken
            elif one.what == "waive":
                for part, cents in one.parts.items():
                    for where in (now.book, now.register):
                        taken = min(cents, where[part])
                        where[part] -= taken
                        cents -= taken
            elif one.what == "pay":
                paid[one.name] = self._pay(one, now, gone_off)
            elif one.what == "reverse":
                self._reverse(one, now, paid)
            elif one.what == "refund":
                self._refund(one, now, paid)
            elif one.what == "close":
                now.book = dict.fromkeys(PARTS, 0)
                now.register = dict.fromkeys(PARTS, 0)
        return now

    @staticmethod
    def _place(one: Happening, counts: list[Happening]) -> tuple[tuple[date, int, str], int]:
        """What takes something back comes after it, whatever its own day says."""
        mine = (one.day, PLACE[one.what], one.turn)
        target = next((each for each in counts if each.name == one.of), None)
        if target is None:
            return mine, 0
        theirs = (target.day, PLACE[target.what], target.turn)
        return (theirs, 1) if theirs > mine else (mine, 0)

    @staticmethod
    def _pay(one: Happening, now: Standing, gone_off: bool) -> list[tuple[str, str, int]]:
        did: list[tuple[str, str, int]] = []
        left = one.amount
        if one.parts:  # as its lender split it, as far as that is owed
            for where, name in ((now.book, "book"), (now.register, "register")):
                for part in PARTS:
                    already = sum(cents for _, of, cents in did if of == part)
                    cents = min(one.parts.get(part, 0) - already, where[part])
                    if cents > 0:
                        where[part] -= cents
                        left -= cents
                        did.append((name, part, cents))
            for part in PARTS:
                missing = one.parts.get(part, 0) - sum(cents for _, of, cents in did if of == part)
                if missing:
                    now.short.setdefault(one.name, {})[part] = missing
        else:
            order = AFTER_WRITE_OFF if gone_off and not any(now.book.values()) else STANDARD
            for where, name in ((now.book, "book"), (now.register, "register")):
                for part in order:
                    cents = min(left, where[part])
                    if cents:
                        where[part] -= cents
                        left -= cents
                        did.append((name, part, cents))
        if left:
            now.held[one.name] = now.held.get(one.name, 0) + left
            did.append(("held", "", left))
        return did

    @staticmethod
    def _reverse(one: Happening, now: Standing, paid: dict[str, list[tuple[str, str, int]]]) -> None:
        back = 0
        for where, part, cents in paid.get(str(one.of), []):
            if where == "held":
                now.held[str(one.of)] -= cents
            elif where == "book":
                now.book[part] += cents
            else:
                now.register[part] += cents
            back += cents
        paid[str(one.of)] = []
        if one.amount > back:  # more went out than was there
            now.held[str(one.of)] = now.held.get(str(one.of), 0) - (one.amount - back)

    @staticmethod
    def _refund(one: Happening, now: Standing, paid: dict[str, list[tuple[str, str, int]]]) -> None:
        left = one.amount
        holders = [one.of] if one.of is not None else [name for name, cents in now.held.items() if cents > 0]
        for name in holders:
            cents = min(left, max(0, now.held.get(str(name), 0)))
            if cents:
                now.held[str(name)] -= cents
                left -= cents
        if one.of is not None and left:
            kept: list[tuple[str, str, int]] = []
            for where, part, cents in reversed(paid.get(one.of, [])):
                taken = 0 if where == "held" else min(left, cents)
                if taken:
                    (now.book if where == "book" else now.register)[part] += taken
                    left -= taken
                if cents > taken:
                    kept.append((where, part, cents - taken))
            paid[one.of] = list(reversed(kept))
        if left:
            holder = one.of or one.name
            now.held[holder] = now.held.get(holder, 0) - left
