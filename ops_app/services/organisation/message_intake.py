"""Messages come in: each (source, message id) once for ever, whatever the channel and however often it is delivered.

A message is received when it stands in the inbox, and only then is its sender or broker told so. What is no message of
ours stands there too, as a dead letter with its reason, so that nothing is dropped silently.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from ops_app.domain.errors import NotReady
from ops_app.domain.organisation.messages import (
    MOST_BYTES,
    PERSONAL,
    WHY_HELD_NAMES,
    BadMessage,
    Channel,
    Envelope,
    MessageState,
    WhyHeld,
    digest_of,
    read_envelope,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.message_kinds import handlers
from ops_app.services.organisation.notifications import enter_notification
from ops_app.store.casework import debtor_parts
from ops_app.store.casework.keys import NoKey, PersonalKey
from ops_app.store.organisation import messages
from ops_app.store.organisation.messages import KnownMessage
from ops_app.store.store import Store, StoreBusy, Transaction

OBJECT = "message"
_UNNAMED = "unnamed"
_SEALED = "sealed:"
_SAYS_PERSONAL = re.compile(rb'"kind"\s*:\s*"(' + "|".join(sorted(PERSONAL)).encode() + rb')"')


class StoreTrouble(NotReady):
    """The ops store cannot be written at this moment; no message is at fault, and none counts a try."""

    def __init__(self) -> None:
        super().__init__(
            "The ops store cannot be written. Messages wait until it can.", "运营库暂不可写，报文等待处理。"
        )


@dataclass(frozen=True)
class Delivery:
    """What a channel delivered. ``source_code`` is the source that the channel knows it to be of (by its signature),
    if any; ``fault`` is what the channel itself found wrong with it."""

    raw: bytes
    channel: Channel
    source_code: str | None = None
    fault: tuple[WhyHeld, str, str] | None = None


@dataclass(frozen=True)
class TakenIn:
    """What a delivery is now: where its message stands, and whether it is new. ``why`` and the sentences are those of a
    dead letter."""

    number: int
    message_id: str
    source_code: str
    state: MessageState
    is_new: bool
    why: WhyHeld | None = None
    en: str = ""
    zh: str = ""


@act("system.run")
def take_in(
    actor: Actor, store: Store, *, now: datetime, deliveries: Sequence[Delivery], evidence: Path | None = None
) -> list[TakenIn]:
    """Enter ``deliveries`` in the inbox, all of them in one transaction; what each is now, in their order.

    A repetition is counted and changes nothing. Other content under a known id, and everything that is no message of
    ours, becomes a dead letter, which is written to the audit log and announced once a day and source. All are
    committed when this returns: only then may a channel be told that they were received. What tells of a person is
    sealed with the key of personal data in ``evidence``. Raises ``StoreTrouble``, ``NoKey``.
    """
    try:
        return _take_in(actor, store, now, deliveries, evidence)
    except (OperationalError, StoreBusy) as trouble:
        raise StoreTrouble from trouble


def _take_in(
    actor: Actor, store: Store, now: datetime, deliveries: Sequence[Delivery], evidence: Path | None
) -> list[TakenIn]:
    rows = [_row(one, now) for one in deliveries]
    # in the order of their keys, so that two processes do not wait for each other
    order = sorted(range(len(rows)), key=lambda place: (rows[place]["source_code"], rows[place]["message_id"]))
    found: dict[int, TakenIn] = {}
    with store.writing(actor, now) as transaction:
        _seal(transaction, [row for one, row in zip(deliveries, rows, strict=True) if _is_personal(one, row)], evidence)
        known: dict[tuple[str, str], list[KnownMessage]] = {}
        for one in messages.known(transaction.connection, [_key(row) for row in rows]):
            known.setdefault((one.source_code, one.message_id), []).append(one)
        for place in order:
            found[place] = _enter(transaction, rows[place], known)
        counts: dict[Channel, Counter[bool]] = {}
        for place, delivery in enumerate(deliveries):
            counts.setdefault(delivery.channel, Counter())[found[place].is_new] += 1
        for channel, count in sorted(counts.items()):
            messages.note_arrival(transaction.connection, channel, now, count[True], count[False])
    return [found[place] for place in range(len(rows))]


def _is_personal(one: Delivery, row: Mapping[str, Any]) -> bool:
    """Whether a message, or what would be one, tells of a person."""
    return row.get("kind") in PERSONAL or _SAYS_PERSONAL.search(one.raw[:MOST_BYTES]) is not None


def _seal(transaction: Transaction, rows: Sequence[dict[str, Any]], evidence: Path | None) -> None:
    """Nothing of these is readable, or can be guessed by its hash, without the key."""
    if not rows:
        return
    if evidence is None:
        raise NoKey
    key = PersonalKey.load_or_make(evidence, sealed_with=debtor_parts.sealed_with(transaction.connection))
    for row in rows:
        row["body_hash"] = key.digest(row["body_hash"])
        row["body"] = None if row["body"] is None else _SEALED + key.seal_text(OBJECT, row["body"])


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return (row["source_code"], row["message_id"])


def _row(one: Delivery, now: datetime) -> dict[str, Any]:
    """The message as the inbox keeps it."""
    row: dict[str, Any] = {
        "channel": one.channel.value, "is_first": True, "tries": 0, "deliveries": 1, "size_bytes": len(one.raw),
        "received_at": now, "next_try_at": now, "version": 1, "body": _kept(one.raw),
    }  # fmt: skip
    try:
        if one.fault is not None:
            raise BadMessage(*one.fault)
        envelope = read_envelope(one.raw, now)
        row |= fields_of(envelope)
        if one.source_code not in (None, envelope.source_code):
            raise BadMessage(
                WhyHeld.OTHER_SOURCE, f"It was signed by {one.source_code} and says it is of {envelope.source_code}.",
                f"由 {one.source_code} 签名，报文来源却为 {envelope.source_code}。", message_id=envelope.message_id,
            )  # fmt: skip
    except BadMessage as wrong:
        digest = digest_of(one.raw)
        # kept under a name of its own: what was refused must not take the id of the message that comes put right
        row |= {
            "source_code": one.source_code or wrong.source_code or _UNNAMED,
            "message_id": f"{digest[:16]}/{wrong.message_id}"[:200],
            "body_hash": digest,
            "is_first": False,
        }
        return row | _dead(wrong.why, wrong.en, wrong.zh, now)
    return row | {"state": MessageState.WAITING.value}


def fields_of(envelope: Envelope) -> dict[str, Any]:
    """What the inbox keeps of an envelope beside the text of it."""
    return {
        "message_id": envelope.message_id,
        "source_code": envelope.source_code,
        "body_hash": envelope.content_hash,
        "kind": envelope.kind.value,
        "schema_version": envelope.schema_version,
        "loan_id": envelope.loan_id,
        "order_no": envelope.order_no,
        "subject": handlers()[envelope.kind].subject(envelope.body),
    }


def _dead(why: WhyHeld, en: str, zh: str, now: datetime) -> dict[str, Any]:
    return {
        "state": MessageState.DEAD.value, "why": why.value, "why_en": en[:1000], "why_zh": zh[:1000], "handled_at": now
    }  # fmt: skip


def _kept(raw: bytes) -> str | None:
    """The text of a message; nothing of what is too long or no text, of which the hash and the length are kept."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _enter(transaction: Transaction, row: dict[str, Any], known: dict[tuple[str, str], list[KnownMessage]]) -> TakenIn:
    connection, key = transaction.connection, _key(row)
    for _ in range(3):
        before = known.get(key, [])
        same = next((one for one in before if one.body_hash == row["body_hash"]), None)
        if same is not None:
            messages.count_again(connection, same.number)
            why = None if same.why is None else WhyHeld(same.why)
            return TakenIn(same.number, key[1], key[0], same.state, False, why, same.why_en or "", same.why_zh or "")
        wanted = row
        if before and row["is_first"]:
            wanted = row | {"is_first": False} | _dead(
                WhyHeld.OTHER_CONTENT, f"Message {key[1]} of {key[0]} came before with other content.",
                f"{key[0]} 的报文 {key[1]} 已收到过，但内容不同。", transaction.now,
            )  # fmt: skip
        number = messages.enter(connection, wanted)
        if number is not None:
            made = _made(number, wanted)
            known.setdefault(key, []).append(made)
            if made.state is MessageState.DEAD:
                note_dead(transaction, key, WhyHeld(wanted["why"]), {"body_hash": row["body_hash"]})
            why = None if made.why is None else WhyHeld(made.why)
            return TakenIn(number, key[1], key[0], made.state, True, why, made.why_en or "", made.why_zh or "")
        # another process entered it between our look and our entry
        known[key] = messages.known(connection, [key])
    raise RuntimeError(f"message {key} can be neither found nor entered")


