"""The work on an import, watched: it goes on in its own process whether somebody watches or not."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.sitting import flash
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.imports import STATE_NAMES, WORKING
from ops_app.gateways import pipeline_child
from ops_app.services.organisation.imports import Import, read_import

_ASKED = "_recoup_import_to_work"


def begin(import_id: str) -> None:
    """Open the import and have it worked on at the next run of the page."""
    st.session_state[_ASKED] = import_id
    st.query_params["imports_id"] = import_id


def watch(at: Here, one: Import) -> None:
    """Work on what was asked for a moment ago and show how far it is; else offer to go on with what waits."""
    asked = st.session_state.pop(_ASKED, None) == one.import_id
    if not asked:
        if one.state not in WORKING:
            return
        st.info(at.labels.named(STATE_NAMES, one.state))
        if not (
            at.may("imports.make") and st.button(at.t("imports.go_on"), key=f"go_on_{one.import_id}_{one.version}")
        ):
            return
    bar = st.progress(0.0, text=at.t("imports.working"))
    try:
        for step in pipeline_child.work_on_import(at.app.settings, one.import_id):
            share = min(1.0, step.done / step.total) if step.total else 0.0
            bar.progress(share, text=at.t(f"imports.steps.{step.what}"))
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    done = read_import(at.actor, at.app.store, now=at.app.clock.now(), import_id=one.import_id)
    flash(at.t("imports.now", file=done.file_name, state=at.labels.named(STATE_NAMES, done.state)))
    st.rerun()
