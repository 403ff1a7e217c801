"""What an import would do, worked out by the readers alone and kept as a small DuckDB file for the page.

The file is read by the same limited process and the same entry as one that arrives in the inbound folder. Corrected
rows are decided again under the rules of their feed, exactly as a replay decides them. Nothing touches the warehouse.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from ops_app.config import Settings
from ops_app.domain.canonical import canonical_json
from pipelines.agency_files import entry_of, refuse_foreign, template_of
from pipelines.expectations.definitions import Feed, load_feed
from pipelines.ingest_file import declared_totals
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES
from pipelines.readers.job import REJECTS, Job, Result, Work
from pipelines.readers.limited import Reader
from pipelines.readers.refusals import HARMLESS
from pipelines.readers.templates import FeedMap, Template, load_template
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, connect, rows
from pipelines.working_folders import working_folder

PREVIEW = "preview.duckdb"
SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Asked:
    """Which file is read, and what was decided about its refused rows (line → corrected values, None: discarded)."""

    path: Path
    template: str
    entry: str
    file_date: date
    decided: Mapping[int, Mapping[str, str | None] | None]
    agency_code: str | None = None
    custody: pl.DataFrame | None = None
    """Of an agency's file: whose it is, and what that agency had when."""


@dataclass(frozen=True)
class Found:
    """Rows in, accepted, quarantined; the refusal of the whole file (code, English, 中文) or None."""

    rows_in: int
    accepted: int
    quarantined: int
    refusal: tuple[str, str, str] | None
    found_sum: str | None = None
    """The sum of the file's amount, where one was declared."""


def preview(settings: Settings, asked: Asked, process: Reader) -> Found:
    """Read ``asked`` and leave its preview beside the file; the one that was there stays until the new one is whole."""
    template = template_of(load_template(asked.template, settings.template_dirs), asked.agency_code)
    entry = template.entry(asked.entry)
    with working_folder(settings, "preview-") as folder:
        draft = folder / PREVIEW
        connection = connect(draft, memory_limit="1GB")
        try:
            found = _Reading(connection, asked, template, entry, process, folder, settings.zone).run()
        finally:
            connection.close()
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        # rename needs the same file system, and the run folder may be another
        beside = asked.path.parent / f"{PREVIEW}.tmp"
        shutil.move(draft, beside)
        beside.replace(asked.path.parent / PREVIEW)
    return found


