"""A collector who knows a debtor does not collect from them (feature 47, check of conflicts of interest).

Whoever declares it says why, the cases of that debtor leave the collector in the same act, and no assignment brings one
back while the conflict stands. A collector declares their own; supervisors declare that of whoever has the case, and
alone end one: who is kept from a case by it does not decide that it is over, whatever they have become since.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Conflict as Clash
from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import act
from ops_app.services.casework.changing import altered, apply, locked
from ops_app.store.casework import cases, conflicts
from ops_app.store.casework.conflicts import Conflict
from ops_app.store.organisation import people
from ops_app.store.store import Store

__all__ = ["Conflict", "declare_conflict", "end_conflict", "list_conflicts"]


@act("cases.assign")
def list_conflicts(actor: Actor, store: Store, *, now: datetime, case_id: str) -> list[Conflict]:
    """Who is not to collect from the debtor of a case within reach; an agency is told of its own people. Raises
    ``NoSuchCase``."""
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        found = conflicts.of_debtor(connection, one.debtor_key)
    return [it for it in found if actor.agency_code in (None, it.agency_code)]


@act("cases.conflict")
def declare_conflict(
    actor: Actor, store: Store, *, now: datetime, case_id: str, version: int, reason: str
) -> tuple[str, ...]:
    """Declare that the collector of a case (for a collector: they themselves) must not collect from its debtor; the
    cases that are taken from them.

    Raises ``NoSuchCase``, ``CaseChanged``, ``Invalid`` (nobody has the case), ``Conflict`` (declared already).
    """
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        seen = cases.read(transaction.connection, case_id, scope_of(actor), now)
        if seen is None:
            raise NoSuchCase
        person_id = actor.person_id if actor.role is Role.COLLECTOR else seen.collector_id
        if person_id is not None:
            # before any case: who gives cases to the same person looks for conflicts under the same lock. Should the
            # case change hands before it is locked too, its version is no longer the one that was read
            people.lock(transaction.connection, person_id)
        one = locked(transaction, {case_id: version})[case_id]
        if person_id is None:
            raise Invalid(
                "Nobody has this case. A conflict is declared of the collector who has it.",
                "该案件尚未分派。利益冲突针对当前催收员登记。",
                field="what",
            )
        connection = transaction.connection
        if conflicts.with_any(connection, person_id, [one.debtor_key]):
            raise Clash("This conflict was declared already.", "该利益冲突已登记。")
        made = Conflict(uuid4().hex, one.debtor_key, person_id, why, actor.person_id, actor.name, now)
        conflicts.add(connection, made)
        held = cases.read_locked(
            connection, conflicts.cases_between(connection, one.debtor_key, person_id), scope_of(actor), now
        )
        detail = {"from": person_id, "conflict": made.conflict_id}
        changes = [altered(it, "conflict_declared", why, detail, collector_id=None) for _, it in sorted(held.items())]
        apply(transaction, changes)
        transaction.audit(
            "case.conflict_declared", "person", person_id, reason=why,
            after={"conflict_id": made.conflict_id, "case_id": case_id, "cases": len(changes)},
        )  # fmt: skip
    return tuple(it.after.case_id for it in changes)


@act("cases.conflict_end")
def end_conflict(actor: Actor, store: Store, *, now: datetime, case_id: str, conflict_id: str, reason: str) -> None:
    """End a conflict with the debtor of a case within reach. Raises ``NoSuchCase``, ``NotFound`` (none of a person
    within reach), ``Refused`` (it is about the actor)."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = cases.read_locked(transaction.connection, [case_id], scope_of(actor), now).get(case_id)
        if one is None:
            raise NoSuchCase
        own = {
            it.conflict_id: it
            for it in conflicts.of_debtor(transaction.connection, one.debtor_key)
            if actor.agency_code in (None, it.agency_code)
        }
        if conflict_id in own and own[conflict_id].person_id == actor.person_id:
            raise Refused(
                "This conflict of interest is about yourself. Another supervisor ends it.",
                "该利益冲突涉及本人，须由其他主管解除。",
            )
        if conflict_id not in own or not conflicts.end(
            transaction.connection, conflict_id, now=now, by=actor.person_id
        ):
            raise NotFound("There is no such conflict of interest.", "没有该利益冲突。")
        transaction.audit(
            "case.conflict_ended", "person", own[conflict_id].person_id, reason=why,
            before={"conflict_id": conflict_id, "case_id": case_id},
        )  # fmt: skip
