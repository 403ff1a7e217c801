"""What stands in suspense, payment by payment: written with the journal, listed along its indexes, tied to accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, or_, select, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.refunds import PAYABLE
from ops_app.domain.ledger.suspense import SUSPENSE_ACCOUNTS, SuspenseReason
from ops_app.store.ledger import books
from ops_app.store.ledger.closing import BalanceKey
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, debtors
from ops_app.store.tables.journal import ledger_positions
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.organisation import people
from ops_app.store.tables.refunds import refunds, suspense_items

_S = suspense_items.c
NOBODY = "-"
"""The filter's word for "without an owner"."""

SORTS = ("since_date", "held_minor")
"""What the list is sorted by, each along its index."""


@dataclass(frozen=True)
class Standing:
    """What of a receipt stands on an account of suspense (whole minor units, below zero where more was taken back than
    was there)."""

    event_id: str
    account: str
    case_id: str | None
    source_code: str
    loan_id: str
    currency: str
    payment_id: str
    since_date: date
    held_minor: int

    @property
    def item_id(self) -> str:
        """One receipt has one item an account."""
        return item_id_of(self.event_id, self.account)


def item_id_of(event_id: str, account: str) -> str:
    """The id of what ``account`` has of a receipt."""
    return key_hash("suspense", account, event_id)[:32]


@dataclass(frozen=True)
class SuspenseItem(Standing):
    """An item as the desk has it: ``requested_minor`` is what open requests wait for; the payer is masked by the
    service."""

    requested_minor: int
    owner_id: str | None
    owner_name: str | None
    debtor_name: str | None
    payer_name: str | None
    payer_account: str | None
    version: int

    @property
    def free_minor(self) -> int:
        """What nobody has asked for; below zero where the money went away since it was asked for."""
        return self.held_minor - self.requested_minor


@dataclass(frozen=True)
class SuspenseFilter:
    """``None`` is not narrowed; ``owner_id`` may be ``NOBODY``; ``since_until``: since that day or earlier; ``text`` is
    a loan's or a payment's whole number; ``is_standing``: only what has money or a request."""

    reason: SuspenseReason | None = None
    currency: str | None = None
    source_code: str | None = None
    owner_id: str | None = None
    owned_by: str | None = None
    since_until: date | None = None
    text: str | None = None
    is_standing: bool = True


@dataclass(frozen=True)
class SuspenseTotal:
    """What the items of a filter come to, by account and currency."""

    account: str
    currency: str
    count: int
    held_minor: int
    requested_minor: int

    @property
    def free_minor(self) -> int:
        """What nobody has asked for."""
        return self.held_minor - self.requested_minor


@dataclass(frozen=True)
class SuspenseTie:
    """An account of a source in a currency: what the items (or refunds) come to and what the ledger says."""

    source_code: str
    currency: str
    account: str
    items_minor: int
    ledger_minor: int

    @property
    def difference_minor(self) -> int:
        """What the ledger has beyond."""
        return self.ledger_minor - self.items_minor


