"""Recorded payments in the store: entered in bulk, listed by key, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.repayments import CONTENT, Repayment, RepaymentKind
from ops_app.store import driver
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.organisation import inbox

# made once: on the way of every payment, making a statement costs more than running it
_IDS: Any = bindparam("ids", expanding=True)
_HASHES = select(inbox.c.key, inbox.c.body_hash).where(inbox.c.source == bindparam("source"), inbox.c.key.in_(_IDS))
_CLAIM: dict[str, Any] = {
    name: dialect.insert(inbox).on_conflict_do_nothing().returning(inbox.c.key)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_ADD = insert(payments)
SORTABLE = ("value_date", "amount_minor", "recorded_at", "payment_id")
_AT_ONCE = 500
T = TypeVar("T")


@dataclass(frozen=True)
class RecordedPayment:
    """A payment as it was recorded, its hash, and when."""

    content: Repayment
    body_hash: str
    recorded_at: datetime


@dataclass(frozen=True)
class PaymentFilter:
    """What a list is narrowed by; ``None`` means not at all. Days are half-open: from ``since``, before ``until``.

    ``text`` is looked for at the beginning of payment id, loan and reference.
    """

    source_code: str | None = None
    loan_id: str | None = None
    kind: RepaymentKind | None = None
    channel: str | None = None
    currency: str | None = None
    since: date | None = None
    until: date | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    text: str | None = None


def chunks(items: Sequence[T], size: int = _AT_ONCE) -> Iterator[Sequence[T]]:
    """``items`` a few hundred at a time: what one statement may bind."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def known_hashes(connection: Connection, inbox_source: str, ids: Sequence[str]) -> dict[str, str]:
    """Key → body hash of the ``ids`` that were claimed before."""
    found: dict[str, str] = {}
    for some in chunks(ids):
        rows: Any = connection.execute(_HASHES, {"source": inbox_source, "ids": some})
        found.update((key, body_hash) for key, body_hash in rows)
    return found


def claim_many(
    connection: Connection, inbox_source: str, hashes: Mapping[str, str], now: datetime, answer_json: str
) -> set[str]:
    """Enter many keys in the inbox at once; the keys that are new. The primary key decides between two senders."""
    values = [
        {
            "source": inbox_source,
            "key": key,
            "body_hash": body_hash,
            "field_hashes_json": None,
            "answer_json": answer_json,
            "received_at": now,
        }
        for key, body_hash in hashes.items()
    ]
    return set(connection.execute(_CLAIM[connection.dialect.name], values).scalars()) if values else set()


def add_many(connection: Connection, rows: Sequence[tuple[Repayment, str]], now: datetime) -> None:
    """Record payments with their hashes."""
    if rows:
        driver.write(
            connection,
            _ADD,
            [
                vars(one) | {"kind": one.kind.value, "body_hash": body_hash, "recorded_at": now}
                for one, body_hash in rows
            ],
        )


def read_many(connection: Connection, source_code: str, ids: Sequence[str]) -> dict[str, RecordedPayment]:
    """Payment id → the payment, for those that are recorded."""
    found: dict[str, RecordedPayment] = {}
    for some in chunks(ids):
        rows = connection.execute(
            select(payments).where(payments.c.source_code == source_code, payments.c.payment_id.in_(some))
        )
        found.update((row.payment_id, recorded(row)) for row in rows)
    return found


def page(
    connection: Connection,
    wanted: PaymentFilter,
    *,
    sort: str,
    descending: bool,
    after: Sequence[Any] | None,
    limit: int,
) -> list[RecordedPayment]:
    """Up to ``limit`` payments behind ``after`` (the sort value, source and id of the last row seen)."""
    order = (payments.c[sort], payments.c.source_code, payments.c.payment_id)
    query = select(payments).where(*_conditions(wanted))
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[column.type for column in order])
        query = query.where(row < mark if descending else row > mark)
    query = query.order_by(*(column.desc() if descending else column.asc() for column in order)).limit(limit)
    return [recorded(row) for row in connection.execute(query)]


def totals(connection: Connection, wanted: PaymentFilter) -> dict[str, tuple[int, int]]:
    """Currency → how many payments match, and their signed sum (reversals and refunds count down)."""
    signed = func.sum(payments.c.amount_minor).filter(payments.c.kind == "payment")
    back = func.sum(payments.c.amount_minor).filter(payments.c.kind != "payment")
    rows: Any = connection.execute(
        select(payments.c.currency, func.count(), func.coalesce(signed, 0), func.coalesce(back, 0))
        .where(*_conditions(wanted))
        .group_by(payments.c.currency)
        .order_by(payments.c.currency)
    )
    return {currency: (int(count), int(paid) - int(returned)) for currency, count, paid, returned in rows}


def _conditions(wanted: PaymentFilter) -> list[ColumnElement[bool]]:
    c = payments.c
    equal = ("source_code", "loan_id", "kind", "channel", "currency")
    conditions: list[ColumnElement[bool]] = [
        c[name] == str(value) for name in equal if (value := getattr(wanted, name)) is not None
    ]
    if wanted.since is not None:
        conditions.append(c.value_date >= wanted.since)
    if wanted.until is not None:
        conditions.append(c.value_date < wanted.until)
    if wanted.least_minor is not None:
        conditions.append(c.amount_minor >= wanted.least_minor)
    if wanted.most_minor is not None:
        conditions.append(c.amount_minor <= wanted.most_minor)
    if wanted.text:
        conditions.append(
            or_(*(c[name].startswith(wanted.text, autoescape=True) for name in ("payment_id", "loan_id", "reference")))
        )
    return [and_(*conditions)] if conditions else []


def recorded(row: Any) -> RecordedPayment:
    """A row of the table as the payment it is."""
    values = {name: getattr(row, name) for name in CONTENT}
    values["kind"] = RepaymentKind(values["kind"])
    return RecordedPayment(Repayment(**values), row.body_hash, row.recorded_at)
