"""The services of the ledger held against the plain model, step by step, on a real store.

Every rule does one act through the doors that production uses; after every step each claim stands where the model says,
the lines fold to the positions, and money is conserved. ``SEEN`` counts how often each rare class occurred.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, event_id
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.verify_journal import verify_claims, verify_conserved, verify_lines
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from tests.services.casework.casebook import a_spell, closing, taken_in
from tests.services.ledger.machine import rules_commission
from tests.services.ledger.machine.plain import PARTS, Happening, PlainClaim
from tests.services.ledger.machine.plain_commission import CONTRACTS, Contract
from tests.services.ledger.machine.rules_payments import PaymentRules
from tests.services.ledger.machine.seen import SEEN
from tests.services.ledger.machine.story import CENTS, FEED_PARTS, Crashed, Told, numbers
from tests.services.ledger.people import a_repayment


class LedgerMachine(PaymentRules):
    """Payments, reversals, refunds, back-dating, waivers, write-offs, recoveries, feeds, closings, crashes."""

    def teardown(self) -> None:
        """At the end of a story, everything that ``recoup verify`` asks of these cases."""
        ids = [self._case(n) for n in range(len(self.claims))]
        with self.store.reading() as connection:
            wrong = verify_claims(connection, ids) or verify_lines(connection, ids) or verify_conserved(connection, ids)
        self.compare_statements()
        self.store.close()
        assert wrong is None, wrong

    # -- rules

    @initialize(opening=st.lists(CENTS, min_size=4, max_size=4), contract=st.sampled_from(CONTRACTS))
    def open_first(self, opening: list[int], contract: Contract) -> None:
        self.begin_commission(contract)
        self._open(opening)
        self.place(0)
        self.day += timedelta(days=10)

    @precondition(lambda self: len(self.claims) < 3)
    @rule(opening=st.lists(st.one_of(st.just(0), CENTS), min_size=4, max_size=4))
    def open_claim(self, opening: list[int]) -> None:
        self._open(opening)

    def _open(self, opening: list[int]) -> None:
        n = len(self.claims)
        self.loans.append(next(numbers))
        self.opened.append(self.day)
        self.closed.append(None)
        self.claims.append(PlainClaim())
        parts = dict(zip(FEED_PARTS, opening, strict=True))
        self._feed(n, **parts)
        self.claims[n].happened.append(Happening("open", self.day, self._next(), "open", parts=parts))

    @rule(days=st.integers(1, 9))
    def days_pass(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(data=st.data(), cents=CENTS, part=st.sampled_from(FEED_PARTS))
    def waive(self, data: st.DataObject, cents: int, part: str) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        name = f"W{next(numbers)}"
        self._post(self._event(n, EventKind.WAIVER, name, self.day, parts={Component(part): cents}))
        self.claims[n].happened.append(Happening("waive", self.day, self._next(), name, parts={part: cents}))
        SEEN["waiver"] += 1

    @rule(data=st.data(), whole=st.booleans(), back=st.integers(0, 3))
    def write_off(self, data: st.DataObject, whole: bool, back: int) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        claim, name, day = self.claims[n], f"O{next(numbers)}", self.day - timedelta(days=back)
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
            claim.happened.append(Happening("accrue", self.day, self._next(), f"A{next(numbers)}", parts=accrued))
        SEEN["ledger and feed differ"] += said["principal"] != stands.owed("principal")

    @rule(data=st.data(), more=st.integers(1, 50))
    def interest_of_the_day_is_paid_before_the_feed_tells_it(self, data: st.DataObject, more: int) -> None:
        n = data.draw(st.integers(0, len(self.claims) - 1))
        if not self._holds(n, self.day):
            return
        cents = self.claims[n].at(self.day).owed("interest") + more
        name = f"P{next(numbers)}"
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
        event = self._event(n, EventKind.WAIVER, f"W{next(numbers)}", self.day, parts={Component.INTEREST: cents})
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
