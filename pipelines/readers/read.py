"""One job in the reading process: envelope, decision, control totals, duplicates; results as files in the job's folder.

Nothing here touches the warehouse. Whatever the file does to this process, the parent only ever sees ``result.json``
and Parquet files written by our own DuckDB.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from pipelines.expectations.definitions import Feed, load_feed
from pipelines.readers import grammar
from pipelines.readers.decide import (
    LINE,
    Plan,
    Source,
    copy_statement,
    natural_key,
    plan_decision,
    texts_looked_at,
)
from pipelines.readers.envelope import Limits, unpacked
from pipelines.readers.job import DECIDED, DUPLICATES, RESULT, SHIFTS, CheckCount, Job, Result, Work
from pipelines.readers.mapping import FileFacts
from pipelines.readers.refusals import HARMLESS, FileRefused
from pipelines.readers.rejects import LONGEST_LINE, refuse_before_reading, write_rejects
from pipelines.readers.sources import Opened, open_source
from pipelines.readers.templates import FeedMap, Unpivot
from pipelines.sql_words import literal, quoted

_SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".asc": "csv", ".tsv": "csv", ".xlsx": "xlsx", ".parquet": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".sta": "mt940", ".mt940": "mt940", ".940": "mt940", ".xml": "camt",
}  # fmt: skip


def format_of(file_name: str, declared: str) -> tuple[str, str]:
    """(format, compression) by the template's word, else by the name's suffix."""
    lowered, compression = file_name.lower(), "none"
    for suffix, word in ((".gz", "gz"), (".zst", "zst")):
        if lowered.endswith(suffix):
            lowered, compression = lowered.removesuffix(suffix), word
    if declared != "by_suffix":
        return declared, compression
    form = _SUFFIXES.get(Path(lowered).suffix)
    if form is None:
        raise FileRefused("format", f"{file_name} is of no known format.", f"无法从文件名 {file_name} 判断格式。")
    return form, compression


def read_job(job: Job, limits: Limits) -> Result:
    """Read, decide and write the outcome into ``job.work``; a refusal of the whole file is an outcome too."""
    result = Result()
    try:
        result.format, compression = format_of(job.file_name, job.entry.format)
        path = unpacked(job.path, compression, job.work, limits)
        _decide(job, path, limits, result)
    except FileRefused as refusal:
        refuse_before_reading(job, refusal, result)
    (job.work / RESULT).write_text(result.model_dump_json(), encoding="utf-8")
    return result


def _decide(job: Job, path: Path, limits: Limits, result: Result) -> None:
    connection = duckdb.connect(
        config={
            "memory_limit": job.memory_limit,
            "threads": job.threads,
            "temp_directory": str(job.work / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("set global TimeZone = 'UTC'")
    opened = open_source(connection, job, path, result.format, limits)
    result.encoding = opened.encoding
    feed = load_feed(job.entry.feed)
    opened.source = _numbered(_unpivoted(opened.source, job.entry.unpivot), job.entry, feed)
    if result.format == "parquet":
        opened.source = texts_looked_at(connection, opened.source, job.entry, feed, _facts(job, result), job.zone)
    plan = _write_decided(connection, job, opened, feed, result, refuse_all=None)
    result.line_base, result.has_lines = opened.source.line_base, opened.source.has_lines
    unread = _unread_rows(connection, opened, result, job.work)
    _count(connection, job, plan, feed, result, unread)
    if result.rows_in == 0 and opened.has_data:
        raise FileRefused(
            "unreadable", "The file holds lines, but no row could be read.", "文件有内容，但读不出任何一行。"
        )
    _sums(connection, job, opened, feed, result)
    refusal = _refusal_of_totals(job, result) or _refusal_of_share(job, feed, result, unread)
    if refusal:
        result.refused, result.reason_en, result.reason_zh = refusal.code, refusal.en, refusal.zh
        first = result.model_copy(deep=True)
        plan = _write_decided(connection, job, opened, feed, result, refuse_all=refusal.code)
        _count(connection, job, plan, feed, result, unread)
        result.checks = first.checks
    write_rejects(connection, job, plan, feed, result, unread)
    connection.close()


def _unpivoted(source: Source, unpivot: Unpivot | None) -> Source:
    """One source row to several, keeping the number of the line they came from."""
    if unpivot is None:
        return source
    made = [
        f"unnest([{', '.join(f'cast({quoted(part)} as varchar)' for part in parts)}]) as {quoted(column)}"
        for column, parts in unpivot.columns.items()
    ]
    made += [
        f"unnest([{', '.join(map(literal, values))}]) as {quoted(column)}" for column, values in unpivot.values.items()
    ]
    new = [*unpivot.columns, *unpivot.values]
    kept = [column for column in source.types if column not in new]
    missing = [part for parts in unpivot.columns.values() for part in parts if part not in source.types]
    if missing:
        raise FileRefused(
            "header", f"The columns {', '.join(missing)} are not in the file.", f"文件中没有列 {'、'.join(missing)}。"
        )
    numbered = LINE if source.has_lines else f"row_number() over () + {source.line_base - 1} as {LINE}"
    where = f" where not ({source.leave_out})" if source.leave_out else ""
    inner = f"(select *{'' if source.has_lines else ', ' + numbered} from {source.relation}{where})"
    relation = f"(select {', '.join([LINE, *map(quoted, kept), *made])} from {inner})"
    types = {**{column: source.types[column] for column in kept}, **dict.fromkeys(new, "VARCHAR")}
    return replace(source, relation=relation, types=types, has_lines=True, leave_out=None)


def _numbered(source: Source, entry: FeedMap, feed: Feed) -> Source:
    """Line numbers as a column, for templates that name rows by their line or by a natural key."""
    wanted = natural_key(entry, feed) or any(how.file == "line" for how in entry.columns.values())
    if source.has_lines or not wanted:
        return source
    where = f" where not ({source.leave_out})" if source.leave_out else ""
    number = f"row_number() over () + {source.line_base - 1} as {LINE}"
    return replace(
        source, relation=f"(select *, {number} from {source.relation}{where})", has_lines=True, leave_out=None
    )


def _facts(job: Job, result: Result) -> FileFacts:
    return FileFacts(job.file_name, date.fromisoformat(job.file_date), spreadsheet=result.format == "xlsx")


def _write_decided(
    connection: duckdb.DuckDBPyConnection, job: Job, opened: Opened, feed: Feed, result: Result, refuse_all: str | None
) -> Plan:
    plan = plan_decision(opened.source, job.entry, feed, _facts(job, result), job.zone, refuse_all=refuse_all)
    if job.entry.extra_columns == "refuse":
        _refuse_extra_columns(opened, job, feed)
    for table in ("reject_errors", "reject_scans"):
        connection.execute(f"drop table if exists {table}")
    try:
        connection.execute(copy_statement(plan, job.work / DECIDED))
    except duckdb.Error as error:
        detail = str(error).splitlines()[0][:300]
        raise FileRefused("unreadable", f"The file cannot be read: {detail}", f"文件无法读取：{detail}") from error
    result.decided = True
    return plan


def _refuse_extra_columns(opened: Opened, job: Job, feed: Feed) -> None:
    known = {column for how in job.entry.columns.values() for column in how.source_columns()}
    known |= set(feed.columns) if job.entry.same_names else set()
    known |= {keep.column for keep in job.entry.keep_rows}
    extra = [column for column in opened.source.types if column not in known]
    if extra:
        raise FileRefused(
            "header",
            f"Unknown columns: {', '.join(extra)}.",
            f"存在未知列：{'、'.join(extra)}。",
            encoding=opened.encoding,
        )


def _unread_rows(
    connection: duckdb.DuckDBPyConnection, opened: Opened, result: Result, work: Path
) -> list[tuple[int, str, str]]:
    """Rows DuckDB could not split into columns: (line, rule, raw). Later rows move down by them."""
    unread = list(opened.unread)
    if not opened.source.relation.startswith("read_csv") and "read_csv" not in opened.source.relation:
        return unread
    found = connection.execute(
        "select line, min(cast(error_type as varchar)), any_value(csv_line) from reject_errors"
        " group by line order by line"
    ).fetchall()
    skipped = opened.source.line_base - 1
    thresholds = []
    for place, (line, error, raw) in enumerate(found):
        thresholds.append((int(line) - 1 - skipped - place, place + 1))
        if opened.marker is not None and raw and raw.lstrip('"').startswith(opened.marker):
            continue
        rule = "broken_quotes" if "QUOTE" in error else "ragged_row"
        if rule == "broken_quotes" and "\n" in (raw or "").rstrip("\n"):
            raise FileRefused(
                "broken_quotes",
                f"A quote opened in line {line:,} is never closed.",
                f"第 {line:,} 行的引号没有闭合。",
                encoding=opened.encoding,
            )
        unread.append((int(line), rule, (raw or "")[:LONGEST_LINE]))
    if thresholds:
        pl.DataFrame(thresholds, schema={"threshold": pl.Int64, "shift": pl.Int64}, orient="row").group_by(
            "threshold"
        ).agg(pl.col("shift").max()).sort("threshold").write_parquet(work / SHIFTS)
        result.has_shifts = True
    return unread


def _count(
    connection: duckdb.DuckDBPyConnection,
    job: Job,
    plan: Plan,
    feed: Feed,
    result: Result,
    unread: list[tuple[int, str, str]],
) -> None:
    """Rows, refusals by check, and rows that stand twice in the file."""
    decided = f"read_parquet({literal(str(job.work / DECIDED))})"
    total, failed = connection.execute(f"select count(*), count(*) - count(row_hash) from {decided}").fetchall()[0]
    counts = dict(
        connection.execute(
            f"select f, count(*) from (select unnest(fails) as f from {decided} where row_hash is null) group by f"
        ).fetchall()
    )
    result.checks = [
        CheckCount(code=check.code, column=check.column, kind=check.kind, refused=counts.get(number, 0))
        for number, check in enumerate(plan.checks)
    ]
    duplicates = _duplicates(connection, job, decided, feed) if result.refused is None else 0
    result.has_duplicates = duplicates > 0
    result.checks.append(CheckCount(code="duplicate_row", column=None, kind="duplicate", refused=duplicates))
    for rule in ("ragged_row", "broken_quotes", "truncated_line", "broken_json"):
        found = sum(1 for _, code, _ in unread if code == rule)
        if found:
            result.checks.append(CheckCount(code=rule, column=None, kind="unread", refused=found))
    result.unread = len(unread)
    result.rows_in = total + len(unread)
    result.quarantined = failed + len(unread) + duplicates
    result.accepted = result.rows_in - result.quarantined


def _duplicates(connection: duckdb.DuckDBPyConnection, job: Job, decided: str, feed: Feed) -> int:
    """Rows equal to an earlier row. A first look at 8-byte hashes finds the few whose values need comparing."""
    values = ", ".join(quoted(column) for column in feed.stored_columns)
    # neighbours in the order of the hashes: a group for every row would take twice the time and ten times the memory
    suspects = connection.execute(
        f"create or replace temp table suspects as select distinct h from"
        f" (select row_hash as h, lag(row_hash) over (order by row_hash) as before from {decided}"
        f" where row_hash is not null) where h = before"
    ).fetchall()
    if not suspects or suspects[0][0] == 0:
        return 0
    target = literal(str(job.work / DUPLICATES))
    connection.execute(
        f"copy (select file_row_number as ordinal from"
        f" read_parquet({literal(str(job.work / DECIDED))}, file_row_number = true)"
        f" where row_hash in (select h from suspects)"
        f" qualify row_number() over (partition by {values} order by file_row_number) > 1) to {target} (format parquet)"
    )
    return int(connection.execute(f"select count(*) from read_parquet({target})").fetchall()[0][0])


def _sums(connection: duckdb.DuckDBPyConnection, job: Job, opened: Opened, feed: Feed, result: Result) -> None:
    """Sum of the feed's amount over the accepted rows, and declared totals against all rows that were read."""
    amounts = [column for column, spec in feed.columns.items() if spec.type == "amount"]
    result.sum_column = feed.sum_column
    if result.sum_column:
        stored = quoted(feed.stored_name(result.sum_column))
        result.sum_minor = connection.execute(
            f"select cast(coalesce(sum({stored}), 0) as hugeint) from {Work(job.work, result).accepted()}"
        ).fetchall()[0][0]
    if job.declared.unreadable:
        raise_totals("the control file cannot be read", "无法读取控制文件", result)
    declared = {**opened.declared.sums, **job.declared.sums}
    given_rows = [rows for rows in (opened.declared.rows, job.declared.rows) if rows is not None]
    result.declared_rows = given_rows[0] if given_rows else None
    for rows in given_rows:
        if rows != result.rows_in:
            raise_totals(
                f"{rows:,} rows declared, {result.rows_in:,} found",
                f"声明 {rows:,} 行，实际 {result.rows_in:,} 行",
                result,
            )
    for column, declared_text in declared.items():
        if column not in amounts:
            raise FileRefused(
                "control_totals", f"{column} is no amount of this feed.", f"{column} 不是本数据源的金额列。"
            )
        _compare_sum(connection, job, feed, column, declared_text, result)


