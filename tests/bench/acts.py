"""How long an act of a console takes to become a row of ``recoup sql``, while people use the consoles.

On the present home, which must hold a demo (`recoup demo --no-serve`): starts its own front door and live publication
on free ports, lets browsers click through the pages, parks and reopens breaks through REST, and asks for the rows by
``recoup sql`` itself. The limit is the time until the same row can be read in the ops store.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from dashboards import PAGES as DASHBOARDS
from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.gateways.sql_sandbox import run_query
from ops_app.services.organisation.demo_people import demo_password
from ops_app.store.tables.organisation import audit_log
from tests.loopback import free_port

BROWSERS = ("manager", "supervisor", "finance")
PAGES = [f"/{one.url_path}" for one in DASHBOARDS] + ["/", "/repayment_audit"]
WAIT_S = 120
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    address = f"http://127.0.0.1:{settings.port}"
    environment = os.environ | {
        "RECOUP_HOME": str(settings.home.resolve()),
        "RECOUP_PORT": str(settings.port),
        "RECOUP_DEMO": "true",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    with tempfile.TemporaryFile() as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", module], cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log)
            for module in ("ops_app.server", "pipelines.live")
        ]
        try:
            for _ in range(300):
                time.sleep(0.2)
                try:
                    httpx.get(f"{address}/api/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    continue
            yield address
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=20)


def _browse(address: str, name: str, stop: threading.Event, clicks: list[float]) -> None:
    """One person going from page to page until told to stop; seconds of each page go to ``clicks``."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(Settings.load().chromium or "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        page = browser.new_page()
        page.set_default_timeout(WAIT_S * 1000)
        page.goto(f"{address}/sign-in")
        page.fill("#name", name)
        page.fill("#password", demo_password(name))
        page.click("button[type=submit]")
        number = 0
        while not stop.is_set():
            began = time.monotonic()
            page.goto(address + PAGES[number % len(PAGES)])
            page.wait_for_selector(_DONE)
            clicks.append(time.monotonic() - began)
            number += 1
            stop.wait(1)
        browser.close()


def _signed_in(address: str, name: str) -> httpx.Client:
    client = httpx.Client(base_url=address, headers={"Origin": address}, timeout=60)
    form = re.search(r'name="?token"? value="([^"]+)"', client.get("/sign-in").text)
    assert form
    client.post("/sign-in", data={"token": form[1], "name": name, "password": demo_password(name), "next": "/"})
    client.get("/api/v1/me").raise_for_status()
    return client


def _act(client: httpx.Client, number: int, mark: str) -> str:
    """Park an open break, or reopen a parked one; returns the reason that finds its row."""
    for decision, state in (("park", "open"), ("reopen", "parked")):
        rows = client.get("/api/v1/breaks", params={"state": state, "page_size": 200}).json()["rows"]
        if not rows:
            continue
        one = rows[number % len(rows)]
        reason = f"{mark}-{number}"
        answer = client.post(
            f"/api/v1/breaks/{one['break_id']}/decisions",
            json={"decision": decision, "version": one["version"], "reason": reason},
            headers={"Idempotency-Key": reason},
        )
        answer.raise_for_status()
        return reason
    raise RuntimeError("this home has no break to park: run the demo first")


def _stored(app: App, reason: str) -> bool:
    with app.store.reading() as connection:
        return connection.execute(select(audit_log.c.seq).where(audit_log.c.reason == reason)).first() is not None


def _measure(address: str, app: App, acts: int) -> tuple[list[float], list[float]]:
    client = _signed_in(address, "supervisor")
    mark = f"bench-{os.getpid()}"
    waiting: dict[str, float] = {}
    limits, ours = [], []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set() or waiting:
            answer = run_query(
                app.settings, f"select distinct reason from fct_console_actions where reason like '{mark}%'"
            )
            now = time.monotonic()
            for (reason,) in answer.rows:
                if reason in waiting:
                    ours.append(now - waiting.pop(reason))
            if any(now - since > WAIT_S for since in waiting.values()):
                raise RuntimeError(f"an act did not reach SQL within {WAIT_S} s")

    asker = threading.Thread(target=ask)
    asker.start()
    for number in range(acts):
        began = time.monotonic()
        reason = _act(client, number, mark)
        acted = time.monotonic()
        while not _stored(app, reason):
            time.sleep(0.001)
        limits.append(time.monotonic() - acted)
        waiting[reason] = acted
        time.sleep(max(0.0, 2 - (time.monotonic() - began)))
    done.set()
    asker.join()
    return limits, ours


def bench_acts(acts: int = 60) -> dict[str, Any]:
    """``acts`` decisions: p95 until readable in the ops store (limit) and in ``recoup sql`` (ours), in seconds."""
    settings = Settings.load(port=free_port(), demo=True)
    app = open_app(settings)
    stop, clicks = threading.Event(), []
    with _served(settings) as address:
        people = [threading.Thread(target=_browse, args=(address, name, stop, clicks)) for name in BROWSERS]
        for person in people:
            person.start()
        try:
            limits, ours = _measure(address, app, acts)
        finally:
            stop.set()
            for person in people:
                person.join()
    app.close()
    limit_s, ours_s = (statistics.quantiles(values, n=20)[-1] for values in (limits, ours))
    loans = run_query(settings, "select count(distinct loan_id) as loans from dim_cases").rows[0][0]
    return {
        "name": "acts",
        "rows": acts,
        "limit_s": round(limit_s, 4),
        "ours_s": round(ours_s, 2),
        "ratio": round(ours_s / max(limit_s, 0.001), 1),
        "peak_mb": psutil.Process().memory_info().rss // 2**20,
        "detail": {
            "arrived": len(ours),
            "median_s": round(statistics.median(ours), 2),
            "max_s": round(max(ours), 2),
            "loans_with_a_case": loans,
            "browsers": len(BROWSERS),
            "pages_opened": len(clicks),
            "page_median_s": round(statistics.median(clicks), 2) if clicks else None,
        },
    }
