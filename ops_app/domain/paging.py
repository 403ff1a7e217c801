"""What a list accepts: one of its sorts, and a page of a size that is shown at once."""

from __future__ import annotations

from collections.abc import Container

from ops_app.domain.errors import Invalid

LARGEST_PAGE = 500
"""Rows of one page at most; a longer list is turned, or exported."""


MOST_COUNTED = 10_000
"""How far the rows of a list that grows with the book are counted; one more is said as "more than that"."""


def check_sort(sort: str, sorts: Container[str], what: str) -> None:
    """Raise ``Invalid`` unless ``sort`` is one of ``sorts``; ``what`` names the rows at the head of a sentence."""
    if sort not in sorts:
        raise Invalid(f"{what} cannot be sorted by {sort}.", f"不能按 {sort} 排序。", field="sort")


def check_page(page: int, page_size: int, *, largest: int = LARGEST_PAGE) -> None:
    """Raise ``Invalid`` unless pages are counted from 1 and have 1 to ``largest`` rows."""
    if page < 1 or not 1 <= page_size <= largest:
        raise Invalid(
            f"A page has 1 to {largest} rows, and pages begin at 1.",
            f"每页 1 至 {largest} 行，页码从 1 开始。",
            field="page",
        )


def check_limit(limit: int, offset: int = 0, *, largest: int = LARGEST_PAGE) -> None:
    """Raise ``Invalid`` unless a list that goes by marks is asked for 1 to ``largest`` rows, from none before the
    first."""
    if not 1 <= limit <= largest or offset < 0:
        raise Invalid(f"A page has 1 to {largest} rows.", f"每页 1 至 {largest} 行。", field="limit")
