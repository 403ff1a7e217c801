"""What commission is reckoned from: what stands in the journal for payments, whose cases they were, what was promised.

Every question is one statement over a set of cases, whatever their number. A payment's cash is what its receipt and
whatever undoes it (reversal, refund) or uses its held rest posted on claims and recoveries, by component; entries that
were reversed and posted anew cancel out by themselves, waivers and closings are no cash.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, distinct, func, literal, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import case_flags, cases, placements
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.placing import case_batch_rows, case_batches
from ops_app.store.tables.take_over import history_rows

EARNING = (*(accounts.claims(one) for one in Component), accounts.RECOVERED, accounts.ALLOWANCE)
"""The accounts on which cash of a payment stands that repaid a claim or recovered one."""

_MONEY = ("receipt", "reversal", "refund")
_AT_ONCE = 400


@dataclass
class PaidCash:
    """What stands for one payment: ``parts`` by component (whole minor units), ``entries`` how many journal entries
    that is made of."""

    event_id: str
    case_id: str
    source_code: str
    payment_id: str
    loan_id: str
    value_date: date
    channel: str | None
    entries: int = 0
    parts: dict[Component, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseFacts:
    """What the tiers look at of a case."""

    case_id: str
    source_code: str
    loan_id: str
    product_code: str
    bucket: str
    opened_date: date
    original_principal_minor: int


@dataclass(frozen=True)
class PlacedCase:
    """A placement as commission looks at it."""

    placement_id: str
    case_id: str
    nth: int
    agency_code: str
    placed_at: datetime
    due_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    tail_until_date: date | None
    placed_balance_minor: int
    currency: str


def touched_cases(
    connection: Connection, agency_code: str, currency: str, *, since: datetime | None, first_date: date, end_date: date
) -> list[str]:
    """Cases that the agency has or had, on which something was posted since ``since`` (``None``: ever) or counts in the
    period."""
    posted: list[ColumnElement[bool]] = []
    if since is not None:
        within = and_(journal_entries.c.accounting_date >= first_date, journal_entries.c.accounting_date < end_date)
        posted.append(or_(journal_entries.c.posted_at >= since, within))
    theirs = select(placements.c.case_id).where(
        placements.c.agency_code == agency_code, placements.c.currency == currency
    )
    query = (
        select(journal_entries.c.case_id)
        .where(journal_entries.c.case_id.in_(theirs), journal_entries.c.currency == currency, *posted)
        .distinct()
    )
    return sorted(connection.execute(query).scalars())


def cash_of(connection: Connection, case_ids: Collection[str], end_date: date) -> list[PaidCash]:
    """What stands for each payment of these cases that is value-dated before ``end_date``."""
    found: dict[str, PaidCash] = {}
    for some in chunks(sorted(case_ids), _AT_ONCE):
        root = _rooted(journal_entries.c.case_id.in_(some)).subquery("root")
        signed = func.coalesce(func.sum(root.c.signed_minor), 0)
        query = select(root.c.root_id, root.c.component, signed, func.count(distinct(root.c.entry_id))).group_by(
            root.c.root_id, root.c.component
        )
        counted = select(root.c.root_id, func.count(distinct(root.c.entry_id))).group_by(root.c.root_id)
        sums: dict[str, dict[Component, int]] = {}
        for root_id, component, minor, _ in connection.execute(query).tuples():
            if component is not None:
                sums.setdefault(root_id, {})[Component(component)] = int(minor)
        entries: dict[str, int] = {str(row[0]): int(row[1]) for row in connection.execute(counted)}
        for row in connection.execute(_described(some, end_date)):
            found[row.event_id] = PaidCash(
                row.event_id, row.case_id, row.source_code,
                row.payment_id or row.cause_id, row.loan_id, row.value_date, row.channel,
                entries.get(row.event_id, 0), sums.get(row.event_id, {}),
            )  # fmt: skip
    return sorted(found.values(), key=lambda one: (one.value_date, one.event_id))


def entries_of(connection: Connection, event_ids: Collection[str]) -> Iterator[tuple[str, str, str | None, int]]:
    """(payment's event, entry, component, signed minor units) of these payments, in the order in which they were
    posted: what stood for a payment after any number of its entries."""
    e = ledger_events.c
    for some in chunks(sorted(event_ids), _AT_ONCE):
        case_of = select(e.case_id).where(e.event_id.in_(some))
        root = _rooted(journal_entries.c.case_id.in_(case_of)).subquery("root")
        query = (
            select(root.c.root_id, root.c.entry_id, root.c.component, root.c.signed_minor)
            .where(root.c.root_id.in_(some))
            .order_by(root.c.root_id, root.c.entry_no, root.c.line_no)
        )
        for row in connection.execute(query):
            yield row.root_id, row.entry_id, row.component, int(row.signed_minor)


def case_facts(connection: Connection, case_ids: Collection[str]) -> dict[str, CaseFacts]:
    """Case → what the tiers look at; the original principal is that with which the ledger took the case over."""
    found: dict[str, CaseFacts] = {}
    e, c = ledger_events.c, cases.c
    for some in chunks(sorted(case_ids), _AT_ONCE):
        openings = (
            select(e.case_id, func.max(e.principal_minor).label("principal_minor"))
            .where(e.case_id.in_(some), e.kind == "opening")
            .group_by(e.case_id)
            .subquery()
        )
        query = (
            select(c.case_id, c.source_code, c.loan_id, c.product_code, c.bucket, c.opened_date,
                   func.coalesce(openings.c.principal_minor, 0))
            .outerjoin(openings, openings.c.case_id == c.case_id)
            .where(c.case_id.in_(some))
        )  # fmt: skip
        rows: Any = connection.execute(query)
        found.update((row[0], CaseFacts(*row)) for row in rows)
    return found


def placements_of(connection: Connection, case_ids: Collection[str]) -> dict[str, list[PlacedCase]]:
    """Case → all its placements, with whomever, the first first."""
    p = placements.c
    columns = [p[name] for name in PlacedCase.__dataclass_fields__]
    found: dict[str, list[PlacedCase]] = {}
    for some in chunks(sorted(case_ids), _AT_ONCE):
        for row in connection.execute(select(*columns).where(p.case_id.in_(some)).order_by(p.case_id, p.nth)):
            one = PlacedCase(**row._mapping)
            found.setdefault(one.case_id, []).append(one)
    return found


def batches_of(connection: Connection, case_ids: Collection[str]) -> dict[str, list[tuple[datetime, str]]]:
    """Case → the batches by which it was placed, with their moments, the last first."""
    b, r = case_batches.c, case_batch_rows.c
    found: dict[str, list[tuple[datetime, str]]] = {}
    for some in chunks(sorted(case_ids), _AT_ONCE):
        query = (
            select(r.case_id, b.made_at, b.batch_id)
            .join(case_batches, b.batch_id == r.batch_id)
            .where(r.case_id.in_(some), r.outcome == "done", b.kind.in_(("place", "transfer")))
            .order_by(b.made_at.desc(), b.batch_id)
        )
        for case_id, made_at, batch_id in connection.execute(query).tuples():
            found.setdefault(case_id, []).append((made_at, batch_id))
    return found


def promises_of(connection: Connection, case_ids: Collection[str]) -> dict[str, list[tuple[datetime, date]]]:
    """Case → promises of the book that was taken over: when each was made, and for which day."""
    h = history_rows.c
    found: dict[str, list[tuple[datetime, date]]] = {}
    for some in chunks(sorted(case_ids), _AT_ONCE):
        query = select(h.case_id, h.begun_at, h.due_date).where(
            h.case_id.in_(some), h.feed == "promises", h.due_date.is_not(None)
        )
        for case_id, begun_at, due_date in connection.execute(query).tuples():
            if case_id is not None and due_date is not None:
                found.setdefault(case_id, []).append((begun_at, due_date))
    return found


def settled_before(connection: Connection, case_ids: Collection[str]) -> dict[str, set[str]]:
    """Case → ids of payments that a former system has settled, as the book that was taken over says. (The keys of that
    book are agency, settlement and payment with strokes between; a payment's own id may have strokes too.)"""
    h = history_rows.c
    found: dict[str, set[str]] = {}
    for some in chunks(sorted(case_ids), _AT_ONCE):
        query = select(h.case_id, h.row_key).where(h.case_id.in_(some), h.feed == "settled_commissions")
        for case_id, row_key in connection.execute(query).tuples():
            pieces = row_key.split("/")
            found.setdefault(str(case_id), set()).update("/".join(pieces[at:]) for at in range(2, len(pieces)))
    return found


def complaints(connection: Connection, agency_code: str, since: datetime, until: datetime) -> int:
    """How many complaints were raised from ``since``, before ``until``, about cases while the agency had them."""
    f, p = case_flags.c, placements.c
    query = (
        select(func.count())
        .select_from(case_flags)
        .join(placements, p.case_id == f.case_id)
        .where(
            f.flag == "complaint", f.set_at >= since, f.set_at < until, p.agency_code == agency_code,
            p.placed_at <= f.set_at, or_(p.ended_at.is_(None), f.set_at < p.ended_at),
        )
    )  # fmt: skip
    return int(connection.execute(query).scalar_one())


def unplaced_cash(connection: Connection, first_date: date, end_date: date, limit: int) -> list[PaidCash]:
    """Payments value-dated in the period that are posted to no case, as the payments are recorded."""
    e, p = ledger_events.c, payments.c
    query = (
        select(e.event_id, e.source_code, e.loan_id, e.value_date, e.cause_id, p.payment_id, p.channel)
        .outerjoin(payments, _of_payment(ledger_events))
        .where(e.case_id.is_(None), e.kind == "receipt", e.value_date >= first_date, e.value_date < end_date)
        .order_by(e.value_date, e.event_id)
        .limit(limit)
    )
    return [
        PaidCash(row.event_id, "", row.source_code, row.payment_id or row.cause_id, row.loan_id, row.value_date,
                 row.channel)
        for row in connection.execute(query)
    ]  # fmt: skip


def cases_paid(connection: Connection, first_date: date, end_date: date, after: str, limit: int) -> list[str]:
    """Cases with a payment value-dated in the period, in the order of their ids behind ``after``."""
    e = ledger_events.c
    query = (
        select(e.case_id)
        .where(e.case_id > after, e.kind == "receipt", e.value_date >= first_date, e.value_date < end_date)
        .distinct()
        .order_by(e.case_id)
        .limit(limit)
    )
    return [str(row[0]) for row in connection.execute(query)]


def _of_payment(events: Any) -> ColumnElement[bool]:
    p = payments.c
    return and_(
        p.source_code == events.c.source_code,
        p.loan_id == events.c.loan_id,
        events.c.cause == "payment",
        events.c.cause_id == p.source_code + literal("/", String) + p.payment_id,
    )


def _described(case_ids: Collection[str], end_date: date) -> Select[Any]:
    """The receipts that brought money to these cases, with the payment each is of."""
    e, p = ledger_events.c, payments.c
    return (
        select(e.event_id, e.case_id, e.source_code, e.loan_id, e.value_date, e.cause_id, p.payment_id, p.channel)
        .outerjoin(payments, _of_payment(ledger_events))
        .where(e.case_id.in_(case_ids), e.kind == "receipt", e.target_id.is_(None), e.value_date < end_date)
    )


def _rooted(which: ColumnElement[bool]) -> Select[Any]:
    """Lines of entries of money with the receipt they come from: of a receipt itself, or of what reverses, refunds or
    uses it (a reversal of a use stands two steps away)."""
    own: Any = ledger_events.alias("own")
    one: Any = ledger_events.alias("one")
    two: Any = ledger_events.alias("two")
    line = journal_lines.c
    sign = case(
        (line.credit_account.in_(EARNING), line.amount_minor),
        (line.debit_account.in_(EARNING), -line.amount_minor),
        else_=0,
    )
    return (
        select(
            func.coalesce(two.c.event_id, one.c.event_id, own.c.event_id).label("root_id"),
            journal_entries.c.entry_id, journal_entries.c.entry_no, line.line_no, line.component,
            sign.label("signed_minor"),
        )
        .select_from(journal_entries)
        .join(own, own.c.event_id == journal_entries.c.event_id)
        .join(journal_lines, line.entry_id == journal_entries.c.entry_id)
        .outerjoin(one, one.c.event_id == own.c.target_id)
        .outerjoin(two, two.c.event_id == one.c.target_id)
        .where(which, own.c.kind.in_(_MONEY))
    )  # fmt: skip