def of_cases(connection: Connection, case_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Case → event → what of it is held."""
    found: dict[str, dict[str, int]] = {}
    for some in chunks(sorted(case_ids)):
        query = select(_S.case_id, _S.event_id, _S.held_minor).where(_S.case_id.in_(some))
        for case_id, event_id, minor in connection.execute(query).tuples():
            found.setdefault(str(case_id), {})[event_id] = int(minor)
    return found


def write_held(connection: Connection, rows: Sequence[Standing]) -> None:
    """Write what is held; a new receipt gets an item."""
    for one in rows:
        _write(connection, one, one.held_minor)


def add_held(connection: Connection, rows: Sequence[Standing]) -> None:
    """Add ``held_minor`` to what is held; a new receipt gets an item."""
    for one in rows:
        _write(connection, one, _S.held_minor + one.held_minor)


def _write(connection: Connection, one: Standing, held: Any) -> None:
    done = connection.execute(
        update(suspense_items).where(_S.item_id == one.item_id).values(held_minor=held, version=_S.version + 1)
    )
    if not done.rowcount:
        enter(connection, one)


def enter(connection: Connection, one: Standing) -> None:
    """A new item."""
    connection.execute(
        insert(suspense_items).values(**vars(one), item_id=one.item_id, requested_minor=0, owner_id=None, version=1)
    )


def read(connection: Connection, item_id: str, *, lock: bool = False) -> SuspenseItem | None:
    """One item; with ``lock`` nobody else asks for its money before this transaction ends."""
    if lock:
        connection.execute(select(_S.item_id).where(_S.item_id == item_id).with_for_update()).first()
    row = connection.execute(_query().where(_S.item_id == item_id)).first()
    return SuspenseItem(**dict(row._mapping)) if row else None


def request(connection: Connection, item_id: str, more_minor: int) -> None:
    """``more_minor`` more (below zero: less) of the item is asked for."""
    connection.execute(
        update(suspense_items)
        .where(_S.item_id == item_id)
        .values(requested_minor=_S.requested_minor + more_minor, version=_S.version + 1)
    )


def give(connection: Connection, one: SuspenseItem, owner_id: str) -> bool:
    """Hand the item over; whether it still was at the version that was read."""
    done = connection.execute(
        update(suspense_items)
        .where(_S.item_id == one.item_id, _S.version == one.version)
        .values(owner_id=owner_id, version=one.version + 1)
    )
    return done.rowcount == 1


def page_query(
    wanted: SuspenseFilter, sort: str, after: tuple[Any, str] | None, limit: int, *, descending: bool
) -> Select[Any]:
    """The statement of a page (a test looks at its plan)."""
    order = (_S[sort], _S.item_id)
    query = _query().where(*_narrowed(wanted))
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    return query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)


def page(
    connection: Connection, wanted: SuspenseFilter, sort: str, after: tuple[Any, str] | None, limit: int, *,
    descending: bool,
) -> list[SuspenseItem]:  # fmt: skip
    """The next ``limit`` items."""
    rows = connection.execute(page_query(wanted, sort, after, limit, descending=descending))
    return [SuspenseItem(**dict(row._mapping)) for row in rows]


def totals(connection: Connection, wanted: SuspenseFilter) -> list[SuspenseTotal]:
    """What the filter holds, by account and currency."""
    query = (
        select(_S.account, _S.currency, func.count(), func.sum(_S.held_minor), func.sum(_S.requested_minor))
        .where(*_narrowed(wanted))
        .group_by(_S.account, _S.currency)
        .order_by(_S.account, _S.currency)
    )
    return [
        SuspenseTotal(account, currency, int(count), int(held), int(requested))
        for account, currency, count, held, requested in connection.execute(query).tuples()
    ]


def ties(connection: Connection) -> list[SuspenseTie]:
    """Every account of suspense, and that of refunds payable, beside what the journal says of it; liabilities are shown
    as what is owed."""
    codes = (*SUSPENSE_ACCOUNTS, accounts.REFUNDS_PAYABLE)
    sides: dict[BalanceKey, list[int]] = {}
    query = select(_S.source_code, _S.currency, _S.account, func.sum(_S.held_minor)).group_by(
        _S.source_code, _S.currency, _S.account
    )
    for source, currency, account, minor in connection.execute(query).tuples():
        sides.setdefault((source, currency, account), [0, 0])[0] = int(minor)
    r = refunds.c
    payable = (
        select(r.source_code, r.currency, func.sum(r.amount_minor))
        .where(r.state.in_(sorted(one.value for one in PAYABLE)))
        .group_by(r.source_code, r.currency)
    )
    for source, currency, minor in connection.execute(payable).tuples():
        sides.setdefault((source, currency, accounts.REFUNDS_PAYABLE), [0, 0])[0] = int(minor)
    last = books.last_day(connection)
    if last is not None:
        for key, one in books.turnovers(connection, codes, last, last).items():
            if one.closing_minor or key in sides:
                sides.setdefault(key, [0, 0])[1] = -one.closing_minor
    return [SuspenseTie(*key, items, ledger) for key, (items, ledger) in sorted(sides.items()) if items or ledger]


def unlike_positions(connection: Connection) -> str | None:
    """The first case of which the items do not come to what its position holds."""
    p = ledger_positions.c
    sums = (
        select(_S.case_id, func.sum(_S.held_minor).label("held"))
        .where(_S.case_id.is_not(None))
        .group_by(_S.case_id)
        .subquery()
    )
    query = (
        select(p.case_id)
        .outerjoin(sums, sums.c.case_id == p.case_id)
        .where(func.coalesce(sums.c.held, 0) != p.held_minor)
        .order_by(p.case_id)
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar()
    return found


def currencies(connection: Connection) -> list[str]:
    """The currencies of what stands."""
    query = select(_S.currency).where(*_narrowed(SuspenseFilter())).distinct().order_by(_S.currency)
    return list(connection.execute(query).scalars())


def _query() -> Select[Any]:
    own = people.alias("owner")
    paid = and_(payments.c.source_code == _S.source_code, payments.c.payment_id == _S.payment_id)
    return (
        select(
            _S.event_id, _S.account, _S.case_id, _S.source_code, _S.loan_id, _S.currency, _S.payment_id,
            _S.since_date, _S.held_minor, _S.requested_minor, _S.owner_id, own.c.display_name.label("owner_name"),
            debtors.c.name_masked.label("debtor_name"), payments.c.payer_name, payments.c.payer_account, _S.version,
        )
        .outerjoin(cases, cases.c.case_id == _S.case_id)
        .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
        .outerjoin(payments, paid)
        .outerjoin(own, own.c.person_id == _S.owner_id)
    )  # fmt: skip


def _narrowed(wanted: SuspenseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.is_standing:
        found.append(or_(_S.held_minor != 0, _S.requested_minor != 0))
    if wanted.reason is SuspenseReason.OVERDRAWN:
        found.append(_S.held_minor < 0)
    elif wanted.reason is not None:
        unmatched = wanted.reason is SuspenseReason.UNMATCHED
        account = accounts.SUSPENSE_UNMATCHED if unmatched else accounts.SUSPENSE_CASE
        found += [_S.account == account, _S.held_minor >= 0]
    for name in ("currency", "source_code"):
        if (value := getattr(wanted, name)) is not None:
            found.append(_S[name] == value)
    if wanted.owner_id is not None:
        found.append(_S.owner_id.is_(None) if wanted.owner_id == NOBODY else _S.owner_id == wanted.owner_id)
    if wanted.owned_by is not None:  # whoever's to-do it is: theirs, and what nobody has taken
        found.append(or_(_S.owner_id.is_(None), _S.owner_id == wanted.owned_by))
    if wanted.since_until is not None:
        found.append(_S.since_date <= wanted.since_until)
    if wanted.text is not None:
        found.append(or_(_S.loan_id == wanted.text, _S.payment_id == wanted.text))
    return found


def unowned_since(connection: Connection, before: date) -> int:
    """How many items stand since before a day and have no owner."""
    query = select(func.count()).select_from(suspense_items).where(
        *_narrowed(SuspenseFilter(owner_id=NOBODY)), _S.since_date < before
    )  # fmt: skip
    return int(connection.execute(query).scalar_one())


def requested_sums(connection: Connection) -> Mapping[str, int]:
    """Item → what its open requests wait for of what is held, as the requests say."""
    r = refunds.c
    pending = ("requested", "in_approval", "returned")
    query = select(r.item_id, func.sum(case((r.state.in_(pending), r.held_part_minor), else_=0))).group_by(r.item_id)
    return {item: int(minor) for item, minor in connection.execute(query).tuples()}


def requested_items(connection: Connection) -> Mapping[str, int]:
    """Item → what it says is asked for, those without left out."""
    query = select(_S.item_id, _S.requested_minor).where(_S.requested_minor != 0)
    return {item: int(minor) for item, minor in connection.execute(query).tuples()}
