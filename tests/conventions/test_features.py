"""What Recoup says of itself by number is held to the program: pages, commands, roles and tests that are really there,
and the same in both languages."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest
import typer
import yaml

from dashboards.pages import PAGES as DASHBOARDS
from ops_app.cli import cli
from ops_app.config import PROJECT_ROOT
from ops_app.consoles.pages import PAGES
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS, ROLE_NAMES

FILES = ("docs/features.md", "docs/features.zh.md")
NUMBERS = (
    *(f"R0.{n}" for n in range(1, 7)), "1", "2", "3", *map(str, range(8, 19)), "25", "27", "28", "33", "39",
    *map(str, range(45, 49)), "50", *map(str, range(54, 59)), "60", "D5", "D6", "C1", "C2",
    "c7", "c9", "c11", "c13", "c14", "c15",
)  # fmt: skip
ALL = ("everybody who signs in", "所有登录人员")
ASSET = ("everybody of the asset company", "资产公司全员")
STAFF = GRANTS["cases.company"]


@dataclass(frozen=True)
class Line:
    """One row of the table: its number and cells, in the language of its file (0: English, 1: 中文)."""

    number: str
    text: str
    places: tuple[str, ...]
    roles: tuple[str, ...]
    test: str
    language: int


@cache
def lines(language: int) -> tuple[Line, ...]:
    text = (PROJECT_ROOT / FILES[language]).read_text(encoding="utf-8")
    cells = [row.strip("|").split(" | ") for row in text.splitlines() if row.startswith("| ")]
    rows = [[cell.strip() for cell in row] for row in cells if row[-1].strip().startswith("`tests/")]
    cut = re.compile("[,、]" if language else ", ")
    return tuple(
        Line(number, what, tuple(cut.split(where)), tuple(cut.split(who)), test.strip("`"), language)
        for number, what, where, who, test in rows
    )


EVERY = [one for language in (0, 1) for one in lines(language)]


def by_name(one: Line) -> str:
    return f"{one.number}-{('en', 'zh')[one.language]}"


@cache
def titles() -> dict[str, tuple[str, str]]:
    """Address → the title of its page in both languages."""
    found = {f"/{one.url_path}": (one.title_en, one.title_zh) for one in DASHBOARDS}
    texts: dict[str, dict] = {}
    for file in (PROJECT_ROOT / "ops_app" / "consoles" / "kit" / "texts").glob("*.yml"):
        texts |= (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("page") or {}
    return found | {f"/{one.url_path}": tuple(texts[one.key]["title"]) for one in PAGES}


def permission_of(address: str) -> str:
    known = {f"/{one.url_path}": one.permission for one in PAGES}
    return known.get(address, "dashboards.view")


def roles_of(one: Line) -> set[Role]:
    named = {ROLE_NAMES[role][one.language]: {role} for role in Role}
    named |= {ALL[one.language]: set(Role), ASSET[one.language]: set(STAFF)}
    return {role for name in one.roles for role in named[name]}


def test_both_languages_have_every_number_once_and_in_the_same_order() -> None:
    for language in (0, 1):
        assert [one.number for one in lines(language)] == list(NUMBERS)


def test_both_languages_say_the_same_of_places_roles_tests_and_what_is_missing() -> None:
    for english, chinese in zip(lines(0), lines(1), strict=True):
        for pattern in (r"`[^`]+`",):
            assert re.findall(pattern, " ".join(english.places)) == re.findall(pattern, " ".join(chinese.places))
        assert english.test == chinese.test
        assert roles_of(english) == roles_of(chinese), english.number
        assert ("**Missing:**" in english.text) == ("**尚缺：**" in chinese.text), english.number


@pytest.mark.parametrize("one", EVERY, ids=by_name)
def test_every_place_is_a_page_with_its_title_or_a_command(one: Line) -> None:
    commands = set(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]
    for place in one.places:
        if command := re.fullmatch(r"`recoup ([a-z-]+)`", place):
            assert command[1] in commands
            continue
        page = re.fullmatch(r"(.+) `(/[a-z_]*)`", place)
        assert page, place
        assert page[2] in titles(), f"there is no page {page[2]}"
        assert page[1] == titles()[page[2]][one.language]


@pytest.mark.parametrize("one", EVERY, ids=by_name)
def test_every_role_that_is_named_may_open_one_of_the_pages(one: Line) -> None:
    addresses = re.findall(r"`(/[a-z_]*)`", " ".join(one.places))
    if addresses:
        may = set().union(*(GRANTS[permission_of(address)] for address in addresses))
        assert roles_of(one) <= may, f"{roles_of(one) - may} may open none of {addresses}"
    assert roles_of(one) <= set().union(*GRANTS.values())


@pytest.mark.parametrize("one", EVERY, ids=by_name)
def test_every_test_file_is_there_and_has_a_test(one: Line) -> None:
    tree = ast.parse((PROJECT_ROOT / one.test).read_text(encoding="utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree))
