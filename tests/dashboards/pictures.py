"""Pictures of every page in both languages in a real browser, into ``.screenshots``, to be looked at by a person.

``python -m tests.dashboards.pictures <published folder> [page …]``
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from dashboards import PAGES
from ops_app.config import Settings

_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _settle(page: Page) -> None:
    page.wait_for_selector(_DONE, timeout=30_000)
    # parts of Streamlit itself come when they are first needed, and stand as grey bars until then
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')", timeout=30_000)
    page.wait_for_timeout(900)


def take(published: Path, folder: Path, only: list[str], width: int = 1440) -> list[str]:
    """Take the pictures; returns what went wrong on the pages (exceptions shown, errors of the browser)."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "tests/dashboards/harness.py", "--server.port", str(port)],
        env={**os.environ, "RECOUP_HARNESS": str(published), "PYTHONPATH": "."},
    )
    faults: list[str] = []
    try:
        for _ in range(100):
            time.sleep(0.2)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health")
                break
            except OSError:
                continue
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
            for language in ("en", "zh"):
                context = browser.new_context(viewport={"width": width, "height": 1000}, locale="en-GB")
                page = context.new_page()
                page.on("pageerror", lambda error, found=faults: found.append(str(error)))
                for spec in PAGES:
                    if only and spec.url_path not in only:
                        continue
                    page.goto(f"http://127.0.0.1:{port}/{spec.url_path}?lang={language}")
                    _settle(page)
                    # the page scrolls inside its own frame: as tall a window as its content shows all of it
                    tall = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
                    page.set_viewport_size({"width": width, "height": max(700, int(tall) + 80)})
                    page.wait_for_timeout(1200)
                    page.screenshot(path=folder / f"{spec.url_path}_{language}.png")
                    faults += [f"{spec.url_path} {language}: {text}" for text in _exceptions(page)]
                    button = page.locator(".st-key-rows_card_net_cash button, .st-key-rows_card_connect_rate button")
                    page.set_viewport_size({"width": width, "height": 1000})
                    if button.count():
                        button.first.click()
                        page.wait_for_selector('[data-testid="stDialog"]')
                        _settle(page)
                        page.screenshot(path=folder / f"{spec.url_path}_rows_{language}.png")
                        faults += [f"{spec.url_path} rows {language}: {text}" for text in _exceptions(page)]
                context.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(10)
    return faults


def _exceptions(page: Page) -> list[str]:
    return page.locator('[data-testid="stException"]').all_inner_texts()


def _chromium() -> str:
    return str(Settings.load().chromium or "/usr/bin/chromium")


if __name__ == "__main__":
    print("\n".join(take(Path(sys.argv[1]), Path(".screenshots/dashboards"), sys.argv[2:])) or "no faults")
