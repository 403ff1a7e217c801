"""Taking something from a person, what was taken from whom, and the form that asks for it back: on the review of rights
and for an agency's people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.money import Money
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.organisation.rights import Narrowed

Ask = Callable[[Narrowed, str, str], str]
"""(what was taken, why it should be given back, idempotency key) → the request."""


Take = Callable[[Narrowing, str | None, Mapping[str, int] | Sequence[str], str], None]
"""(what, the right that was chosen, what is left, why)."""


@dataclass(frozen=True)
class Offer:
    """What a form to take something offers: which kinds (code → label); rights to choose from (empty: the right is
    known already); units (id → name); sources (code → name), or ``None`` where their codes are typed."""

    kinds: Mapping[str, str]
    rights: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] | None = None


def take(at: Here, name: str, offer: Offer, command: Take) -> None:
    """The form ``name``: what is taken, how much or which cases are left, and why."""
    t = at.t
    permission: str | None = None
    with form(at, name) as f:
        kind = Narrowing(
            f.choice("kind", t("rights.kind"), list(offer.kinds), offer.kinds.__getitem__) or Narrowing.WITHHELD
        )
        if offer.rights:
            permission = f.choice(
                "permission", t("rights.right_if"), list(offer.rights), lambda code: t(f"permission.{code}"), index=None
            )
        one, two = st.columns(2)
        with one:
            currency = f.text("currency", t("rights.currency"), value="CNY", max_chars=3)
        with two:
            amount = f.text("amount", t("rights.amount"), max_chars=20)
        units = f.choices("units", t("rights.units"), list(offer.units), offer.units.__getitem__) if offer.units else []
        if offer.sources is None:
            sources = [line.strip() for line in f.lines("value", t("rights.sources"), height=100).splitlines()]
        else:
            sources = f.choices("value", t("rights.sources_left"), list(offer.sources), offer.sources.__getitem__)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("rights.take"))
    if offer.rights and kind in (Narrowing.WITHHELD, Narrowing.LIMIT):
        f.require({"permission": permission})
    if offer.units and kind is Narrowing.TEAM:
        f.require({"units": units})

    def run(_key: str) -> None:
        left = units if kind is Narrowing.TEAM else [code for code in sources if code]
        command(kind, permission, _value(kind, currency, amount, left), reason)

    f.run(run, done=t("rights.taken"))


def _value(kind: Narrowing, currency: str, amount: str, left: Sequence[str]) -> Mapping[str, int] | Sequence[str]:
    """What is left, as the act takes it; raises ``Invalid`` for an amount that is none."""
    if kind is Narrowing.LIMIT:
        return {currency: Money.parse(amount.replace(",", ""), currency).minor}
    return [] if kind is Narrowing.WITHHELD else left


def show(at: Here, found: Sequence[tuple[Narrowed, str]], *, none: str, ask: Ask | None, asked: str) -> None:
    """What is taken from whom; with ``ask`` a form to ask for one of it. ``none`` and ``asked`` are sentences."""
    t, labels = at.t, at.labels
    st.subheader(t("rights.narrowed"), anchor=False)
    if not found:
        st.caption(none)
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
    if ask is not None:
        _give_back(at, found, ask, asked)


def _give_back(at: Here, found: Sequence[tuple[Narrowed, str]], ask: Ask, asked: str) -> None:
    t = at.t
    by_id = {f"{one.person_id}/{one.kind.value}/{one.permission}": (one, name) for one, name in found}

    def named(code: str) -> str:
        one, name = by_id[code]
        return f"{name} · {t(f'rights.kinds.{one.kind.value}')} · {_right(at, one)}"

    with st.expander(t("rights.give_back")), form(at, "give_back") as f:
        chosen = f.choice("which", t("rights.which"), list(by_id), named, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("rights.give_back"))
    f.require({"which": chosen})
    f.run(lambda key: ask(by_id[str(chosen)][0], reason, key), done=asked)


def _right(at: Here, one: Narrowed) -> str:
    return "–" if one.permission == "*" else at.t(f"permission.{one.permission}")


def _left(at: Here, value: Any) -> str:
    if isinstance(value, Mapping):
        return at.labels.listing([at.labels.money(most, currency) for currency, most in value.items()])
    return at.labels.listing(list(value)) if value else "–"
