"""The asset company's tree of units (feature 8): head office, branches, teams, posts, each for a period of days.

Every value of the tree is a set of rows "this unit lies under that parent, from one day up to another". A change ends
a row and adds one; the rules below hold on every day of the tree, past and future alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.periods import Period, ends_after


class UnitKind(StrEnum):
    """The four kinds of units (总部/分部/组/岗)."""

    HEAD_OFFICE = "head_office"
    BRANCH = "branch"
    TEAM = "team"
    POST = "post"


UNIT_KIND_NAMES: dict[UnitKind, tuple[str, str]] = {
    UnitKind.HEAD_OFFICE: ("head office", "总部"),
    UnitKind.BRANCH: ("branch", "分部"),
    UnitKind.TEAM: ("team", "组"),
    UnitKind.POST: ("post", "岗"),
}

PARENTS: dict[UnitKind, frozenset[UnitKind]] = {
    UnitKind.HEAD_OFFICE: frozenset(),
    UnitKind.BRANCH: frozenset({UnitKind.HEAD_OFFICE, UnitKind.BRANCH}),
    UnitKind.TEAM: frozenset({UnitKind.HEAD_OFFICE, UnitKind.BRANCH, UnitKind.TEAM}),
    UnitKind.POST: frozenset({UnitKind.HEAD_OFFICE, UnitKind.BRANCH, UnitKind.TEAM}),
}
"""Kind → kinds it may lie under. Only the head office lies under nothing."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class UnitPeriod:
    """A unit as it is for one period: its name, kind and parent (``None``: it is the root)."""

    unit_id: str
    kind: UnitKind
    parent_id: str | None
    name: str
    period: Period


class NoSuchUnit(NotFound):
    """No such unit, or none that exists on the day asked about."""

    def __init__(self) -> None:
        super().__init__("There is no such unit on that day.", "该日没有此组织。", field="unit_id")


class WrongPlace(Invalid):
    """A unit cannot lie there."""

    def __init__(self, en: str, zh: str, field: str = "parent_id") -> None:
        super().__init__(en, zh, field=field)


class UnitChangesLater(Conflict):
    """A change that is already entered takes effect on that day or later."""

    def __init__(self, day: date) -> None:
        super().__init__(
            f"This unit already has a change on {day}. A change is entered after the last one: choose a later day.",
            f"该组织在 {day} 已有变更。新变更须晚于最近一次变更，请选择更晚的日期。",
            field="valid_from",
        )


