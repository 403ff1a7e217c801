"""The tags of a case: added from the defined list, taken away again; each house its own."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt
from ops_app.domain.casework.tags import TAG_NAMES, Tag
from ops_app.services.casework.cases import Case
from ops_app.services.casework.tagging import Tagged, list_tags, tag_case, untag_case


def tags(at: Here, one: Case) -> None:
    """What the case is tagged with, and the change of it."""
    t = at.t
    found = list_tags(at.actor, at.app.store, now=at.now, case_id=one.case_id)
    own = {it.tag for it in found if it.house == (at.actor.agency_code or "")}
    with st.container(horizontal=True, vertical_alignment="center"):
        for it in found:
            st.badge(_named(at, it), color="blue" if it.tag in own else "gray")
        if not at.may("cases.tag"):
            return
        with st.popover(t("cases.change_tags")):
            st.caption(t("cases.tags_explain"))
            for tag in Tag:
                label = at.labels.named(TAG_NAMES, tag)
                has = tag in own
                if st.button(
                    t("cases.untag", tag=label) if has else t("cases.tag", tag=label),
                    key=f"tag_{one.case_id}_{tag.value}_{has}",
                ):
                    act = untag_case if has else tag_case
                    attempt(
                        at,
                        lambda act=act, tag=tag: act(
                            at.actor, at.app.store, now=at.now, case_id=one.case_id, tag=tag.value
                        ),
                        done=t("cases.done"),
                    )


def _named(at: Here, it: Tagged) -> str:
    label = at.labels.named(TAG_NAMES, it.tag)
    return f"{label} · {it.house}" if it.house and at.actor.agency_code is None else label
