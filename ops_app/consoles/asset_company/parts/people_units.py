"""Where a person belongs, putting them into a unit, and leaving the company."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts.unit_list import end
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.services.organisation import memberships
from ops_app.services.organisation.people import Person
from ops_app.services.organisation.units import read_tree


def stays(at: Here, person: Person) -> str:
    """The units a person belonged to, belongs to and will belong to, as text."""
    if person.agency_code:
        return ""
    found = memberships.memberships_of(at.actor, at.app.store, now=at.now, person_id=person.person_id)
    if not found:
        return at.t("people.no_unit_yet")
    names: dict[str, str] = {}
    for stay in found:
        for one in read_tree(at.actor, at.app.store, now=at.now, day=stay.period.valid_from):
            names[one.unit.unit_id] = one.row.name
    return "; ".join(
        at.t(
            "people.stay",
            unit=names.get(stay.unit_id, stay.unit_id),
            first=at.labels.day(stay.period.valid_from),
            last=end(at, stay.period),
        )
        for stay in found
    )


def show(at: Here, person: Person, act: str) -> None:
    """The form of one of the two acts."""
    if act == "unit":
        _join(at, person)
    else:
        _leave(at, person)


def _join(at: Here, person: Person) -> None:
    t = at.t
    tree = read_tree(at.actor, at.app.store, now=at.now, day=at.today)
    if not tree:
        st.info(t("people.no_units_exist"))
        return
    names = {one.unit.unit_id: "\u3000" * one.depth + one.row.name for one in tree}
    with form(at, f"person_{person.person_id}_unit") as f:
        unit_id = f.choice("unit_id", t("people.unit"), list(names), names.__getitem__, index=None)
        begins = f.day("valid_from", t("people.joins_on"), at.today)
        f.submit(t("people.acts.unit"))
    f.require({"unit_id": unit_id, "valid_from": begins})
    f.run(
        lambda _key: memberships.join_unit(
            at.actor,
            at.app.store,
            now=at.now,
            person_id=person.person_id,
            unit_id=str(unit_id),
            valid_from=begins or at.today,
        ),
        done=t("people.done_unit"),
    )


def _leave(at: Here, person: Person) -> None:
    t = at.t
    with form(at, f"person_{person.person_id}_leave") as f:
        version = f.version(person.version)
        last = f.day("left_date", t("people.leaves_on"), at.today)
        reason = f.reason("reason", t("forms.reason"))
        st.caption(t("people.leave_at_once"))
        f.submit(t("people.acts.leave"))
    f.require({"left_date": last})
    f.run(
        lambda _key: memberships.leave_house(
            at.actor,
            at.app.store,
            now=at.now,
            person_id=person.person_id,
            version=version,
            left_date=last or at.today,
            reason=reason,
        ),
        done=t("people.done_leave"),
    )
