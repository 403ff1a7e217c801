"""Proof sheets in the store: appended, never changed; of one day the last revision counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash
from ops_app.domain.ledger.proof import ProofSheet, SheetRow, facts_of, rows_of
from ops_app.store import stored_json
from ops_app.store.tables.four_way import proof_sheets as sheets


def of_day(connection: Connection, business_date: date) -> list[ProofSheet]:
    """The sheets that count for a day, by book and currency."""
    last = (
        select(sheets.c.book, sheets.c.currency, func.max(sheets.c.revision).label("revision"))
        .where(sheets.c.business_date == business_date)
        .group_by(sheets.c.book, sheets.c.currency)
        .subquery()
    )
    rows = connection.execute(
        select(sheets)
        .join(
            last,
            (last.c.book == sheets.c.book)
            & (last.c.currency == sheets.c.currency)
            & (last.c.revision == sheets.c.revision),
        )
        .where(sheets.c.business_date == business_date)
        .order_by(sheets.c.book, sheets.c.currency)
    )
    return [_sheet(row) for row in rows]


def days(connection: Connection, limit: int) -> list[date]:
    """The last days that have a sheet, the newest first."""
    query = select(sheets.c.business_date).distinct().order_by(sheets.c.business_date.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def day_before(connection: Connection, business_date: date) -> date | None:
    """The last day before this one that has a sheet."""
    found: date | None = connection.execute(
        select(func.max(sheets.c.business_date)).where(sheets.c.business_date < business_date)
    ).scalar()
    return found


def add_changed(
    connection: Connection,
    business_date: date,
    found: Mapping[tuple[str, str], Sequence[SheetRow]],
    now: datetime,
) -> list[ProofSheet]:
    """Append a sheet for each book and currency (the key) whose figures differ from those kept; what was appended. A
    book that has nothing any more gets an empty sheet."""
    known = {(one.book, one.currency): one for one in of_day(connection, business_date)}
    wanted = dict.fromkeys(known, ()) | {key: tuple(rows) for key, rows in found.items()}
    added = []
    for (book, currency), rows in sorted(wanted.items()):
        facts = facts_of(rows)
        before = known.get((book, currency))
        one = ProofSheet(
            business_date, book, currency, before.revision + 1 if before else 1, rows_of(facts),
            content_hash({"business_date": business_date, "book": book, "currency": currency, "rows": facts}),
        )  # fmt: skip
        if before is None or before.content_hash != one.content_hash:
            added.append(one)
    if added:
        connection.execute(
            insert(sheets),
            [
                {
                    "business_date": one.business_date, "book": one.book, "currency": one.currency,
                    "revision": one.revision, "rows_json": stored_json.write(facts_of(one.rows)),
                    "content_hash": one.content_hash, "made_at": now,
                }
                for one in added
            ],
        )  # fmt: skip
    return added


def _sheet(row: Any) -> ProofSheet:
    return ProofSheet(
        row.business_date, row.book, row.currency, row.revision, rows_of(stored_json.read(row.rows_json)),
        row.content_hash,
    )  # fmt: skip
