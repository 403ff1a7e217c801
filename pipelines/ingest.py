"""Files into the warehouse: fingerprint, read in a limited process, decide, check, load, all of a file or nothing.

The same file twice is a no-op; ``rows_in = accepted + quarantined`` for every file; every quarantined row has its
reasons; a file whose control totals disagree or whose refused share is too large loads nothing.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ops_app.config import Settings
from ops_app.domain.errors import Invalid, NotFound
from pipelines.expectations.definitions import Feed, load_feed
from pipelines.expectations.suite import (
    SLICE_ROWS,
    ExpectationsDisagree,
    Verdict,
    frame_sql,
    to_pandas,
    validate_results,
    validate_rows,
)
from pipelines.fingerprints import keep_copy, shown
from pipelines.loading import Lineage, load_rows
from pipelines.natural_keys import name_waiting_loans, with_known_loans
from pipelines.readers.job import REJECTS, Declared, Job, Result, Work
from pipelines.readers.limited import Reader, reader
from pipelines.readers.templates import FeedMap, FileDate, Template, load_template
from pipelines.running_totals import rebuild_from_totals
from pipelines.warehouse import Connection, Warehouse, rows

Progress = Callable[[int, int, str], None]
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".control.json")
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Reason:
    """Why rows were quarantined: one rule and how many rows it was the first reason for."""

    rule: str
    en: str
    zh: str
    count: int


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file for one feed. ``state``: accepted, refused, or repeated (known already, nothing done)."""

    file_id: str
    file_name: str
    template: str
    feed: str
    entry: str
    file_date: date
    state: str
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_repeated: int = 0
    """Accepted rows that were known already, with equal content."""
    reason: str = ""
    reason_en: str = ""
    reason_zh: str = ""
    top_reasons: tuple[Reason, ...] = ()

    @property
    def why(self) -> str:
        """One line for a table: why the file was refused, or why rows were, the commonest first."""
        told = [self.reason_en] if self.reason_en else []
        told += [f"{reason.count:,} × {reason.rule}" for reason in self.top_reasons]
        return "; ".join(told)

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return {**asdict(self), "file_date": self.file_date.isoformat(), "why": self.why}


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
    entry = loaded.entry(feed) if feed else _only_entry(loaded, path)
    day = file_date or date_of_file(path.name, entry.file_date)
    if day is None:
        raise Invalid(
            f"The name {shown(path.name)} holds no date as the template expects; give the date of the file.",
            f"文件名 {shown(path.name)} 中没有模板约定的日期,请指定文件日期。",
            field="file_date",
        )
    with _reading(running) as process, warehouse.open() as connection:
        return _Ingest(connection, warehouse, settings, loaded, entry, process).run(path, day)


def ingest_inbound(
    warehouse: Warehouse, settings: Settings, business_date: date, progress: Progress | None = None
) -> list[FileOutcome]:
    """Load what lies in ``inbound/<template>/`` with a file date up to ``business_date``, in order of (date, name).

    A file seen before (same path, size and time) is passed over; nothing is moved. Files that no entry of the
    template wants, or whose names hold no date, are refused and recorded.
    """
    outcomes: list[FileOutcome] = []
    with warehouse.open() as connection:
        waiting = _waiting(connection, settings, business_date)
        if not waiting:
            return outcomes
        together = _Together()
        with reader() as process:
            for done, (day, template, path, entries) in enumerate(waiting):
                if progress:
                    progress(done, len(waiting), path.name)
                for entry in entries:
                    ingest = _Ingest(connection, warehouse, settings, template, entry, process)
                    if together.full or together.holds(ingest, path):
                        outcomes += together.load()
                    prepared = ingest.prepare(path, day, delivered=path)
                    if isinstance(prepared, FileOutcome):
                        outcomes.append(prepared)
                    else:
                        together.add(prepared)
            outcomes += together.load()
    if progress:
        progress(len(waiting), len(waiting), "")
    return outcomes


