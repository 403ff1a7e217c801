"""Runs by business date, what is asked for, and asking for a day to be run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.services.organisation import runs

STATES = ("started", "succeeded", "failed")


def show(at: Here) -> None:
    """The runs, one of them opened, and the form that asks for another."""
    t = at.t
    with st.container(width=260):
        state = url.choice(
            "runs_state",
            t("operations.state"),
            ["", *STATES],
            lambda code: at.labels.code("run_state", code) if code else t("lists.all"),
            default="",
            language=at.actor.language,
        )
    listing = _listing(at)
    shown = tables.show_list(at, listing, {"state": state})
    export_list(at, listing, shown)
    chosen = choose(at, listing, shown, label=t("operations.open_run"), show=lambda run: _name(at, run))
    for run in shown.rows:
        if run.run_id == chosen:
            _one(at, run)
    _requests(at)
    if at.may("operations.run"):
        _ask(at)


def _name(at: Here, run: runs.Run) -> str:
    state = at.labels.code("run_state", run.state)
    return f"{at.labels.day(run.business_date)} · {at.labels.code('run_kind', run.kind)} · {state}"


def _listing(at: Here) -> tables.Listing[runs.Run]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[runs.Run], int]:
        return runs.list_runs(
            at.actor,
            at.app.store,
            state=wanted.filters["state"] or None,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    def took(run: runs.Run) -> str:
        return labels.duration(run.ended_at - run.started_at) if run.ended_at else "–"

    return tables.Listing(
        name="runs",
        title=t("operations.tabs.days"),
        columns=(
            tables.Column("date", t("operations.business_date"), lambda run: labels.day(run.business_date)),
            tables.Column("kind", t("operations.kind"), lambda run: labels.code("run_kind", run.kind)),
            tables.Column("state", t("operations.state"), lambda run: labels.code("run_state", run.state)),
            tables.Column("started", t("operations.started"), lambda run: labels.moment(run.started_at)),
            tables.Column("took", t("operations.took"), took, right=True),
            tables.Column("why", t("operations.stopped_by"), lambda run: _stopped_by(at, run), width="large"),
        ),
        row_id=lambda run: run.run_id,
        fetch=fetch,
        selectable=True,
        empty=t("operations.no_runs"),
        page_size=25,
    )


def _stopped_by(at: Here, run: runs.Run) -> str:
    if run.state != "failed":
        return "–"
    if "why" in run.detail:
        return at.t("operations.lease_lost")
    last = list(run.detail)[-1:] or [""]
    return at.t("operations.stopped_after", stage=at.labels.code("stage", last[0]) if last[0] else "–")


def _one(at: Here, run: runs.Run) -> None:
    """What each stage of a run did."""
    st.subheader(_name(at, run), anchor=False)
    stages = {stage: what for stage, what in run.detail.items() if isinstance(what, dict)}
    if not stages:
        st.caption(at.t("operations.no_stage"))
    for stage, what in stages.items():
        st.markdown(f"**{at.labels.code('stage', stage)}**")
        facts({at.labels.code("measure", name): _value(at, value) for name, value in what.items()})


def _value(at: Here, value: object) -> str:
    if isinstance(value, list):
        return at.labels.listing(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return at.labels.count(value)
    return str(value)


def _requests(at: Here) -> None:
    waiting = runs.open_requests(at.actor, at.app.store)
    if waiting:
        st.subheader(at.t("operations.waiting"), anchor=False)
    for one in waiting:
        kind = at.labels.code("run_kind", one.kind)
        asked = at.labels.moment(one.requested_at)
        st.write(at.t("operations.waiting_line", kind=kind, day=at.labels.day(one.business_date), asked=asked))
        st.text(one.reason)


def _ask(at: Here) -> None:
    """Run a business day again, or replay corrected rows; the pipeline takes the request at its next look."""
    t = at.t
    with st.expander(t("operations.ask")), form(at, "ask_run") as f:
        kind = f.choice("kind", t("operations.kind"), runs.REQUEST_KINDS, lambda code: at.labels.code("run_kind", code))
        day = f.day("business_date", t("operations.business_date"), at.today - timedelta(days=1))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("operations.ask_button"))
    f.require({"business_date": day, "reason": reason})
    if day is not None:
        f.run(
            lambda key: runs.request_run(
                at.actor,
                at.app.store,
                now=at.now,
                kind=kind or "day",
                business_date=day,
                reason=reason,
                key=key,
            ),
            done=t("operations.asked"),
        )
