"""Imports by people: brought, previewed, corrected, confirmed, replayed, reversed until used (27, R0.4).

Nothing of a file counts before it is confirmed. What a confirmation, a replay or a reversal does to the warehouse is
done by ``import_work`` within the pipeline; here it is decided and kept that it shall be done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.imports import (
    AGENCY_FEEDS,
    ImportChanged,
    ImportMove,
    ImportState,
    ImportUsed,
    NoSuchImport,
    NothingToLoad,
    agency_of_source,
    checked_decision,
    checked_file_date,
    checked_file_name,
    checked_reason,
    may_reverse,
    move,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.installation import installation
from ops_app.store.organisation import imports
from ops_app.store.organisation.imports import OBJECT, Import, RowCorrection
from ops_app.store.store import Store, Transaction
from ops_app.store.zone import begin_of

__all__ = ["Import", "ImportsPage", "RowCorrection", "Upload"]

SORTS = tuple(imports.SORTS)


@dataclass(frozen=True)
class Upload:
    """A file as it was brought: its name, its bytes by hash and size, and through which entry of a template it goes."""

    file_name: str
    content_sha256: str
    file_bytes: int
    file_date: date | None
    template: str
    entry: str
    feed: str
    source_code: str
    typed_rows: int | None = None
    typed_sum: str | None = None


@dataclass(frozen=True)
class ImportsPage:
    """One page of imports, and how many match."""

    rows: tuple[Import, ...]
    total: int


class FileHereAlready(Invalid):
    """The same bytes were brought before and that import is not over: there is nothing to do twice."""

    def __init__(self, one: Import) -> None:
        day = one.uploaded_at.astimezone(installation().zone).date().isoformat()
        super().__init__(
            f"This file was imported already: {one.file_name}, by {one.uploaded_by_name}, {day}. Nothing was done.",
            f"该文件已导入：{one.file_name}，{one.uploaded_by_name}，{day}。未做任何处理。",
            field="file",
        )


@act("imports.make")
def enter_import(
    actor: Actor, store: Store, *, now: datetime, today: date, import_id: str, upload: Upload, key: str
) -> Import:
    """Enter a file that lies ready under ``import_id``; it is read next. Idempotent by ``key``.

    Raises ``FileHereAlready`` for bytes that another import holds, ``Invalid`` beside the field.
    """
    one = Import(
        import_id=import_id,
        state=ImportState.READING,
        version=1,
        file_name=checked_file_name(upload.file_name),
        content_sha256=upload.content_sha256,
        file_bytes=upload.file_bytes,
        file_date=checked_file_date(upload.file_date, today),
        template=upload.template,
        entry=upload.entry,
        feed=upload.feed,
        source_code=upload.source_code,
        uploaded_by=actor.person_id,
        uploaded_by_name=actor.name,
        uploaded_at=now,
        changed_by_name=actor.name,
        changed_at=now,
        agency_code=actor.agency_code,
        typed_rows=upload.typed_rows,
        typed_sum=upload.typed_sum,
    )
    _check_whose(one)
    typed = [one.typed_rows, one.typed_sum] if one.typed_rows is not None or one.typed_sum is not None else []
    body = content_hash([one.content_sha256, one.template, one.entry, one.file_date, one.agency_code, *typed])
    key = key if actor.agency_code is None else f"{actor.agency_code}/{key}"  # an agency's keys are its own
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("imports", key, body)
        claim.refuse_conflict()
        if not claim.is_new:
            return _found(transaction, str(claim.answer["import_id"]))
        known = imports.of_content(transaction.connection, one.content_sha256, one.template, one.entry, one.source_code)
        if known is not None:
            raise FileHereAlready(known)
        imports.add(transaction.connection, one)
        transaction.audit("import.uploaded", OBJECT, one.import_id, after=one.facts())
        transaction.answer("imports", key, {"import_id": import_id})
    return one


def new_import_id() -> str:
    """An id that nobody can guess."""
    return uuid4().hex


@act("imports.view")
def list_imports(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    states: Collection[ImportState] = (),
    feed: str | None = None,
    template: str | None = None,
    uploaded_by: str | None = None,
    since: date | None = None,
    until: date | None = None,
    sort: str = "uploaded_at",
    descending: bool = True,
    page: int = 1,
    page_size: int = 50,
) -> ImportsPage:
    """Imports, newest first unless sorted otherwise; ``since`` and ``until`` (both included) are days of uploading."""
    check_page(page, page_size)
    check_sort(sort, imports.SORTS, "Imports")
    with store.reading() as connection:
        rows, total = imports.page(
            connection,
            states=states,
            feed=feed,
            agency_code=actor.agency_code,
            template=template,
            uploaded_by=uploaded_by,
            since=begin_of(since) if since else None,
            until=begin_of(until + timedelta(days=1)) if until else None,
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return ImportsPage(tuple(rows), total)


@act("imports.view")
def imported_feeds(actor: Actor, store: Store, *, now: datetime) -> list[str]:
    """The feeds of which there are imports, for a filter."""
    with store.reading() as connection:
        return imports.feeds(connection, actor.agency_code)


@act("imports.view")
def import_templates(actor: Actor, store: Store, *, now: datetime) -> list[str]:
    """The templates through which there are imports, for a filter."""
    with store.reading() as connection:
        return imports.templates(connection, actor.agency_code)


@act("imports.view")
def importers(actor: Actor, store: Store, *, now: datetime) -> dict[str, str]:
    """Whoever brought a file of the reader's house, id and name, for a filter."""
    with store.reading() as connection:
        return imports.importers(connection, actor.agency_code)


