"""Taking a right, an amount or cases from one of the own people, and asking that it be given back."""

from __future__ import annotations

from typing import Any

from ops_app.consoles.kit import narrowed
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.permissions import GRANTS, OWN_ACCOUNT
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.organisation.agency_rights import (
    KINDS,
    Narrowed,
    list_agency_narrowed,
    narrow_agency_right,
    request_agency_widening,
)
from ops_app.services.organisation.people import Person


def narrow(at: Here, person: Person) -> None:
    """The form on one person: what, which right, how much or which cases are left."""
    held = [code for code, roles in GRANTS.items() if person.role in roles and code != OWN_ACCOUNT]
    kinds = {kind.value: at.t(f"rights.own_kinds.{kind.value}") for kind in KINDS}

    def command(kind: Narrowing, permission: str | None, value: Any, reason: str) -> None:
        narrow_agency_right(
            at.actor, at.app.store, now=at.now, person_id=person.person_id, kind=kind,
            permission="*" if kind is Narrowing.PORTFOLIO else str(permission), value=value, reason=reason,
        )  # fmt: skip

    narrowed.take(at, f"narrow_{person.person_id}", narrowed.Offer(kinds, rights=held), command)


def taken(at: Here) -> None:
    """What was taken from whom of the own people, and the request to give it back."""

    def ask(one: Narrowed, reason: str, key: str) -> str:
        return request_agency_widening(
            at.actor, at.app.store, now=at.now, person_id=one.person_id, kind=one.kind, permission=one.permission,
            reason=reason, key=key,
        )  # fmt: skip

    found = list_agency_narrowed(at.actor, at.app.store, now=at.now)
    narrowed.show(at, found, none=at.t("rights.own_none"), ask=ask, asked=at.t("rights.own_asked"))
