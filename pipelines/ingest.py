"""Files into the warehouse: fingerprint, read in a limited process, decide, check, load, all of a file or nothing.

The same file twice is a no-op; ``rows_in = accepted + quarantined`` for every file; every quarantined row has its
reasons; a file whose control totals disagree or whose refused share is too large loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from ops_app.config import Settings
from ops_app.domain.errors import Invalid
from pipelines.expectations.suite import SLICE_ROWS, ExpectationsDisagree, Verdict, validate_rows
from pipelines.fingerprints import keep_copy, shown
from pipelines.inbound import date_of_file, only_entry, unwanted_files, waiting_files
from pipelines.ingest_file import Ingest, Prepared, dated
from pipelines.outcomes import FileOutcome, Reason
from pipelines.readers.limited import Reader, reader
from pipelines.readers.templates import load_template
from pipelines.warehouse import Warehouse

__all__ = ["FileOutcome", "Reason", "ingest_file", "ingest_inbound", "unwanted_files"]

Progress = Callable[[int, int, str], None]


def ingest_file(
    warehouse: Warehouse,
    settings: Settings,
    path: Path,
    template: str,
    feed: str | None = None,
    *,
    file_date: date | None = None,
    running: Reader | None = None,
) -> FileOutcome:
    """Load one file through ``template``. ``feed`` names the entry; without it the file name must fit exactly one.

    Raises ``NotFound`` (template, entry), ``Invalid`` (no entry fits, no date), ``ReaderDied`` and
    ``ExpectationsDisagree`` (nothing loaded, try again or tell us). A bad file is an outcome, not an exception.
    """
    loaded = load_template(template, settings.template_dirs)
    if loaded.for_agencies:
        raise Invalid(
            "Files of agencies come in by the import page, where it is known whose they are.",
            "机构文件须由机构人员在导入页面上传，以确认归属。",
            field="template",
        )
    entry = loaded.entry(feed) if feed else only_entry(loaded, path)
    day = file_date or date_of_file(path.name, entry.file_date)
    if day is None:
        raise Invalid(
            f"The name {shown(path.name)} holds no date as the template expects; give the date of the file.",
            f"文件名 {shown(path.name)} 中没有模板约定的日期，请指定文件日期。",
            field="file_date",
        )
    with _reading(running) as process, warehouse.open() as connection:
        return Ingest(connection, warehouse, settings, loaded, entry, process).run(path, day)


def ingest_inbound(
    warehouse: Warehouse, settings: Settings, business_date: date, progress: Progress | None = None
) -> list[FileOutcome]:
    """Load what lies in ``inbound/<template>/`` with a file date up to ``business_date``, in order of (date, name).

    A file seen before (same path, size and time) is passed over; nothing is moved. Files that no entry of the
    template wants, or whose names hold no date, are refused and recorded.
    """
    outcomes: list[FileOutcome] = []
    with warehouse.open() as connection:
        waiting = waiting_files(connection, settings, business_date)
        if not waiting:
            return outcomes
        together = _Together()
        with reader() as process:
            for done, (day, template, path, entries) in enumerate(waiting):
                if progress:
                    progress(done, len(waiting), path.name)
                stat = path.stat()
                content, kept = keep_copy(path, settings.evidence / "feeds")
                mark = (template.template, path.name, stat.st_size, stat.st_mtime_ns, content)
                for entry in entries:
                    ingest = Ingest(connection, warehouse, settings, template, entry, process)
                    if together.full or together.holds(ingest, content, day):
                        outcomes += together.load()
                    # remembered with the last entry: a run that stops between two entries comes back to the file
                    last = mark if entry is entries[-1] else None
                    prepared = ingest.prepare(path, day, content, kept, last)
                    if isinstance(prepared, FileOutcome):
                        outcomes.append(prepared)
                    else:
                        together.add(prepared)
            outcomes += together.load()
    if progress:
        progress(len(waiting), len(waiting), "")
    return outcomes


@contextmanager
def _reading(running: Reader | None) -> Iterator[Reader]:
    if running is not None:
        yield running
        return
    with reader() as started:
        yield started


class _Together:
    """Files prepared one after another and loaded in the same order, GX looking at the clean ones of a feed at once.

    GX costs about a quarter of a second a call whatever the number of rows, and a history brings hundreds of files.
    Where the files of a feed together are not what the SQL verdict says, each is looked at alone and stops alone.
    """

    def __init__(self) -> None:
        self.files: list[Prepared] = []
        self.rows = 0

    def add(self, prepared: Prepared) -> None:
        self.files.append(prepared)
        self.rows += prepared.result.rows_in

    def holds(self, ingest: Ingest, content: str, day: date) -> bool:
        """Whether the same file through the same entry waits already; it must be loaded before it can be known."""
        through = (ingest.template.template, ingest.entry.label)
        wanted = {(one, *through) for one in (ingest.identity(content, day), dated(content, day))}
        return any(one.identity in wanted for one in self.files)

    @property
    def full(self) -> bool:
        return self.rows >= SLICE_ROWS // 2 or len(self.files) >= 200

    def load(self) -> list[FileOutcome]:
        """Check and load everything that waits, in order."""
        try:
            verdicts = self._verdicts()
            return [
                one.load(verdicts[one.identity] if one.identity in verdicts else one.ingest.expectations(one))
                for one in self.files
            ]
        finally:
            for one in self.files:
                one.forget()
            self.files, self.rows = [], 0

    def _verdicts(self) -> dict[tuple[str, str, str], list[Verdict]]:
        groups: dict[tuple[str, tuple[str, ...]], list[Prepared]] = {}
        for one in self.files:
            if one.clean:
                required = tuple(sorted(one.ingest.entry.required))
                groups.setdefault((one.outcome.feed, required), []).append(one)
        verdicts = {}
        for files in groups.values():
            if len(files) == 1 or sum(one.result.rows_in for one in files) > SLICE_ROWS:
                continue
            first = files[0].ingest
            try:
                seen = validate_rows(first.feed, first.entry.required, first.frame(files), files[0].result.checks)
            except ExpectationsDisagree:
                continue
            for one in files:
                verdicts[one.identity] = [replace(verdict, checked=one.result.rows_in) for verdict in seen]
        return verdicts
