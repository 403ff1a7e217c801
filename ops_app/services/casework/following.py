"""Placed cases are followed: by when they must be tried, that they were, and what came in during a placement and its
tail (features 12, 14 and 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.flags import Deed, Reason
from ops_app.domain.casework.flags import require as require_deed
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, altered
from ops_app.services.casework.locking import check_locks, locked_by_others
from ops_app.services.casework.many import Moved, chosen, finish, tried
from ops_app.services.casework.placement_rules import rules_on
from ops_app.services.contact.holding import against_contact
from ops_app.store.casework import batches, cases, notices, periods, placement_lists
from ops_app.store.casework import collected as stored
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Placement
from ops_app.store.store import Store

__all__ = [
    "Collected", "Deadlines", "collected_in", "complaints_in", "deadlines", "note_touches", "placement_reasons",
    "usual_term",
]  # fmt: skip


@dataclass(frozen=True)
class Deadlines:
    """By when the agency must try to reach the debtor: for the first time (``None`` once it did), and again; whether
    the end of the placement is an announced recall."""

    first_contact_due_at: datetime | None
    touch_due_at: datetime
    is_recalled: bool = False


@dataclass(frozen=True)
class Collected:
    """What was paid, net of reversals and refunds, value-dated within a placement, and in the tail after it: whole
    minor units of the placement's currency."""

    within_minor: int
    tail_minor: int


@act("cases.view")
def deadlines(
    actor: Actor, store: Store, *, now: datetime, today: date, placed: Sequence[tuple[Case, Placement]]
) -> dict[str, Deadlines]:
    """Case → its deadlines by the parameters of ``today``."""
    with store.reading() as connection:
        rules = rules_on(connection, today)
        announced = notices.running(connection, [one.case_id for one, _ in placed])
    return {
        one.case_id: Deadlines(
            None if it.first_touch_at else it.first_contact_due_at,
            (it.last_touch_at or it.placed_at) + rules.touch(one),
            one.case_id in announced and actor.agency_code in (None, announced[one.case_id].agency_code),
        )
        for one, it in placed
    }


@act("cases.view")
def placement_reasons(
    actor: Actor, store: Store, *, now: datetime, today: date, shown: Sequence[Case]
) -> dict[str, tuple[Reason, ...]]:
    """Case → every reason why it cannot be placed with anybody now: state, flags, balance, a request that waits."""
    with store.reading() as connection:
        rules = rules_on(connection, today)
        waiting = batches.waiting(connection, [one.case_id for one in shown])
        if not sees_amounts(actor):  # what they hold has no balance to be tried
            shown = list(cases.read_many(connection, [one.case_id for one in shown], scope_of(actor), now).values())
    return {one.case_id: rules.exclusions(one, waiting=one.case_id in waiting) for one in shown}


@act("cases.place")
def usual_term(actor: Actor, store: Store, *, now: datetime, today: date, one: Case) -> int:
    """For how many days a case of this lender and product is usually placed."""
    with store.reading() as connection:
        return rules_on(connection, today).term_days(one)


@act("cases.touch")
def note_touches(
    actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str, leave_out: bool = False
) -> Moved:
    """Enter that one tried to reach the debtors of cases (id → version) just now; ``reason`` says how it went.

    All or none, or (``leave_out``) those that can. Raises ``SomeRefused`` where a debtor must not be contacted,
    ``NoSuchCase``, ``CaseChanged``, ``CaseLocked``.
    """
    said = checked_reason(reason)
    arguments = {"cases": dict(wanted), "leave_out": leave_out}
    with store.writing(actor, now) as transaction:
        found, gone = chosen(transaction, arguments)
        if leave_out:
            for case_id, error in locked_by_others(transaction, found).items():
                gone[case_id] = error
                del found[case_id]
        check_locks(transaction, found)
        held = against_contact(transaction.connection, found, now)

        def touch(one: Case) -> list[Change]:
            require_deed(Deed.CONTACT, one.position, one.flags, held.get(one.case_id, ()))
            return [altered(one, "touched", said, {})]

        changes, refused = tried(found, touch)
        done = finish(transaction, changes, gone | refused, arguments)
        periods.note_touches(transaction.connection, dict.fromkeys(done.case_ids, now))
    return done


@act("cases.view")
def collected_in(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, placed: Sequence[tuple[Placement, Case]]
) -> dict[str, Collected]:
    """Placement → what came in; nothing for who does not see all cases. A payment counts by its value date in ``zone``:
    from the day of placing and before ``custody_until``, and from then on before the placement's ``tail_until_date``.
    """
    if scope_of(actor).reach is not Reach.ALL:
        return {}
    with store.reading() as connection:
        paid = stored.net_by_day(connection, {(one.source_code, one.loan_id) for _, one in placed})
    found = {}
    for it, one in placed:
        first = it.placed_at.astimezone(zone).date()
        until = custody_until(it, zone)
        days = paid.get((one.source_code, one.loan_id, it.currency), {})
        within = sum(minor for day, minor in days.items() if first <= day < until)
        tail = it.tail_until_date or until
        found[it.placement_id] = Collected(within, sum(minor for day, minor in days.items() if until <= day < tail))
    return found


def custody_until(it: Placement, zone: ZoneInfo) -> date:
    """The first day in ``zone`` whose payments are not the agency's any more, as the marts have it
    (``stg_ops__placements``): the day on which it ended or was due, which is the next agency's; where the case closed,
    the day after that, for what closed it was paid to this one."""
    end = min(it.ended_at or it.due_at, it.due_at)
    closed = it.end_reason == "closed" and end > it.placed_at
    return end.astimezone(zone).date() + timedelta(days=closed)


@act("cases.view")
def complaints_in(
    actor: Actor, store: Store, *, now: datetime, placed: Sequence[tuple[Placement, Case]]
) -> dict[str, int]:
    """Placement → how many complaints were raised while it ran; nothing for who does not see all cases."""
    if scope_of(actor).reach is not Reach.ALL:
        return {}
    with store.reading() as connection:
        return placement_lists.complaints_in(connection, [it for it, _ in placed], now)
