"""The lease of the warehouse: one process writes at a time, and a killed one loses its place when the lease runs out.

Apart from the house of a run, so that what only needs the lease starts without Dagster.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation import runs


@contextmanager
def held_lease(app: App, kind: str, business_date: date, known_as: str) -> Iterator[tuple[str, threading.Event]]:
    """Hold the one lease that allows writing the warehouse; the event is set if the lease is lost.

    ``known_as`` is Dagster's id of the run, so that a lease that ran out names the run it belonged to.
    """
    run_id = runs.start_run(
        SYSTEM, app.store, now=app.clock.now(), kind=kind, business_date=business_date, run_id=known_as
    )
    stop, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not stop.wait(runs.LEASE.total_seconds() / 6):
            with suppress(Exception):  # a busy store is tried again; the lease outlasts six tries
                if not runs.renew_lease(SYSTEM, app.store, now=app.clock.now(), run_id=run_id):
                    lost.set()
                    return

    keeper = threading.Thread(target=renew, name="lease", daemon=True)
    keeper.start()
    try:
        yield run_id, lost
    finally:
        stop.set()
        keeper.join(timeout=5)
