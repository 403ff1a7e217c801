"""A real server on a free port over a home of the test, and a real browser before it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect, sync_playwright

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.demo_people import create_demo_people, demo_password
from tests.loopback import free_port

PATIENCE_MS = 120_000
"""How long a page may take on a machine that does other things too."""
expect.set_options(timeout=PATIENCE_MS)
FINISHED = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def see(what: Locator) -> None:
    """Wait until one of these is on the page for the eye: a grid keeps its cells hidden beneath its drawing."""
    expect(what.filter(visible=True).first).to_be_visible()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation of this module with the demo's people."""
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), ops_url="", demo=True, port=free_port())
    app = open_app(settings)
    create_demo_people(SYSTEM, app.store, now=app.clock.now(), demo=True)
    yield app
    app.close()


@pytest.fixture(scope="module")
def address(installation: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the front door, served by a process of its own, started from another folder."""
    settings = installation.settings
    environment = os.environ | {
        "RECOUP_HOME": str(settings.home),
        "RECOUP_PORT": str(settings.port),
        "RECOUP_DEMO": "true",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with (elsewhere / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ops_app.server"], cwd=elsewhere, env=environment, stdout=log, stderr=log
        )
    place = f"http://127.0.0.1:{settings.port}"
    try:
        _wait_for(f"{place}/api/health", server, elsewhere / "server.log")
        yield place
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 4 * PATIENCE_MS / 1000  # it is loaded once, beside whatever else the machine does
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not come up:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


class Visitor:
    """One person at one browser window."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.context = browser.new_context(viewport={"width": 1440, "height": 1100})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.outside: list[str] = []
        self.blocked: list[str] = []
        self.page.on("request", self._note)
        self.page.on("console", lambda said: self._note_policy(said.text))

    def _note(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(url)

    def _note_policy(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.blocked.append(text)

    def sign_in(self, name: str, path: str = "/") -> None:
        """Go to ``path``, be led to the form, sign in, and come back to it."""
        self.page.goto(self.address + path)
        self.page.fill("#name", name)
        self.page.fill("#password", demo_password(name))
        self.page.click("button[type=submit]")
        self.settle()

    def go(self, path: str) -> None:
        """Open an address and wait for the page to be whole."""
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the page has run."""
        self.page.wait_for_selector(".recoup-line, [data-testid=stHeading]")
        self.page.wait_for_selector(FINISHED)
        self.page.wait_for_timeout(300)
        self.page.wait_for_selector(FINISHED)

    def mark(self, radio: str) -> None:
        """Choose one of a few by its words, anew where a run of the page that ended meanwhile put the choice back."""
        found = self.page.get_by_role("radio", name=radio)
        for _ in range(10):
            found.click()
            self.settle()
            if found.is_checked():
                return
        pytest.fail(f"{radio} was never taken")

    def take_all_rows(self, said: str) -> None:
        """Choose every row of the first list of the page by the box in its head, anew where the list was drawn over the
        press, until the page says so."""
        for _ in range(10):
            box = self.page.get_by_test_id("stDataFrame").first.bounding_box()
            assert box is not None
            self.page.mouse.click(box["x"] + 17, box["y"] + 17)
            with suppress(TimeoutError):  # a list tells what is chosen in it a little later
                self.page.get_by_text(said, exact=True).wait_for(timeout=PATIENCE_MS / 10)
                return
        pytest.fail(f"the page never said {said}")

    def text(self) -> str:
        return self.page.inner_text("[data-testid=stApp]")


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    """A person who has just opened a browser."""
    made = Visitor(browser, address)
    yield made
    made.context.close()
