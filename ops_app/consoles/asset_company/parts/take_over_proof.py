"""The proof sheet of a take-over, the rows that stayed outside, and the form that takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.domain.casework.take_over import DIFFERENCE_NAMES, HISTORY_FEEDS, Difference, ProofLine
from ops_app.gateways import pipeline_child
from ops_app.services.casework.take_over import KeptRow, TakeOver, ask_take_over, list_differences
from ops_app.services.casework.take_over_running import ask_running_placements, waiting_placements


def ask(at: Here) -> None:
    """Take over now, with a reason; the work is watched."""
    t = at.t
    with st.expander(t("take_over.do")):
        st.caption(t("take_over.do_note"))
        with form(at, "take_over") as f:
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("take_over.do"))
    f.run(lambda _key: _take_over(at, reason), done=t("take_over.done"))


def _take_over(at: Here, reason: str) -> None:
    ask_take_over(at.actor, at.app.store, now=at.now, reason=reason)
    bar = st.progress(0.0, text=at.t("take_over.working"))
    for step in pipeline_child.take_over(at.app.settings):
        bar.progress(step.done / step.total if step.total else 0.0, text=at.t("take_over.working"))


def waiting(at: Here) -> None:
    """Running placements that wait for a second person, and the form that asks for it."""
    t, labels = at.t, at.labels
    found = waiting_placements(at.actor, at.app.store, now=at.now)
    for one in found:
        amount, count = labels.money(one.amount_minor, one.currency), labels.count(one.count)
        if one.asked_by_name:
            st.info(t("take_over.asked_for", count=count, amount=amount, who=one.asked_by_name))
        else:
            st.warning(t("take_over.waits", count=count, amount=amount))
    if not at.may("history.take_over") or all(one.asked_by_name for one in found):
        return
    with form(at, "take_over_running") as f:
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("take_over.ask_running"))
    f.run(
        lambda key: ask_running_placements(at.actor, at.app.store, now=at.now, reason=reason, key=key),
        done=t("take_over.asked_running"),
    )


def show(at: Here, last: TakeOver) -> None:
    """The proof sheet, disagreeing lines first."""
    t, labels = at.t, at.labels
    st.caption(
        t(
            "take_over.made",
            moment=labels.moment(last.made_at),
            who=last.made_by_name,
            rows=labels.count(last.rows_new),
            cases=labels.count(last.cases_placed),
        )
    )
    wrong = sum(not line.agrees for line in last.proof)
    if wrong:
        st.error(t("take_over.differs", count=labels.count(wrong)))
    elif last.proof:
        st.success(t("take_over.agrees"))
    st.subheader(t("take_over.proof"), anchor=False)
    listing = _proof_listing(at, sorted(last.proof, key=lambda line: line.agrees))
    shown = tables.show_list(at, listing, {})
    export_list(at, listing, shown)


def _proof_listing(at: Here, lines: Sequence[ProofLine]) -> tables.Listing[ProofLine]:
    t, labels = at.t, at.labels
    Column = tables.Column[ProofLine]

    def count(name: str) -> tables.Column[ProofLine]:
        return Column(name, t(f"take_over.{name}"), lambda line: labels.count(getattr(line, name)), right=True)

    def amount(name: str, read: Callable[[ProofLine], int]) -> tables.Column[ProofLine]:
        def shown(line: ProofLine) -> str:
            return labels.minor(read(line), line.currency) if line.currency else "–"

        return Column(name, t(f"take_over.{name}"), shown, right=True)

    return tables.Listing(
        name="proof",
        title=t("take_over.proof"),
        columns=(
            Column("feed", t("take_over.feed"), lambda line: labels.code("feed", line.feed)),
            Column("agency", t("take_over.agency"), lambda line: line.agency_code or "–"),
            Column("status", t("take_over.status"), lambda line: labels.code("history_status", line.status)),
            Column("currency", t("take_over.currency"), lambda line: line.currency or "–", width="small"),
            count("old_count"),
            count("new_count"),
            count("named_count"),
            amount("old_sum", lambda line: line.old_minor),
            amount("new_sum", lambda line: line.new_minor),
            Column("verdict", t("take_over.verdict"), lambda line: t("labels.yes" if line.agrees else "labels.no")),
        ),
        row_id=lambda line: f"{line.feed}/{line.agency_code}/{line.status}/{line.currency}",
        fetch=lambda wanted: (lines[wanted.offset : wanted.offset + wanted.limit], len(lines)),
    )


def outside(at: Here) -> None:
    """Rows of the old book that are not in the new one, each with its reason."""
    t, labels, language = at.t, at.labels, at.actor.language
    st.subheader(t("take_over.outside"), anchor=False)
    one, two, _ = st.columns(3)
    with one:
        feed = url.choice(
            "outside_feed", t("take_over.feed"), ["", *HISTORY_FEEDS],
            lambda code: labels.code("feed", code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with two:
        reason = url.choice(
            "outside_reason", t("take_over.why"), ["", *Difference],
            lambda code: labels.named(DIFFERENCE_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    listing = _outside_listing(at)
    shown = tables.show_list(at, listing, {"feed": feed, "reason": reason})
    export_list(at, listing, shown)


def _outside_listing(at: Here) -> tables.Listing[KeptRow]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[KeptRow], int]:
        page = list_differences(
            at.actor,
            at.app.store,
            now=at.now,
            feed=wanted.filters["feed"] or None,
            reason=wanted.filters["reason"] or None,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    def amount(one: KeptRow) -> str:
        return labels.money(one.row.amount_minor, one.row.currency) if one.row.currency else "–"

    Column = tables.Column[KeptRow]
    return tables.Listing(
        name="outside",
        title=t("take_over.outside"),
        columns=(
            Column("feed", t("take_over.feed"), lambda one: labels.code("feed", one.row.feed)),
            Column("key", t("take_over.key"), lambda one: one.row.row_key),
            Column("loan", t("take_over.loan"), lambda one: one.row.loan_id or "–"),
            Column("agency", t("take_over.agency"), lambda one: one.row.agency_code or "–"),
            Column("begun", t("take_over.begun"), lambda one: labels.moment(one.row.begun_at)),
            Column("amount", t("take_over.amount"), amount, right=True),
            Column(
                "why", t("take_over.why"), lambda one: labels.named(DIFFERENCE_NAMES, one.difference), width="large"
            ),
        ),
        row_id=lambda one: f"{one.row.feed}/{one.row.source_code}/{one.row.row_key}",
        fetch=fetch,
        empty=t("take_over.no_outside"),
    )
