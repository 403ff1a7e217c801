"""The same rules as Great Expectations sees them: one suite a feed, run on the decided rows, compared with the SQL.

Up to ``SLICE_ROWS`` rows GX looks at the rows themselves and counts for itself; above, at the frame of results
(rule, checked, refused). A count that differs from the SQL verdict, or an exception inside GX, is an error and stops
the file. GX never decides a row: it is the second pair of eyes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from pipelines.expectations.definitions import (
    CompareRule,
    CurrencyRule,
    Feed,
    InRule,
    RangeRule,
    RequiredWhenRule,
    TotalRule,
    load_feed,
)
from pipelines.readers.grammar import THREE_DIGIT_CURRENCIES
from pipelines.readers.job import CheckCount

SLICE_ROWS = 1_000_000


class ExpectationsDisagree(RuntimeError):
    """GX and the SQL verdict differ, or GX could not evaluate: our fault, never the file's. Nothing was loaded."""


@dataclass(frozen=True)
class Verdict:
    """What GX said about one check."""

    rule: str
    column: str | None
    checked: int
    refused: int
    success: bool
    json: str


@dataclass(frozen=True)
class _Asked:
    """One expectation and the SQL refusals it must agree with: the sum over ``codes``."""

    code: str
    codes: tuple[str, ...]
    column: str | None
    kind: str
    settings: tuple[tuple[str, Any], ...]


