"""What people decide on messages: try a dead letter again, or give up what cannot be handled. Each with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ops_app.domain.canonical import content_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.messages import (
    NEVER_REPLAYED,
    WHY_HELD_NAMES,
    BadMessage,
    MessageState,
    WhyHeld,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.message_intake import OBJECT, fields_of, reread
from ops_app.services.organisation.message_reading import NoSuchMessage
from ops_app.store.organisation import message_lists, messages
from ops_app.store.organisation.message_lists import InboundMessage
from ops_app.store.store import Store, Transaction

LARGEST_BULK = 200
_INBOX = "messages.decided"


class MessageMoved(Conflict):
    """The message does not stand where this could be done to it."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Message {number} was dealt with meanwhile. Look again, then decide.",
            f"报文 {number} 已被处理，请刷新后再决定。",
        )


@act("messages.decide")
def retry_messages(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    chosen: Mapping[int, int],
    reason: str,
    key: str,
    evidence: Path | None = None,
) -> int:
    """Let the dead letters and parked messages in ``chosen`` (number → version that was read) be tried now, all of them
    or none, once a ``key``; how many. A dead letter begins its tries anew, and its text is read by what is understood
    today; ``evidence`` has the key of those that are sealed.

    Raises ``NoSuchMessage``, ``MessageMoved``, ``Invalid`` for what no replay can mend, ``NoKey``.
    """
    return _decide(actor, store, now, chosen, reason, key, "retried", evidence)


@act("messages.decide")
def give_up_messages(
    actor: Actor, store: Store, *, now: datetime, chosen: Mapping[int, int], reason: str, key: str
) -> int:
    """Give up the dead letters and parked messages in ``chosen`` (number → version that was read): they stay, hold up
    nothing and are tried no more unless somebody retries them. Returns how many; raises as ``retry_messages``."""
    return _decide(actor, store, now, chosen, reason, key, "given_up")


def _decide(
    actor: Actor,
    store: Store,
    now: datetime,
    chosen: Mapping[int, int],
    reason: str,
    key: str,
    what: str,
    evidence: Path | None = None,
) -> int:
    why = checked_reason(reason)
    if not 1 <= len(chosen) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} messages.", f"请选择 1 至 {LARGEST_BULK} 条报文。", field="chosen")
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash([what, sorted(map(list, chosen.items())), why]))
        claim.refuse_conflict()
        if not claim.is_new:
            return int(claim.answer["count"])
        found = message_lists.read_many(transaction.connection, sorted(chosen), lock=True)
        for number, version in sorted(chosen.items()):
            one = found.get(number)
            if one is None or scope_of(actor).reach is not Reach.ALL:
                raise NoSuchMessage
            values = _again(transaction, one, evidence) if what == "retried" else _given_up(one, now)
            if not messages.change(transaction.connection, number, version, values):
                raise MessageMoved(number)
            transaction.audit(
                f"message.{what}", OBJECT, f"{one.source_code}/{one.message_id}",
                before={"state": one.state, "why": one.why}, after={"number": number}, reason=why,
            )  # fmt: skip
        transaction.answer(_INBOX, key, {"count": len(chosen)})
    return len(chosen)


def _given_up(one: InboundMessage, now: datetime) -> dict[str, Any]:
    if one.state not in (MessageState.DEAD, MessageState.PARKED):
        raise MessageMoved(one.number)
    return {"state": MessageState.GIVEN_UP.value, "handled_at": now, "waits_for": None}


def _again(transaction: Transaction, one: InboundMessage, evidence: Path | None) -> dict[str, Any]:
    if one.state is MessageState.PARKED:
        return {"next_try_at": transaction.now}
    if one.state not in (MessageState.DEAD, MessageState.GIVEN_UP):
        raise MessageMoved(one.number)
    text = message_lists.text_of(transaction.connection, one.number)
    why = WhyHeld(one.why) if one.why else None
    if text is None or why in NEVER_REPLAYED or why is WhyHeld.OTHER_SOURCE:
        en, zh = WHY_HELD_NAMES[why or WhyHeld.UNREADABLE]
        raise Invalid(
            f"Message {one.number} cannot be tried again ({en}). The sender sends it anew, or it is given up.",
            f"报文 {one.number} 无法重试（{zh}）。请发送方更正后重新发送，或放弃处理。",
        )
    try:
        envelope, content = reread(text, transaction.now, evidence)
    except BadMessage as wrong:
        raise Invalid(
            f"Message {one.number} still cannot be read: {wrong.en}", f"报文 {one.number} 仍无法识别：{wrong.zh}"
        ) from wrong
    values = {
        "state": MessageState.WAITING.value, "why": None, "why_en": None, "why_zh": None, "waits_for": None,
        "tries": 0, "next_try_at": transaction.now, "handled_at": None, "parked_at": None,
    }  # fmt: skip
    if one.loan_id is not None:
        return values
    fields = fields_of(envelope) | {"body_hash": content}
    known = messages.known(transaction.connection, [(envelope.source_code, envelope.message_id)])
    if any(it.body_hash == content for it in known):
        raise Conflict(
            f"Message {one.number} came again meanwhile and was taken then. Give this one up.",
            f"报文 {one.number} 已重新收到并受理，请放弃此条。",
        )
    return values | fields | {"is_first": not known}
