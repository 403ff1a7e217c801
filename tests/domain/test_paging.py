"""Every list accepts the same pages and says the same of another, once."""

from __future__ import annotations

import pytest

from ops_app.config import PROJECT_ROOT
from ops_app.domain.errors import Invalid
from ops_app.domain.paging import check_limit, check_page, check_sort


@pytest.mark.parametrize(("page", "size", "fits"), [(1, 1, True), (9, 500, True), (0, 1, False), (1, 501, False)])
def test_pages_are_counted_from_one_and_have_a_largest_size(page: int, size: int, fits: bool) -> None:
    if fits:
        check_page(page, size)
        return
    with pytest.raises(Invalid) as refused:
        check_page(page, size)
    assert refused.value.field == "page"
    assert "500" in refused.value.zh


@pytest.mark.parametrize(("limit", "offset", "fits"), [(1, 0, True), (500, 9, True), (0, 0, False), (1, -1, False)])
def test_a_list_by_marks_has_the_same_largest_size(limit: int, offset: int, fits: bool) -> None:
    if fits:
        check_limit(limit, offset)
        return
    with pytest.raises(Invalid) as refused:
        check_limit(limit, offset)
    assert refused.value.field == "limit"


def test_a_list_is_sorted_by_what_it_declares() -> None:
    check_sort("name", ("name",), "People")
    with pytest.raises(Invalid, match="People cannot be sorted by age") as refused:
        check_sort("age", ("name",), "People")
    assert refused.value.field == "sort"


def test_no_service_says_it_anew() -> None:
    for file in (PROJECT_ROOT / "ops_app" / "services").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for sentence in ("A page has 1 to", "cannot be sorted by {sort}.", "Pages begin at 1."):
            assert sentence not in text, f"{file.name}: {sentence}"