def _compare_sum(
    connection: duckdb.DuckDBPyConnection, job: Job, feed: Feed, column: str, declared: str, result: Result
) -> None:
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,2})?", declared, re.ASCII):
        raise_totals(f"the declared sum {declared!r} is no amount", f"声明的合计 {declared!r} 不是金额", result)
        return
    decided = f"read_parquet({literal(str(job.work / DECIDED))})"
    whole_units = ", ".join(map(literal, grammar.WHOLE_UNIT_CURRENCIES))
    found, whole = connection.execute(
        f"select cast(coalesce(sum({quoted(feed.stored_name(column))}), 0) as hugeint),"
        + (f" coalesce(bool_and({quoted('currency')} in ({whole_units})), false)" if feed.currency_column else " false")
        + f" from {decided}"
    ).fetchall()[0]
    minor_unit = column in job.entry.columns and job.entry.columns[column].amount.unit == "minor"
    minor = int(Decimal(declared).scaleb(0 if whole or minor_unit else 2))
    shown = Decimal(found).scaleb(0 if whole or minor_unit else -2)
    if column == result.sum_column:
        result.declared_sum_minor, result.found_sum = minor, format(shown, "f")
    if minor != found:
        raise_totals(
            f"{column} declared {declared}, found {shown}", f"{column} 声明合计 {declared}，实际 {shown}", result
        )


