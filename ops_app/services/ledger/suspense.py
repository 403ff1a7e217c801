"""The suspense desk (feature 25): what is here and pays nothing, since when, whose it is, and where it goes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json, content_hash
from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.personal import masked_name, masked_number
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.ageing import age_of, opened_until
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.refunds import NotEnoughHeld, Room
from ops_app.domain.ledger.replay import MOVED, OF_HELD
from ops_app.domain.ledger.suspense import (
    NoCaseTakesIt,
    NoOwner,
    NoSuchSuspense,
    SuspenseChanged,
    SuspenseReason,
    due_date,
    reason_of,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.ledger.agreement_judging import judge_cases
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.payment_effects import on_payments
from ops_app.services.ledger.posting_terms import PostingTerms
from ops_app.services.ledger.refund_booking import hold_item, room_of
from ops_app.services.organisation.calendars import is_workday
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import in_force, number_on
from ops_app.store.casework import case_writing, cases
from ops_app.store.ledger import agreements, journal, payments, receipts, refunds, suspense
from ops_app.store.ledger.receipts import Claim
from ops_app.store.ledger.refunds import Refund
from ops_app.store.ledger.suspense import (
    NOBODY,
    SORTS,
    SuspenseFilter,
    SuspenseItem,
    SuspenseTie,
    SuspenseTotal,
)
from ops_app.store.organisation import people
from ops_app.store.organisation.people import PeopleFilter
from ops_app.store.store import Store, Transaction

__all__ = [
    "LIMIT", "NOBODY", "SORTS", "SuspenseFilter", "SuspenseItem", "SuspensePage", "SuspenseRecord", "SuspenseTie",
    "SuspenseTotal", "hand_over_suspense", "late_until", "list_suspense", "list_suspense_owners", "move_suspense",
    "read_suspense", "take_suspense", "tie_suspense",
]  # fmt: skip

LIMIT = "ledger.suspense_age_limit_days"
"""The parameter that says how many business days money may stand in suspense before a manager is told."""

OBJECT = "suspense_item"
_INBOX = "suspense"
_MOST_OWNERS = 200


@dataclass(frozen=True)
class SuspensePage:
    """One page; ``sums`` are of the whole filter, by account and currency. Ages count business days up to
    ``as_of_date``; ``limit_days`` of them are allowed."""

    rows: tuple[SuspenseItem, ...]
    next_after: str | None
    sums: tuple[SuspenseTotal, ...]
    currencies: tuple[str, ...]
    as_of_date: date
    limit_days: int

    def age_days(self, one: SuspenseItem) -> int:
        """How many business days it has been standing."""
        return age_of(one.since_date, self.as_of_date, is_workday)

    def due_date(self, one: SuspenseItem) -> date:
        """The last day of its time."""
        return due_date(one.since_date, self.limit_days, is_workday)

    def is_late(self, one: SuspenseItem) -> bool:
        """Whether it is past its time, and so on a manager's desk too."""
        return self.age_days(one) > self.limit_days


@dataclass(frozen=True)
class SuspenseRecord:
    """One item with its age and time, what of its payment can be given back, and the refunds of it."""

    item: SuspenseItem
    reason: SuspenseReason
    age_days: int
    due_date: date
    is_late: bool
    room: Room
    refunds: tuple[Refund, ...]


