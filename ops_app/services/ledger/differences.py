"""Differences of ledger and feed: owned, left open with a reason, or the lender's figure accepted by two people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.breaks import checked_reason
from ops_app.domain.ledger.differences import DifferenceChanged, DifferenceOver, DifferenceState, NoSuchDifference
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.ledger.journal import post
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.ledger import differences
from ops_app.store.ledger.differences import NOBODY, Difference, DifferenceFilter, DifferenceTotal
from ops_app.store.store import Store, Transaction

__all__ = [
    "NOBODY", "Difference", "DifferenceFilter", "DifferencePage", "DifferenceTotal", "ask_accept", "leave_open",
    "list_differences", "read_difference", "take_difference",
]  # fmt: skip

ACCEPT = "ledger.accept_difference"
OBJECT = "ledger_difference"
AGE = "ledger.difference_age_days"
_INBOX = "ledger_differences"


@dataclass(frozen=True)
class DifferencePage:
    """One page; ``overdue_before``: those that opened earlier are open for too long. ``sums`` are of the whole filter,
    by currency."""

    rows: tuple[Difference, ...]
    next_after: str | None
    sums: tuple[DifferenceTotal, ...]
    overdue_before: date


@act("reconciliation.view")
def list_differences(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: DifferenceFilter | None = None,
    overdue: bool = False,
    descending: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> DifferencePage:
    """Differences, the longest open first unless ``descending``; ``overdue``: only those open beyond the limit. Raises
    ``Invalid`` for a mark that is none."""
    check_limit(limit)
    mark, chosen = _read_mark(after), wanted or DifferenceFilter()
    with store.reading() as connection:
        before = today(now) - timedelta(days=number_on(connection, AGE, today(now)))
        if overdue:
            chosen = DifferenceFilter(**vars(chosen) | {"opened_until": before - timedelta(days=1)})
        rows = differences.page(connection, chosen, mark, limit + 1, descending=descending)
        sums = differences.totals(connection, chosen)
    last = rows[limit - 1] if len(rows) > limit else None
    more = json.dumps([last.opened_date.isoformat(), last.difference_id]) if last else None
    return DifferencePage(tuple(rows[:limit]), more, tuple(sums), before)


def _read_mark(text: str | None) -> tuple[date, str] | None:
    if text is None:
        return None
    try:
        day, identity = json.loads(text)
        return date.fromisoformat(day), str(identity)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no place in the list.", "列表位置无效。", field="after") from error


@act("reconciliation.view")
def read_difference(actor: Actor, store: Store, *, now: datetime, difference_id: str) -> Difference:
    """One difference. Raises ``NoSuchDifference``."""
    with store.reading() as connection:
        return _found(differences.read(connection, difference_id))


def _found(one: Difference | None) -> Difference:
    if one is None:
        raise NoSuchDifference
    return one


@act("differences.decide")
def take_difference(actor: Actor, store: Store, *, now: datetime, difference_id: str, version: int) -> Difference:
    """Become the owner of an open difference; who has it already keeps it. Raises ``NoSuchDifference``,
    ``DifferenceChanged``, ``DifferenceOver``."""
    with store.writing(actor, now) as transaction:
        one = _open(transaction, difference_id, version, again_by=actor.person_id)
        if one.owner_id != actor.person_id:
            _change(transaction, one, "ledger_difference.taken", {"owner_id": actor.person_id}, None)
    with store.reading() as connection:
        return _found(differences.read(connection, difference_id))


@act("differences.decide")
def leave_open(
    actor: Actor, store: Store, *, now: datetime, difference_id: str, version: int, reason: str
) -> Difference:
    """Leave a difference open and say why; it stays a difference, with its owner. Raises as ``take_difference``, and
    ``ReasonMissing``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _open(transaction, difference_id, version)
        values = {"reason": why, "owner_id": one.owner_id or actor.person_id, "decided_by": actor.person_id,
                  "decided_at": now}  # fmt: skip
        _change(transaction, one, "ledger_difference.left_open", values, why)
    with store.reading() as connection:
        return _found(differences.read(connection, difference_id))