def _made(number: int, row: Mapping[str, Any]) -> KnownMessage:
    return KnownMessage(
        number, row["source_code"], row["message_id"], row["body_hash"], MessageState(row["state"]), row.get("why"),
        row.get("why_en"), row.get("why_zh"),
    )  # fmt: skip


def note_dead(transaction: Transaction, key: tuple[str, str], why: WhyHeld, facts: Mapping[str, object]) -> None:
    """Write a dead letter to the audit log, and announce the first of a source and day."""
    source, message_id = key
    transaction.audit("message.dead", OBJECT, f"{source}/{message_id}", after={"why": why, **facts})
    en, zh = WHY_HELD_NAMES[why]
    enter_notification(
        transaction, "message_dead", source, today(transaction.now),
        f"A message of {source} could not be handled ({en}). It waits on the page Messages.",
        f"{source} 有报文无法处理（{zh}），请在“报文”页面处理。",
    )  # fmt: skip


def reread(body: str, now: datetime, evidence: Path | None = None) -> tuple[Envelope, str]:
    """The envelope of a kept text, as it is understood now, and the hash under which the inbox knows its content;
    raises ``BadMessage``, ``NoKey``."""
    envelope = read_envelope(_opened(body, evidence).encode(), now)
    if not body.startswith(_SEALED) or evidence is None:
        return envelope, envelope.content_hash
    return envelope, PersonalKey.load(evidence).digest(envelope.content_hash)


def body_of(text: str, evidence: Path | None = None) -> Mapping[str, Any]:
    """The body of a kept message that was read before."""
    body: Mapping[str, Any] = json.loads(_opened(text, evidence))["body"]
    return body


def _opened(text: str, evidence: Path | None) -> str:
    if not text.startswith(_SEALED):
        return text
    if evidence is None:
        raise NoKey
    return PersonalKey.load(evidence).open_text(OBJECT, text.removeprefix(_SEALED))
