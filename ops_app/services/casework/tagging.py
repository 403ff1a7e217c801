"""A case is tagged and untagged, with who and when in the audit log; a house sees its own tags, the asset company all.

A tag of an agency ends with the placement (``store/casework/periods``): whoever has the case next does not read what
was thought of it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.casework.tags import NotTagged, TaggedAlready, checked_tag
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.locking import check_locks
from ops_app.store.casework import cases, tags
from ops_app.store.casework.case_scope import house_of
from ops_app.store.casework.cases import Case
from ops_app.store.casework.tags import Tagged
from ops_app.store.store import Store, Transaction

__all__ = ["Tagged", "list_tags", "tag_case", "untag_case"]


@act("cases.view")
def list_tags(actor: Actor, store: Store, *, now: datetime, case_id: str) -> list[Tagged]:
    """The tags of a case within reach; raises ``NoSuchCase``."""
    scope = scope_of(actor)
    with store.reading() as connection:
        if cases.read(connection, case_id, scope, now) is None:
            raise NoSuchCase
        return tags.of_case(connection, case_id, None if scope.reach is Reach.ALL else house_of(scope))


@act("cases.tag")
def tag_case(actor: Actor, store: Store, *, now: datetime, case_id: str, tag: str) -> Tagged:
    """Tag a case within reach. Raises ``NoSuchCase``, ``Invalid`` (no tag of the list), ``TaggedAlready``,
    ``CaseLocked``."""
    wanted = checked_tag(tag)
    with store.writing(actor, now) as transaction:
        _locked(transaction, case_id)
        house = house_of(scope_of(actor))
        for one in tags.of_case(transaction.connection, case_id, house):
            if one.tag is wanted:
                raise TaggedAlready(wanted, one.tagged_by_name)
        made = Tagged(uuid4().hex, case_id, house, wanted, actor.person_id, actor.name, now)
        tags.add(transaction.connection, made)
        transaction.audit("case.tagged", "case", case_id, after={"tag": wanted, "house": house})
    return made


@act("cases.tag")
def untag_case(actor: Actor, store: Store, *, now: datetime, case_id: str, tag: str) -> None:
    """Take a tag of the actor's house away. Raises ``NoSuchCase``, ``Invalid``, ``NotTagged``, ``CaseLocked``."""
    wanted = checked_tag(tag)
    with store.writing(actor, now) as transaction:
        _locked(transaction, case_id)
        house = house_of(scope_of(actor))
        found = [one for one in tags.of_case(transaction.connection, case_id, house) if one.tag is wanted]
        if not found or not tags.remove(transaction.connection, found[0].tagging_id, now=now, by=actor.person_id):
            raise NotTagged(wanted)
        transaction.audit("case.untagged", "case", case_id, before={"tag": wanted, "house": house})


def _locked(transaction: Transaction, case_id: str) -> Case:
    """The case within reach; two who tag it wait for one another."""
    found = cases.read_locked(transaction.connection, [case_id], scope_of(transaction.actor), transaction.now)
    if case_id not in found:
        raise NoSuchCase
    check_locks(transaction, [case_id])
    return found[case_id]
