"""The envelope of a message that a sender's system pushes: what it must say, and what is wrong with one that does not.

One envelope for every channel (REST, NATS, RabbitMQ, a file, this installation itself): a JSON object with
``message_id``, ``kind``, ``schema_version``, ``source_code``, ``loan_id`` (of customers and contacts: ``customer_id``),
``sequence`` or ``sent_at``, and ``body``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid

MOST_BYTES = 256 * 1024
"""A longer message is refused before it is read."""

EARLY = timedelta(seconds=300)
"""How far a sender's clock may be ahead of ours."""

_MOST_SEQUENCE = 10**15
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)
_NAMES = frozenset({"message_id", "kind", "schema_version", "source_code", "sequence", "sent_at", "body"})
_LONGEST_CUSTOMER = 180


class MessageKind(StrEnum):
    """What a message carries. A service registers the handler of each (``services/organisation/message_kinds.py``)."""

    PAYMENT = "payment"
    LOAN = "loan"
    BALANCE = "balance"
    INSTALMENTS = "instalments"
    CUSTOMER = "customer"
    CONTACTS = "contacts"


MESSAGE_KIND_NAMES: dict[MessageKind, tuple[str, str]] = {
    MessageKind.PAYMENT: ("payment", "还款"),
    MessageKind.LOAN: ("loan", "借据"),
    MessageKind.BALANCE: ("balance", "余额"),
    MessageKind.INSTALMENTS: ("instalments", "还款计划"),
    MessageKind.CUSTOMER: ("customer", "客户"),
    MessageKind.CONTACTS: ("contacts", "联系方式"),
}

PERSONAL = frozenset({MessageKind.CUSTOMER, MessageKind.CONTACTS})
"""Kinds whose text is sealed in the inbox, and whose messages go in the order of a customer instead of a loan."""

VERSIONS: dict[MessageKind, frozenset[int]] = {kind: frozenset({1}) for kind in MessageKind}
"""Kind → the versions of its body that are understood."""


class MessageState(StrEnum):
    """Where a message stands; each stands in exactly one."""

    WAITING = "waiting"
    PARKED = "parked"
    DONE = "done"
    DEAD = "dead"
    GIVEN_UP = "given_up"


MESSAGE_STATE_NAMES: dict[MessageState, tuple[str, str]] = {
    MessageState.WAITING: ("waiting", "待处理"),
    MessageState.PARKED: ("parked", "挂起"),
    MessageState.DONE: ("done", "已处理"),
    MessageState.DEAD: ("dead letter", "死信"),
    MessageState.GIVEN_UP: ("given up", "已放弃"),
}

OPEN_STATES = (MessageState.WAITING, MessageState.PARKED)
"""States in which a message holds up the later ones of its loan."""


class Channel(StrEnum):
    """The way a message came."""

    REST = "rest"
    NATS = "nats"
    AMQP = "amqp"
    FILE = "file"
    EMBEDDED = "embedded"


CHANNEL_NAMES: dict[Channel, tuple[str, str]] = {
    Channel.REST: ("REST", "REST 接口"),
    Channel.NATS: ("NATS", "NATS"),
    Channel.AMQP: ("RabbitMQ", "RabbitMQ"),
    Channel.FILE: ("file", "文件"),
    Channel.EMBEDDED: ("this installation", "本系统"),
}


class WhyHeld(StrEnum):
    """Why a message is a dead letter, is parked, or was not handled at the last try."""

    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    ENVELOPE = "envelope"
    UNKNOWN_KIND = "unknown_kind"
    VERSION = "version"
    FUTURE = "future"
    OTHER_SOURCE = "other_source"
    SIGNATURE = "signature"
    OTHER_CONTENT = "other_content"
    OTHER_PAYMENT = "other_payment"
    REFUSED = "refused"
    FAILED = "failed"
    NO_PARTNER = "no_partner"


