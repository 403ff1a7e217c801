"""Refused rows, corrected by people, under the same rules as any row; what passes keeps its original lineage.

A corrected row is the quarantined row in standard columns with the person's values in place. A file that was refused
for its share of refused rows waits until enough of them are corrected or discarded and is then released whole. A file
refused for anything else (control totals, a cut end) is never loaded in part: its sender must send it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from ops_app.config import Settings
from ops_app.domain.organisation.imports import agency_of_source
from ops_app.services.organisation.quarantine import SUPERSEDED
from pipelines.agency_files import entry_of, refuse_foreign, template_of
from pipelines.expectations.definitions import Feed, load_feed
from pipelines.expectations.suite import SLICE_ROWS, frame_sql, to_pandas, validate_results, validate_rows
from pipelines.loading import Lineage, load_rows
from pipelines.readers.job import REJECTS, Job, Result, Work
from pipelines.readers.limited import Reader, reader
from pipelines.readers.refusals import HARMLESS
from pipelines.readers.templates import FeedMap, load_template
from pipelines.running_totals import rebuild_from_totals
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse, rows
from pipelines.working_folders import working_folder

Custodies = Callable[[Connection], Mapping[str, pl.DataFrame]]
"""Gives, for the files of a warehouse, what each agency had that brought one, by the agency's source code."""

RELEASED = "released"
_RELEASED_WORDS = (
    "Refused for its share of refused rows; released after they were corrected.",
    "曾因被拒比例过高而拒收；更正后已放行。",
)
NOT_REPLAYABLE = "file_refused"
"""Outcome of a correction in a file that only its sender can mend."""


@dataclass(frozen=True)
class _File:
    """One file through one entry, as ``raw.files`` remembers it."""

    file_id: str
    template: str
    entry: str
    feed: str
    source_code: str
    file_date: date
    state: str
    reason: str
    rows_in: int

    @property
    def where(self) -> str:
        return (
            f"file_id = {literal(self.file_id)} and template = {literal(self.template)}"
            f" and entry = {literal(self.entry)}"
        )


def replay_corrections(
    warehouse: Warehouse,
    settings: Settings,
    corrections: pl.DataFrame,
    custodies: Custodies | None = None,
) -> dict[str, str]:
    """Apply corrections and discards; each file in a transaction of its own.

    ``corrections``: correction_id, file_id, line_no, decision (``replay`` | ``discard``), corrected_json (standard
    column → text), and ``feed`` where the same file fills several; oldest first: of several for one row the last one
    counts. Returns correction_id → ``accepted``, ``discarded``, ``superseded`` (a later one of the row counts),
    ``not open`` (already settled, or no such row), ``file_refused``, or the English reason why the row is refused
    again. A correction that must wait for others of its file is not in the answer. ``custodies`` gives what
    the agencies had that brought files.
    """
    outcomes: dict[str, str] = {}
    with warehouse.open() as connection, reader() as process:
        known = custodies(connection) if custodies else {}
        for file, mine in _by_file(connection, corrections, outcomes):
            with warehouse.transaction() as transaction:
                outcomes |= _Replay(transaction, settings, process, file, known.get(file.source_code)).run(mine)
    return outcomes


def replay_in_file(
    connection: Connection,
    settings: Settings,
    process: Reader,
    identity: tuple[str, str, str],
    corrections: pl.DataFrame,
    custody: pl.DataFrame | None = None,
) -> dict[str, str]:
    """Apply corrections of one file (``identity``: file id, template, entry) within the caller's transaction.

    Columns and answer as in ``replay_corrections``; rows that are not open (any more) are answered ``not open``.
    """
    found = rows(connection, f"select {_FILE} from raw.files where {_THIS_FILE}", identity)
    lines = rows(
        connection,
        f"select distinct line_no from raw.quarantine where {_THIS_FILE} and state = 'open' and is_primary",
        identity,
    )
    mine = corrections.filter(pl.col("line_no").is_in([line for (line,) in lines])) if found else corrections.clear()
    answered = {one: "not open" for one in corrections["correction_id"] if one not in set(mine["correction_id"])}
    if mine.is_empty():
        return answered
    return answered | _Replay(connection, settings, process, _File(*found[0]), custody).run(mine.sort("line_no"))


_THIS_FILE = "file_id = ? and template = ? and entry = ?"
_FILE = "file_id, template, entry, feed, source_code, file_date, state, coalesce(reason, ''), rows_in"


