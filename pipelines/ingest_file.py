"""One file through one entry of its template: known already, else read, decided, checked and stored at once."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from ops_app.config import Settings
from pipelines.agency_files import refuse_foreign
from pipelines.expectations.definitions import Feed, load_feed
from pipelines.expectations.suite import SLICE_ROWS, Verdict, frame_sql, to_pandas, validate_results, validate_rows
from pipelines.fingerprints import keep_copy, shown
from pipelines.loading import Lineage, load_rows
from pipelines.natural_keys import name_waiting_loans, with_known_loans
from pipelines.outcomes import FileOutcome, Reason
from pipelines.readers.job import REJECTS, Declared, Job, Result, Work
from pipelines.readers.limited import Reader
from pipelines.readers.refusals import HARMLESS
from pipelines.readers.templates import FeedMap, Template
from pipelines.running_totals import rebuild_from_totals
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse, rows

Mark = tuple[str, str, int, int, str]
"""A delivery: template, file name, size, time of last change in nanoseconds, hash of the content."""


def dated(content: str, day: date) -> str:
    """The identity of a file whose date belongs to what it says."""
    return hashlib.sha256(f"{content}|{day.isoformat()}".encode()).hexdigest()


def declared_totals(path: Path) -> Declared:
    """The control totals beside a file; a control file that cannot be read refuses the file it stands beside."""
    control = path.with_name(path.name + ".control.json")
    if not control.is_file():
        return Declared()
    try:
        return Declared.model_validate_json(control.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        return Declared(unreadable=True)


@dataclass(frozen=True)
class Prepared:
    """A file whose rows are decided and wait, beside the warehouse, to be loaded."""

    ingest: Ingest
    outcome: FileOutcome
    content: str
    result: Result
    work: Path
    mark: Mark | None

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.outcome.file_id, self.outcome.template, self.outcome.entry

    @property
    def clean(self) -> bool:
        """Whether the SQL verdict refuses nothing, so that GX may look at it together with others of its feed."""
        return self.result.refused is None and bool(self.result.decided) and not self.result.quarantined

    def load(self, verdicts: list[Verdict]) -> FileOutcome:
        return self.ingest.store(self, verdicts)

    def forget(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)


class Ingest:
    """One file through one entry."""

    def __init__(
        self,
        connection: Connection,
        warehouse: Warehouse,
        settings: Settings,
        template: Template,
        entry: FeedMap,
        process: Reader,
        custody: pl.DataFrame | None = None,
    ) -> None:
        """``custody``: what the agency had when, whose file it is (see ``agency_files``)."""
        self.connection, self.warehouse, self.settings = connection, warehouse, settings
        self.template, self.entry, self.process, self.custody = template, entry, process, custody
        self.feed: Feed = load_feed(entry.feed)

    def run(self, path: Path, day: date) -> FileOutcome:
        """Read, check and load."""
        content, kept = keep_copy(path, self.settings.evidence / "feeds")
        prepared = self.prepare(path, day, content, kept)
        if isinstance(prepared, FileOutcome):
            return prepared
        try:
            return prepared.load(self.expectations(prepared))
        finally:
            prepared.forget()

    def prepare(
        self, path: Path, day: date, content: str, kept: Path, mark: Mark | None = None
    ) -> FileOutcome | Prepared:
        """Unless the file is known already, read and decide every row; nothing is loaded yet.

        ``mark`` is remembered with the load, so that the same delivery is not looked at again.
        """
        outcome = FileOutcome(
            file_id=self.identity(content, day),
            file_name=shown(path.name),
            template=self.template.template,
            feed=self.feed.feed,
            entry=self.entry.label,
            file_date=day,
            state="repeated",
        )
        for file_id in dict.fromkeys((outcome.file_id, dated(self._whose(content), day))):
            if self._known(file_id):
                return self._delivered_again(replace(outcome, file_id=file_id), mark)
        self.settings.run.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="reading-", dir=self.settings.run))
        try:
            result = self._read(kept, path, day, work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        if result.rows_in == 0:
            outcome = replace(outcome, file_id=dated(self._whose(content), day))
        return Prepared(self, outcome, content, result, work, mark)

    def identity(self, content: str, day: date) -> str:
        """The hash of the content. A file of states is a statement about its date, so the date belongs to it: the same
        list of customers may be true again. (So it is with a file without rows: "nothing happened that day".)"""
        whose = self._whose(content)
        return dated(whose, day) if self.feed.kind == "state" else whose

    def _whose(self, content: str) -> str:
        """Two agencies that bring the same bytes bring two files."""
        if self.custody is None:
            return content
        return hashlib.sha256(f"{content}|{self.template.source_code}".encode()).hexdigest()

    def _known(self, file_id: str) -> bool:
        return bool(
            rows(
                self.connection,
                "select 1 from raw.files where file_id = ? and template = ? and entry = ?",
                (file_id, self.template.template, self.entry.label),
            )
        )

    def _delivered_again(self, outcome: FileOutcome, mark: Mark | None) -> FileOutcome:
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
        declared = declared_totals(path)
        result = self.process.read(
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
        if self.custody is None:
            return result
        zone = self.settings.zone
        return refuse_foreign(self.connection, Work(work, result), self.feed, self.custody, zone)

    def expectations(self, prepared: Prepared) -> list[Verdict]:
        """GX beside the SQL verdict: on the rows up to a million, above that on the counts."""
        result = prepared.result
        if not result.decided:
            return []
        if result.rows_in > SLICE_ROWS or result.refused is not None:
            return validate_results(self.feed, result.rows_in, result.checks)
        return validate_rows(self.feed, self.entry.required, self.frame([prepared]), result.checks)

    def frame(self, files: Sequence[Prepared]) -> Any:
        """What GX looks at, of files of one feed together."""
        slices = []
        for one in files:
            excluded = [number for number, check in enumerate(one.result.checks) if check.kind == "excluded"]
            decided = Work(one.work, one.result).decided()
            slices.append(frame_sql(self.feed, decided, excluded, one.outcome.file_date.isoformat()))
        with self.connection.cursor() as cursor:
            return to_pandas(cursor.sql(" union all ".join(slices)).to_arrow_table())

    def store(self, prepared: Prepared, verdicts: list[Verdict]) -> FileOutcome:
        """One transaction: rows, quarantine, results, the file itself, and what follows from it."""
        outcome, result, work = prepared.outcome, prepared.result, Work(prepared.work, prepared.result)
        day = outcome.file_date.isoformat()
        repeated = 0
        with self.warehouse.transaction() as connection:
            self._insert_file(connection, prepared)
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
            _remember(connection, prepared.mark)
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

    def _insert_file(self, connection: Connection, prepared: Prepared) -> None:
        outcome, result = prepared.outcome, prepared.result
        values = {
            "file_id": outcome.file_id,
            "content_sha256": prepared.content,
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
            f" standard_json, is_primary, case when rule in ({', '.join(map(literal, sorted(HARMLESS)))})"
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
        told = [by_rule.get(check.code) for check in result.checks]
        columns = (
            [check.code for check in result.checks],
            [check.column for check in result.checks],
            [verdict.checked if verdict else result.rows_in for verdict in told],
            [check.refused for check in result.checks],
            [verdict.success if verdict else None for verdict in told],
            [verdict.json if verdict else None for verdict in told],
        )
        connection.execute(
            "insert into raw.expectation_results select ?, ?, ?, unnest(?::varchar[]), unnest(?::varchar[]),"
            " unnest(?::bigint[]), unnest(?::bigint[]), unnest(?::boolean[]), unnest(?::varchar[])",
            [outcome.file_id, outcome.feed, outcome.entry, *columns],
        )


def _remember(connection: Connection, mark: Mark | None) -> None:
    if mark is not None:
        connection.execute("insert into raw.deliveries values (?, ?, ?, ?, ?)", list(mark))
