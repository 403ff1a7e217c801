"""A file as a relation of text columns: CSV and Parquet where they lie, the other formats by way of a text frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.readers.decide import LINE, Source
from pipelines.readers.envelope import Limits, TextFacts, first_fields, look_at_text, read_trailer, split_line
from pipelines.readers.job import Declared, Job
from pipelines.readers.refusals import FileRefused
from pipelines.readers.templates import CsvFormat
from pipelines.readers.texts import Seen
from pipelines.sql_words import literal, quoted

MAX_JSON_LINE = 1 << 20
_BATCH = 50_000


@dataclass
class Opened:
    """A source ready to be decided, with what its envelope said."""

    source: Source
    encoding: str = ""
    unread: list[tuple[int, str, str]] = field(default_factory=list)
    """(line, rule, raw text) of rows that did not become columns before DuckDB looked."""
    declared: Declared = field(default_factory=Declared)
    marker: str | None = None
    has_data: bool = False
    """There is at least one line of data, so reading no row would be a loss."""
    column_count: int = 0


def open_source(connection: duckdb.DuckDBPyConnection, job: Job, path: Path, form: str, limits: Limits) -> Opened:
    """The relation of ``path``, already unpacked. Raises ``FileRefused`` for a broken envelope."""
    if form == "csv":
        return open_csv(job, path)
    if form == "parquet":
        return open_parquet(connection, path)
    if form == "jsonl":
        return open_jsonl(job, path)
    if form == "xlsx":
        return open_xlsx(job, path)
    return open_statement(job, path, form)


def open_csv(job: Job, path: Path) -> Opened:
    """Delimited text: envelope, header by name, trailer, last line."""
    how = job.entry.csv
    facts = look_at_text(path, how, job.entry.encoding, job.work)
    fields = first_fields(facts, how)
    names = _column_names(fields, how, facts)
    opened = Opened(Source("", {}), facts.encoding, column_count=len(names))
    _settle_last_line(facts, how, len(names), job.work, opened)
    if job.entry.trailer:
        rows, sums = read_trailer(facts, how, job.entry.trailer)
        opened.declared, opened.marker = Declared(rows=rows, sums=sums), job.entry.trailer.marker
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in names)
    skip = how.skip_rows + (1 if how.header else 0)
    opened.has_data = facts.lines > skip and split_line(facts.last_line, how) != fields and not opened.marker
    # DuckDB 2.0 finds \\r\\n by itself, but told of it in strict mode it reads no row at all
    new_line = "" if facts.new_line == "\\r\\n" else f" new_line = {literal(facts.new_line)},"
    relation = (
        f"read_csv({literal(str(facts.path))}, auto_detect = false, header = false, skip = {skip},"
        f" delim = {literal(how.delimiter)}, quote = {literal(how.quote)},"
        f" escape = {literal(how.escape if how.quote else '')},"
        f"{new_line} columns = {{{columns}}}, store_rejects = true, rejects_limit = 0,"
        f" null_padding = false, strict_mode = true)"
    )
    opened.source = Source(
        relation,
        dict.fromkeys(names, "VARCHAR"),
        line_base=skip + 1,
        seen=Seen(controls=facts.controls, exponents=facts.exponents),
        leave_out=f"{quoted(names[0])} is not distinct from {literal(opened.marker)}" if opened.marker else None,
    )
    return opened


def _column_names(fields: list[str], how: CsvFormat, facts: TextFacts) -> list[str]:
    shown = ", ".join(fields[:40])
    if how.header:
        given = [field.strip() for field in fields] if how.trim_header else fields
        names = [field or f"column_{place}" for place, field in enumerate(given)]
        if how.columns and names != how.columns:
            raise _header(
                f"The header is {shown}; the template wants {', '.join(how.columns)}.",
                f"表头为 {shown}；模板要求 {', '.join(how.columns)}。",
                facts,
            )
        if not names:
            raise _header("There is no header line.", "没有表头。", facts)
    else:
        names = list(how.columns)
        if len(fields) != len(names):
            raise _header(
                f"The first line has {len(fields)} columns; the template lists {len(names)}.",
                f"首行有 {len(fields)} 列，模板列出 {len(names)} 列。",
                facts,
            )
    lowered = [column.lower() for column in names]
    if len(set(lowered)) != len(lowered):
        raise _header(f"The header names a column twice: {shown}.", f"表头中有重复列名：{shown}。", facts)
    if LINE in names:
        raise _header(f"{LINE} is a reserved name.", f"{LINE} 为保留列名。", facts)
    return names


def _header(en: str, zh: str, facts: TextFacts) -> FileRefused:
    return FileRefused("header", en, zh, encoding=facts.encoding)


def _settle_last_line(facts: TextFacts, how: CsvFormat, width: int, work: Path, opened: Opened) -> None:
    """A last line without a line end is a cut file, unless the template says otherwise."""
    if facts.ended:
        return
    whole = (
        len(split_line(facts.last_line, how)) == width and facts.last_line.count(how.quote.encode() or b"\0") % 2 == 0
    )
    if how.last_line == "open" and whole:
        return
    if how.last_line == "quarantine":
        raw = facts.last_line
        size = facts.path.stat().st_size - len(raw)
        kept = work / "kept.csv"
        with facts.path.open("rb") as source, kept.open("wb") as out:
            while size > 0 and (chunk := source.read(min(1 << 22, size))):
                out.write(chunk)
                size -= len(chunk)
        facts.path = kept
        opened.unread.append((facts.lines, "truncated_line", raw.decode("utf-8", errors="replace")))
        return
    raise FileRefused(
        "truncated",
        f"The last line ({facts.lines:,}) has no line end: the file may be cut.",
        f"最后一行（第 {facts.lines:,} 行）没有换行符，文件可能被截断。",
        encoding=facts.encoding,
    )


def open_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Opened:
    """Parquet where it lies; its own types are used where they are exact."""
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            raise FileRefused("not_parquet", "This is not a Parquet file.", "这不是 Parquet 文件。")
    relation = f"read_parquet({literal(str(path))})"
    try:
        described = connection.execute(f"describe select * from {relation}").fetchall()
    except duckdb.Error as error:
        raise FileRefused(
            "broken_parquet", f"The Parquet file is damaged: {error}", f"Parquet 文件已损坏：{error}"
        ) from error
    return Opened(Source(relation, {row[0]: row[1] for row in described}))


def open_xlsx(job: Job, path: Path) -> Opened:
    """One sheet of a workbook, every cell as the text it shows, after the container was checked."""
    import fastexcel

    from pipelines.readers.containers import check_xlsx

    sheet = job.entry.sheet.sheet
    check_xlsx(path, sheet=sheet)
    try:
        loaded = fastexcel.read_excel(str(path)).load_sheet(
            sheet, header_row=job.entry.sheet.skip_rows, dtypes="string"
        )
        frame = loaded.to_polars()
    except fastexcel.FastExcelError as error:
        raise FileRefused("broken_xlsx", f"The workbook cannot be read: {error}", f"无法读取工作簿：{error}") from error
    first = job.entry.sheet.skip_rows + 2
    frame = frame.cast(pl.String).with_row_index(LINE, offset=first).with_columns(pl.col(LINE).cast(pl.Int64))
    columns = [column for column in frame.columns if column != LINE]
    if columns:
        frame = frame.filter(pl.any_horizontal(pl.col(columns).is_not_null() & (pl.col(columns) != "")))
    return _from_frame(job, frame)


def open_statement(job: Job, path: Path, form: str) -> Opened:
    """MT940 or camt: the statement reader's text columns of bank_lines."""
    from pipelines.readers.statements import read_statement

    frame = (
        read_statement(path, form, job.entry.encoding)
        .rename({"line_no": LINE})
        .with_columns(pl.col(LINE).cast(pl.Int64))
    )
    return _from_frame(job, frame)


