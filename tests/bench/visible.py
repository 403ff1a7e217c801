"""How long a pushed payment takes until it can be read: from the REST request to the case that shows it, contact held.

On a home of its own: starts the front door and the consumer of messages as processes of their own, opens a case a
payment by messages of loans, pushes one signed payment after another over loopback and reads what the pages of the
payment and of its case read, until the payment is there and contact is held. The limit is the same request alone, until
its message stands in the inbox. Then the same with the case open in Chromium: until the page, which nobody touches,
says that contact is held.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.messages import MessageState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.signatures import sign
from ops_app.services.ledger.payment_lists import read_repayment
from ops_app.services.organisation.demo_people import create_demo_people, demo_password
from ops_app.services.organisation.message_reading import message_figures
from ops_app.store.tables.casework import cases
from tests.loopback import free_port

KEY = "the key of the sender SIM"
READER = Actor("p-bench", "Bench", Role.FINANCE)
WATCHER = Actor("p-bench-op", "Bench", Role.OPERATOR)
POLL_S = 0.02
MOST_S = 30.0
ON_PAGES = 10


def bench_visible(count: int = 30) -> dict[str, Any]:
    """``count`` payments: name, rows, limit_s and ours_s (both medians), ratio, peak_mb, detail."""
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as (app, address), httpx.Client() as client:
        today = app.clock.now().astimezone(app.settings.zone).date()
        for n in range(count + ON_PAGES):
            _push(client, app, address, "loan", f"L{n}", _loan(f"L{n}", str(today - timedelta(days=1))), n)
        _wait(lambda: _all_done(app, count + ON_PAGES), seconds=MOST_S * 4)
        accepted, visible = [], []
        for n in range(count):
            body = _payment(f"P{n}", f"L{n}", app.clock.now().isoformat(), str(today))
            began = time.perf_counter()
            _push(client, app, address, "payment", f"L{n}", body, 1_000 + n)
            accepted.append(time.perf_counter() - began)
            _wait(lambda n=n: _is_visible(app, f"P{n}"), seconds=MOST_S)  # type: ignore[misc]
            visible.append(time.perf_counter() - began)
        seen = _seen_on_open_pages(client, app, address, range(count, count + ON_PAGES), str(today))
        app.close()
    limit_s, ours_s = statistics.median(accepted), statistics.median(visible)
    return {
        "name": "visible",
        "rows": count,
        "limit_s": round(limit_s, 3),
        "ours_s": round(ours_s, 3),
        "ratio": round(ours_s / limit_s, 2),
        "peak_mb": 0,
        "detail": {
            "accepted_p95_s": round(_p95(accepted), 3),
            "visible_p95_s": round(_p95(visible), 3),
            "visible_max_s": round(max(visible), 3),
            "seen_in_chromium_s": seen,
            "load": [round(one, 1) for one in os.getloadavg()],
        },
    }


def _seen_on_open_pages(
    client: httpx.Client, app: App, address: str, numbers: range, today: str
) -> dict[str, float] | str:
    """Seconds from the request to what an open page of the case shows by itself; why not, where there is no browser."""
    chromium = os.environ.get("RECOUP_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        return "no Chromium"
    create_demo_people(SYSTEM, app.store, now=app.clock.now(), demo=True)
    with app.store.reading() as connection:
        rows: Any = connection.execute(select(cases.c.loan_id, cases.c.case_id))
        ids = dict(list(rows))
    took = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/cases")
        page.fill("#name", "supervisor")
        page.fill("#password", demo_password("supervisor"))
        page.click("button[type=submit]")
        for n in numbers:
            page.goto(f"{address}/cases?case_id={ids[f'L{n}']}")
            page.get_by_text(f"Loan L{n}, spell 1").first.wait_for(timeout=60_000)
            page.wait_for_timeout(1_500)
            began = time.perf_counter()
            body = _payment(f"P{n}", f"L{n}", app.clock.now().isoformat(), today)
            _push(client, app, address, "payment", f"L{n}", body, 1_000 + n)
            page.get_by_text("contact resumes").first.wait_for(timeout=60_000)
            took.append(time.perf_counter() - began)
        browser.close()
    return {"median": round(statistics.median(took), 3), "max": round(max(took), 3)}


def _p95(some: list[float]) -> float:
    return sorted(some)[min(len(some) - 1, int(len(some) * 0.95))]


@contextmanager
def _running(home: Path) -> Iterator[tuple[App, str]]:
    port = free_port()
    environment = os.environ | {
        "RECOUP_HOME": str(home), "RECOUP_PORT": str(port), "RECOUP_MESSAGE_KEYS": f"SIM={KEY}", "RECOUP_OPS_URL": "",
        "RECOUP_DEMO": "true", "PYTHONPATH": str(PROJECT_ROOT),
    }  # fmt: skip
    app = open_app(
        Settings.load().model_copy(update={"home": home, "message_keys": f"SIM={KEY}", "ops_url": "", "demo": True})
    )
    with tempfile.TemporaryFile() as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", module], cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log)
            for module in ("ops_app.server", "ops_app.interfaces.queue.consumer")
        ]
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(lambda: _answers(address), seconds=120)
            yield app, address
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/api/health").is_success
    except httpx.HTTPError:
        return False


def _wait(until: Any, *, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while not until():
        if time.perf_counter() > end:
            raise TimeoutError("what was pushed did not become visible")
        time.sleep(POLL_S)


def _push(
    client: httpx.Client, app: App, address: str, kind: str, loan: str, body: dict[str, Any], sequence: int
) -> None:
    raw = json.dumps(
        {
            "message_id": f"{kind}/{loan}", "kind": kind, "schema_version": 1, "source_code": "SIM", "loan_id": loan,
            "sequence": sequence, "body": body,
        }
    ).encode()  # fmt: skip
    headers = {"Recoup-Source": "SIM", "Recoup-Signature": sign(KEY.encode(), raw, app.clock.now())}
    client.post(f"{address}/api/v1/messages", content=raw, headers=headers, timeout=60).raise_for_status()


def _all_done(app: App, count: int) -> bool:
    counts = message_figures(WATCHER, app.store, now=app.clock.now()).counts
    if counts.get(MessageState.DEAD, 0):
        raise RuntimeError("a loan was refused")
    return counts.get(MessageState.DONE, 0) == count


def _is_visible(app: App, payment_id: str) -> bool:
    """Whether the page of the payment shows it, and contact is held because of it."""
    try:
        record = read_repayment(READER, app.store, now=app.clock.now(), source_code="SIM", payment_id=payment_id)
    except NotFound:
        return False
    return bool(record.holds)


def _loan(loan: str, day: str) -> dict[str, Any]:
    return {
        "source_code": "SIM", "loan_id": loan, "as_of_date": day, "customer_id": f"C{loan}", "currency": "CNY",
        "outstanding_principal_minor": 500_000, "days_past_due": 40, "status": "overdue", "lender_code": "HYB",
        "product_code": "credit_card",
    }  # fmt: skip


def _payment(payment: str, loan: str, moment: str, day: str) -> dict[str, Any]:
    return {
        "source_code": "SIM", "payment_id": payment, "loan_id": loan, "paid_at": moment, "value_date": day,
        "amount_minor": 10_000, "currency": "CNY",
    }  # fmt: skip
