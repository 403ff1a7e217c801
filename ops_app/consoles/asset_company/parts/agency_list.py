"""The list of agencies."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form
from ops_app.domain.organisation.agencies import AGENCY_STATE_NAMES, AgencyState
from ops_app.services.organisation.agencies import Agency, AgencyFilter, agency_codes, list_agencies


def filters(at: Here) -> dict[str, str]:
    """Text, state and white list."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns([2, 1, 1])
    with one:
        text = url.text("agencies_text", t("lists.search"), placeholder=t("agencies.search"), language=language)
    with two:
        state = url.choice(
            "agencies_state",
            t("agencies.state"),
            ["", *(state.value for state in AgencyState)],
            lambda code: at.labels.named(AGENCY_STATE_NAMES, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        names = {"": t("lists.all"), "yes": t("labels.yes"), "no": t("labels.no")}
        listed = url.choice(
            "agencies_listed",
            t("agencies.white_listed"),
            list(names),
            names.__getitem__,
            default="",
            language=language,
        )
    return {"text": text, "state": state, "listed": listed}


def listing(at: Here) -> tables.Listing[Agency]:
    """The agencies as filtered."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[tuple[Agency, ...], int]:
        state = wanted.filters["state"]
        page = list_agencies(
            at.actor,
            at.app.store,
            now=at.now,
            wanted=AgencyFilter(
                text=wanted.filters["text"] or None,
                state=AgencyState(state) if state else None,
                white_listed={"yes": True, "no": False}.get(wanted.filters["listed"]),
            ),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    Column = tables.Column[Agency]
    return tables.Listing(
        name="agencies",
        title=t("page.agencies.title"),
        columns=(
            Column("agency_code", t("agencies.agency_code"), lambda one: one.agency_code),
            Column("short_name", t("agencies.short_name"), lambda one: one.short_name),
            Column("name", t("agencies.name"), lambda one: one.name, width="large"),
            Column("state", t("agencies.state"), lambda one: labels.named(AGENCY_STATE_NAMES, one.state)),
            Column("listed", t("agencies.white_listed"), lambda one: yes_no(at, one.white_listed)),
            Column("contract", t("agencies.contract_to_date"), lambda one: labels.day(one.contract_to_date)),
            Column("licence", t("agencies.licence_expires_date"), lambda one: labels.day(one.licence_expires_date)),
            Column("regions", t("agencies.regions"), lambda one: names.regions(at, one.regions)),
            Column(
                "capacity",
                t("agencies.capacity_cases"),
                lambda one: labels.count(one.capacity_cases),
                value=lambda one: one.capacity_cases,
                right=True,
            ),
        ),
        row_id=lambda one: one.agency_code,
        fetch=fetch,
        sorts={
            key: t(f"agencies.{key}")
            for key in (
                "agency_code",
                "short_name",
                "state",
                "contract_to_date",
                "licence_expires_date",
                "capacity_cases",
            )
        },
        default_sort="agency_code",
        default_descending=False,
        selectable=True,
        empty=t("agencies.none"),
    )


def yes_no(at: Here, value: bool) -> str:
    """Yes or no as a person reads it."""
    return at.t("labels.yes") if value else at.t("labels.no")


def agency_choice(at: Here, f: Form, value: str = "") -> str:
    """One of the agencies that have not ended, or none; ``value`` stays on offer whatever became of it."""
    names = {"": at.t("account.no_agency")}
    names |= {code: f"{code} {name}" for code, name in agency_codes(at.actor, at.app.store).items()}
    names.setdefault(value, value)
    codes = list(names)
    return f.choice("agency_code", at.t("people.agency_if"), codes, names.__getitem__, index=codes.index(value)) or ""
