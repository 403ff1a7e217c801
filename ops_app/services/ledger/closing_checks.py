"""What must hold before an accounting period is closed, each check by its name; they read and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.breaks import BreakState
from ops_app.domain.ledger.periods import CLOSE_CHECK_NAMES, NEVER_OVERRIDDEN, CloseCheck, Span
from ops_app.domain.organisation.readiness import CheckState, needed
from ops_app.services.ledger.books import trial_of
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.services.organisation.readiness import known_checks
from ops_app.store.ledger import books, closing, receipts, suspense
from ops_app.store.tables.journal import ledger_differences
from ops_app.store.tables.ledger import breaks
from ops_app.store.tables.messages import inbound_messages
from ops_app.store.tables.organisation import outbox

AGE = "ledger.close_age_days"
Found = tuple[str, str] | None
"""Why a check fails, in English and 中文; nothing where it holds."""


def check_close(connection: Connection, span: Span, now: datetime) -> list[CloseCheck]:
    """Every check of the close of ``span`` as it stands at ``now``."""
    found: dict[str, Found] = _of_the_day(connection, span, now)
    for name, look in _OWN.items():
        found[name] = look(connection, span, now)
    aside = {
        one.check_name
        for one in closing.overrides(connection, span.first_date)
        if one.approved_at <= now < one.until_at
    } - NEVER_OVERRIDDEN
    return [
        CloseCheck(name, why is None, why or ("", ""), why is not None and name in aside)
        for name, why in ((each, found[each]) for each in CLOSE_CHECK_NAMES)
    ]


def _of_the_day(connection: Connection, span: Span, now: datetime) -> dict[str, Found]:
    """The checks of the business day (R0.4): green, fresh, and about the last day of the period or a later one."""
    found: dict[str, Found] = {}
    for one in needed("ledger_close", known_checks(connection), now):
        if one.state is not CheckState.GREEN:
            why = f" ({one.reason})" if one.reason else ""
            found[one.name] = (f"{one.state.value}{why}", f"未满足{f'（{one.reason}）' if one.reason else ''}")
        elif one.business_date is None or one.business_date < span.last_date:
            found[one.name] = (f"as of {one.business_date}", f"仅至 {one.business_date}")
        else:
            found[one.name] = None
    return found


def _counted(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def _breaks(connection: Connection, span: Span, now: datetime) -> Found:
    oldest = span.last_date - timedelta(days=number_on(connection, AGE, today(now)))
    many = _counted(
        connection,
        select(func.count()).where(breaks.c.state == BreakState.OPEN.value, breaks.c.opened_date < oldest),
    )
    return (f"{many} open since before {oldest}", f"{many} 项早于 {oldest} 仍未处理") if many else None


def _differences(connection: Connection, span: Span, now: datetime) -> Found:
    c = ledger_differences.c
    many = _counted(connection, select(func.count()).where(c.state == "open", c.opened_date <= span.last_date))
    return (f"{many} open", f"{many} 项未处理") if many else None


def _suspense(connection: Connection, span: Span, now: datetime) -> Found:
    oldest = span.last_date - timedelta(days=number_on(connection, AGE, today(now)))
    c = breaks.c
    parked = c.state == BreakState.PARKED.value
    many = _counted(connection, select(func.count()).where(parked, c.opened_date < oldest, c.owner_id.is_(None)))
    many += suspense.unowned_since(connection, oldest)
    return (f"{many} without an owner", f"{many} 项无责任人") if many else None


def _trial_balance(connection: Connection, span: Span, now: datetime) -> Found:
    made = trial_of(connection, span.first_date, span.last_date)
    wrong = sorted(
        {f"{one.source_code} {one.currency}" for one in made.totals_by if not one.balances}
        | {" ".join(one) for one in books.unlike_lines(connection, span.first_date, span.end_date)}
    )
    return (f"not for {', '.join(wrong)}", f"{'、'.join(wrong)} 不平") if wrong else None


def _sub_ledger(connection: Connection, span: Span, now: datetime) -> Found:
    """Of the present: a position says where a case stands now."""
    last = max(span.last_date, books.last_day(connection) or span.last_date)
    made = trial_of(connection, span.first_date, last)
    wrong = sorted({f"{one.account.number} {one.source_code}" for one in made.rows if one.difference_minor})
    return (f"not for {', '.join(wrong)}", f"{'、'.join(wrong)} 不一致") if wrong else None


def _payments(connection: Connection, span: Span, now: datetime) -> Found:
    """What waits for a payment that has not come is no hindrance here: it is a break."""
    query = select(func.count()).select_from(receipts.unposted(span.end_date).subquery())
    many = _counted(connection, query)
    return (f"{many} not posted", f"{many} 笔未入账") if many else None


def _messages(connection: Connection, span: Span, now: datetime) -> Found:
    c = inbound_messages.c
    many = _counted(
        connection, select(func.count()).where(c.state.in_(["waiting", "parked"]), c.received_at < _begun(now))
    )
    return (f"{many} waiting", f"{many} 条待处理") if many else None


def _outbox(connection: Connection, span: Span, now: datetime) -> Found:
    """Set aside or not, what has not gone out has not reached who books with it."""
    many = _counted(
        connection, select(func.count()).where(outbox.c.sent_at.is_(None), outbox.c.created_at < _begun(now))
    )
    return (f"{many} waiting", f"{many} 条待发送") if many else None


def _begun(now: datetime) -> datetime:
    """What came in or was put out within the last hour is under way."""
    return now - timedelta(hours=1)


_OWN: Mapping[str, Callable[[Connection, Span, datetime], Found]] = {
    "breaks_settled": _breaks,
    "differences_settled": _differences,
    "suspense_owned": _suspense,
    "trial_balance_zero": _trial_balance,
    "sub_ledger_agrees": _sub_ledger,
    "payments_posted": _payments,
    "messages_handled": _messages,
    "outbox_sent": _outbox,
}