def _waiting(
    connection: Connection, settings: Settings, business_date: date
) -> list[tuple[date, Template, Path, list[FeedMap]]]:
    """Files not yet delivered, by (date, name)."""
    seen = set(rows(connection, "select template, path, size, modified_ns from raw.deliveries"))
    found = []
    for folder in sorted(settings.inbound.iterdir()) if settings.inbound.is_dir() else []:
        template = _template_of(folder, settings)
        if template is None:
            continue
        for path in sorted(folder.iterdir()):
            if not path.is_file() or path.is_symlink() or path.name.startswith(".") or path.name.endswith(_UNFINISHED):
                continue
            stat = path.stat()
            if (template.template, path.name, stat.st_size, stat.st_mtime_ns) in seen:
                continue
            entries = entries_for(template, path.name)
            days = {date_of_file(path.name, entry.file_date) for entry in entries}
            day = next((day for day in days if day is not None), None)
            if day is not None and day <= business_date:
                found.append((day, template, path, entries))
    return sorted(found, key=lambda item: (item[0], item[2].name))


def _template_of(folder: Path, settings: Settings) -> Template | None:
    """The template a folder of the inbound is named after; None for a file, or a folder no template knows."""
    if not folder.is_dir():
        return None
    try:
        return load_template(folder.name, settings.template_dirs)
    except NotFound:
        return None


def entries_for(template: Template, file_name: str) -> list[FeedMap]:
    """Entries whose patterns fit the name (without .gz/.zst)."""
    plain = file_name
    for suffix in _COMPRESSED:
        plain = plain.removesuffix(suffix)
    return [entry for entry in template.feeds if any(fnmatch.fnmatchcase(plain, pattern) for pattern in entry.patterns)]


def unwanted_files(settings: Settings) -> list[Path]:
    """Files in the inbound folders that no entry wants or whose names hold no date: an operator must look."""
    unwanted = []
    for folder in sorted(settings.inbound.iterdir()) if settings.inbound.is_dir() else []:
        template = _template_of(folder, settings)
        if template is None:
            unwanted.append(folder)
            continue
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name.endswith(_UNFINISHED):
                continue
            dated = [date_of_file(path.name, entry.file_date) for entry in entries_for(template, path.name)]
            if not any(dated):
                unwanted.append(path)
    return unwanted


def date_of_file(file_name: str, how: FileDate) -> date | None:
    """The date a file name holds, or the template's constant one."""
    if how.constant is not None:
        return date.fromisoformat(how.constant)
    found = re.search(how.pattern, file_name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], how.format).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def _only_entry(template: Template, path: Path) -> FeedMap:
    entries = entries_for(template, path.name)
    if len(entries) == 1:
        return entries[0]
    which = ", ".join(entry.label for entry in entries or template.feeds)
    raise Invalid(
        f"{shown(path.name)} fits {len(entries)} feeds of template {template.template}; name one of: {which}.",
        f"{shown(path.name)} 对应模板 {template.template} 的 {len(entries)} 个数据源;请指定其一:{which}。",
        field="feed",
    )


@contextmanager
def _reading(running: Reader | None) -> Iterator[Reader]:
    if running is not None:
        yield running
        return
    with reader() as started:
        yield started


@dataclass(frozen=True)
class _Prepared:
    """A file whose rows are decided and wait, beside the warehouse, to be loaded."""

    ingest: _Ingest
    outcome: FileOutcome
    result: Result
    work: Path
    mark: tuple[object, ...] | None

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.outcome.file_id, self.outcome.template, self.outcome.entry

    @property
    def clean(self) -> bool:
        """Whether the SQL verdict refuses nothing, so that GX may look at it together with others of its feed."""
        return self.result.refused is None and bool(self.result.decided) and not self.result.quarantined

    def load(self, verdicts: list[Verdict]) -> FileOutcome:
        return self.ingest._load(self.outcome, self.result, verdicts, Work(self.work, self.result), self.mark)

    def forget(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)


