"""No page mixes its languages: 中文 pages have no English left, English pages no 中文, with data on them."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.domain.organisation.people import Role
from tests.consoles.conftest import OpenPage, words
from tests.consoles.planted import plant_breaks, plant_operations_file, plant_runs, plant_snapshot

HAN = re.compile(r"[\u4e00-\u9fff]")
DATA = re.compile(
    r"<style>.*?</style>|<[^>]+>|&[a-z]+;|`[^`]*`|:[a-z]+-badge\[|"
    r"SIM/bank_lines|\b(?:Recoup|SIM|CSV|Excel|SQL|CNY|English|recoup run-day)\b|"
    r"\b(?:PAY|LINE)-\d+|\bL\d+\b|\bp-[0-9a-f]+|[a-z_]+_2026-11-20\.csv|expect_\w+|[0-9a-f]{12,}…?|"
    r"[a-z]+(?:-[a-z]+)*-(?:en|zh)\b|\b[a-z_]+\.[a-z_]+\b|[张王李][\w*]*|还款 \d+|测试人员|Test \w+|中文|ACC1",
    re.DOTALL,
)
PAGES = [
    ("home", Role.SUPERVISOR, {}),
    ("home", Role.COLLECTOR, {}),
    ("home", Role.AGENCY_SUPERVISOR, {}),
    ("account", Role.ADMINISTRATOR, {}),
    ("people", Role.ADMINISTRATOR, {}),
    ("people", Role.COLLECTOR, {}),
    ("audit", Role.AUDITOR, {}),
    ("parameters", Role.ADMINISTRATOR, {}),
    ("parameters", Role.FINANCE, {"parameters_part": "periods"}),
    ("repayment_audit", Role.SUPERVISOR, {}),
    ("expectations", Role.OPERATOR, {}),
    ("announcements", Role.COMPLIANCE, {}),
    ("exports", Role.ANALYST, {}),
    *(
        ("operations", Role.OPERATOR, {"operations_tab": tab})
        for tab in ("days", "feeds", "checks", "files", "refused", "announced")
    ),
]


def shown(at: AppTest) -> str:
    """What a person reads, without what is data: names, numbers, codes of the sender."""
    return DATA.sub(" ", words(at))


@pytest.fixture
def full(app: App) -> None:
    """An installation with something on every page."""
    now = app.clock.now()
    plant_breaks(app, 3, now=now, bank=2)
    plant_runs(app, now)
    plant_operations_file(app.settings)
    plant_snapshot(app.settings)


def opened(open_page: OpenPage, key: str, role: Role, language: str, query: dict[str, str]) -> AppTest:
    at = open_page(key, role, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    return at


@pytest.mark.parametrize(("key", "role", "query"), PAGES, ids=lambda value: str(value))
def test_no_english_is_left_on_a_chinese_page(
    full: None, open_page: OpenPage, key: str, role: Role, query: dict[str, str]
) -> None:
    text = shown(opened(open_page, key, role, "zh", query))
    assert HAN.search(text)
    assert re.findall(r"[A-Za-z]{2,}", text) == []


@pytest.mark.parametrize(("key", "role", "query"), PAGES, ids=lambda value: str(value))
def test_no_chinese_is_left_on_an_english_page(
    full: None, open_page: OpenPage, key: str, role: Role, query: dict[str, str]
) -> None:
    text = shown(opened(open_page, key, role, "en", query))
    assert HAN.findall(text) == []


def test_one_break_and_one_refused_row_are_whole_in_chinese(full: None, open_page: OpenPage, app: App) -> None:
    identity = break_id(BreakKind.UNMATCHED_LENDER, "SIM", ["PAY-0000001"], [])
    at = opened(open_page, "repayment_audit", Role.SUPERVISOR, "zh", {"breaks_id": identity})
    assert "资方未报送还款" not in words(at)
    assert "没有银行流水" in words(at)
    assert re.findall(r"[A-Za-z]{2,}", shown(at)) == []
