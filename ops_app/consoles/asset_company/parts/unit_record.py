"""One unit: where it lies, who belongs to it, what is open in it, what it was before, and what may be done."""

from __future__ import annotations

from datetime import date

import streamlit as st

from ops_app.consoles.asset_company.parts import unit_acts
from ops_app.consoles.asset_company.parts.unit_list import end
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.units import UNIT_KIND_NAMES, UnitPeriod
from ops_app.services.organisation.memberships import Membership
from ops_app.services.organisation.units import UnitRecord, read_tree, read_unit

TABS = ("members", "rows")


def show(at: Here, unit_id: str, day: date) -> None:
    """The record of a unit as it is on ``day``."""
    t, labels = at.t, at.labels
    try:
        found = read_unit(at.actor, at.app.store, now=at.now, unit_id=unit_id, day=day)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(found.row.name, anchor=False)
    facts(
        {
            t("organisation.path"): " › ".join(one.name for one in found.path),
            t("organisation.code"): found.unit.unit_code,
            t("organisation.kind"): labels.named(UNIT_KIND_NAMES, found.row.kind),
            t("organisation.validity"): t(
                "organisation.from_to", first=labels.day(found.row.period.valid_from), last=end(at, found.row.period)
            ),
            t("organisation.open_work"): labels.listing(
                [t("organisation.open_one", name=one.names[at.actor.language == "zh"], count=labels.count(one.count))
                 for one in found.open_work]
            ),
        }
    )  # fmt: skip
    tab = url.tab(
        "unit_tab", t("organisation.tab"), TABS, lambda code: t(f"organisation.tabs.{code}"), language=at.actor.language
    )
    if tab == "members":
        _members(at, found)
    else:
        _rows(at, found)
    if at.may("organisation.manage"):
        unit_acts.show(at, found, day)


def _members(at: Here, found: UnitRecord) -> None:
    if not found.members:
        st.caption(at.t("organisation.no_members"))
        return
    t, labels = at.t, at.labels
    Column = tables.Column[Membership]
    tables.show_rows(
        (
            Column("name", t("people.display_name"), lambda one: one.display_name),
            Column("sign_in_name", t("people.sign_in_name"), lambda one: one.sign_in_name),
            Column("role", t("people.role"), lambda one: labels.role(one.role.value)),
            Column("valid_from", t("organisation.valid_from"), lambda one: labels.day(one.period.valid_from)),
            Column("valid_to", t("organisation.valid_to"), lambda one: end(at, one.period)),
        ),
        found.members,
        title=t("organisation.tabs.members"),
    )


def _rows(at: Here, found: UnitRecord) -> None:
    t, labels = at.t, at.labels
    names: dict[str, str] = {}
    for row in found.rows:
        for one in read_tree(at.actor, at.app.store, now=at.now, day=row.period.valid_from):
            names.setdefault(one.unit.unit_id, one.row.name)
    Column = tables.Column[UnitPeriod]
    tables.show_rows(
        (
            Column("valid_from", t("organisation.valid_from"), lambda one: labels.day(one.period.valid_from)),
            Column("valid_to", t("organisation.valid_to"), lambda one: end(at, one.period)),
            Column("name", t("organisation.name"), lambda one: one.name),
            Column("parent", t("organisation.parent"), lambda one: names.get(one.parent_id or "", "–")),
        ),
        found.rows,
        title=t("organisation.tabs.rows"),
    )
