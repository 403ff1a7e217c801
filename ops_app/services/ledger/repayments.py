"""Repayments: recorded once whatever the channel, never changed, looked up by anyone who may.

One row of the audit log per call that recorded something: how many payments and how much per currency, how many
conflicts, where they came from, and the hash of the content hashes of all of them. The payments themselves are
append-only rows that carry their own content hash, so the audited hash pins each of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from ops_app.domain.canonical import canonical_json, key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import BreakKind, BreakState, break_id
from ops_app.domain.ledger.repayments import Repayment, SameIdOtherContent, body_hash, differing
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.ledger.receipts import post_payments
from ops_app.store.ledger import breaks, payments
from ops_app.store.ledger.breaks import Break
from ops_app.store.ledger.payments import SORTABLE, PaymentFilter, RecordedPayment
from ops_app.store.store import Store, Transaction

__all__ = [
    "SORTABLE",
    "PaymentFilter",
    "PaymentsPage",
    "Recorded",
    "RecordedPayment",
    "list_payments",
    "push_payment",
    "record_payments",
]

_ANSWER = canonical_json({"state": "recorded"})


@dataclass(frozen=True)
class Recorded:
    """What became of a batch: newly ``recorded``, ``repeated`` (known with the same content), ``conflicting`` (known
    with other content; each is a break, ``break_ids``)."""

    recorded: int
    repeated: int
    conflicting: int
    break_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaymentsPage:
    """One page of payments. ``totals``: currency → how many match and their signed sum in minor units. ``next_after``
    is given back as ``after`` for the page behind this one; ``None`` on the last page."""

    rows: tuple[RecordedPayment, ...]
    totals: dict[str, tuple[int, int]]
    next_after: str | None


@act("payments.record")
def record_payments(
    actor: Actor, store: Store, *, now: datetime, rows: Sequence[Repayment], business_date: date, origin: str = "file"
) -> Recorded:
    """Record a batch in one transaction, each (source, payment id) once for ever.

    A repetition changes nothing. Other content under a known id leaves the record as it is and becomes a break of
    kind ``conflicting_content``. ``business_date`` is the day on which such a break counts as opened. A batch that
    changes nothing writes nothing, not even to the audit log.
    """
    hashed = [(one, body_hash(one)) for one in rows]
    with store.writing(actor, now) as transaction:
        new, repeated, conflicting = _claim(transaction, hashed)
        payments.add_many(transaction.connection, new, now)
        post_payments(transaction, [one for one, _ in new])
        opened, broken = _open_conflicts(transaction, conflicting, business_date)
        if new or opened:
            _audit(transaction, new, opened, origin)
    return Recorded(len(new), repeated, len(conflicting), broken)


@act("payments.record")
def push_payment(
    actor: Actor, store: Store, *, now: datetime, payment: Repayment, business_date: date, origin: str = "api"
) -> Recorded:
    """Record one payment that a sender pushes; the answer says whether it was new or repeated.

    Raises ``SameIdOtherContent`` for a known id with other content, after the break for it is committed.
    """
    done = record_payments(actor, store, now=now, rows=[payment], business_date=business_date, origin=origin)
    if done.conflicting:
        with store.reading() as connection:
            known = payments.read_many(connection, payment.source_code, [payment.payment_id])[payment.payment_id]
        raise SameIdOtherContent(payment.source_code, payment.payment_id, differing(vars(known.content), vars(payment)))
    return done


@act("payments.view")
def list_payments(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: PaymentFilter | None = None,
    sort: str = "value_date",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> PaymentsPage:
    """Payments that match ``wanted``; pages go by key, so they stay put while payments are added.

    Raises ``Invalid`` for a sort, a page size or an ``after`` that is none.
    """
    check_sort(sort, SORTABLE, "Payments")
    check_limit(limit)
    chosen = wanted or PaymentFilter()
    mark = None if after is None else _read_mark(after, sort)
    with store.reading() as connection:
        found = payments.page(connection, chosen, sort=sort, descending=descending, after=mark, limit=limit + 1)
        totals = payments.totals(connection, chosen)
    rows = tuple(found[:limit])
    return PaymentsPage(rows, totals, _mark(rows[-1], sort) if len(found) > limit else None)


def _claim(
    transaction: Transaction, hashed: Sequence[tuple[Repayment, str]]
) -> tuple[list[tuple[Repayment, str]], int, list[tuple[Repayment, str]]]:
    """New payments, how many repeat, and those that conflict; within the batch the first content wins."""
    new: list[tuple[Repayment, str]] = []
    conflicting: list[tuple[Repayment, str]] = []
    repeated = 0
    for source in sorted({one.source_code for one, _ in hashed}):
        mine = [(one, digest) for one, digest in hashed if one.source_code == source]
        first: dict[str, str] = {}
        for one, digest in mine:
            first.setdefault(one.payment_id, digest)
        inbox_source = f"payment/{source}"
        # entered first and looked up only where the key was there: most payments are told once
        fresh = {key: first[key] for key in sorted(first)}
        entered = payments.claim_many(transaction.connection, inbox_source, fresh, transaction.now, _ANSWER)
        known = {key: first[key] for key in entered}
        known |= payments.known_hashes(transaction.connection, inbox_source, sorted(first.keys() - entered))
        for one, digest in mine:
            if one.payment_id in entered and digest == first[one.payment_id]:
                entered.discard(one.payment_id)
                new.append((one, digest))
            elif known[one.payment_id] == digest:
                repeated += 1
            else:
                conflicting.append((one, digest))
    return new, repeated, conflicting


def _open_conflicts(
    transaction: Transaction, conflicting: Sequence[tuple[Repayment, str]], business_date: date
) -> tuple[list[Break], tuple[str, ...]]:
    """Breaks for contents that were not known as conflicts before, and the ids of all."""
    found: dict[str, Break] = {}
    for one, digest in conflicting:
        known = payments.read_many(transaction.connection, one.source_code, [one.payment_id])[one.payment_id]
        made = _conflict(one, digest, known, business_date)
        found[made.break_id] = made
    present = breaks.read_many(transaction.connection, sorted(found))
    opened = [found[key] for key in sorted(found.keys() - present.keys())]
    breaks.add_many(transaction.connection, opened)
    return opened, tuple(sorted(found))


def _conflict(other: Repayment, digest: str, known: RecordedPayment, business_date: date) -> Break:
    recorded = known.content
    return Break(
        break_id=break_id(BreakKind.CONFLICTING_CONTENT, other.source_code, [other.payment_id], [], digest),
        kind=BreakKind.CONFLICTING_CONTENT,
        source_code=other.source_code,
        currency=recorded.currency,
        lender_minor=other.signed_minor,
        bank_minor=None,
        recorded_minor=recorded.signed_minor,
        difference_minor=other.signed_minor - recorded.signed_minor,
        loan_id=recorded.loan_id,
        payment_ids=(other.payment_id,),
        bank_line_ids=(),
        value_date=recorded.value_date,
        opened_date=business_date,
        last_seen_date=business_date,
        suggestion={
            "action": "reject",
            "reason": "other_content",
            "fields": list(differing(vars(recorded), vars(other))),
            "break_ids": [],
            "items": [],
        },
        sides={"lender": [_shown(other)], "bank": [], "recorded": [_shown(recorded)]},
        state=BreakState.OPEN,
        owner_id=None,
        version=1,
    )


def _shown(payment: Repayment) -> dict[str, Any]:
    return asdict(replace(payment))


def _audit(
    transaction: Transaction, new: Sequence[tuple[Repayment, str]], opened: Sequence[Break], origin: str
) -> None:
    sums: dict[str, list[int]] = {}
    for one, _ in new:
        count_and_sum = sums.setdefault(one.currency, [0, 0])
        count_and_sum[0] += 1
        count_and_sum[1] += one.signed_minor
    batch = key_hash(*sorted(digest for _, digest in new), *(one.break_id for one in opened))
    transaction.audit(
        "payments.recorded",
        "payment_batch",
        batch,
        after={
            "origin": origin,
            "recorded": len(new),
            "new_conflicts": [one.break_id for one in opened],
            "sums_minor": sums,
            "content_hash": batch,
        },
    )


def _mark(last: RecordedPayment, sort: str) -> str:
    value = last.recorded_at if sort == "recorded_at" else getattr(last.content, sort)
    return canonical_json([value, last.content.source_code, last.content.payment_id])


def _read_mark(after: str, sort: str) -> list[Any]:
    try:
        value, source, payment_id = json.loads(after)
        if sort == "value_date":
            value = date.fromisoformat(value)
        elif sort == "recorded_at":
            value = datetime.fromisoformat(value)
        elif isinstance(value, bool) or not isinstance(value, int if sort == "amount_minor" else str):
            raise ValueError(sort)
        return [value, str(source), str(payment_id)]
    except (ValueError, TypeError) as wrong:
        raise Invalid("This page does not exist.", "没有这一页。", field="after") from wrong
