"""Imports in the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.imports import WORKING, ImportState
from ops_app.store import stored_json
from ops_app.store.tables.imports import import_corrections, imports
from ops_app.store.tables.operations import runs

OBJECT = "import"
SORTS = {"uploaded_at": imports.c.uploaded_at, "file_date": imports.c.file_date, "file_name": imports.c.file_name}


@dataclass(frozen=True)
class Import:
    """One import as it is kept. Row counts are None until it was read."""

    import_id: str
    state: ImportState
    version: int
    file_name: str
    content_sha256: str
    file_bytes: int
    file_date: date
    template: str
    entry: str
    feed: str
    source_code: str
    uploaded_by: str
    uploaded_by_name: str
    uploaded_at: datetime
    changed_by_name: str
    changed_at: datetime
    rows_in: int | None = None
    rows_accepted: int | None = None
    rows_quarantined: int | None = None
    refusal: str | None = None
    refusal_en: str | None = None
    refusal_zh: str | None = None
    file_id: str | None = None
    rows_repeated: int | None = None
    repeats_before: int | None = None
    """Rows that other files of the feed shared with one another before this import was loaded."""
    applied_by: str | None = None
    applied_at: datetime | None = None
    said_en: str | None = None
    said_zh: str | None = None
    """What the work last said: why it waits, why it went back, why it stays."""
    agency_code: str | None = None
    """The agency that brought it; None: the asset company."""
    typed_rows: int | None = None
    typed_sum: str | None = None
    """Control totals that were typed beside the file; the sum in major units, of the first amount of the feed."""
    found_sum: str | None = None
    """The sum of the same amount as the file has it, where a sum was typed."""
    given_up_at: datetime | None = None
    """When a person gave it up after it was confirmed; it is discarded unless something of it was loaded."""

    @property
    def rows_agree(self) -> bool | None:
        """Whether the file has as many rows as were typed; None where none were, or it was not read."""
        return None if self.typed_rows is None or self.rows_in is None else self.typed_rows == self.rows_in

    @property
    def sum_agrees(self) -> bool | None:
        """Whether the file has the sum that was typed; None where none was, or it was not read."""
        if self.typed_sum is None or self.found_sum is None:
            return None
        return Decimal(self.typed_sum) == Decimal(self.found_sum)

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of an import; no value of any row."""
        return {
            "file": self.file_name,
            "sha256": self.content_sha256,
            "file_date": self.file_date,
            "template": self.template,
            "entry": self.entry,
            "rows_in": self.rows_in,
            "rows_accepted": self.rows_accepted,
            "rows_quarantined": self.rows_quarantined,
            "agency": self.agency_code,
            "typed_rows": self.typed_rows,
            "typed_sum": self.typed_sum,
        }


@dataclass(frozen=True)
class RowCorrection:
    """What a person decided about one refused row; ``outcome`` is None until it was applied."""

    import_id: str
    line_no: int
    decision: str
    corrected: Mapping[str, str | None]
    reason: str
    made_by: str
    made_by_name: str
    made_at: datetime
    outcome: str | None


def _import(row: Row[Any]) -> Import:
    values = dict(row._mapping)
    return Import(state=ImportState(values.pop("state")), **values)


