"""What agencies noted about a case in systems of their own and brought back by file."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.gateways.case_facts import MOST_ROWS, AgencyNote, notes_of
from ops_app.services.casework.cases import CaseRecord


def notes(at: Here, record: CaseRecord) -> None:
    """Notes as they were last published, newest first; an agency's own, from its placement on."""
    t, labels = at.t, at.labels
    since = record.placements[-1].placed_at if at.actor.agency_code and record.placements else None
    rows = notes_of(at.actor, at.app.settings.published, record.case.case_id, since)
    if not rows:
        st.caption(t("cases.no_notes"))
        return
    Column = tables.Column[AgencyNote]
    columns = (
        Column("at", t("record.when"), lambda it: labels.moment(it.written_at)),
        Column("agency", t("cases.agency"), lambda it: it.agency_code),
        Column("who", t("cases.collector"), lambda it: it.collector_id or "–"),
        Column("kind", t("cases.kind"), lambda it: it.kind or "–"),
        Column("outcome", t("cases.note_outcome"), lambda it: it.outcome or "–"),
        Column("note", t("cases.note"), lambda it: it.note or "–", width="large"),
    )
    st.caption(t("cases.notes_lead"))
    tables.show_rows(columns, rows, title=t("cases.tabs.notes"))
    if len(rows) >= MOST_ROWS:
        st.caption(t("cases.newest_only", count=labels.count(MOST_ROWS)))
