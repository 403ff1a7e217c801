"""What of a file is not taken: every refused row as it stands, with its reasons, for the quarantine."""

from __future__ import annotations

import json

import duckdb
import polars as pl

from pipelines.expectations.definitions import Feed
from pipelines.readers.decide import Plan
from pipelines.readers.job import DUPLICATES, REJECTS, Job, Result, Work
from pipelines.readers.refusals import ROW_REASONS, FileRefused
from pipelines.sql_words import literal, quoted

LONGEST_LINE = 4000
"""Characters of a line that the quarantine keeps."""

REJECT_SCHEMA = {
    "line_no": pl.Int64,
    "column_name": pl.String,
    "value": pl.String,
    "rule": pl.String,
    "reason_en": pl.String,
    "reason_zh": pl.String,
    "raw_json": pl.String,
    "standard_json": pl.String,
    "is_primary": pl.Boolean,
}


def write_rejects(
    connection: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    feed: Feed,
    result: Result,
    unread: list[tuple[int, str, str]],
) -> None:
    """Every quarantined row with each of its reasons; exactly one of them is primary."""
    work = Work(job.work, result)
    words = pl.DataFrame(
        [(n, c.code, c.column, c.en, c.zh) for n, c in enumerate(plan.checks)],
        schema={"number": pl.Int16, "rule": pl.String, "column_name": pl.String, "en": pl.String, "zh": pl.String},
        orient="row",
    )
    words.write_parquet(job.work / "words.parquet")
    parts = [
        f"select line_no, column_name, json_extract_string(standard_json, '$.' || column_name) as value, rule,"
        f" case when rule = 'file_refused' then {literal(result.reason_en)} else en end as reason_en,"
        f" case when rule = 'file_refused' then {literal(result.reason_zh)} else zh end as reason_zh,"
        f" raw_json, standard_json, place = 1 as is_primary"
        f" from (select line_no, raw_json, standard_json, unnest(fails) as number,"
        f" generate_subscripts(fails, 1) as place from {work.decided()} where row_hash is null)"
        f" join read_parquet({work.path('words.parquet')}) using (number)"
    ]
    if result.has_duplicates:
        en, zh = ROW_REASONS["duplicate_row"]
        columns = ", ".join(quoted(column) for column in feed.stored_columns)
        parts.append(
            f"select line_no, null, null, 'duplicate_row', {literal(en)}, {literal(zh)},"
            f" cast(to_json(struct_pack({columns})) as varchar), null, true from {work.decided()}"
            f" where ordinal in (select ordinal from read_parquet({work.path(DUPLICATES)}))"
        )
    if unread:
        _unread_frame(unread, feed, result).write_parquet(job.work / "unread.parquet")
        parts.append(f"select * from read_parquet({work.path('unread.parquet')})")
    connection.execute(f"copy ({' union all '.join(parts)}) to {work.path(REJECTS)} (format parquet, compression lz4)")


def _unread_frame(unread: list[tuple[int, str, str]], feed: Feed, result: Result) -> pl.DataFrame:
    rows = []
    empty = json.dumps(dict.fromkeys(feed.columns))
    for line, rule, raw in unread:
        reason = ROW_REASONS[rule]
        if result.refused is not None:
            rows.append((line, None, None, "file_refused", result.reason_en, result.reason_zh, raw, empty, True))
        rows.append((line, None, raw[:500], rule, *reason, raw, empty, result.refused is None))
    frame = pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row")
    return frame.with_columns(raw_json=pl.struct(line=pl.col("raw_json")).struct.json_encode())


def refuse_before_reading(job: Job, refusal: FileRefused, result: Result) -> None:
    """The envelope is broken: each line that holds anything is quarantined as it stands."""
    result.refused, result.reason_en, result.reason_zh = refusal.code, refusal.en, refusal.zh
    result.encoding = result.encoding or refusal.encoding
    result.decided = result.has_duplicates = result.has_shifts = False
    result.checks = []
    rows: list[tuple[object, ...]] = []
    if result.format in ("csv", "jsonl"):
        header = 1 if result.format == "csv" and job.entry.csv.header else 0
        source = job.work / "unpacked" if (job.work / "unpacked").exists() else job.path
        with source.open("rb") as file:
            number = 0
            while raw := file.readline(1 << 20):
                number += 1
                line = raw.decode("utf-8", errors="replace").strip("\r\n\0 ")[:LONGEST_LINE]
                if line and number > header + job.entry.csv.skip_rows:
                    rows.append((number, None, None, "file_refused", refusal.en, refusal.zh, line, None, True))
    frame = pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row")
    frame = frame.with_columns(raw_json=pl.struct(line=pl.col("raw_json")).struct.json_encode())
    frame.write_parquet(job.work / REJECTS)
    result.rows_in = result.quarantined = result.unread = len(rows)
    result.accepted = 0
