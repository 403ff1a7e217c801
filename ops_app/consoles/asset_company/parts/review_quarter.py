"""The review of the quarter: the rights that nobody used when it began, and the decision on each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.domain.organisation.access_reviews import REVIEW_DECISION_NAMES, ReviewDecision
from ops_app.services.organisation.access_reviews import (
    Review,
    RightInReview,
    decide_reviewed,
    list_reviewed,
    list_reviews,
)

_WAITING = {"waiting": True, "decided": False, "": None}


def show(at: Here) -> None:
    """Which review, its rights, and what is decided on those that are chosen."""
    t = at.t
    reviews = {one.review_id: one for one in list_reviews(at.actor, at.app.store, now=at.now)}
    if not reviews:
        st.info(t("access_review.none"))
        return
    first = next((code for code, one in reversed(reviews.items()) if one.closed_at is None), next(iter(reviews)))
    one, two = st.columns([3, 1])
    with one:
        chosen = url.choice(
            "access_review", t("access_review.which"), list(reviews), lambda code: _named(at, reviews[code]),
            default=first, language=at.actor.language,
        )  # fmt: skip
    with two:
        only = url.choice(
            "access_review_only", t("access_review.only"), list(_WAITING),
            lambda code: t(f"access_review.{code}") if code else t("lists.all"),
            default="waiting", language=at.actor.language,
        )  # fmt: skip
    listing = _listing(at, chosen)
    shown = tables.show_list(at, listing, {"only": only, "review": chosen})
    export_list(at, listing, shown)
    waiting = [row for row in shown.selected if row.decision is None]
    if waiting:
        _decide(at, chosen, waiting)
    elif any(row.decision is None for row in shown.rows):
        st.caption(t("access_review.choose"))
        _decide_one(at, chosen, [row for row in shown.rows if row.decision is None])


def _named(at: Here, one: Review) -> str:
    count = at.labels.count
    if one.closed_at is not None:
        return at.t(
            "access_review.closed_on",
            review=one.review_id,
            day=at.labels.moment(one.closed_at),
            rights=count(one.rights),
        )
    state = "late_since" if one.due_at <= at.now else "open_until"
    return at.t(
        f"access_review.{state}", review=one.review_id, due=at.labels.moment(one.due_at),
        undecided=count(one.undecided), rights=count(one.rights),
    )  # fmt: skip


def _listing(at: Here, review_id: str) -> tables.Listing[RightInReview]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[RightInReview], int]:
        found = list_reviewed(
            at.actor, at.app.store, now=at.now, review_id=review_id, undecided=_WAITING[wanted.filters["only"]],
            page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip
        return found.rows, found.total

    Column = tables.Column[RightInReview]
    return tables.Listing(
        name="reviewed",
        title=t("access_review.title"),
        columns=(
            Column("person", t("rights.person"), lambda one: one.person_name),
            Column("sign_in_name", t("rights.sign_in_name"), lambda one: one.sign_in_name),
            Column("role", t("rights.role"), lambda one: labels.role(one.role.value)),
            Column("agency", t("rights.agency"), lambda one: one.agency_code or "–"),
            Column("right", t("rights.right"), lambda one: t(f"permission.{one.permission}"), width="large"),
            Column(
                "last",
                t("rights.last"),
                lambda one: labels.moment(one.last_used_at) if one.last_used_at else t("rights.never"),
            ),
            Column(
                "decision",
                t("access_review.decision"),
                lambda one: labels.named(REVIEW_DECISION_NAMES, one.decision) if one.decision else "–",
            ),
            Column("by", t("access_review.by"), lambda one: one.decided_by_name or "–"),
            Column("on", t("access_review.when"), lambda one: labels.moment(one.decided_at) if one.decided_at else "–"),
            Column("why", t("access_review.why"), lambda one: one.reason or "–", width="large"),
        ),
        row_id=lambda one: f"{one.person_id}/{one.permission}",
        fetch=fetch,
        selectable=True,
        empty=t("access_review.empty"),
        whole={"only": "waiting", "review": review_id},
    )


def _decide_one(at: Here, review_id: str, rows: Sequence[RightInReview]) -> None:
    """One right, chosen in a box: a grid cannot be used by keyboard and screen readers alone."""
    by_id = {f"{one.person_id}/{one.permission}": one for one in rows}

    def named(code: str) -> str:
        return f"{by_id[code].person_name} · {at.t(f'permission.{by_id[code].permission}')}" if code else "–"

    chosen = st.selectbox(at.t("access_review.one"), ["", *by_id], format_func=named, key=f"reviewed_one_{review_id}")
    if chosen:
        _decide(at, review_id, [by_id[chosen]])


def _decide(at: Here, review_id: str, rows: Sequence[RightInReview]) -> None:
    t = at.t
    items = [(one.person_id, one.permission) for one in rows]
    st.subheader(t("access_review.bulk", count=at.labels.count(len(items))), anchor=False)
    options = {"keep": ReviewDecision.KEPT}
    if at.may("rights.narrow"):
        options["take"] = ReviewDecision.TAKEN
    mark = hashlib.sha256(repr(sorted(items)).encode()).hexdigest()[:16]
    with form(at, f"reviewed_{review_id}_{mark}") as f:
        what = f.choice("decision", t("access_review.what"), list(options), lambda code: t(f"access_review.{code}"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("access_review.apply"))
    f.run(
        lambda _key: decide_reviewed(
            at.actor, at.app.store, now=at.now, review_id=review_id, items=items, decision=options[what or "keep"],
            reason=reason,
        ),
        done=lambda count: t("access_review.done", count=at.labels.count(count)),
    )  # fmt: skip
