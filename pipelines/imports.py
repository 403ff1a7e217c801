"""The work on imports: reading for the preview, and under the lease of a run loading, replaying and taking back.

An import goes through the very ``Ingest`` that files of the inbound folder go through, with its corrections replayed
in the same transaction: all of what was confirmed, or nothing. Every step may be killed and done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl

from ops_app.bootstrap import App
from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Conflict, DomainError
from ops_app.domain.organisation.imports import (
    FEEDS_WITH_AMOUNT,
    ImportState,
    ImportUsed,
    checked_typed_rows,
    checked_typed_sum,
)
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.snapshots import current_snapshot
from ops_app.services.organisation import import_work, runs
from ops_app.services.organisation.import_work import LoadOutcome, ReadOutcome
from ops_app.services.organisation.imports import IMPORT_RUN, Import, RowCorrection
from pipelines.agency_files import custody_of, template_of
from pipelines.corrections import replay_in_file
from pipelines.expectations.definitions import load_feed
from pipelines.fingerprints import keep_copy
from pipelines.import_preview import Asked, preview
from pipelines.import_reversal import RowsShared, repeats_of_others, take_out
from pipelines.ingest_file import Ingest, Prepared
from pipelines.lease import held_lease
from pipelines.operations_file import AUDIENCE, publish_operations
from pipelines.readers.limited import Reader, reader
from pipelines.readers.templates import load_template
from pipelines.warehouse import Connection, Warehouse, rows

Progress = Callable[[int, int, str], None]
_WAITS = (
    "A run is under way. The import is applied by the next run, or when it is tried again after this one.",
    "有运行正在进行。该导入将由下一次运行处理，或在本次运行结束后重试。",
)

_LOADED = (
    "The warehouse already had this file when it was given up, so it counts as applied. Take it back instead.",
    "作废时仓库中已有该文件，因此按已入库处理。请改用撤销导入。",
)


def _silent(_done: int, _total: int, _what: str) -> None:
    return None


class NotAsPreviewed(Exception):
    """Loading came to something else than what was confirmed; nothing was loaded."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def upload_path(app: App, one: Import) -> Path:
    """Where the bytes of an import lie."""
    return app.settings.imports / one.import_id / one.file_name


def type_totals(app: App, import_id: str, typed_rows: str | None, typed_sum: str | None) -> Import:
    """Type control totals from the command line; raises ``Invalid``, ``NoSuchImport``, ``ImportMoveNotAllowed``."""
    one, _ = _read(app, import_id)
    return import_work.state_totals(
        SYSTEM,
        app.store,
        now=app.clock.now(),
        import_id=import_id,
        typed_rows=checked_typed_rows(typed_rows),
        typed_sum=checked_typed_sum(typed_sum, has_amount=one.feed in FEEDS_WITH_AMOUNT),
    )


def declare(app: App, one: Import) -> None:
    """Lay the control totals that were typed beside the file, where a sender's control file would lie."""
    path = upload_path(app, one)
    control = path.with_name(path.name + ".control.json")
    if one.typed_rows is None and one.typed_sum is None:
        control.unlink(missing_ok=True)
        return
    column = load_feed(one.feed).sum_column
    sums = {column: one.typed_sum} if one.typed_sum is not None else {}
    unfinished = control.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"rows": one.typed_rows, "sums": sums}), encoding="utf-8")
    unfinished.replace(control)


def work_on(app: App, import_id: str, progress: Progress = _silent) -> Import:
    """Do what one import waits for, in this process. Where a run holds the warehouse it waits on and says so."""
    one, corrections = _read(app, import_id)
    if one.state is ImportState.READING:
        return _preview(app, one, corrections, progress)
    if not _waits(one, corrections):
        return one
    day = app.clock.now().astimezone(app.settings.zone).date()
    with ExitStack() as held:
        try:
            run_id, _lost = held.enter_context(held_lease(app, IMPORT_RUN, day, uuid4().hex))
        except Conflict:
            import_work.note_waiting(
                SYSTEM, app.store, now=app.clock.now(), import_id=import_id, en=_WAITS[0], zh=_WAITS[1]
            )
            return _read(app, import_id)[0]
        done: dict[str, str] = {}
        try:
            one = Worker(app, Warehouse(app.settings.warehouse_path), run_id, progress).work(import_id)
            done = {"import": one.file_name, "state": one.state.value}
        finally:
            runs.end_run(SYSTEM, app.store, now=app.clock.now(), run_id=run_id, succeeded=bool(done), detail=done)
    return one


