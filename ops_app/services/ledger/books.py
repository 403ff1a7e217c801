"""The books: trial balance as of an accounting date and as known at a moment, statements of accounts, entries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.ledger.accounts import Account, AccountKind
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.ledger.chart import chart
from ops_app.services.organisation.installation import today
from ops_app.store.ledger import books, statements
from ops_app.store.ledger.books import Turnover
from ops_app.store.ledger.closing import BalanceKey
from ops_app.store.ledger.statements import Leg, Mark, PostedEntry, PostedLine, StatementFilter
from ops_app.store.store import Store

__all__ = [
    "Leg", "PostedEntry", "PostedLine", "StatementFilter", "StatementPage", "StatementRow", "TrialBalance", "TrialRow",
    "TrialTotal", "account_statement", "balances_on", "read_entry", "trial_balance",
]  # fmt: skip


@dataclass(frozen=True)
class TrialRow:
    """One account of a source in a currency. Balances are debits less credits in whole minor units; ``sub_minor`` is
    what the cases add up to and ``difference_minor`` what the account has beyond (``None``: not kept by case)."""

    account: Account
    source_code: str
    currency: str
    opening_minor: int
    debit_minor: int
    credit_minor: int
    closing_minor: int
    sub_minor: int | None = None
    difference_minor: int | None = None


@dataclass(frozen=True)
class TrialTotal:
    """What all accounts of a source in a currency add up to, memo accounts apart (``is_memo``)."""

    source_code: str
    currency: str
    is_memo: bool
    opening_minor: int
    debit_minor: int
    credit_minor: int
    closing_minor: int

    @property
    def balances(self) -> bool:
        """Whether debits are credits, and the balances add up to nothing."""
        return self.debit_minor == self.credit_minor and not self.opening_minor and not self.closing_minor


@dataclass(frozen=True)
class TrialBalance:
    """Rows in the order of the chart within source and currency. ``is_of_positions``: the totals of the cases are
    those of where each stands now; of an earlier day or an earlier knowledge they are those of the cases' lines."""

    first_date: date
    as_of_date: date
    known_at: datetime | None
    rows: tuple[TrialRow, ...]
    totals_by: tuple[TrialTotal, ...]
    is_of_positions: bool


@dataclass(frozen=True)
class StatementRow:
    """A leg with the balance of what is listed, after it."""

    leg: Leg
    balance_minor: int


@dataclass(frozen=True)
class StatementPage:
    """A page of a statement: the balance before the first day, what all pages move, the balance after; ``mark`` of the
    next page."""

    account: Account
    opening_minor: int
    rows: tuple[StatementRow, ...]
    next_after: str | None
    total: int
    debit_minor: int
    credit_minor: int

    @property
    def closing_minor(self) -> int:
        """Debits less credits after the last leg of all pages."""
        return self.opening_minor + self.debit_minor - self.credit_minor


@act("books.view")
def trial_balance(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    as_of_date: date | None = None,
    first_date: date | None = None,
    known_at: datetime | None = None,
    source_code: str | None = None,
    currency: str | None = None,
) -> TrialBalance:
    """What every account came to after ``as_of_date`` (default: today) and did since ``first_date`` (default: the first
    of its month), as it was known at ``known_at``. Raises ``Invalid`` for days in the wrong order."""
    last = as_of_date or today(now)
    first = first_date or last.replace(day=1)
    if first > last:
        raise Invalid("The last day is not before the first.", "截止日不得早于起始日。", field="first_date")
    with store.reading() as connection:
        return trial_of(connection, first, last, known_at=known_at, source_code=source_code, currency=currency)


def trial_of(
    connection: Connection, first: date, last: date, *, known_at: datetime | None = None,
    source_code: str | None = None, currency: str | None = None,
) -> TrialBalance:  # fmt: skip
    """``trial_balance`` within the caller's transaction."""
    found = books.turnovers(connection, chart(), first, last, known_at=known_at)
    latest = books.last_day(connection)
    present = known_at is None and (latest is None or latest <= last)
    subs = books.sub_ledgers(connection) if present else None
    for key, amount in (subs or {}).items():  # what cases say they owe on an account that nothing was posted to
        if amount:
            found.setdefault(key, Turnover())
    rows = [
        _row(chart()[key[2]], key, turnover, subs)
        for key, turnover in _in_order(found)
        if source_code in (None, key[0]) and currency in (None, key[1])
    ]
    return TrialBalance(first, last, known_at, tuple(rows), _totals(rows), present)


