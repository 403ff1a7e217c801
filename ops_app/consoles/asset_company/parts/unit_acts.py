"""What may be done to the tree: the head office, a unit below another, moving and renaming, closing."""

from __future__ import annotations

from datetime import date

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.organisation.units import PARENTS, UNIT_KIND_NAMES, UnitKind
from ops_app.services.organisation import units
from ops_app.services.organisation.units import UnitRecord

ACTS = ("add", "change", "close")


def first(at: Here) -> None:
    """An empty tree begins with its head office."""
    if at.may("organisation.manage"):
        _add(at, None, [UnitKind.HEAD_OFFICE], "first_unit")


def show(at: Here, found: UnitRecord, day: date) -> None:
    """One of the acts on a unit."""
    t = at.t
    kinds = [kind for kind in UnitKind if found.row.kind in PARENTS[kind]]
    closable = found.row.kind is not UnitKind.HEAD_OFFICE
    offered = [act for act in ACTS if (act != "add" or kinds) and (act != "close" or closable)]
    act = st.segmented_control(
        t("organisation.act"),
        offered,
        default=offered[0],
        required=True,
        format_func=lambda code: t(f"organisation.acts.{code}"),
        key=f"unit_act_{found.unit.unit_id}",
    )
    name = f"unit_{found.unit.unit_id}_{act}"
    if act == "add":
        _add(at, found, kinds, name)
    elif act == "change":
        _change(at, found, max(day, at.today), name)
    else:
        _close(at, found, max(day, at.today), name)


def _add(at: Here, parent: UnitRecord | None, kinds: list[UnitKind], form_name: str) -> None:
    t = at.t
    with form(at, form_name) as f:
        one, two = st.columns(2)
        with one:
            code = f.text("unit_code", t("organisation.code"), max_chars=32)
            kind = f.choice(
                "parent_id",
                t("organisation.kind"),
                [one.value for one in kinds],
                lambda value: at.labels.named(UNIT_KIND_NAMES, value),
            )
        with two:
            name = f.text("name", t("organisation.name"), max_chars=100)
            begins = f.day("valid_from", t("organisation.valid_from"), at.today)
        ends = f.day("valid_to", t("organisation.valid_to_if"), None)
        f.submit(t("organisation.acts.add") if parent else t("organisation.begin"))
    f.require({"unit_code": code, "name": name, "parent_id": kind, "valid_from": begins})
    f.run(
        lambda _key: units.add_unit(
            at.actor,
            at.app.store,
            now=at.now,
            unit_code=code,
            name=name,
            kind=UnitKind(str(kind)),
            parent_id=parent.unit.unit_id if parent else None,
            valid_from=begins or at.today,
            valid_to=ends,
        ),
        done=t("organisation.done_add", name=name),
    )


def _change(at: Here, found: UnitRecord, day: date, form_name: str) -> None:
    t = at.t
    names = {
        one.unit.unit_id: "\u3000" * one.depth + one.row.name
        for one in units.read_tree(at.actor, at.app.store, now=at.now, day=day)
        if one.row.kind in PARENTS[found.row.kind] and one.unit.unit_id != found.unit.unit_id
    }
    ids = list(names)
    parent_id = found.row.parent_id
    with form(at, form_name) as f:
        version = f.version(found.unit.version)
        name = f.text("name", t("organisation.name"), value=found.row.name, max_chars=100)
        if ids:
            place = ids.index(parent_id) if parent_id in ids else None
            parent_id = f.choice("parent_id", t("organisation.parent"), ids, names.__getitem__, index=place)
        begins = f.day("valid_from", t("organisation.changes_on"), day)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("organisation.acts.change"))
    f.require({"valid_from": begins})
    f.run(
        lambda _key: units.change_unit(
            at.actor,
            at.app.store,
            now=at.now,
            unit_id=found.unit.unit_id,
            version=version,
            parent_id=parent_id,
            name=name,
            valid_from=begins or day,
            reason=reason,
        ),
        done=t("organisation.done_change"),
    )


def _close(at: Here, found: UnitRecord, day: date, form_name: str) -> None:
    t = at.t
    with form(at, form_name) as f:
        version = f.version(found.unit.version)
        ends = f.day("valid_from", t("organisation.closes_on"), day)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("organisation.acts.close"))
    f.require({"valid_from": ends})
    f.run(
        lambda _key: units.close_unit(
            at.actor,
            at.app.store,
            now=at.now,
            unit_id=found.unit.unit_id,
            version=version,
            valid_to=ends or day,
            reason=reason,
        ),
        done=t("organisation.done_close"),
    )
