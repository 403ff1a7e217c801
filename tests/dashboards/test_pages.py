"""Each page as a person meets it: both languages, no data, one row, filters, late feeds, rows, export."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import PAGES, rows
from tests.dashboards.snapshot import Made, make_snapshot

ADDRESSES = [page.url_path for page in PAGES]
HAN = re.compile("[\u4e00-\u9fff]")


def script(folder: str, language: str, address: str, refuses: bool) -> None:
    from pathlib import Path

    import streamlit as st

    from dashboards import PAGES
    from tests.dashboards.harness import HarnessViewer

    viewer = st.session_state.setdefault("viewer", HarnessViewer(Path(folder), language, refuses=refuses))
    next(page for page in PAGES if page.url_path == address).render(viewer)


def opened(folder: Path, address: str, language: str = "en", refuses: bool = False, **link: str) -> AppTest:
    page = AppTest.from_function(script, args=(str(folder), language, address, refuses), default_timeout=60)
    for name, value in link.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def words(page: AppTest) -> str:
    """What can be read on the page."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    parts = [str(element.value) for kind in kinds for element in getattr(page, kind)]
    parts += [f"{metric.label} {metric.value} {metric.delta}" for metric in page.metric]
    parts += [button.label for button in page.button]
    parts += [str(element.proto.title) for kind in ("info", "error") for element in getattr(page, kind)]
    return "\n".join(parts)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_opens_in_both_languages(book: Path, address: str, language: str) -> None:
    page = opened(book, address, language)
    said = words(page)
    assert page.metric, "a page of figures shows figures"
    assert bool(HAN.search(said)) == (language == "zh"), said
    assert ("23 Nov 2026" if language == "en" else "2026年11月23日") in said
    assert "Traceback" not in said


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_before_anything_is_published_a_page_says_what_to_do(tmp_path: Path, address: str, language: str) -> None:
    page = opened(tmp_path, address, language)
    assert "recoup run-day" in words(page)
    assert not page.metric


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_without_a_single_case_says_so(empty_book: Path, address: str) -> None:
    page = opened(empty_book, address)
    assert "No case has been in collection yet" in words(page)
    assert not page.metric


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_with_one_case_on_one_day_opens(single_book: Path, address: str) -> None:
    page = opened(single_book, address)
    assert "nan" not in words(page).lower().split()


