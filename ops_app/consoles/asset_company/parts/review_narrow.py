"""Taking a right from a person, and asking that one be given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.money import Money
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
            value=_value(what, currency, amount, codes), reason=reason,
        )  # fmt: skip

    f.run(command, done=t("rights.taken"))


def _value(kind: Narrowing, currency: str, amount: str, codes: str) -> Mapping[str, int] | Sequence[str]:
    if kind is Narrowing.LIMIT:
        return {currency: Money.parse(amount.replace(",", ""), currency).minor}
    return [] if kind is Narrowing.WITHHELD else [line.strip() for line in codes.splitlines() if line.strip()]


def taken(at: Here) -> None:
    """What was taken from whom, and the request to give it back."""
    t, labels = at.t, at.labels
    found = list_narrowed(at.actor, at.app.store, now=at.now)
    st.subheader(t("rights.narrowed"), anchor=False)
    if not found:
        st.caption(t("rights.narrowed_none"))
        return
    Column = tables.Column[tuple[Narrowed, str]]
    columns = (
        Column("person", t("rights.person"), lambda row: row[1]),
        Column("kind", t("rights.kind"), lambda row: t(f"rights.kinds.{row[0].kind.value}")),
        Column("right", t("rights.right"), lambda row: _right(at, row[0])),
        Column("value", t("rights.value"), lambda row: _left(at, row[0].value)),
        Column("since", t("rights.since"), lambda row: labels.moment(row[0].set_at)),
        Column("why", t("rights.why"), lambda row: row[0].reason, width="large"),
    )
    tables.show_rows(columns, found, title=t("rights.narrowed"))
    if not at.may("rights.narrow"):
        return
    by_id = {f"{one.person_id}/{one.kind.value}/{one.permission}": (one, name) for one, name in found}

    def named(code: str) -> str:
        one, name = by_id[code]
        return f"{name} · {t(f'rights.kinds.{one.kind.value}')} · {_right(at, one)}"

    with st.expander(t("rights.give_back")), form(at, "give_back") as f:
        chosen = f.choice("which", t("rights.which"), list(by_id), named, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("rights.give_back"))
    f.require({"which": chosen})

    def ask(key: str) -> str:
        one, _ = by_id[str(chosen)]
        return request_widening(
            at.actor, at.app.store, now=at.now, person_id=one.person_id, kind=one.kind, permission=one.permission,
            reason=reason, key=key,
        )  # fmt: skip

    f.run(ask, done=t("rights.asked"))


def _right(at: Here, one: Narrowed) -> str:
    return "–" if one.permission == "*" else at.t(f"permission.{one.permission}")


def _left(at: Here, value: Any) -> str:
    if isinstance(value, Mapping):
        return at.labels.listing([at.labels.money(most, currency) for currency, most in value.items()])
    return at.labels.listing(list(value)) if value else "–"
