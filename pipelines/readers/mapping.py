"""A template entry over a source's columns, compiled to SQL: given text → read value → final value, column by column.

Three layers of names: ``s`` columns of the source as they stand, ``g_<column>`` what the sender gave after
transforms and code maps (text, or the source's own type where that already is the column's type), ``r_<column>`` what
the strict grammar read, ``v_<column>`` the final value with defaults. ``g`` given and ``r`` null means refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pipelines.expectations.definitions import Feed
from pipelines.readers import grammar
from pipelines.readers.column_maps import ColumnMap
from pipelines.readers.native_numbers import WHOLE_NUMBERS, minor_of_number
from pipelines.readers.refusals import FileRefused
from pipelines.readers.sums_and_dates import moved_date, summed
from pipelines.readers.templates import FeedMap
from pipelines.readers.texts import ANYTHING, Seen
from pipelines.readers.vocabulary import transform
from pipelines.sql_words import literal, quoted

LINE = "__line_no"
"""Column of a source relation that brings its own line numbers (spreadsheets, statements, unpivoted rows)."""


@dataclass(frozen=True)
class FileFacts:
    """What the file itself contributes to every row."""

    file_name: str
    file_date: date
    spreadsheet: bool = False


@dataclass
class Compiled:
    """The compiled columns: standard name to expression, one dictionary a layer; nulls for what is not mapped."""

    given: dict[str, str] = field(default_factory=dict)
    parsed: dict[str, str] = field(default_factory=dict)
    """``p_<column>``: plain casts that the grammars of ``read`` begin with."""
    read: dict[str, str] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    textual: list[str] = field(default_factory=list)
    """Columns whose given value is text of the sender."""
    imputed: list[tuple[str, str]] = field(default_factory=list)
    """(column, predicate over g_ columns): where true the column's name goes to imputed_columns."""


def compile_mapping(
    entry: FeedMap,
    feed: Feed,
    types: Mapping[str, str],
    facts: FileFacts,
    zone: str,
    *,
    usual: str | None = None,
    seen: Seen = ANYTHING,
) -> Compiled:
    """SQL of every column of ``feed``; ``types`` are the source's columns with their DuckDB types; ``usual`` names the
    column that tells rows whose texts hold nothing of ``grammar.UNUSUAL``, where there is one; ``seen`` is what all
    texts of the file may hold.

    Raises ``FileRefused('header')`` when a column the template reads is not in the file.
    """
    compiled = Compiled()
    for column, spec in feed.columns.items():
        how = _mapping_of(column, entry, types)
        if how is None and (spec.required or column in entry.required):
            raise _absent([column], types)
        if how is None:
            compiled.given[column] = "cast(null as varchar)"
            compiled.read[column] = f"cast(null as {_stored(feed, column)})"
            compiled.final[column] = f"r_{column}"
            continue
        _Column(column, how, feed, types, facts, zone, entry, usual, seen).into(compiled)
    return compiled


def _mapping_of(column: str, entry: FeedMap, types: Mapping[str, str]) -> ColumnMap | None:
    how = entry.columns.get(column)
    if how is None and entry.same_names and column in types:
        return ColumnMap(from_=column)
    if how is None:
        return None
    absent = [source for source in how.source_columns() if source not in types]
    if absent and how.optional:
        return ColumnMap(constant=how.default, imputed=True) if how.default is not None else None
    if absent:
        raise _absent(absent, types)
    return how


def _absent(columns: list[str], types: Mapping[str, str]) -> FileRefused:
    found = ", ".join(list(types)[:40])
    return FileRefused(
        "header",
        f"The column {', '.join(columns)} is not in the file; its columns are: {found}.",
        f"文件中没有列 {'、'.join(columns)}；现有的列：{found}。",
    )


def _stored(feed: Feed, column: str) -> str:
    return feed.stored_columns[feed.stored_name(column)]


