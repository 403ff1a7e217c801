"""The list of the people of one's own agency."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.agency_staff import list_agency_people
from ops_app.services.organisation.people import Person

ROLES = [role.value for role in (Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.FIELD_VISITOR)]


def filters(at: Here) -> dict[str, str]:
    """Text, role and state."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns([2, 1, 1])
    with one:
        text = url.text("staff_text", t("lists.search"), placeholder=t("people.search"), language=language)
    with two:
        role = url.choice(
            "staff_role",
            t("people.role"),
            ["", *ROLES],
            lambda code: at.labels.role(code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        names = {"": t("lists.all"), "yes": t("people.active"), "no": t("people.inactive")}
        active = url.choice(
            "staff_active", t("people.state"), list(names), names.__getitem__, default="", language=language
        )
    return {"text": text, "role": role, "active": active}


def listing(at: Here) -> tables.Listing[Person]:
    """The people of the own agency as filtered."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[tuple[Person, ...], int]:
        role = wanted.filters["role"]
        page = list_agency_people(
            at.actor,
            at.app.store,
            now=at.now,
            text=wanted.filters["text"] or None,
            role=Role(role) if role else None,
            active={"yes": True, "no": False}.get(wanted.filters["active"]),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    Column = tables.Column[Person]
    return tables.Listing(
        name="staff",
        title=t("page.agency_people.title"),
        columns=(
            Column("sign_in_name", t("people.sign_in_name"), lambda row: row.sign_in_name),
            Column("display_name", t("people.display_name"), lambda row: row.display_name),
            Column("role", t("people.role"), lambda row: labels.role(row.role.value)),
            Column("active", t("people.state"), lambda row: t("people.active" if row.active else "people.inactive")),
            Column("created", t("people.created"), lambda row: labels.moment(row.created_at)),
        ),
        row_id=lambda row: row.person_id,
        fetch=fetch,
        sorts={key: t(f"people.{key}") for key in ("sign_in_name", "display_name", "role_code", "created_at")},
        default_sort="sign_in_name",
        default_descending=False,
        selectable=True,
    )
