"""Runs: who is writing the warehouse now, under a lease, so that a killed run is seen as failed.

A run holds a lease and renews it while it works. Whoever starts the next run first fails those whose lease ran out.
The database itself allows one started run at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.store import Store
from ops_app.store.tables.operations import run_requests, runs

LEASE = timedelta(seconds=60)
REQUEST_KINDS = ("day", "replay")
_LOST = json.dumps({"why": "its lease ran out: the run was killed"})


@dataclass(frozen=True)
class Run:
    """One run over a business date."""

    run_id: str
    kind: str
    business_date: date
    state: str
    started_at: datetime
    ended_at: datetime | None
    lease_until: datetime
    detail: dict[str, Any]


@dataclass(frozen=True)
class RunRequest:
    """A run that somebody asked for and that nobody has taken yet."""

    request_id: str
    kind: str
    business_date: date
    reason: str
    requested_by: str
    requested_at: datetime


def _run(row: Any) -> Run:
    return Run(
        row.run_id,
        row.kind,
        row.business_date,
        row.state,
        row.started_at,
        row.ended_at,
        row.lease_until,
        json.loads(row.detail_json),
    )


@act("system.run")
def fail_lost_runs(actor: Actor, store: Store, *, now: datetime) -> int:
    """Fail every started run whose lease has run out (its process was killed); returns how many."""
    with store.writing(actor, now) as transaction:
        lost = (
            update(runs)
            .where(runs.c.state == "started", runs.c.lease_until < now)
            .values(state="failed", ended_at=now, detail_json=_LOST)
        )
        return transaction.connection.execute(lost).rowcount


@act("system.run")
def lost_among(actor: Actor, store: Store, *, run_ids: Collection[str]) -> set[str]:
    """Those of ``run_ids`` that were failed because their lease ran out."""
    lost = select(runs.c.run_id).where(
        runs.c.run_id.in_(run_ids), runs.c.state == "failed", runs.c.detail_json == _LOST
    )
    with store.reading() as connection:
        return set(connection.execute(lost).scalars())


@act("system.run")
def start_run(
    actor: Actor, store: Store, *, now: datetime, kind: str, business_date: date, run_id: str | None = None
) -> str:
    """Take the lease of the one run that may write the warehouse; returns its id.

    ``run_id`` is the id the pipeline knows the run by; without one it gets a new one. Raises ``Conflict`` naming the
    run that holds the lease.
    """
    fail_lost_runs(actor, store, now=now)
    run_id = run_id or uuid4().hex
    try:
        with store.writing(actor, now) as transaction:
            transaction.connection.execute(
                insert(runs).values(
                    run_id=run_id,
                    kind=kind,
                    business_date=business_date,
                    state="started",
                    lease_until=now + LEASE,
                    started_at=now,
                    detail_json="{}",
                )
            )
    except IntegrityError:
        with store.reading() as connection:
            holder = connection.execute(select(runs).where(runs.c.state == "started")).first()
        what = f"{holder.kind} of {holder.business_date}" if holder else "another run"
        raise Conflict(
            f"A run is under way ({what}); try again when it has ended.", "已有运行正在进行，请在其结束后重试。"
        ) from None
    return run_id


@act("system.run")
def renew_lease(actor: Actor, store: Store, *, now: datetime, run_id: str) -> bool:
    """Hold on to the lease; False when it was lost, and the run must stop."""
    with store.writing(actor, now) as transaction:
        held = update(runs).where(runs.c.run_id == run_id, runs.c.state == "started").values(lease_until=now + LEASE)
        return transaction.connection.execute(held).rowcount == 1


@act("system.run")
def end_run(
    actor: Actor, store: Store, *, now: datetime, run_id: str, succeeded: bool, detail: Mapping[str, Any]
) -> None:
    """Record how the run ended; the detail is shown on the operations page."""
    with store.writing(actor, now) as transaction:
        transaction.connection.execute(
            update(runs)
            .where(runs.c.run_id == run_id, runs.c.state == "started")
            .values(
                state="succeeded" if succeeded else "failed",
                ended_at=now,
                detail_json=json.dumps(detail, ensure_ascii=False, default=str, sort_keys=True),
            )
        )


@act("operations.view")
def list_runs(
    actor: Actor,
    store: Store,
    *,
    state: str | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Run], int]:
    """Runs, newest first, and how many there are in all."""
    wanted = select(runs)
    if state:
        wanted = wanted.where(runs.c.state == state)
    if since:
        wanted = wanted.where(runs.c.business_date >= since)
    if until:
        wanted = wanted.where(runs.c.business_date <= until)
    with store.reading() as connection:
        total = connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
        page = wanted.order_by(runs.c.started_at.desc(), runs.c.run_id).limit(min(limit, 500)).offset(offset)
        return [_run(row) for row in connection.execute(page)], total


@act("system.run")
def last_completed_date(actor: Actor, store: Store) -> date | None:
    """The latest business date that a run completed, or None in an empty installation."""
    done = select(func.max(runs.c.business_date)).where(
        runs.c.state == "succeeded", runs.c.kind.in_(("day", "backfill"))
    )
    with store.reading() as connection:
        return connection.execute(done).scalar_one()


@act("system.run")
def failed_since(actor: Actor, store: Store, *, since: datetime) -> list[Run]:
    """Runs that failed after ``since``, oldest first."""
    wanted = select(runs).where(runs.c.state == "failed", runs.c.ended_at >= since).order_by(runs.c.ended_at)
    with store.reading() as connection:
        return [_run(row) for row in connection.execute(wanted)]


@act("operations.run")
def request_run(
    actor: Actor, store: Store, *, now: datetime, kind: str, business_date: date, reason: str, key: str
) -> str:
    """Ask for a business day to be run again (``day``) or for corrected rows to be replayed (``replay``).

    The pipeline takes requests in order. Idempotent by ``key``.
    """
    if kind not in REQUEST_KINDS:
        raise Invalid(f"There is no run of kind {kind}.", f"没有类型为 {kind} 的运行。", field="kind")
    if not reason.strip():
        raise Invalid("Say why, in a few words.", "请简要说明原因。", field="reason")
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("run_requests", key, content_hash([kind, business_date, reason]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer["request_id"])
        request_id = uuid4().hex
        transaction.connection.execute(
            insert(run_requests).values(
                request_id=request_id,
                kind=kind,
                business_date=business_date,
                reason=reason.strip(),
                requested_by=actor.person_id,
                requested_at=now,
            )
        )
        transaction.audit("run.request", "business_day", business_date.isoformat(), after={"kind": kind}, reason=reason)
        transaction.answer("run_requests", key, {"request_id": request_id})
    return request_id


@act("system.run")
def waiting_requests(actor: Actor, store: Store) -> list[RunRequest]:
    """Requests that no run has taken yet, oldest first."""
    return _open_requests(store)


@act("system.run")
def take_requests(actor: Actor, store: Store, *, now: datetime, business_date: date) -> int:
    """Mark the open requests for ``business_date`` as taken by the run that begins; returns how many."""
    with store.writing(actor, now) as transaction:
        taken = (
            update(run_requests)
            .where(run_requests.c.taken_at.is_(None), run_requests.c.business_date == business_date)
            .values(taken_at=now)
        )
        count = transaction.connection.execute(taken).rowcount
        if count:
            transaction.audit("run.take", "business_day", business_date.isoformat(), after={"requests": count})
    return count


def _open_requests(store: Store) -> list[RunRequest]:
    with store.reading() as connection:
        rows = connection.execute(
            select(run_requests).where(run_requests.c.taken_at.is_(None)).order_by(run_requests.c.requested_at)
        ).all()
    return [
        RunRequest(row.request_id, row.kind, row.business_date, row.reason, row.requested_by, row.requested_at)
        for row in rows
    ]


@act("operations.view")
def open_requests(actor: Actor, store: Store) -> list[RunRequest]:
    """Requests that no run has taken yet, for the operations page."""
    return _open_requests(store)
