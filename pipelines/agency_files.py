"""Files that agencies bring: under the agency's own source code, and of cases that it had on the date of each row.

The template of an agency names no agency. Which one it is stands in the import (once it is loaded, in the source code
of the file); every row bears that agency, whatever the file says. A row about a case that was not placed with it on its
date is refused, and a case that is not there at all is answered alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl

from ops_app.bootstrap import App
from ops_app.domain.organisation.imports import agency_of_source, source_of_agency
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.placement_files import agency_custody
from pipelines.expectations.definitions import Feed
from pipelines.readers.column_maps import ColumnMap
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES, from_utc
from pipelines.readers.job import DUPLICATES, REJECTS, CheckCount, Result, Work
from pipelines.readers.refusals import ROW_REASONS
from pipelines.readers.templates import FeedMap, Template
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, rows

RULE = "not_in_custody"
_FOREIGN = "foreign.parquet"


def template_of(template: Template, agency_code: str | None) -> Template:
    """The template as one agency uses it; itself where there is none."""
    if agency_code is None:
        return template
    feeds = [entry_of(entry, agency_code) for entry in template.feeds]
    # not validated again: the source code of an agency is none that a template could bear
    return template.model_copy(update={"source_code": source_of_agency(agency_code), "feeds": feeds})


def entry_of(entry: FeedMap, agency_code: str | None) -> FeedMap:
    """The entry with the agency in every row, whatever the file or a correction says."""
    if agency_code is None:
        return entry
    columns = {**entry.columns, "agency_code": ColumnMap(constant=agency_code)}
    return entry.model_copy(update={"columns": columns})


def custody_of(app: App, agency_code: str | None) -> pl.DataFrame | None:
    """Which loans the agency had from which day to which (both included, in the installation's zone)."""
    if agency_code is None:
        return None
    zone = app.settings.zone
    found = agency_custody(SYSTEM, app.store, now=app.clock.now(), agency_code=agency_code)
    return pl.DataFrame(
        [(loan_id, begun.astimezone(zone).date(), until.astimezone(zone).date()) for loan_id, begun, until in found],
        schema={"loan_id": pl.String, "from_date": pl.Date, "to_date": pl.Date},
        orient="row",
    )


def custodies_of_files(app: App, connection: Connection) -> dict[str, pl.DataFrame]:
    """The custody of every agency that brought a file, by the agency's source code."""
    found: dict[str, pl.DataFrame] = {}
    for (source,) in rows(connection, "select distinct source_code from raw.files"):
        custody = custody_of(app, agency_of_source(source))
        if custody is not None:
            found[source] = custody
    return found


def refuse_foreign(connection: Connection, work: Work, feed: Feed, custody: pl.DataFrame, zone: ZoneInfo) -> Result:
    """``work`` with every accepted row set aside that is about a case which the agency did not have on its date."""
    result = work.result
    if result.refused is not None or not result.decided or feed.partition is None:
        return result
    custody.write_parquet(work.folder / "custody.parquet")
    moment = quoted(feed.partition)
    day = from_utc(moment, zone.key) if feed.columns[feed.partition].type == "moment" else moment
    connection.execute(
        f"copy (select a.ordinal from {work.accepted()} a where not exists (select 1 from"
        f" read_parquet({work.path('custody.parquet')}) c where c.loan_id = a.loan_id"
        f" and cast({day} as date) between c.from_date and c.to_date)) to {work.path(_FOREIGN)} (format parquet)"
    )
    foreign = f"(select ordinal from read_parquet({work.path(_FOREIGN)}))"
    amount = f"sum({quoted(feed.stored_name(result.sum_column))})" if result.sum_column else "0"
    count, total = rows(
        connection,
        f"select count(*), cast(coalesce({amount}, 0) as hugeint) from {work.accepted()} where ordinal in {foreign}",
    )[0]
    if count:
        _set_aside(connection, work, feed, foreign)
    check = CheckCount(code=RULE, column="loan_id", kind="custody", refused=count)
    return result.model_copy(
        update={
            "accepted": result.accepted - count,
            "quarantined": result.quarantined + count,
            "sum_minor": None if result.sum_minor is None else result.sum_minor - total,
            "has_duplicates": result.has_duplicates or count > 0,
            "checks": [*result.checks, check],
        }
    )


def _set_aside(connection: Connection, work: Work, feed: Feed, foreign: str) -> None:
    """Among the rows that are not loaded, each with its reason; the reader's own files are replaced when whole."""
    en, zh = ROW_REASONS[RULE]
    given = ", ".join(f"{quoted(column)} := {_standard_text(feed, column)}" for column in feed.columns)
    packed = f"cast(to_json(struct_pack({given})) as varchar)"
    rejected = (
        f"select line_no, 'loan_id' as column_name, loan_id as value, {literal(RULE)} as rule,"
        f" {literal(en)} as reason_en, {literal(zh)} as reason_zh, {packed} as raw_json,"
        f" {packed} as standard_json, true as is_primary from {work.decided()} where ordinal in {foreign}"
    )
    known = (
        f"select ordinal from read_parquet({work.path(DUPLICATES)}) union all " if work.result.has_duplicates else ""
    )
    made: Mapping[str, str] = {
        REJECTS: f"select * from read_parquet({work.path(REJECTS)}) union all by name {rejected}",
        DUPLICATES: f"{known}select ordinal from {foreign}",
    }
    for name, query in made.items():
        connection.execute(f"copy ({query}) to {work.path(f'{name}.new')} (format parquet)")
    for name in made:
        (work.folder / f"{name}.new").replace(work.folder / name)


def _standard_text(feed: Feed, column: str) -> str:
    """The value in the standard grammar, as a person may correct it."""
    stored, kind = quoted(feed.stored_name(column)), feed.columns[column].type
    if kind == "amount":
        listed = ", ".join(map(literal, WHOLE_UNIT_CURRENCIES))
        whole = f"coalesce(currency in ({listed}), false)" if feed.currency_column else "false"
        major = f"cast(cast({stored} / 100.0 as decimal(38, 2)) as varchar)"
        return f"case when {whole} then cast({stored} as varchar) else {major} end"
    if kind == "moment":
        return f"strftime({stored}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"cast({stored} as varchar)"
