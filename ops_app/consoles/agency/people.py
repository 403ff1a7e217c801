"""An agency's administrator and the people of the own agency: create, lock, unlock, reset, below the ceiling."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ops_app.consoles.agency.parts import staff_list, staff_rights
from ops_app.consoles.kit import photos, tables
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.i18n import LANGUAGES
from ops_app.consoles.kit.page import heading
from ops_app.domain.organisation.ceilings import AGENCY_CEILING, may_grant
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation import agency_staff
from ops_app.services.organisation.people import Person

ROLES = [role.value for role in Role if role in AGENCY_CEILING]


def change(at: Here, person: Person) -> None:
    """The acts on one person, where the ceiling allows any."""
    t, store = at.t, at.app.store
    st.subheader(person.display_name, anchor=False)
    if person.person_id == at.actor.person_id or not may_grant(at.actor, person.role, person.agency_code):
        st.caption(t("people.ceiling"))
        return
    act = st.segmented_control(
        t("people.act"),
        ["reset", "lock" if person.active else "unlock", "narrow"],
        default="reset",
        required=True,
        format_func=lambda code: t(f"people.acts.{code}"),
        key=f"act_{person.person_id}_{person.active}",
    )
    if act == "narrow":
        staff_rights.narrow(at, person)
        return
    with form(at, f"person_{person.person_id}_{act}") as f:
        version = f.version(person.version)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t(f"people.acts.{act}"))
    common: dict[str, Any] = {"now": at.now, "person_id": person.person_id, "version": version, "reason": reason}
    if act == "reset":
        f.run(
            lambda _key: agency_staff.reset_agency_password(at.actor, store, **common),
            done=lambda word: t("people.reset_to", name=person.sign_in_name, password=word),
        )
    elif act == "lock":
        f.run(lambda _key: agency_staff.lock_agency_person(at.actor, store, **common), done=t("people.done_own"))
    else:
        f.run(lambda _key: agency_staff.unlock_agency_person(at.actor, store, **common), done=t("people.done_own"))


def create(at: Here) -> None:
    """A new person of the own agency."""
    t = at.t
    with st.expander(t("people.new")), form(at, "new_person") as f:
        one, two = st.columns(2)
        with one:
            name = f.text("sign_in_name", t("people.sign_in_name"), max_chars=64)
            role = f.choice("role", t("people.role"), ROLES, lambda code: at.labels.role(code), index=None)
        with two:
            shown = f.text("display_name", t("people.display_name"), max_chars=100)
            language = f.choice("language", t("people.language"), list(LANGUAGES), LANGUAGES.__getitem__, index=1)
        f.submit(t("people.create"))
    f.require({"role": role})
    f.run(
        lambda _key: agency_staff.create_agency_person(
            at.actor,
            at.app.store,
            now=at.now,
            sign_in_name=name,
            display_name=shown,
            role=Role(str(role)),
            language=language or "zh",
        ),
        done=lambda made: t("people.created_with", name=made.person.sign_in_name, password=made.temporary_password),
    )


current = here()
heading(current, "agency_people")
st.caption(current.t("people.ceiling"))
the_list = staff_list.listing(current)
found = tables.show_list(current, the_list, staff_list.filters(current))
export_list(current, the_list, found)
chosen = choose(
    current,
    the_list,
    found,
    label=current.t("people.open"),
    show=lambda row: f"{row.display_name} ({row.sign_in_name})",
)
for row in found.rows:
    if row.person_id == chosen:
        change(current, row)
        if row.person_id != current.actor.person_id and may_grant(current.actor, row.role, row.agency_code):
            photos.show(current, row, may_bring=True)
create(current)
staff_rights.taken(current)