def by_id(connection: Connection, import_id: str, *, lock: bool = False) -> Import | None:
    """The import of an id; ``lock`` holds it until the end of the transaction."""
    wanted = select(imports).where(imports.c.import_id == import_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    return None if row is None else _import(row)


def add(connection: Connection, one: Import) -> None:
    """Insert an import."""
    connection.execute(insert(imports).values(**{**vars(one), "state": one.state.value}))


def change(connection: Connection, one: Import, values: Mapping[str, object]) -> bool:
    """Change an import that still is as it was read; its version grows. Says whether it did."""
    done = connection.execute(
        update(imports)
        .where(imports.c.import_id == one.import_id, imports.c.version == one.version)
        .values(version=one.version + 1, **values)
    )
    return done.rowcount == 1


def page(
    connection: Connection,
    *,
    states: Collection[ImportState],
    feed: str | None,
    agency_code: str | None = None,
    template: str | None = None,
    uploaded_by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[list[Import], int]:
    """A window of imports and how many match; ``until`` (the moment of uploading) is excluded."""
    conditions: list[ColumnElement[bool]] = []
    if states:
        conditions.append(imports.c.state.in_(sorted(state.value for state in states)))
    if agency_code is not None:
        conditions.append(imports.c.agency_code == agency_code)
    for column, value in ((imports.c.feed, feed), (imports.c.template, template), (imports.c.uploaded_by, uploaded_by)):
        if value:
            conditions.append(column == value)
    if since is not None:
        conditions.append(imports.c.uploaded_at >= since)
    if until is not None:
        conditions.append(imports.c.uploaded_at < until)
    total: int = connection.execute(select(func.count()).select_from(imports).where(*conditions)).scalar_one()
    by = SORTS[sort]
    order = (by.desc(), imports.c.import_id.desc()) if descending else (by, imports.c.import_id)
    rows = connection.execute(select(imports).where(*conditions).order_by(*order).offset(offset).limit(limit))
    return [_import(row) for row in rows], total


def feeds(connection: Connection, agency_code: str | None) -> list[str]:
    """The feeds of which there are imports (of one agency)."""
    query = select(imports.c.feed).distinct().order_by(imports.c.feed)
    if agency_code is not None:
        query = query.where(imports.c.agency_code == agency_code)
    return list(connection.execute(query).scalars())


def templates(connection: Connection, agency_code: str | None) -> list[str]:
    """The templates through which there are imports (of one agency)."""
    query = select(imports.c.template).distinct().order_by(imports.c.template)
    if agency_code is not None:
        query = query.where(imports.c.agency_code == agency_code)
    return list(connection.execute(query).scalars())


def importers(connection: Connection, agency_code: str | None) -> dict[str, str]:
    """Whoever brought a file (of one agency): id and the name they had last by order."""
    query = select(imports.c.uploaded_by, func.max(imports.c.uploaded_by_name)).group_by(imports.c.uploaded_by)
    if agency_code is not None:
        query = query.where(imports.c.agency_code == agency_code)
    return {str(person): str(name) for person, name in sorted(connection.execute(query).tuples(), key=lambda it: it[1])}


def of_content(
    connection: Connection, content_sha256: str, template: str, entry: str, source_code: str
) -> Import | None:
    """The newest import of the same bytes of a source through the same entry that is not over."""
    over = [ImportState.DISCARDED.value, ImportState.REVERSED.value]
    row = connection.execute(
        select(imports)
        .where(
            imports.c.content_sha256 == content_sha256,
            imports.c.template == template,
            imports.c.entry == entry,
            imports.c.source_code == source_code,
            imports.c.state.not_in(over),
        )
        .order_by(imports.c.uploaded_at.desc(), imports.c.import_id)
        .limit(1)
    ).first()
    return None if row is None else _import(row)


def waiting(connection: Connection) -> list[Import]:
    """Imports that wait for work, oldest first; applied ones where a correction waits to be replayed."""
    open_corrections = select(import_corrections.c.import_id).where(import_corrections.c.outcome.is_(None))
    rows = connection.execute(
        select(imports)
        .where(
            or_(
                imports.c.state.in_(sorted(state.value for state in WORKING)),
                and_(imports.c.state == ImportState.APPLIED.value, imports.c.import_id.in_(open_corrections)),
            )
        )
        .order_by(imports.c.uploaded_at, imports.c.import_id)
    )
    return [_import(row) for row in rows]


def put_correction(connection: Connection, one: RowCorrection) -> None:
    """Keep a correction; a second one of the same row takes the place of the first."""
    values = {
        "decision": one.decision,
        "corrected_json": stored_json.write(dict(one.corrected)),
        "reason": one.reason,
        "made_by": one.made_by,
        "made_by_name": one.made_by_name,
        "made_at": one.made_at,
        "outcome": one.outcome,
    }
    same = (import_corrections.c.import_id == one.import_id, import_corrections.c.line_no == one.line_no)
    if connection.execute(update(import_corrections).where(*same).values(**values)).rowcount == 0:
        connection.execute(insert(import_corrections).values(import_id=one.import_id, line_no=one.line_no, **values))


def corrections(connection: Connection, import_id: str) -> list[RowCorrection]:
    """Corrections of an import, by line."""
    rows = connection.execute(
        select(import_corrections)
        .where(import_corrections.c.import_id == import_id)
        .order_by(import_corrections.c.line_no)
    )
    return [
        RowCorrection(
            row.import_id, row.line_no, row.decision, stored_json.read(row.corrected_json), row.reason, row.made_by,
            row.made_by_name, row.made_at, row.outcome,
        )
        for row in rows
    ]  # fmt: skip


def note_outcomes(connection: Connection, import_id: str, outcomes: Mapping[int, str]) -> None:
    """What became of corrections: line → outcome."""
    for line_no, outcome in sorted(outcomes.items()):
        connection.execute(
            update(import_corrections)
            .where(import_corrections.c.import_id == import_id, import_corrections.c.line_no == line_no)
            .values(outcome=outcome)
        )


def run_since(connection: Connection, kind: str, since: datetime, but: str) -> tuple[str, date] | None:
    """The first run of another kind than ``kind`` that was under way at ``since`` or later, other than the run ``but``:
    its kind and date."""
    row = connection.execute(
        select(runs.c.kind, runs.c.business_date)
        .where(runs.c.kind != kind, runs.c.run_id != but, or_(runs.c.ended_at.is_(None), runs.c.ended_at >= since))
        .order_by(runs.c.started_at)
        .limit(1)
    ).first()
    return None if row is None else (row.kind, row.business_date)
