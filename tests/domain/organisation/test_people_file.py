"""People from one table: titles, rows and what is wrong with them."""

from __future__ import annotations

import pytest

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.people_file import MOST_ROWS, lines_of

TITLES = ["登录名", "姓名", "角色", "机构代码", "语言", "组织代码"]


def problems(*cells: str) -> list[str]:
    (line,) = lines_of([TITLES, cells])
    return [problem.field for problem in line.problems]


def test_titles_and_roles_are_read_in_both_languages() -> None:
    for titles, role in (
        (TITLES, "催收员"),
        (["Sign-in name", "NAME", "role", "agency", "language", "unit"], "collector"),
    ):
        (line,) = lines_of([titles, [" Li.Na ", "李 娜", role, "AG01", "中文", ""], ["", " ", ""]])
        assert (line.line_no, line.sign_in_name, line.role, line.agency_code) == (2, "li.na", Role.COLLECTOR, "AG01")
        assert (line.language, line.unit_code, line.problems) == ("zh", None, ())


@pytest.mark.parametrize(
    ("cells", "fields"),
    [
        (("a", "A", "collector", "AG01"), ["sign_in_name"]),
        (("abc", "", "collector"), ["display_name"]),
        (("abc", "A", "boss"), ["role"]),
        (("abc", "A", "system"), ["role"]),
        (("abc", "A", "agency supervisor", ""), ["agency_code"]),
        (("abc", "A", "analyst", "AG01"), ["agency_code"]),
        (("abc", "A", "analyst", "", "fr"), ["language"]),
        (("abc", "A", "collector", "AG01", "", "HQ"), ["unit_code"]),
        (("a", "", "boss", "", "fr"), ["role", "sign_in_name", "display_name", "language"]),
        (("abc", "A", "analyst"), []),
    ],
)
def test_everything_that_is_wrong_with_a_row_is_told_by_its_field(cells: tuple[str, ...], fields: list[str]) -> None:
    assert problems(*cells) == fields


def test_a_name_that_is_there_twice_is_wrong_in_both_rows() -> None:
    one, two, three = lines_of([TITLES[:3], ["abc", "A", "analyst"], ["ABC", "B", "analyst"], ["abd", "C", "analyst"]])
    assert [len(line.problems) for line in (one, two, three)] == [1, 1, 0]


@pytest.mark.parametrize(
    "table",
    [
        [],
        [TITLES],
        [TITLES, ["", ""]],
        [["登录名", "姓名"], ["abc", "A"]],
        [["登录名", "姓名", "角色", "工资"], ["abc", "A", "analyst", "1"]],
        [["登录名", "姓名", "角色", "角色"], ["abc", "A", "analyst", "analyst"]],
        [TITLES[:3], *[[f"n{number}", "A", "analyst"] for number in range(MOST_ROWS + 1)]],
    ],
)
def test_a_table_that_cannot_be_used_is_refused_whole(table: list[list[str]]) -> None:
    with pytest.raises(Invalid) as refusal:
        lines_of(table)
    assert refusal.value.field == "file"
