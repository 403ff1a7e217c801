"""A ledger whose November is ready to be closed, and its close by two people, for the tests of the books."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import update

from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.readiness import NEEDS, Check, CheckState
from ops_app.services.ledger.closing import ask_close
from ops_app.services.organisation import approvals, readiness
from ops_app.services.organisation.approvals import Moved
from ops_app.store.store import Store
from ops_app.store.tables.organisation import outbox
from tests.services.casework.casebook import some_cases
from tests.services.ledger.entering import paid, taken_over
from tests.services.organisation.approving import a_person

FIRST, END, LAST = date(2026, 11, 1), date(2026, 12, 1), date(2026, 11, 30)
DAY = date(2026, 11, 5)
NOW = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)


def all_green(store: Store, day: date = LAST, now: datetime = NOW) -> None:
    """Every check of the business day is green as of ``day``."""
    green = [Check(name, CheckState.GREEN, day, now) for name in NEEDS["ledger_close"]]
    readiness.report_checks(SYSTEM, store, now=now, checks=green)


def all_sent(store: Store, now: datetime = NOW) -> None:
    """Nothing waits to go out."""
    with store._writers.begin() as connection:
        connection.execute(update(outbox).values(sent_at=now))


def november(store: Store, evidence: Path, count: int = 2) -> list[str]:
    """Cases taken over and paid on in November, and everything ready for the close; their ids."""
    ids = some_cases(store, evidence, count, in_ledger=False)
    for number, one in enumerate(ids, start=1):
        taken_over(store, one, DAY)
        paid(store, one, date(2026, 11, 10), 1_000 * number, now=NOW)
    all_green(store)
    all_sent(store)
    return ids


def two_people(store: Store) -> tuple[Actor, Actor]:
    """Who asks for a close, and who approves it."""
    return a_person(store, "Fan", Role.FINANCE), a_person(store, "Mei", Role.MANAGER)


def approved(store: Store, checker: Actor, request_id: str, now: datetime = NOW) -> Moved:
    """A request, approved by who read it."""
    one = approvals.read_request(checker, store, now=now, request_id=request_id).item
    return approvals.approve(
        checker, store, now=now, request_id=request_id, expected_version=one.version, content_hash=one.content_hash,
        reason="looked at", key=uuid4().hex,
    )  # fmt: skip


def closed(store: Store, finance: Actor, manager: Actor, first: date = FIRST, now: datetime = NOW) -> None:
    """Close the period that begins on ``first``."""
    asked = ask_close(finance, store, now=now, first_date=first, reason="month end", key=uuid4().hex)
    approved(store, manager, asked, now)