@cache
def _gx() -> Any:
    """Great Expectations, imported once and only when something is validated: it costs seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return gx, context


def asked_of(feed: Feed, required: Sequence[str]) -> list[_Asked]:
    """The expectations of a feed, each with the check codes whose refusals it counts."""
    asked = []
    for name, column in feed.columns.items():
        unreadable = f"{name}_unreadable"
        asked.append(_Asked(unreadable, (unreadable,), name, "null", (("column", f"{name}__unreadable"),)))
        if column.required or name in required:
            codes = (f"{name}_missing", unreadable)
            asked.append(_Asked(f"{name}_missing", codes, name, "not_null", (("column", name),)))
    for rule in feed.rules:
        asked.append(_asked_rule(feed, rule))
    return asked


def _asked_rule(feed: Feed, rule: Any) -> _Asked:
    codes = (rule.code,)
    either = ("ignore_row_if", "either_value_is_missing")
    if isinstance(rule, InRule):
        settings = (("column", rule.column), ("value_set", tuple(rule.values)))
        return _Asked(rule.code, codes, rule.column, "in", settings)
    if isinstance(rule, CurrencyRule):
        three = "|".join(THREE_DIGIT_CURRENCIES)
        return _Asked(
            rule.code, codes, rule.column, "regex", (("column", rule.column), ("regex", rf"^(?!{three})[A-Z]{{3}}\Z"))
        )
    if isinstance(rule, RangeRule):
        # GX's own "between" calls Python for every value; a pair with the bound is vectorised
        sides = (("column_A", f"{rule.code}__room"), ("column_B", f"{rule.code}__zero"), ("or_equal", True), either)
        return _Asked(rule.code, codes, rule.column, "pair_order", sides)
    if isinstance(rule, CompareRule):
        sides = (f"{rule.code}__greater", f"{rule.code}__less")
        return _Asked(
            rule.code, codes, rule.left, "pair_order",
            (("column_A", sides[0]), ("column_B", sides[1]), ("or_equal", True), either),
        )  # fmt: skip
    if isinstance(rule, TotalRule):
        settings = (("column_A", rule.column), ("column_B", f"{rule.code}__sum"), either)
        return _Asked(rule.code, codes, rule.column, "pair_equal", settings)
    return _Asked(rule.code, codes, rule.column, "not_null", (("column", f"{rule.code}__needed"),))


@cache
def _suite(feed_name: str, required: tuple[str, ...]) -> tuple[Any, Any, list[_Asked]]:
    gx, context = _gx()
    import great_expectations.expectations as gxe

    made = {
        "null": gxe.ExpectColumnValuesToBeNull,
        "not_null": gxe.ExpectColumnValuesToNotBeNull,
        "in": gxe.ExpectColumnValuesToBeInSet,
        "regex": gxe.ExpectColumnValuesToMatchRegex,
        "pair_order": gxe.ExpectColumnPairValuesAToBeGreaterThanB,
        "pair_equal": gxe.ExpectColumnPairValuesToBeEqual,
    }
    asked = asked_of(load_feed(feed_name), required)
    suite = gx.ExpectationSuite(name=f"{feed_name}:{','.join(required)}")
    for one in asked:
        settings = {key: list(value) if isinstance(value, tuple) else value for key, value in one.settings}
        suite.add_expectation(made[one.kind](meta={"rule": one.code}, **settings))
    source = context.data_sources.add_pandas(name=suite.name)
    definition = source.add_dataframe_asset(name="rows").add_batch_definition_whole_dataframe("whole")
    return suite, definition, asked


def validate_rows(feed: Feed, required: Sequence[str], frame: Any, counts: Sequence[CheckCount]) -> list[Verdict]:
    """GX over the rows of ``frame`` (see ``frame_sql``); raises ``ExpectationsDisagree`` where the counts differ."""
    suite, definition, asked = _suite(feed.feed, tuple(sorted(required)))
    _add_derived(feed, frame)
    batch = definition.get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
    refused = {count.code: count.refused for count in counts}
    by_code = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    verdicts = []
    for one in asked:
        result = by_code[one.code]
        _raise_exception(feed, one.code, result)
        found = int(result.result.get("unexpected_count", 0))
        expected = sum(refused.get(code, 0) for code in one.codes)
        if found != expected or bool(result.success) != (expected == 0):
            raise ExpectationsDisagree(
                f"Feed {feed.feed}, rule {one.code}: GX counts {found} refused rows, the SQL verdict {expected}."
            )
        verdicts.append(
            Verdict(one.code, one.column, len(frame), refused.get(one.code, 0), bool(result.success), _json(result))
        )
    return verdicts


def validate_results(feed: Feed, rows: int, counts: Sequence[CheckCount]) -> list[Verdict]:
    """GX over the frame of results, for slices too large to hold twice: one column a rule, no refusal expected."""
    gx, context = _gx()
    import great_expectations.expectations as gxe
    import pandas as pd

    named = [count for count in counts if count.kind not in ("excluded", "unread", "duplicate", "controls", "file")]
    frame = pd.DataFrame({count.code: [count.refused] for count in named})
    name = f"results of {feed.feed}"
    source = context.data_sources.add_or_update_pandas(name=name)
    definition = source.add_dataframe_asset(name="results").add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(name=name)
    for count in named:
        suite.add_expectation(
            gxe.ExpectColumnValuesToBeBetween(column=count.code, min_value=0, max_value=0, meta={"rule": count.code})
        )
    outcome = definition.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    by_code = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    verdicts = []
    for count in named:
        result = by_code[count.code]
        _raise_exception(feed, count.code, result)
        if bool(result.success) != (count.refused == 0):
            raise ExpectationsDisagree(
                f"Feed {feed.feed}, rule {count.code}: GX says {result.success},"
                f" the SQL verdict refuses {count.refused}."
            )
        verdicts.append(Verdict(count.code, count.column, rows, count.refused, bool(result.success), _json(result)))
    return verdicts


def _raise_exception(feed: Feed, code: str, result: Any) -> None:
    """``exception_info`` is either one flat entry or one a metric; anything in it is an error, not a failed check."""
    info = result.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            raise ExpectationsDisagree(f"Feed {feed.feed}, rule {code}: GX failed: {entry.get('exception_message')}")


def _json(result: Any) -> str:
    """GX's own result, without the sender's values."""
    told = result.to_json_dict()
    told.pop("exception_info", None)
    for word in ("partial_unexpected_list", "partial_unexpected_counts", "partial_unexpected_index_list"):
        told.get("result", {}).pop(word, None)
    return json.dumps(told, ensure_ascii=False, default=str)


def frame_sql(feed: Feed, decided: str, excluded: Sequence[int], file_date: str) -> str:
    """The narrow slice GX looks at: numbers as they are, dates as days and moments as microseconds since 1970, codes
    that a rule names as text, of all other text only whether it is there; beside each whether it could not be read."""
    named = {rule.column for rule in feed.rules if isinstance(rule, InRule | CurrencyRule)}
    named |= {rule.when for rule in feed.rules if isinstance(rule, RequiredWhenRule)}
    columns = []
    for name, column in feed.columns.items():
        stored = '"' + feed.stored_name(name) + '"'
        if column.type == "date":
            value = f"cast({stored} - date '1970-01-01' as bigint)"
        elif column.type == "moment":
            value = f"epoch_us({stored})"
        elif column.type in ("amount", "integer") or name in named:
            value = stored
        else:
            value = f"case when {stored} is not null then 1::tinyint end"
        unreadable = (
            f"case when fails is not null and {stored} is null"
            f" and json_extract_string(standard_json, '$.{name}') is not null then 1::tinyint end"
        )
        columns += [f'{value} as "{name}"', f'{unreadable} as "{name}__unreadable"']
    left_out = ", ".join(str(number) for number in excluded) or "-1"
    return (
        f"select {', '.join(columns)}, cast(date '{file_date}' - date '1970-01-01' as bigint) as file_date"
        f" from {decided} where fails is null or fails[1] not in ({left_out})"
    )


def to_pandas(table: Any) -> Any:
    """An Arrow table as a pandas frame that keeps whole numbers whole: money never passes through a float."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.int64(): pd.Int64Dtype(), pa.int8(): pd.Int8Dtype()}
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    return table.to_pandas(types_mapper=kinds.get, categories=texts)


