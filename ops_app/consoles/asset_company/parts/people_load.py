"""Many people from a file: a preview with what is wrong beside each row, then all of them or none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.errors import DomainError
from ops_app.gateways.table_file import read_table
from ops_app.services.organisation.people import CreatedPerson
from ops_app.services.organisation.people_load import PersonLine, load_people, preview_people

_LOADED = "_recoup_people_loaded"


def show(at: Here) -> None:
    """Upload, preview, confirm."""
    t = at.t
    with st.expander(t("people.load"), expanded=_LOADED in st.session_state):
        st.caption(t("people.load_help"))
        made: Sequence[CreatedPerson] = st.session_state.pop(_LOADED, ())
        if made:
            _passwords(at, made)
        uploaded = st.file_uploader(t("people.load_file"), type=["csv", "xlsx"], key="people_file")
        if uploaded is None:
            return
        data = uploaded.getvalue()
        try:
            table = read_table(data, uploaded.name)
            lines = preview_people(at.actor, at.app.store, now=at.now, today=at.today, table=table)
        except DomainError as error:
            st.error(error.sentence(at.actor.language))
            return
        _preview(at, lines)
        wrong = sum(bool(line.problems) for line in lines)
        if wrong:
            st.error(t("people.load_bad", wrong=at.labels.count(wrong), count=at.labels.count(len(lines))))
            return
        st.info(t("people.load_good", count=at.labels.count(len(lines))))
        if st.button(t("people.load_confirm", count=at.labels.count(len(lines))), type="primary", key="people_load"):
            _load(at, table, hashlib.sha256(data).hexdigest())


def _load(at: Here, table: Sequence[Sequence[str]], key: str) -> None:
    try:
        made = load_people(at.actor, at.app.store, now=at.now, today=at.today, table=table, key=key)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.session_state[_LOADED] = made
    st.session_state.pop("people_file", None)
    st.rerun()


def _preview(at: Here, lines: Sequence[PersonLine]) -> None:
    t, labels = at.t, at.labels
    chinese = at.actor.language == "zh"
    Column = tables.Column[PersonLine]
    tables.show_rows(
        (
            Column("line", t("people.load_line"), lambda one: labels.count(one.line_no), right=True, width="small"),
            Column(
                "problem",
                t("people.load_problem"),
                lambda one: " ".join(it.zh if chinese else it.en for it in one.problems) or "–",
                width="large",
            ),
            Column("sign_in_name", t("people.sign_in_name"), lambda one: one.sign_in_name),
            Column("display_name", t("people.display_name"), lambda one: one.display_name),
            Column("role", t("people.role"), lambda one: labels.role(one.role.value) if one.role else "–"),
            Column("agency", t("people.agency"), lambda one: one.agency_code or "–"),
            Column("unit", t("people.unit"), lambda one: one.unit_code or "–"),
        ),
        lines,
        title=t("people.load"),
    )


def _passwords(at: Here, made: Sequence[CreatedPerson]) -> None:
    t = at.t
    st.success(t("people.loaded", count=at.labels.count(len(made))))
    Column = tables.Column[CreatedPerson]
    tables.show_rows(
        (
            Column("sign_in_name", t("people.sign_in_name"), lambda one: one.person.sign_in_name),
            Column("display_name", t("people.display_name"), lambda one: one.person.display_name),
            Column("password", t("people.password"), lambda one: one.temporary_password),
        ),
        made,
        title=t("people.password"),
    )
