"""A source relation in, decided rows out: every row of the file once, in its order, typed or refused with reasons.

All of it is one streaming DuckDB query into a Parquet file. Its rows stand in the order of the source, so that a
row's place is its number and no sorting or numbering is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from pipelines.expectations.definitions import Feed
from pipelines.expectations.rules import column_checks, rule_checks
from pipelines.readers import grammar
from pipelines.readers.mapping import LINE, Compiled, FileFacts, compile_mapping, sign_columns
from pipelines.readers.refusals import ROW_REASONS, Check
from pipelines.readers.templates import FeedMap
from pipelines.readers.texts import ANYTHING, Seen, look_at_texts
from pipelines.sql_words import literal, quoted

_USUAL = "x_usual"
_ROWS_OF_A_GROUP, _WORDS_OF_A_DICTIONARY = 122880, 1000
"""Codes are worth a dictionary; trying one for identifiers costs a tenth of the decision and is thrown away."""


@dataclass(frozen=True)
class Source:
    """A relation to decide: ``relation`` is SQL after FROM; ``types`` its columns; ``line_base`` the line number of
    its first row where it has no ``__line_no``; ``seen`` is what its texts may hold."""

    relation: str
    types: Mapping[str, str]
    line_base: int = 1
    has_lines: bool = False
    seen: Seen = ANYTHING
    leave_out: str | None = None
    """Predicate of rows that are no rows of the feed at all (the trailer)."""


@dataclass
class Plan:
    """The compiled decision: its SQL and its checks by number."""

    sql: str
    checks: list[Check] = field(default_factory=list)

    def number(self, code: str) -> int:
        """Position of a check in the ``fails`` lists."""
        return next(index for index, check in enumerate(self.checks) if check.code == code)


def plan_decision(
    source: Source, entry: FeedMap, feed: Feed, facts: FileFacts, zone: str, *, refuse_all: str | None = None
) -> Plan:
    """The query that decides ``source``. With ``refuse_all`` every row is refused for that reason first."""
    usual = _USUAL if source.seen.controls else None
    compiled = compile_mapping(entry, feed, source.types, facts, zone, usual=usual, seen=source.seen)
    checks = _special_checks(source, entry, feed, compiled)
    checks += column_checks(feed, entry.required) + rule_checks(feed, facts.file_date)
    if refuse_all is not None:
        checks.insert(0, Check("file_refused", None, "file", "true", *ROW_REASONS["file_refused"]))
    layers = [
        f"s as (select * from {source.relation})",
        _given_layer(source, entry, feed, compiled, facts, zone),
        *([_usual_layer(compiled)] if usual and compiled.textual else []),
        _read_layer(feed, compiled, "u" if usual and compiled.textual else "g"),
        _final_layer(feed, compiled),
        _judged_layer(checks, refuse_all is not None),
    ]
    sql = "with " + ",\n".join(layers) + "\n" + _output(source, entry, feed, compiled)
    if natural_key(entry, feed):
        sql += f"\norder by {LINE}"  # looking for shared keys moves rows about
    return Plan(sql, checks)


def texts_looked_at(
    connection: duckdb.DuckDBPyConnection, source: Source, entry: FeedMap, feed: Feed, facts: FileFacts, zone: str
) -> Source:
    """``source`` with what its texts really hold; worth a reading of its own where that is quick, as of Parquet."""
    compiled = compile_mapping(entry, feed, source.types, facts, zone)
    if not compiled.textual:
        return source
    given = _given_layer(source, entry, feed, compiled, facts, zone)
    columns = {f"g_{column}": feed.columns[column].type for column in compiled.textual}
    texts = f"with s as (select * from {source.relation}), {given} select * from g"
    return replace(source, seen=look_at_texts(connection, texts, columns))


def natural_key(entry: FeedMap, feed: Feed) -> list[str]:
    """Key columns that the template fills with a natural key. Such sources must bring line numbers."""
    return [column for column in feed.key if column in entry.columns and entry.columns[column].hash]


def _special_checks(source: Source, entry: FeedMap, feed: Feed, compiled: Compiled) -> list[Check]:
    """Checks of the row as a whole. The first two leave the row out of all others."""
    checks = [
        Check("not_of_this_feed", None, "excluded", "x_excluded = 1", *ROW_REASONS["not_of_this_feed"]),
        Check("repeated_header", None, "excluded", "x_excluded = 2", *ROW_REASONS["repeated_header"]),
    ]
    if source.seen.controls and compiled.textual:
        found = " or ".join(f"regexp_matches(g_{one}, '{grammar.CONTROL_CHARACTERS}')" for one in compiled.textual)
        fails = f"case when {_USUAL} then false else {found} end"
        checks.append(Check("control_characters", None, "controls", fails, *ROW_REASONS["control_characters"]))
    natural = natural_key(entry, feed)
    if natural:
        key = ", ".join(f"v_{column}" for column in feed.key)
        fails = f"({key}) in (select {key} from f where x_excluded is null group by all having count(*) > 1)"
        checks.append(Check("ambiguous_key", natural[0], "ambiguous", fails, *ROW_REASONS["ambiguous_key"]))
    return checks


def _given_layer(source: Source, entry: FeedMap, feed: Feed, compiled: Compiled, facts: FileFacts, zone: str) -> str:
    selected = [f"{quoted(column)} as s_{place}" for place, column in enumerate(source.types)]
    selected += [LINE] if source.has_lines else []
    selected += [f"{expression} as g_{column}" for column, expression in compiled.given.items()]
    selected += [f"{e} as {n}" for n, e in sign_columns(entry, feed, source.types, facts, zone).items()]
    selected.append(f"{_excluded(source, entry)} as x_excluded")
    where = f" where not ({source.leave_out})" if source.leave_out else ""
    return f"g as (select {', '.join(selected)} from s{where})"


def _excluded(source: Source, entry: FeedMap) -> str:
    """1: the template leaves the row out; 2: it is the header again; null: it is a row."""
    cases = []
    for keep in entry.keep_rows:
        column = f"coalesce(cast({quoted(keep.column)} as varchar), '')"
        listed = ", ".join(literal(value) for value in keep.values or keep.not_values)
        cases.append(f"when {column} {'not in' if keep.values else 'in'} ({listed}) then 1")
    header = _header_again(source, entry) if entry.repeated_header else None
    if header:
        cases.insert(0, f"when {header} then 2")
    return f"case {' '.join(cases)} end" if cases else "cast(null as integer)"


def _header_again(source: Source, entry: FeedMap) -> str | None:
    """True where the mapped text columns hold their own names; needs at least two of them to be sure."""
    mapped = [how.from_ for how in entry.columns.values() if how.from_]
    if entry.same_names:
        mapped += list(source.types)
    sure = [column for column in dict.fromkeys(mapped) if source.types.get(column) == "VARCHAR"][:6]
    if len(sure) < 2:
        return None
    return " and ".join(f"{quoted(column)} = {literal(column)}" for column in sure)


def _usual_layer(compiled: Compiled) -> str:
    """One search through all texts of a row at once: a search through each costs several times as much."""
    texts = ", ".join(f"g_{column}" for column in compiled.textual)
    found = f"regexp_matches(concat_ws('|', {texts}), {literal(grammar.UNUSUAL)})"
    return f"u as (select *, not {found} as {_USUAL} from g)"


def _read_layer(feed: Feed, compiled: Compiled, given: str) -> str:
    """Values read by the grammars; the currency first, because amounts depend on its decimals."""
    reads = ", ".join(f"{expression} as r_{column}" for column, expression in compiled.read.items())
    ahead = [f"{expression} as p_{column}" for column, expression in compiled.parsed.items()]
    if not any("whole_units" in expression for expression in compiled.read.values()):
        parsed = ", ".join(["*", *ahead])
        return f"w as (select {parsed} from {given}),\nr as (select *, {reads} from w)"
    listed = ", ".join(literal(code) for code in grammar.WHOLE_UNIT_CURRENCIES)
    currency = compiled.final["currency"].replace("r_currency", f"({compiled.read['currency']})")
    ahead.append(f"coalesce(({currency}) in ({listed}), false) as whole_units")
    return f"w as (select *, {', '.join(ahead)} from {given}),\nr as (select *, {reads} from w)"


def _final_layer(feed: Feed, compiled: Compiled) -> str:
    finals = ", ".join(f"{expression} as v_{column}" for column, expression in compiled.final.items())
    if compiled.imputed:
        named: dict[str, list[str]] = {}
        for column, predicate in compiled.imputed:
            named.setdefault(feed.stored_name(column), []).append(predicate)
        cases = [f"case when {' or '.join(tests)} then {literal(column)} end" for column, tests in named.items()]
        imputed = f"concat_ws(',', {', '.join(cases)})"
    else:
        imputed = "''"
    # not materialized: the search for shared natural keys reads the key alone a second time, not every whole row
    return f"f as not materialized (select *, {finals}, {imputed} as imputed_columns from r)"


def _judged_layer(checks: Sequence[Check], refuse_all: bool) -> str:
    """``fails``: numbers of the failed checks, null where the row is accepted; excluded rows fail for that alone."""
    numbered = list(enumerate(checks))
    excluded = [(n, c) for n, c in numbered if c.kind == "excluded"]
    others = [(n, c) for n, c in numbered if c.kind != "excluded"]
    first = " ".join(f"when {check.fails} then [{number}::smallint]" for number, check in excluded)
    any_fails = " or ".join(f"({check.fails})" for _, check in others)
    listed = ", ".join(f"case when {check.fails} then {number}::smallint end" for number, check in others)
    if refuse_all:
        first = ""
    return (
        f"j as (select *, case {first} when {any_fails} then list_filter([{listed}], lambda x: x is not null) end"
        f" as fails from f)"
    )


def _output(source: Source, entry: FeedMap, feed: Feed, compiled: Compiled) -> str:
    """``row_hash`` tells contents apart quickly inside one warehouse; what proves a row is its file and line, and
    rows are called equal only after their values were compared."""
    stored = [f"v_{column} as {quoted(feed.stored_name(column))}" for column in feed.columns]
    hashed = ", ".join(f"v_{column}" for column in feed.columns)
    source_row = {column: f"{quoted(column)} := s_{place}" for place, column in enumerate(source.types)}
    packed = ", ".join(source_row.values())
    whole = f"cast(to_json(struct_pack({packed})) as varchar)" if packed else "'{}'"  # an empty sheet has no column
    # of a row that is not of this feed only what says so is kept: it may be most of a wide file
    why = ", ".join(source_row[column] for column in dict.fromkeys(keep.column for keep in entry.keep_rows))
    short = f"when x_excluded = 1 then cast(to_json(struct_pack({why})) as varchar) " if why else ""
    given = ", ".join(f"{quoted(column)} := {_standard_text(feed, column)}" for column in compiled.given)
    lines = f"{LINE}, " if source.has_lines else ""
    return (
        f"select {lines}{', '.join(stored)},\n"
        f"  case when fails is null then hash({hashed}) end as row_hash,\n"
        f"  imputed_columns, fails,\n"
        f"  case when fails is null then null {short}"
        f"else {whole} end as raw_json,\n"
        f"  case when fails is not null then cast(to_json(struct_pack({given})) as varchar) end as standard_json\n"
        f"from j"
    )


def _standard_text(feed: Feed, column: str) -> str:
    """The value in the standard grammar, as a person may correct it; what could not be read stands as it was given."""
    kind, value = feed.columns[column].type, f"v_{column}"
    shown = f"cast({value} as varchar)"
    if kind == "amount":
        whole = ", ".join(literal(code) for code in grammar.WHOLE_UNIT_CURRENCIES)
        major = (
            f"case when {value} < 0 then '-' else '' end || (abs({value}) // 100) || '.' ||"
            f" lpad(cast(abs({value}) % 100 as varchar), 2, '0')"
        )
        currency = f"v_{feed.currency_column} in ({whole})" if feed.currency_column else "false"
        shown = f"case when {currency} then cast({value} as varchar) else {major} end"
    elif kind == "moment":
        shown = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"coalesce({shown}, cast(g_{column} as varchar))"


def copy_statement(plan: Plan, target: Path) -> str:
    """Writes the decided rows in the order of the source. Version 2 of Parquet keeps the lengths of texts apart from
    their bytes, which takes a tenth off writing and off reading."""
    return (
        f"copy ({plan.sql}) to {literal(str(target))} (format parquet, compression uncompressed,"
        f" row_group_size {_ROWS_OF_A_GROUP}, dictionary_size_limit {_WORDS_OF_A_DICTIONARY}, parquet_version V2)"
    )
