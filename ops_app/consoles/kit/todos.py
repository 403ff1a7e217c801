"""The list of to-dos of a person, as the page of to-dos shows it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.subjects import case_address, subject_of
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, kind_of
from ops_app.domain.ledger.breaks import BREAK_KIND_NAMES
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.todo import ToDo, list_todos, todo_kinds

_ADDRESSES = {
    "approval": "/approvals?approvals_queue_id={id}",
    "case_request": "/requests?requests_id={id}",
    "break": "/repayment_audit?breaks_id={id}",
    "suspense": "/suspense?suspense_id={id}",
    "refund": "/suspense?suspense_tab=refunds&refunds_id={id}",
    "settlement": "/commission?settlements_id={id}",
    "own_settlement": "/agency_commission?settlements_id={id}",
    "access_review": "/access_review?access_review={id}",
}
_LINKED_AT_ONCE = 10


def show(at: Here) -> None:
    """Counts by kind, filters, the most urgent as links, and the list."""
    t, language = at.t, at.actor.language
    names = {code: kind.names for code, kind in todo_kinds().items()}
    every = list_todos(at.actor, at.app.store, now=at.now, zone=at.app.settings.zone)
    with st.container(horizontal=True):
        st.metric(t("todo.total"), at.labels.count(sum(every.counts.values())), border=True, width="content")
        st.metric(t("todo.late"), at.labels.count(every.late), border=True, width="content")
        for code, count in every.counts.items():
            if count:
                label = at.labels.named(names, code)
                st.metric(label[:1].upper() + label[1:], at.labels.count(count), border=True, width="content")
    if not every.rows:
        st.info(t("todo.none"))
        return
    with st.container(horizontal=True):
        kind = url.choice(
            "todo_kind", t("todo.kind"), ["", *(code for code, count in every.counts.items() if count)],
            lambda code: at.labels.named(names, code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
        late = url.choice(
            "todo_late", t("requests.due"), ["", "late"],
            lambda code: t("requests.only_late") if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    listing = _listing(at)
    shown = tables.show_list(at, listing, {"kind": kind, "late": late})
    export_list(at, listing, shown)
    chosen = choose(at, listing, shown, label=t("todo.open"), show=lambda one: name_of(at, one))
    links = [one for one in shown.rows if chosen in (None, _id(one))][:_LINKED_AT_ONCE]
    items = "".join(
        f'<li><a href="{escape(address(at, one))}" target="_self">{escape(name_of(at, one))}</a>'
        f" · {escape(_due(at, one))}</li>"
        for one in links
    )
    st.html(f"<p>{escape(t('todo.go'))}</p><ul>{items}</ul>")


def address(at: Here, one: ToDo) -> str:
    """Where this to-do is done."""
    if one.kind == "returned" and one.opens == "approval":
        return f"/approvals?approvals_tab=mine&approvals_mine_id={one.object_id}"
    if one.opens == "case":
        return case_address(at, one.object_id)
    return _ADDRESSES[one.opens].format(id=one.object_id)


def name_of(at: Here, one: ToDo) -> str:
    """One to-do on one line."""
    kind = at.labels.named({code: it.names for code, it in todo_kinds().items()}, one.kind)
    parts = [kind[:1].upper() + kind[1:], topic_of(at, one.topic), subject(at, one)]
    if one.currency is not None:
        parts.append(at.labels.money(one.amount_minor, one.currency))
    return " · ".join(part for part in parts if part)


def subject(at: Here, one: ToDo) -> str:
    """What it is about, in words."""
    return subject_of(at, one.topic, one.subject, one.arguments) if one.arguments else one.subject


def topic_of(at: Here, topic: str) -> str:
    """What a request or a break is of, in words."""
    on_case = kind_of(topic)
    if on_case is not None:
        return at.labels.named(CASE_REQUEST_KIND_NAMES, on_case)
    names = {code: kind.name for code, kind in engine.kinds().items()}
    names |= {kind.value: pair for kind, pair in BREAK_KIND_NAMES.items()}
    return at.labels.named(names, topic) if topic else ""


def _listing(at: Here) -> tables.Listing[ToDo]:
    t, labels = at.t, at.labels
    names = {code: kind.names for code, kind in todo_kinds().items()}

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[ToDo], int]:
        found = list_todos(
            at.actor, at.app.store, now=at.now, zone=at.app.settings.zone, kind=wanted.filters["kind"] or None,
            late_only=bool(wanted.filters["late"]),
        ).rows  # fmt: skip
        rows = found[::-1] if wanted.descending else found
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    Column = tables.Column[ToDo]
    return tables.Listing(
        name="todo",
        title=t("page.todo.title"),
        columns=(
            Column("due", t("requests.due"), lambda one: _due(at, one)),
            Column("kind", t("todo.kind"), lambda one: labels.named(names, one.kind)),
            Column("topic", t("todo.topic"), lambda one: topic_of(at, one.topic) or "–"),
            Column("subject", t("todo.subject"), lambda one: subject(at, one), width="medium"),
            Column("amount", t("approvals.amount"), lambda one: labels.minor(one.amount_minor, one.currency or ""),
                   right=True),
            Column("currency", t("approvals.currency"), lambda one: one.currency or "–", width="small"),
            Column("who", t("todo.who"), lambda one: one.who or "–"),
            Column("since", t("todo.since"), lambda one: labels.moment(one.since_at)),
        ),
        row_id=_id,
        fetch=fetch,
        sorts={"due_at": t("requests.sorts.due_at")},
        default_sort="due_at",
        default_descending=False,
        selectable=True,
        empty=t("todo.none"),
    )  # fmt: skip


def _id(one: ToDo) -> str:
    return f"{one.kind}.{one.object_id}"


def _due(at: Here, one: ToDo) -> str:
    if one.due_at is None:
        return at.t("todo.no_due")
    due = at.labels.moment(one.due_at)
    return at.t("requests.late_since", moment=due) if one.is_late(at.now) else due
