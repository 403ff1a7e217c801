"""The list and the record of payments: what came in, where it was posted, what it paid, and what became of it.

An agency reads the payments of its placement windows, scoped in the query; those not on a case yet are marked, since
nobody may count on them (feature 51). Payers are masked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.casework.personal import masked_name, masked_number
from ops_app.domain.casework.scope import Reach, Scope, scope_of
from ops_app.domain.contact.holds import ContactHold
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.events import Cause, LedgerEvent, event_id
from ops_app.domain.ledger.instalments import split
from ops_app.domain.ledger.places import NoSuchPayment, PaidFor, Place, paid_for
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.store.casework import cases
from ops_app.store.contact import holds
from ops_app.store.ledger import breaks, instalments, journal, payment_lists
from ops_app.store.ledger.breaks import Break
from ops_app.store.ledger.journal import EntryLine
from ops_app.store.ledger.payment_lists import SORTS, RepaymentFilter
from ops_app.store.ledger.payments import RecordedPayment
from ops_app.store.store import Store

__all__ = [
    "SORTS", "EntryLine", "InstalmentShare", "ListedPayment", "Payments", "RepaymentFilter", "RepaymentRecord",
    "last_days", "list_repayments", "listed", "read_repayment",
]  # fmt: skip

LONGEST_DAYS = 366
"""Value dates that one list covers at most."""
USUAL_DAYS = 31
SORTED_DAYS = 62
"""Value dates at most of a list that is not sorted by them: so many payments are sorted for each page."""


@dataclass(frozen=True)
class ListedPayment:
    """A payment, where it was posted, and its case where that is within reach."""

    payment: RecordedPayment
    place: Place
    case_id: str | None


@dataclass(frozen=True)
class Payments:
    """One page of payments. Of all that match, by currency: ``counts``, and ``sums_minor`` (reversals and refunds count
    down)."""

    rows: tuple[ListedPayment, ...]
    counts: dict[str, int]
    sums_minor: dict[str, int]
    next_after: str | None


@dataclass(frozen=True)
class InstalmentShare:
    """What a payment paid of one instalment of its loan, oldest first, whole minor units; below zero: took back."""

    number: int
    due_date: date
    share_minor: int


@dataclass(frozen=True)
class RepaymentRecord:
    """All that is known of a payment: what its standing lines paid, its shares of instalments where the schedule of its
    loan is known, every entry with its stornos and because of which
    event, the payments it takes back or that take it back, breaks that name it, and holds because of it. An agency
    reads what it paid and the chain."""

    item: ListedPayment
    paid: PaidFor
    chain: tuple[ListedPayment, ...]
    instalments: tuple[InstalmentShare, ...] = ()
    entries: tuple[EntryLine, ...] = ()
    because: tuple[LedgerEvent, ...] = ()
    breaks: tuple[Break, ...] = ()
    holds: tuple[ContactHold, ...] = ()


def last_days(day: date, days: int = USUAL_DAYS) -> tuple[date, date]:
    """The value dates (from, before) of the last ``days`` up to ``day``."""
    return day - timedelta(days=days - 1), day + timedelta(days=1)


@act("repayments.view")
def list_repayments(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: RepaymentFilter | None = None,
    sort: str = "value_date",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> Payments:
    """Payments within reach that match ``wanted`` (by default those of the last ``USUAL_DAYS`` value dates); pages go
    by key. Raises ``Invalid`` for a sort that no index serves, a range that is none or too long, a page or a mark that
    is none; ``AmountsHidden`` for what narrows or sorts by an amount that is hidden."""
    chosen = wanted or RepaymentFilter(*last_days(today(now)))
    check_sort(sort, SORTS, "Payments")
    check_limit(limit)
    check_by_amount(actor, sort, *(name for name in ("least_minor", "most_minor") if getattr(chosen, name) is not None))
    _check(chosen, sort)
    mark = None if after is None else _read_mark(after, sort)
    scope = scope_of(actor)
    with store.reading() as connection:
        found = payment_lists.page(
            connection, scope, chosen, now, sort=sort, descending=descending, after=mark, limit=limit + 1
        )
        totals = payment_lists.totals(connection, scope, chosen, now)
        rows = listed(connection, found[:limit], scope, now)
    counts, sums = ({currency: of[nth] for currency, of in totals.items()} for nth in (0, 1))
    return Payments(tuple(rows), counts, sums, _mark(found[limit - 1], sort) if len(found) > limit else None)


@act("repayments.view")
def read_repayment(actor: Actor, store: Store, *, now: datetime, source_code: str, payment_id: str) -> RepaymentRecord:
    """The record of one payment within reach. Raises ``NoSuchPayment`` alike for a missing and a foreign one."""
    scope, key = scope_of(actor), event_id(Cause.PAYMENT, f"{source_code}/{payment_id}")
    with store.reading() as connection:
        one = payment_lists.one(connection, scope, source_code, payment_id, now)
        if one is None:
            raise NoSuchPayment
        linked = [
            it
            for it in payment_lists.chain(connection, one)
            if scope.reach is not Reach.AGENCY
            or payment_lists.one(connection, scope, it.content.source_code, it.content.payment_id, now)
        ]
        item, *chain = listed(connection, [one, *linked], scope, now)
        stands = journal.standing(connection, event_ids=[key]).get(key)
        paid = paid_for(stands.transfers if stands else ())
        record = RepaymentRecord(item, paid, tuple(chain), _shares(connection, one))
        if actor.agency_code is not None:
            return record
        entries = journal.entry_lines(connection, key)
        because = journal.events_by_id(connection, {it.because for it in entries if it.because})
        return replace(
            record,
            entries=tuple(entries),
            because=tuple(because[it] for it in sorted(because)),
            breaks=tuple(breaks.naming(connection, source_code, one.content.loan_id, payment_id)),
            holds=tuple(holds.of_payments(connection, [f"{source_code}/{payment_id}"])),
        )


def _shares(connection: Connection, of: RecordedPayment) -> tuple[InstalmentShare, ...]:
    loan = of.content.source_code, of.content.loan_id
    schedule = instalments.of_loans(connection, {loan}).get(loan, [])
    if not schedule:
        return ()
    due = {one.number: one.due_date for one in schedule}
    shares = split(schedule, instalments.paid_on(connection, {loan}).get(loan, []))
    return tuple(InstalmentShare(nth, due[nth], minor) for nth, minor in shares.get(of.content.payment_id, ()))


def listed(connection: Connection, rows: Sequence[RecordedPayment], scope: Scope, now: datetime) -> list[ListedPayment]:
    """Payments with where each was posted and its case where that is within ``scope``; payers masked."""
    keys = {(one.content.source_code, one.content.payment_id) for one in rows}
    known = payment_lists.places(connection, keys)
    ids = [case_id for _, case_id in known.values() if case_id]
    reached = cases.read_many(connection, ids, scope, now)
    found = []
    for one in rows:
        place, case_id = known.get((one.content.source_code, one.content.payment_id), (Place.PENDING, None))
        found.append(ListedPayment(_masked(one), place, case_id if case_id in reached else None))
    return found


def _masked(one: RecordedPayment) -> RecordedPayment:
    it = one.content
    return replace(
        one,
        content=replace(it, payer_name=masked_name(it.payer_name), payer_account=masked_number(it.payer_account)),
    )


def _check(wanted: RepaymentFilter, sort: str) -> None:
    days = (wanted.until - wanted.since).days
    if days < 1:
        raise Invalid("The range of days is empty.", "日期范围为空。", field="until")
    if days > LONGEST_DAYS:
        raise Invalid(f"Choose at most {LONGEST_DAYS} days.", f"日期范围不得超过 {LONGEST_DAYS} 天。", field="until")
    if days > SORTED_DAYS and sort != "value_date":
        raise Invalid(
            f"Choose at most {SORTED_DAYS} days to sort by this.", f"按此排序时日期范围不得超过 {SORTED_DAYS} 天。",
            field="sort",
        )  # fmt: skip
    if wanted.place not in (None, Place.PENDING) and sort != "value_date":
        raise Invalid(
            "Payments of one place are sorted by value date.", "按入账去向筛选时仅可按起息日排序。", field="sort"
        )


def _mark(last: RecordedPayment, sort: str) -> str:
    value = last.recorded_at if sort == "recorded_at" else getattr(last.content, sort)
    return canonical_json([value, last.content.source_code, last.content.payment_id])


def _read_mark(after: str, sort: str) -> list[Any]:
    try:
        value, source, payment_id = json.loads(after)
        if sort == "value_date":
            value = date.fromisoformat(value)
        elif sort == "recorded_at":
            value = datetime.fromisoformat(value)
        elif isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(sort)
        return [value, str(source), str(payment_id)]
    except (ValueError, TypeError) as wrong:
        raise Invalid("This page does not exist.", "没有这一页。", field="after") from wrong
