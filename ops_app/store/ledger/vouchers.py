"""Batches of vouchers in the store, and the legs of a closed period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.vouchers import VoucherLeg
from ops_app.store.tables.books import voucher_acknowledgements, voucher_batches
from ops_app.store.tables.journal import journal_entries, journal_lines
from ops_app.store.tables.organisation import people
from ops_app.store.tables.parameters import closed_periods

_B, _A, _E, _L, _C = (
    voucher_batches.c, voucher_acknowledgements.c, journal_entries.c, journal_lines.c, closed_periods.c,
)  # fmt: skip
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Batch:
    """A batch and what the general ledger said of it; ``file_hash`` is the SHA-256 of its file."""

    batch_id: str
    number: int
    source_code: str
    period_id: str
    first_date: date
    end_date: date
    template_json: str
    entries: int
    rows: int
    file_hash: str
    made_by: str
    made_at: datetime
    made_by_name: str | None = None
    reference: str | None = None
    received_date: date | None = None
    recorded_by_name: str | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True)
class Unexported:
    """Entries of a source in a closed period (``period_id``) or since (``None``) that no batch holds."""

    source_code: str
    currency: str
    period_id: str | None
    first_date: date
    last_date: date
    entries: int
    total_minor: int


def _query() -> Select[Any]:
    maker, taker = people.alias("maker"), people.alias("taker")
    return (
        select(
            *voucher_batches.c, maker.c.display_name.label("made_by_name"), _A.reference, _A.received_date,
            taker.c.display_name.label("recorded_by_name"), _A.recorded_at,
        )
        .outerjoin(voucher_acknowledgements, _A.batch_id == _B.batch_id)
        .outerjoin(maker, maker.c.person_id == _B.made_by)
        .outerjoin(taker, taker.c.person_id == _A.recorded_by)
    )  # fmt: skip


def page(connection: Connection, offset: int, limit: int) -> tuple[list[Batch], int]:
    """A window of the batches, the newest first, and how many there are."""
    total = int(connection.execute(select(func.count()).select_from(voucher_batches)).scalar_one())
    rows = connection.execute(_query().order_by(_B.number.desc()).offset(offset).limit(limit))
    return [Batch(**row._mapping) for row in rows], total


def read(connection: Connection, batch_id: str) -> Batch | None:
    """One batch."""
    row = connection.execute(_query().where(_B.batch_id == batch_id)).first()
    return Batch(**row._mapping) if row else None


def of_period(connection: Connection, source_code: str, period_id: str) -> Batch | None:
    """The batch of a source and period."""
    row = connection.execute(_query().where(_B.source_code == source_code, _B.period_id == period_id)).first()
    return Batch(**row._mapping) if row else None


def next_number(connection: Connection) -> int:
    """The number of the next batch; the caller holds the lock of the close."""
    return int(connection.execute(select(func.coalesce(func.max(_B.number), 0))).scalar_one()) + 1


def add(connection: Connection, one: Batch) -> None:
    """Append a batch."""
    connection.execute(
        insert(voucher_batches).values({it.name: getattr(one, it.name) for it in voucher_batches.columns})
    )


def acknowledge(
    connection: Connection, batch_id: str, reference: str, received: date, by: str, now: datetime
) -> None:  # fmt: skip
    """Append what the general ledger said."""
    connection.execute(
        insert(voucher_acknowledgements).values(
            batch_id=batch_id, reference=reference, received_date=received, recorded_by=by, recorded_at=now
        )
    )


def legs(connection: Connection, source_code: str, first: date, end: date) -> Iterator[VoucherLeg]:
    """Both sides of every line of a source from ``first`` until ``end``, in the order of the entries."""
    query = (
        select(_L.accounting_date, _E.entry_no, _L.line_no, _L.debit_account, _L.credit_account, _L.component,
               _L.currency, _L.case_id, _L.amount_minor)
        .join(journal_entries, _E.entry_id == _L.entry_id)
        .where(_E.accounting_date >= first, _E.accounting_date < end, _E.source_code == source_code)
        .order_by(_E.accounting_date, _E.entry_no, _L.line_no)
    )  # fmt: skip
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        for is_credit, account in ((False, row.debit_account), (True, row.credit_account)):
            yield VoucherLeg(
                row.accounting_date, row.entry_no, row.line_no, is_credit, account, row.component or "", row.currency,
                row.case_id or "", row.amount_minor,
            )  # fmt: skip


def unexported(connection: Connection) -> list[Unexported]:
    """What no batch holds, by source, currency and closed period; what is posted after the last close is one of its
    own (without a period). Entries of a period that left are not read."""
    periods = connection.execute(
        select(_C.period_id, _C.first_date, _C.end_date).where(_C.area == "ledger").order_by(_C.first_date)
    ).all()
    gone = {(row.source_code, row.period_id) for row in connection.execute(select(_B.source_code, _B.period_id))}
    sources: set[str] = set(connection.execute(select(_E.source_code).distinct()).scalars())
    found: list[Unexported] = []
    for row in periods:
        if left := sorted(sources - {source for source, period in gone if period == row.period_id}):
            found += _sums(connection, left, row.period_id, row.first_date, row.end_date)
    return found + _sums(connection, sorted(sources), None, periods[-1].end_date if periods else date.min, date.max)


def _sums(
    connection: Connection, sources: list[str], period_id: str | None, first: date, end: date
) -> list[Unexported]:
    query = (
        select(_E.source_code, _E.currency, func.min(_E.accounting_date), func.max(_E.accounting_date), func.count(),
               func.sum(_E.total_minor))
        .where(and_(_E.accounting_date >= first, _E.accounting_date < end), _E.source_code.in_(sources))
        .group_by(_E.source_code, _E.currency).order_by(_E.source_code, _E.currency)
    )  # fmt: skip
    return [
        Unexported(row[0], row[1], period_id, row[2], row[3], int(row[4]), int(row[5]))
        for row in connection.execute(query)
    ]  # fmt: skip