def _from_frame(job: Job, frame: pl.DataFrame) -> Opened:
    target = job.work / "text.parquet"
    frame.write_parquet(target, compression="lz4")
    types = {column: "VARCHAR" for column in frame.columns if column != LINE}
    return Opened(Source(f"read_parquet({literal(str(target))})", types, has_lines=True))


def open_jsonl(job: Job, path: Path) -> Opened:
    """One flat JSON object a line; numbers stay the text that stands in the file, duplicate keys are refused."""
    opened = Opened(Source("", {}), "utf-8")
    wanted = _wanted_columns(job)
    parts: list[str] = []
    rows: list[tuple[int, dict[str, str | None]]] = []
    seen: set[str] = set()
    for line_no, line in _lines(path):
        try:
            row = _flat_object(line)
        except ValueError as error:
            opened.unread.append((line_no, "broken_json", f"{line[:2000]} ({error})"))
            continue
        seen.update(row)
        rows.append((line_no, row))
        if len(rows) >= _BATCH:
            parts.append(_write_part(job, rows, wanted, len(parts)))
            rows = []
    extra = sorted(seen - set(wanted))
    if extra and job.entry.extra_columns == "refuse":
        raise FileRefused("header", f"Unknown fields: {', '.join(extra)}.", f"存在未知字段：{'、'.join(extra)}。")
    parts.append(_write_part(job, rows, wanted, len(parts)))
    listed = ", ".join(literal(part) for part in parts)
    opened.source = Source(f"read_parquet([{listed}])", dict.fromkeys(wanted, "VARCHAR"), has_lines=True)
    return opened


