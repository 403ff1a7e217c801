"""Taking a right, an amount or cases from one of the own people, and asking that it be given back."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import narrowed
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
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
    t = at.t
    held = [code for code, roles in GRANTS.items() if person.role in roles and code != OWN_ACCOUNT]
    with form(at, f"narrow_{person.person_id}") as f:
        kind = f.choice("kind", t("rights.kind"), list(KINDS), lambda code: t(f"rights.own_kinds.{code}"))
        permission = f.choice(
            "permission", t("rights.right_if"), held, lambda code: t(f"permission.{code}"), index=None
        )
        one, two = st.columns(2)
        with one:
            currency = f.text("currency", t("rights.currency"), value="CNY", max_chars=3)
        with two:
            amount = f.text("amount", t("rights.amount"), max_chars=20)
        sources = f.lines("value", t("rights.sources"), height=100)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("rights.take"))
    what = Narrowing(kind or Narrowing.WITHHELD)
    if what is not Narrowing.PORTFOLIO:
        f.require({"permission": permission})

    def command(_key: str) -> None:
        narrow_agency_right(
            at.actor, at.app.store, now=at.now, person_id=person.person_id, kind=what,
            permission="*" if what is Narrowing.PORTFOLIO else str(permission),
            value=narrowed.value_of(what, currency, amount, sources), reason=reason,
        )  # fmt: skip

    f.run(command, done=t("rights.taken"))


def taken(at: Here) -> None:
    """What was taken from whom of the own people, and the request to give it back."""

    def ask(one: Narrowed, reason: str, key: str) -> str:
        return request_agency_widening(
            at.actor, at.app.store, now=at.now, person_id=one.person_id, kind=one.kind, permission=one.permission,
            reason=reason, key=key,
        )  # fmt: skip

    found = list_agency_narrowed(at.actor, at.app.store, now=at.now)
    narrowed.show(at, found, none=at.t("rights.own_none"), ask=ask, asked=at.t("rights.own_asked"))