def work_within(app: App, warehouse: Warehouse, run_id: str, progress: Progress | None = None) -> int:
    """Do what imports wait for at the start of a run that holds the lease, before it has read anything; how many.

    One that fails is noted and keeps its place; the others go on.
    """
    waiting = [
        one
        for one in import_work.waiting_imports(SYSTEM, app.store, now=app.clock.now())
        if one.state is not ImportState.READING
    ]
    worker = Worker(app, warehouse, run_id, progress or _silent)
    for one in waiting:
        try:
            worker.work(one.import_id)
        except (RuntimeError, DomainError, OSError, duckdb.Error) as error:
            said = error.en if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
            with suppress(Conflict):
                import_work.note_waiting(
                    SYSTEM, app.store, now=app.clock.now(), import_id=one.import_id, en=said, zh=said
                )
    return len(waiting)


def _read(app: App, import_id: str) -> tuple[Import, list[RowCorrection]]:
    return import_work.import_to_work(SYSTEM, app.store, now=app.clock.now(), import_id=import_id)


def _waits(one: Import, corrections: list[RowCorrection]) -> bool:
    if one.state is ImportState.APPLIED:
        return any(row.outcome is None for row in corrections)
    return one.state in (ImportState.CONFIRMED, ImportState.REVERSING)


def _preview(app: App, one: Import, corrections: list[RowCorrection], progress: Progress) -> Import:
    progress(0, 2, "read")
    decided = {row.line_no: row.corrected if row.decision == "replay" else None for row in corrections}
    declare(app, one)
    custody = custody_of(app, one.agency_code)
    with reader() as process:
        asked = Asked(upload_path(app, one), one.template, one.entry, one.file_date, decided, one.agency_code, custody)
        found = preview(app.settings, asked, process)
    progress(1, 2, "read")
    outcome = ReadOutcome(found.rows_in, found.accepted, found.quarantined, found.refusal, found.found_sum)
    done = import_work.note_read(SYSTEM, app.store, now=app.clock.now(), one=one, found=outcome)
    progress(2, 2, "read")
    return done


