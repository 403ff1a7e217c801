"""What a waiver or plan would come to, as the form in which it is asked for shows it."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.services.casework.waiver_audit import Tried, TriedPart


def show(at: Here, found: Tried) -> None:
    """What would remain to be paid by component, and on which days, were it granted."""
    t, labels = at.t, at.labels

    def money(name: str) -> tables.Column[TriedPart]:
        return tables.Column(
            name, t(f"agreements.{name}"), lambda it: labels.money(getattr(it, f"{name}_minor"), found.currency),
            right=True,
        )  # fmt: skip

    shown = (
        tables.Column[TriedPart](
            "part", t("agreements.part"), lambda it: labels.named(COMPONENT_NAMES, Component(it.component))
        ),
        money("owed"),
        money("waived"),
        money("left"),
    )
    st.markdown(f"**{t('agreements.tried')}**")
    tables.show_rows(shown, found.parts, title=t("agreements.tried"))
    left = labels.money(sum(it.left_minor for it in found.parts), found.currency)
    plan = [f"{labels.day(it['due_date'])} {labels.money(it['amount_minor'], found.currency)}" for it in found.plan]
    st.caption(t("agreements.tried_left", left=left))
    if plan:
        st.caption(t("agreements.tried_plan", plan=labels.listing(plan)))
