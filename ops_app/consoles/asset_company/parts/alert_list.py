"""The list of alerts, the one that is due next first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from ops_app.consoles.casework.columns import left
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.casework.alerts import ALERT_KIND_NAMES, AlertKind
from ops_app.services.casework.monitoring import Alert, AlertFilter, list_alerts

STATES = {"open": True, "closed": False, "any": None}


def show(at: Here) -> tuple[Sequence[Alert], Sequence[Alert]]:
    """The alerts shown, and those selected."""
    t, labels, language = at.t, at.labels, at.actor.language
    one, two, three = st.columns(3)
    with one:
        state = url.choice("alerts_state", t("alerts.state"), list(STATES), lambda code: t(f"alerts.states.{code}"),
                           default="open", language=language)  # fmt: skip
    with two:
        kind = url.choice(
            "alerts_kind", t("alerts.kind"), ["", *(one.value for one in AlertKind)],
            lambda code: labels.named(ALERT_KIND_NAMES, code) if code else t("alerts.every"), default="",
            language=language,
        )  # fmt: skip
    with three:
        whose = url.choice("alerts_whose", t("alerts.whose"), ["all", "mine"], lambda code: t(f"alerts.whoses.{code}"),
                           default="all", language=language)  # fmt: skip
    wanted = AlertFilter(
        STATES[state], AlertKind(kind) if kind else None, None, at.actor.person_id if whose == "mine" else None
    )

    def fetch(after: Any, limit: int) -> tuple[Sequence[Alert], Any]:
        page = list_alerts(at.actor, at.app.store, now=at.now, wanted=wanted, after=_read(after), limit=limit)
        return page.rows, _written(page.next_after)

    _counts(at)
    stream = tables.Stream(
        name="alerts",
        title=t("page.monitoring.title"),
        columns=_columns(at),
        row_id=lambda it: it.alert_id,
        fetch=fetch,
    )
    filters = {"state": state, "kind": kind, "whose": whose}
    place = st.container(horizontal=True)
    whole = state == "open" and not kind and whose == "all"
    rows, selected = tables.show_keyed(at, stream, filters, empty=t("alerts.none"), narrowed=not whole)
    if rows:
        export_stream(at, stream, filters, place)
    return rows, selected


def _columns(at: Here) -> tuple[tables.Column[Alert], ...]:
    t, labels = at.t, at.labels
    column = tables.Column[Alert]
    return (
        column("kind", t("alerts.kind"), lambda it: labels.named(ALERT_KIND_NAMES, it.kind)),
        column("loan", t("cases.loan"), lambda it: it.loan_id or "–"),
        column("agency", t("cases.agency"), lambda it: it.agency_code or "–"),
        column("person", t("alerts.person"), lambda it: it.person_name or "–"),
        column("quantity", t("alerts.quantity"), lambda it: "–" if it.quantity is None else labels.count(it.quantity),
               right=True),
        column("since", t("alerts.since"), lambda it: labels.moment(it.since_at)),
        column("owner", t("alerts.owner"), lambda it: it.owner_name or t("alerts.nobody")),
        column("due", t("alerts.due"), lambda it: "–" if it.closed_at else left(at, it.due_at - at.now)),
        column("closed", t("alerts.closed"), lambda it: labels.moment(it.closed_at)),
        column("by", t("alerts.closed_by"), lambda it: it.closed_by_name or "–"),
        column("note", t("cases.closing_note"), lambda it: _note(at, it), width="large"),
    )  # fmt: skip


def _note(at: Here, one: Alert) -> str:
    said = one.closing_note
    if said is None:
        return "–"
    return at.labels.code("system_reason", said.replace(" ", "_")) if one.closed_by == "system" else said


def _counts(at: Here) -> None:
    found = list_alerts(at.actor, at.app.store, now=at.now, limit=1).counts
    for kind, (count, late) in sorted(found.items()):
        name = at.labels.named(ALERT_KIND_NAMES, kind)
        st.caption(at.t("alerts.count", kind=name, count=at.labels.count(count), late=at.labels.count(late)))


def _written(mark: tuple[datetime, str] | None) -> str | None:
    return None if mark is None else f"{mark[0].isoformat()}|{mark[1]}"


def _read(mark: str | None) -> tuple[datetime, str] | None:
    """The place in the list that the address names; one that is none begins the list again."""
    if not mark or "|" not in mark:
        return None
    moment, identity = mark.split("|", 1)
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found, identity) if found.tzinfo else None
