"""How placements end: with the balance of the day's close they end by, the tail whose payments still count, and every
export link of the agency. Whatever ends a placement (a recall, its term, a closing) comes through here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import CaseMove
from ops_app.domain.casework.placing import tail_until
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, apply, moved
from ops_app.services.casework.placement_rules import PlacementRules, distinct
from ops_app.services.organisation.exports import end_exports_of
from ops_app.services.organisation.installation import installation, today
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import cases, ended_balances, notices, periods
from ops_app.store.casework.cases import Case
from ops_app.store.store import Store, Transaction

EXPIRED = "placement expired"
ANNOUNCED = "recall took effect"


@act("system.run")
def end_due_placements(actor: Actor, store: Store, *, now: datetime, today: date) -> int:
    """End every placement whose time is up, by its term or by an announced recall; how many ended. Access ended at that
    moment already: this brings the cases home."""
    with store.reading() as connection:
        if not periods.lapsed(connection, now):
            return 0
    with store.writing(actor, now) as transaction:
        return end_lapsed(transaction, today)


def end_lapsed(transaction: Transaction, day: date, *, among: Collection[str] | None = None) -> int:
    """Within an act: as ``end_due_placements``, of all cases or of those ``among`` them."""
    ids = periods.lapsed(transaction.connection, transaction.now)
    if among is not None:
        ids = [one for one in ids if one in among]
    found = _still_lapsed(transaction, ids)
    announced = notices.running(transaction.connection, list(found))
    apply(
        transaction,
        [recalled(one, ANNOUNCED if one.case_id in announced else EXPIRED) for one in found.values()],
    )  # fmt: skip
    by_note: dict[tuple[str, str | None], list[Case]] = defaultdict(list)
    for one in found.values():
        notice = announced.get(one.case_id)
        by_note["recalled" if notice else "lapsed", notice.reason if notice else None].append(one)
    for (reason, note), some in sorted(by_note.items(), key=lambda it: (it[0][0], it[0][1] or "")):
        end_placements(transaction, some, day=day, reason=reason, note=note)
    return len(found)


def _still_lapsed(transaction: Transaction, ids: Sequence[str]) -> dict[str, Case]:
    """The cases, locked. Somebody may have recalled one or given it more time before the lock was had: what is over or
    runs on is not among them."""
    found = cases.read_locked(transaction.connection, ids, scope_of(transaction.actor), transaction.now)
    running = periods.running_placements(transaction.connection, list(found))
    return {
        case_id: one
        for case_id, one in found.items()
        if case_id in running and running[case_id].due_at <= transaction.now
    }


def settle_balances(connection: Connection, day: date) -> None:
    """Placements that ended on ``day``, or as it ended, get the balance of its close, now that it is known: what was
    there when they were ended was that of an earlier day."""
    zone = installation().zone
    begins = [datetime.combine(one, time(0), zone).astimezone(UTC) for one in (day, day + timedelta(days=1))]
    ended_balances.settle(connection, day, after=begins[0], until=begins[1])


def recalled(one: Case, reason: str) -> Change:
    """``one`` taken back from its agency; raises ``MoveNotAllowed``."""
    detail = {"recalled_from": one.agency_code}
    return moved(one, CaseMove.RECALL, reason, detail, agency_code=None, collector_id=None)


def end_placements(
    transaction: Transaction, before: Sequence[Case], *, day: date, reason: str, note: str | None
) -> None:
    """End the running placements of cases (as they were before), on ``day``: recalled, lapsed or closed. One that was
    due before has ended then, and its tail is counted from that day in the zone of the installation.

    The balance is that of the day's close it ends by, as far as it is known (``settle_balances``), the tail gets its
    last day, running notices end, and so do the agencies' export links.
    """
    if not before:
        return
    connection, now = transaction.connection, transaction.now
    parameters = in_force(connection)
    running = periods.running_placements(connection, [one.case_id for one in before])
    by_tail: dict[date, list[str]] = defaultdict(list)
    for one in before:
        if one.case_id in running:
            end = running[one.case_id].end_at(now)
            ended = day if end == now else today(end)
            tail = tail_until(ended, PlacementRules(parameters, ended).tail_days(one))
            by_tail[tail].append(one.case_id)
    for tail, ids in sorted(by_tail.items()):
        periods.end_placements(
            connection, ids, now=now, reason=reason, by=transaction.actor.person_id, note=note, tail_until_date=tail
        )
    kind = "closed" if reason == "closed" else "recalled"
    notices.end(connection, [one.case_id for one in before], now=now, kind=kind)
    for agency_code in distinct(one.agency_code for one in before):
        end_exports_of(transaction, agency_code=agency_code, because="placement_ended")
