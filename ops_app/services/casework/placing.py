"""Cases are queued for placement, placed with an agency, kept longer there, and handed to another agency: one or many
in one transaction.

Agencies are locked before cases, here and in whatever else takes both, so that no two acts wait for each other.

Each act has a ``run_*`` that does it within somebody's transaction from arguments that JSON can hold. Queueing is an
act of its own; the others are asked for as a batch and run by the last approval (``batches.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import WITH_AGENCY, CaseMove, checked_reason, moves_from
from ops_app.domain.casework.flags import Deed, Forbidden, Reason
from ops_app.domain.casework.placing import (
    LAPSED,
    NOT_LATER,
    NOT_PLACED,
    NOTICE_RUNS,
    OUTSIDE_REGION,
    SAME_AGENCY,
    AgencyStopped,
    covers,
)
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, altered, moved
from ops_app.services.casework.ending import end_placements
from ops_app.services.casework.many import LARGEST_BULK, Moved, SomeRefused, chosen, counted, finish, tried
from ops_app.services.casework.placement_rules import (
    PlacementRules,
    agency_against,
    day_of,
    distinct,
    rules_on,
)
from ops_app.store.casework import cases, notices, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.notices import Notice
from ops_app.store.casework.periods import Placement
from ops_app.store.organisation import agencies
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.casework import placements

__all__ = [
    "LARGEST_BULK", "CannotMove", "Moved", "SomeRefused", "against_extending", "against_placing", "against_transfer",
    "checked_due", "queue_cases", "run_extend_cases", "run_place_cases", "run_queue_cases", "run_transfer_cases",
]  # fmt: skip


class CannotMove(Refused):
    """A case cannot be extended, recalled or transferred; ``reasons`` has all of them."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(one.en for one in self.reasons), "；".join(one.zh for one in self.reasons))


@act("cases.place")
def queue_cases(
    actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str, leave_out: bool = False
) -> Moved:
    """Put cases (id → version) into the queue for placement; all or none, or (``leave_out``) those that can.

    Raises ``SomeRefused`` (every reason of every case), ``NoSuchCase``, ``CaseChanged``.
    """
    arguments = {"cases": dict(wanted), "reason": checked_reason(reason), "leave_out": leave_out}
    with store.writing(actor, now) as transaction:
        return run_queue_cases(transaction, arguments)


def run_queue_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``."""
    found, gone = chosen(transaction, arguments)
    changes, refused = tried(found, lambda one: [moved(one, CaseMove.QUEUE, arguments["reason"])])
    return finish(transaction, changes, gone | refused, arguments)


def run_place_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``agency_code``, ``due_at``, ``reason``, ``zone``, ``drop_refused``.

    Raises ``AgencyStopped`` (contract, licence, white list, evaluation, certificate, capacity), ``Invalid`` (a due time
    that is past), ``SomeRefused``.
    """
    due_at, day = _due(transaction, arguments), day_of(transaction.now, arguments["zone"])
    rules = rules_on(transaction.connection, day)
    agency = _agency(transaction, arguments["agency_code"], day, more=0)
    found, gone = chosen(transaction, arguments)

    def place(one: Case) -> list[Change]:
        against = against_placing(one, rules, agency)
        if against:
            raise Forbidden(Deed.PLACEMENT, against)
        return [_placed(one, agency, arguments)]

    changes, refused = tried(found, place)
    _agency(transaction, arguments["agency_code"], day, more=len(changes))
    done = finish(transaction, changes, gone | refused, arguments)
    _begin_placements(transaction, [one.after for one in changes], agency.agency_code, due_at, rules)
    return done


