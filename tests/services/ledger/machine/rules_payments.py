"""Payments, reversals and refunds in the machine: told in any order, again, or with other content."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger import repayments
from ops_app.store.tables.casework import cases
from tests.services.ledger.machine.plain import Happening
from tests.services.ledger.machine.rules_commission import CommissionRules
from tests.services.ledger.machine.seen import SEEN
from tests.services.ledger.machine.story import CENTS, FEED_PARTS, Told, numbers
from tests.services.ledger.people import a_repayment


class PaymentRules(CommissionRules):
    """A part of the machine (``machine.py``)."""

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
        name = f"P{next(numbers)}"
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
    @rule(data=st.data(), forward=st.integers(-3, 6), times=st.integers(1, 2), settled=st.booleans())
    def reverse(self, data: st.DataObject, forward: int, times: int, settled: bool) -> None:
        target = self._pick(data, self._payments(settled))
        paid = self.told[target]
        name = f"R{next(numbers)}"
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
        name = f"R{next(numbers)}"
        content = a_repayment(name, cents, loan_id=f"L{self.loans[n]}", kind=RepaymentKind.REVERSAL,
                              reverses_payment_id=f"F{name}", value_date=self.day, paid_at=self.now)  # fmt: skip
        self._tell(content, 1, False)
        self.told[name] = Told(content, n)

    @precondition(lambda self: any(one.content.kind is RepaymentKind.PAYMENT for one in self.told.values()))
    @rule(data=st.data(), cents=CENTS, named=st.booleans(), settled=st.booleans())
    def refund(self, data: st.DataObject, cents: int, named: bool, settled: bool) -> None:
        target = self._pick(data, self._payments(settled and named))
        paid = self.told[target]
        name = f"B{next(numbers)}"
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

    def _payments(self, settled: bool) -> list[str]:
        """All payments, or where there are any, those that earned in a settlement that is locked."""
        told = [key for key, one in self.told.items() if one.content.kind is RepaymentKind.PAYMENT]
        return (settled and self.settled_payments()) or told

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