def raise_totals(en: str, zh: str, result: Result) -> None:
    """Notes that the control totals disagree; the file is refused once all is counted."""
    if result.refused == "control_totals":  # a second one is told beside the first
        result.reason_en, result.reason_zh = f"{result.reason_en[:-1]}; {en}.", f"{result.reason_zh[:-1]};{zh}。"
        return
    result.refused = "control_totals"
    result.reason_en, result.reason_zh = f"The control totals disagree: {en}.", f"控制总数不符：{zh}。"


def _refusal_of_totals(job: Job, result: Result) -> FileRefused | None:
    if result.refused is None:
        return None
    return FileRefused(result.refused, result.reason_en, result.reason_zh)


def _refusal_of_share(job: Job, feed: Feed, result: Result, unread: list[tuple[int, str, str]]) -> FileRefused | None:
    """Too large a share of damaged rows: then nothing of the file is believed."""
    most = job.entry.max_refused_share if job.entry.max_refused_share is not None else feed.max_refused_share
    harmless = sum(check.refused for check in result.checks if check.code in HARMLESS)
    damaged = result.quarantined - harmless
    if result.rows_in == 0:
        return None
    if damaged <= most * result.rows_in:
        return None
    return FileRefused(
        "refused_share",
        f"{damaged:,} of {result.rows_in:,} rows are refused; this feed allows a share of {most:g}.",
        f"{result.rows_in:,} 行中有 {damaged:,} 行被拒，超过允许比例 {most:g}。",
    )
