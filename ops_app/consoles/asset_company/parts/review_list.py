"""The list of rights under review."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.rights import ReviewedRight, review_rights

DAYS = ("90", "30", "180", "365", "0")
ROLES = [role.value for role in Role if role is not Role.SYSTEM]


def filters(at: Here) -> dict[str, str]:
    """For how long unused, whose, in which role."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns([2, 1, 1])
    with one:
        text = url.text("review_text", t("lists.search"), placeholder=t("people.search"), language=language)
    with two:
        role = url.choice(
            "review_role", t("rights.role"), ["", *ROLES],
            lambda code: at.labels.role(code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with three:
        days = url.choice(
            "review_days", t("rights.unused"), list(DAYS),
            lambda code: t("rights.days", days=code) if code != "0" else t("rights.every"),
            default=DAYS[0], language=language,
        )  # fmt: skip
    return {"text": text, "role": role, "days": days}


def listing(at: Here) -> tables.Listing[ReviewedRight]:
    """Rights that were not used for so long."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[tuple[ReviewedRight, ...], int]:
        role = wanted.filters["role"]
        found = review_rights(
            at.actor, at.app.store, now=at.now, unused_days=int(wanted.filters["days"]),
            role=Role(role) if role else None, text=wanted.filters["text"], page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip
        return found.rows, found.total

    def last(one: ReviewedRight) -> str:
        if one.last_used_at is None:
            return t("rights.never")
        moment = labels.moment(one.last_used_at)
        return t("rights.by_sign_in", at=moment) if one.is_by_sign_in else moment

    Column = tables.Column[ReviewedRight]
    return tables.Listing(
        name="review",
        title=t("page.access_review.title"),
        columns=(
            Column("person", t("rights.person"), lambda one: one.person.display_name),
            Column("sign_in_name", t("rights.sign_in_name"), lambda one: one.person.sign_in_name),
            Column("role", t("rights.role"), lambda one: labels.role(one.person.role.value)),
            Column("agency", t("rights.agency"), lambda one: one.person.agency_code or "–"),
            Column("right", t("rights.right"), lambda one: t(f"permission.{one.permission}"), width="large"),
            Column("last", t("rights.last"), last),
        ),
        row_id=lambda one: f"{one.person.person_id}/{one.permission}",
        fetch=fetch,
        selectable=True,
        empty=t("rights.empty"),
        whole={"days": DAYS[0]},
    )