WHY_HELD_NAMES: dict[WhyHeld, tuple[str, str]] = {
    WhyHeld.TOO_LARGE: ("too large", "报文过大"),
    WhyHeld.UNREADABLE: ("not readable", "无法解析"),
    WhyHeld.ENVELOPE: ("wrong envelope", "报文头有误"),
    WhyHeld.UNKNOWN_KIND: ("unknown kind", "未知报文类型"),
    WhyHeld.VERSION: ("unsupported version", "版本不支持"),
    WhyHeld.FUTURE: ("from the future", "发送时间晚于当前时间"),
    WhyHeld.OTHER_SOURCE: ("of another source", "来源不符"),
    WhyHeld.SIGNATURE: ("wrong signature", "签名有误"),
    WhyHeld.OTHER_CONTENT: ("other content under a known id", "报文编号重复而内容不同"),
    WhyHeld.OTHER_PAYMENT: ("payment known with other content", "还款流水号重复而内容不同"),
    WhyHeld.REFUSED: ("refused by a rule", "规则不接受"),
    WhyHeld.FAILED: ("failed again and again", "多次处理失败"),
    WhyHeld.NO_PARTNER: ("waits for its payment", "等待原还款"),
}

NEVER_REPLAYED = frozenset({WhyHeld.TOO_LARGE, WhyHeld.UNREADABLE, WhyHeld.ENVELOPE, WhyHeld.SIGNATURE})
"""What a replay cannot mend: the sender sends it again, put right."""


class BadMessage(Invalid):
    """A message that is no message of ours; ``why`` is the reason, ``message_id`` and ``source_code`` as far as they
    could be read."""

    def __init__(
        self, why: WhyHeld, en: str, zh: str, *, field: str | None = None, message_id: str = "", source_code: str = ""
    ) -> None:
        super().__init__(en, zh, field=field)
        self.why = why
        self.message_id = message_id
        self.source_code = source_code


@dataclass(frozen=True)
class Envelope:
    """One message as its sender states it. ``loan_id`` is the line that it goes in: its loan, or ``customer/`` and its
    customer. ``order_no`` puts the messages of a line in order: the sender's ``sequence``, else the microsecond of
    ``sent_at``; a source numbers all of its messages, or none."""

    message_id: str
    kind: MessageKind
    schema_version: int
    source_code: str
    loan_id: str
    order_no: int
    sent_at: datetime | None
    body: Mapping[str, Any]
    content_hash: str


def digest_of(raw: bytes) -> str:
    """SHA-256 (hex) of what came, for what has no content that could be compared."""
    return hashlib.sha256(raw).hexdigest()


def read_envelope(raw: bytes, now: datetime) -> Envelope:
    """The message in ``raw``; raises ``BadMessage`` saying what is wrong with it.

    Strict: a name twice in one object, ``NaN``, a broken number (amounts are whole minor units), an unknown name, a
    type that is not the stated one, text that no store can keep. Equal content has an equal hash, however it is spaced
    and in whatever order its names stand.
    """
    if len(raw) > MOST_BYTES:
        raise BadMessage(
            WhyHeld.TOO_LARGE, f"The message is longer than {MOST_BYTES} bytes.", f"报文超过 {MOST_BYTES} 字节。"
        )
    said = _parsed(raw)
    known = _known(said)
    try:
        return _checked(said, now)
    except BadMessage as wrong:
        wrong.message_id, wrong.source_code = known
        raise


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_no_number
        )
        content_hash(said).encode()
        if _has_unkeepable(said):
            raise ValueError("a NUL or half a character")
    except (ValueError, RecursionError) as wrong:  # both of JSON and of UTF-8
        raise BadMessage(
            WhyHeld.UNREADABLE, f"The message is no strict JSON: {str(wrong)[:120]}.", "报文不是符合要求的 JSON。"
        ) from wrong
    if not isinstance(said, dict):
        raise BadMessage(WhyHeld.UNREADABLE, "The message is no JSON object.", "报文不是 JSON 对象。")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no whole number")


def _has_unkeepable(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, dict):
        return any(_has_unkeepable(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_has_unkeepable, value))


def _known(said: Mapping[str, Any]) -> tuple[str, str]:
    """Id and source, where they are what they must be, so that a refused message can be found by them."""
    message_id, source = said.get("message_id"), said.get("source_code")
    return (
        message_id if isinstance(message_id, str) and _is_id(message_id) else "",
        source if isinstance(source, str) and _SOURCE.fullmatch(source) else "",
    )


