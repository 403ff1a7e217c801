"""Delegation: who decides for the reader while they are away, and for whom the reader decides."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt, form
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import Delegation


def show(at: Here) -> None:
    """What was delegated to the reader, what they delegated, and the form for a new delegation."""
    t = at.t
    given, taken = engine.list_delegations(at.actor, at.app.store, now=at.now)
    if taken:
        st.subheader(t("approvals.taken"), anchor=False)
        tables.show_rows(_columns(at, "from_name"), taken, title=t("approvals.taken"))
    st.subheader(t("approvals.given"), anchor=False)
    if given:
        tables.show_rows(_columns(at, "to_name"), given, title=t("approvals.given"))
    else:
        st.info(t("approvals.none.delegation"))
    for one in given:
        if one.revoked_at is None and at.now < one.ends_at and st.button(
            t("approvals.end", name=one.to_name), key=f"end_{one.delegation_id}"
        ):  # fmt: skip
            attempt(at, lambda one=one: _end(at, one), done=t("approvals.ended"))  # type: ignore[misc]
    _new(at)


def _columns(at: Here, person: str) -> tuple[tables.Column[Delegation], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Delegation]
    return (
        Column(person, t(f"approvals.{person}"), lambda one: str(getattr(one, person))),
        Column("starts", t("approvals.starts"), lambda one: labels.moment(one.starts_at)),
        Column("ends", t("approvals.ends"), lambda one: labels.moment(one.revoked_at or one.ends_at)),
        Column("reason", t("forms.reason"), lambda one: one.reason),
        Column("holds", t("approvals.holds"), lambda one: t("labels.yes" if one.is_valid(at.now) else "labels.no")),
    )


def _end(at: Here, one: Delegation) -> None:
    engine.end_delegation(
        at.actor, at.app.store, now=at.now, delegation_id=one.delegation_id, expected_version=one.version
    )


def _new(at: Here) -> None:
    t = at.t
    people = {one.person_id: one for one in engine.possible_delegates(at.actor, at.app.store, now=at.now)}
    if not people:
        st.caption(t("approvals.nobody"))
        return
    with st.expander(t("approvals.delegate")), form(at, "delegate") as f:
        person = f.choice(
            "to_person_id",
            t("approvals.to_name"),
            list(people),
            lambda one: f"{people[one].display_name} ({at.labels.role(people[one].role)})",
            index=None,
        )
        first = f.day("starts_at", t("approvals.first_day"), at.today)
        last = f.day("ends_at", t("approvals.last_day"), at.today + timedelta(days=7))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("approvals.delegate"))  # fmt: skip
    f.require({"to_person_id": person, "starts_at": first, "ends_at": last})
    if first is None or last is None:
        return
    f.run(
        lambda key: engine.delegate(
            at.actor, at.app.store, now=at.now, to_person_id=str(person), starts_at=_midnight(at, first),
            ends_at=_midnight(at, last + timedelta(days=1)), reason=reason, key=key,
        ),
        done=t("approvals.delegated"),
    )  # fmt: skip


def _midnight(at: Here, day: date) -> datetime:
    """The moment at which ``day`` begins in the installation's zone."""
    return datetime.combine(day, time(), at.app.settings.zone)
