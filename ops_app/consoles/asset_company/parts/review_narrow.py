"""Taking a right from a person, and asking that one be given back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ops_app.consoles.kit import narrowed
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.rights import Narrowing
from ops_app.gateways.lender_templates import templates_for
from ops_app.services.organisation.installation import installation
from ops_app.services.organisation.rights import Narrowed, list_narrowed, narrow_right, request_widening
from ops_app.services.organisation.units import read_tree


def take(at: Here, chosen: str) -> None:
    """The form on one right of one person."""
    t = at.t
    person_id, _, permission = chosen.partition("/")
    st.subheader(t("rights.narrow"), anchor=False)
    if not at.may("rights.narrow"):
        st.caption(t("rights.only"))
        return
    tree = read_tree(at.actor, at.app.store, now=at.now, day=at.today)
    units = {one.unit.unit_id: f"{one.row.name} ({one.unit.unit_code})" for one in tree}
    sources = _sources(at)
    left_out = {Narrowing.TEAM} if not units else set()
    left_out |= {Narrowing.PORTFOLIO} if not sources else set()
    kinds = {kind.value: t(f"rights.kinds.{kind.value}") for kind in Narrowing if kind not in left_out}

    def command(kind: Narrowing, _permission: str | None, value: Any, reason: str) -> None:
        about = permission if kind in (Narrowing.WITHHELD, Narrowing.LIMIT) else "*"
        narrow_right(
            at.actor, at.app.store, now=at.now, person_id=person_id, kind=kind, permission=about, value=value,
            reason=reason,
        )  # fmt: skip

    narrowed.take(at, f"narrow_{chosen}", narrowed.Offer(kinds, units=units, sources=sources), command)


def _sources(at: Here) -> dict[str, str]:
    """The sources that cases come from, by code: lenders that are described, and those of whom there is a template."""
    at_zh = at.actor.language == "zh"
    found = {one.source_code: one.zh if at_zh else one.en for one in templates_for(at.app.settings, None).values()}
    found |= {code: one.name[at_zh] for code, one in installation().lenders.items()}
    return {code: f"{name} ({code})" for code, name in sorted(found.items()) if code}


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
