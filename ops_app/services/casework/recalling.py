"""Cases are recalled: announced to the agency and effective on a later day, or at once where there is a ground for it.

An announced recall shortens the placement: access ends at that moment by itself, whether or not anything runs then. It
is asked for as a batch and run by the last approval. A recall at once needs a ground that the facts bear out, no second
person, and no notice: it protects debtors and their data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseState, checked_reason
from ops_app.domain.casework.flags import Reason
from ops_app.domain.casework.placing import (
    LAPSED,
    NO_NOTICE,
    NOT_PLACED,
    NOTICE_RUNS,
    PROTECTING,
    GroundDoesNotHold,
    RecallGround,
)
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import altered
from ops_app.services.casework.ending import end_placements, recalled
from ops_app.services.casework.many import Moved, SomeRefused, chosen, counted, finish, tried
from ops_app.services.casework.placement_rules import (
    PlacementRules,
    agency_against,
    begin_of,
    day_of,
    distinct,
    rules_on,
)
from ops_app.services.casework.placing import CannotMove, hold_agencies
from ops_app.store.casework import notices, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.notices import Notice
from ops_app.store.casework.periods import Placement
from ops_app.store.store import Store, Transaction

__all__ = [
    "Announced", "against_recall", "announced_recalls", "effective_on", "give_notice", "recall_cases",
    "run_announce_recall", "run_recall_cases", "run_withdraw_recall",
]  # fmt: skip

ENDS_SOONER = Reason("ends_sooner", "its placement ends before that day", "委外在该日之前已到期")

IN_EFFECT = Reason(
    "in_effect", "the recall took effect; the case goes to an agency again by a placement that is approved",
    "退案已生效，须经审批重新委案",
)  # fmt: skip
OTHER_NOTICE = Reason(
    "other_notice", "the recall that was to be taken back is over; another one was announced since",
    "原退案通知已终止，此后又有新的退案通知",
)  # fmt: skip
CONTRACT_ENDING = Reason(
    "contract_ending", "it goes back because the agency's contract ends; a renewed contract takes that back",
    "因机构合同到期退案，登记续签合同后自动撤回",
)  # fmt: skip


@dataclass(frozen=True)
class Announced:
    """Cases that go back at the same moment for the same reason."""

    agency_code: str
    effective_at: datetime
    reason: str
    count: int


@act("cases.recall_now")
def recall_cases(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    today: date,
    wanted: Mapping[str, int],
    ground: RecallGround,
    reason: str,
    leave_out: bool = False,
) -> Moved:
    """Take cases (id → version) back from their agencies at once, all or none, or (``leave_out``) those that can;
    access ends at this moment.

    Raises ``GroundDoesNotHold`` unless ``ground`` holds for every one of them (misconduct is stated, the others are
    facts), ``SomeRefused``, ``NoSuchCase``, ``CaseChanged``.
    """
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        found, gone = chosen(transaction, {"cases": dict(wanted), "leave_out": leave_out})
        wrong = _without_ground(transaction, found, ground, today)
        if wrong and not (leave_out and len(wrong) < len(found)):
            raise GroundDoesNotHold(ground, len(wrong))
        gone |= {case_id: GroundDoesNotHold(ground, 1) for case_id in wrong}
        left = {case_id: one for case_id, one in found.items() if case_id not in wrong}
        if not left:
            raise SomeRefused(gone, len(wanted))
        done = run_recall_cases(
            transaction,
            {"cases": {case_id: one.version for case_id, one in left.items()}, "reason": why,
             "day": today.isoformat(), "leave_out": leave_out},
        )  # fmt: skip
        recalled_now = {case_id: left[case_id] for case_id in done.case_ids}
        for agency_code, ids in sorted(_by_agency(recalled_now).items()):
            said = {"ground": ground, "cases": ids}
            transaction.audit("agency.recalled_now", "agency", agency_code, after=said, reason=why)
    return Moved(done.case_ids, gone | done.dropped)


@act("cases.view")
def announced_recalls(actor: Actor, store: Store, *, now: datetime, agency_code: str | None = None) -> list[Announced]:
    """What goes back and when, of the cases within reach: to an agency's people its own, to the asset company those of
    ``agency_code``."""
    whose = actor.agency_code or agency_code
    if whose is None:
        return []
    found: dict[tuple[datetime, str], int] = {}
    with store.reading() as connection:
        for one in notices.of_agency(connection, whose, reach=(scope_of(actor), now)):
            if one.effective_at > now:
                found[one.effective_at, one.reason] = found.get((one.effective_at, one.reason), 0) + 1
    return [Announced(whose, moment, reason, count) for (moment, reason), count in sorted(found.items())]


def run_recall_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``, ``day`` (in the installation's zone), ``drop_refused``: back at once."""
    found, gone = chosen(transaction, arguments)
    changes, refused = tried(found, lambda one: [recalled(one, arguments["reason"])])
    done = finish(transaction, changes, gone | refused, arguments)
    end_placements(
        transaction, [found[case_id] for case_id in done.case_ids], day=date.fromisoformat(arguments["day"]),
        reason="recalled", note=arguments["reason"],
    )  # fmt: skip
    return done


