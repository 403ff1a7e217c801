"""Closing accounting periods: asked for by finance, carried out by the approval of a second person, never undone.

Readiness is looked at when the close is asked for and again when it is approved: what fails is named. A check may be
set aside by two people for a while (``ledger.override_close``). Corrections of a closed period go to the open one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.ledger.periods import (
    CLOSE_CHECK_NAMES,
    NEVER_OVERRIDDEN,
    CloseCheck,
    PeriodState,
    Span,
    check_ended,
    month_of,
    require_passed,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.books import balances_on
from ops_app.services.ledger.closing_checks import check_close
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.closed_periods import ClosedPeriod, close_within
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.ledger import books, closing
from ops_app.store.ledger.closing import Override
from ops_app.store.organisation import approvals, parameters
from ops_app.store.store import Store, Transaction

__all__ = ["AccountingPeriod", "Override", "ask_close", "ask_override", "list_periods", "read_open_period"]

CLOSE, OVERRIDE = "ledger.close_period", "ledger.override_close"
OBJECT = "ledger_period"
HOURS = "ledger.override_hours"
_INBOX = "ledger_close"


@dataclass(frozen=True)
class AccountingPeriod:
    """A period, where it stands, and of the open one its checks and the overrides there were; ``closed_by`` is the
    person who approved the close."""

    span: Span
    state: PeriodState
    closed_by: str | None = None
    closed_at: datetime | None = None
    reason: str | None = None
    checks: tuple[CloseCheck, ...] = ()
    overrides: tuple[Override, ...] = ()


@act("books.view")
def list_periods(actor: Actor, store: Store, *, now: datetime) -> tuple[AccountingPeriod, ...]:
    """The closed periods of the ledger, the latest first."""
    with store.reading() as connection:
        found = parameters.periods(connection, "ledger")
        names = parameters.names(connection, sorted({one.closed_by for one in found}))
    return tuple(_closed(one, names.get(one.closed_by, one.closed_by)) for one in found)


def _closed(one: ClosedPeriod, by: str) -> AccountingPeriod:
    span = Span(one.first_date, one.end_date)
    return AccountingPeriod(span, PeriodState.CLOSED, by, one.closed_at, one.reason)


@act("books.view")
def read_open_period(actor: Actor, store: Store, *, now: datetime) -> AccountingPeriod | None:
    """The first open period with its checks as they stand now; nothing while nothing was ever posted."""
    with store.reading() as connection:
        span = _first_open(connection)
        if span is None:
            return None
        checks = check_close(connection, span, now)
        asked = approvals.open_of(connection, CLOSE, OBJECT, span.first_date.isoformat())
        kept = closing.overrides(connection, span.first_date)
    ready = span.end_date <= today(now) and all(one.passed for one in checks)
    state = PeriodState.ASKED if asked else PeriodState.READY if ready else PeriodState.OPEN
    return AccountingPeriod(span, state, checks=tuple(checks), overrides=tuple(kept))


def _first_open(connection: Connection) -> Span | None:
    closed = parameters.periods(connection, "ledger")
    if closed:
        return month_of(max(one.end_date for one in closed))
    first = books.first_day(connection)
    return month_of(first.replace(day=1)) if first else None


@act("periods.close")
def ask_close(actor: Actor, store: Store, *, now: datetime, first_date: date, reason: str, key: str) -> str:
    """Ask for the close of the first open period, which begins on ``first_date``; the id of the request, the same for
    every repetition of ``key``. Raises ``NotReady`` naming the checks that fail, ``Invalid`` for a period that is not
    the first open one or has not ended, ``OpenAlready``."""
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash(["close", first_date, reason]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        span = _span_of(transaction.connection, first_date)
        request_id = enter_request(
            transaction, kind=CLOSE, object_type=OBJECT, object_id=first_date.isoformat(), arguments=_days(span),
            reason=reason,
        )  # fmt: skip
        transaction.answer(_INBOX, key, request_id)
    return request_id


@act("periods.close")
def ask_override(
    actor: Actor, store: Store, *, now: datetime, first_date: date, check_name: str, reason: str, key: str
) -> str:
    """Ask that a failing check of the first open period be set aside for a while; the id of the request. Raises
    ``Invalid`` for a check that there is none of, that holds, or that nobody sets aside."""
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash(["override", first_date, check_name, reason]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        span = _span_of(transaction.connection, first_date)
        found = _failing(transaction, span, check_name)
        arguments = _days(span) | {"check_name": check_name, "found": found, "asked_by": actor.person_id, "why": reason}
        request_id = enter_request(
            transaction, kind=OVERRIDE, object_type=OBJECT, object_id=f"{first_date.isoformat()}/{check_name}",
            arguments=arguments, reason=reason,
        )  # fmt: skip
        transaction.answer(_INBOX, key, request_id)
    return request_id


def _days(span: Span) -> dict[str, str]:
    return {"first_date": span.first_date.isoformat(), "last_date": span.last_date.isoformat()}


def _span_of(connection: Connection, first_date: date) -> Span:
    span = _first_open(connection)
    if span is None or span.first_date != first_date:
        raise Invalid(
            "Periods are closed one after another: this is not the first open one.",
            "会计期间须依次关账，该期间不是首个未关账期间。",
            field="first_date",
        )
    return span


def _failing(transaction: Transaction, span: Span, name: str) -> str:
    """What fails of a check that may be set aside, in English."""
    if name in NEVER_OVERRIDDEN:
        raise Refused(
            "This check is not set aside by anybody: the books would be wrong.", "该检查不可豁免，否则账务有误。"
        )
    checks = {one.name: one for one in check_close(transaction.connection, span, transaction.now)}
    if name not in checks:
        raise Invalid("There is no such check.", "没有此检查。", field="check_name")
    if checks[name].holds:
        raise Invalid(
            "This check holds; there is nothing to set aside.", "该检查已通过，无需豁免。", field="check_name"
        )
    return checks[name].found[0]


def _asked_span(transaction: Transaction, arguments: Mapping[str, Any]) -> Span:
    """The period that a request is about, as long as it still is the first open one."""
    try:
        first = date.fromisoformat(str(arguments["first_date"]))
    except (KeyError, ValueError) as error:
        raise Invalid("Say which period is meant.", "请注明会计期间。", field="first_date") from error
    span = _span_of(transaction.connection, first)
    if any(arguments.get(name) != value for name, value in _days(span).items()):
        raise Conflict("The period is another one by now.", "会计期间已变化。", field="first_date")
    return span


def _check_close(transaction: Transaction, draft: Draft) -> None:
    span = _asked_span(transaction, draft.arguments)
    if set(draft.arguments) != set(_days(span)) or draft.object_id != span.first_date.isoformat():
        raise Invalid("The request is not about this period.", "申请与会计期间不符。", field="object_id")
    check_ended(span, today(transaction.now))
    require_passed(check_close(transaction.connection, span, transaction.now))


def run_close(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Close the period within the transaction of the last approval: nothing is posted meanwhile, every check is looked
    at again, and what each account comes to is kept. Raises ``NotReady`` naming what fails by now."""
    connection = transaction.connection
    closing.hold_closed(connection)
    span = _asked_span(transaction, arguments)
    check_ended(span, today(transaction.now))
    checks = check_close(connection, span, transaction.now)
    require_passed(checks)
    balances = balances_on(connection, span.last_date)
    aside = [one.name for one in checks if one.is_overridden]
    closed = close_within(
        transaction, "ledger", span.first_date, span.end_date, "closed by two people" + "; set aside: " * bool(aside)
        + ", ".join(aside),
    )  # fmt: skip
    closing.add_balances(connection, closed.period_id, balances)
    return {"period_id": closed.period_id, "set_aside": aside}