class _Together:
    """Files prepared one after another and loaded in the same order, GX looking at the clean ones of a feed at once.

    GX costs about a quarter of a second a call whatever the number of rows, and a history brings hundreds of files.
    Where the files of a feed together are not what the SQL verdict says, each is looked at alone and stops alone.
    """

    def __init__(self) -> None:
        self.files: list[_Prepared] = []
        self.rows = 0

    def add(self, prepared: _Prepared) -> None:
        self.files.append(prepared)
        self.rows += prepared.result.rows_in

    def holds(self, ingest: _Ingest, path: Path) -> bool:
        """Whether the same content through the same entry waits already; it must be loaded before it can be known."""
        with path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        wanted = (content, ingest.template.template, ingest.entry.label)
        return any(one.identity == wanted for one in self.files)

    @property
    def full(self) -> bool:
        return self.rows >= SLICE_ROWS // 2 or len(self.files) >= 200

    def load(self) -> list[FileOutcome]:
        """Check and load everything that waits, in order."""
        try:
            verdicts = self._verdicts()
            return [
                one.load(verdicts[one.identity] if one.identity in verdicts else one.ingest._expectations(one))
                for one in self.files
            ]
        finally:
            for one in self.files:
                one.forget()
            self.files, self.rows = [], 0

    def _verdicts(self) -> dict[tuple[str, str, str], list[Verdict]]:
        groups: dict[tuple[str, tuple[str, ...]], list[_Prepared]] = {}
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
                seen = validate_rows(first.feed, first.entry.required, first._frame(files), files[0].result.checks)
            except ExpectationsDisagree:
                continue
            for one in files:
                verdicts[one.identity] = [replace(verdict, checked=one.result.rows_in) for verdict in seen]
        return verdicts


