"""Lists of payments: the index of value dates is walked, or a bounded range of it sorted; an agency reads the windows
of its placements, bound in the query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    String,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.ledger.events import Cause, event_id
from ops_app.domain.ledger.places import Place
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.store import zone
from ops_app.store.casework.case_scope import left_of
from ops_app.store.ledger.payments import RecordedPayment, chunks, recorded
from ops_app.store.tables.casework import cases, placements
from ops_app.store.tables.journal import POSTED_WHERE, ledger_events
from ops_app.store.tables.ledger import payments

SORTS = ("value_date", "amount_minor", "recorded_at")
_P, _E = payments.c, ledger_events.c


@dataclass(frozen=True)
class RepaymentFilter:
    """What the list of payments is narrowed by; ``None`` means not at all. Value dates are half-open: from ``since``,
    before ``until``. ``text`` is a whole loan number or payment id. A list by ``place`` goes by value date."""

    since: date
    until: date
    source_code: str | None = None
    kind: RepaymentKind | None = None
    channel: str | None = None
    currency: str | None = None
    place: Place | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    text: str | None = None


def page(
    connection: Connection, scope: Scope, wanted: RepaymentFilter, now: datetime, *, sort: str, descending: bool,
    after: Sequence[Any] | None, limit: int,
) -> list[RecordedPayment]:  # fmt: skip
    """Up to ``limit`` payments within ``scope`` behind ``after`` (the sort value, source and id of the last seen)."""
    if wanted.place in (None, Place.PENDING):
        order: tuple[Any, ...] = (_P[sort], _P.source_code, _P.payment_id)
    else:  # the index of the place has the key of the payment in one
        order = (_E.value_date, _E.cause_id)
        after = None if after is None else (after[0], f"{after[1]}/{after[2]}")
    query = _within(connection, select(payments), scope, wanted, now)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[column.type for column in order])
        query = query.where(row < mark if descending else row > mark)
    query = query.order_by(*(column.desc() if descending else column.asc() for column in order)).limit(limit)
    return [recorded(row) for row in connection.execute(query)]


def totals(connection: Connection, scope: Scope, wanted: RepaymentFilter, now: datetime) -> dict[str, tuple[int, int]]:
    """Currency → how many match, and their signed sum (reversals and refunds count down)."""
    signed = func.sum(_P.amount_minor).filter(_P.kind == "payment")
    back = func.sum(_P.amount_minor).filter(_P.kind != "payment")
    query = select(_P.currency, func.count(), func.coalesce(signed, 0), func.coalesce(back, 0))
    rows: Any = connection.execute(
        _within(connection, query, scope, wanted, now).group_by(_P.currency).order_by(_P.currency)
    )
    return {currency: (int(count), int(paid) - int(returned)) for currency, count, paid, returned in rows}


def one(
    connection: Connection, scope: Scope, source_code: str, payment_id: str, now: datetime
) -> RecordedPayment | None:
    """The payment, if it is within ``scope``."""
    found = connection.execute(
        select(payments).where(_P.source_code == source_code, _P.payment_id == payment_id)
    ).first()
    if found is None:
        return None
    wanted = RepaymentFilter(found.value_date, found.value_date + timedelta(days=1))
    reached = select(payments).where(
        _P.source_code == source_code, _P.payment_id == payment_id, *_reached(connection, scope, wanted, now)
    )
    return recorded(found) if connection.execute(reached).first() is not None else None


def places(
    connection: Connection, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Place, str | None]]:
    """(source, payment) → where it was posted, and to which case; pending ones are left out."""
    by_event = {event_id(Cause.PAYMENT, f"{source}/{payment}"): (source, payment) for source, payment in keys}
    found: dict[tuple[str, str], tuple[Place, str | None]] = {}
    for some in chunks(sorted(by_event)):
        rows: Any = connection.execute(select(_E.event_id, _E.case_id, _E.terms_json).where(_E.event_id.in_(some)))
        for event, case_id, terms in rows:
            place = Place.CASE if case_id else Place.OUTSIDE if '"outside"' in terms else Place.SUSPENSE
            found[by_event[event]] = (place, case_id)
    return found


def chain(connection: Connection, of: RecordedPayment) -> list[RecordedPayment]:
    """What this payment takes back, and what takes it back, by the moment of recording."""
    it = of.content
    linked = [_P.reverses_payment_id == it.payment_id]
    if it.reverses_payment_id is not None:
        linked.append(_P.payment_id == it.reverses_payment_id)
    query = select(payments).where(_P.loan_id == it.loan_id, _P.source_code == it.source_code, or_(*linked))
    return [recorded(row) for row in connection.execute(query.order_by(_P.recorded_at, _P.payment_id))]


def _within(
    connection: Connection, query: Select[Any], scope: Scope, wanted: RepaymentFilter, now: datetime
) -> Select[Any]:
    c = _P
    # an event has the value date of its payment; asked of one of them, the range says where to begin
    day = c.value_date if wanted.place in (None, Place.PENDING) else _E.value_date
    query = query.where(day >= wanted.since, day < wanted.until)
    for name in ("source_code", "kind", "channel", "currency"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(c[name] == str(value))
    if wanted.least_minor is not None:
        query = query.where(c.amount_minor >= wanted.least_minor)
    if wanted.most_minor is not None:
        query = query.where(c.amount_minor <= wanted.most_minor)
    if wanted.text:  # found first and sorted after, by the two indexes that know it
        of_loan = select(c.source_code, c.payment_id).where(c.loan_id == wanted.text)
        of_id = select(c.source_code, c.payment_id).where(c.payment_id == wanted.text)
        found = of_loan.union(of_id).cte("found").prefix_with("MATERIALIZED")
        query = query.where(tuple_(c.source_code, c.payment_id).in_(select(found.c.source_code, found.c.payment_id)))
    if wanted.place is Place.PENDING:
        event = and_(_E.cause == Cause.PAYMENT.value, _E.cause_id == _P.source_code + "/" + _P.payment_id)
        query = query.where(~exists().where(event))
    elif wanted.place is not None:
        # from the event, by the index of its place, to its payment
        payment = and_(
            _P.source_code == _E.source_code,
            _P.payment_id == func.substr(_E.cause_id, func.length(_E.source_code) + 2),
        )
        query = query.join(ledger_events, payment).where(POSTED_WHERE[wanted.place.value])
    return query.where(*_reached(connection, scope, wanted, now))


def _reached(connection: Connection, scope: Scope, wanted: RepaymentFilter, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind payments to ``scope``: all, those of narrowed cases, or the windows of an agency's
    placements: from the day of placing on, once it has ended before the end of its tail."""
    if scope.reach is Reach.ALL:
        return []
    same_loan = and_(cases.c.loan_id == _P.loan_id, cases.c.source_code == _P.source_code)
    left = left_of(scope, now)
    if scope.reach is Reach.NARROWED:
        return [exists().where(same_loan, *left)] if left else [false()]
    if scope.reach is not Reach.AGENCY or not scope.agency_code:
        return [false()]
    window = and_(
        placements.c.case_id == cases.c.case_id,
        # not by the index of agencies: the few placements of the loan are looked at, not all that an agency ever had
        func.coalesce(placements.c.agency_code, "") == scope.agency_code,
        placements.c.placed_at <= now,
        _begun_by(connection, wanted),
        or_(placements.c.tail_until_date.is_(None), _P.value_date < placements.c.tail_until_date),
    )
    return [exists().where(same_loan, window, *left)]


def _begun_by(connection: Connection, wanted: RepaymentFilter) -> ColumnElement[bool]:
    """Whether a placement had begun by the end of the value date, a day in the house's zone."""
    if connection.dialect.name == "postgresql":
        end = func.timezone(zone.zone_name(), cast(_P.value_date + 1, DateTime(timezone=False)))
        return placements.c.placed_at < end
    runs = []
    for first, until, away in zone.offsets(wanted.since, wanted.until):
        minutes = int(away.total_seconds() // 60)
        end = func.datetime(_P.value_date, "+1 day", f"{-minutes:+d} minutes")
        begun = type_coerce(placements.c.placed_at, String) < end
        runs.append(and_(_P.value_date >= first, _P.value_date < until, begun))
    return or_(false(), *runs)
