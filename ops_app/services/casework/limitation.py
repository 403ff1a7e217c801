"""The limitation clock: wound when a case opens, begun anew by interruptions, and the queue of what expires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.limitation import (
    Clock,
    Interruption,
    InterruptionKind,
    NotInTheRecord,
    checked_day,
    checked_evidence,
    clock_of,
)
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.lenders import DEFAULT_PACK
from ops_app.domain.organisation.parameter_changes import EARLIEST
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameter_values import stored_form
from ops_app.domain.organisation.parameters import Scope
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.casework.cases import mark_of, read_mark
from ops_app.services.casework.changing import altered, apply
from ops_app.services.organisation.installation import installation, scope_of_loan, today
from ops_app.services.organisation.parameter_reading import as_codes, as_number, in_force
from ops_app.store.casework import cases, limitation, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.limitation import InterruptionRow, StoredClock
from ops_app.store.store import Store, Transaction

__all__ = [
    "ExpiringPage", "InterruptionRow", "LimitationRecord", "StoredClock", "clock_under", "list_expiring",
    "read_limitation", "record_interruption", "wind", "withdraw_interruption",
]  # fmt: skip

YEARS = "casework.limitation_years"
INTERRUPTS = "casework.limitation_interruptions"
WARNING = "casework.limitation_warning_days"
MOST_DAYS = 3660
_INBOX = "limitation"


@dataclass(frozen=True)
class ExpiringPage:
    """One page of cases whose limitation expires, each with its clock; ``today`` is the day that is counted from,
    ``total`` is counted up to ``MOST_COUNTED``: one more means "more than that"."""

    rows: tuple[tuple[StoredClock, Case], ...]
    next_after: str | None
    today: date
    total: int


@dataclass(frozen=True)
class LimitationRecord:
    """A case, its clock (none once it is closed) and every row of what interrupted it; ``counted`` are the numbers of
    those that began the period anew."""

    case: Case
    clock: StoredClock | None
    rows: tuple[InterruptionRow, ...]
    counted: tuple[int, ...]


@act("cases.view")
def list_expiring(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    within_days: int | None = None,
    pack: str | None = None,
    expired: bool | None = None,
    descending: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> ExpiringPage:
    """Open cases within reach whose limitation ends in at most ``within_days`` (by default what the parameter of each
    rule pack says) or has ended, the earliest first unless ``descending``; ``expired``: only those of which it has
    ended before today, or of which it has not. Raises ``Invalid``."""
    if within_days is not None and not 0 <= within_days <= MOST_DAYS:
        raise Invalid(f"Choose 0 to {MOST_DAYS} days.", f"请选择 0 至 {MOST_DAYS} 天。", field="within_days")
    check_limit(limit)
    mark, day, scope = read_mark(after, "expires_date"), today(now), scope_of(actor)
    with store.reading() as connection:
        until = _until(in_force(connection), limitation.packs(connection), day, within_days)
        bounds: Any = {"pack": pack, "since": day if expired is False else None, "before": day if expired else None}
        total, clocks = 0, []
        if until:
            total = limitation.count(connection, scope, now, until, **bounds)
            clocks = limitation.page(
                connection, scope, now, until, **bounds, descending=descending, after=mark, limit=limit + 1
            )
        found = cases.read_many(connection, [one.case_id for one in clocks[:limit]], scope, now)
    rows = tuple((one, found[one.case_id]) for one in clocks[:limit] if one.case_id in found)
    last = clocks[limit - 1] if len(clocks) > limit else None
    more = mark_of("expires_date", last.expires_date, last.case_id) if last else None
    return ExpiringPage(rows, more, day, total)


@act("cases.view")
def read_limitation(actor: Actor, store: Store, *, now: datetime, case_id: str) -> LimitationRecord:
    """The clock of a case within reach and its record. An agency reads that the period began anew before its own time,
    since that holds for whoever has the case, but not what was written then, nor by whom.

    Raises ``NoSuchCase`` alike for a missing and a foreign one.
    """
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        stored = limitation.clock(connection, case_id)
        rows = limitation.interruptions(connection, [case_id]).get(case_id, [])
        known = in_force(connection)
        running = periods.running_placements(connection, [case_id]).get(case_id)
    counted = clock_under(known, stored.pack, stored.due_date, rows).counted if stored else ()
    if actor.agency_code is not None:
        since = running.placed_at if running else now
        rows = [
            row if row.made_at >= since else replace(row, evidence="–", made_by="", made_by_name="–") for row in rows
        ]
    return LimitationRecord(one, stored, tuple(rows), counted)


@act("cases.interrupt")
def record_interruption(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    case_id: str,
    kind: InterruptionKind,
    happened_date: date | None,
    evidence: str,
    key: str,
) -> LimitationRecord:
    """Enter what interrupted the limitation of a case, with its evidence, and work the clock out anew; once a ``key``.

    Raises ``NoSuchCase``, ``Invalid`` by field (happened_date, evidence).
    """
    day, proof = checked_day(happened_date, today(now)), checked_evidence(evidence)
    said = {"case_id": case_id, "kind": kind.value, "happened_date": day, "evidence": proof}
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash(said))
        claim.refuse_conflict()
        if claim.is_new:
            rows = _locked_rows(transaction, case_id)
            _append(transaction, case_id, kind, day, proof, None, len(rows) + 1)
            transaction.answer(_INBOX, key, {"nth": len(rows) + 1})
    return read_limitation(actor, store, now=now, case_id=case_id)


@act("cases.interrupt")
def withdraw_interruption(
    actor: Actor, store: Store, *, now: datetime, case_id: str, nth: int, reason: str
) -> LimitationRecord:
    """Take an interruption back that was entered wrongly; it stays in the record with the reason. Raises
    ``NotInTheRecord`` where it is not there or was taken back already."""
    why = checked_evidence(checked_reason(reason))
    with store.writing(actor, now) as transaction:
        rows = _locked_rows(transaction, case_id)
        one = next((row for row in limitation.standing(rows) if row.nth == nth), None)
        if one is None:
            raise NotInTheRecord
        _append(transaction, case_id, one.kind, one.happened_date, why, nth, len(rows) + 1)
    return read_limitation(actor, store, now=now, case_id=case_id)


def wind(connection: Connection, ids: Iterable[str] | None = None, *, anew: bool = False) -> int:
    """Work out the clocks of ``ids``; without them of every open case that has none or whose rule reads otherwise now.
    Closed cases lose theirs. ``anew`` forgets the due date that was known. Returns how many were worked out."""
    if ids is not None and not (ids := list(ids)):
        return 0
    known = in_force(connection)
    if ids is None:
        names = sorted({DEFAULT_PACK, *(one.pack for one in installation().lenders.values())})
        limitation.drop_closed(connection)
        ids = limitation.to_wind(connection, {pack: rule_mark(known, pack) for pack in names})
    wanted = list(ids)
    if not wanted:
        return 0
    record = limitation.interruptions(connection, wanted)
    made = []
    for one in limitation.terms(connection, wanted, anew=anew):
        pack = str(scope_of_loan(one.lender_code).pack)
        clock = clock_under(known, pack, one.due_date, record.get(one.case_id, []))
        made.append(
            StoredClock(
                one.case_id, pack, clock.due_date, clock.started_date, clock.years, clock.expires_date,
                rule_mark(known, pack),
            )
        )  # fmt: skip
    limitation.put_clocks(connection, made)
    return len(made)


def clock_under(known: ParameterSet, pack: str, due_date: date, rows: Iterable[InterruptionRow]) -> Clock:
    """The clock of a claim of a rule pack, by the parameters as they are known."""
    scope = Scope(pack=pack)
    standing = [Interruption(row.nth, row.kind, row.happened_date) for row in limitation.standing(list(rows))]
    return clock_of(
        due_date,
        standing,
        lambda day: as_number(known.value(YEARS, day, scope)),
        lambda day: as_codes(known.value(INTERRUPTS, day, scope)),
    )


def rule_mark(known: ParameterSet, pack: str) -> str:
    """Stands for the whole rule of a pack, on every day: another rule, another mark."""
    pieces = [
        [code, held.valid_from_date, held.valid_to_date, stored_form(held.value)]
        for code in (YEARS, INTERRUPTS)
        for held in known.pieces(code, Scope(pack=pack), EARLIEST, None)
    ]
    return key_hash("limitation", content_hash(pieces))[:16]


def _until(known: ParameterSet, packs: Iterable[str], day: date, within_days: int | None) -> Mapping[str, date]:
    def days(pack: str) -> int:
        return within_days if within_days is not None else as_number(known.value(WARNING, day, Scope(pack=pack)))

    return {pack: day + timedelta(days=days(pack)) for pack in packs}


def _locked_rows(transaction: Transaction, case_id: str) -> list[InterruptionRow]:
    """The record of a case within reach that nobody else appends to before this transaction ends."""
    connection = transaction.connection
    if case_id not in cases.read_locked(connection, [case_id], scope_of(transaction.actor), transaction.now):
        raise NoSuchCase
    return limitation.interruptions(connection, [case_id]).get(case_id, [])


def _append(
    transaction: Transaction,
    case_id: str,
    kind: InterruptionKind,
    day: date,
    text: str,
    withdraws: int | None,
    nth: int,
) -> None:
    connection, actor = transaction.connection, transaction.actor
    limitation.add_interruption(
        connection,
        InterruptionRow(case_id, nth, kind, day, text, withdraws, actor.person_id, actor.name, transaction.now),
    )
    wind(connection, [case_id])
    after = limitation.clock(connection, case_id)
    detail = {"nth": nth, "kind": kind.value, "happened_date": day, "withdraws": withdraws,
              "expires_date": after.expires_date if after else None}  # fmt: skip
    what = "limitation_interrupted" if withdraws is None else "interruption_withdrawn"
    one = cases.read_locked(connection, [case_id], scope_of(actor), transaction.now)[case_id]
    apply(transaction, [altered(one, what, text, detail)])
