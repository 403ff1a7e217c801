"""Cases are assigned to collectors and transferred between them; credit is cut at that moment, notes stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseMove, checked_reason, moves_from
from ops_app.domain.casework.flags import Deed
from ops_app.domain.casework.flags import require as require_deed
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, altered, apply, locked, moved
from ops_app.services.casework.many import LARGEST_BULK, Moved, SomeRefused, chosen, counted, tried
from ops_app.services.casework.placement_rules import certified_people
from ops_app.store.casework import case_scope, cases, conflicts, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Assignment
from ops_app.store.organisation import people
from ops_app.store.organisation.people import Person
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.casework import assignments
from ops_app.store.zone import day_of

__all__ = [
    "Collector", "assign_cases", "list_collectors", "list_holders", "move_all_cases", "run_assign_cases",
    "run_unassign_cases", "unassign_cases",
]  # fmt: skip


_MOST_NAMED = 5
"""Loans that a refusal names."""


@dataclass(frozen=True)
class Collector:
    """Somebody to whom cases can be given, and how many they have now."""

    person_id: str
    display_name: str
    load: int


@act("cases.assign")
def list_collectors(actor: Actor, store: Store, *, now: datetime) -> list[Collector]:
    """The active collectors of the actor's own house, those with the fewest cases first. Whoever's cases are narrowed
    is shown the collectors of their units, and counts the cases that are left to them."""
    with store.reading() as connection:
        return [Collector(*row) for row in periods.collectors(connection, actor.agency_code, scope_of(actor), now)]


@act("cases.assign")
def list_holders(actor: Actor, store: Store, *, now: datetime) -> list[Collector]:
    """Whoever of the actor's own house has cases now, also those who may not sign in any more; narrowed as
    ``list_collectors``."""
    with store.reading() as connection:
        return [Collector(*row) for row in periods.holders(connection, actor.agency_code, scope_of(actor), now)]


@act("cases.assign")
def assign_cases(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: Mapping[str, int],
    collector_id: str,
    reason: str,
    today: date | None = None,
    leave_out: bool = False,
) -> Moved:
    """Give cases (id → version) to one collector, all or none, or (``leave_out``) those that can; a case of another
    collector is transferred.

    An agency assigns what is placed with it to its own collectors, the asset company what is in house to its own. A
    collector of an agency needs a certificate that holds on ``today`` (where it is not given: the business day of
    ``now``). Raises ``NoSuchCase``, ``CaseChanged``, ``Forbidden``, ``Invalid`` (no such collector), ``Refused``, and
    with ``leave_out`` ``SomeRefused`` where not one can.
    """
    arguments = {"cases": dict(wanted), "collector_id": collector_id, "reason": checked_reason(reason),
                 "day": (today or day_of(now)).isoformat(), "leave_out": leave_out}  # fmt: skip
    with store.writing(actor, now) as transaction:
        return run_assign_cases(transaction, arguments)


@act("cases.assign")
def unassign_cases(
    actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str
) -> tuple[str, ...]:
    """Take cases (id → version) from their collectors, all or none; they stay where they are."""
    with store.writing(actor, now) as transaction:
        return run_unassign_cases(transaction, {"cases": dict(wanted), "reason": checked_reason(reason)})


@act("cases.assign")
def move_all_cases(
    actor: Actor, store: Store, *, now: datetime, from_id: str, to_id: str, reason: str, today: date | None = None
) -> tuple[str, ...]:
    """Give every case of one collector to another of the same house, held and protected ones too: nobody leaves with
    cases, and no unit closes over them. Credit is cut at this moment, what is known of the cases stays with them.

    Raises ``Invalid`` (no such collector, the same one, nothing to move).
    """
    why, day = checked_reason(reason), today or day_of(now)
    with store.writing(actor, now) as transaction:
        before, after = _member(transaction, from_id), _collector(transaction, to_id)
        if before.agency_code != after.agency_code:
            raise _no_collector()
        if from_id == to_id:
            raise Invalid("Choose somebody else.", "请选择其他催收员。", field="to_id")
        people.lock(transaction.connection, to_id)
        _check_certificate(transaction, after, day)
        held = cases.ids_of_collector(transaction.connection, from_id, limit=LARGEST_BULK)
        found = cases.read_locked(transaction.connection, held, scope_of(actor), now)
        if not found:
            raise Invalid("This person has no cases.", "该人员名下没有案件。", field="from_id")
        for one in found.values():
            _check_actor(actor, one)
        debtors = {one.debtor_key for one in found.values()}
        known = conflicts.with_any(transaction.connection, to_id, debtors)
        if loans := sorted(one.loan_id for one in found.values() if one.debtor_key in known):
            raise _conflict(after, *loans)
        detail = {"to": to_id, "from": from_id}
        changes = [altered(one, "transferred", why, detail, collector_id=to_id) for _, one in sorted(found.items())]
        return _give(transaction, changes, after)


def run_assign_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``collector_id``, ``reason``, ``day``, ``leave_out``."""
    collector = _collector(transaction, arguments["collector_id"])
    # a conflict that is declared at the same time is seen here, or finds the cases given
    people.lock(transaction.connection, collector.person_id)
    _check_certificate(transaction, collector, date.fromisoformat(arguments["day"]))
    found, gone = chosen(transaction, arguments)
    debtors = {one.debtor_key for one in found.values()}
    known = conflicts.with_any(transaction.connection, collector.person_id, debtors)

    def assign(one: Case) -> list[Change]:
        _check_actor(transaction.actor, one)
        _check_hands(one, collector)
        if one.debtor_key in known:
            raise _conflict(collector, one.loan_id)
        require_deed(Deed.ASSIGNMENT, one.position, one.flags)
        return [_given(one, collector, arguments["reason"])]

    changes, refused = tried(found, assign)
    if refused and not arguments.get("leave_out"):
        raise next(iter(refused.values()))
    refused = gone | refused
    if not changes:
        raise SomeRefused(refused, len(refused))
    return Moved(_give(transaction, changes, collector), refused)