def test_a_damaged_publication_is_refused_in_words(tmp_path: Path) -> None:
    path = make_snapshot(tmp_path, Made(cases=1, days=1))
    path.write_bytes(path.read_bytes()[:-100])
    assert "recoup publish" in words(opened(tmp_path, "overview"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_missing_feed_is_said_on_every_page(late_book: Path, address: str) -> None:
    page = opened(late_book, address)
    assert "Bank lines of XJC (last file 22 Nov 2026)" in words(page)
    assert any(":red" in element.value for element in page.markdown), "the as-of time is red"
    other = opened(late_book, address, sources="HYB")
    assert "has not arrived" not in words(other)


def test_figures_that_need_the_missing_feed_are_marked(late_book: Path) -> None:
    page = opened(late_book, "overview")
    marks = [element.value for element in page.markdown if "Bank lines missing" in element.value]
    assert len(marks) == 2  # open breaks and open difference


def figures_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_a_link_narrows_the_page_and_the_filters_say_so(book: Path) -> None:
    whole, part = opened(book, "overview"), opened(book, "overview", products="CARD,CASH", regions="440000")
    assert figures_of(whole)["Cases in collection"] != figures_of(part)["Cases in collection"]
    assert part.multiselect(key="dashboards_products_en").value == ["CARD", "CASH"]
    assert part.multiselect(key="dashboards_regions_en").value == ["440000"]


def test_a_link_means_the_same_in_both_languages(book: Path) -> None:
    english = opened(book, "recovery", "en", products="CARD", period="days_30")
    chinese = opened(book, "recovery", "zh", products="CARD", period="days_30")
    assert figures_of(english)["Cases in collection"] == figures_of(chinese)["在催案件数"]
    assert chinese.multiselect(key="dashboards_products_zh").value == ["CARD"]


def test_choosing_writes_the_address_and_clearing_empties_it(book: Path) -> None:
    page = opened(book, "overview")
    page.multiselect(key="dashboards_sources_en").select("HYB").run()
    assert page.query_params["sources"] in ("HYB", ["HYB"])
    narrowed = figures_of(page)["Cases in collection"]
    page.selectbox(key="dashboards_period_en").select("days_7").run()
    assert page.query_params["period"] in ("days_7", ["days_7"])
    page.button(key="dashboards_clear").click().run()
    assert "sources" not in page.query_params
    assert figures_of(page)["Cases in collection"] != narrowed
    assert not page.exception


@pytest.mark.parametrize(
    "link",
    [
        {"products": "no such product", "currency": "XXX", "period": "forever"},
        {"period": "custom", "from": "yesterday", "to": "2026-13-45"},
        {"period": "custom", "from": "2026-11-10", "to": "2026-11-01"},
        {"period": "custom", "from": "1999-01-01", "to": "1999-02-01"},
        {"sources": "'; drop table dim_cases; --"},
    ],
)
@pytest.mark.parametrize("address", ["overview", "ageing_and_roll"])
def test_a_link_that_makes_no_sense_does_no_harm(book: Path, address: str, link: dict[str, str]) -> None:
    assert not opened(book, address, **link).exception


def test_a_currency_is_chosen_never_added(book: Path) -> None:
    yuan, dollar = opened(book, "overview"), opened(book, "overview", currency="USD")
    assert figures_of(yuan)["Balance in collection"].startswith("CN¥")
    assert figures_of(dollar)["Balance in collection"].startswith("US$")


def test_what_a_page_cannot_split_is_not_shown_as_if_it_could(book: Path) -> None:
    page = opened(book, "contact_funnel", products="CARD")
    assert "not split by product" in words(page)
    assert not page.metric


def viewer_of(page: AppTest) -> Any:
    return page.session_state["viewer"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_figure_opens_its_rows_and_the_opening_is_logged(book: Path, language: str) -> None:
    page = opened(book, "overview", language)
    page.button(key="rows_card_net_cash").click().run()
    assert not page.exception
    said = words(page)
    assert ("equals the figure" if language == "en" else "与指标一致") in said
    assert page.dataframe
    (entry,) = viewer_of(page).logged
    assert entry[:2] == ("overview", "net_cash")
    assert entry[3] > 0


def test_both_sides_of_a_rate_open(book: Path) -> None:
    page = opened(book, "overview")
    page.button(key="rows_card_recovery_rate").click().run()
    assert "equals the figure" in words(page)
    page.session_state["rows_side_recovery_rate"] = "bottom"
    page.button(key="rows_card_recovery_rate").click().run()
    assert "equals the figure" in words(page)
    assert not page.exception


@pytest.mark.parametrize("code", ["balance", "flow_rate_m1_m2", "ptp_kept_rate", "open_breaks", "missing_feeds"])
def test_every_kind_of_figure_opens(late_book: Path, code: str) -> None:
    page = opened(late_book, "overview")
    page.button(key=f"rows_card_{code}").click().run()
    assert not page.exception
    assert "cannot be reconciled" not in words(page)


def test_a_cell_of_the_roll_rates_opens(book: Path) -> None:
    page = opened(book, "ageing_and_roll")
    page.selectbox(key="ageing_from").select("M2").run()
    page.selectbox(key="ageing_to").select("M3").run()
    page.button(key="rows_ageing_roll_cell").click().run()
    assert not page.exception
    assert "equals the figure" in words(page)


def test_rows_leave_only_with_a_reason(book: Path) -> None:
    page = opened(book, "overview")
    page.button(key="rows_card_net_cash").click().run()
    assert page.button(key="rows_csv").disabled
    assert page.button(key="rows_xlsx").disabled
    assert viewer_of(page).exported == []


@pytest.mark.parametrize("refuses", [False, True])
def test_an_export_is_made_or_refused_by_the_house(book: Path, refuses: bool) -> None:
    page = AppTest.from_function(export_script, args=(str(book), refuses), default_timeout=60).run()
    assert not page.exception
    viewer = viewer_of(page)
    if refuses:
        assert "You may not take this away." in words(page)
        assert viewer.exported == []
        return
    (export,) = viewer.exported
    assert export["headers"][:3] == ["Business date", "Value date", "Payment"]
    assert len(export["rows"]) > rows.PAGE_ROWS, "all rows leave, not only the page of them that was shown"
    assert export["filters"]["reason"] == "monthly review"
    assert export["filters"]["as_of"] == "2026-11-23"


def export_script(folder: str, refuses: bool) -> None:
    from pathlib import Path

    import streamlit as st

    from dashboards.rows import Drill
    from dashboards.rows_dialog import _deliver
    from dashboards.sight import open_page
    from tests.dashboards.harness import HarnessViewer

    viewer = st.session_state.setdefault("viewer", HarnessViewer(Path(folder), refuses=refuses))
    sight = open_page(viewer, "overview")
    assert sight is not None
    _deliver(sight, Drill("net_cash", sight.filters), "top", "monthly review", "csv")


@pytest.mark.parametrize(("language", "says"), [("en", "the amount is below nought"), ("zh", "金额为负")])
def test_a_rule_that_refused_rows_is_a_sentence_of_its_feed_in_the_language_of_the_reader(
    book: Path, language: str, says: str
) -> None:
    page = opened(book, "data_health", language)
    (shown,) = (frame.value for frame in page.dataframe if "rule" in frame.value.columns)
    said = [str(one) for one in shown["rule"]]
    assert any(one.endswith(says) for one in said)
    assert len({one.split(":")[0].split("：")[0] for one in said}) > 1, "each feed words it for itself"
    assert not {"not_negative", "known_currency"} & set(said)