def _by_file(
    connection: Connection, corrections: pl.DataFrame, outcomes: dict[str, str]
) -> list[tuple[_File, pl.DataFrame]]:
    """Corrections whose rows are still open, one for each row, by file; the others are answered at once."""
    corrections = corrections.with_row_index("made")
    if "feed" not in corrections.columns:
        corrections = corrections.with_columns(feed=pl.lit(None, dtype=pl.String))
    with connection.cursor() as cursor:
        cursor.register("corrections", corrections)
        cursor.execute(
            "create or replace temp table wanted as select distinct c.correction_id, c.decision, c.corrected_json,"
            " c.made, q.file_id, q.template, q.entry, q.line_no from corrections c join raw.quarantine q"
            " on q.file_id = c.file_id and q.line_no = c.line_no and (c.feed is null or c.feed = q.feed)"
            " where q.state = 'open' and q.is_primary"
        )
        wanted = cursor.sql("select * from wanted").pl()
        cursor.execute("drop table wanted")
    found = set(wanted["correction_id"])
    outcomes |= {one: "not open" for one in corrections["correction_id"] if one not in found}
    wanted = wanted.sort("made").unique(["file_id", "template", "entry", "line_no"], keep="last", maintain_order=True)
    outcomes |= dict.fromkeys(found - set(wanted["correction_id"]), SUPERSEDED)
    files = []
    for (file_id, template, entry), mine in wanted.sort("file_id", "line_no").group_by(
        ["file_id", "template", "entry"], maintain_order=True
    ):
        row = rows(
            connection,
            f"select {_FILE} from raw.files where {_THIS_FILE}",
            (file_id, template, entry),
        )[0]
        files.append((_File(*row), mine))
    return files