@act("suspense.view")
def list_suspense(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: SuspenseFilter | None = None,
    overdue: bool = False,
    sort: str = "since_date",
    descending: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> SuspensePage:
    """What stands in suspense, the longest first unless sorted otherwise; ``overdue``: only what is past its time.
    Payers masked. Raises ``Invalid`` for a sort or a mark that is none."""
    check_sort(sort, SORTS, "Suspense")
    check_limit(limit)
    mark, chosen, day = _read_mark(after, sort), wanted or SuspenseFilter(), today(now)
    with store.reading() as connection:
        most = number_on(connection, LIMIT, day)
        if overdue:
            chosen = replace(chosen, since_until=late_until(connection, day))
        rows = suspense.page(connection, chosen, sort, mark, limit + 1, descending=descending)
        sums = suspense.totals(connection, chosen)
        currencies = suspense.currencies(connection)
    last = rows[limit - 1] if len(rows) > limit else None
    more = canonical_json([getattr(last, sort), last.item_id]) if last else None
    shown = tuple(_masked(one) for one in rows[:limit])
    return SuspensePage(shown, more, tuple(sums), tuple(currencies), day, most)


def late_until(connection: Connection, day: date) -> date:
    """What stands since this day or earlier is past its time on ``day``."""
    return opened_until(number_on(connection, LIMIT, day) + 1, day, is_workday)


def _read_mark(after: str | None, sort: str) -> tuple[Any, str] | None:
    if after is None:
        return None
    try:
        value, identity = json.loads(after)
        return date.fromisoformat(value) if sort == "since_date" else int(value), str(identity)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no place in the list.", "列表位置无效。", field="after") from error


def _masked(one: SuspenseItem) -> SuspenseItem:
    return replace(one, payer_name=masked_name(one.payer_name), payer_account=masked_number(one.payer_account))


@act("suspense.view")
def read_suspense(actor: Actor, store: Store, *, now: datetime, item_id: str) -> SuspenseRecord:
    """One item. Raises ``NoSuchSuspense``."""
    day = today(now)
    with store.reading() as connection:
        one = _found(suspense.read(connection, item_id))
        most = number_on(connection, LIMIT, day)
        room = room_of(connection, one)
        asked = refunds.of_item(connection, item_id)
    age = age_of(one.since_date, day, is_workday)
    return SuspenseRecord(
        _masked(one), reason_of(one.account, one.held_minor), age, due_date(one.since_date, most, is_workday),
        age > most, room, tuple(asked),
    )  # fmt: skip


def _found(one: SuspenseItem | None) -> SuspenseItem:
    if one is None:
        raise NoSuchSuspense
    return one


@act("suspense.view")
def tie_suspense(actor: Actor, store: Store, *, now: datetime) -> tuple[SuspenseTie, ...]:
    """Each account of suspense and that of refunds payable, beside what the ledger says of it."""
    with store.reading() as connection:
        return tuple(suspense.ties(connection))


@act("suspense.decide")
def list_suspense_owners(actor: Actor, store: Store, *, now: datetime) -> dict[str, str]:
    """Who may own suspense: person → name."""
    roles = GRANTS["suspense.decide"]
    with store.reading() as connection:
        found: dict[str, str] = {}
        for role in sorted(roles):
            some, _ = people.page(
                connection, PeopleFilter(role=role, active=True), sort="display_name", descending=False, offset=0,
                limit=_MOST_OWNERS,
            )  # fmt: skip
            found |= {one.person_id: one.display_name for one in some if one.agency_code is None}
    return found


@act("suspense.decide")
def take_suspense(actor: Actor, store: Store, *, now: datetime, item_id: str, version: int) -> SuspenseItem:
    """Become the owner of an item; who has it already keeps it. Raises ``NoSuchSuspense``, ``SuspenseChanged``."""
    return _give(actor, store, now, item_id, version, actor.person_id, None)


@act("suspense.decide")
def hand_over_suspense(
    actor: Actor, store: Store, *, now: datetime, item_id: str, version: int, owner_id: str, reason: str
) -> SuspenseItem:
    """Hand an item over to somebody who may clear it. Raises as ``take_suspense``, and ``NoOwner``, ``Invalid``."""
    why = " ".join(reason.split())
    if not why:
        raise Invalid("Say why.", "请填写原因。", field="reason")
    with store.reading() as connection:
        one = people.by_id(connection, owner_id)
    if one is None or not one.active or one.agency_code is not None or one.role not in GRANTS["suspense.decide"]:
        raise NoOwner
    return _give(actor, store, now, item_id, version, owner_id, why)


def _give(
    actor: Actor, store: Store, now: datetime, item_id: str, version: int, owner_id: str, why: str | None
) -> SuspenseItem:
    with store.writing(actor, now) as transaction:
        one = _found(suspense.read(transaction.connection, item_id, lock=True))
        if one.owner_id == owner_id:
            return _masked(one)
        if one.version != version or not suspense.give(transaction.connection, one, owner_id):
            raise SuspenseChanged
        transaction.audit(
            "suspense.owned", OBJECT, item_id, before={"owner_id": one.owner_id},
            after={"owner_id": owner_id, "held_minor": one.held_minor, "currency": one.currency}, reason=why,
        )  # fmt: skip
    with store.reading() as connection:
        return _masked(_found(suspense.read(connection, item_id)))


@act("suspense.decide")
def move_suspense(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    item_id: str,
    version: int,
    into_case_id: str,
    amount_minor: int,
    reason: str,
    key: str,
) -> str:
    """Let a case take money of an item: it pays there as of its own value date where the case was open then, else as of
    today. The id of the event, the same for every repetition of ``key``. Raises ``NoSuchSuspense``,
    ``NoSuchCase``,
    ``SuspenseChanged``, ``NotEnoughHeld``, ``NoCaseTakesIt``, ``Invalid``."""
    why = " ".join(reason.split())
    if not why:
        raise Invalid("Say why.", "请填写原因。", field="reason")
    if isinstance(amount_minor, bool) or amount_minor <= 0:
        raise Invalid("The amount must be above zero.", "金额必须大于零。", field="amount_minor")
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash([item_id, version, into_case_id, amount_minor, why]))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        connection = transaction.connection
        if cases.read(connection, into_case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        known = _found(suspense.read(connection, item_id))
        case_writing.hold(connection, {one for one in (known.case_id, into_case_id) if one is not None})
        one = hold_item(transaction, known)
        if one.version != version:
            raise SuspenseChanged
        if amount_minor > one.free_minor:
            raise NotEnoughHeld(one.free_minor, one.currency)
        events = _moving(transaction, one, into_case_id, amount_minor)
        posted = post(transaction, events, reason=why)
        paid = payments.read_many(connection, one.source_code, [one.payment_id]).get(one.payment_id)
        if paid is not None:
            on_payments(transaction, posted, [(paid.content, into_case_id)])
        if posted.after and agreements.any_of_cases(connection, posted.after):
            judge_cases(transaction, posted.after, today(now))
        transaction.audit(
            "suspense.moved", OBJECT, item_id, before={"held_minor": one.held_minor},
            after={"case_id": into_case_id, "amount_minor": amount_minor, "currency": one.currency,
                   "payment_id": one.payment_id}, reason=why,
        )  # fmt: skip
        transaction.answer(_INBOX, key, events[-1].event_id)
    return events[-1].event_id


def _moving(transaction: Transaction, one: SuspenseItem, case_id: str, amount_minor: int) -> list[LedgerEvent]:
    """The events that move the money: out of the case that holds it, where one does, and into the one that takes it."""
    claim = _claim(transaction, one, case_id)
    day = today(transaction.now)
    same = one.case_id == case_id
    into = claim[1] if claim[1].holds(one.since_date) and not same else None
    when = one.since_date if into is not None else day
    if not claim[1].holds(when):
        raise NoCaseTakesIt("it was not open on the day of the payment and is not today", "案件在付款日与今日均未在催")
    nth = f"suspense/{one.item_id}/{one.version}"
    events = []
    if one.case_id is not None and not same:
        events.append(
            LedgerEvent(
                EventKind.REFUND, one.source_code, one.loan_id, one.currency, when, Cause.DECISION, f"{nth}/out",
                case_id=one.case_id, amount_minor=amount_minor, target_id=one.event_id,
                terms={"funding": accounts.SUSPENSE_UNMATCHED, OF_HELD: amount_minor, MOVED: case_id, "turn": nth},
            )
        )  # fmt: skip
    terms = PostingTerms(in_force(transaction.connection)).of_receipt(
        claim[1].lender_code, claim[1].product_code, when, claim[1].days_past_due_on(when)
    )
    funding = accounts.SUSPENSE_CASE if same else accounts.SUSPENSE_UNMATCHED
    events.append(
        LedgerEvent(
            EventKind.RECEIPT, one.source_code, claim[0], one.currency, when, Cause.DECISION, f"{nth}/in",
            case_id=case_id, amount_minor=amount_minor, target_id=one.event_id,
            terms=terms | {"funding": funding, "turn": nth} | ({MOVED: case_id} if same else {}),
        )
    )  # fmt: skip
    return events


def _claim(transaction: Transaction, one: SuspenseItem, case_id: str) -> tuple[str, Claim]:
    """The loan and the claim of the case that takes the money. Raises ``NoCaseTakesIt``."""
    connection = transaction.connection
    loan = receipts.loan_of(connection, case_id)
    if loan is None or loan[0] != one.source_code:
        raise NoCaseTakesIt("there is no case of this lender under that number", "该资方下没有此案件")
    found = next(
        (it for it in receipts.claims_of(connection, {loan}).get(loan, []) if it.case_id == case_id), None
    )  # fmt: skip
    if found is None:
        raise NoCaseTakesIt("the ledger has not taken it over", "该案件尚未纳入账务")
    if found.currency != one.currency:
        raise NoCaseTakesIt(f"it is in {found.currency}", f"案件币种为 {found.currency}")
    if journal.positions(connection, [case_id])[case_id].is_closed:
        raise NoCaseTakesIt("it is closed", "案件已结案")
    return loan[1], found
