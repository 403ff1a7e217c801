"""The front page: what waits for this person, and what they may do here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import streamlit as st

from ops_app.consoles.kit import announcements
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.consoles.pages import PAGES
from ops_app.domain.ledger.breaks import BreakState
from ops_app.domain.organisation.readiness import CHECK_NAMES, CheckState
from ops_app.gateways import operations_file
from ops_app.services.ledger.reconciliation import count_breaks
from ops_app.services.organisation.readiness import list_readiness
from ops_app.services.organisation.runs import list_runs
from ops_app.services.organisation.todo import list_todos

TO_DO = next(spec.path for spec in PAGES if spec.key == "todo")


def waiting(at: Here) -> Iterator[tuple[str, int]]:
    """Label and figure of what waits; only what this person may see."""
    t = at.t
    todo = list_todos(at.actor, at.app.store, now=at.now, zone=at.app.settings.zone)
    yield t("home.todos"), sum(todo.counts.values())
    yield t("home.todos_late"), todo.late
    if at.may("reconciliation.view"):
        counts = count_breaks(at.actor, at.app.store, now=at.now)
        for state in (BreakState.OPEN, BreakState.PARKED):
            number = sum(count for (_, known), count in counts.items() if known is state)
            yield t(f"home.breaks_{state.value}"), number
    if at.may("operations.view"):
        _, failed = list_runs(at.actor, at.app.store, state="failed", since=at.today - timedelta(days=7), limit=1)
        yield t("home.failed_runs"), failed
        _, refused = operations_file.refused_rows(at.actor, at.app.settings.published, state="open", limit=1)
        yield t("home.refused_rows"), refused


def failed_checks(at: Here) -> None:
    """Checks that are red, with their reasons."""
    needed = {check.name: check for _, checks in list_readiness(at.actor, at.app.store, now=at.now) for check in checks}
    for check in needed.values():
        if check.state in (CheckState.RED, CheckState.STALE):
            st.warning(
                at.t(
                    "home.not_so",
                    check=at.labels.named(CHECK_NAMES, check.name),
                    reason=at.labels.finding(check.reason),
                )
            )


def open_pages(at: Here) -> None:
    """The pages this person may open, each with its sentence."""
    st.subheader(at.t("home.you_may"), anchor=False)
    offered = [spec for spec in PAGES if spec.url_path and at.may(spec.permission)]
    for spec in offered:
        with st.container(border=True):
            st.page_link(spec.path, label=f"**{at.t(f'page.{spec.key}.title')}**")
            st.caption(at.t(f"page.{spec.key}.lead"))


current = here()
heading(current, "home")
figures = list(waiting(current))
with st.container(horizontal=True):
    for label, figure in figures:
        st.metric(label, current.labels.count(figure), border=True, width="content")
if any(figure for _, figure in figures):
    st.page_link(TO_DO, label=current.t("home.to_the_list"))
else:
    st.info(current.t("home.nothing_waits"))
announcements.card(current)
if current.may("operations.view"):
    failed_checks(current)
open_pages(current)
