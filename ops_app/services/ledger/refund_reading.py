"""Refunds as the desk and the record of a payment show them: lists with totals, one with its moves and payouts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.ageing import opened_until
from ops_app.domain.ledger.refunds import LIFE, NoSuchRefund, RefundMove
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.calendars import is_workday
from ops_app.services.organisation.installation import installation, today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.ledger import refunds
from ops_app.store.ledger.refunds import (
    SORTS,
    Payout,
    Refund,
    RefundFilter,
    RefundLine,
    RefundReport,
    RefundStep,
    RefundTotal,
)
from ops_app.store.store import Store

__all__ = [
    "SORTS", "WAIT", "Refund", "RefundFilter", "RefundPage", "RefundRecord", "late_before", "list_refunds",
    "read_refund", "refunds_of_payment",
]  # fmt: skip

WAIT = "ledger.payout_wait_days"
"""The parameter that says how many business days a payout may wait for its bank line before finance is told."""

BY_HAND = (RefundMove.WITHDRAW, RefundMove.FAIL, RefundMove.REOPEN)
"""What a person does with an approved refund; the rest is done by requests, files and bank lines."""


@dataclass(frozen=True)
class RefundPage:
    """One page; ``sums`` are of the whole filter, by currency."""

    rows: tuple[Refund, ...]
    next_after: str | None
    sums: tuple[RefundTotal, ...]


@dataclass(frozen=True)
class RefundRecord:
    """One refund with what happened to it, its payouts, the bank lines that answered, what the lender says of it, and
    what a person may do now."""

    item: Refund
    steps: tuple[RefundStep, ...]
    payouts: tuple[Payout, ...]
    lines: tuple[RefundLine, ...]
    report: RefundReport | None
    moves: tuple[RefundMove, ...]


@act("refunds.view")
def list_refunds(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: RefundFilter | None = None,
    overdue: bool = False,
    sort: str = "requested_at",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> RefundPage:
    """Refunds, the newest first unless sorted otherwise; ``overdue``: only payouts that wait too long for their bank
    line. Raises ``Invalid`` for a sort or a mark that is none."""
    check_sort(sort, SORTS, "Refunds")
    check_limit(limit)
    mark, chosen = _read_mark(after, sort), wanted or RefundFilter()
    with store.reading() as connection:
        if overdue:
            chosen = replace(chosen, moved_before=late_before(connection, today(now)))
        rows = refunds.page(connection, chosen, sort, mark, limit + 1, descending=descending)
        sums = refunds.totals(connection, chosen)
    last = rows[limit - 1] if len(rows) > limit else None
    more = canonical_json([getattr(last, sort), last.refund_id]) if last else None
    return RefundPage(tuple(rows[:limit]), more, tuple(sums))


def late_before(connection: Connection, day: date) -> datetime:
    """Payouts of files made before this moment have waited too long on ``day``."""
    last = opened_until(number_on(connection, WAIT, day) + 1, day, is_workday)
    return datetime.combine(last + timedelta(days=1), time(), installation().zone)


def _read_mark(after: str | None, sort: str) -> tuple[Any, str] | None:
    if after is None:
        return None
    try:
        value, identity = json.loads(after)
        return datetime.fromisoformat(value) if sort == "requested_at" else int(value), str(identity)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no place in the list.", "列表位置无效。", field="after") from error


@act("refunds.view")
def read_refund(actor: Actor, store: Store, *, now: datetime, refund_id: str) -> RefundRecord:
    """One refund. Raises ``NoSuchRefund``."""
    with store.reading() as connection:
        one = refunds.read(connection, refund_id)
        if one is None:
            raise NoSuchRefund
        paid = refunds.payouts_of(connection, refund_id)
        lines = refunds.lines_of(connection, [it.reference for it in paid])
        report = refunds.report_of(connection, refund_id)
        steps = refunds.moves_of(connection, refund_id)
    moves = tuple(what for what in BY_HAND if what in LIFE[one.state] and one.event_id is not None)
    return RefundRecord(one, tuple(steps), tuple(paid), tuple(lines), report, moves)


@act("refunds.view")
def refunds_of_payment(
    actor: Actor, store: Store, *, now: datetime, source_code: str, payment_id: str
) -> tuple[Refund, ...]:
    """The refunds of a payment, and the refund that a recorded refund of the lender is about."""
    with store.reading() as connection:
        found = refunds.of_payment(connection, source_code, payment_id)
        told = refunds.reported(connection, source_code, payment_id)
        if told is not None and (one := refunds.read(connection, told)) is not None:
            found.append(one)
    return tuple(found)
