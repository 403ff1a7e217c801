"""Take-overs in the store: history rows, proof sheets, and what the placements of the new book hold of the former."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.take_over import Difference, HistoryRow, ProofLine, Spell
from ops_app.store import stored_json
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, placements
from ops_app.store.tables.take_over import history_rows, take_overs

Key = tuple[str, str, str]
_ROW = tuple(HistoryRow.__dataclass_fields__)


@dataclass(frozen=True)
class TakeOver:
    """One take-over with its proof sheet."""

    take_over_id: str
    made_by_name: str
    made_at: datetime
    rows_new: int
    cases_placed: int
    proof: tuple[ProofLine, ...]


@dataclass(frozen=True)
class KeptRow:
    """A history row with its case, or the reason why it has none."""

    row: HistoryRow
    case_id: str | None
    difference: Difference | None


def spans(connection: Connection, source_code: str) -> list[tuple[str, str, date, date | None]]:
    """Every case of a source: loan, case, opened and closed date, by loan and spell."""
    rows = connection.execute(
        select(cases.c.loan_id, cases.c.case_id, cases.c.opened_date, cases.c.closed_date)
        .where(cases.c.source_code == source_code)
        .order_by(cases.c.loan_id, cases.c.spell_no)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def own_placements(connection: Connection, ids: Collection[str], *, but: Collection[str]) -> set[str]:
    """Those of the cases that have a placement other than ``but`` (placement ids)."""
    found: set[str] = set()
    for some in chunks(list(ids)):
        rows: Any = connection.execute(
            select(placements.c.placement_id, placements.c.case_id).where(placements.c.case_id.in_(some))
        )
        found.update(case_id for placement_id, case_id in rows if placement_id not in but)
    return found


def kept(connection: Connection, *, feeds: Collection[str] = (), difference: bool | None = None) -> list[KeptRow]:
    """History rows, by feed and key; with ``difference`` only those that have a reason, or only those that have not."""
    conditions: list[ColumnElement[bool]] = []
    if feeds:
        conditions.append(history_rows.c.feed.in_(sorted(feeds)))
    if difference is not None:
        conditions.append(history_rows.c.difference.is_not(None) if difference else history_rows.c.difference.is_(None))
    rows = connection.execute(
        select(history_rows)
        .where(*conditions)
        .order_by(history_rows.c.feed, history_rows.c.source_code, history_rows.c.row_key)
    )
    return [_kept(row) for row in rows]


def difference_page(
    connection: Connection, *, feed: str | None, reason: str | None, offset: int, limit: int
) -> tuple[list[KeptRow], int]:
    """A window of the rows that stay outside, and how many match."""
    conditions: list[ColumnElement[bool]] = [history_rows.c.difference.is_not(None)]
    if feed:
        conditions.append(history_rows.c.feed == feed)
    if reason:
        conditions.append(history_rows.c.difference == reason)
    total: int = connection.execute(select(func.count()).select_from(history_rows).where(*conditions)).scalar_one()
    rows = connection.execute(
        select(history_rows)
        .where(*conditions)
        .order_by(history_rows.c.difference, history_rows.c.feed, history_rows.c.row_key, history_rows.c.source_code)
        .offset(offset)
        .limit(limit)
    )
    return [_kept(row) for row in rows], total


def of_case(connection: Connection, case_id: str) -> list[KeptRow]:
    """What the former system says happened to a case, oldest first."""
    rows = connection.execute(
        select(history_rows)
        .where(history_rows.c.case_id == case_id)
        .order_by(history_rows.c.begun_at, history_rows.c.feed, history_rows.c.row_key)
    )
    return [_kept(row) for row in rows]


def put(
    connection: Connection, take_over_id: str, rows: Sequence[tuple[HistoryRow, str | None, Difference | None]]
) -> None:
    """Enter history rows (row, case, reason why it has none); one that was there with a reason is renewed."""
    if not rows:
        return
    for row, _, _ in rows:
        connection.execute(
            delete(history_rows).where(
                history_rows.c.feed == row.feed,
                history_rows.c.source_code == row.source_code,
                history_rows.c.row_key == row.row_key,
            )
        )
    connection.execute(
        insert(history_rows),
        [
            {**asdict(row), "case_id": case_id, "difference": difference and difference.value,
             "take_over_id": take_over_id}
            for row, case_id, difference in rows
        ],
    )  # fmt: skip


def add(connection: Connection, one: TakeOver, made_by: str) -> None:
    """Enter a take-over."""
    connection.execute(
        insert(take_overs).values(
            take_over_id=one.take_over_id,
            made_by=made_by,
            made_by_name=one.made_by_name,
            made_at=one.made_at,
            rows_new=one.rows_new,
            cases_placed=one.cases_placed,
            proof_json=stored_json.write([asdict(line) for line in one.proof]),
        )
    )


def set_proof(connection: Connection, take_over_id: str, lines: Sequence[ProofLine], placed: int) -> None:
    """Enter the proof sheet of a take-over once all of it is there."""
    connection.execute(
        take_overs.update()
        .where(take_overs.c.take_over_id == take_over_id)
        .values(proof_json=stored_json.write([asdict(line) for line in lines]), cases_placed=placed)
    )


def latest(connection: Connection) -> TakeOver | None:
    """The last take-over."""
    row = connection.execute(
        select(take_overs).order_by(take_overs.c.made_at.desc(), take_overs.c.take_over_id)
    ).first()
    if row is None:
        return None
    lines = tuple(ProofLine(**line) for line in stored_json.read(row.proof_json))
    return TakeOver(row.take_over_id, row.made_by_name, row.made_at, row.rows_new, row.cases_placed, lines)


def placements_back(
    connection: Connection, ids: Mapping[str, Key]
) -> dict[Key, list[tuple[str, datetime | None, int]]]:
    """What the placements table holds of the former placements (placement id → row key): agency, end and balance."""
    found: dict[Key, list[tuple[str, datetime | None, int]]] = {}
    for some in chunks(list(ids)):
        rows = connection.execute(
            select(
                placements.c.placement_id, placements.c.agency_code, placements.c.ended_at,
                placements.c.placed_balance_minor,
            ).where(placements.c.placement_id.in_(some))
        )  # fmt: skip
        for row in rows:
            found.setdefault(ids[row[0]], []).append((row[1], row[2], int(row[3])))
    return found


def _kept(row: Any) -> KeptRow:
    values = dict(row._mapping)
    history = HistoryRow(**{name: values[name] for name in _ROW})
    return KeptRow(history, values["case_id"], Difference(values["difference"]) if values["difference"] else None)


__all__ = ["Key", "KeptRow", "Spell", "TakeOver"]