def _check_override(transaction: Transaction, draft: Draft) -> None:
    span, said = _asked_span(transaction, draft.arguments), draft.arguments
    expected = {*_days(span), "check_name", "found", "asked_by", "why"}
    named = f"{span.first_date.isoformat()}/{said.get('check_name')}"
    if set(said) != expected or said["asked_by"] != transaction.actor.person_id or draft.object_id != named:
        raise Invalid("The request is not complete.", "申请内容不完整。", field="check_name")
    _failing(transaction, span, str(said["check_name"]))


def run_override(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Set a check of the open period aside until its time is over, on behalf of the approver."""
    span, now = _asked_span(transaction, arguments), transaction.now
    name, asked_by = str(arguments["check_name"]), str(arguments["asked_by"])
    if asked_by == transaction.actor.person_id:
        raise Refused("Somebody else approves what you asked for.", "本人申请须由他人审批。")
    until = now + timedelta(hours=number_on(transaction.connection, HOURS, today(now)))
    closing.add_override(
        transaction.connection,
        Override(
            key_hash("closing_override", span.first_date.isoformat(), name, now.isoformat())[:32],
            span.first_date, name, str(arguments["found"]), str(arguments["why"]), asked_by,
            transaction.actor.person_id, now, until,
        ),
    )  # fmt: skip
    facts = {"check_name": name, "found": arguments["found"], "until_at": until}
    transaction.audit("ledger_period.check_set_aside", OBJECT, span.first_date.isoformat(), after=facts)
    return {"check_name": name, "until_at": until}


_LABELS: dict[str, tuple[str, str]] = {
    "first_date": ("first day", "起始日"),
    "last_date": ("last day", "截止日"),
    "check_name": ("check", "检查"),
    "found": ("what was found", "检查结果"),
    "asked_by": ("asked by", "申请人"),
    "why": ("why", "原因"),
    **{f"check_name.{name}": said for name, said in CLOSE_CHECK_NAMES.items()},
}

register(
    CLOSE,
    name=("close an accounting period", "会计期间关账"),
    make="periods.close",
    run=run_close,
    check=_check_close,
    labels=_LABELS,
    fixed=True,
)
register(
    OVERRIDE,
    name=("set a check of a close aside", "豁免关账检查"),
    make="periods.close",
    run=run_override,
    check=_check_override,
    labels=_LABELS,
    fixed=True,
)
