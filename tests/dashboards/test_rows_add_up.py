"""Every figure is the sum of the rows that open behind it, under any filters, in whole and in part."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards import breakdowns, rows
from dashboards.definitions import metrics
from dashboards.filters import Filters
from dashboards.periods import PERIODS, period_of
from dashboards.published import Published, latest
from dashboards.queries import figure, is_shown, published_days
from dashboards.rows import Drill

CURRENCIES = ("CNY", "USD")


def looking(published: Published, period: str = "month", currency: str = "CNY", **chosen: tuple[str, ...]) -> Filters:
    days = published_days(published, chosen.get("sources", ()))
    as_of = published.as_of.business_date
    own = (date(2026, 9, 5), date(2026, 10, 20)) if period == "custom" else (None, None)
    return Filters(period_of(period, days, as_of, *own), currency, CURRENCIES, **chosen)


def differences(published: Published, drill: Drill) -> list[str]:
    """Sides of the figure that are not the sum of their rows; empty when all is well."""
    metric = metrics()[drill.metric]
    if figure(published, metric, drill.filters, drill.group).why_empty:
        return []
    found = []
    for side in rows.sides(metric):
        assert rows.can_open(published, drill, side), f"{drill.metric} {side} cannot be opened"
        behind = rows.behind(published, drill, side)
        if not behind.ties:
            found.append(f"{drill.metric} {side}: rows {behind.total}, figure {behind.said}")
    return found


@pytest.mark.parametrize("code", list(metrics()))
@pytest.mark.parametrize("period", PERIODS)
def test_the_rows_behind_a_figure_add_up_to_it(book: Path, code: str, period: str) -> None:
    published = latest(book)
    if not is_shown(published, metrics()[code]):
        assert code == "blocked_attempts", "no attempt was held against a rule yet"
        return
    for currency in CURRENCIES:
        assert differences(published, Drill(code, looking(published, period, currency))) == []


def test_most_figures_of_the_book_have_a_value(book: Path) -> None:
    """Without this the test above could pass on figures that are all empty."""
    published = latest(book)
    said = {code: figure(published, metric, looking(published)) for code, metric in metrics().items()}
    empty = {code for code, now in said.items() if now.why_empty}
    assert empty == {"contact_cash"}
    assert all(now.value for code, now in said.items() if code not in empty | {"missing_feeds", "blocked_attempts"})


def several(*codes: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(codes)).map(lambda chosen: tuple(sorted(chosen)))


some = st.fixed_dictionaries(
    {
        "sources": several("HYB", "XJC"),
        "products": several("CARD", "CASH", "AUTO", "SHOP"),
        "regions": several("110000", "440000", "none there"),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=some, period=st.sampled_from(PERIODS), currency=st.sampled_from(CURRENCIES), data=st.data())
def test_the_rows_add_up_under_any_filters(
    book: Path, chosen: dict[str, tuple[str, ...]], period: str, currency: str, data: st.DataObject
) -> None:
    published = latest(book)
    filters = looking(published, period, currency, **chosen)
    for code in data.draw(st.sets(st.sampled_from(sorted(metrics())), max_size=8)):
        if is_shown(published, metrics()[code]):
            assert differences(published, Drill(code, filters)) == []


@pytest.mark.parametrize("column", ["bucket", "product_code", "source_code", "region_code"])
@pytest.mark.parametrize("code", ["balance", "cases", "net_cash"])
def test_every_line_of_a_breakdown_opens_its_own_rows(book: Path, code: str, column: str) -> None:
    published = latest(book)
    filters = looking(published, "days_30")
    frame = breakdowns.by_group(published, metrics()[code], filters, column)
    assert frame.height > 1
    for line in frame.iter_rows(named=True):
        behind = rows.behind(published, Drill(code, filters, ((column, line[column]),)))
        assert behind.ties
        assert behind.total == (line["value"] or 0)
    whole = figure(published, metrics()[code], filters)
    assert frame["value"].sum() == whole.value


def test_every_cell_of_the_roll_rates_opens_its_own_rows(book: Path) -> None:
    published = latest(book)
    filters = looking(published)
    ends = breakdowns.roll_month_ends(published, filters)
    assert len(ends) >= 2
    cases_opened = 0
    for end in ends[:2]:
        closed = replace(filters, period=replace(filters.period, end=end))
        for cell in breakdowns.rolls(published, filters, end).iter_rows(named=True):
            for by in ("cases", "balance"):
                group = (("from_bucket", cell["from_bucket"]), ("to_bucket", cell["to_bucket"]))
                drill = Drill(f"roll_{by}", closed, group)
                behind = rows.behind(published, drill)
                assert (behind.ties, behind.total) == (True, cell[by]), cell
                cases_opened += behind.rows.code == "rolls"
    assert cases_opened > 10, "movements between overdue buckets open the cases themselves"


def test_every_row_of_the_roll_rates_sums_to_one(book: Path) -> None:
    published = latest(book)
    filters = looking(published)
    frame = breakdowns.rolls(published, filters, breakdowns.roll_month_ends(published, filters)[0])
    for shares in ("cases_share", "balance_share"):
        for total in frame.group_by("from_bucket").agg(pl.col(shares).sum())[shares]:
            assert total == pytest.approx(1)


def test_rows_that_do_not_add_up_are_noticed(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself can fail: here the rows leave out what the figure counts."""
    published = latest(book)
    metric = metrics()["net_cash"]
    wrong = replace(metric.rows["top"], where="kind = 'payment'")
    monkeypatch.setitem(metric.rows, "top", wrong)
    assert differences(published, Drill("net_cash", looking(published))) != []


def test_two_currencies_are_never_added(book: Path) -> None:
    published = latest(book)
    for code, metric in metrics().items():
        if metric.unit != "money" or not is_shown(published, metric):
            continue
        now = figure(published, metric, looking(published))
        if "currency" not in published.columns[metric.mart]:
            assert now.not_split == ("currency",), code
            continue
        other = figure(published, metric, looking(published, currency="USD"))
        both = published.row(f"select count(distinct currency) as n from {metric.mart}")["n"]
        assert both == 2
        assert now.value != other.value


def test_a_filter_that_cannot_be_applied_hides_the_figure(book: Path) -> None:
    published = latest(book)
    now = figure(published, metrics()["connect_rate"], looking(published, products=("CARD",)))
    assert (now.value, now.not_split) == (None, ("products",))
    assert not rows.can_open(published, Drill("connect_rate", looking(published, products=("CARD",))))


def test_a_period_before_the_first_day_is_not_compared_with_nothing(book: Path) -> None:
    published = latest(book)
    now = figure(published, metrics()["net_cash"], looking(published, "days_90"))
    assert now.value is not None
    assert now.before is None


def test_the_pages_of_rows_are_the_rows(book: Path) -> None:
    published = latest(book)
    drill = Drill("net_cash", looking(published, "days_30"))
    behind = rows.behind(published, drill)
    pages = [rows.page(published, drill, "top", number) for number in range(1, -(-behind.count // rows.PAGE_ROWS) + 1)]
    ids = [key for page in pages for key in zip(page["source_code"], page["payment_id"], strict=True)]
    assert len(ids) == len(set(ids)) == behind.count
    assert sum(page["signed_amount"].sum() for page in pages) == behind.total
