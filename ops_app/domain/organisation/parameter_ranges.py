"""Ranges of whole numbers that name a band each (bucket edges): no overlap, no gap, said in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ops_app.domain.errors import Invalid

_LINE = re.compile(r"(?P<code>\S+)\s+(?P<first>[0-9]{1,6})\s*(?:(?:-|–|~|至)\s*(?P<last>[0-9]{1,6})|(?P<open>\+))?")


@dataclass(frozen=True)
class Range:
    """One band: ``code`` from ``first`` to ``last``, both inclusive; ``last`` is ``None`` where it has no end."""

    code: str
    first: int
    last: int | None

    @property
    def text(self) -> str:
        """As it is written: ``M1 (1–30)``, ``M7 (181+)``."""
        return f"{self.code} ({self.span})"

    @property
    def span(self) -> str:
        """The numbers alone: ``1–30``, ``181+``, ``0``."""
        return span(self.first, self.last)

    def facts(self) -> dict[str, object]:
        """What is stored of a range."""
        return {"code": self.code, "first": self.first, "last": self.last}


def span(first: int, last: int | None) -> str:
    """Numbers from ``first`` to ``last`` as they are written."""
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def wrong(en: str, zh: str) -> Invalid:
    """A refusal that belongs to the value."""
    return Invalid(en, zh, field="value")


def read_ranges(stored: object) -> tuple[Range, ...]:
    """Ranges from their stored form (a list of ``code``, ``first``, ``last``); raises ``Invalid``."""
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        raise wrong("Ranges are a list.", "区间应为列表。")
    return tuple(_range(one) for one in stored)


def _range(one: Any) -> Range:
    if isinstance(one, Range):
        return one
    if not isinstance(one, Mapping) or set(one) != {"code", "first", "last"}:
        raise wrong("A range has a code, a first and a last number.", "每个区间应有代码、起点和终点。")
    code, first, last = one["code"], one["first"], one["last"]
    numbers = [first] if last is None else [first, last]
    if not isinstance(code, str) or any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
        raise wrong("The ends of a range are whole numbers.", "区间的起点和终点应为整数。")
    return Range(code, first, last)


def typed_ranges(text: str) -> tuple[Range, ...]:
    """Ranges as people type them, one a line: ``M1 1-30``, ``M7 181+``, ``C 0``; raises ``Invalid`` naming the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise wrong(
                f"Line {number} is no range. Write a code and two numbers, such as: M1 1-30.",
                f"第 {number} 行不是区间。请填写代码和两个数字，例如：M1 1-30。",
            )
        first = int(match["first"])
        last = None if match["open"] else int(match["last"] or first)
        found.append(Range(match["code"], first, last))
    return tuple(found)


def check_ranges(ranges: Sequence[Range], *, codes: Sequence[str], least: int) -> None:
    """Raise ``Invalid`` unless ``ranges`` begin at ``least``, follow one another without overlap or gap, end open, and
    bear codes of ``codes`` in that order. The sentence names the two ranges that do not fit."""
    if not ranges:
        raise wrong("Give at least one range.", "请至少填写一个区间。")
    for one in ranges:
        if one.code not in codes:
            known = ", ".join(codes)
            raise wrong(f"{one.code} is not one of: {known}.", f"{one.code} 不在可用代码之内：{known}。")
        if one.last is not None and one.last < one.first:
            raise wrong(f"{one.text} ends before it begins.", f"{one.text} 的终点小于起点。")
    if ranges[0].first != least:
        raise wrong(
            f"The first range, {ranges[0].text}, must begin at {least}.",
            f"首个区间 {ranges[0].text} 应从 {least} 开始。",
        )
    for one, following in pairwise(ranges):
        _check_neighbours(one, following, codes)
    if ranges[-1].last is not None:
        raise wrong(
            f"The last range, {ranges[-1].text}, must be open at its end: write {ranges[-1].first}+.",
            f"最后一个区间 {ranges[-1].text} 不应有终点，请写作 {ranges[-1].first}+。",
        )


def _check_neighbours(one: Range, following: Range, codes: Sequence[str]) -> None:
    if codes.index(following.code) <= codes.index(one.code):
        raise wrong(
            f"{following.text} may not follow {one.text}: codes rise in the order {', '.join(codes)}.",
            f"{following.text} 不能排在 {one.text} 之后：代码应按 {', '.join(codes)} 的顺序。",
        )
    if one.last is None or following.first <= one.last:
        first = max(one.first, following.first)
        last = min((end for end in (one.last, following.last) if end is not None), default=None)
        if last is not None and last < first:
            raise wrong(
                f"{following.text} lies before {one.text}: write the ranges in rising order.",
                f"{following.text} 位于 {one.text} 之前：请按从小到大填写。",
            )
        shared = span(first, last)
        raise wrong(
            f"{one.text} and {following.text} overlap: both hold {shared}.",
            f"{one.text} 与 {following.text} 重叠：{shared} 同属两个区间。",
        )
    if following.first > one.last + 1:
        missing = span(one.last + 1, following.first - 1)
        raise wrong(
            f"Between {one.text} and {following.text} there is a gap: {missing} belongs to neither.",
            f"{one.text} 与 {following.text} 之间有缺口：{missing} 不属于任何区间。",
        )


def code_of(ranges: Sequence[Range], number: int) -> str:
    """The code of the range that holds ``number``; what lies below the first belongs to the first."""
    for one in ranges:
        if one.last is None or number <= one.last:
            return one.code
    raise ValueError(f"{number} lies in no range: they were not checked")
