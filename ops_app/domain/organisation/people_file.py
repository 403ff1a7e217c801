"""Many people from one table: which columns there are, and what is wrong with which row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.organisation.people import (
    Role,
    check_place,
    checked_display_name,
    checked_language,
    checked_name,
)
from ops_app.domain.organisation.permissions import ROLE_NAMES

COLUMNS: dict[str, tuple[str, ...]] = {
    "sign_in_name": ("sign_in_name", "sign-in name", "登录名"),
    "display_name": ("display_name", "name", "姓名"),
    "role": ("role", "角色"),
    "agency_code": ("agency_code", "agency", "机构", "机构代码"),
    "language": ("language", "语言"),
    "unit_code": ("unit_code", "unit", "组织", "组织代码"),
}
"""Column → the titles under which a table may have it."""

NEEDED = ("sign_in_name", "display_name", "role")
MOST_ROWS = 500
_LANGUAGES = {"": "zh", "en": "en", "english": "en", "英文": "en", "zh": "zh", "中文": "zh"}


@dataclass(frozen=True)
class Problem:
    """What is wrong in one field of a row, in both languages."""

    field: str
    en: str
    zh: str


@dataclass(frozen=True)
class PersonLine:
    """One row of the table: its line, what it says, what is wrong with it. ``role`` is known where it could be read."""

    line_no: int
    sign_in_name: str
    display_name: str
    role: Role | None
    agency_code: str | None
    language: str
    unit_code: str | None
    problems: tuple[Problem, ...] = ()


def lines_of(table: Sequence[Sequence[str]]) -> tuple[PersonLine, ...]:
    """The rows of a table whose first row holds the titles, each with its own problems.

    Raises ``Invalid`` (field ``file``) when the table as a whole cannot be used: no rows, too many, a title that is
    missing, unknown or there twice.
    """
    rows = [(number, row) for number, row in enumerate(table, start=1) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise _unusable("The file has no rows below its titles.", "文件除标题外没有数据行。")
    if len(rows) - 1 > MOST_ROWS:
        raise _unusable(f"A file holds at most {MOST_ROWS} people.", f"单个文件最多 {MOST_ROWS} 人。")
    places = _places(rows[0][1])
    lines = [_line(number, _values(row, places)) for number, row in rows[1:]]
    twice = {name for name, count in Counter(line.sign_in_name for line in lines).items() if name and count > 1}
    return tuple(
        with_problem(line, Problem("sign_in_name", "This name is in the file twice.", "文件内登录名重复。"))
        if line.sign_in_name in twice
        else line
        for line in lines
    )


def with_problem(line: PersonLine, problem: Problem) -> PersonLine:
    """``line`` with one more thing that is wrong with it."""
    return PersonLine(**{**vars(line), "problems": (*line.problems, problem)})


def problem_of(error: DomainError, field: str) -> Problem:
    """A refusal as a problem of a row."""
    return Problem(error.field or field, error.en, error.zh)


def _unusable(en: str, zh: str) -> Invalid:
    return Invalid(en, zh, field="file")


def _places(titles: Sequence[str]) -> dict[str, int]:
    known = {title: column for column, names in COLUMNS.items() for title in names}
    found: dict[str, int] = {}
    for place, title in enumerate(titles):
        text = title.strip().lower()
        if not text:
            continue
        column = known.get(text)
        if column is None:
            raise _unusable(f"Nobody knows the column {title.strip()[:40]}.", f"无法识别列“{title.strip()[:40]}”。")
        if column in found:
            raise _unusable(f"The column {column} is there twice.", f"列“{COLUMNS[column][-1]}”重复。")
        found[column] = place
    missing = [column for column in NEEDED if column not in found]
    if missing:
        raise _unusable(
            f"These columns are missing: {', '.join(missing)}.",
            f"缺少列：{'、'.join(COLUMNS[column][-1] for column in missing)}。",
        )
    return found


def _values(row: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    return {column: row[place].strip() if place < len(row) else "" for column, place in places.items()}


def _line(line_no: int, values: Mapping[str, str]) -> PersonLine:
    role = _role(values["role"])
    agency_code = values.get("agency_code") or None
    language = _LANGUAGES.get(values.get("language", "").lower(), values.get("language", ""))
    found = PersonLine(
        line_no,
        values["sign_in_name"].lower(),
        values["display_name"],
        role,
        agency_code,
        language,
        (values.get("unit_code") or "").upper() or None,
    )
    if role is None:
        found = with_problem(found, Problem("role", "There is no such role.", "没有该角色。"))
    else:
        found = _tried(found, "role", lambda: check_place(role, agency_code))
    found = _tried(found, "sign_in_name", lambda: checked_name(found.sign_in_name))
    found = _tried(found, "display_name", lambda: checked_display_name(values["display_name"]))
    found = _tried(found, "language", lambda: checked_language(language))
    if found.unit_code and agency_code:
        found = with_problem(
            found, Problem("unit_code", "People of agencies belong to no unit.", "机构人员不归属资产公司组织。")
        )
    return found


def _tried(line: PersonLine, field: str, check: Callable[[], object]) -> PersonLine:
    try:
        check()
    except DomainError as error:
        return with_problem(line, problem_of(error, field))
    return line


def _role(text: str) -> Role | None:
    wanted = text.strip().lower()
    for role, names in ROLE_NAMES.items():
        if wanted in {role.value, names[0], names[1]}:
            return role
    return None
