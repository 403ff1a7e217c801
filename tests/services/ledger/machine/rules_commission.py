"""Commission in the machine: placements, and settlements from draft to payment, held against the plain model."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import func, select

from ops_app.domain.ledger.commissions import LineKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.ledger import settlement_closing, settlements
from ops_app.services.ledger.statements import statement_of
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import CommissionLine, Settlement
from ops_app.store.tables import commissions as tables
from ops_app.store.tables.casework import placements
from tests.services.casework.casebook import an_agency, placed, recalled
from tests.services.ledger import commissioning
from tests.services.ledger.commissioning import WHY, House
from tests.services.ledger.machine.plain_commission import TAX, Contract, Line, Period, PlainCommission, Stay
from tests.services.ledger.machine.seen import SEEN
from tests.services.ledger.machine.story import Story
from tests.services.organisation.approving import a_person
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

FIRST_PERIOD = date(2026, 1, 1)
LONG = timedelta(days=500)
_codes = itertools.count(1)
_people: dict[str, tuple[Actor, ...]] = {}

RARE = (
    "placed", "placed again", "recalled", "settlement opened", "settlement reckoned again", "settlement locked",
    "settlement paid", "line disputed", "line corrected", "reversal after settlement", "refund after settlement",
    "payment of a locked period", "commission of a recovery", "recovery that earns nothing by contract",
    "tier adjustment", "cash restored", "total below zero carried over", "what was carried over made good",
    "correction taken back with its cash", "payment in a tail",
)  # fmt: skip


@dataclass(frozen=True)
class Closing:
    """How a close goes on: whether the agency disputes a line, by how much it is corrected, whether it is paid."""

    disputes: bool
    correction: int
    pays: bool


CLOSINGS = st.builds(Closing, st.booleans(), st.sampled_from([0, -7, 13]), st.booleans())


class CommissionRules(Story):
    """A part of the machine (``machine.py``)."""

    def begin_commission(self, contract: Contract) -> None:
        """An agency of this story, its contract in force, and the people who settle with it."""
        code = f"M{next(_codes):05d}"
        self.commission, self.settlement, self.last_settled = PlainCommission(contract), None, None
        if self.url not in _people:  # a new store; its claims may be of a cent
            plant(
                self.store, set_to("casework.minimum_placement_amount", {"minor": 0, "currency": "CNY"}, FIRST_PERIOD)
            )
            _people[self.url] = (
                a_person(self.store, "Fin", Role.FINANCE), a_person(self.store, "Fan", Role.FINANCE),
                a_person(self.store, "Man", Role.MANAGER),
            )  # fmt: skip
        finance, other, manager = _people[self.url]
        agency = Actor(f"g-{code}", "Gao", Role.AGENCY_SUPERVISOR, code)
        self.house = House(self.store, [], finance, other, manager, agency, agency)
        an_agency(self.store, code, day=self.day)
        tiers = [{"code": "low", "rate": _decimal(contract.low)}]
        if contract.high != contract.low:
            edge = _decimal(contract.share)
            tiers = [tiers[0] | {"liquidation": [None, edge]},
                     {"code": "high", "rate": _decimal(contract.high), "liquidation": [edge, None]}]  # fmt: skip
        terms = {
            "currency": "CNY", "tiering": "whole", "age_basis": "placement", "tiers": tiers,
            "tax_rate": _decimal(TAX), "tail_days": contract.tail, "components": list(contract.parts),
        }  # fmt: skip
        commissioning.contracted(self.house, terms, agency=code, now=self.now)

    @property
    def agency_code(self) -> str:
        return str(self.house.agency.agency_code)

    # -- rules

    @precondition(lambda self: any(day is None for day in self.closed))
    @rule(data=st.data(), back=st.integers(0, 2))
    def place_or_take_back(self, data: st.DataObject, back: int) -> None:
        """A case that is at home goes to the agency; one that is there may come back."""
        n = data.draw(st.sampled_from([n for n, day in enumerate(self.closed) if day is None]))
        if not self.commission.runs(n):
            self.place(n)
        elif not back:
            recalled(self.store, self._case(n), now=self.now)
            self.commission.ended(n, self.day, "recalled")
            SEEN["recalled"] += 1

    def place(self, n: int) -> None:
        """Place a case that is at home."""
        stays, case = self.commission.stays[n], self._case(n)
        placed(self.store, self.agency_code, case, now=self.now, due_at=self.now + LONG)
        with self.store.reading() as connection:
            p = placements.c
            query = select(p.placed_balance_minor).where(p.case_id == case).order_by(p.nth.desc()).limit(1)
            balance = connection.execute(query).scalar_one()
        stays.append(Stay(len(stays) + 1, self.day, int(balance)))
        SEEN["placed again" if len(stays) > 1 else "placed"] += 1

    @precondition(lambda self: any(self.commission.stays.values()))
    @rule(data=st.data(), how=st.sampled_from(["again", "close", "through", "through"]), closing=CLOSINGS)
    def settle(self, data: st.DataObject, how: str, closing: Closing) -> None:
        """The next step of the agency's settlement: opened, reckoned again, or taken to its lock; or all at once."""
        periods = self.commission.periods
        self.house = House(**vars(self.house) | {"store": self.store})
        if self.settlement is None:
            first = periods[-1].end if periods else FIRST_PERIOD
            if self.day <= first:
                return
            periods.append(Period(first, self.day, carried_in=periods[-1].carried_out if periods else 0))
            self._expect(self.commission.reckon(self.claims))
            self.settlement = commissioning.opened(
                self.house, first=first, end=self.day, now=self.now, agency=self.agency_code
            )
            SEEN["settlement opened"] += 1
            if how == "through":
                self._close_settlement(data, closing)
        elif how == "again":
            self._expect(self.commission.reckon(self.claims))
            settlements.reckon_settlement(self.house.finance, self.store, now=self.now, **_named(self.settlement))
            self._look()
            SEEN["settlement reckoned again"] += 1
        else:
            self._close_settlement(data, closing)
        self._compare_lines()

    # -- what they do

    def _close_settlement(self, data: st.DataObject, closing: Closing) -> None:
        self._expect(self.commission.reckon(self.claims))
        self._move(settlements.present_settlement, self.house.finance)
        mine = commissioning.lines(self.house, self.settlement)
        if closing.disputes and mine:
            self._dispute(mine[data.draw(st.integers(0, len(mine) - 1))], closing.correction)
        commissioning.green(self.house, now=self.now)
        self._move(settlements.confirm_settlement, self.house.agency)
        asked = commissioning.asked_to_lock(self.house, self.settlement, now=self.now)
        commissioning.approve(self.house, self.house.other, asked, self.now)
        self._look()
        period, come = self.commission.periods[-1], self.commission.comes_to(len(self.commission.periods) - 1)
        found = self.settlement.totals
        assert (found["fees_minor"], found["net_minor"], found["tax_minor"], found["gross_minor"],
                found["carried_in_minor"], found["carried_out_minor"]) == (
            come.fees, come.net, come.tax, come.gross, period.carried_in, come.carried_out)  # fmt: skip
        period.locked, period.carried_out = True, come.carried_out
        SEEN["settlement locked"] += 1
        SEEN["total below zero carried over"] += come.carried_out < 0
        SEEN["what was carried over made good"] += period.carried_in < 0 <= come.carried_out
        if closing.pays:
            settlement_closing.pay_settlement(
                self.house.finance, self.store, now=self.now, invoice_number=f"I{len(self.commission.periods)}",
                invoice_minor=come.gross, **_named(self.settlement),
            )  # fmt: skip
            SEEN["settlement paid"] += 1
        self.last_settled, self.settlement = self.settlement, None

    def _dispute(self, line: CommissionLine, correction: int) -> None:
        """The agency disputes a line; it is answered, and what was corrected is presented anew."""
        done = settlements.dispute_line(self.house.agency, self.store, now=self.now, line_id=line.line_id, reason=WHY,
                                        **_named(self.settlement))  # fmt: skip
        with self.store.reading() as connection:
            waiting = commissions.disputes_of(connection, self.settlement.settlement_id)[-1]
        settlements.answer_dispute(
            self.house.finance, self.store, now=self.now, dispute_id=waiting.dispute_id, version=done.version,
            accept=bool(correction), answer=WHY, correction_minor=correction,
        )  # fmt: skip
        SEEN["line disputed"] += 1
        if correction:
            self.commission.correct(str(line.payment_id), correction)
            SEEN["line corrected"] += 1
        self._look()
        self._move(settlements.take_back_settlement, self.house.finance, reason=WHY)
        self._expect(self.commission.reckon(self.claims))
        self._move(settlements.present_settlement, self.house.finance)

    def settled_payments(self) -> list[str]:
        """Payments that stand in a locked settlement and still earn."""
        locked = {number for number, one in enumerate(self.commission.periods) if one.locked}
        return [name for name, one in self.commission.earned.items() if one.cash and one.lines[0].period in locked]

    def _move(self, act: Any, actor: Actor, **other: Any) -> None:
        act(actor, self.store, now=self.now, **_named(self.settlement), **other)
        self._look()

    def _look(self) -> None:
        self.settlement = commissioning.standing(self.house, self.settlement.settlement_id)

    def _expect(self, made: list[Line]) -> None:
        """Count what the lines that are about to be made stand for."""
        closed = [number for number, one in enumerate(self.commission.periods) if one.locked]
        for one in made:
            first = self.commission.earned[one.payment].lines[0]
            left = self.commission.earned[one.payment].cash
            if one.kind == "clawback" and first.period in closed:
                SEEN["refund after settlement" if left else "reversal after settlement"] += 1
            SEEN["tier adjustment"] += one.kind == "tier_adjustment"
            SEEN["cash restored"] += one.kind == "restored"
            SEEN["correction taken back with its cash"] += one.kind == "correction"
            if one.kind == "earned":
                told = self.told[one.payment]
                day = told.content.value_date
                stands = self.claims[told.claim].at().paid[one.payment]
                stay = self.commission.owner(told.claim, day)
                SEEN["payment of a locked period"] += bool(closed) and day < self.commission.periods[-1].first
                SEEN["commission of a recovery"] += any(where == "register" for where, _, _ in stands)
                SEEN["payment in a tail"] += stay.until is not None and day >= stay.until
        for number in [number for number, stays in self.commission.stays.items() if stays]:
            paid = self.claims[number].at().paid
            for one in self.claims[number].happened:
                if one.what == "pay" and one.name not in self.commission.earned:
                    recovered = any(where == "register" for where, _, _ in paid.get(one.name, []))
                    owner = self.commission.owner(number, one.day)
                    SEEN["recovery that earns nothing by contract"] += recovered and owner is not None

    # -- what must hold

    def _compare_lines(self) -> None:
        """The lines of the settlement are those of the model; no payment earned twice, and one that went back nothing;
        what is locked recomputes to the same bytes."""
        number = len(self.commission.periods) - 1
        one = self.settlement or self.last_settled
        found = Counter((it.kind.value, it.payment_id, it.base_minor, it.fee_minor)
                        for it in commissioning.lines(self.house, one))  # fmt: skip
        expected = Counter((it.kind, it.payment, it.cash, it.fee) for it in self.commission.lines(number))
        assert found == expected, (found - expected, expected - found)
        c = tables.commission_lines.c
        firsts = func.sum((c.kind == LineKind.EARNED.value).cast(c.nth.type))
        query = (
            select(c.payment_id, func.sum(c.base_minor), func.sum(c.fee_minor), firsts)
            .where(c.agency_code == self.agency_code)
            .group_by(c.payment_id)
        )
        with self.store.reading() as connection:
            for payment, cash, fee, first in connection.execute(query).tuples():
                told = self.told[payment]
                assert first == 1, f"{payment} earned twice"
                assert 0 <= cash <= told.content.amount_minor, payment
                assert not told.undone or (cash, fee) == (0, 0), f"{payment} went back and still earns"
        self.compare_statements(latest=2)

    def compare_statements(self, latest: int | None = None) -> None:
        """Settlements of the agency that are locked (the ``latest``) recompute to the bytes they were locked with."""
        c = tables.settlements.c
        query = (
            select(c.settlement_id)
            .where(c.agency_code == self.agency_code, c.content_hash.is_not(None))
            .order_by(c.first_date.desc())
            .limit(latest)
        )
        with self.store.reading() as connection:
            for name in connection.execute(query).scalars().all():
                one = commissions.settlement(connection, name)
                assert statement_of(connection, one).hash == one.content_hash, one.number


def _named(one: Settlement) -> dict[str, Any]:
    return {"settlement_id": one.settlement_id, "version": one.version}


def _decimal(per_ten_thousand: int) -> str:
    return f"{per_ten_thousand / 10_000:.4f}"
