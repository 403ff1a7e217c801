"""What is done with several cases at once: queue, place, recall, assign; all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.canonical import key_hash
from ops_app.gateways.clock import close_of
from ops_app.services.casework.assigning import assign_cases, list_collectors
from ops_app.services.casework.cases import Case
from ops_app.services.casework.placing import Moved, place_cases, queue_cases, recall_cases

_USUAL_DAYS = 90


def show(at: Here, selected: Sequence[Case], acts: Sequence[str]) -> None:
    """The acts that this person may do with the selected cases."""
    needed = {"queue": "cases.place", "place": "cases.place", "recall": "cases.place", "assign": "cases.assign"}
    offered = [act for act in acts if at.may(needed[act])]
    if not selected or not offered:
        return
    t = at.t
    st.subheader(t("cases.selected", count=at.labels.count(len(selected))), anchor=False)
    act = offered[0]
    if len(offered) > 1:
        act = st.segmented_control(
            t("cases.act"), offered, default=act, required=True, format_func=lambda code: t(f"cases.acts.{code}"),
            key="cases_bulk_act",
        ) or act  # fmt: skip
    {"queue": _queue, "place": _place, "recall": _recall, "assign": _assign}[act](at, selected)


def _queue(at: Here, selected: Sequence[Case]) -> None:
    with form(at, f"queue_{_mark(selected)}") as f:
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("cases.acts.queue"))
    f.run(
        lambda _key: queue_cases(at.actor, at.app.store, now=at.now, wanted=_wanted(selected), reason=reason),
        done=lambda done: _said(at, done),
    )


def _place(at: Here, selected: Sequence[Case]) -> None:
    t = at.t
    with form(at, f"place_{_mark(selected)}") as f:
        one, two = st.columns(2)
        with one:
            agency = f.text("agency_code", t("cases.agency"), max_chars=32)
        with two:
            due = f.day("due_at", t("cases.due_date"), at.today + timedelta(days=_USUAL_DAYS))
        reason = f.reason("reason", t("forms.reason"))
        drop = f.tick("cases", t("cases.drop_refused"))
        f.submit(t("cases.acts.place"))
    f.require({"agency_code": agency, "due_at": due})
    f.run(
        lambda _key: place_cases(
            at.actor, at.app.store, now=at.now, wanted=_wanted(selected), agency_code=agency,
            due_at=close_of(due or at.today, at.app.settings.zone), reason=reason, drop_refused=drop,
        ),
        done=lambda done: _said(at, done),
    )  # fmt: skip


def _recall(at: Here, selected: Sequence[Case]) -> None:
    with form(at, f"recall_{_mark(selected)}") as f:
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("cases.acts.recall"))
    f.run(
        lambda _key: recall_cases(at.actor, at.app.store, now=at.now, wanted=_wanted(selected), reason=reason),
        done=lambda done: _said(at, done),
    )


def _assign(at: Here, selected: Sequence[Case]) -> None:
    t = at.t
    people = {one.person_id: one for one in list_collectors(at.actor, at.app.store, now=at.now)}
    if not people:
        st.info(t("cases.no_collectors"))
        return

    def shown(person_id: str) -> str:
        one = people[person_id]
        return t("cases.collector_load", name=one.display_name, load=at.labels.count(one.load))

    with form(at, f"assign_{_mark(selected)}") as f:
        collector = f.choice("collector_id", t("cases.collector"), list(people), shown, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("cases.acts.assign"))
    f.require({"collector_id": collector})
    f.run(
        lambda _key: assign_cases(
            at.actor, at.app.store, now=at.now, wanted=_wanted(selected), collector_id=str(collector), reason=reason
        ),
        done=lambda ids: t("cases.moved", count=at.labels.count(len(ids))),
    )


def _wanted(selected: Sequence[Case]) -> dict[str, int]:
    return {one.case_id: one.version for one in selected}


def _mark(selected: Sequence[Case]) -> str:
    """A name for a form about these very cases."""
    return key_hash(*(f"{case_id}/{version}" for case_id, version in sorted(_wanted(selected).items())))[:16]


def _said(at: Here, done: Moved) -> str:
    moved = at.t("cases.moved", count=at.labels.count(len(done.case_ids)))
    if not done.dropped:
        return moved
    whys = sorted({error.sentence(at.actor.language) for error in done.dropped.values()})
    return at.t("cases.moved_and_dropped", moved=moved, count=at.labels.count(len(done.dropped)), why=whys[0])