class _Ingest:
    """One file through one entry."""

    def __init__(
        self,
        connection: Connection,
        warehouse: Warehouse,
        settings: Settings,
        template: Template,
        entry: FeedMap,
        process: Reader,
    ) -> None:
        self.connection, self.warehouse, self.settings = connection, warehouse, settings
        self.template, self.entry, self.process = template, entry, process
        self.feed: Feed = load_feed(entry.feed)

    def run(self, path: Path, day: date, delivered: Path | None = None) -> FileOutcome:
        """Read, check and load; ``delivered`` is remembered so that the same delivery is not looked at again."""
        prepared = self.prepare(path, day, delivered)
        if isinstance(prepared, FileOutcome):
            return prepared
        try:
            return prepared.load(self._expectations(prepared))
        finally:
            prepared.forget()

    def prepare(self, path: Path, day: date, delivered: Path | None = None) -> FileOutcome | _Prepared:
        """Fingerprint, and unless it is known already, read and decide every row; nothing is loaded yet."""
        stat = path.stat()
        file_id, kept = keep_copy(path, self.settings.evidence / "feeds")
        outcome = FileOutcome(
            file_id=self._identity(file_id, day),
            file_name=shown(path.name),
            template=self.template.template,
            feed=self.feed.feed,
            entry=self.entry.label,
            file_date=day,
            state="repeated",
        )
        mark = (self.template.template, delivered.name, stat.st_size, stat.st_mtime_ns, file_id) if delivered else None
        if self._known(outcome.file_id):
            return self._delivered_again(outcome, mark)
        self.settings.run.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="reading-", dir=self.settings.run))
        try:
            return _Prepared(self, outcome, self._read(kept, path, day, work), work, mark)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise

    def _identity(self, content: str, day: date) -> str:
        """The content's hash; an empty file of another date says something of its own ("nothing that day")."""
        known = self._known(content)
        if known and known[0] == 0 and known[1] != day:
            return hashlib.sha256(f"{content}|{day.isoformat()}".encode()).hexdigest()
        return content

    def _known(self, file_id: str) -> tuple[int, date] | None:
        found = rows(
            self.connection,
            "select rows_in, file_date from raw.files where file_id = ? and template = ? and entry = ?",
            (file_id, self.template.template, self.entry.label),
        )
        return (found[0][0], found[0][1]) if found else None

    def _delivered_again(self, outcome: FileOutcome, mark: tuple[object, ...] | None) -> FileOutcome:
        with self.warehouse.transaction() as connection:
            connection.execute(
                "update raw.files set delivered = delivered + 1 where file_id = ? and template = ? and entry = ?",
                [outcome.file_id, outcome.template, outcome.entry],
            )
            _remember(connection, mark)
            found = rows(
                connection,
                "select rows_in, rows_accepted, rows_quarantined, rows_repeated, reason, reason_en, reason_zh,"
                " file_date from raw.files where file_id = ? and template = ? and entry = ?",
                (outcome.file_id, outcome.template, outcome.entry),
            )[0]
        return replace(
            outcome, rows_in=found[0], rows_accepted=found[1], rows_quarantined=found[2], rows_repeated=found[3],
            reason=found[4] or "", reason_en=found[5] or "", reason_zh=found[6] or "", file_date=found[7],
        )  # fmt: skip

    def _read(self, kept: Path, path: Path, day: date, work: Path) -> Result:
        control = path.with_name(path.name + ".control.json")
        declared = (
            Declared.model_validate_json(control.read_text(encoding="utf-8")) if control.is_file() else Declared()
        )
        return self.process.read(
            Job(
                path=kept,
                file_name=shown(path.name),
                file_date=day.isoformat(),
                entry=self.entry,
                zone=self.entry.timezone or self.template.timezone,
                work=work,
                declared=declared,
            )
        )

    def _expectations(self, prepared: _Prepared) -> list[Verdict]:
        """GX beside the SQL verdict: on the rows up to a million, above that on the counts."""
        result = prepared.result
        if not result.decided:
            return []
        if result.rows_in > SLICE_ROWS or result.refused is not None:
            return validate_results(self.feed, result.rows_in, result.checks)
        return validate_rows(self.feed, self.entry.required, self._frame([prepared]), result.checks)

    def _frame(self, files: Sequence[_Prepared]) -> Any:
        """What GX looks at, of files of one feed together."""
        slices = []
        for one in files:
            excluded = [number for number, check in enumerate(one.result.checks) if check.kind == "excluded"]
            decided = Work(one.work, one.result).decided()
            slices.append(frame_sql(self.feed, decided, excluded, one.outcome.file_date.isoformat()))
        with self.connection.cursor() as cursor:
            return to_pandas(cursor.sql(" union all ".join(slices)).to_arrow_table())

    def _load(
        self,
        outcome: FileOutcome,
        result: Result,
        verdicts: list[Verdict],
        work: Work,
        mark: tuple[object, ...] | None,
    ) -> FileOutcome:
        """One transaction: rows, quarantine, results, the file itself, and what follows from it."""
        day = outcome.file_date.isoformat()
        repeated = 0
        with self.warehouse.transaction() as connection:
            self._insert_file(connection, outcome, result)
            if result.refused is None:
                lineage = Lineage(self.template.source_code, outcome.file_id, day)
                accepted = with_known_loans(self.entry, self.feed, lineage.source_code, work.accepted())
                repeated = load_rows(connection, self.feed, accepted, lineage, self.settings.zone)
                connection.execute(
                    "update raw.files set rows_repeated = rows_repeated + ?"
                    " where file_id = ? and template = ? and entry = ?",
                    [repeated, outcome.file_id, outcome.template, outcome.entry],
                )
                if self.feed.feed == "loan_totals":
                    rebuild_from_totals(connection, lineage, self.settings.zone)
                if self.feed.feed == "loan_keys":
                    named = name_waiting_loans(connection, lineage.source_code, day, self.settings.zone)
                    rebuild_from_totals(connection, lineage, self.settings.zone, loans=named)
            top = self._quarantine(connection, outcome, work)
            self._store_verdicts(connection, outcome, result, verdicts)
            _remember(connection, mark)
        return replace(
            outcome,
            state="accepted" if result.refused is None else "refused",
            rows_in=result.rows_in,
            rows_accepted=result.accepted,
            rows_quarantined=result.quarantined,
            rows_repeated=repeated,
            reason=result.refused or "",
            reason_en=result.reason_en,
            reason_zh=result.reason_zh,
            top_reasons=top,
        )

    def _insert_file(self, connection: Connection, outcome: FileOutcome, result: Result) -> None:
        values = {
            "file_id": outcome.file_id,
            "file_name": outcome.file_name,
            "source_code": self.template.source_code,
            "template": outcome.template,
            "feed": outcome.feed,
            "entry": outcome.entry,
            "format": result.format,
            "file_date": outcome.file_date,
            "rows_in": result.rows_in,
            "rows_accepted": result.accepted,
            "rows_quarantined": result.quarantined,
            "rows_repeated": 0,
            "sum_minor": result.sum_minor if result.refused is None else 0,
            "declared_rows": result.declared_rows,
            "declared_sum_minor": result.declared_sum_minor,
            "state": "accepted" if result.refused is None else "refused",
            "reason": result.refused,
            "reason_en": result.reason_en or None,
            "reason_zh": result.reason_zh or None,
            "encoding": result.encoding,
            "delivered": 1,
        }
        marks = ", ".join("?" for _ in values)
        connection.execute(f"insert into raw.files ({', '.join(values)}) values ({marks})", list(values.values()))

    def _quarantine(self, connection: Connection, outcome: FileOutcome, work: Work) -> tuple[Reason, ...]:
        rejects = f"read_parquet({work.path(REJECTS)})"
        connection.execute(
            "insert into raw.quarantine (file_id, line_no, source_code, feed, template, entry, file_name, file_date,"
            " column_name, value, rule, reason_en, reason_zh, raw_json, standard_json, is_primary, state)"
            f" select ?, line_no, ?, ?, ?, ?, ?, ?, column_name, value, rule, reason_en, reason_zh, raw_json,"
            f" standard_json, is_primary, case when rule in ('not_of_this_feed', 'repeated_header', 'duplicate_row')"
            f" then 'discarded' else 'open' end from {rejects}",
            [
                outcome.file_id, self.template.source_code, outcome.feed, outcome.template, outcome.entry,
                outcome.file_name, outcome.file_date,
            ],
        )  # fmt: skip
        told = rows(
            connection,
            f"select rule, any_value(reason_en), any_value(reason_zh), count(*) from {rejects}"
            f" where rule <> 'file_refused' group by rule order by count(*) desc, rule limit 5",
        )
        return tuple(Reason(*row) for row in told)

    def _store_verdicts(
        self, connection: Connection, outcome: FileOutcome, result: Result, verdicts: list[Verdict]
    ) -> None:
        by_rule = {verdict.rule: verdict for verdict in verdicts}
        stored = [
            (
                outcome.file_id,
                outcome.feed,
                outcome.entry,
                check.code,
                check.column,
                by_rule[check.code].checked if check.code in by_rule else result.rows_in,
                check.refused,
                by_rule[check.code].success if check.code in by_rule else None,
                by_rule[check.code].json if check.code in by_rule else None,
            )
            for check in result.checks
        ]
        if stored:
            connection.executemany("insert into raw.expectation_results values (?, ?, ?, ?, ?, ?, ?, ?, ?)", stored)


def _remember(connection: Connection, mark: tuple[object, ...] | None) -> None:
    if mark is not None:
        connection.execute("insert into raw.deliveries values (?, ?, ?, ?, ?)", list(mark))
