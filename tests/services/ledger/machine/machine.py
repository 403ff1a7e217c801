"""The services of the ledger held against the plain model, step by step, on a real store.

Every rule does one act through the doors that production uses; after every step each claim stands where the model says,
the lines fold to the positions, and money is conserved. ``SEEN`` counts how often each rare class occurred.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import case_id
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger import repayments
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.verify_journal import verify_claims, verify_conserved, verify_lines
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases
from tests.services.casework.casebook import a_spell, closing, taken_in
from tests.services.ledger.machine import rules_commission
from tests.services.ledger.machine.plain import PARTS, Happening, PlainClaim
from tests.services.ledger.machine.plain_commission import CONTRACTS, Contract
from tests.services.ledger.machine.rules_commission import CommissionRules
from tests.services.ledger.machine.seen import SEEN
from tests.services.ledger.people import a_repayment

FIRST = date(2026, 3, 2)
CENTS = st.sampled_from([1, 2, 3, 99, 100, 101, 1_000, 2_500, 9_999, 10_000, 99_999])
FEED_PARTS = ("principal", "interest", "fees", "penalty")
_numbers = itertools.count(1)


@dataclass
class Told:
    """A payment, reversal or refund that was told: its content, and whether the ledger may have posted it."""

    content: Any
    claim: int
    posted: bool = False
    undone: bool = False


class Crashed(RuntimeError):
    """The process dies before the act is committed."""


class LedgerMachine(CommissionRules, RuleBasedStateMachine):
    """Payments, reversals, refunds, back-dating, waivers, write-offs, recoveries, feeds, closings, crashes."""

    url: str
    evidence: Path

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

    def teardown(self) -> None:
        """At the end of a story, everything that ``recoup verify`` asks of these cases."""
        ids = [self._case(n) for n in range(len(self.claims))]
        with self.store.reading() as connection:
            wrong = verify_claims(connection, ids) or verify_lines(connection, ids) or verify_conserved(connection, ids)
        self.compare_statements()
        self.store.close()
        assert wrong is None, wrong

    # -- helpers

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

    # -- rules

    @initialize(opening=st.lists(CENTS, min_size=4, max_size=4), contract=st.sampled_from(CONTRACTS))
    def open_first(self, opening: list[int], contract: Contract) -> None:
        self.begin_commission(contract)
        self._open(opening)
        self.day += timedelta(days=10)

    @precondition(lambda self: len(self.claims) < 3)
    @rule(opening=st.lists(st.one_of(st.just(0), CENTS), min_size=4, max_size=4))
    def open_claim(self, opening: list[int]) -> None:
        self._open(opening)

    def _open(self, opening: list[int]) -> None:
        n = len(self.claims)
        self.loans.append(next(_numbers))
        self.opened.append(self.day)
        self.closed.append(None)
        self.claims.append(PlainClaim())
        parts = dict(zip(FEED_PARTS, opening, strict=True))
        self._feed(n, **parts)
        self.claims[n].happened.append(Happening("open", self.day, self._next(), "open", parts=parts))

    @rule(days=st.integers(1, 9))
    def days_pass(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(data=st.data(), cents=CENTS, back=st.integers(-2, 12), split=st.booleans(), times=st.integers(1, 3),
          batch=st.booleans())  # fmt: skip
    def pay(self, data: st.DataObject, cents: int, back: int, split: bool, times: int, batch: bool) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        # most of it within the spell, some before it, some ahead of today
        day = self.day - timedelta(days=min(back, max(-2, (self.day - self.opened[n]).days)))
        parts: dict[str, Any] = {}
        if split:
            cuts = sorted(data.draw(st.lists(st.integers(0, cents), min_size=3, max_size=3)))
            amounts = [cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], cents - cuts[2]]
            if data.draw(st.booleans()):  # all that is owed, and the interest of the day that no feed told yet
                stands = self.claims[n].at(day)
                amounts = [stands.owed(part) + 3 * (part == "interest") for part in FEED_PARTS]
                cents = sum(amounts)
            parts = {f"{part}_minor": amount for part, amount in zip(FEED_PARTS, amounts, strict=True)}
        name = f"P{next(_numbers)}"
        waiting = [
            one
            for one in self.told.values()
            if not one.posted
            and str(one.content.reverses_payment_id).startswith("F")
            and one.content.reverses_payment_id not in self.told
        ]
        if waiting and data.draw(st.booleans()):
            chosen = waiting[0]
            name, n, cents, parts = chosen.content.reverses_payment_id, chosen.claim, chosen.content.amount_minor, {}
            SEEN["reversal before its payment"] += 1
        content = a_repayment(name, cents, loan_id=f"L{self.loans[n]}", value_date=day, paid_at=self.now, **parts)
        self._tell(content, times, batch)
        SEEN["same payment told again"] += times > 1
        self.told[name] = Told(content, n)
        self._book_payment(name)
        for other, told in list(self.told.items()):
            if not told.posted and told.content.reverses_payment_id == name:
                self._book_back(other)
        self._look_which_are_closed()

    def _tell(self, content: Any, times: int, batch: bool) -> None:
        self.told_since = True
        for _ in range(1 if batch else times):
            rows = [content] * (times if batch else 1)
            repayments.record_payments(SYSTEM, self.store, now=self.now, rows=rows, business_date=self.day)

    def _look_which_are_closed(self) -> None:
        """A payment closes its case where nothing is owed any more, and a reversal takes it up again. When, is tried
        elsewhere (``test_payment_effects.py``); here it says to which case later money belongs."""
        c = cases.c
        query = select(c.case_id, c.closed_date, c.closed_file_id).where(
            c.case_id.in_([self._case(n) for n in range(len(self.claims))])
        )
        with self.store.reading() as connection:
            found = {row.case_id: row for row in connection.execute(query)}
        for n in range(len(self.claims)):
            row = found[self._case(n)]
            if row.closed_file_id is None and row.closed_date != self.closed[n]:
                if row.closed_date is not None:
                    self.commission.ended(n, self.day, "closed")
                self.closed[n] = row.closed_date
                SEEN["closed by a payment" if row.closed_date else "taken up again by a reversal"] += 1

    def _book_payment(self, name: str) -> None:
        told = self.told[name]
        told.posted = True
        content, claim = told.content, self.claims[told.claim]
        if not self._holds(told.claim, content.value_date):
            self.outside += content.amount_minor
            SEEN["payment outside collection"] += 1
            return
        stands = claim.at(content.value_date)
        if any(stands.register.values()):
            SEEN["payment after write-off"] += 1
        if any(one.day > content.value_date for one in claim.happened):
            SEEN["back-dated payment"] += 1
        split = {part: getattr(content, f"{part}_minor") for part in FEED_PARTS}
        known = {part: cents for part, cents in split.items() if cents is not None}
        claim.happened.append(
            Happening("pay", content.value_date, self._paid(content), name, content.amount_minor,
                      known if len(known) == 4 else {})
        )  # fmt: skip
        SEEN["overpayment"] += claim.at().held.get(name, 0) > 0

    @precondition(lambda self: any(one.posted for one in self.told.values()))
    @rule(data=st.data(), other=st.sampled_from(["amount", "date", "loan"]))
    def same_id_other_content(self, data: st.DataObject, other: str) -> None:
        name = self._pick(data, [key for key, one in self.told.items() if one.posted])
        content = self.told[name].content
        values = vars(content) | {"principal_minor": None}
        values |= {"amount": {"amount_minor": content.amount_minor + 1},
                   "date": {"value_date": content.value_date - timedelta(days=1)},
                   "loan": {"loan_id": "L0"}}[other]  # fmt: skip
        done = repayments.record_payments(
            SYSTEM, self.store, now=self.now, rows=[type(content)(**values)], business_date=self.day
        )
        assert (done.recorded, done.conflicting) == (0, 1)
        SEEN["same id, other content"] += 1

    @precondition(lambda self: any(one.content.kind is RepaymentKind.PAYMENT for one in self.told.values()))
    @rule(data=st.data(), forward=st.integers(-3, 6), times=st.integers(1, 2))
    def reverse(self, data: st.DataObject, forward: int, times: int) -> None:
        target = self._pick(data, [key for key, one in self.told.items() if one.content.kind is RepaymentKind.PAYMENT])
        paid = self.told[target]
        name = f"R{next(_numbers)}"
        content = a_repayment(
            name, paid.content.amount_minor, loan_id=paid.content.loan_id, kind=RepaymentKind.REVERSAL,
            reverses_payment_id=target, value_date=paid.content.value_date + timedelta(days=forward), paid_at=self.now,
        )  # fmt: skip
        self._tell(content, times, False)
        self.told[name] = Told(content, paid.claim)
        self._book_back(name)
        self._look_which_are_closed()

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), cents=CENTS)
    def reverse_what_has_not_come(self, data: st.DataObject, cents: int) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        name = f"R{next(_numbers)}"
        content = a_repayment(name, cents, loan_id=f"L{self.loans[n]}", kind=RepaymentKind.REVERSAL,
                              reverses_payment_id=f"F{name}", value_date=self.day, paid_at=self.now)  # fmt: skip
        self._tell(content, 1, False)
        self.told[name] = Told(content, n)

    @precondition(lambda self: any(one.content.kind is RepaymentKind.PAYMENT for one in self.told.values()))
    @rule(data=st.data(), cents=CENTS, named=st.booleans())
    def refund(self, data: st.DataObject, cents: int, named: bool) -> None:
        target = self._pick(data, [key for key, one in self.told.items() if one.content.kind is RepaymentKind.PAYMENT])
        paid = self.told[target]
        name = f"B{next(_numbers)}"
        amount = min(cents, paid.content.amount_minor)
        content = a_repayment(
            name, amount, loan_id=paid.content.loan_id, kind=RepaymentKind.REFUND, paid_at=self.now,
            reverses_payment_id=target if named else None, value_date=max(self.day, paid.content.value_date),
        )  # fmt: skip
        self._tell(content, 1, False)
        self.told[name] = Told(content, paid.claim)
        if named:
            self._book_back(name)
            self._look_which_are_closed()
            return
        self.told[name].posted = True
        if self._holds(paid.claim, content.value_date):
            self.claims[paid.claim].happened.append(
                Happening("refund", content.value_date, self._paid(content), name, amount)
            )
        else:
            self.outside -= amount
        SEEN["refund that names no payment"] += 1
        self._look_which_are_closed()

    def _book_back(self, name: str) -> None:
        told = self.told[name]
        content = told.content
        paid = self.told.get(content.reverses_payment_id)
        if paid is None or paid.undone:
            SEEN["reversed twice"] += paid is not None
            return
        told.posted = True
        whole = content.kind is RepaymentKind.REVERSAL
        paid.undone = whole
        claim = self.claims[paid.claim]
        if not any(one.name == content.reverses_payment_id for one in claim.happened):
            back = paid.content.amount_minor if whole else content.amount_minor
            self.outside -= back
            return
        if any(one.what == "write_off" and not one.cancelled for one in claim.happened):
            SEEN["reversal after write-off"] += whole
        claim.happened.append(
            Happening(
                "reverse" if whole else "refund",
                content.value_date,
                self._paid(content),
                name,
                content.amount_minor,
                of=content.reverses_payment_id,
            )
        )
        SEEN["reversal" if whole else "refund of a payment"] += 1

    @rule(data=st.data(), cents=CENTS, part=st.sampled_from(FEED_PARTS))
    def waive(self, data: st.DataObject, cents: int, part: str) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        name = f"W{next(_numbers)}"
        self._post(self._event(n, EventKind.WAIVER, name, self.day, parts={Component(part): cents}))
        self.claims[n].happened.append(Happening("waive", self.day, self._next(), name, parts={part: cents}))
        SEEN["waiver"] += 1

    @rule(data=st.data(), whole=st.booleans(), back=st.integers(0, 3))
    def write_off(self, data: st.DataObject, whole: bool, back: int) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        claim, name, day = self.claims[n], f"O{next(_numbers)}", self.day - timedelta(days=back)
        book = claim.at(day).book
        parts = {part: cents if whole else cents // 2 for part, cents in book.items()}
        parts = {part: cents for part, cents in parts.items() if cents > 0}
        if not parts:
            return
        event = self._event(n, EventKind.WRITE_OFF, name, day, parts={Component(part): c for part, c in parts.items()},
                            terms={"method": "allowance"})  # fmt: skip
        self._post(event)
        claim.happened.append(Happening("write_off", day, self._next(), name, parts=parts))
        SEEN["write-off" if whole else "partial write-off"] += 1

    @precondition(lambda self: any(one.what in ("waive", "write_off") for each in self.claims for one in each.happened))
    @rule(data=st.data(), what=st.sampled_from(["waive", "write_off"]))
    def undo(self, data: st.DataObject, what: str) -> None:
        living = [
            (n, one)
            for n, claim in enumerate(self.claims)
            for one in claim.happened
            if one.what == what and not one.cancelled
        ]
        if not living:
            return
        n, chosen = living[data.draw(st.integers(0, len(living) - 1))]
        target = event_id(Cause.APPROVAL, chosen.name)
        self._post(self._event(n, EventKind.CANCELLATION, f"{chosen.name}/undone", chosen.day, target_id=target))
        chosen.cancelled = True
        if what == "write_off":
            later = [one for one in self.claims[n].happened if one.what == "pay" and one.day >= chosen.day]
            SEEN["write-off undone after recoveries" if later else "write-off undone"] += 1
        else:
            SEEN["waiver undone"] += 1

    @rule(data=st.data(), grown=st.lists(st.integers(0, 500), min_size=3, max_size=3), off=st.integers(-3, 3))
    def feed(self, data: st.DataObject, grown: list[int], off: int) -> None:
        self._feed_grown(data.draw(st.integers(0, len(self.claims) - 1)), grown, off)

    def _feed_grown(self, n: int, grown: list[int], off: int) -> None:
        if self.closed[n] is not None:
            return
        claim = self.claims[n]
        stands = claim.at(self.day)
        said = {part: stands.owed(part) for part in FEED_PARTS}
        said["principal"] = max(0, said["principal"] + off)
        ahead: dict[str, int] = {}
        for name, short in stands.short.items() if sum(stands.held.values()) > 0 else ():
            left = stands.held.get(name, 0) if name[0] in "PF" else 0
            for part in PARTS:
                cents = max(0, min(left, short.get(part, 0)))
                ahead[part] = ahead.get(part, 0) + cents
                left -= cents
        accrued = {}
        for part, more in zip(("interest", "fees", "penalty"), grown, strict=True):
            said[part] += more
            if more + ahead.get(part, 0) > 0:
                accrued[part] = more + ahead.get(part, 0)
        SEEN["accrual that a payment ran ahead of"] += any(ahead.get(part, 0) for part in accrued)
        self._feed(n, **said)
        if accrued:
            claim.happened.append(Happening("accrue", self.day, self._next(), f"A{next(_numbers)}", parts=accrued))
        SEEN["ledger and feed differ"] += said["principal"] != stands.owed("principal")

    @rule(data=st.data(), more=st.integers(1, 50))
    def interest_of_the_day_is_paid_before_the_feed_tells_it(self, data: st.DataObject, more: int) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        if not self._holds(n, self.day):
            return
        cents = self.claims[n].at(self.day).owed("interest") + more
        name = f"P{next(_numbers)}"
        content = a_repayment(name, cents, loan_id=f"L{self.loans[n]}", value_date=self.day, paid_at=self.now,
                              principal_minor=0, interest_minor=cents, fees_minor=0, penalty_minor=0)  # fmt: skip
        self._tell(content, 1, False)
        self.told[name] = Told(content, n)
        self._book_payment(name)
        self._look_which_are_closed()
        self._feed_grown(n, [0, 0, 0], 0)

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        if self.closed[n] is not None or self.day <= self.opened[n]:
            return
        last = max(one.day for one in self.claims[n].happened)
        spell = a_spell(self.loans[n], **closing(day=self.day) | {"opened_date": self.opened[n]} | dict.fromkeys(
            [f"{part}_minor" for part in FEED_PARTS], 0))  # fmt: skip
        taken_in(self.store, self.evidence, spell, day=self.day, now=self.now)
        self.closed[n] = self.day
        self.commission.ended(n, self.day, "closed")
        self.claims[n].happened.append(Happening("close", max(self.day, last), self._next(), "close"))
        SEEN["closed"] += 1

    @rule(data=st.data(), cents=CENTS, after=st.booleans())
    def crash_and_reopen(self, data: st.DataObject, cents: int, after: bool) -> None:
        """The process dies in the middle of an act: nothing of it is there afterwards, and it can be told again."""
        n = data.draw(st.integers(0, len(self.claims) - 1))
        event = self._event(n, EventKind.WAIVER, f"W{next(_numbers)}", self.day, parts={Component.INTEREST: cents})
        try:
            with self.store.writing(SYSTEM, self.now) as transaction:
                post(transaction, [event])
                transaction.audit("ledger.posted", "ledger_event", event.event_id)
                raise Crashed
        except Crashed:
            pass
        self.store.close()
        self.store = Store.open(self.url)
        SEEN["crash and reopen"] += 1
        if after:
            self._post(event)
            self.claims[n].happened.append(
                Happening("waive", self.day, self._next(), event.cause_id, parts={"interest": cents})
            )

    # -- what must hold after every step

    @invariant()
    def stands_where_the_model_says(self) -> None:
        if not self.claims:
            return
        SEEN["steps"] += 1
        ids = [self._case(n) for n in range(len(self.claims))]
        with self.store.reading() as connection:
            positions = journal.positions(connection, ids)
            folded = folded_lines(connection, ids)
            if self.told_since:
                assert outside(connection, [f"L{loan}" for loan in self.loans]) == self.outside
                self.told_since = False
        for n, claim in enumerate(self.claims):
            expected, found = claim.at(), positions[ids[n]]
            stands = ({part.value: found.book[part] for part in Component},
                      {part.value: found.memo[part] for part in Component}, found.held_minor)  # fmt: skip
            told = (expected.book, expected.register, sum(expected.held.values()))
            assert stands == told, (stands, told, claim.happened)
            assert folded.get(ids[n], {}) == {
                key: cents
                for key, cents in (
                    *(((f"claims_{part}", part), expected.book[part]) for part in PARTS),
                    *((("written_off_claims", part), expected.register[part]) for part in PARTS),
                    (("suspense_case", None), -sum(expected.held.values())),
                )
                if cents
            }


def folded_lines(connection: Connection, ids: list[str]) -> dict[str, dict[tuple[str, str | None], int]]:
    """Case → account of the sub-ledger and component → what its lines add up to, added up here and not in SQL."""
    wanted = ", ".join(f"'{one}'" for one in ids)
    lines = connection.exec_driver_sql(
        f"select case_id, debit_account, credit_account, component, amount_minor from journal_lines"
        f" where case_id in ({wanted})"
    )
    found: dict[str, Counter[tuple[str, str | None]]] = {}
    for case, debit, credit, component, cents in lines:
        sums = found.setdefault(case, Counter())
        for account, signed in ((debit, cents), (credit, -cents)):
            if account.startswith("claims_") or account in ("written_off_claims", "suspense_case"):
                sums[account, component] += signed
    return {case: {key: cents for key, cents in sums.items() if cents} for case, sums in found.items()}


def outside(connection: Connection, loans: list[str]) -> int:
    """What came of payments of these loans that belong to no case, less what went back."""
    wanted = ", ".join(f"'{one}'" for one in loans)
    found = connection.exec_driver_sql(
        "select coalesce(sum(case when l.credit_account = 'outside' then l.amount_minor else 0 end"
        " - case when l.debit_account = 'outside' then l.amount_minor else 0 end), 0)"
        " from ledger_events e join journal_entries n on n.event_id = e.event_id"
        f" join journal_lines l on l.entry_id = n.entry_id where e.case_id is null and e.loan_id in ({wanted})"
    ).scalar_one()
    return int(found)


RARE = (
    "reversal before its payment", "same payment told again", "payment outside collection", "payment after write-off",
    "back-dated payment", "overpayment", "same id, other content", "refund that names no payment", "reversed twice",
    "reversal after write-off", "reversal", "refund of a payment", "waiver", "write-off", "partial write-off",
    "write-off undone after recoveries", "waiver undone", "accrual that a payment ran ahead of",
    "ledger and feed differ", "closed", "crash and reopen", *rules_commission.RARE,
)  # fmt: skip