def run_announce_recall(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``, ``zone``, ``drop_refused``: the agencies are told, and each case goes back
    when the notice that its lender demands is over; without notice it goes back now."""
    found, gone = chosen(transaction, arguments)
    day, zone = day_of(transaction.now, arguments["zone"]), arguments["zone"]
    rules = rules_on(transaction.connection, day)
    running = periods.running_placements(transaction.connection, list(found))
    announced = notices.running(transaction.connection, list(found))
    effective = {case_id: effective_on(one, rules, zone) for case_id, one in found.items()}

    def announce(one: Case) -> Any:
        at = effective[one.case_id]
        against = against_recall(running.get(one.case_id), announced.get(one.case_id), at)
        if against:
            raise CannotMove(against)
        if at <= transaction.now:
            return [recalled(one, arguments["reason"])]
        return [altered(one, "recall_announced", arguments["reason"], {"effective_at": at})]

    changes, refused = tried(found, announce)
    done = finish(transaction, changes, gone | refused, arguments)
    at_once = [found[case_id] for case_id in done.case_ids if effective[case_id] <= transaction.now]
    end_placements(transaction, at_once, day=day, reason="recalled", note=arguments["reason"])
    later = {case_id: effective[case_id] for case_id in done.case_ids if effective[case_id] > transaction.now}
    give_notice(transaction, [running[case_id] for case_id in later], later, arguments["reason"])
    return done


def run_withdraw_recall(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``, ``zone``, ``drop_refused``: announced recalls are taken back, and each
    placement ends when it was to end before. Only before it takes effect, only while that end lies ahead, and only
    where the agency may still hold cases: afterwards, or when a contract ends, cases go back by a placement. With
    ``agency_code`` and ``asked_at`` only what was announced to that agency, and by then: a withdrawal that waited for
    its approval takes no later recall back."""
    hold_agencies(transaction.connection, counted(arguments["cases"]))
    found, gone = chosen(transaction, arguments)
    day = day_of(transaction.now, arguments["zone"])
    announced = notices.running(transaction.connection, list(found))
    stopped = {
        code: agency_against(transaction.connection, code, day, more=0, lock=True)[1]
        for code in distinct(one.agency_code for one in announced.values())
    }

    def withdraw(one: Case) -> Any:
        notice = announced.get(one.case_id)
        against = against_withdrawing(notice, transaction.now)
        if notice is not None:
            another = () if _is_meant(notice, arguments) else (OTHER_NOTICE,)
            against = (*against, *another, *stopped[notice.agency_code])
        if notice is None or against:
            raise CannotMove(against)
        return [altered(one, "recall_withdrawn", arguments["reason"], {"due_at": notice.due_before_at})]

    changes, refused = tried(found, withdraw)
    done = finish(transaction, changes, gone | refused, arguments)
    end_notices(transaction, [announced[case_id] for case_id in done.case_ids])
    return done


def _is_meant(notice: Notice, arguments: Mapping[str, Any]) -> bool:
    """Whether a running notice is the one that those who asked for its withdrawal saw."""
    agency_code, asked_at = arguments.get("agency_code"), arguments.get("asked_at")
    if agency_code is not None and notice.agency_code != agency_code:
        return False
    return asked_at is None or notice.given_at <= datetime.fromisoformat(asked_at)


def effective_on(one: Case, rules: PlacementRules, zone: str) -> datetime:
    """When a recall that is announced on the rules' day takes effect: as the day after the notice's last begins."""
    return begin_of(rules.day + timedelta(days=rules.notice_days(one)), zone)


def against_recall(running: Placement | None, announced: Notice | None, at: datetime) -> tuple[Reason, ...]:
    """Every reason why a recall effective ``at`` cannot be announced for a case."""
    if running is None:
        return (NOT_PLACED,)
    found = [NOTICE_RUNS] if announced else []
    return (*found, ENDS_SOONER) if running.due_at <= at else tuple(found)


def against_withdrawing(announced: Notice | None, now: datetime) -> tuple[Reason, ...]:
    """Every reason why an announced recall is not taken back. The end it would return to must lie ahead, wherever it
    came from: one that a former system gave is judged like one that was approved here."""
    if announced is None:
        return (NO_NOTICE,)
    found = [IN_EFFECT] if announced.effective_at <= now else []
    if announced.due_before_at <= now:
        found.append(LAPSED)
    return (*found, CONTRACT_ENDING) if announced.because == "agency_expiry" else tuple(found)


def give_notice(
    transaction: Transaction,
    running: Sequence[Placement],
    effective: Mapping[str, datetime],
    reason: str,
    *,
    because: str = "asked",
) -> None:
    """Within an act: announce that placements end at the moments of ``effective`` (by case) and let them end then."""
    had = notices.how_many(transaction.connection, [one.placement_id for one in running])
    notices.add(
        transaction.connection,
        [
            Notice(
                notice_id=key_hash("recall_notice", one.placement_id, str(had.get(one.placement_id, 0) + 1)),
                case_id=one.case_id,
                placement_id=one.placement_id,
                agency_code=one.agency_code,
                because=because,
                reason=reason,
                given_by=transaction.actor.person_id,
                given_by_name=transaction.actor.name,
                given_at=transaction.now,
                effective_at=effective[one.case_id],
                due_before_at=one.due_at,
            )
            for one in running
        ],
    )
    periods.set_due(transaction.connection, {one.case_id: effective[one.case_id] for one in running})


def end_notices(transaction: Transaction, announced: Sequence[Notice]) -> None:
    """Within an act: take notices back; the placements end when they were to end before."""
    ids = [one.case_id for one in announced]
    notices.end(transaction.connection, ids, now=transaction.now, kind="withdrawn")
    periods.set_due(transaction.connection, {one.case_id: one.due_before_at for one in announced})


def _without_ground(
    transaction: Transaction, found: Mapping[str, Case], ground: RecallGround, today: date
) -> list[str]:
    """Those of the cases for which the facts do not bear ``ground`` out."""
    if ground is RecallGround.MISCONDUCT:
        return []
    stopped: dict[str, bool] = {}
    for agency_code in distinct(one.agency_code for one in found.values()):
        _, against = agency_against(transaction.connection, agency_code, today, more=0)
        stopped[agency_code] = bool(against)

    def holds(one: Case) -> bool:
        if ground is RecallGround.AGENCY_STOPPED:
            return stopped.get(one.agency_code or "", False)
        return one.state in (CaseState.DISPUTED, CaseState.SUSPENDED) or bool(one.flags & PROTECTING)

    return [case_id for case_id, one in sorted(found.items()) if not holds(one)]


def _by_agency(found: Mapping[str, Case]) -> dict[str, list[str]]:
    by_code: dict[str, list[str]] = {}
    for case_id, one in sorted(found.items()):
        by_code.setdefault(one.agency_code or "", []).append(case_id)
    return by_code