@act("differences.decide")
def ask_accept(
    actor: Actor, store: Store, *, now: datetime, difference_id: str, version: int, reason: str, key: str
) -> str:
    """Ask that the lender's figure be accepted: once somebody else approves, the ledger is corrected to it as of the
    feed's day. The id of the request, the same for every repetition of ``key``. Raises as ``take_difference``."""
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash([difference_id, version, reason]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        one = _open(transaction, difference_id, version)
        request_id = enter_request(
            transaction, kind=ACCEPT, object_type=OBJECT, object_id=difference_id, arguments=_arguments(one),
            reason=reason, amount_minor=abs(one.difference_minor), currency=one.currency,
        )  # fmt: skip
        transaction.answer(_INBOX, key, request_id)
    return request_id


def _arguments(one: Difference) -> dict[str, Any]:
    return {
        "difference_id": one.difference_id, "case_id": one.case_id, "loan_id": one.loan_id,
        "lender_code": one.lender_code, "component": one.component, "ledger_minor": one.ledger_minor,
        "feed_minor": one.feed_minor, "currency": one.currency, "as_of_date": one.as_of_date.isoformat(),
    }  # fmt: skip


def _open(
    transaction: Transaction, difference_id: str, version: int | None, *, again_by: str | None = None
) -> Difference:
    one = _found(differences.read(transaction.connection, difference_id, lock=True))
    if one.state != DifferenceState.OPEN.value:
        raise DifferenceOver(DifferenceState(one.state))
    if version is not None and one.version != version and (again_by is None or one.owner_id != again_by):
        raise DifferenceChanged
    return one


def _change(transaction: Transaction, one: Difference, action: str, values: dict[str, Any], why: str | None) -> None:
    try:
        differences.change(transaction.connection, one, values)
    except LookupError as error:
        raise DifferenceChanged from error
    transaction.audit(
        action, OBJECT, one.difference_id, before={"state": one.state, "owner_id": one.owner_id},
        after=_arguments(one) | {name: values[name] for name in ("state", "owner_id") if name in values}, reason=why,
    )  # fmt: skip


def _as_asked(transaction: Transaction, arguments: Mapping[str, Any]) -> Difference:
    """The difference a request is about, still as it was asked for."""
    one = _open(transaction, str(arguments.get("difference_id")), None)
    if dict(arguments) != _arguments(one):
        raise DifferenceChanged
    return one


def _check(transaction: Transaction, draft: Draft) -> None:
    one = _as_asked(transaction, draft.arguments)
    said = (draft.object_id, draft.amount_minor, draft.currency)
    if said != (one.difference_id, abs(one.difference_minor), one.currency):
        raise Invalid("The request is not about this difference.", "申请与差异不符。", field="object_id")


def run_accept(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Correct the ledger to the lender's figure within the transaction of the last approval. Raises
    ``DifferenceChanged`` where either figure moved since it was asked for."""
    one = _as_asked(transaction, arguments)
    event = LedgerEvent(
        EventKind.CORRECTION, one.source_code, one.loan_id, one.currency, one.as_of_date, Cause.APPROVAL,
        f"difference/{one.difference_id}", one.case_id, parts={Component(one.component): one.difference_minor},
    )  # fmt: skip
    done = post(transaction, [event], reason="the lender's figure was accepted")
    if done.short or not done.new:  # the ledger has less by now than what would be taken off
        raise Conflict("The ledger has moved since. Look at the difference again.", "账务已变动，请重新查看该差异。")
    values = {"state": DifferenceState.ACCEPTED.value, "decided_by": transaction.actor.person_id,
              "decided_at": transaction.now}  # fmt: skip
    _change(transaction, one, "ledger_difference.accepted", values, None)
    return {"event_id": event.event_id}


register(
    ACCEPT,
    name=("accept the lender's figure", "采用资方金额"),
    make="differences.decide",
    run=run_accept,
    check=_check,
    fixed=True,
    labels={
        "difference_id": ("difference", "差异编号"),
        "case_id": ("case", "案件"),
        "loan_id": ("loan", "借据号"),
        "lender_code": ("lender", "资方"),
        "component": ("component", "款项"),
        **{f"component.{one.value}": said for one, said in COMPONENT_NAMES.items()},
        "ledger_minor": ("by the ledger", "账务金额"),
        "feed_minor": ("by the lender", "资方金额"),
        "currency": ("currency", "币种"),
        "as_of_date": ("as of", "数据日"),
    },
)
