"""What a case owes if it is paid on a day, and how a payment of it would be posted: the calculator of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.posting import PARTS, posted
from ops_app.domain.organisation.amounts import require_amounts
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.accrual_terms import DailyTerms
from ops_app.services.ledger.accruing import accrual_until
from ops_app.services.ledger.posting_terms import PostingTerms
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import accruals, journal
from ops_app.store.store import Store

LONGEST_AHEAD = timedelta(days=366)


@dataclass(frozen=True)
class Owed:
    """What a case owes on a day by component, on the books and in the register of what is written off (whole minor
    units). ``is_accrued``: with what Recoup accrues until the day; otherwise as of ``as_of_date``, the lender's last
    data and what was posted since."""

    case_id: str
    currency: str
    on_date: date
    as_of_date: date
    is_accrued: bool
    book_minor: dict[str, int]
    written_off_minor: dict[str, int]

    @property
    def owed_minor(self) -> dict[str, int]:
        """Both together, by component."""
        return {part: amount + self.written_off_minor[part] for part, amount in self.book_minor.items()}

    @property
    def total_minor(self) -> int:
        """All components."""
        return sum(self.owed_minor.values())


@dataclass(frozen=True)
class Posting:
    """What a payment of ``amount_minor`` pays: whole minor units per part, the rest that nothing is owed for, and the
    code of the order."""

    case_id: str
    currency: str
    amount_minor: int
    order: str
    parts: dict[str, int]
    rest_minor: int


@act("cases.view")
def what_is_owed(actor: Actor, store: Store, *, now: datetime, case_id: str, on_date: date | None = None) -> Owed:
    """What a case within reach owes if it is paid on ``on_date`` (default: today). Raises ``NoSuchCase`` alike for a
    missing and a foreign case, ``Invalid`` for a day that has passed or lies beyond a year, ``AmountsHidden``."""
    require_amounts(actor)
    day = _checked_day(on_date, today(now))
    with store.reading() as connection:
        return _owed(connection, _case(connection, actor, case_id, now), day)


@act("cases.view")
def preview_posting(
    actor: Actor, store: Store, *, now: datetime, case_id: str, amount_minor: int, on_date: date | None = None
) -> Posting:
    """How a payment of ``amount_minor`` (whole minor units of the case's currency) would be posted on ``on_date``
    (default: today); records nothing. Raises as ``what_is_owed``, and ``Invalid`` for an amount not above zero."""
    require_amounts(actor)
    if not 0 < amount_minor < 10**17:
        raise Invalid("The amount must be above zero.", "金额必须大于零。", field="amount_minor")
    day = _checked_day(on_date, today(now))
    with store.reading() as connection:
        one = _case(connection, actor, case_id, now)
        owed = _owed(connection, one, day)
        late = max(0, one.days_past_due + (day - one.as_of_date).days) if one.days_past_due else 0
        terms = PostingTerms(in_force(connection)).of_receipt(one.lender_code, one.product_code, day, late)
    written_off = any(owed.written_off_minor.values()) and not any(owed.book_minor.values())
    order = terms["orders"]["written_off" if written_off else "standard"]
    on_book, rest = posted(amount_minor, {Component(part): it for part, it in owed.book_minor.items()}, order)
    in_register, rest = posted(rest, {Component(part): it for part, it in owed.written_off_minor.items()}, order)
    paid = {part.value: on_book[part] + in_register[part] for part in Component}
    # lenders tell no costs: they are said where there are any
    shown = {part: amount for part, amount in paid.items() if part in PARTS or amount}
    return Posting(case_id, one.currency, amount_minor, order, shown, rest)


def _checked_day(on_date: date | None, day: date) -> date:
    if on_date is not None and not day <= on_date <= day + LONGEST_AHEAD:
        raise Invalid(
            "Choose a day from today to a year ahead.", "请选择今日起一年内的日期。", field="on_date"
        )  # fmt: skip
    return on_date or day


def _case(connection: Connection, actor: Actor, case_id: str, now: datetime) -> Case:
    one = cases.read(connection, case_id, scope_of(actor), now)
    if one is None:
        raise NoSuchCase
    return one


def _owed(connection: Connection, one: Case, day: date) -> Owed:
    state = journal.positions(connection, [one.case_id]).get(one.case_id)
    if state is None:  # the ledger has not taken the case over: what the lender says is all there is
        told = {part.value: getattr(one, f"{part.value}_minor", 0) for part in Component}
        return Owed(one.case_id, one.currency, day, one.as_of_date, False, told, dict.fromkeys(told, 0))
    book = {part.value: amount for part, amount in state.book.items()}
    memo = {part.value: amount for part, amount in state.memo.items()}
    terms, so_far = DailyTerms(in_force(connection)), accruals.of_cases(connection, [one.case_id])
    if not so_far or state.is_closed or terms.on(one.lender_code, one.product_code, day) is None:
        return Owed(one.case_id, one.currency, day, one.as_of_date, False, book, memo)
    if day > so_far[0].through_date:
        until = accrual_until(connection, terms, so_far, day)[one.case_id]
        book = {part.value: amount for part, amount in until.owed_minor.items()}
    return Owed(one.case_id, one.currency, day, day, True, book, memo)
