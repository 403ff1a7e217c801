"""How long the record of a case takes in a browser, beside an empty page of the same server in the same run.

A home of its own with a book of cases, its front door on a free port, one Chromium, everything warm: the account page
(nothing but its heading) and the record of another case each time, turn about. The limit is the empty page.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import Page, sync_playwright

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework.cases import list_cases
from ops_app.services.organisation.demo_people import create_demo_people, demo_password
from tests.bench import million
from tests.loopback import free_port

CASES = 5_000
MOST_OVER_MS = 600
WARMING = 3
_WAIT_MS = 120_000
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def bench_case_page(times: int = 20) -> dict[str, Any]:
    """``times`` openings of each page; medians in seconds, and by how many milliseconds the record is over."""
    with tempfile.TemporaryDirectory(prefix="recoup-case-page-") as folder:
        app = open_app(Settings.load(home=Path(folder), ops_url="", demo=True, port=free_port()))
        try:
            create_demo_people(SYSTEM, app.store, now=app.clock.now(), demo=True)
            million.write_book(app.store, app.settings.evidence, CASES)
            with _served(app) as (address, process):
                empty, record = _measure(app, address, times)
                peak = process.memory_info().rss // 2**20
        finally:
            app.close()
    over = {name: (_at(record, q) - _at(empty, q)) * 1000 for name, q in (("median", 50), ("p95", 95))}
    limit, ours = statistics.median(empty), statistics.median(record)
    return {
        "name": "case_page",
        "rows": times,
        "limit_s": round(limit, 3),
        "ours_s": round(ours, 3),
        "ratio": round(ours / limit, 2),
        "peak_mb": peak,
        "detail": {
            "cases": CASES,
            "over_median_ms": round(over["median"]),
            "over_p95_ms": round(over["p95"]),
            "empty_p95_s": round(_at(empty, 95), 3),
            "record_p95_s": round(_at(record, 95), 3),
            "most_over_ms": MOST_OVER_MS,
            "holds": max(over.values()) <= MOST_OVER_MS,
        },
    }


def _at(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextmanager
def _served(app: App) -> Iterator[tuple[str, psutil.Process]]:
    settings = app.settings
    address = f"http://127.0.0.1:{settings.port}"
    environment = os.environ | {
        "RECOUP_HOME": str(settings.home.resolve()),
        "RECOUP_PORT": str(settings.port),
        "RECOUP_DEMO": "true",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ops_app.server"], cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            for _ in range(600):
                time.sleep(0.2)
                try:
                    httpx.get(f"{address}/api/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    continue
            yield address, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _measure(app: App, address: str, times: int) -> tuple[list[float], list[float]]:
    """Seconds of each opening of the empty page, and of the record."""
    supervisor = Actor("p-sup", "Sun", Role.SUPERVISOR)
    ids = [one.case_id for one in list_cases(supervisor, app.store, now=app.clock.now(), limit=times + WARMING).rows]
    empty, record = [], []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(Settings.load().chromium or "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(_WAIT_MS)
        page.goto(f"{address}/sign-in")
        page.fill("#name", "supervisor")
        page.fill("#password", demo_password("supervisor"))
        page.click("button[type=submit]")
        page.wait_for_selector(_DONE)
        for number, case_id in enumerate(ids):
            took = (
                _opened(page, f"{address}/account", "[data-testid=stHeading]"),
                _opened(page, f"{address}/cases?case_id={case_id}", "[data-testid=stButtonGroup]"),
            )
            if number >= WARMING:
                empty.append(took[0])
                record.append(took[1])
        browser.close()
    return empty, record


def _opened(page: Page, address: str, sign: str) -> float:
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(sign)
    page.wait_for_selector(_DONE)
    return time.perf_counter() - began
