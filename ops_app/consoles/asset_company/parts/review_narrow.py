"""Taking a right from a person, and asking that one be given back."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import narrowed
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.organisation.rights import Narrowed, list_narrowed, narrow_right, request_widening


def take(at: Here, chosen: str) -> None:
    """The form on one right of one person."""
    t = at.t
    person_id, _, permission = chosen.partition("/")
    st.subheader(t("rights.narrow"), anchor=False)
    if not at.may("rights.narrow"):
        st.caption(t("rights.only"))
        return
    with form(at, f"narrow_{chosen}") as f:
        kind = f.choice(
            "kind", t("rights.kind"), [it.value for it in Narrowing], lambda code: t(f"rights.kinds.{code}")
        )
        one, two = st.columns(2)
        with one:
            currency = f.text("currency", t("rights.currency"), value="CNY", max_chars=3)
        with two:
            amount = f.text("amount", t("rights.amount"), max_chars=20)
        codes = f.lines("value", t("rights.codes"), height=100)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("rights.take"))

    def command(_key: str) -> None:
        what = Narrowing(kind or Narrowing.WITHHELD)
        about = permission if what in (Narrowing.WITHHELD, Narrowing.LIMIT) else "*"
        narrow_right(
            at.actor, at.app.store, now=at.now, person_id=person_id, kind=what, permission=about,
            value=narrowed.value_of(what, currency, amount, codes), reason=reason,
        )  # fmt: skip

    f.run(command, done=t("rights.taken"))


def taken(at: Here) -> None:
    """What was taken from whom, and the request to give it back."""

    def ask(one: Narrowed, reason: str, key: str) -> str:
        return request_widening(
            at.actor, at.app.store, now=at.now, person_id=one.person_id, kind=one.kind, permission=one.permission,
            reason=reason, key=key,
        )  # fmt: skip

    found = list_narrowed(at.actor, at.app.store, now=at.now)
    may_ask = ask if at.may("rights.narrow") else None
    narrowed.show(at, found, none=at.t("rights.narrowed_none"), ask=may_ask, asked=at.t("rights.asked"))
