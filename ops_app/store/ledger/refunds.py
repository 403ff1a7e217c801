"""Refunds in the store: one by its id, lists along their indexes, moves, payouts, the bank lines that answer them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, insert, or_, select, text, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.refunds import LIVE, PENDING, RefundGround, RefundMove, RefundState
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.refunds import (
    payout_files,
    payouts,
    refund_lines,
    refund_moves,
    refund_reports,
    refunds,
)

_R = refunds.c
ASKED = "ask"
"""What the first move is called."""

SORTS = ("requested_at", "amount_minor")
"""What lists are sorted by, each along its index."""

_NUMBERS = 0x5EC0_0A10


@dataclass(frozen=True)
class Refund:
    """One refund. Amounts are whole minor units of ``currency``; ``held_part_minor`` is what of it comes out of what
    is held. The payee is sealed; ``payee_digest`` tells whether two payees are one."""

    refund_id: str
    number: int
    item_id: str
    case_id: str | None
    source_code: str
    loan_id: str
    payment_id: str
    currency: str
    ground: RefundGround
    amount_minor: int
    held_part_minor: int
    payee_sealed: str
    payee_digest: str
    payee_name_masked: str
    payee_account_masked: str
    document: str
    attachment_id: str | None
    reason: str
    requested_by: str
    requested_by_name: str
    requested_at: datetime
    state: RefundState
    event_id: str | None
    paid_event_id: str | None
    paid_date: date | None
    attempts: int
    move_count: int
    version: int

    @property
    def applied_part_minor(self) -> int:
        """What of it is taken back from what the payment paid."""
        return self.amount_minor - self.held_part_minor


@dataclass(frozen=True)
class RefundStep:
    """One move of a refund."""

    nth: int
    what: RefundMove | None
    from_state: RefundState | None
    to_state: RefundState
    reason: str | None
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class Payout:
    """One payout of a refund: what goes through the bank, in which file."""

    reference: str
    refund_id: str
    attempt: int
    file_id: str
    amount_minor: int


@dataclass(frozen=True)
class RefundLine:
    """A bank line that paid a payout or sent it back."""

    source_code: str
    account: str
    line_id: str
    reference: str
    what: str
    amount_minor: int
    value_date: date
    event_id: str
    noted_at: datetime


@dataclass(frozen=True)
class RefundReport:
    """A refund of the lender's feed that is one with ours: ``is_same`` where the money was posted here before."""

    source_code: str
    payment_id: str
    refund_id: str
    is_same: bool
    noted_at: datetime


@dataclass(frozen=True)
class PayoutFile:
    """One payout file: its hash, what it holds and the template it was made with."""

    file_id: str
    number: int
    source_code: str
    currency: str
    template_json: str
    execution_date: date
    payouts: int
    total_minor: int
    file_hash: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class RefundFilter:
    """``None`` is not narrowed; ``text`` is a loan's, a payment's or a payout's whole number; ``moved_before``: in a
    payout file since before that moment."""

    states: frozenset[RefundState] | None = None
    currency: str | None = None
    text: str | None = None
    moved_before: datetime | None = None


@dataclass(frozen=True)
class RefundTotal:
    """What the refunds of a filter come to in a currency."""

    currency: str
    count: int
    amount_minor: int


