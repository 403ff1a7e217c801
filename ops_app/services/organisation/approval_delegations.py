"""Delegation: who decides for somebody who is away, for how long. One's own right is passed on, never another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import AGENCY_DECIDERS, RANKS, checked_reason, may_stand_in, same_house
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_moves import once
from ops_app.store.organisation import approval_rules, approvals, people
from ops_app.store.organisation.approval_rules import Delegation
from ops_app.store.organisation.people import PeopleFilter, Person
from ops_app.store.store import Store

LONGEST = timedelta(days=92)


@act("approvals.decide")
def delegate(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    to_person_id: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    key: str,
) -> Delegation:
    """Let another person of the same or a higher role decide what the actor may decide, from ``starts_at`` until before
    ``ends_at`` (at most 92 days). What was delegated to the actor is not passed on. Raises ``Invalid``, ``Refused``."""
    why = checked_reason(reason)
    if not now < ends_at or not starts_at < ends_at <= max(starts_at, now) + LONGEST:
        raise Invalid(
            "A delegation ends after it starts, in the future, and lasts at most 92 days.",
            "委托须在将来结束、晚于开始时间，且不超过 92 天。",
            field="ends_at",
        )
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, ["delegate", to_person_id, starts_at, ends_at, why])
        if not claim.is_new:
            return _known(approval_rules.delegation(transaction.connection, str(claim.answer)))
        giver = approvals.standing(transaction.connection, actor.person_id, lock=True)
        taker = approvals.standing(transaction.connection, to_person_id, lock=True)
        if giver is None or not giver.active or giver.role not in {*RANKS, *AGENCY_DECIDERS}:
            raise Refused("You decide on nothing that could be delegated.", "您没有可委托的审批权限。")
        own_house = taker is not None and same_house(taker, giver)
        if taker is None or not own_house or to_person_id == actor.person_id or not may_stand_in(taker, giver.role):
            raise Invalid(
                "Choose another active person of your role or a higher one.",
                "请选择同级或更高角色的其他在职人员。",
                field="to_person_id",
            )
        one = Delegation(
            delegation_id=key_hash("delegation", actor.person_id, key),
            from_person_id=actor.person_id,
            from_name=actor.name,
            to_person_id=to_person_id,
            to_name=_named(people.by_id(transaction.connection, to_person_id)),
            starts_at=starts_at,
            ends_at=ends_at,
            reason=why,
            made_at=now,
            revoked_at=None,
            version=1,
        )
        approval_rules.add_delegation(transaction.connection, one)
        transaction.audit("approval.delegated", "approval_delegation", one.delegation_id, after=_facts(one), reason=why)
        transaction.answer("approvals", key, one.delegation_id)
    return one


@act("approvals.decide")
def end_delegation(
    actor: Actor, store: Store, *, now: datetime, delegation_id: str, expected_version: int
) -> Delegation:
    """Take an own delegation back, from this moment. Raises ``NotFound``, ``Conflict``."""
    with store.writing(actor, now) as transaction:
        before = _known(approval_rules.delegation(transaction.connection, delegation_id))
        if before.from_person_id != actor.person_id:
            raise NotFound("There is no such delegation.", "没有该委托。")
        if not approval_rules.revoke(transaction.connection, delegation_id, expected_version, now):
            raise Conflict("This delegation ended already.", "该委托已结束。")
        after = replace(before, revoked_at=now, version=expected_version + 1)
        transaction.audit(
            "approval.delegation_ended", "approval_delegation", delegation_id,
            before=_facts(before), after=_facts(after),
        )  # fmt: skip
    return after


@act("approvals.decide")
def list_delegations(actor: Actor, store: Store, *, now: datetime) -> tuple[list[Delegation], list[Delegation]]:
    """What the actor delegated (newest first), and what is delegated to the actor at this moment."""
    with store.reading() as connection:
        given = approval_rules.delegations_of(connection, actor.person_id)
        return given, approval_rules.delegated_to(connection, actor.person_id, now)


@act("approvals.decide")
def possible_delegates(actor: Actor, store: Store, *, now: datetime) -> list[Person]:
    """Who could be given the actor's approvals, by name."""
    with store.reading() as connection:
        found: list[Person] = []
        for role in sorted({*RANKS, actor.role}):
            if role is actor.role or RANKS.get(role, 0) > RANKS.get(actor.role, 99):
                wanted = PeopleFilter(role=role, active=True, agency_code=actor.agency_code)
                rows, _ = people.page(connection, wanted, sort="display_name", descending=False, offset=0, limit=500)
                found += [row for row in rows if row.person_id != actor.person_id]
    return sorted(found, key=lambda row: row.display_name)


def _known(found: Delegation | None) -> Delegation:
    if found is None:
        raise NotFound("There is no such delegation.", "没有该委托。")
    return found


def _named(person: Person | None) -> str:
    return "" if person is None else person.display_name


def _facts(one: Delegation) -> dict[str, object]:
    return {
        "from_person_id": one.from_person_id,
        "to_person_id": one.to_person_id,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "revoked_at": one.revoked_at,
    }