def _give(transaction: Transaction, changes: list[Change], collector: Person) -> tuple[str, ...]:
    """End the assignments there are, write the changes, begin assignments of the collector."""
    given = [one.after.case_id for one in changes]
    periods.end_assignments(
        transaction.connection,
        [one.after.case_id for one in changes if one.before.collector_id],
        now=transaction.now, reason="transferred", by=transaction.actor.person_id,
    )  # fmt: skip
    had = periods.how_many(transaction.connection, assignments, given)
    apply(transaction, changes)
    periods.add_assignments(
        transaction.connection,
        [
            Assignment(
                assignment_id=key_hash("assignment", case_id, str(had.get(case_id, 0) + 1)),
                case_id=case_id,
                nth=had.get(case_id, 0) + 1,
                collector_id=collector.person_id,
                agency_code=collector.agency_code,
                assigned_at=transaction.now,
                assigned_by=transaction.actor.person_id,
            )
            for case_id in given
        ],
    )
    return tuple(given)


def run_unassign_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """``cases`` (id → version), ``reason``."""
    changes = []
    for one in _all(transaction, arguments):
        _check_actor(transaction.actor, one)
        if one.collector_id is None:
            raise Invalid("A case has no collector.", "所选案件中有未分派的案件。", field="cases")
        changes.append(altered(one, "unassigned", arguments["reason"], {"from": one.collector_id}, collector_id=None))
    apply(transaction, changes)
    return tuple(one.after.case_id for one in changes)


def _all(transaction: Transaction, arguments: Mapping[str, Any]) -> list[Case]:
    found = locked(transaction, counted(arguments["cases"]))
    for one in found.values():
        _check_actor(transaction.actor, one)
    return [found[case_id] for case_id in sorted(found)]


def _check_actor(actor: Actor, one: Case) -> None:
    """The asset company does not reach into an agency's own work."""
    if actor.agency_code is None and one.agency_code is not None:
        raise Refused(
            "A placed case is assigned by its agency. Recall it first, or ask the agency's supervisor.",
            "委外中的案件由机构分派，请先退案或联系机构主管。",
        )


def _check_hands(one: Case, collector: Person) -> None:
    if one.agency_code != collector.agency_code:
        raise _no_collector()
    if one.collector_id == collector.person_id:
        raise Invalid(
            f"{collector.display_name} has one of these cases already.",
            f"所选案件中有案件已在 {collector.display_name} 名下。",
            field="collector_id",
        )


def _collector(transaction: Transaction, person_id: str) -> Person:
    person = people.by_id(transaction.connection, person_id)
    if person is None or not person.active or person.role is not Role.COLLECTOR:
        raise _no_collector()
    return _member(transaction, person_id)


def _member(transaction: Transaction, person_id: str) -> Person:
    """A person within the actor's house (the asset company finds everybody), active or not, whatever their role."""
    person, actor = people.by_id(transaction.connection, person_id), transaction.actor
    if person is None or (actor.agency_code is not None and person.agency_code != actor.agency_code):
        raise _no_collector()
    units = actor.rights.units
    if units is not None and not case_scope.is_member(transaction.connection, person_id, units, transaction.now):
        raise _no_collector()
    return person


def _check_certificate(transaction: Transaction, collector: Person, day: date) -> None:
    code = collector.agency_code
    if code is not None and collector.person_id not in certified_people(transaction.connection, code, day):
        raise Invalid(
            f"{collector.display_name} has no certificate that is valid today. The asset company records it under "
            "Agencies.",
            f"{collector.display_name} 没有有效的资格证书，请由资产公司在“催收机构”中登记。",
            field="collector_id",
        )


def _conflict(collector: Person, *loans: str) -> Invalid:
    some = ", ".join(loans[:_MOST_NAMED]) + (" …" if len(loans) > _MOST_NAMED else "")
    return Invalid(
        f"{collector.display_name} has a conflict of interest with the debtor of {some}. Give it to somebody else.",
        f"{collector.display_name} 与 {some.replace(', ', '、')} 的债务人存在利益冲突，请分派给其他催收员。",
        field="collector_id",
    )


def _no_collector() -> Invalid:
    """The same answer for nobody, somebody who left and somebody of another house."""
    return Invalid("There is no such collector here.", "没有该催收员。", field="collector_id")


def _given(one: Case, collector: Person, reason: str) -> Change:
    detail = {"to": collector.person_id, "from": one.collector_id}
    if CaseMove.TAKE in moves_from(one.position):
        return moved(one, CaseMove.TAKE, reason, detail, collector_id=collector.person_id)
    what = "transferred" if one.collector_id else "assigned"
    return altered(one, what, reason, detail, collector_id=collector.person_id)
