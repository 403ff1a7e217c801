"""The list of messages by state."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.message_figures import counted
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.organisation.messages import (
    CHANNEL_NAMES,
    MESSAGE_KIND_NAMES,
    MESSAGE_STATE_NAMES,
    WHY_HELD_NAMES,
    MessageState,
)
from ops_app.services.organisation.message_reading import (
    InboundMessage,
    MessageFigures,
    MessageFilter,
    MessagesPage,
    list_messages,
)

STATES = (
    MessageState.DEAD, MessageState.PARKED, MessageState.WAITING, MessageState.GIVEN_UP, MessageState.DONE,
)  # fmt: skip
ORDERS = ("number+", "number-", "loan_id+", "loan_id-")


def show(at: Here, figures: MessageFigures) -> tuple[Sequence[InboundMessage], Sequence[InboundMessage]]:
    """Filters, the list with its export, the rows shown and those selected."""
    t, language = at.t, at.actor.language
    one, two, three, four = st.columns(4)
    with one:
        state = url.choice(
            "messages_state", t("messages.state"), [it.value for it in STATES],
            lambda code: at.labels.named(MESSAGE_STATE_NAMES, code), default=STATES[0].value, language=language,
        )  # fmt: skip
    with two:
        source = url.choice(
            "messages_source", t("messages.source"), ["", *(lag.source_code for lag in figures.lags)],
            lambda code: code or t("lists.all"), default="", language=language,
        )  # fmt: skip
    with three:
        loan = url.text("messages_loan", t("messages.loan"), placeholder=t("messages.whole_loan"), language=language)
    narrowed = bool(source or loan.strip())
    orders = ORDERS[:2] if narrowed else ORDERS
    with four:
        order = url.choice(
            "messages_sort", t("lists.sort"), orders,
            lambda code: f"{t(f'messages.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}", default=ORDERS[0],
            language=language,
        )  # fmt: skip
    # a loan says its source too: of both the loan counts
    wanted = MessageFilter(MessageState(state), None if loan.strip() else source or None, loan.strip() or None)
    last: list[MessagesPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[InboundMessage], str | None]:
        page = list_messages(
            at.actor, at.app.store, now=at.now, wanted=wanted, sort=order[:-1], descending=order.endswith("-"),
            after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="messages", title=t("page.messages.title"), columns=_columns(at), row_id=lambda it: str(it.number),
        fetch=fetch,
    )  # fmt: skip
    filters = {"state": state, "source": source, "loan": loan.strip(), "sort": order}
    place = st.container(horizontal=True)
    empty = t("messages.none") if any(figures.counts.values()) else t("messages.none_ever")
    rows, selected = tables.show_keyed(at, stream, filters, empty=empty, narrowed=narrowed)
    if rows:
        place.caption(t("messages.total", count=counted(at, last[0].total)))
        export_stream(at, stream, filters, place)
    return rows, selected


def why(at: Here, one: InboundMessage) -> str:
    """Why it stands where it stands, in a few words."""
    return at.labels.named(WHY_HELD_NAMES, one.why) if one.why else "–"


def _columns(at: Here) -> tuple[tables.Column[InboundMessage], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[InboundMessage]
    return (
        Column("number", t("messages.number"), lambda one: labels.count(one.number), right=True),
        Column("received", t("messages.received"), lambda one: labels.moment(one.received_at)),
        Column("age", t("messages.age"), lambda one: labels.days((at.now - one.received_at).days), right=True),
        Column("source", t("messages.source"), lambda one: one.source_code, width="small"),
        Column("id", t("messages.id"), lambda one: one.message_id),
        Column("kind", t("messages.kind"), lambda one: labels.named(MESSAGE_KIND_NAMES, one.kind)),
        Column("loan", t("messages.loan"), lambda one: one.loan_id or "–"),
        Column("why", t("messages.why"), lambda one: why(at, one)),
        Column("tries", t("messages.tries"), lambda one: labels.count(one.tries), right=True),
        Column("delivered", t("messages.delivered"), lambda one: labels.count(one.deliveries), right=True),
        Column("channel", t("messages.channel"), lambda one: labels.named(CHANNEL_NAMES, one.channel)),
        Column("handled", t("messages.handled"), lambda one: labels.moment(one.handled_at)),
    )  # fmt: skip
