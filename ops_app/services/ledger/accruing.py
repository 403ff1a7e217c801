"""Accrual by Recoup: for open cases whose lender leaves it to us, one event a case and day (``recoup_accrues``).

Accrues on the principal on the books as it stands when the day is run; a claim that is written off accrues nothing.
How far a case has accrued and what is less than a minor unit are kept (``ledger_accruals``), so that days that were not
run are made up for in one event, which comes to the same as a day each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual import AccrualBy, AccrualTerms, Accrued, DayCount, accrued
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameters import ALL, Scope
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.journal import post
from ops_app.services.organisation.installation import scope_of_loan
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.ledger import accruals
from ops_app.store.ledger.accruals import Accruing, Through
from ops_app.store.store import Store, Transaction

__all__ = ["AccruedDay", "accrue", "accrual_until", "recoup_accrues", "terms_on"]

BY, DAY_COUNT = "ledger.accrual", "ledger.accrual_day_count"
INTEREST, PENALTY = "ledger.interest_rate", "ledger.penalty_rate"
ANNUAL, SHARE = "ledger.annual_rate_cap", "ledger.accrual_cap_share"
AT_ONCE = 5_000
"""Cases in one transaction of the ops store."""


@dataclass(frozen=True)
class AccruedDay:
    """What a day's accrual did: cases looked at, events posted, and what they come to by currency (minor units)."""

    business_date: date
    cases: int
    events: int
    totals: dict[str, int]


def recoup_accrues(known: ParameterSet, lender_code: str | None, product_code: str | None, day: date) -> bool:
    """Whether Recoup computes the interest of a loan on ``day``."""
    return known.value(BY, day, scope_of_loan(lender_code, product_code)) == AccrualBy.RECOUP.value


def terms_on(known: ParameterSet, lender_code: str | None, product_code: str | None, day: date) -> AccrualTerms:
    """The terms of a loan's accrual on ``day``."""
    scope = scope_of_loan(lender_code, product_code)

    def share(code: str) -> Decimal:
        value = known.value(code, day, scope)
        if not isinstance(value, Decimal):
            raise TypeError(f"{code} is no share")
        return value

    count = DayCount(str(known.value(DAY_COUNT, day, scope)))
    return AccrualTerms(count, share(INTEREST), share(PENALTY), share(ANNUAL), share(SHARE))


def accrual_until(known: ParameterSet, one: Accruing, day: date) -> Accrued:
    """What accrues on a case from where it stands until ``day``, by the terms of each day (those of a day hold for the
    night before it)."""
    made = Accrued({}, one.interest_carry, one.penalty_carry)
    owed = dict(one.owed)
    for first, end in _spans(known, one, day):
        made = accrued(
            terms_on(known, one.lender_code, one.product_code, end), owed, first, end,
            interest_carry=made.interest_carry, penalty_carry=made.penalty_carry,
        )  # fmt: skip
        for part, amount in made.parts.items():
            owed[part] = owed.get(part, 0) + amount
    parts = {
        part: owed[part] - one.owed.get(part, 0) for part in (Component.INTEREST, Component.PENALTY) if part in owed
    }
    return Accrued(parts, made.interest_carry, made.penalty_carry)


def _spans(known: ParameterSet, one: Accruing, day: date) -> Iterator[tuple[date, date]]:
    """The days since the case has accrued, joined while their terms are the same."""
    first, before = one.through_date, None
    for number in range(one.through_date.toordinal() + 1, day.toordinal() + 1):
        at = date.fromordinal(number)
        terms = terms_on(known, one.lender_code, one.product_code, at)
        if before is not None and terms != before:
            yield first, date.fromordinal(number - 1)
            first = date.fromordinal(number - 1)
        before = terms
    if day > first:
        yield first, day


@act("system.run")
def accrue(actor: Actor, store: Store, *, now: datetime, business_date: date) -> AccruedDay:
    """Post what open cases accrue until ``business_date``, in the order of their ids, so many in a transaction. Run
    again for the same day, or for an earlier one, it posts nothing: each case knows how far it has come."""
    seen, events, totals, after = 0, 0, dict[str, int](), ""
    with store.reading() as connection:
        if not _anybody(in_force(connection), business_date):
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


def _anybody(known: ParameterSet, day: date) -> bool:
    """Whether Recoup accrues for any lender at all; where it does not no case is looked at."""
    scopes = {ALL.text, *known.scopes(BY)}
    return any(known.value(BY, day, Scope.parse(text)) == AccrualBy.RECOUP.value for text in scopes)


def _accrue_some(transaction: Transaction, some: Sequence[Accruing], day: date) -> list[LedgerEvent]:
    connection = transaction.connection
    known = in_force(connection)
    mine = [one for one in some if recoup_accrues(known, one.lender_code, one.product_code, day)]
    made = {one.case_id: accrual_until(known, one, day) for one in mine}
    events = [
        LedgerEvent(
            EventKind.ACCRUAL, one.source_code, one.loan_id, one.currency, day, Cause.FEED,
            f"accrual/{one.case_id}/{day.isoformat()}", one.case_id, parts=made[one.case_id].parts,
            terms={"from": one.through_date.isoformat()},
        )
        for one in mine
        if any(made[one.case_id].parts.values())
    ]  # fmt: skip
    done = post(transaction, events, reason="accrued by Recoup")
    accruals.put(
        connection,
        [
            Through(case_id, day, one.interest_carry, one.penalty_carry) for case_id, one in made.items()
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