def _is_id(text: str) -> bool:
    return 1 <= len(text) <= 200 and text.isprintable() and text == text.strip()


def _wrong(field: str, en: str, zh: str) -> BadMessage:
    return BadMessage(WhyHeld.ENVELOPE, f"{field}: {en}", f"{field}：{zh}", field=field)


def _checked(said: Mapping[str, Any], now: datetime) -> Envelope:
    about = "customer_id" if said.get("kind") in PERSONAL else "loan_id"
    unknown = sorted(set(said) - _NAMES - {about})
    if unknown:
        raise _wrong(unknown[0][:40], "no such field.", "没有此字段。")
    for name in ("message_id", about):
        if not isinstance(said.get(name), str) or not _is_id(said[name]):
            raise _wrong(name, "1 to 200 printable characters.", "须为 1 至 200 个可见字符。")
    if about == "customer_id" and len(said[about]) > _LONGEST_CUSTOMER:
        raise _wrong(about, f"1 to {_LONGEST_CUSTOMER} characters.", f"须为 1 至 {_LONGEST_CUSTOMER} 个字符。")
    if not isinstance(said.get("source_code"), str) or not _SOURCE.fullmatch(said["source_code"]):
        raise _wrong("source_code", "letters, digits, dashes and underscores.", "由字母、数字、短横线和下划线组成。")
    if not isinstance(said.get("body"), dict):
        raise _wrong("body", "an object.", "须为对象。")
    kind, version = _kind_and_version(said)
    order_no, sent_at = _order(said, now)
    line = said[about] if about == "loan_id" else line_of_customer(said[about])
    return Envelope(
        said["message_id"], kind, version, said["source_code"], line, order_no, sent_at, said["body"],
        content_hash(said),
    )  # fmt: skip


def line_of_customer(customer_id: str) -> str:
    """The line in which the messages of a customer go."""
    return f"customer/{customer_id}"


def _kind_and_version(said: Mapping[str, Any]) -> tuple[MessageKind, int]:
    stated, version = said.get("kind"), said.get("schema_version")
    if not isinstance(stated, str):
        raise _wrong("kind", "what the message carries.", "请注明报文类型。")
    if isinstance(version, bool) or not isinstance(version, int):
        raise _wrong("schema_version", "a whole number.", "须为整数。")
    try:
        kind = MessageKind(stated)
    except ValueError:
        raise BadMessage(
            WhyHeld.UNKNOWN_KIND, f"There is no kind {stated[:40]!r}.", f"没有报文类型“{stated[:40]}”。", field="kind"
        ) from None
    if version not in VERSIONS[kind]:
        versions = ", ".join(map(str, sorted(VERSIONS[kind])))
        raise BadMessage(
            WhyHeld.VERSION, f"Version {version} of {kind.value} is not understood (understood: {versions}).",
            f"不支持“{MESSAGE_KIND_NAMES[kind][1]}”报文的版本 {version}（支持：{versions}）。", field="schema_version",
        )  # fmt: skip
    return kind, version


def _order(said: Mapping[str, Any], now: datetime) -> tuple[int, datetime | None]:
    sequence, stated = said.get("sequence"), said.get("sent_at")
    sent_at = None
    if stated is not None:
        try:
            sent_at = datetime.fromisoformat(stated)
        except (TypeError, ValueError):
            raise _wrong("sent_at", "a moment with its zone.", "须为带时区的时间。") from None
        if sent_at.tzinfo is None or sent_at.year < 2000:
            raise _wrong("sent_at", "a moment with its zone.", "须为带时区的时间。")
        if sent_at > now + EARLY:
            raise BadMessage(
                WhyHeld.FUTURE, "The message says it was sent later than now.", "报文的发送时间晚于当前时间。",
                field="sent_at",
            )  # fmt: skip
    if sequence is None:
        if sent_at is None:
            raise _wrong("sequence", "give the number of the message, or when it was sent.", "请提供序号或发送时间。")
        return int(sent_at.timestamp()) * 1_000_000 + sent_at.microsecond, sent_at
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence < _MOST_SEQUENCE:
        raise _wrong("sequence", "a whole number from 0.", "须为不小于 0 的整数。")
    return sequence, sent_at
