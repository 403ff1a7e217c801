"""How many messages stand where, how far each source is behind, and whether anybody takes them out."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.messages import MESSAGE_STATE_NAMES
from ops_app.domain.paging import MOST_COUNTED
from ops_app.services.organisation.message_consumer import SILENT
from ops_app.services.organisation.message_reading import MessageFigures, SourceLag, message_figures


def counted(at: Here, many: int) -> str:
    """A count, as far as it was counted."""
    if many > MOST_COUNTED:
        return at.t("lists.at_least", count=at.labels.count(MOST_COUNTED))
    return at.labels.count(many)


def show(at: Here) -> MessageFigures:
    """The consumer, the totals by state, and the lag of each source; what is wrong stands above."""
    t, labels = at.t, at.labels
    found = message_figures(at.actor, at.app.store, now=at.now)
    consumer = found.consumer
    if consumer is None:
        st.warning(t("messages.no_consumer"))
    elif at.now - consumer.renewed_at > SILENT:
        st.error(t("messages.silent", since=labels.moment(consumer.renewed_at)))
    elif consumer.trouble:
        st.error(t("messages.trouble", what=consumer.trouble))
    said = {labels.named(MESSAGE_STATE_NAMES, state): counted(at, many) for state, many in found.counts.items()}
    if consumer is not None:
        embedded = consumer.broker == "embedded"
        said[t("messages.broker")] = t("messages.embedded") if embedded else consumer.broker
        said[t("messages.seen")] = labels.moment(consumer.renewed_at)
    facts(said)
    if found.lags:
        tables.show_rows(_columns(at), found.lags, title=t("messages.lag"))
    return found


def _columns(at: Here) -> tuple[tables.Column[SourceLag], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[SourceLag]
    return (
        Column("source", t("messages.source"), lambda one: one.source_code),
        Column("waiting", t("messages.waiting"), lambda one: labels.count(one.waiting), right=True),
        Column("parked", t("messages.parked"), lambda one: labels.count(one.parked), right=True),
        Column("oldest", t("messages.oldest"), lambda one: labels.moment(one.oldest_received_at)),
        Column("age", t("messages.behind"),
               lambda one: labels.duration(at.now - one.oldest_received_at) if one.oldest_received_at else "–"),
        Column("handled", t("messages.last_handled"), lambda one: labels.moment(one.last_handled_at)),
    )  # fmt: skip