@act("imports.view")
def read_import(actor: Actor, store: Store, *, now: datetime, import_id: str) -> Import:
    """One import; raises ``NoSuchImport``."""
    with store.reading() as connection:
        return _own(actor, imports.by_id(connection, import_id))


@act("imports.make")
def read_corrections(actor: Actor, store: Store, *, now: datetime, import_id: str) -> list[RowCorrection]:
    """The corrections of an import, by line, with what became of them."""
    with store.reading() as connection:
        _own(actor, imports.by_id(connection, import_id))
        return imports.corrections(connection, import_id)


@act("imports.make")
def correct_import_row(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    import_id: str,
    expected_version: int,
    line_no: int,
    columns: Collection[str],
    decision: str,
    corrected: Mapping[str, str | None],
    reason: str,
) -> Import:
    """Decide about a refused row of a file: its values corrected (``replay``), or ``discard``.

    Before the confirmation the file is read again with what was corrected; afterwards the row waits for the replay.
    ``columns`` are the columns of the row. Raises ``Invalid`` beside the field, ``ImportChanged``.
    """
    checked_decision(decision, corrected, columns)
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _as_read(transaction, import_id, expected_version)
        state = move(one.state, ImportMove.CORRECT)
        row = RowCorrection(import_id, line_no, decision, dict(corrected), why, actor.person_id, actor.name, now, None)
        imports.put_correction(transaction.connection, row)
        changed = _change(transaction, one, state)
        # the values are personal data of debtors, so the log says which columns, not what they hold
        after = {"line_no": line_no, "decision": decision, "columns": sorted(corrected)}
        transaction.audit("import.corrected", OBJECT, import_id, after=after, reason=why)
    return changed


@act("imports.make")
def type_totals(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    import_id: str,
    expected_version: int,
    typed_rows: int | None,
    typed_sum: str | None,
) -> Import:
    """Type other control totals beside a previewed file (None: none); it is read again with them.

    Raises ``ImportChanged``, ``ImportMoveNotAllowed`` once it was confirmed.
    """
    with store.writing(actor, now) as transaction:
        one = _as_read(transaction, import_id, expected_version)
        return change_totals(transaction, one, typed_rows, typed_sum)


@act("imports.make")
def confirm_import(actor: Actor, store: Store, *, now: datetime, import_id: str, expected_version: int) -> Import:
    """Confirm what the preview showed: it is applied in one transaction.

    Raises ``NothingToLoad`` while the file is refused as a whole, ``ImportChanged``, ``ImportMoveNotAllowed``.
    """
    with store.writing(actor, now) as transaction:
        one = _as_read(transaction, import_id, expected_version)
        state = move(one.state, ImportMove.CONFIRM)
        if one.refusal is not None:
            raise NothingToLoad(one.refusal_en or one.refusal, one.refusal_zh or one.refusal)
        said = {"said_en": None, "said_zh": None, "given_up_at": None}
        changed = _change(transaction, one, state, applied_by=actor.person_id, **said)
        transaction.audit("import.confirmed", OBJECT, import_id, after=changed.facts())
    return changed


