"""Pictures of every page of a running front door in both languages, into ``.screenshots``, to be looked at by a person.

``python -m tests.pictures http://127.0.0.1:8501 [page …]`` on a demo; each page is opened by a role that may, and the
pages that a role may not open are pictured once, as the refusal it gets. ``supervisor:/cases?cases_view=placed`` in
place of a page is that address as that person of the demo sees it. Whoever must acknowledge an announcement first is
pictured before it, acknowledges it, and goes on.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from dashboards import PAGES as DASHBOARDS
from ops_app.config import Settings
from ops_app.consoles.pages import PAGES
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.organisation.demo_people import demo_password

FOLDER = Path(".screenshots")
WIDTH = 1440
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
_SIGN_INS = {
    Role.MANAGER: "manager",
    Role.SUPERVISOR: "supervisor",
    Role.OPERATOR: "operator",
    Role.ADMINISTRATOR: "admin",
    Role.AUDITOR: "auditor",
    Role.ANALYST: "analyst",
    Role.FINANCE: "finance",
    Role.COLLECTOR: "collector",
    Role.AGENCY_ADMINISTRATOR: "agency_admin",
    Role.AGENCY_SUPERVISOR: "agency_supervisor",
}


def _who_may(permission: str) -> str:
    return next(name for role, name in _SIGN_INS.items() if role in GRANTS[permission])


def _settle(page: Page) -> None:
    page.wait_for_selector(_DONE, timeout=60_000)
    # parts of Streamlit itself come when they are first needed, and stand as grey bars until then
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached", timeout=60_000)
    page.wait_for_timeout(900)


def _whole(page: Page, file: Path) -> None:
    # the page scrolls inside its own frame: as tall a window as its content shows all of it
    tall = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": max(700, int(tall) + 80)})
    page.wait_for_timeout(1200)
    page.screenshot(path=file)
    page.set_viewport_size({"width": WIDTH, "height": 1000})


def _signed_in(browser: Browser, address: str, name: str, language: str, faults: list[str]) -> Page:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 1000}, locale="zh-CN" if language == "zh" else "en-GB"
    )
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"{name} {language}: {error}"))
    page.goto(f"{address}/sign-in")
    page.screenshot(path=FOLDER / f"sign_in_{language}.png")
    page.fill("#name", name)
    page.fill("#password", demo_password(name))
    page.click("button[type=submit]")
    _settle(page)
    wanted = page.get_by_role("radio", name="中文" if language == "zh" else "English")
    if wanted.count() and wanted.first.get_attribute("aria-checked") != "true":
        wanted.first.click(force=True)
        page.wait_for_timeout(500)
        _settle(page)
    return page


def _acknowledge(page: Page, file: Path) -> None:
    """What stands before every page is pictured and acknowledged."""
    while page.locator("[data-testid=stForm] [data-testid=stCheckbox]").count():
        _whole(page, file)
        page.locator("[data-testid=stForm] [data-testid=stCheckbox] label").first.click()
        page.locator("[data-testid=stForm] [data-testid=stFormSubmitButton] button").first.click()
        page.wait_for_timeout(1500)
        _settle(page)


def _as_file(asked: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", asked.lower()).strip("_")[-80:]


def take(address: str, only: list[str]) -> list[str]:
    """Take the pictures; returns what went wrong on the pages (exceptions shown, errors of the browser)."""
    FOLDER.mkdir(exist_ok=True)
    faults: list[str] = []
    wanted = [(one.url_path, one.key, _who_may(one.permission)) for one in PAGES]
    wanted += [(one.url_path, one.url_path, "manager") for one in DASHBOARDS]
    wanted.append(("people", "refused", "collector"))
    wanted = [one for one in wanted if not only or one[1] in only]
    wanted += [(path, _as_file(one), name) for one in only if ":" in one for name, path in [one.split(":/", 1)]]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(Settings.load().chromium or "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        for language in ("en", "zh"):
            signed_in: dict[str, Page] = {}
            for url_path, key, name in wanted:
                if name not in signed_in:
                    signed_in[name] = _signed_in(browser, address, name, language, faults)
                    _acknowledge(signed_in[name], FOLDER / f"acknowledge_{name}_{language}.png")
                page = signed_in[name]
                page.goto(f"{address}/{url_path}")
                _settle(page)
                _whole(page, FOLDER / f"{key}_{language}.png")
                shown = page.locator('[data-testid="stException"]').all_inner_texts()
                shown += page.get_by_text("Something failed on our side").all_inner_texts()
                faults += [f"{key} {language}: {text}" for text in shown]
        browser.close()
    return faults


if __name__ == "__main__":
    print("\n".join(take(sys.argv[1], sys.argv[2:])) or "no faults")
