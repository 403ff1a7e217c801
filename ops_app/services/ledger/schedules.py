"""Schedules of loans in collection: taken in from the lender's feed, and days past due worked out from them.

Both the lender's days past due and those by the schedule are kept; where no schedule is supplied the lender's alone is
used, and that is said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.ledger.instalments import RecomputedDays, recomputed
from ops_app.domain.organisation.parameter_ranges import code_of
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.services.act import act
from ops_app.services.casework.intake_terms import IntakeTerms
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import instalments
from ops_app.store.ledger.instalments import InstalmentRow
from ops_app.store.store import Store

__all__ = [
    "InstalmentRow", "KnownSchedules", "RecomputedDays", "days_of_cases", "known_schedules", "recomputed_days",
    "take_in_schedules",
]  # fmt: skip


@dataclass(frozen=True)
class KnownSchedules:
    """Loans in collection (source, loan), and the latest day that the schedule of a loan is known of."""

    loans: tuple[tuple[str, str], ...]
    days: tuple[tuple[str, str, date], ...]


@act("cases.intake")
def known_schedules(actor: Actor, store: Store, *, now: datetime) -> KnownSchedules:
    """What the next run starts from."""
    with store.reading() as connection:
        return KnownSchedules(tuple(instalments.open_loans(connection)), tuple(instalments.known_days(connection)))


@act("cases.intake")
def take_in_schedules(
    actor: Actor, store: Store, *, now: datetime, business_date: date, rows: Sequence[InstalmentRow]
) -> int:
    """Enter what the lender tells of instalments, a later day over an earlier one; how many rows. One audit row for a
    run that entered something."""
    if not rows:
        return 0
    with store.writing(actor, now) as transaction:
        instalments.put(transaction.connection, rows)
        loans = sorted({(one.source_code, one.loan_id) for one in rows})
        after = {"rows": len(rows), "loans": len(loans), "loans_hash": key_hash(*(key for it in loans for key in it))}
        transaction.audit("schedules.taken_in", "intake", business_date.isoformat(), after=after)
    return len(rows)


@act("cases.view")
def days_of_cases(actor: Actor, store: Store, *, now: datetime, ids: Sequence[str]) -> dict[str, RecomputedDays]:
    """Case → days past due and bucket by the schedule of its loan now, for those of ``ids`` within reach that have one;
    for a page of a list."""
    with store.reading() as connection:
        found = cases.read_many(connection, ids[:LARGEST_PAGE], scope_of(actor), now)
        return recomputed_days(connection, found.values(), today(now))


def recomputed_days(connection: Connection, some: Collection[Case], on: date) -> dict[str, RecomputedDays]:
    """Case → days past due and bucket by the schedule of its loan, the days held against the lender's; cases without
    one are left out. Worked out whenever somebody asks, from the payments that are recorded by then: a payment, and a
    reversal, moves them at once. A constant number of statements."""
    loans = {(one.source_code, one.loan_id) for one in some}
    schedules = instalments.of_loans(connection, loans)
    paid = instalments.paid_on(connection, schedules)
    edges = IntakeTerms(in_force(connection)).buckets() if schedules else {}
    found = {}
    for one in some:
        loan = one.source_code, one.loan_id
        made = recomputed(
            schedules.get(loan, []), paid.get(loan, []), lenders_days=one.days_past_due, lenders_date=one.as_of_date,
            today=on,
        )  # fmt: skip
        if made is not None:
            ranges = edges.get(one.lender_code) or edges[None]
            found[one.case_id] = replace(made, bucket=code_of(ranges, made.now))
    return found
