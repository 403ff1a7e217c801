"""What is done with alerts: taken over, or closed with a note."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.forms import form
from ops_app.consoles.pages import PAGES
from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.alerts import ALERT_KIND_NAMES
from ops_app.services.casework.monitoring import Alert, close_alerts, take_alerts

_CASES = next(spec.path for spec in PAGES if spec.key == "cases")


def show(at: Here, rows: Sequence[Alert], selected: Sequence[Alert]) -> None:
    """The form for the selected alerts, or for one that is chosen in the box."""
    t = at.t
    chosen = list(selected)
    one = choose_among(
        at, "alert", rows, selected, row_id=lambda it: it.alert_id, label=t("alerts.open_one"),
        show=lambda it: f"{at.labels.named(ALERT_KIND_NAMES, it.kind)} · {_about(it)}",
    )  # fmt: skip
    if one and not chosen:
        chosen = [it for it in rows if it.alert_id == one]
    chosen = [it for it in chosen if it.closed_at is None]
    if not chosen:
        return
    st.subheader(t("alerts.selected", count=at.labels.count(len(chosen))), anchor=False)
    if len(chosen) == 1 and chosen[0].case_id:
        st.page_link(_CASES, label=t("alerts.to_the_case"), query_params={"case_id": chosen[0].case_id})
    what = st.segmented_control(
        t("cases.act"), ["close", "take"], default="close", required=True,
        format_func=lambda code: t(f"alerts.acts.{code}"), key="alerts_act",
    ) or "close"  # fmt: skip
    with form(at, f"{what}_{key_hash(*sorted(it.alert_id for it in chosen))[:16]}") as f:
        wanted = f.version({it.alert_id: it.version for it in chosen})
        said = f.reason("reason", t("alerts.what_was_done" if what == "close" else "forms.reason"))
        f.submit(t(f"alerts.acts.{what}"))

    def run(_key: str) -> int:
        if what == "close":
            return close_alerts(at.actor, at.app.store, now=at.now, wanted=wanted, note=said)
        return take_alerts(at.actor, at.app.store, now=at.now, wanted=wanted, reason=said)

    f.run(run, done=lambda count: t("alerts.done", count=at.labels.count(count)))


def _about(it: Alert) -> str:
    return it.loan_id or it.person_name or it.agency_code or "–"
