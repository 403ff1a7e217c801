"""From one feed file: the SQL predicates that decide each row. The GX suite of the same rules is in ``suite.py``.

Predicates speak of ``g_<column>`` (given), ``r_<column>`` (read) and ``v_<column>`` (final). A predicate is true where
the row is refused; null counts as passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pipelines.expectations.definitions import (
    CompareRule,
    CurrencyRule,
    Feed,
    InRule,
    RangeRule,
    RequiredWhenRule,
    Rule,
    TotalRule,
)
from pipelines.readers.grammar import THREE_DIGIT_CURRENCIES
from pipelines.readers.refusals import ROW_REASONS, Check
from pipelines.sql_words import literal

USUAL_CURRENCIES = ("CNY", "USD", "EUR", "INR", "CZK", "TWD", "HKD")
"""Looked at before the grammar, which is slower."""


def column_checks(feed: Feed, required: Iterable[str] = ()) -> list[Check]:
    """The checks every column has: readable by its grammar, and given where it must be."""
    must = set(required)
    checks = []
    for name, column in feed.columns.items():
        en, zh = ROW_REASONS[column.type]
        checks.append(
            Check(f"{name}_unreadable", name, "unreadable", f"g_{name} is not null and r_{name} is null", en, zh)
        )
        if column.required or name in must:
            en, zh = ROW_REASONS["missing"]
            checks.append(Check(f"{name}_missing", name, "missing", f"g_{name} is null and v_{name} is null", en, zh))
    return checks


def rule_checks(feed: Feed, file_date: date) -> list[Check]:
    """The feed's own rules, in the order of its file."""
    return [
        Check(rule.code, _column(rule), rule.check, predicate(feed, rule, file_date), rule.en, rule.zh)
        for rule in feed.rules
    ]


def _column(rule: Rule) -> str:
    return rule.left if isinstance(rule, CompareRule) else rule.column


def predicate(feed: Feed, rule: Rule, file_date: date) -> str:
    """SQL that is true where ``rule`` refuses the row."""
    if isinstance(rule, InRule):
        listed = ", ".join(literal(value) for value in rule.values)
        return f"v_{rule.column} not in ({listed})"
    if isinstance(rule, CurrencyRule):
        usual = " and ".join(f"v_{rule.column} <> {literal(code)}" for code in USUAL_CURRENCIES)
        three = ", ".join(literal(code) for code in THREE_DIGIT_CURRENCIES)
        return f"{usual} and (not regexp_full_match(v_{rule.column}, '[A-Z]{{3}}') or v_{rule.column} in ({three}))"
    if isinstance(rule, RangeRule):
        column = f"v_{rule.column}"
        kind = feed.columns[rule.column].type
        parts = []
        if rule.min is not None:
            parts.append(f"{column} < {_bound(kind, rule.min)}")
        if rule.max is not None:
            parts.append(f"{column} > {_bound(kind, rule.max)}")
        return " or ".join(parts) or "false"
    if isinstance(rule, CompareRule):
        return _comparison(feed, rule, file_date)
    if isinstance(rule, TotalRule):
        return f"v_{rule.column} <> " + " + ".join(f"v_{part}" for part in rule.parts)
    if isinstance(rule, RequiredWhenRule):
        listed = ", ".join(literal(value) for value in rule.values)
        return f"v_{rule.when} in ({listed}) and g_{rule.column} is null and v_{rule.column} is null"
    raise TypeError(f"unknown rule {rule!r}")


def _bound(kind: str, bound: int | str) -> str:
    if isinstance(bound, int):
        return str(bound)
    day = date.fromisoformat(bound).isoformat()
    return f"date '{day}'" if kind == "date" else f"timestamp '{day} 00:00:00'"


def _comparison(feed: Feed, rule: CompareRule, file_date: date) -> str:
    """Dates by day; two moments to the microsecond, unless days are added."""
    both_moments = rule.right != "file_date" and {
        feed.columns[rule.left].type,
        feed.columns[rule.right].type,
    } == {"moment"}
    left, right = _side(feed, rule.left, file_date, both_moments), _side(feed, rule.right, file_date, both_moments)
    if rule.plus_days:
        right = f"{right} + {rule.plus_days}" if not both_moments else f"{right} + interval {rule.plus_days} day"
    return f"{left} {'>' if rule.op == '<=' else '<'} {right}"


def _side(feed: Feed, column: str, file_date: date, moments: bool) -> str:
    if column == "file_date":
        return f"date '{file_date.isoformat()}'"
    name = f"v_{column}"
    return name if moments or feed.columns[column].type == "date" else f"cast({name} as date)"