def _wanted_columns(job: Job) -> list[str]:
    from pipelines.expectations.definitions import load_feed

    names = [column for how in job.entry.columns.values() for column in how.source_columns()]
    names += [keep.column for keep in job.entry.keep_rows]
    if job.entry.unpivot:
        names += [column for columns in job.entry.unpivot.columns.values() for column in columns]
    if job.entry.same_names:
        names += list(load_feed(job.entry.feed).columns)
    return list(dict.fromkeys(names))


def _write_part(job: Job, rows: list[tuple[int, dict[str, str | None]]], wanted: list[str], number: int) -> str:
    data: dict[str, Any] = {LINE: [line for line, _ in rows]}
    data.update({column: [row.get(column) for _, row in rows] for column in wanted})
    schema: Mapping[str, Any] = {LINE: pl.Int64, **dict.fromkeys(wanted, pl.String)}
    target = job.work / f"text_{number:05d}.parquet"
    pl.DataFrame(data, schema=schema).write_parquet(target, compression="lz4")
    return str(target)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_JSON_LINE + 1):
            number += 1
            if len(raw) > MAX_JSON_LINE:
                raise FileRefused("long_line", f"Line {number:,} is too long.", f"第 {number:,} 行过长。")
            if not raw.endswith(b"\n"):
                raise FileRefused(
                    "truncated",
                    f"The last line ({number:,}) has no line end: the file may be cut.",
                    f"最后一行（第 {number:,} 行）没有换行符，文件可能被截断。",
                )
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise FileRefused(
                    "encoding", f"Line {number:,} is not UTF-8.", f"第 {number:,} 行不是 UTF-8。"
                ) from None
            if line.strip():
                yield number, line
    if number == 0:
        raise FileRefused("empty", "The file is empty.", "文件为空。")


def _flat_object(line: str) -> dict[str, str | None]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        if len(set(keys)) != len(keys):
            raise ValueError("a key stands twice")
        return dict(items)

    def no_constant(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        found = json.loads(line, object_pairs_hook=pairs, parse_float=str, parse_int=str, parse_constant=no_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    row: dict[str, str | None] = {}
    for key, value in found.items():
        if isinstance(value, bool):
            row[key] = "true" if value else "false"
        elif value is None or isinstance(value, str):
            row[key] = value
        else:
            raise ValueError(f"{key} is nested")
    return row
