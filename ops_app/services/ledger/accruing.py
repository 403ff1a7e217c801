"""Accrual by Recoup: for open cases whose lender leaves it to us, one event a case and day (``recoup_accrues``).

Accrues on the principal on the books, night by night (``domain/ledger/accrual_replay.py``); a claim that is written off
accrues nothing. How far a case has accrued and what is less than a minor unit are kept (``ledger_accruals``), so that
days that were not run are made up for in one event, which comes to the same as a day each. What comes late with a value
date before that is made good when it is posted (``accrual_again.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual import Accrued
from ops_app.domain.ledger.accrual_replay import FROM, Nights, accrues_by
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.accrual_terms import DailyTerms
from ops_app.services.ledger.journal import post
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.ledger import accruals, journal
from ops_app.store.ledger.accruals import Accruing, Through
from ops_app.store.store import Store, Transaction

__all__ = ["AccruedDay", "accrual_until", "accrue"]

AT_ONCE = 5_000
"""Cases in one transaction of the ops store."""


@dataclass(frozen=True)
class AccruedDay:
    """What a day's accrual did: cases looked at, events posted, and what they come to by currency (minor units)."""

    business_date: date
    cases: int
    events: int
    totals: dict[str, int]


@dataclass(frozen=True)
class Until:
    """What a case accrues until a day: value date → whole minor units by component, what is left over, and what it
    owes on the books then."""

    by_day: dict[date, dict[Component, int]]
    left: Accrued
    owed_minor: dict[Component, int]


def accrual_until(
    connection: Connection, terms: DailyTerms, some: Collection[Accruing], day: date
) -> dict[str, Until]:  # fmt: skip
    """Case → what accrues on it from where it stands until ``day``, by the terms of each day (those of a day hold for
    the night before it). Reads the events of those cases alone on which something happened in those nights."""
    uneven = journal.events_of(connection, {one.case_id for one in some if one.last_date > one.through_date})
    made: dict[str, Until] = {}
    for one in some:
        of_loan, carry = terms.of(one.lender_code, one.product_code), Accrued({}, one.interest_carry, one.penalty_carry)
        if events := uneven.get(one.case_id):
            made[one.case_id] = Until(*accrues_by(events, of_loan, one.through_date, day, carry))
        else:
            nights = Nights.alike(one.owed[Component.PRINCIPAL])
            left = nights.accrue(of_loan, one.owed, one.through_date, day, carry)
            owed = {part: minor + left.parts.get(part, 0) for part, minor in one.owed.items()}
            made[one.case_id] = Until({day: left.parts} if any(left.parts.values()) else {}, left, owed)
    return made


@act("system.run")
def accrue(actor: Actor, store: Store, *, now: datetime, business_date: date) -> AccruedDay:
    """Post what open cases accrue until ``business_date``, in the order of their ids, so many in a transaction. Run
    again for the same day, or for an earlier one, it posts nothing: each case knows how far it has come."""
    seen, events, totals, after = 0, 0, dict[str, int](), ""
    with store.reading() as connection:
        if not DailyTerms(in_force(connection)).any_on(business_date):
            return AccruedDay(business_date, 0, 0, {})
    while True:
        with store.writing(actor, now) as transaction:
            some = accruals.waiting(transaction.connection, business_date, after, AT_ONCE)
            posted = _accrue_some(transaction, some, business_date)
            for one in posted:
                totals[one.currency] = totals.get(one.currency, 0) + sum(one.parts.values())
        seen, events = seen + len(some), events + len(posted)
        if len(some) < AT_ONCE:
            return AccruedDay(business_date, seen, events, totals)
        after = some[-1].case_id


def _accrue_some(transaction: Transaction, some: Sequence[Accruing], day: date) -> list[LedgerEvent]:
    connection = transaction.connection
    terms = DailyTerms(in_force(connection))
    mine = [one for one in some if terms.on(one.lender_code, one.product_code, day)]
    made = accrual_until(connection, terms, mine, day)
    events = [
        LedgerEvent(
            EventKind.ACCRUAL, one.source_code, one.loan_id, one.currency, value_date, Cause.FEED,
            f"accrual/{one.case_id}/{value_date.isoformat()}", one.case_id, parts=parts,
            terms={FROM: one.through_date.isoformat()},
        )
        for one in mine
        for value_date, parts in made[one.case_id].by_day.items()
    ]  # fmt: skip
    done = post(transaction, events, reason="accrued by Recoup")
    accruals.put(
        connection,
        [
            Through(case_id, day, one.left.interest_carry, one.left.penalty_carry) for case_id, one in made.items()
        ],
    )  # fmt: skip
    if done.new:
        total = {
            currency: sum(sum(one.parts.values()) for one in done.new if one.currency == currency)
            for currency in sorted({one.currency for one in done.new})
        }
        facts = {"events": len(done.new), "first_case": some[0].case_id, "totals": total}
        transaction.audit("ledger.accrued", "ledger_accrual", day.isoformat(), after=facts)
    return list(done.new)