class UnitStillHolds(Refused):
    """A unit cannot close while something is open in it; names everything that is."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(
            f"This unit still holds: {en}. Move it to another unit first.",
            f"该组织名下仍有：{zh}。请先转移至其他组织。",
        )


def unit_id_of(unit_code: str) -> str:
    """The id of a unit: derived from its code, which is never given to a second unit."""
    return "u-" + key_hash("unit", unit_code.lower())[:16]


def checked_unit_code(unit_code: str) -> str:
    """The code in capitals; raises ``Invalid`` unless it is made of letters, digits, dashes and underscores."""
    code = unit_code.strip()
    if not _CODE.fullmatch(code):
        raise Invalid(
            "A unit code has 1 to 32 letters, digits, dashes or underscores.",
            "组织代码为 1 至 32 位字母、数字、短横线或下划线。",
            field="unit_code",
        )
    return code.upper()


def checked_unit_name(name: str) -> str:
    """The name with its blanks tidied; raises ``Invalid`` if empty, too long or not printable."""
    text = " ".join(name.split())
    if not 1 <= len(text) <= 100 or not text.isprintable():
        raise Invalid("A name has 1 to 100 printable characters.", "名称为 1 至 100 个可见字符。", field="name")
    return text


@dataclass(frozen=True)
class Tree:
    """All rows of the tree. Constructed only from rows that keep its rules on every day; raises what they break."""

    rows: tuple[UnitPeriod, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    def on(self, day: date) -> dict[str, UnitPeriod]:
        """Unit id → the unit as it is on ``day``."""
        return {row.unit_id: row for row in self.rows if row.period.holds_on(day)}

    def of(self, unit_id: str) -> tuple[UnitPeriod, ...]:
        """The rows of one unit, oldest first."""
        return tuple(
            sorted((row for row in self.rows if row.unit_id == unit_id), key=lambda row: row.period.valid_from)
        )

    def path(self, unit_id: str, day: date) -> tuple[UnitPeriod, ...]:
        """From the root down to the unit, on ``day``; raises ``NoSuchUnit``."""
        there = self.on(day)
        if unit_id not in there:
            raise NoSuchUnit
        found = [there[unit_id]]
        while (parent := found[-1].parent_id) is not None:
            found.append(there[parent])
        return tuple(reversed(found))

    def below(self, unit_id: str, day: date) -> frozenset[str]:
        """The ids of the unit and all units below it on ``day``; raises ``NoSuchUnit``."""
        children = _children(self.on(day))
        if unit_id not in self.on(day):
            raise NoSuchUnit
        found, waiting = set[str](), [unit_id]
        while waiting:
            found.add(one := waiting.pop())
            waiting += children.get(one, ())
        return frozenset(found)

    def in_order(self, day: date) -> tuple[tuple[int, UnitPeriod], ...]:
        """Every unit of ``day`` with its depth, parents before their children, siblings by name."""
        there = self.on(day)
        children = _children(there)

        def walk(unit_id: str, depth: int) -> Iterable[tuple[int, UnitPeriod]]:
            yield depth, there[unit_id]
            for child in sorted(children.get(unit_id, ()), key=lambda one: (there[one].name, one)):
                yield from walk(child, depth + 1)

        roots = [row.unit_id for row in there.values() if row.parent_id is None]
        return tuple(found for root in roots for found in walk(root, 0))


def _children(there: Mapping[str, UnitPeriod]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in there.values():
        if row.parent_id is not None:
            found.setdefault(row.parent_id, []).append(row.unit_id)
    return found


def added(tree: Tree, row: UnitPeriod) -> Tree:
    """The tree with a new unit; raises ``WrongPlace`` or ``Conflict``."""
    if tree.of(row.unit_id):
        raise Conflict("This unit code is taken.", "该组织代码已被使用。", field="unit_code")
    return Tree((*tree.rows, row))


def changed(tree: Tree, unit_id: str, *, parent_id: str | None, name: str, valid_from: date) -> Tree:
    """The tree in which a unit lies under ``parent_id`` and is called ``name`` from ``valid_from`` on.

    The row that holds on that day ends, a new one takes its place to the same end. Raises ``NoSuchUnit``,
    ``UnitChangesLater`` or ``WrongPlace``.
    """
    last = _last_row(tree, unit_id, valid_from)
    ended = replace(last, period=Period(last.period.valid_from, valid_from))
    new = UnitPeriod(unit_id, last.kind, parent_id, name, Period(valid_from, last.period.valid_to))
    return Tree((*(row for row in tree.rows if row != last), ended, new))


def closed(tree: Tree, unit_id: str, *, valid_to: date) -> Tree:
    """The tree in which a unit is there for the last time on the day before ``valid_to``.

    Raises ``NoSuchUnit``, ``UnitChangesLater``, or ``WrongPlace`` when units below it would be left without a parent.
    """
    last = _last_row(tree, unit_id, valid_to)
    if last.kind is UnitKind.HEAD_OFFICE:
        raise WrongPlace("The head office is not closed.", "总部不能关闭。", field="")
    ended = replace(last, period=Period(last.period.valid_from, valid_to))
    return Tree((*(row for row in tree.rows if row != last), ended))


def _last_row(tree: Tree, unit_id: str, day: date) -> UnitPeriod:
    rows = tree.of(unit_id)
    if not rows or not ends_after(rows[-1].period.valid_to, day):
        raise NoSuchUnit
    if rows[-1].period.valid_from >= day:
        raise UnitChangesLater(rows[-1].period.valid_from)
    if rows[-1].period.valid_to is not None:
        raise UnitChangesLater(rows[-1].period.valid_to)
    return rows[-1]


def _check(tree: Tree) -> None:
    """Every rule, on every day on which anything changes (between two of them nothing can break)."""
    by_unit: dict[str, list[UnitPeriod]] = {}
    for row in tree.rows:
        by_unit.setdefault(row.unit_id, []).append(row)
    for rows in by_unit.values():
        rows.sort(key=lambda row: row.period.valid_from)
        for before, after in pairwise(rows):
            if before.period.overlaps(after.period):
                raise Conflict("A unit cannot be in two places on one day.", "同一组织在同一日只能有一个上级。")
    days = {row.period.valid_from for row in tree.rows}
    days |= {row.period.valid_to for row in tree.rows if row.period.valid_to is not None}
    for day in sorted(days):
        _check_day(tree.on(day), day)


def _check_day(there: Mapping[str, UnitPeriod], day: date) -> None:
    roots = [row for row in there.values() if row.parent_id is None]
    if len(roots) > 1:
        raise WrongPlace(
            "There is one head office, and only it lies under nothing.", "总部只有一个，其他组织须有上级。"
        )
    for row in there.values():
        if row.parent_id is None:
            if row.kind is not UnitKind.HEAD_OFFICE:
                raise WrongPlace("Only the head office lies under nothing.", "除总部外，组织须有上级。")
            continue
        parent = there.get(row.parent_id)
        if parent is None:
            raise WrongPlace(
                f"{row.name} would have no parent on {day}: a parent is there for as long as the units below it.",
                f"{row.name} 在 {day} 将没有上级：上级的有效期须覆盖下级。",
            )
        if parent.kind not in PARENTS[row.kind]:
            raise WrongPlace(
                f"A {UNIT_KIND_NAMES[row.kind][0]} cannot lie under a {UNIT_KIND_NAMES[parent.kind][0]}.",
                f"{UNIT_KIND_NAMES[row.kind][1]}不能设在{UNIT_KIND_NAMES[parent.kind][1]}之下。",
            )
        _check_no_cycle(there, row)


def _check_no_cycle(there: Mapping[str, UnitPeriod], row: UnitPeriod) -> None:
    seen = {row.unit_id}
    above = row.parent_id
    while above is not None:
        if above in seen:
            raise WrongPlace(
                f"{row.name} would lie below itself. Choose a unit that is not below it.",
                f"{row.name} 将成为自己的下级，请选择其他上级。",
            )
        seen.add(above)
        parent = there.get(above)
        above = None if parent is None else parent.parent_id
