"""One item of suspense: what is known, who owns it, and the forms that take it, move it or ask for its refund."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.consoles.kit.subjects import case_address
from ops_app.consoles.ledger import refund_chain, refund_form
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.suspense import SUSPENSE_REASON_NAMES
from ops_app.domain.money import Money
from ops_app.services.ledger.suspense import (
    SuspenseItem,
    SuspenseRecord,
    hand_over_suspense,
    list_suspense_owners,
    move_suspense,
    read_suspense,
    take_suspense,
)


def show(at: Here, item_id: str) -> None:
    """The record of one item."""
    t, labels = at.t, at.labels
    try:
        found = read_suspense(at.actor, at.app.store, now=at.now, item_id=item_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one, room = found.item, found.room
    st.subheader(f"{one.loan_id} · {one.payment_id}", anchor=False)
    day = labels.day(found.due_date)
    facts(
        {
            t("suspense.held"): labels.money(one.held_minor, one.currency),
            t("suspense.requested"): labels.money(one.requested_minor, one.currency),
            t("suspense.free"): labels.money(one.free_minor, one.currency),
            t("suspense.applied"): labels.money(room.applied_minor, one.currency),
            t("suspense.reason"): labels.named(SUSPENSE_REASON_NAMES, found.reason),
            t("suspense.age"): labels.count(found.age_days),
            t("suspense.due"): t("suspense.late", day=day) if found.is_late else day,
            t("suspense.owner"): one.owner_name or t("suspense.owners.nobody"),
            t("suspense.debtor"): one.debtor_name or "",
            t("repayments.payer"): labels.listing([it for it in (one.payer_name, one.payer_account) if it]),
        }
    )
    with st.container(horizontal=True):
        st.link_button(t("suspense.to_payment"), f"/repayments?repayment_id={one.source_code}/{one.payment_id}")
        if one.case_id is not None:
            st.link_button(t("repayments.to_case"), f"{case_address(at, one.case_id)}&case_tab=ledger")
    refund_chain.show(at, found.refunds)
    if at.may("suspense.decide"):
        _own(at, one)
        if one.free_minor > 0:
            _move(at, one)
    else:
        st.caption(names.who_may(at, "suspense.decide"))
    _refund(at, found)


def _own(at: Here, one: SuspenseItem) -> None:
    t = at.t
    with st.expander(t("suspense.own")):
        people = list_suspense_owners(at.actor, at.app.store, now=at.now)
        with form(at, f"suspense_own_{one.item_id}") as f:
            version = f.version(one.version)
            who = f.choice(
                "owner_id", t("suspense.owner"),
                [at.actor.person_id, *(it for it in people if it != at.actor.person_id)],
                lambda code: t("suspense.myself") if code == at.actor.person_id else people[code],
            )  # fmt: skip
            reason = f.reason("reason", t("suspense.why_handed"))
            f.submit(t("suspense.give"))

        def give(_key: str) -> None:
            if who == at.actor.person_id:
                take_suspense(at.actor, at.app.store, now=at.now, item_id=one.item_id, version=version)
            else:
                hand_over_suspense(at.actor, at.app.store, now=at.now, item_id=one.item_id, version=version,
                                   owner_id=str(who), reason=reason)  # fmt: skip

        f.run(give, done=t("suspense.given"))


def _move(at: Here, one: SuspenseItem) -> None:
    t = at.t
    with st.expander(t("suspense.move")):
        st.caption(t("suspense.move_help"))
        with form(at, f"suspense_move_{one.item_id}") as f:
            version = f.version(one.version)
            case_id = f.text("into_case_id", t("suspense.case"), value=one.case_id or "", max_chars=64)
            amount = f.text(
                "amount_minor", t("calculator.amount", currency=one.currency),
                value=f"{Money(one.free_minor, one.currency).amount}", max_chars=20,
            )  # fmt: skip
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("suspense.move_do"))
        f.require({"into_case_id": case_id, "amount_minor": amount, "reason": reason})
        f.run(
            lambda key: move_suspense(
                at.actor, at.app.store, now=at.now, item_id=one.item_id, version=version,
                into_case_id=case_id,
                amount_minor=refund_form.minor(amount, one.currency), reason=reason, key=key,
            ),
            done=t("suspense.moved"),
        )  # fmt: skip


def _refund(at: Here, found: SuspenseRecord) -> None:
    t = at.t
    if not at.may("refunds.request"):
        st.caption(names.who_may(at, "refunds.request"))
    elif found.room.free_minor > 0 or found.room.applied_free_minor > 0:
        with st.expander(t("refunds.ask")):
            refund_form.show(at, found.item.source_code, found.item.payment_id, found.item.currency,
                             item_id=found.item.item_id, free_minor=found.room.free_minor)  # fmt: skip
