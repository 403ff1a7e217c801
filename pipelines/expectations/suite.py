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
from datetime import datetime
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
        bounds = [
            (word, datetime.fromisoformat(bound) if isinstance(bound, str) else bound)
            for word, bound in (("min_value", rule.min), ("max_value", rule.max))
            if bound is not None
        ]
        return _Asked(rule.code, codes, rule.column, "between", (("column", rule.column), *bounds))
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
        "between": gxe.ExpectColumnValuesToBeBetween,
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
    """The narrow slice GX looks at: typed values, and beside each the text that could not be read."""
    columns = []
    for name, column in feed.columns.items():
        stored = '"' + feed.stored_name(name) + '"'
        typed = f"cast({stored} as timestamp)" if column.type in ("date", "moment") else stored
        columns.append(f'{typed} as "{name}"')
        text = (
            f"case when fails is not null and {stored} is null then json_extract_string(standard_json, '$.{name}') end"
        )
        columns.append(f'{text} as "{name}__unreadable"')
    left_out = ", ".join(str(number) for number in excluded) or "-1"
    return (
        f"select {', '.join(columns)}, timestamp '{file_date} 00:00:00' as file_date"
        f" from {decided} where fails is null or fails[1] not in ({left_out})"
    )


def to_pandas(table: Any) -> Any:
    """An Arrow table as a pandas frame that keeps whole numbers whole: money never passes through a float."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.int64(): pd.Int64Dtype(), pa.string(): pd.ArrowDtype(pa.string()), pa.bool_(): pd.BooleanDtype()}
    return table.to_pandas(types_mapper=kinds.get)


def _add_derived(feed: Feed, frame: Any) -> None:
    """Columns that cross-column rules compare, computed by pandas and not by the SQL under test."""
    import pandas as pd

    for rule in feed.rules:
        if isinstance(rule, CompareRule):
            moments = rule.right != "file_date" and {feed.columns[c].type for c in (rule.left, rule.right)} == {
                "moment"
            }
            left, right = frame[rule.left], frame[rule.right]
            if not moments:
                left, right = left.dt.floor("D"), right.dt.floor("D")
            right = right + pd.Timedelta(days=rule.plus_days)
            greater, less = (right, left) if rule.op == "<=" else (left, right)
            frame[f"{rule.code}__greater"], frame[f"{rule.code}__less"] = greater, less
        elif isinstance(rule, TotalRule):
            frame[f"{rule.code}__sum"] = sum((frame[part] for part in rule.parts[1:]), frame[rule.parts[0]])
        elif isinstance(rule, RequiredWhenRule):
            given = (
                frame[rule.column]
                .astype("object")
                .where(frame[rule.column].notna(), frame[f"{rule.column}__unreadable"].astype("object"))
            )
            needed = frame[rule.when].isin(rule.values).fillna(False).astype(bool)
            frame[f"{rule.code}__needed"] = given.where(needed, "not needed")