@act("imports.make")
def discard_import(
    actor: Actor, store: Store, *, now: datetime, import_id: str, expected_version: int, reason: str
) -> Import:
    """Give up an import of which nothing was applied; its bytes and its counts are kept as evidence.

    One that was confirmed may have been loaded by a process that was killed: it is noted as given up, and the work
    discards it unless it finds it in the warehouse. Until then its state does not change.
    """
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _as_read(transaction, import_id, expected_version)
        if one.state is ImportState.CONFIRMED:
            state = move(one.state, ImportMove.GIVE_UP)
            changed = _change(transaction, one, state, given_up_at=now, said_en=None, said_zh=None)
            transaction.audit("import.given_up", OBJECT, import_id, after=one.facts(), reason=why)
            return changed
        changed = _change(transaction, one, move(one.state, ImportMove.DISCARD))
        transaction.audit("import.discarded", OBJECT, import_id, after=one.facts(), reason=why)
    return changed


@act("imports.make")
def ask_reversal(
    actor: Actor, store: Store, *, now: datetime, import_id: str, expected_version: int, reason: str
) -> Import:
    """Have an applied import taken back. Raises ``ImportUsed`` where a run has read its rows, or its feed never goes
    back; the work looks again before it removes anything."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _as_read(transaction, import_id, expected_version)
        state = move(one.state, ImportMove.REVERSE)
        refuse_used(transaction.connection, one)
        changed = _change(transaction, one, state, said_en=None, said_zh=None)
        transaction.audit("import.reversal_asked", OBJECT, import_id, after=one.facts(), reason=why)
    return changed


def change_totals(transaction: Transaction, one: Import, typed_rows: int | None, typed_sum: str | None) -> Import:
    """Within an act: type the control totals of an import of which nothing was confirmed; it is read (again)."""
    state = one.state if one.state is ImportState.READING else move(one.state, ImportMove.TYPE_TOTALS)
    changed = _change(transaction, one, state, typed_rows=typed_rows, typed_sum=typed_sum, found_sum=None)
    transaction.audit("import.totals_typed", OBJECT, one.import_id, before=one.facts(), after=changed.facts())
    return changed


def refuse_used(connection: Connection, one: Import, run_id: str = "") -> None:
    """Raise ``ImportUsed`` where something downstream may have read the rows of an applied import.

    Rows in the warehouse are read by runs alone (reconciliation, intake of cases, marts, snapshots), and one run
    works at a time. So an import is used as soon as any run but an import's was under way after it was applied;
    ``run_id`` is the run that asks before it has read anything.
    """
    if not may_reverse(one.feed):
        raise ImportUsed(
            "rows of other feeds are worked out from this feed as it is loaded.", "该数据源入库时已据此推算其他数据，"
        )
    used = imports.run_since(connection, IMPORT_RUN, one.applied_at, run_id) if one.applied_at else None
    if used is not None:
        kind, day = used
        raise ImportUsed(f"the run {kind} of {day} has read its rows.", f"{day} 的运行已使用其数据，")


IMPORT_RUN = "import"
"""The kind of run under whose lease an import writes the warehouse."""


def _found(transaction: Transaction, import_id: str) -> Import:
    return _own(transaction.actor, imports.by_id(transaction.connection, import_id, lock=True))


def _own(actor: Actor, found: Import | None) -> Import:
    """An agency's people reach what their own agency brought; everything else is not there."""
    if found is None or actor.agency_code not in (None, found.agency_code):
        raise NoSuchImport
    return found


def _check_whose(one: Import) -> None:
    """An agency's file stands under the agency's own source code and is of a feed that agencies bring."""
    agency = agency_of_source(one.source_code)
    if agency != one.agency_code or (agency is not None and one.feed not in AGENCY_FEEDS):
        raise NotFound("There is no such template.", "没有该模板。")


def _as_read(transaction: Transaction, import_id: str, expected_version: int) -> Import:
    found = _found(transaction, import_id)
    if found.version != expected_version:
        raise ImportChanged(found.changed_by_name, found.state)
    return found


def _change(transaction: Transaction, one: Import, state: ImportState, **values: object) -> Import:
    return change_import(transaction, one, {"state": state.value, **values})


def change_import(transaction: Transaction, one: Import, values: Mapping[str, object]) -> Import:
    """Change an import within an act; raises ``ImportChanged`` where another act was faster."""
    noted = {"changed_by_name": transaction.actor.name, "changed_at": transaction.now}
    if not imports.change(transaction.connection, one, {**values, **noted}):
        raise ImportChanged(one.changed_by_name, one.state)
    found = imports.by_id(transaction.connection, one.import_id)
    return found if found is not None else replace(one, version=one.version + 1)
