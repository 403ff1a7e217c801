"""Two people at one record: who comes second is told what was done meanwhile and loses nothing typed.

The page remembers which version of the case a person has seen. A form works on that version: while it is no longer the
present one, its act is refused by the service, and what the others did stands above it until the person has read it.
"""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.domain.casework.cases import CASE_STATE_NAMES
from ops_app.domain.casework.flags import FLAG_NAMES
from ops_app.services.casework.cases import Case, CaseEvent
from ops_app.services.casework.viewing import changes_since


def seen_version(at: Here, one: Case) -> int:
    """The version of the case that this person has seen; says what changed since, with a button to go on."""
    place = _place(one.case_id)
    above = st.container()  # there before anything is to be said: what comes below keeps its place, and who types in it
    version, event_count = st.session_state.setdefault(place, (one.version, one.event_count))
    if version == one.version:
        return int(version)
    changes = changes_since(at.actor, at.app.store, now=at.now, case_id=one.case_id, event_count=event_count)
    said = [_said(at, it) for it in changes] or [at.t("cases.changed_by_feed")]
    with above, st.container(border=True):
        st.warning(at.t("cases.changed", what="\n\n".join(["", *said])))
        st.button(at.t("cases.go_on"), key=f"{place}_go_on", on_click=lambda: forget(one.case_id))
    return int(version)


def forget(case_id: str) -> None:
    """What this person sees next is what they have seen: after an act of their own, or when they have read."""
    st.session_state.pop(_place(case_id), None)


def what_happened(at: Here, one: CaseEvent) -> str:
    """What was done to a case; of a flag, which; of a payment, where the schedule has the case now."""
    what, flag = at.labels.code("action.case", one.what), one.detail.get("flag")
    if "days_by_schedule" in one.detail:
        days, bucket = at.labels.count(one.detail["days_by_schedule"]), str(one.detail.get("bucket_by_schedule"))
        return at.t("cases.event_days", what=what, days=days, bucket=bucket)
    return at.t("cases.event", what=what, state=at.labels.named(FLAG_NAMES, flag)) if flag else what


def _said(at: Here, one: CaseEvent) -> str:
    state = at.labels.named(CASE_STATE_NAMES, one.to_state)
    return at.t(
        "cases.changed_line",
        who=one.made_by_name,
        when=at.labels.moment(one.made_at),
        what=at.t("cases.event", what=what_happened(at, one), state=state),
        why=names.system_reason(at, one.reason, one.made_by),
    )


def _place(case_id: str) -> str:
    return f"_recoup_seen_case_{case_id}"
