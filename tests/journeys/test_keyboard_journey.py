"""Cases without a mouse: the keyboard alone reaches search, list and act, Enter works, and one sees where one is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from ops_app.bootstrap import App
from tests.journeys.conftest import Visitor, see
from tests.services.casework.casebook import some_cases

pytestmark = pytest.mark.browser

MOST_TABS = 60
_FOCUSED = """() => {
  const one = document.activeElement;
  const named = one.getAttribute('aria-label') || one.innerText || '';
  return [one.tagName, one.getAttribute('role') || '', named.trim()];
}"""
_PLACE = """() => {
  const one = document.activeElement;
  const box = (one.closest('[data-baseweb]') || one).getBoundingClientRect();
  return {x: Math.max(0, box.x - 6), y: Math.max(0, box.y - 6), width: box.width + 12, height: box.height + 12};
}"""


@pytest.fixture(scope="module")
def ids(installation: App) -> list[str]:
    """Six cases in house."""
    return some_cases(installation.store, installation.settings.evidence)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus, and check that it looks otherwise than without it."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        tag, role, named = page.evaluate(_FOCUSED)
        seen.append(f"{tag} {role} {named[:40]}")
        if tag != "MAIN" and any(line.startswith(name) for line in named.splitlines()):
            break
    else:
        pytest.fail(f"Tab never reached {name}: {seen}")
    page.wait_for_timeout(400)
    place = page.evaluate(_PLACE)
    focused = page.screenshot(clip=place)
    page.evaluate("() => { window.before = document.activeElement; window.before.blur(); }")
    page.wait_for_timeout(400)
    without = page.screenshot(clip=place)
    page.evaluate("() => window.before.focus({focusVisible: true})")
    assert focused != without, f"one does not see that {name} has the focus"


def test_a_case_is_found_opened_and_acted_on_by_keyboard_alone(visitor: Visitor, ids: list[str]) -> None:
    page = visitor.page
    visitor.sign_in("supervisor", "/cases?cases_view=in_house")
    tab_to(page, "Search")
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)  # it opens slowly
    tab_to(page, "What to look for")
    page.keyboard.insert_text("王1")
    tab_to(page, "Search")
    page.keyboard.press("Enter")
    see(page.get_by_text("1 cases found."))
    visitor.settle()

    tab_to(page, "Open a case")
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="L1 ·").wait_for()
    page.keyboard.insert_text("L1 ·")
    page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    see(page.get_by_text("Loan L1, spell 1"))
    visitor.settle()

    tab_to(page, "Act")
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    tab_to(page, "Do it")
    page.keyboard.press("Enter")
    see(page.get_by_text("Please fill this in."))
    assert (visitor.outside, visitor.blocked) == ([], [])
