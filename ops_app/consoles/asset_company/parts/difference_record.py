"""One difference between ledger and feed: what is known, and what may be done."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts.difference_list import part
from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.consoles.pages import PAGES
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.differences import DIFFERENCE_STATE_NAMES, DifferenceState
from ops_app.services.ledger.differences import Difference, ask_accept, leave_open, read_difference, take_difference

CASES = next(spec.path for spec in PAGES if spec.key == "cases")
ACTS = ("take", "leave", "accept")


def show(at: Here, difference_id: str) -> None:
    """The record of one difference."""
    t, labels = at.t, at.labels
    try:
        one = read_difference(at.actor, at.app.store, now=at.now, difference_id=difference_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(f"{one.loan_id} · {part(at, one.component)}", anchor=False)
    facts(
        {
            t("differences.state"): labels.named(DIFFERENCE_STATE_NAMES, one.state),
            t("differences.by_ledger"): labels.money(one.ledger_minor, one.currency),
            t("differences.by_feed"): labels.money(one.feed_minor, one.currency),
            t("books.difference"): labels.money(one.difference_minor, one.currency),
            t("cases.as_of"): labels.day(one.as_of_date),
            t("differences.opened"): labels.day(one.opened_date),
            t("differences.owner"): one.owner_name or "",
            t("forms.reason"): one.reason or "",
        }
    )
    st.page_link(CASES, label=t("differences.case"), query_params={"case_id": one.case_id, "case_tab": "ledger"})
    if one.state != DifferenceState.OPEN.value:
        st.caption(t("differences.over"))
    elif at.may("differences.decide"):
        _act(at, one)
    else:
        st.caption(names.who_may(at, "differences.decide"))


def _act(at: Here, one: Difference) -> None:
    t = at.t
    with form(at, f"difference_{one.difference_id}") as f:
        version = f.version(one.version)
        what = f.choice("what", t("differences.what"), ACTS, lambda code: t(f"differences.acts.{code}"), index=None)
        reason = f.reason("reason", t("differences.why"))
        f.submit(t("differences.do"))
    f.require({"what": what})

    def run(key: str) -> str:
        given = {"now": at.now, "difference_id": one.difference_id, "version": version}
        if what == "take":
            take_difference(at.actor, at.app.store, **given)
        elif what == "leave":
            leave_open(at.actor, at.app.store, reason=reason, **given)
        else:
            ask_accept(at.actor, at.app.store, reason=reason, key=key, **given)
        return str(what)

    f.run(run, done=lambda done: t(f"differences.done.{done}"))
