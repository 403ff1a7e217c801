"""Repayments: one event of money in the lender's books, and when two contents are the same event."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.money import minor_digits


class RepaymentKind(StrEnum):
    """What happened to the money."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    REFUND = "refund"


REPAYMENT_KIND_NAMES: dict[RepaymentKind, tuple[str, str]] = {
    RepaymentKind.PAYMENT: ("payment", "还款"),
    RepaymentKind.REVERSAL: ("reversal", "冲正"),
    RepaymentKind.REFUND: ("refund", "退款"),
}

SIGN: dict[RepaymentKind, int] = {RepaymentKind.PAYMENT: 1, RepaymentKind.REVERSAL: -1, RepaymentKind.REFUND: -1}
"""Which way the money went for the lender: amounts themselves are never negative."""

_FORMAT = b"recoup-payment-1"
_TEXT_LIMITS = {
    "source_code": 32,
    "payment_id": 200,
    "loan_id": 200,
    "channel": 64,
    "payer_name": 200,
    "payer_account": 64,
    "reference": 500,
    "reverses_payment_id": 200,
}


class SameIdOtherContent(Conflict):
    """A payment id that is recorded came again with other content; ``differs`` names the fields (never merged)."""

    def __init__(self, source_code: str, payment_id: str, differs: tuple[str, ...]) -> None:
        what_en = ", ".join(FIELD_NAMES[name][0] for name in differs)
        what_zh = "、".join(FIELD_NAMES[name][1] for name in differs)
        super().__init__(
            f"Payment {payment_id} of {source_code} is recorded with other content: {what_en}. "
            "It was not changed; the break waits at the repayment-audit desk.",
            f"{source_code} 的还款 {payment_id} 已按其他内容入账，不同之处：{what_zh}。"
            "原记录未改动，差异已转入还款审核台。",
            field=differs[0] if differs else None,
        )
        self.differs = differs


@dataclass(frozen=True)
class Repayment:
    """One payment, reversal or refund as its sender states it.

    ``amount_minor`` is above zero in whole minor units of ``currency``; ``kind`` says which way the money went.
    ``value_date`` is the day from which it counts, ``paid_at`` the moment it was made, ``posted_at`` the moment
    the lender booked it. The four parts may be unknown. Raises ``Invalid`` naming the field.
    """

    source_code: str
    payment_id: str
    loan_id: str
    kind: RepaymentKind
    reverses_payment_id: str | None
    paid_at: datetime
    value_date: date
    posted_at: datetime | None
    amount_minor: int
    currency: str
    channel: str | None
    payer_name: str | None
    payer_account: str | None
    reference: str | None
    principal_minor: int | None
    interest_minor: int | None
    fees_minor: int | None
    penalty_minor: int | None

    def __post_init__(self) -> None:
        _check_texts(self)
        if isinstance(self.amount_minor, bool) or not isinstance(self.amount_minor, int) or self.amount_minor <= 0:
            raise Invalid("The amount must be above zero.", "金额必须大于零。", field="amount_minor")
        if self.amount_minor >= 10**17:
            raise Invalid("The amount is too large.", "金额过大。", field="amount_minor")
        if not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid(
                f"{self.currency!r} is no currency code.", f"{self.currency!r} 不是币种代码。", field="currency"
            )
        minor_digits(self.currency)
        for name in ("paid_at", "posted_at"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise Invalid("A moment needs its zone.", "时间缺少时区。", field=name)
        if self.kind is RepaymentKind.REVERSAL and not self.reverses_payment_id:
            raise Invalid(
                "A reversal must name the payment it reverses.",
                "冲正必须注明被冲正的流水号。",
                field="reverses_payment_id",
            )
        _check_parts(self)

    @property
    def signed_minor(self) -> int:
        """The amount as the lender's cash moved: payments up, reversals and refunds down."""
        return SIGN[self.kind] * self.amount_minor


FIELD_NAMES: dict[str, tuple[str, str]] = {
    "source_code": ("source", "来源"),
    "payment_id": ("payment id", "还款流水号"),
    "loan_id": ("loan", "借据号"),
    "kind": ("kind", "类型"),
    "reverses_payment_id": ("reversed payment", "被冲正流水号"),
    "paid_at": ("time of payment", "还款时间"),
    "value_date": ("value date", "起息日"),
    "posted_at": ("time of booking", "入账时间"),
    "amount_minor": ("amount", "金额"),
    "currency": ("currency", "币种"),
    "channel": ("channel", "渠道"),
    "payer_name": ("payer", "付款人"),
    "payer_account": ("payer's account", "付款账号"),
    "reference": ("reference", "附言"),
    "principal_minor": ("principal", "本金"),
    "interest_minor": ("interest", "利息"),
    "fees_minor": ("fees", "费用"),
    "penalty_minor": ("penalty interest", "罚息"),
}
"""Every field of a repayment, as a person reads it."""

CONTENT = tuple(field.name for field in fields(Repayment))
"""The fields whose equality makes two deliveries the same event."""


def body_hash(payment: Repayment) -> str:
    """SHA-256 (hex) of the content, each field prefixed by its length, so that no two contents run together."""
    pieces = [_FORMAT]
    for name in CONTENT:
        text = _spelled(getattr(payment, name))
        if text is None:
            pieces.append(b"-")
            continue
        data = text.encode("utf-8", "surrogatepass")
        pieces += (b"+", len(data).to_bytes(8, "big"), data)
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def differing(recorded: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    """The content fields in which two rows of one payment differ, in the order of the feed."""
    return tuple(name for name in CONTENT if _spelled(recorded.get(name)) != _spelled(other.get(name)))


def _spelled(value: object) -> str | None:
    if value is None or type(value) is str:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _check_texts(payment: Repayment) -> None:
    for name, limit in _TEXT_LIMITS.items():
        value = getattr(payment, name)
        if value is None:
            continue
        named_en, named_zh = FIELD_NAMES[name]
        if not value or len(value) > limit or "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise Invalid(
                f"The {named_en} must have 1 to {limit} ordinary characters.",
                f"{named_zh}须为 1 至 {limit} 个普通字符。",
                field=name,
            )


def _check_parts(payment: Repayment) -> None:
    parts = (payment.principal_minor, payment.interest_minor, payment.fees_minor, payment.penalty_minor)
    known = [part for part in parts if part is not None]
    if any(isinstance(part, bool) or not isinstance(part, int) for part in known):
        raise TypeError("minor units are whole numbers")
    if len(known) == len(parts) and sum(known) != payment.amount_minor:
        raise Invalid(
            "Principal, interest, fees and penalty do not add up to the amount.",
            "本金、利息、费用、罚息之和不等于金额。",
            field="amount_minor",
        )