def balances_on(connection: Connection, last: date) -> dict[BalanceKey, int]:
    """Source, currency, account → debits less credits after ``last``, those that are zero left out."""
    found = books.turnovers(connection, chart(), last, last)
    return {key: one.closing_minor for key, one in found.items() if one.closing_minor}


def _in_order(found: Mapping[BalanceKey, Turnover]) -> list[tuple[BalanceKey, Turnover]]:
    place = {code: number for number, code in enumerate(chart())}
    return sorted(found.items(), key=lambda one: (one[0][0], one[0][1], place[one[0][2]]))


def _row(account: Account, key: BalanceKey, one: Turnover, subs: Mapping[BalanceKey, int] | None) -> TrialRow:
    sub: int | None = None
    if account.sub_ledger:
        sub = one.of_cases_minor if subs is None else subs.get(key, one.of_cases_minor)
    return TrialRow(
        account, key[0], key[1], one.opening_minor, one.debit_minor, one.credit_minor, one.closing_minor, sub,
        None if sub is None else one.closing_minor - sub,
    )  # fmt: skip


def _totals(rows: list[TrialRow]) -> tuple[TrialTotal, ...]:
    found: dict[tuple[str, str, bool], TrialTotal] = {}
    for one in rows:
        key = (one.source_code, one.currency, one.account.kind is AccountKind.MEMO)
        so_far = found.get(key, TrialTotal(*key, 0, 0, 0, 0))
        found[key] = replace(
            so_far,
            opening_minor=so_far.opening_minor + one.opening_minor,
            debit_minor=so_far.debit_minor + one.debit_minor,
            credit_minor=so_far.credit_minor + one.credit_minor,
            closing_minor=so_far.closing_minor + one.closing_minor,
        )
    return tuple(found[key] for key in sorted(found))


@act("books.view")
def account_statement(
    actor: Actor, store: Store, *, now: datetime, wanted: StatementFilter, after: str | None = None, limit: int = 50
) -> StatementPage:
    """The legs of an account in the order of accounting dates, with the balance after each. The balance is of what the
    filter holds. Raises ``Invalid`` for an account that is not in the chart, a kind that there is none of, or a mark
    that is none."""
    check_limit(limit)
    account = chart().get(wanted.account)
    if account is None:
        raise Invalid("There is no such account.", "没有此科目。", field="account")
    if wanted.kind is not None and wanted.kind not in set(EventKind):
        raise Invalid("There is no such kind of event.", "没有此事项类型。", field="kind")
    mark = _read_mark(after)
    with store.reading() as connection:
        opening = statements.opening(connection, wanted)
        total, debits, credits = statements.sums(connection, wanted)
        balance = opening
        if mark is not None:
            _, before_debits, before_credits = statements.sums(connection, wanted, until=mark)
            balance += before_debits - before_credits
        legs = statements.page(connection, wanted, mark, limit + 1)
    rows = []
    for leg in legs[:limit]:
        balance += leg.sign * leg.amount_minor
        rows.append(StatementRow(leg, balance))
    more = _mark_of(legs[limit - 1]) if len(legs) > limit else None
    return StatementPage(account, opening, tuple(rows), more, total, debits, credits)


def _mark_of(leg: Leg) -> str:
    day, entry, line, sign = leg.mark
    return json.dumps([day.isoformat(), entry, line, sign])


def _read_mark(text: str | None) -> Mark | None:
    if text is None:
        return None
    try:
        day, entry, line, sign = json.loads(text)
        return date.fromisoformat(day), str(entry), int(line), int(sign)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no place in the list.", "列表位置无效。", field="after") from error


@act("books.view")
def read_entry(actor: Actor, store: Store, *, now: datetime, entry_id: str) -> PostedEntry:
    """An entry with all its lines. Raises ``NotFound``."""
    with store.reading() as connection:
        found = statements.entries(connection, entry_ids=[entry_id])
    if not found:
        raise NotFound("There is no such entry.", "没有此分录。")
    return found[0]
