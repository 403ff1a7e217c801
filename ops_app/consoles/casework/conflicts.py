"""Conflicts of interest on the record of a case: who is not to collect from its debtor, and the end of one."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.services.casework.cases import Case
from ops_app.services.casework.conflicts import Conflict, end_conflict, list_conflicts

DECLARE = "conflict.declare"
"""The act by which a collector's conflict with the debtor is declared."""


def section(at: Here, one: Case) -> None:
    """For whoever assigns cases: the conflicts that stand; for supervisors the form that ends
    one, which is not about themselves."""
    if not at.may("cases.assign"):
        return
    t = at.t
    found = list_conflicts(at.actor, at.app.store, now=at.now, case_id=one.case_id)
    if not found:
        st.caption(t("conflicts.none"))
        return
    Column = tables.Column[Conflict]
    columns = (
        Column("person", t("conflicts.person"), lambda it: it.person_name or "–"),
        Column("agency", t("cases.agency"), lambda it: it.agency_code or "–"),
        Column("reason", t("forms.reason"), lambda it: it.reason),
        Column("by", t("conflicts.declared_by"), lambda it: it.declared_by_name),
        Column("when", t("conflicts.declared_at"), lambda it: at.labels.moment(it.declared_at)),
    )
    tables.show_rows(columns, found, title=t("conflicts.title"))
    others = [it for it in found if it.person_id != at.actor.person_id]
    if not at.may("cases.conflict_end") or not others:
        return
    with st.expander(t("conflicts.end")):
        with form(at, f"end_conflict_{one.case_id}") as f:
            names = {it.conflict_id: it.person_name or "–" for it in others}
            chosen = f.choice("which", t("conflicts.person"), list(names), names.__getitem__, index=None)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("conflicts.end"))
        f.require({"which": chosen})
        f.run(
            lambda _key: end_conflict(
                at.actor, at.app.store, now=at.now, case_id=one.case_id, conflict_id=str(chosen), reason=reason
            ),
            done=t("cases.done"),
        )