class _Reading:
    """One preview in its making."""

    def __init__(
        self,
        connection: Connection,
        asked: Asked,
        template: Template,
        entry: FeedMap,
        process: Reader,
        folder: Path,
        zone: ZoneInfo,
    ) -> None:
        self.zone = zone
        self.connection, self.asked, self.template, self.entry = connection, asked, template, entry
        self.process, self.folder = process, folder
        self.feed: Feed = load_feed(entry.feed)

    def run(self) -> Found:
        first = self._read(self.asked.path, self.asked.path.name, self.entry, "first")
        self._refused_rows(first)
        again = self._decide_again(whole=first.result.refused == "refused_share")
        found = replace(self._found(first.result, again), found_sum=first.result.found_sum)
        self._columns(first)
        self._sample(first)
        self._totals(first, again, found)
        self._summary(first.result, found)
        return found

    def _read(self, path: Path, name: str, entry: FeedMap, place: str) -> Work:
        work = self.folder / place
        work.mkdir()
        result = self.process.read(
            Job(
                path=path,
                file_name=name,
                file_date=self.asked.file_date.isoformat(),
                entry=entry,
                zone=self.entry.timezone or self.template.timezone,
                work=work,
                declared=declared_totals(path),
            )
        )
        if self.asked.custody is not None:
            result = refuse_foreign(self.connection, Work(work, result), self.feed, self.asked.custody, self.zone)
        return Work(work, result)

    def _refused_rows(self, first: Work) -> None:
        """Each refused line once, by its first reason of its own; lines that only share the file's fate are apart."""
        harmless = ", ".join(map(literal, sorted(HARMLESS)))
        self.connection.execute(
            f"create table refused as select line_no, column_name, value, rule, reason_en, reason_zh,"
            f" cast(standard_json as varchar) as standard_json, cast(raw_json as varchar) as raw_json,"
            f" case when rule in ({harmless}) then 'discarded' else 'open' end as state,"
            f" cast(null as varchar) as again_en, cast(null as varchar) as again_zh"
            f" from read_parquet({first.path(REJECTS)}) qualify row_number() over"
            f" (partition by line_no order by rule = 'file_refused', not is_primary, rule) = 1 order by line_no"
        )
        discarded = [line for line, values in self.asked.decided.items() if values is None]
        self.connection.execute(
            "update refused set state = 'discarded' where rule <> 'file_refused' and list_contains(?, line_no)",
            [discarded],
        )

    def _decide_again(self, *, whole: bool) -> Work | None:
        """The corrected rows (with ``whole`` every row that was not discarded) under the rules of the feed."""
        replays = {line: values for line, values in self.asked.decided.items() if values is not None}
        if not replays:
            return None
        corrected = pl.DataFrame(
            [(line, canonical_json(dict(values))) for line, values in replays.items()],
            schema={"line_no": pl.Int64, "corrected_json": pl.String},
            orient="row",
        )
        corrected.write_parquet(self.folder / "corrected.parquet")
        join = "left join" if whole else "join"
        self.connection.execute(
            f"create temp table again as select row_number() over (order by line_no) as place, line_no,"
            f" c.corrected_json is not null as is_corrected,"
            f" json_merge_patch(coalesce(r.standard_json, '{{}}'), coalesce(c.corrected_json, '{{}}')) as row_json"
            f" from refused r {join} read_parquet({literal(str(self.folder / 'corrected.parquet'))}) c using (line_no)"
            f" where r.state = 'open'"
        )
        with (self.folder / "rows.jsonl").open("w", encoding="utf-8") as out:
            cursor = self.connection.execute("select row_json from again order by place")
            while batch := cursor.fetchmany(10_000):
                out.writelines(f"{row[0]}\n" for row in batch)
        entry = FeedMap(feed=self.feed.feed, same_names=True, required=self.entry.required, max_refused_share=1.0)
        entry = entry_of(entry, self.asked.agency_code)
        work = self._read(self.folder / "rows.jsonl", "rows.jsonl", entry, "again")
        self.connection.execute(
            f"create temp table refused_again as select a.line_no, any_value(r.reason_en) as en,"
            f" any_value(r.reason_zh) as zh from read_parquet({work.path(REJECTS)}) r"
            f" join again a on a.place = r.line_no where r.is_primary group by all"
        )
        self.connection.execute(
            "update refused set state = 'corrected' from again a where a.line_no = refused.line_no and a.is_corrected"
        )
        self.connection.execute(
            "update refused set state = 'refused_again', again_en = g.en, again_zh = g.zh from refused_again g"
            " where g.line_no = refused.line_no and refused.state = 'corrected'"
        )
        return work

    def _found(self, first: Result, again: Work | None) -> Found:
        if first.refused is None:
            accepted = again.result.accepted if again else 0
            return Found(first.rows_in, first.accepted + accepted, first.quarantined - accepted, None)
        refusal = (first.refused, first.reason_en, first.reason_zh)
        if first.refused != "refused_share":
            return Found(first.rows_in, 0, first.rows_in, refusal)
        harmless = ", ".join(map(literal, sorted({*HARMLESS, "file_refused"})))
        (damaged,) = rows(
            self.connection,
            f"select count(*) from refused where state in ('open', 'refused_again') and rule not in ({harmless})",
        )[0]
        share = self.entry.max_refused_share
        allowed = int((self.feed.max_refused_share if share is None else share) * first.rows_in)
        if damaged > allowed:
            said = (
                f"{damaged:,} of {first.rows_in:,} rows are refused, and this feed allows {allowed:,}: correct or"
                " discard rows until no more remain.",
                f"{first.rows_in:,} 行中有 {damaged:,} 行被拒，该数据源最多允许 {allowed:,} 行。请更正或作废后再确认。",
            )
            return Found(first.rows_in, 0, first.rows_in, ("refused_share", *said))
        accepted = again.result.accepted if again else self._untouched()
        return Found(first.rows_in, accepted, first.rows_in - accepted, None)

    def _untouched(self) -> int:
        """Rows of a refused file that have no reason of their own: they load once the rest is discarded."""
        return int(rows(self.connection, "select count(*) from refused where rule = 'file_refused'")[0][0])

    def _columns(self, first: Work) -> None:
        """Each standard column: where it comes from and in how many rows it is filled."""
        result = first.result
        filled: Sequence[int] = [0] * len(self.feed.columns)
        if result.decided:
            counted = ", ".join(f"count({quoted(self.feed.stored_name(column))})" for column in self.feed.columns)
            filled = rows(self.connection, f"select {counted} from {first.decided()}")[0]
        self.connection.execute(
            "create table columns (place integer, name varchar, en varchar, zh varchar, source varchar,"
            " is_required boolean, filled bigint)"
        )
        for place, (name, column) in enumerate(self.feed.columns.items()):
            required = column.required or name in self.entry.required
            given = [place, name, column.en, column.zh, self._source(name), required, filled[place]]
            self.connection.execute("insert into columns values (?, ?, ?, ?, ?, ?, ?)", given)

    def _source(self, column: str) -> str:
        how = self.entry.columns.get(column)
        if how is None:
            return column if self.entry.same_names else ""
        if how.constant is not None:
            return f"= {how.constant}"
        return " + ".join(how.source_columns()) or (f"({how.file})" if how.file else "")

    def _sample(self, first: Work) -> None:
        self.connection.execute("create table sample (line_no bigint, row_json varchar)")
        if not first.result.decided:
            return
        given = ", ".join(f"{quoted(column)} := {self._shown(column)}" for column in self.feed.columns)
        self.connection.execute(
            f"insert into sample select line_no, cast(to_json(struct_pack({given})) as varchar) from"
            f" {first.decided()} order by ordinal limit {SAMPLE_ROWS}"
        )

    def _shown(self, column: str) -> str:
        stored = quoted(self.feed.stored_name(column))
        if self.feed.columns[column].type != "amount":
            return f"cast({stored} as varchar)"
        whole = self._whole_units()
        return f"cast(case when {whole} then {stored} else {stored} / 100.0 end as decimal(38, 2))::varchar"

    def _whole_units(self) -> str:
        if not self.feed.currency_column:
            return "false"
        return f"coalesce(currency in ({', '.join(map(literal, WHOLE_UNIT_CURRENCIES))}), false)"

    def _totals(self, first: Work, again: Work | None, found: Found) -> None:
        """Control totals: the sum of each amount by currency, over the rows that would be accepted."""
        self.connection.execute(
            "create table totals (name varchar, en varchar, zh varchar, currency varchar, sum_minor hugeint)"
        )
        whole = first.result.refused is not None
        parts = [again.accepted()] if again else []
        if first.result.decided and not (whole and again):
            parts.append(first.decided() if whole else first.accepted())
        currency = "currency" if self.feed.currency_column else "cast(null as varchar)"
        for name, column in self.feed.columns.items():
            if column.type != "amount" or not parts:
                continue
            stored = quoted(self.feed.stored_name(name))
            union = " union all ".join(
                f"select {currency} as currency, {stored} as amount from {part}" for part in parts
            )
            self.connection.execute(
                f"insert into totals select ?, ?, ?, currency, sum(amount) from ({union}) where amount is not null"
                " group by currency order by currency",
                [name, column.en, column.zh],
            )

    def _summary(self, result: Result, found: Found) -> None:
        said = {
            "format": result.format,
            "encoding": result.encoding,
            "rows_in": found.rows_in,
            "rows_accepted": found.accepted,
            "rows_quarantined": found.quarantined,
            "declared_rows": result.declared_rows,
            "declared_sum_minor": result.declared_sum_minor,
            "sum_column": result.sum_column,
            "found_sum": result.found_sum,
        }
        self.connection.execute("create table summary as select ? as summary_json", [json.dumps(said)])
