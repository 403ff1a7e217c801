"""What an agency's administrator takes from their own people, below the ceiling (feature 11, decision 0014).

Taking away holds at once. Giving back is a request that compliance of the asset company approves: nobody widens rights
alone, and an agency does not widen what the asset company narrowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.act import act
from ops_app.services.organisation.agency_staff import agency_of, own_person
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.people import checked_why
from ops_app.services.organisation.rights import WIDEN_LABELS, ask_back, check_may_widen, run_widening, take
from ops_app.store.organisation import people, rights
from ops_app.store.organisation.rights import Narrowed
from ops_app.store.store import Store, Transaction

__all__ = ["KINDS", "Narrowed", "list_agency_narrowed", "narrow_agency_right", "request_agency_widening"]

WIDEN = "rights.widen_agency"
"""The kind of request that gives back what was taken from somebody of an agency."""

KINDS = (Narrowing.WITHHELD, Narrowing.LIMIT, Narrowing.PORTFOLIO)
"""What an agency narrows by; units belong to the asset company."""


@act("people.manage_own_agency")
def list_agency_narrowed(actor: Actor, store: Store, *, now: datetime) -> list[tuple[Narrowed, str]]:
    """Everything that is taken from anybody of the actor's own agency, by whomever, with the person's name."""
    with store.reading() as connection:
        return rights.narrowings_of_agency(connection, agency_of(actor))


@act("people.manage_own_agency")
def narrow_agency_right(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    person_id: str,
    kind: Narrowing,
    permission: str = "*",
    value: Mapping[str, int] | Sequence[str] = (),
    reason: str,
) -> None:
    """Take something from one of the own people, from this moment on, as ``rights.narrow_right``; only ever less than
    before, whoever took it. Somebody of another agency is answered like nobody.

    Raises ``NotFound``, ``BeyondCeiling``, ``Invalid``, ``Conflict``, ``Refused`` for oneself.
    """
    why = checked_why(reason)
    if kind not in KINDS:
        raise Invalid(
            "Units belong to the asset company; name the sources that are left instead.",
            "组织属于资产公司，请改为填写保留的数据来源。",
            field="kind",
        )
    with store.writing(actor, now) as transaction:
        take(transaction, own_person(transaction, actor, person_id), kind, permission, value, why)


@act("people.manage_own_agency")
def request_agency_widening(
    actor: Actor, store: Store, *, now: datetime, person_id: str, kind: Narrowing, permission: str, reason: str,
    key: str,
) -> str:  # fmt: skip
    """Ask the asset company that what was taken from one of the own people be given back; the id of the request, the
    same for every repetition of ``key``. Raises as ``narrow_agency_right`` and ``enter_request``."""
    arguments = {"person_id": person_id, "kind": kind.value, "permission": permission}
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        own_person(transaction, actor, person_id)
        return ask_back(transaction, WIDEN, arguments, why, key)


def _check(transaction: Transaction, draft: Draft) -> None:
    own_person(transaction, transaction.actor, str(draft.arguments["person_id"]))
    check_may_widen(transaction, draft)


def _run(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give it back, unless the person left the agency meanwhile."""
    person = people.by_id(transaction.connection, str(arguments["person_id"]))
    if person is None or person.agency_code is None:
        raise NotFound("There is no such person of an agency.", "没有该机构人员。")
    return run_widening(transaction, arguments)


register(
    WIDEN,
    name=("give rights back to a person of an agency", "恢复机构人员权限"),
    make="people.manage_own_agency",
    run=_run,
    check=_check,
    fixed=True,
    many=True,
    labels=WIDEN_LABELS,
)
