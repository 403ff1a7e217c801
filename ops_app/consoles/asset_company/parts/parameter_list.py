"""The list of parameters: what holds today, what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.parameter_text import pair, value_text
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.labels import EMPTY
from ops_app.domain.organisation.parameters import AREAS
from ops_app.services.organisation.parameters import SORTABLE, ParameterFilter, ParameterRow, list_parameters


def filters(at: Here) -> dict[str, str]:
    """Area, text, and whether it was ever changed."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns([1, 2, 1])
    with one:
        area = url.choice(
            "parameters_area",
            t("parameters.area"),
            ["", *AREAS],
            lambda code: t(f"parameters.areas.{code}") if code else t("lists.all"),
            default="",
            language=language,
        )
    with two:
        text = url.text("parameters_text", t("lists.search"), placeholder=t("parameters.search"), language=language)
    with three:
        names = {"": t("lists.all"), "changed": t("parameters.changed_only")}
        which = url.choice(
            "parameters_which", t("parameters.which"), list(names), names.__getitem__, default="", language=language
        )
    return {"area": area, "text": text, "which": which}


def listing(at: Here) -> tables.Listing[ParameterRow]:
    """The list as the kit draws it."""
    t = at.t

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[ParameterRow], int]:
        page = list_parameters(
            at.actor,
            at.app.store,
            now=at.now,
            on_date=at.today,
            wanted=ParameterFilter(
                area=wanted.filters["area"] or None,
                text=wanted.filters["text"] or None,
                changed_only=bool(wanted.filters["which"]),
            ),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    def upcoming(row: ParameterRow) -> str:
        if row.next_date is None:
            return EMPTY
        value = value_text(at, row.definition, row.next_value)
        return t("parameters.next_is", day=at.labels.day(row.next_date), value=value)

    def version(row: ParameterRow) -> str:
        return at.labels.count(row.version_no) if row.version_no else t("parameters.default")

    def approval(row: ParameterRow) -> str:
        return t("parameters.risky") if row.definition.risky else t("parameters.not_risky")

    Column = tables.Column[ParameterRow]
    return tables.Listing(
        name="parameters",
        title=t("page.parameters.title"),
        columns=(
            Column("name", t("parameters.name"), lambda row: pair(at, row.definition.name), width="large"),
            Column("area", t("parameters.area"), lambda row: t(f"parameters.areas.{row.definition.area}")),
            Column("today", t("parameters.today"), lambda row: value_text(at, row.definition, row.held.value)),
            Column("next", t("parameters.next"), upcoming),
            Column("narrower", t("parameters.narrower"), lambda row: at.labels.count(row.narrower), right=True),
            Column("version", t("parameters.version"), version),
            Column("approval", t("parameters.approval"), approval),
            Column("code", t("parameters.code"), lambda row: row.definition.code),
        ),
        row_id=lambda row: row.definition.code,
        fetch=fetch,
        sorts={key: t(f"parameters.sorts.{key}") for key in SORTABLE},
        default_sort="code",
        default_descending=False,
        selectable=True,
    )