def run_extend_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``due_at``, ``reason``, ``zone``, ``drop_refused``: the agency keeps them until a later
    moment (留案). Raises ``AgencyStopped``, ``Invalid``, ``SomeRefused``."""
    due_at, day = _due(transaction, arguments), day_of(transaction.now, arguments["zone"])
    hold_agencies(transaction.connection, counted(arguments["cases"]))
    found, gone = chosen(transaction, arguments)
    for agency_code in distinct(one.agency_code for one in found.values()):
        _agency(transaction, agency_code, day, more=0)
    running = periods.running_placements(transaction.connection, list(found))
    announced = notices.running(transaction.connection, list(found))

    def extend(one: Case) -> list[Change]:
        against = against_extending(one, running.get(one.case_id), announced.get(one.case_id), due_at, transaction.now)
        if against:
            raise CannotMove(against)
        detail = {"due_at": arguments["due_at"]}
        if CaseMove.RETAIN in moves_from(one.position):
            return [moved(one, CaseMove.RETAIN, arguments["reason"], detail)]
        # a visit or a hold goes on; what it will come back to stays what it was
        return [altered(one, CaseMove.RETAIN.value, arguments["reason"], detail)]

    changes, refused = tried(found, extend)
    done = finish(transaction, changes, gone | refused, arguments)
    periods.set_due(transaction.connection, dict.fromkeys(done.case_ids, due_at))
    return done


def run_transfer_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``agency_code``, ``due_at``, ``reason``, ``zone``, ``drop_refused``: each placement
    ends and one with the other agency begins at the same moment. What is known of a case stays with it; each agency
    reads its own time only. Raises as ``run_place_cases``."""
    due_at, day = _due(transaction, arguments), day_of(transaction.now, arguments["zone"])
    rules = rules_on(transaction.connection, day)
    agency = _agency(transaction, arguments["agency_code"], day, more=0)
    found, gone = chosen(transaction, arguments)

    def transfer(one: Case) -> list[Change]:
        against = against_transfer(one, rules, agency)
        if against:
            raise CannotMove(against)
        back = _taken_back(one, arguments["reason"], agency.agency_code)
        queued = moved(back.after, CaseMove.QUEUE, arguments["reason"])
        return [back, queued, _placed(queued.after, agency, arguments)]

    changes, refused = tried(found, transfer)
    _agency(transaction, arguments["agency_code"], day, more=len(changes) // 3)
    done = finish(transaction, changes, gone | refused, arguments)
    before = [found[case_id] for case_id in done.case_ids]
    end_placements(transaction, before, day=day, reason="recalled", note=arguments["reason"])
    _begin_placements(transaction, [one.after for one in changes[2::3]], agency.agency_code, due_at, rules)
    return done


def hold_agencies(connection: Connection, case_ids: Collection[str], agency_code: str | None = None) -> None:
    """Hold the agencies that have these cases, and the one that is to have them, before any of the cases is held."""
    agencies.lock(connection, distinct([*cases.agencies_of(connection, case_ids), agency_code]))


def against_placing(one: Case, rules: PlacementRules, agency: Agency, *, waiting: bool = False) -> tuple[Reason, ...]:
    """Every reason why the case may not be placed with this agency now."""
    found = rules.exclusions(one, waiting=waiting)
    return found if covers(agency.regions, one.region_code) else (*found, OUTSIDE_REGION)


def against_extending(
    one: Case, running: Placement | None, announced: Notice | None, due_at: datetime, now: datetime
) -> tuple[Reason, ...]:
    """Every reason why a placement cannot be given this later end at ``now``. One whose time is up is over, though no
    job has brought the case home yet: the case is placed anew or not at all."""
    if running is None or one.position.base not in WITH_AGENCY:
        return (NOT_PLACED,)
    if running.due_at <= now:
        return (LAPSED,)
    found = [NOTICE_RUNS] if announced else []
    return (*found, NOT_LATER) if due_at <= running.due_at else tuple(found)


def against_transfer(one: Case, rules: PlacementRules, agency: Agency) -> tuple[Reason, ...]:
    """Every reason why a placed case cannot be handed to this agency now."""
    if one.position.state not in WITH_AGENCY:
        return (NOT_PLACED,)
    if one.agency_code == agency.agency_code:
        return (SAME_AGENCY,)
    queued = moved(_taken_back(one, "", "").after, CaseMove.QUEUE, "").after
    return against_placing(queued, rules, agency)


def checked_due(due_at: datetime, now: datetime) -> datetime:
    """``due_at``, if it lies ahead; raises ``Invalid``."""
    if due_at <= now:
        raise Invalid("The placement must end in the future.", "委外到期时间须晚于当前时间。", field="due_at")
    return due_at


def _due(transaction: Transaction, arguments: Mapping[str, Any]) -> datetime:
    return checked_due(datetime.fromisoformat(arguments["due_at"]), transaction.now)


def _agency(transaction: Transaction, agency_code: str, day: date, *, more: int) -> Agency:
    agency, against = agency_against(transaction.connection, agency_code, day, more=more, lock=True)
    if against:
        raise AgencyStopped(agency_code, against)
    return agency


def _taken_back(one: Case, reason: str, to: str) -> Change:
    detail = {"recalled_from": one.agency_code, "transferred_to": to}
    return moved(one, CaseMove.RECALL, reason, detail, agency_code=None, collector_id=None)


def _placed(one: Case, agency: Agency, arguments: Mapping[str, Any]) -> Change:
    detail = {"placed_with": agency.agency_code, "due_at": arguments["due_at"],
              "placed_balance_minor": one.balance_minor}  # fmt: skip
    return moved(
        one, CaseMove.PLACE, arguments["reason"], detail, agency_code=agency.agency_code, collector_id=None
    )  # fmt: skip


def _begin_placements(
    transaction: Transaction, placed: Sequence[Case], agency_code: str, due_at: datetime, rules: PlacementRules
) -> None:
    had = periods.how_many(transaction.connection, placements, [one.case_id for one in placed])
    now = transaction.now
    periods.add_placements(
        transaction.connection,
        [
            Placement(
                placement_id=key_hash("placement", one.case_id, str(had.get(one.case_id, 0) + 1)),
                case_id=one.case_id,
                nth=had.get(one.case_id, 0) + 1,
                agency_code=agency_code,
                placed_at=now,
                due_at=due_at,
                first_contact_due_at=min(due_at, now + rules.first_contact(one)),
                placed_by=transaction.actor.person_id,
                placed_balance_minor=one.balance_minor,
                currency=one.currency,
            )
            for one in placed
        ],
    )