@dataclass
class Worker:
    """Works on imports while it holds the lease of ``run_id``."""

    app: App
    warehouse: Warehouse
    run_id: str
    progress: Progress = _silent
    _process: Reader | None = field(default=None)

    def work(self, import_id: str) -> Import:
        """Load, replay or take back one import, whichever it waits for."""
        one, corrections = _read(self.app, import_id)
        act = {
            ImportState.CONFIRMED: self._apply if one.given_up_at is None else self._drop,
            ImportState.APPLIED: self._replay,
            ImportState.REVERSING: self._reverse,
        }.get(one.state)
        if act is None:
            return one
        with self.warehouse.open() as connection:
            done = act(connection, one, corrections)
            self.progress(3, 4, "publish")
            shown = current_snapshot(self.app.settings.published, AUDIENCE)
            publish_operations(self.warehouse, self.app.settings, shown.business_date if shown else one.file_date)
        self.progress(4, 4, "publish")
        return done

    # --- loading

    def _apply(self, connection: Connection, one: Import, corrections: list[RowCorrection]) -> Import:
        settings, now = self.app.settings, self.app.clock.now
        self.progress(0, 4, "read")
        template = template_of(load_template(one.template, settings.template_dirs), one.agency_code)
        declare(self.app, one)
        custody = custody_of(self.app, one.agency_code)
        with reader() as process:
            entry = template.entry(one.entry)
            ingest = Ingest(connection, self.warehouse, settings, template, entry, process, custody)
            if one.file_id is not None and _counts(connection, one, one.file_id) is not None:
                # loaded by a process that was killed before it could say so
                return self._loaded_before(connection, one, one.file_id, corrections)
            content, kept = keep_copy(upload_path(self.app, one), settings.evidence / "feeds")
            prepared = ingest.prepare(upload_path(self.app, one), one.file_date, content, kept)
            if not isinstance(prepared, Prepared):
                did = self._outcome(connection, one, prepared.file_id, {}, repeated=True)
                return import_work.note_applied(SYSTEM, self.app.store, now=now(), one=one, did=did)
            try:
                return self._load(connection, one, corrections, prepared, process)
            except NotAsPreviewed as error:
                one, _ = _read(self.app, one.import_id)
                return import_work.note_sent_back(SYSTEM, self.app.store, now=now(), one=one, en=error.en, zh=error.zh)
            finally:
                prepared.forget()

    def _drop(self, connection: Connection, one: Import, corrections: list[RowCorrection]) -> Import:
        """Discard what was given up after it was confirmed; what was loaded all the same stays, and is said to."""
        self.progress(1, 4, "check")
        if one.file_id is not None and _counts(connection, one, one.file_id) is not None:
            return self._loaded_before(connection, one, one.file_id, corrections, _LOADED)
        return import_work.note_dropped(SYSTEM, self.app.store, now=self.app.clock.now(), one=one)

    def _loaded_before(
        self,
        connection: Connection,
        one: Import,
        file_id: str,
        corrections: list[RowCorrection],
        said: tuple[str, str] | None = None,
    ) -> Import:
        did = self._outcome(connection, one, file_id, _settled(connection, one, file_id, corrections))
        return import_work.note_applied(SYSTEM, self.app.store, now=self.app.clock.now(), one=one, did=did, said=said)

    def _load(
        self,
        connection: Connection,
        one: Import,
        corrections: list[RowCorrection],
        prepared: Prepared,
        process: Reader,
    ) -> Import:
        file_id = prepared.outcome.file_id
        self.progress(1, 4, "check")
        verdicts = prepared.ingest.expectations(prepared)
        one = import_work.note_applying(
            SYSTEM,
            self.app.store,
            now=self.app.clock.now(),
            one=one,
            file_id=file_id,
            repeats_before=repeats_of_others(connection, one.source_code, one.feed, file_id),
        )
        self.progress(2, 4, "load")
        with self.warehouse.transaction():
            prepared.load(verdicts)
            outcomes = self._replayed(connection, one, file_id, corrections, process)
            did = self._outcome(connection, one, file_id, outcomes)
            if (did.rows_accepted, did.rows_quarantined) != (one.rows_accepted, one.rows_quarantined):
                raise NotAsPreviewed(
                    f"The preview showed {one.rows_accepted} rows accepted, loading came to {did.rows_accepted}."
                    " Nothing was loaded: look at it again.",
                    f"预览为接受 {one.rows_accepted} 行，入库结果为 {did.rows_accepted} 行。未入库，请重新查看。",
                )
        return import_work.note_applied(SYSTEM, self.app.store, now=self.app.clock.now(), one=one, did=did)

    def _replayed(
        self, connection: Connection, one: Import, file_id: str, corrections: list[RowCorrection], process: Reader
    ) -> dict[int, str]:
        waiting = [row for row in corrections if row.outcome is None]
        if not waiting:
            return {}
        frame = pl.DataFrame(
            [(str(row.line_no), row.line_no, row.decision, canonical_json(dict(row.corrected))) for row in waiting],
            schema={
                "correction_id": pl.String, "line_no": pl.Int64, "decision": pl.String, "corrected_json": pl.String,
            },
            orient="row",
        )  # fmt: skip
        identity = (file_id, one.template, one.entry)
        custody = custody_of(self.app, one.agency_code)
        answered = replay_in_file(connection, self.app.settings, process, identity, frame, custody)
        return {int(line): outcome for line, outcome in answered.items()}

    def _outcome(
        self, connection: Connection, one: Import, file_id: str, outcomes: dict[int, str], *, repeated: bool = False
    ) -> LoadOutcome:
        rows_in, accepted, quarantined, known = _counts(connection, one, file_id) or (0, 0, 0, 0)
        return LoadOutcome(file_id, rows_in, accepted, quarantined, known, repeated, outcomes)

    # --- afterwards

    def _replay(self, connection: Connection, one: Import, corrections: list[RowCorrection]) -> Import:
        if one.file_id is None or not _waits(one, corrections):
            return one
        self.progress(1, 4, "replay")
        with reader() as process, self.warehouse.transaction():
            outcomes = self._replayed(connection, one, one.file_id, corrections, process)
            did = self._outcome(connection, one, one.file_id, outcomes)
        return import_work.note_replayed_rows(SYSTEM, self.app.store, now=self.app.clock.now(), one=one, did=did)

    def _reverse(self, connection: Connection, one: Import, _: list[RowCorrection]) -> Import:
        self.progress(1, 4, "reverse")
        store, now = self.app.store, self.app.clock.now
        try:
            import_work.check_unused(SYSTEM, store, now=now(), import_id=one.import_id, run_id=self.run_id)
            with self.warehouse.transaction():
                take_out(connection, one)
        except (ImportUsed, RowsShared) as error:
            return import_work.note_kept(SYSTEM, store, now=now(), one=one, en=error.en, zh=error.zh)
        return import_work.note_reversed(SYSTEM, store, now=now(), one=one)


def _settled(connection: Connection, one: Import, file_id: str, corrections: list[RowCorrection]) -> dict[int, str]:
    """What became of the corrected lines of a file, as the warehouse has them."""
    found = rows(
        connection,
        "select line_no, case state when 'replayed' then 'accepted' when 'discarded' then 'discarded'"
        " else reason_en end from raw.quarantine where file_id = ? and template = ? and entry = ? and is_primary",
        (file_id, one.template, one.entry),
    )
    became = dict(found)
    return {row.line_no: became.get(row.line_no, "not open") for row in corrections}


def _counts(connection: Connection, one: Import, file_id: str) -> tuple[int, int, int, int] | None:
    """Rows in, accepted, quarantined and repeated of a file as the warehouse has it; None where it does not."""
    found = rows(
        connection,
        "select rows_in, rows_accepted, rows_quarantined, rows_repeated from raw.files"
        " where file_id = ? and template = ? and entry = ?",
        (file_id, one.template, one.entry),
    )
    return (found[0][0], found[0][1], found[0][2], found[0][3]) if found else None
