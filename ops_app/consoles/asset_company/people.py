"""People: who may sign in, in which role; create, reset, change role, deactivate. Each act ends their sessions."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ops_app.consoles.asset_company.parts import people_load, people_units
from ops_app.consoles.asset_company.parts.agency_list import agency_choice
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.i18n import LANGUAGES
from ops_app.consoles.kit.page import heading
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation import people, role_giving

ROLES = [role.value for role in Role if role is not Role.SYSTEM]
ACTS = ("reset", "role", "unit", "leave", "deactivate", "reactivate")


def listing(at: Here) -> tables.Listing[people.Person]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[tuple[people.Person, ...], int]:
        role, active = wanted.filters["role"], wanted.filters["active"]
        page = people.list_people(
            at.actor,
            at.app.store,
            now=at.now,
            wanted=people.PeopleFilter(
                text=wanted.filters["text"] or None,
                role=Role(role) if role else None,
                active={"yes": True, "no": False}.get(active),
            ),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    def state(row: people.Person) -> str:
        return t("people.active") if row.active else t("people.inactive")

    return tables.Listing(
        name="people",
        title=t("page.people.title"),
        columns=(
            tables.Column("sign_in_name", t("people.sign_in_name"), lambda row: row.sign_in_name),
            tables.Column("display_name", t("people.display_name"), lambda row: row.display_name),
            tables.Column("role", t("people.role"), lambda row: labels.role(row.role.value)),
            tables.Column("agency", t("people.agency"), lambda row: row.agency_code or "–"),
            tables.Column("active", t("people.state"), state),
            tables.Column("created", t("people.created"), lambda row: labels.moment(row.created_at)),
        ),
        row_id=lambda row: row.person_id,
        fetch=fetch,
        sorts={key: t(f"people.{key}") for key in ("sign_in_name", "display_name", "role_code", "created_at")},
        default_sort="sign_in_name",
        default_descending=False,
        selectable=True,
    )


def filters(at: Here) -> dict[str, str]:
    t, language = at.t, at.actor.language
    one, two, three = st.columns([2, 1, 1])
    with one:
        text = url.text("people_text", t("lists.search"), placeholder=t("people.search"), language=language)
    with two:
        role = url.choice(
            "people_role",
            t("people.role"),
            ["", *ROLES],
            lambda code: at.labels.role(code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        names = {"yes": t("people.active"), "no": t("people.inactive"), "": t("lists.all")}
        active = url.choice(
            "people_active", t("people.state"), list(names), names.__getitem__, default="yes", language=language
        )
    return {"text": text, "role": role, "active": active}


def create(at: Here) -> None:
    t = at.t
    with st.expander(t("people.new")), form(at, "new_person") as f:
        one, two = st.columns(2)
        with one:
            name = f.text("sign_in_name", t("people.sign_in_name"), max_chars=64)
            role = f.choice("role", t("people.role"), ROLES, lambda code: at.labels.role(code), index=None)
        with two:
            display_name = f.text("display_name", t("people.display_name"), max_chars=100)
            agency = agency_choice(at, f)
        language = f.choice("language", t("people.language"), list(LANGUAGES), LANGUAGES.__getitem__)
        reason = f.reason("reason", t("people.why_two"))
        f.submit(t("people.create"))
    f.require({"role": role})

    def enter(key: str) -> people.CreatedPerson | str:
        given: dict[str, Any] = {
            "now": at.now, "sign_in_name": name, "display_name": display_name, "role": Role(str(role)),
            "agency_code": agency or None, "language": language or "en",
        }  # fmt: skip
        if role_giving.gives_alone(at.actor, at.app.store, now=at.now, role=given["role"]):
            return people.create_person(at.actor, at.app.store, **given)
        return role_giving.request_person(at.actor, at.app.store, **given, reason=reason, key=key)

    def done(made: people.CreatedPerson | str) -> str:
        if isinstance(made, str):
            return t("people.asked_new", name=name)
        return t("people.created_with", name=made.person.sign_in_name, password=made.temporary_password)

    f.run(enter, done=done)


def give_role(at: Here, person: people.Person, role: Role, agency: str | None, reason: str, key: str) -> str:
    """Give the role, or ask for it where two people give it; says which it was."""
    given: dict[str, Any] = {
        "now": at.now, "person_id": person.person_id, "version": person.version, "role": role, "agency_code": agency,
        "reason": reason,
    }  # fmt: skip
    if role_giving.gives_alone(at.actor, at.app.store, now=at.now, role=role):
        people.change_role(at.actor, at.app.store, **given)
        return "people.done"
    role_giving.request_role(at.actor, at.app.store, **given, key=key)
    return "people.asked_role"


def change(at: Here, person: people.Person) -> None:
    t, store = at.t, at.app.store
    st.subheader(person.display_name, anchor=False)
    facts(
        {
            t("people.sign_in_name"): person.sign_in_name,
            t("people.role"): at.labels.role(person.role.value),
            t("people.agency"): person.agency_code or "–",
            t("people.must_change"): t("labels.yes") if person.must_change_password else t("labels.no"),
            t("people.units"): people_units.stays(at, person),
        }
    )
    left_out = {"reactivate"} if person.active else {"deactivate", "leave"}
    left_out |= {"unit"} if person.agency_code else set()
    if person.person_id == at.actor.person_id:
        st.caption(t("people.own_account"))
        left_out |= set(ACTS) - {"unit"}
    offered = [act for act in ACTS if act not in left_out]
    act = st.segmented_control(
        t("people.act"),
        offered,
        default=offered[0],
        required=True,
        format_func=lambda code: t(f"people.acts.{code}"),
        key=f"act_{person.person_id}",
    )
    if act in ("unit", "leave"):
        people_units.show(at, person, act)
        return
    role, agency = person.role.value, person.agency_code or ""
    with form(at, f"person_{person.person_id}_{act}") as f:
        version = f.version(person.version)
        if act == "role":
            role = (
                f.choice("role", t("people.role"), ROLES, lambda code: at.labels.role(code), index=ROLES.index(role))
                or role
            )
            agency = agency_choice(at, f, agency)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t(f"people.acts.{act}"))
    common: dict[str, Any] = {"now": at.now, "person_id": person.person_id, "version": version, "reason": reason}
    if act == "reset":
        f.run(
            lambda _key: people.reset_password(at.actor, store, **common),
            done=lambda word: t("people.reset_to", name=person.sign_in_name, password=word),
        )
    elif act == "role":
        f.run(
            lambda key: give_role(at, person, Role(role), agency or None, reason, key),
            done=lambda said: t(said),
        )
    elif act == "deactivate":
        f.run(lambda _key: people.deactivate_person(at.actor, store, **common), done=t("people.done"))
    else:
        f.run(lambda _key: people.reactivate_person(at.actor, store, **common), done=t("people.done"))


current = here()
heading(current, "people")
chosen_filters = filters(current)
the_list = listing(current)
shown = tables.show_list(current, the_list, chosen_filters)
export_list(current, the_list, shown)
person_id = choose(
    current,
    the_list,
    shown,
    label=current.t("people.open"),
    show=lambda row: f"{row.display_name} ({row.sign_in_name})",
)
for row in shown.rows:
    if row.person_id == person_id:
        change(current, row)
create(current)
people_load.show(current)