class _Column:
    """One standard column while it is compiled."""

    def __init__(
        self,
        column: str,
        how: ColumnMap,
        feed: Feed,
        types: Mapping[str, str],
        facts: FileFacts,
        zone: str,
        entry: FeedMap,
        usual: str | None = None,
        seen: Seen = ANYTHING,
    ) -> None:
        self.usual, self.seen = usual, seen
        self.column, self.how, self.feed, self.types, self.facts = column, how, feed, types, facts
        self.zone = how.timezone or zone
        self.kind = feed.columns[column].type
        self.entry = entry

    def into(self, compiled: Compiled) -> None:
        """Adds the three layers of this column."""
        native = self._native()
        typed = native or self._typed_source()
        if typed:
            given, read = typed
        else:
            given = self._given_text()
            read = self._quick_read(compiled) or self._read(f"g_{self.column}")
            if not self._is_constant:
                compiled.textual.append(self.column)
        compiled.given[self.column] = given
        compiled.read[self.column] = read
        compiled.final[self.column] = self._final(compiled)

    @property
    def _is_constant(self) -> bool:
        return self.how.constant is not None or self.how.file is not None

    def _source(self, column: str) -> str:
        """A source column as text, empty as null; other types written so that they read back exactly."""
        kind = self.types[column]
        if kind == "VARCHAR":
            return f"nullif({quoted(column)}, '')"
        if kind == "BOOLEAN":
            return f"case {quoted(column)} when true then 'true' when false then 'false' end"
        if kind == "TIMESTAMP WITH TIME ZONE":
            return f"strftime(timezone('UTC', {quoted(column)}), '%Y-%m-%dT%H:%M:%S.%fZ')"
        return f"cast({quoted(column)} as varchar)"

    def _native(self) -> tuple[str, str] | None:
        """Given and read without a detour through text, where the file's own type already is exact."""
        how = self.how
        plain = how.from_ and not (how.transforms or how.null_values or how.codes or how.formats)
        if not plain or how.from_ is None or how.day != "as_given" or how.default is not None:
            return None
        kind, column, me = self.types[how.from_], quoted(how.from_), f"g_{self.column}"
        if self.kind == "date" and kind == "DATE":
            return column, f"case when {me} between date '0001-01-01' and date '9999-12-31' then {me} end"
        if self.kind == "moment" and kind == "TIMESTAMP":
            return column, grammar.to_utc(me, self.zone)
        if self.kind == "moment" and kind == "TIMESTAMP WITH TIME ZONE":
            return column, f"timezone('UTC', {me})"
        if self.kind == "integer" and kind in WHOLE_NUMBERS:
            return column, f"case when {me} between -999999999999999999 and 999999999999999999 then {me}::bigint end"
        if self.kind == "boolean" and kind == "BOOLEAN":
            return column, me
        if self.kind == "amount" and how.amount.unit == "major" and how.amount.decimals == "exact":
            return self._native_amount(kind, column, me)
        return None

    def _native_amount(self, kind: str, column: str, me: str) -> tuple[str, str] | None:
        minor = minor_of_number(kind, me)
        if minor is None:
            return None
        if self._whole_units():
            minor = (
                f"case when {self._whole_units()} then (case when ({minor}) % 100 = 0 then ({minor}) // 100 end)"
                f" else {minor} end"
            )
        return column, self._signed(minor)

    def _typed_source(self) -> tuple[str, str] | None:
        """Sources that compute a typed value of their own: sums and moved dates."""
        if self.how.sum:
            return summed(self.how.sum, self._source, self._scalar), f"try_cast(g_{self.column} as bigint)"
        if self.how.add_months:
            moved = moved_date(self.how.add_months, self.how, self.types, self.facts.file_date, self._source)
            return moved, f"try_cast(g_{self.column} as date)"
        return None

    def _scalar(self, source: str) -> str:
        """One part of a sum, read by the grammar of the column."""
        if self.kind == "integer":
            return grammar.integer(source)
        if self.kind == "amount":
            whole = self._constant_whole_units()
            return grammar.amount(source, self.how.amount, whole_units=whole)
        raise FileRefused("template", "Only amounts and whole numbers are summed.", "只有金额和整数可以相加。")

    def _given_text(self) -> str:
        how = self.how
        if how.constant is not None:
            return literal(how.constant)
        if how.file == "line":
            return f"{literal(self.facts.file_name + ':')} || {LINE}"
        if how.file is not None:
            return literal(self._from_file())
        source = self._text_source()
        for step in how.transforms:
            source = transform(source, step)
        if how.transforms:
            source = f"nullif({source}, '')"
        nulls = [*how.null_values, *(key for key, value in how.codes.items() if value is None)]
        if nulls:
            source = f"(case when {source} in ({', '.join(map(literal, nulls))}) then null else {source} end)"
        if how.codes and how.codes_else == "null":
            source = f"(case when {source} in ({', '.join(map(literal, how.codes))}) then {source} end)"
        return source

    def _text_source(self) -> str:
        how = self.how
        if how.from_ is not None:
            return self._source(how.from_)
        if how.first_of:
            return "coalesce(" + ", ".join(map(self._source, how.first_of)) + ")"
        if how.join:
            parts = [self._source(part) for part in how.join.columns]
            if how.join.empty == "keep":
                return (
                    f"concat_ws({literal(how.join.separator)}, "
                    + ", ".join(f"coalesce({part}, '')" for part in parts)
                    + ")"
                )
            present = " and ".join(f"{part} is not null" for part in parts)
            return f"(case when {present} then concat_ws({literal(how.join.separator)}, {', '.join(parts)}) end)"
        parts = [f"coalesce({self._source(part)}, '')" for part in how.hash or []]
        framed = " || ".join(f"strlen({part}) || ':' || {part}" for part in parts)
        return f"'nk_' || left(sha256({framed}), 32)"

    def _from_file(self) -> str:
        day = self.facts.file_date
        if self.how.file == "name":
            return self.facts.file_name
        if self.how.file == "month_start":
            return day.replace(day=1).isoformat()
        if self.how.file == "month_end":
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            return date.fromordinal(following.toordinal() - 1).isoformat()
        return day.isoformat()

    def _quick_read(self, compiled: Compiled) -> str | None:
        """The usual way of writing, with its cast done once in a layer of its own."""
        how = self.how
        usual = not how.codes and not how.formats and how.day == "as_given" and not self._is_constant
        if (
            not usual
            or self.kind not in ("amount", "date", "moment")
            or (self.kind == "date" and self.facts.spreadsheet)
        ):
            return None
        me, parsed = f"g_{self.column}", f"p_{self.column}"
        if self.kind == "amount" and not how.amount.is_plain:
            return None
        compiled.parsed[self.column] = grammar.quick(self.kind, me)
        if self.kind == "amount":
            return self._signed(grammar.amount(me, how.amount, whole_units=self._whole_units(), parsed=parsed))
        if self.kind == "date":
            return grammar.date(me, [], parsed=parsed)
        return grammar.moment(me, [], self.zone, parsed=parsed)

    def _read(self, given: str) -> str:
        """The strict grammar over the given text, with the code map before it."""
        how = self.how
        if how.codes:
            listed = " ".join(f"when {literal(k)} then {literal(v)}" for k, v in how.codes.items() if v is not None)
            rest = f" else {given}" if how.codes_else == "keep" else ""
            given = f"(case {given} {listed}{rest} end)" if listed else given
        return self._grammar(given)

    def _grammar(self, given: str) -> str:
        how = self.how
        if self.kind == "amount":
            return self._signed(grammar.amount(given, how.amount, whole_units=self._whole_units()))
        if self.kind == "integer":
            factors = [step.multiply for step in how.transforms if step.multiply is not None]
            return grammar.integer(given) + "".join(f" * {factor}" for factor in factors)
        if self.kind == "date":
            read = grammar.date(
                given, how.formats, years_from=how.two_digit_years_from, spreadsheet=self.facts.spreadsheet
            )
            if how.day == "month_start":
                return f"cast(date_trunc('month', {read}) as date)"
            return f"last_day({read})" if how.day == "month_end" else read
        if self.kind == "moment":
            return grammar.moment(given, how.formats, self.zone, years_from=how.two_digit_years_from)
        if self.kind == "boolean":
            return grammar.boolean(given)
        if self.kind == "text":
            return grammar.free_text(given)
        usual, seen = None, ANYTHING
        if given == f"g_{self.column}" and not self._is_constant:
            usual = self.usual
            # where the template puts texts together, the result may hold what the file does not
            seen = ANYTHING if self.how.transforms or self.how.join else self.seen
        if self.kind == "id":
            return grammar.identifier(given, usual, blanks=seen.blanks, exponents=seen.exponents)
        return grammar.code(given, usual, blanks=seen.blanks)

    def _signed(self, minor: str) -> str:
        when = self.how.amount.negative_when
        # the sign column is read beside the amount, in the given layer, under a name of its own
        return grammar.signed(minor, self.how.amount, f"n_{self.column}" if when else None)

    def negative(self) -> str | None:
        """Predicate of ``negative_when`` over the source, for the given layer."""
        when = self.how.amount.negative_when
        if when is None:
            return None
        return f"coalesce({self._source(when.column)} in ({', '.join(map(literal, when.values))}), false)"

    def _constant_whole_units(self) -> str | None:
        currency = self.entry.columns.get("currency")
        if currency is not None and currency.constant is not None:
            return "true" if currency.constant in grammar.WHOLE_UNIT_CURRENCIES else None
        return None

    def _whole_units(self) -> str | None:
        """Predicate: the row's currency has no decimals; None where that cannot be."""
        if self.feed.currency_column is None:
            return None
        currency = self.entry.columns.get("currency")
        if currency is not None and currency.constant is not None:
            return self._constant_whole_units()
        return "whole_units"

    def _final(self, compiled: Compiled) -> str:
        how, column = self.how, self.column
        if self.kind == "amount" and how.amount.decimals == "half_up" and not how.sum:
            compiled.imputed.append((column, f"{grammar.was_rounded(f'g_{column}', how.amount)}"))
        if how.imputed:
            compiled.imputed.append((column, f"r_{column} is not null"))
        if how.default is None:
            return f"r_{column}"
        compiled.imputed.append((column, f"g_{column} is null"))
        default = ColumnMap(constant=how.default, formats=how.formats, amount=how.amount, timezone=how.timezone)
        read = _Column(column, default, self.feed, self.types, self.facts, self.zone, self.entry)._grammar(
            literal(how.default)
        )
        return f"case when g_{column} is null then {read} else r_{column} end"


def sign_columns(entry: FeedMap, feed: Feed, types: Mapping[str, str], facts: FileFacts, zone: str) -> dict[str, str]:
    """``n_<column>``: predicates over the source that make an amount negative."""
    found = {}
    for column, how in entry.columns.items():
        predicate = _Column(column, how, feed, types, facts, zone, entry).negative()
        if predicate:
            found[f"n_{column}"] = predicate
    return found