class _Replay:
    """The corrections of one file, inside one transaction."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        process: Reader,
        file: _File,
        custody: pl.DataFrame | None = None,
    ) -> None:
        self.connection, self.settings, self.process, self.file = connection, settings, process, file
        self.feed: Feed = load_feed(file.feed)
        self.agency, self.custody = agency_of_source(file.source_code), custody
        if self.agency is not None and custody is None:
            raise ValueError("the file of an agency is replayed with what the agency had")
        self.template = template_of(load_template(file.template, settings.template_dirs), self.agency)
        self.entry = self.template.entry(file.entry)

    def run(self, mine: pl.DataFrame) -> dict[str, str]:
        outcomes: dict[str, str] = {}
        discards = mine.filter(pl.col("decision") == "discard")
        replays = mine.filter(pl.col("decision") == "replay")
        self._set_state(discards["line_no"].to_list(), "discarded")
        outcomes |= dict.fromkeys(discards["correction_id"], "discarded")
        if self.file.state == "accepted":
            return outcomes | self._replay(replays, release=False)
        if self.file.reason != "refused_share":
            return outcomes | dict.fromkeys(replays["correction_id"], NOT_REPLAYABLE)
        if self._still_damaged(replays["line_no"].to_list()) > self._allowed:
            return outcomes
        return outcomes | self._replay(replays, release=True)

    @property
    def _allowed(self) -> float:
        share = self.entry.max_refused_share
        return (self.feed.max_refused_share if share is None else share) * self.file.rows_in

    def _still_damaged(self, corrected: list[int]) -> int:
        """Open rows with a reason of their own that nobody has corrected."""
        harmless = ", ".join(literal(rule) for rule in sorted({*HARMLESS, "file_refused"}))
        return int(
            rows(
                self.connection,
                f"select count(distinct line_no) from raw.quarantine where {self.file.where} and state = 'open'"
                f" and rule not in ({harmless}) and not list_contains(?, line_no)",
                [corrected],
            )[0][0]
        )

    def _replay(self, replays: pl.DataFrame, *, release: bool) -> dict[str, str]:
        if replays.is_empty() and not release:
            return {}
        with working_folder(self.settings, "replay-") as folder:
            self._write_rows(replays, folder, whole_file=release)
            work = Work(folder / "work", self._decide(folder))
            self._check(work)
            refused = self._reasons(work)
            by_line = dict(zip(replays["line_no"], replays["correction_id"], strict=True))
            if release and self._damaged(work) > self._allowed:
                return {by_line[line]: reason for line, reason in refused.items() if line in by_line}
            self._load(work, release=release)
        return {one: refused.get(line, "accepted") for line, one in by_line.items()}

    def _write_rows(self, replays: pl.DataFrame, folder: Path, *, whole_file: bool) -> None:
        """The rows to decide as JSON lines, and which line of the original each of them is."""
        (folder / "work").mkdir()
        replays.select("line_no", "corrected_json").write_parquet(folder / "corrected.parquet")
        corrected = f"read_parquet({literal(str(folder / 'corrected.parquet'))})"
        joined = "left join" if whole_file else "join"
        self.connection.execute(
            f"create or replace temp table replayed as select row_number() over (order by line_no) as place, line_no,"
            f" json_merge_patch(coalesce(q.standard_json, '{{}}'), coalesce(c.corrected_json, '{{}}')) as row_json"
            f" from (select distinct on (line_no) line_no, standard_json from raw.quarantine where {self.file.where}"
            f" and state = 'open' and is_primary order by line_no) q {joined} {corrected} c using (line_no)"
        )
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as out:
            cursor = self.connection.execute("select row_json from replayed order by place")
            while batch := cursor.fetchmany(10_000):
                out.writelines(f"{row[0]}\n" for row in batch)

    def _decide(self, folder: Path) -> Result:
        again = FeedMap(feed=self.feed.feed, same_names=True, required=self.entry.required, max_refused_share=1.0)
        result = self.process.read(
            Job(
                path=folder / "rows.jsonl",
                file_name="rows.jsonl",
                file_date=self.file.file_date.isoformat(),
                entry=entry_of(again, self.agency),
                zone=self.entry.timezone or self.template.timezone,
                work=folder / "work",
            )
        )
        if self.custody is None:
            return result
        work = Work(folder / "work", result)
        return refuse_foreign(self.connection, work, self.feed, self.custody, self.settings.zone)

    def _check(self, work: Work) -> None:
        """GX beside the SQL verdict, as for any file."""
        result = work.result
        if result.rows_in > SLICE_ROWS:
            validate_results(self.feed, result.rows_in, result.checks)
            return
        excluded = [number for number, check in enumerate(result.checks) if check.kind == "excluded"]
        sql = frame_sql(self.feed, work.decided(), excluded, self.file.file_date.isoformat())
        with self.connection.cursor() as cursor:
            frame = to_pandas(cursor.sql(sql).to_arrow_table())
        validate_rows(self.feed, self.entry.required, frame, result.checks)

    def _reasons(self, work: Work) -> dict[int, str]:
        """Original line → why it is refused again."""
        found = rows(
            self.connection,
            f"select m.line_no, any_value(r.reason_en) from read_parquet({work.path(REJECTS)}) r"
            f" join replayed m on m.place = r.line_no where r.is_primary group by m.line_no",
        )
        return dict(found)

    def _damaged(self, work: Work) -> int:
        """Rows refused again for what counts as damage; a row that stands twice does not, as when the file is read."""
        harmless = ", ".join(map(literal, sorted(HARMLESS)))
        return int(
            rows(
                self.connection,
                f"select count(distinct line_no) from read_parquet({work.path(REJECTS)})"
                f" where is_primary and rule not in ({harmless})",
            )[0][0]
        )

    def _load(self, work: Work, *, release: bool) -> None:
        accepted = (
            f"(select a.* exclude (line_no), m.line_no from {work.accepted()} a join replayed m on m.place = a.line_no)"
        )
        self.connection.execute(f"create or replace temp table passed as select * from {accepted}")
        lineage = Lineage(self.file.source_code, self.file.file_id, self.file.file_date.isoformat())
        repeated = load_rows(self.connection, self.feed, "passed", lineage, self.settings.zone)
        count = int(rows(self.connection, "select count(*) from passed")[0][0])
        self.connection.execute(
            f"update raw.quarantine set state = 'replayed' where {self.file.where} and state = 'open'"
            " and line_no in (select line_no from passed)"
        )
        self.connection.execute(
            f"update raw.files set rows_accepted = rows_accepted + {count},"
            f" rows_quarantined = rows_quarantined - {count}, rows_repeated = rows_repeated + {repeated},"
            f" sum_minor = coalesce(sum_minor, 0) + coalesce(?, 0) where {self.file.where}",
            [work.result.sum_minor],
        )
        if release:
            self.connection.execute(
                f"update raw.files set state = 'accepted', reason = ?, reason_en = ?, reason_zh = ?"
                f" where {self.file.where}",
                [RELEASED, *_RELEASED_WORDS],
            )
        if self.feed.feed == "loan_totals":
            rebuild_from_totals(self.connection, lineage, self.settings.zone)
        for table in ("passed", "replayed"):
            self.connection.execute(f"drop table {table}")

    def _set_state(self, lines: list[int], state: str) -> None:
        if lines:
            self.connection.execute(
                f"update raw.quarantine set state = ? where {self.file.where} and state = 'open'"
                " and list_contains(?, line_no)",
                [state, lines],
            )
