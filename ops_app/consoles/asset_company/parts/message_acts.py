"""One message, or several that are selected: what is known, and what a person may decide."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.message_list import why
from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.messages import (
    CHANNEL_NAMES,
    MESSAGE_KIND_NAMES,
    MESSAGE_STATE_NAMES,
    NEVER_REPLAYED,
    MessageState,
    WhyHeld,
)
from ops_app.services.organisation.message_deciding import give_up_messages, retry_messages
from ops_app.services.organisation.message_reading import InboundMessage, read_message

RETRY, GIVE_UP = "retry", "give_up"
_DECIDED = frozenset({MessageState.DEAD, MessageState.PARKED, MessageState.GIVEN_UP})


def show(at: Here, rows: Sequence[InboundMessage], selected: Sequence[InboundMessage]) -> None:
    """Several selected messages are decided on together; one is opened."""
    if len(selected) > 1:
        st.subheader(at.t("messages.selected", count=at.labels.count(len(selected))), anchor=False)
        _decide(at, selected)
        return
    chosen = choose_among(
        at, "messages", rows, selected, row_id=lambda one: str(one.number), label=at.t("messages.open"),
        show=lambda one: f"{at.labels.count(one.number)} · {one.message_id}",
    )  # fmt: skip
    if chosen:
        _record(at, chosen)


def _record(at: Here, identity: str) -> None:
    t, labels = at.t, at.labels
    try:
        one = read_message(at.actor, at.app.store, now=at.now, number=int(identity) if identity.isdecimal() else 0)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(f"{one.source_code} · {one.message_id}", anchor=False)
    said = one.why_zh if at.actor.language == "zh" else one.why_en
    if said:
        (st.error if one.state is MessageState.DEAD else st.info)(said)
    facts(
        {
            t("messages.state"): labels.named(MESSAGE_STATE_NAMES, one.state),
            t("messages.why"): why(at, one),
            t("messages.did"): t(f"messages.outcome.{one.outcome}") if one.outcome else "–",
            t("messages.kind"): labels.named(MESSAGE_KIND_NAMES, one.kind),
            t("messages.version"): labels.count(one.schema_version),
            t("messages.loan"): one.loan_id or "–",
            t("messages.order"): str(one.order_no) if one.order_no is not None else "–",
            t("messages.channel"): labels.named(CHANNEL_NAMES, one.channel),
            t("messages.received"): labels.moment(one.received_at),
            t("messages.next_try"): labels.moment(one.next_try_at) if one.handled_at is None else "–",
            t("messages.handled"): labels.moment(one.handled_at),
            t("messages.tries"): labels.count(one.tries),
            t("messages.delivered"): labels.count(one.deliveries),
            t("messages.bytes"): labels.count(one.size_bytes),
            t("messages.hash"): one.body_hash,
        }
    )
    _decide(at, [one])


def _decide(at: Here, chosen: Sequence[InboundMessage]) -> None:
    t, labels = at.t, at.labels
    if not at.may("messages.decide"):
        st.caption(names.who_may(at, "messages.decide"))
        return
    if not all(one.state in _DECIDED for one in chosen):
        st.caption(t("messages.nothing"))
        return
    may_retry = all(one.why is None or WhyHeld(one.why) not in NEVER_REPLAYED for one in chosen)
    may_give_up = all(one.state is not MessageState.GIVEN_UP for one in chosen)
    offered = [what for what, may in ((RETRY, may_retry), (GIVE_UP, may_give_up)) if may]
    if not offered:
        st.caption(t("messages.nothing"))
        return
    if not may_retry:
        st.caption(t("messages.no_retry"))
    with form(at, f"messages_{key_hash(*(str(one.number) for one in chosen))[:16]}") as f:
        versions = f.version({one.number: one.version for one in chosen})
        what = f.choice("what", t("messages.what"), offered, lambda code: t(f"messages.acts.{code}"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("messages.do"))
    f.require({"what": what})

    def act(key: str) -> int:
        if what == RETRY:
            evidence = at.app.settings.evidence
            return retry_messages(
                at.actor, at.app.store, now=at.now, chosen=versions, reason=reason, key=key, evidence=evidence
            )
        return give_up_messages(at.actor, at.app.store, now=at.now, chosen=versions, reason=reason, key=key)

    f.run(
        act,
        done=lambda count: t(f"messages.done.{what}", count=labels.count(count)),
    )
