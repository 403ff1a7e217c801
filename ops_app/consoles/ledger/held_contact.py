"""The desk of held contact: payments that are not matched or are disputed, the longest due first, until decided."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.subjects import case_address
from ops_app.domain.contact.holds import HOLD_CAUSE_NAMES, UNTIL_DECIDED, ContactHold, HoldCause
from ops_app.services.casework.cases import Case
from ops_app.services.contact.deciding import WaitingPage, list_waiting, release_hold, take_hold

Row = tuple[ContactHold, Case]


def show(at: Here) -> None:
    """The queue, and what may be done with the one that is chosen."""
    t, labels = at.t, at.labels
    causes = [one.value for one in HoldCause if one in UNTIL_DECIDED]
    cause = url.choice(
        "held_cause", t("holds.cause"), ["", *causes],
        lambda code: labels.named(HOLD_CAUSE_NAMES, code) if code else t("lists.all"), default="",
        language=at.actor.language,
    )  # fmt: skip
    last: list[WaitingPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Row], str | None]:
        page = list_waiting(
            at.actor, at.app.store, now=at.now, cause=HoldCause(cause) if cause else None, after=after, limit=limit
        )
        last[:] = [page]
        return page.rows, page.next_after

    def owner(row: Row) -> str:
        return last[0].owners.get(row[0].owner_id or "", "") or t("holds.nobody")

    Column = tables.Column[Row]
    stream = tables.Stream(
        name="held", title=t("repayments.part.held"), row_id=lambda row: row[0].hold_id, fetch=fetch,
        columns=(
            Column("due", t("holds.due"), lambda row: _due(at, row[0])),
            Column("cause", t("holds.cause"), lambda row: labels.named(HOLD_CAUSE_NAMES, row[0].cause)),
            Column("payment", t("cases.payment"), lambda row: row[0].because_id),
            Column("loan", t("cases.loan"), lambda row: row[1].loan_id),
            Column("balance", t("cases.balance"), lambda row: labels.money(row[1].balance_minor, row[1].currency),
                   right=True),
            Column("agency", t("cases.agency"), lambda row: row[1].agency_code or "–"),
            Column("owner", t("holds.owner"), owner),
            Column("begun", t("holds.begun"), lambda row: labels.moment(row[0].begun_at)),
        ),
    )  # fmt: skip
    rows, selected = tables.show_keyed(at, stream, {"cause": cause}, empty=t("holds.none"), narrowed=bool(cause))
    chosen = choose_among(
        at, "held", rows, selected, row_id=lambda row: row[0].hold_id, label=t("holds.open"),
        show=lambda row: f"{row[1].loan_id} · {labels.named(HOLD_CAUSE_NAMES, row[0].cause)}",
    )  # fmt: skip
    one = next((row for row in rows if row[0].hold_id == chosen), None)
    if one is not None:
        _decide(at, *one)


def _due(at: Here, one: ContactHold) -> str:
    day = at.labels.moment(one.due_at)
    return at.t("holds.late", when=day) if one.is_late_at(at.now) else day


def _decide(at: Here, one: ContactHold, case: Case) -> None:
    t = at.t
    st.subheader(f"{case.loan_id} · {one.because_id}", anchor=False)
    with st.container(horizontal=True):
        st.link_button(t("repayments.to_case"), case_address(at, case.case_id))
        st.link_button(t("holds.to_payment"), f"/repayments?repayment_id={one.because_id}")
    with form(at, f"hold_{one.hold_id}") as f:
        version = f.version(one.version)
        what = f.choice("what", t("holds.what"), ["take", "release"], lambda code: t(f"holds.acts.{code}"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("holds.do"))
    f.run(lambda _key: _act(at, one, version, str(what), reason), done=t("holds.done"))


def _act(at: Here, one: ContactHold, version: int, what: str, reason: str) -> None:
    if what == "take":
        take_hold(at.actor, at.app.store, now=at.now, hold_id=one.hold_id, version=version)
    else:
        release_hold(at.actor, at.app.store, now=at.now, hold_id=one.hold_id, version=version, reason=reason)