_DAY_US = 86_400_000_000


def _add_derived(feed: Feed, frame: Any) -> None:
    """Columns that cross-column rules compare, computed by pandas and not by the SQL under test."""
    for rule in feed.rules:
        if isinstance(rule, CompareRule):
            greater, less = _sides(feed, rule, frame)
            frame[f"{rule.code}__greater"], frame[f"{rule.code}__less"] = greater, less
        elif isinstance(rule, TotalRule):
            frame[f"{rule.code}__sum"] = sum((frame[part] for part in rule.parts[1:]), frame[rule.parts[0]])
        elif isinstance(rule, RangeRule):
            frame[f"{rule.code}__room"] = _room(feed, rule, frame)
            frame[f"{rule.code}__zero"] = 0
        elif isinstance(rule, RequiredWhenRule):
            given = frame[rule.column].notna() | frame[f"{rule.column}__unreadable"].notna()
            needed = frame[rule.when].isin(rule.values)
            frame[f"{rule.code}__needed"] = (given | ~needed).astype("Int8").replace(0, None)


def _room(feed: Feed, rule: RangeRule, frame: Any) -> Any:
    """How far a value is inside its bounds, the nearer one; below zero it is outside."""
    value = frame[rule.column]
    room = None
    for bound, sign in ((rule.min, 1), (rule.max, -1)):
        if bound is None:
            continue
        distance = (value - _as_number(feed.columns[rule.column].type, bound)) * sign
        room = distance if room is None else room.where(room <= distance, distance)
    return room


def _as_number(kind: str, bound: int | str) -> int:
    if isinstance(bound, int):
        return bound
    days = (date.fromisoformat(bound) - date(1970, 1, 1)).days
    return days if kind == "date" else days * _DAY_US


def _sides(feed: Feed, rule: CompareRule, frame: Any) -> tuple[Any, Any]:
    """(what must be the greater, what must be the less)."""
    kinds = {side: "date" if side == "file_date" else feed.columns[side].type for side in (rule.left, rule.right)}
    moments = set(kinds.values()) == {"moment"}
    left, right = (
        frame[side] if moments or kinds[side] == "date" else frame[side] // _DAY_US for side in (rule.left, rule.right)
    )
    right = right + rule.plus_days * (_DAY_US if moments else 1)
    return (right, left) if rule.op == "<=" else (left, right)