def hold_numbers(connection: Connection) -> None:
    """Numbers are given one after another, until this transaction ends. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _NUMBERS})


def next_number(connection: Connection) -> int:
    """The number of the next refund."""
    return int(connection.execute(select(func.max(_R.number))).scalar() or 0) + 1


def next_file_number(connection: Connection) -> int:
    """The number of the next payout file."""
    return int(connection.execute(select(func.max(payout_files.c.number))).scalar() or 0) + 1


def read(connection: Connection, refund_id: str, *, lock: bool = False) -> Refund | None:
    """The refund of an id."""
    query = select(refunds).where(_R.refund_id == refund_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _stored(row) if row else None


def of_payment(connection: Connection, source_code: str, payment_id: str) -> list[Refund]:
    """Every refund of a payment, in the order in which they were asked for."""
    query = select(refunds).where(_R.source_code == source_code, _R.payment_id == payment_id).order_by(_R.number)
    return [_stored(row) for row in connection.execute(query)]


def of_item(connection: Connection, item_id: str) -> list[Refund]:
    """Every refund of an item of suspense."""
    query = select(refunds).where(_R.item_id == item_id).order_by(_R.number)
    return [_stored(row) for row in connection.execute(query)]


def applied_requested(connection: Connection, item_id: str) -> int:
    """What open requests wait for of what the payment of an item paid."""
    query = select(func.coalesce(func.sum(_R.amount_minor - _R.held_part_minor), 0)).where(
        _R.item_id == item_id, _R.state.in_(sorted(one.value for one in PENDING))
    )
    return int(connection.execute(query).scalar_one())


def add(connection: Connection, one: Refund) -> None:
    """Enter a refund that is asked for."""
    connection.execute(insert(refunds).values(**vars(one) | {"ground": one.ground.value, "state": one.state.value}))


def add_move(connection: Connection, row: Mapping[str, Any]) -> None:
    """Append a move."""
    connection.execute(insert(refund_moves).values(dict(row)))


def rewrite(connection: Connection, one: Refund, **values: Any) -> bool:
    """Write what changed of a refund since its ``version``; whether it was still that."""
    done = connection.execute(
        update(refunds)
        .where(_R.refund_id == one.refund_id, _R.version == one.version)
        .values(version=one.version + 1, **values)
    )
    return done.rowcount == 1


def moves_of(connection: Connection, refund_id: str) -> list[RefundStep]:
    """What happened to a refund, in order."""
    c = refund_moves.c
    query = select(c.nth, c.what, c.from_state, c.to_state, c.reason, c.made_by_name, c.made_at).where(
        c.refund_id == refund_id
    ).order_by(c.nth)  # fmt: skip
    return [
        RefundStep(
            row.nth, RefundMove(row.what) if row.what != ASKED else None,
            RefundState(row.from_state) if row.from_state else None, RefundState(row.to_state), row.reason,
            row.made_by_name, row.made_at,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def page_query(
    wanted: RefundFilter, sort: str, after: tuple[Any, str] | None, limit: int, *, descending: bool
) -> Select[Any]:
    """The statement of a page (a test looks at its plan)."""
    order = (_R[sort], _R.refund_id)
    query = select(refunds).where(*_narrowed(wanted))
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    return query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)


def page(
    connection: Connection, wanted: RefundFilter, sort: str, after: tuple[Any, str] | None, limit: int, *,
    descending: bool,
) -> list[Refund]:  # fmt: skip
    """The next ``limit`` refunds."""
    rows = connection.execute(page_query(wanted, sort, after, limit, descending=descending))
    return [_stored(row) for row in rows]


def totals(connection: Connection, wanted: RefundFilter) -> list[RefundTotal]:
    """What the filter holds, by currency."""
    query = (
        select(_R.currency, func.count(), func.sum(_R.amount_minor))
        .where(*_narrowed(wanted))
        .group_by(_R.currency)
        .order_by(_R.currency)
    )
    return [RefundTotal(row[0], int(row[1]), int(row[2])) for row in connection.execute(query)]


def payable(connection: Connection) -> list[tuple[str, str, int, int]]:
    """Source and currency of approved refunds that no file holds, how many, and what they come to."""
    query = (
        select(_R.source_code, _R.currency, func.count(), func.sum(_R.amount_minor))
        .where(_R.state == RefundState.APPROVED.value)
        .group_by(_R.source_code, _R.currency)
        .order_by(_R.source_code, _R.currency)
    )
    rows = connection.execute(query).tuples()
    return [(source, currency, int(count), int(minor)) for source, currency, count, minor in rows]


def approved(connection: Connection, source_code: str, currency: str, limit: int) -> list[Refund]:
    """Approved refunds that no file holds, by number, locked."""
    query = (
        select(refunds)
        .where(
            _R.state == RefundState.APPROVED.value, _R.source_code == source_code, _R.currency == currency
        )
        .order_by(_R.number)
        .limit(limit)
        .with_for_update()
    )  # fmt: skip
    return [_stored(row) for row in connection.execute(query)]


def add_file(connection: Connection, one: PayoutFile, rows: Sequence[Payout]) -> None:
    """Enter a file with its payouts. Raises ``IntegrityError`` where a payout is in a file already."""
    connection.execute(insert(payout_files).values(**vars(one)))
    connection.execute(insert(payouts), [vars(row) for row in rows])


def read_file(connection: Connection, file_id: str) -> PayoutFile | None:
    """One file."""
    row = connection.execute(select(payout_files).where(payout_files.c.file_id == file_id)).first()
    return PayoutFile(**dict(row._mapping)) if row else None


def files(connection: Connection, offset: int, limit: int) -> tuple[list[PayoutFile], int]:
    """Files, the newest first, and how many there are."""
    total = int(connection.execute(select(func.count()).select_from(payout_files)).scalar_one())
    query = select(payout_files).order_by(payout_files.c.number.desc()).offset(offset).limit(limit)
    return [PayoutFile(**dict(row._mapping)) for row in connection.execute(query)], total


def payouts_in(connection: Connection, file_id: str) -> list[tuple[Payout, Refund]]:
    """The payouts of a file with their refunds, by number."""
    query = (
        select(refunds, *(each.label(f"payout_{each.name}") for each in payouts.c))
        .join(payouts, payouts.c.refund_id == _R.refund_id)
        .where(payouts.c.file_id == file_id)
        .order_by(_R.number)
    )
    found = []
    for row in connection.execute(query):
        values = dict(row._mapping)
        mine = {name.removeprefix("payout_"): values.pop(name) for name in list(values) if name.startswith("payout_")}
        found.append((Payout(**mine), _made(values)))
    return found


def payouts_of(connection: Connection, refund_id: str) -> list[Payout]:
    """Every payout of a refund, in order."""
    query = select(payouts).where(payouts.c.refund_id == refund_id).order_by(payouts.c.attempt)
    return [Payout(**dict(row._mapping)) for row in connection.execute(query)]


def payouts_called(connection: Connection, references: Collection[str]) -> dict[str, Payout]:
    """Reference → the payout."""
    found: dict[str, Payout] = {}
    for some in chunks(sorted(references)):
        rows = connection.execute(select(payouts).where(payouts.c.reference.in_(some)))
        found |= {row.reference: Payout(**dict(row._mapping)) for row in rows}
    return found


def lines_of(connection: Connection, references: Collection[str]) -> list[RefundLine]:
    """Bank lines that answered these payouts, in the order of their value dates."""
    found: list[RefundLine] = []
    for some in chunks(sorted(references)):
        query = select(refund_lines).where(refund_lines.c.reference.in_(some))
        found += [RefundLine(**dict(row._mapping)) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.value_date, one.what, one.line_id))


def add_line(connection: Connection, one: RefundLine) -> None:
    """Enter a bank line that answered a payout. Raises ``IntegrityError`` for one that did before."""
    connection.execute(insert(refund_lines).values(**vars(one)))


def live_of_payments(connection: Connection, keys: Collection[tuple[str, str]]) -> list[Refund]:
    """Refunds of these payments (source, payment id) that are asked for or stand, and that no word of the lender is
    about yet, in the order in which they were asked for."""
    found: list[Refund] = []
    told = exists(select(1).where(refund_reports.c.refund_id == _R.refund_id))
    for source in sorted({source for source, _ in keys}):
        for some in chunks(sorted(payment for of, payment in keys if of == source)):
            query = (
                select(refunds)
                .where(_R.source_code == source, _R.payment_id.in_(some))
                .where(_R.state.in_(sorted(one.value for one in LIVE)), ~told)
                .order_by(_R.number)
            )
            found += [_stored(row) for row in connection.execute(query)]
    return found


def add_report(connection: Connection, one: RefundReport) -> None:
    """Note that the lender speaks of a refund."""
    connection.execute(insert(refund_reports).values(**vars(one) | {"is_same": int(one.is_same)}))


def report_of(connection: Connection, refund_id: str) -> RefundReport | None:
    """What the lender says of a refund."""
    row = connection.execute(select(refund_reports).where(refund_reports.c.refund_id == refund_id)).first()
    return RefundReport(**dict(row._mapping) | {"is_same": bool(row.is_same)}) if row else None


def reported(connection: Connection, source_code: str, payment_id: str) -> str | None:
    """The refund that a recorded refund of the lender is about."""
    c = refund_reports.c
    found: str | None = connection.execute(
        select(c.refund_id).where(c.source_code == source_code, c.payment_id == payment_id)
    ).scalar()
    return found


def _narrowed(wanted: RefundFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states is not None:
        found.append(_R.state.in_(sorted(one.value for one in wanted.states)))
    if wanted.currency is not None:
        found.append(_R.currency == wanted.currency)
    if wanted.text is not None:
        called = exists(
            select(1).where(payouts.c.refund_id == _R.refund_id, payouts.c.reference == wanted.text.upper())
        )
        found.append(or_(_R.loan_id == wanted.text, _R.payment_id == wanted.text, called))
    if wanted.moved_before is not None:
        made = exists(
            select(1)
            .select_from(payouts.join(payout_files, payout_files.c.file_id == payouts.c.file_id))
            .where(
                payouts.c.refund_id == _R.refund_id, payouts.c.attempt == _R.attempts,
                payout_files.c.made_at < wanted.moved_before,
            )
        )  # fmt: skip
        found += [_R.state == RefundState.IN_PAYOUT.value, made]
    return found


def _stored(row: Any) -> Refund:
    return _made(dict(row._mapping))


def _made(values: dict[str, Any]) -> Refund:
    return Refund(**values | {"ground": RefundGround(values["ground"]), "state": RefundState(values["state"])})
