"""Reading commission: lines as a list, one line down to the journal and the placement, statements, what earned nobody
anything, and an agency's own split between its collectors.

The asset company reads everything; an agency's people read their own agency's statements alone, once presented. The
bound is in the query, never in the page.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.commissions import Unearned
from ops_app.domain.ledger.settlements import CLOSED, NoSuchSettlement, SettlementState
from ops_app.domain.money import round_half_up
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.readiness import Verdict
from ops_app.domain.paging import MOST_COUNTED, check_limit, check_page, check_sort
from ops_app.services.act import act
from ops_app.services.ledger.commission_reckoning import book_of, owned
from ops_app.services.ledger.settlement_closing import close_verdict
from ops_app.services.ledger.statements import Statement, statement_of
from ops_app.store.ledger import commission_facts, commission_lists, commissions, journal
from ops_app.store.ledger.commission_lists import IN_ORDER, SORTS, LineFilter, LineTotals
from ops_app.store.ledger.commissions import CommissionLine, Dispute, Override, Settlement
from ops_app.store.store import Store

__all__ = ["IN_ORDER", "SORTS", "LineFilter", "LineTotals"]

ListedLine = tuple[CommissionLine, str, SettlementState]
_UNEARNED_AT_ONCE = 400


@dataclass(frozen=True)
class LinesPage:
    """A page of lines with the mark of the next, how many match (no further than the house counts) and their totals
    (none where there are more than that)."""

    rows: tuple[ListedLine, ...]
    next_after: str | None
    total: int
    sums: tuple[LineTotals, ...]


@dataclass(frozen=True)
class JournalStep:
    """One transfer in the journal that a line rests on."""

    event_id: str
    debit: str
    credit: str
    component: str | None
    amount_minor: int


@dataclass(frozen=True)
class LineRecord:
    """One line with all it rests on: the lines of its payment, what stands in the journal for that, the placement and
    the version of the contract."""

    line: CommissionLine
    settlement: Settlement
    chain: tuple[CommissionLine, ...]
    journal: tuple[JournalStep, ...]
    placed_at: datetime | None
    ended_at: datetime | None
    tail_until_date: date | None
    contract_version: int
    disputes: tuple[Dispute, ...]


@dataclass(frozen=True)
class SettlementRecord:
    """A settlement with its statement, disputes, permissions to close in spite of checks, and the verdict on closing
    it now (``None`` for an agency's people)."""

    statement: Statement
    disputes: tuple[Dispute, ...]
    overrides: tuple[Override, ...]
    verdict: Verdict | None


@dataclass(frozen=True)
class NotEarned:
    """A payment, or what of it is on no line, and why."""

    value_date: date
    source_code: str
    payment_id: str
    loan_id: str
    case_id: str | None
    agency_code: str | None
    amount_minor: int
    reason: Unearned


@dataclass(frozen=True)
class CollectorShare:
    """What one collector earns of a statement by the agency's own split."""

    collector_id: str | None
    collector_name: str
    lines: int
    base_minor: int
    fee_minor: int
    share_minor: int


@dataclass(frozen=True)
class Split:
    """A version of an agency's split: the share of the fees that the collector who had the case gets."""

    version_no: int
    valid_from: date
    share: Decimal
    made_by_name: str


@act("commission.view")
def list_lines(
    actor: Actor, store: Store, *, now: datetime, wanted: LineFilter | None = None, sort: str = "value_date",
    descending: bool = True, after: str | None = None, limit: int = 50,
) -> LinesPage:  # fmt: skip
    """Lines that match ``wanted``, sorted by one of ``SORTS`` (of one settlement also by their number), behind the mark
    ``after``."""
    with store.reading() as connection:
        return _lines(actor, connection, wanted or LineFilter(), sort, descending, after, limit)


@act("commission.own")
def list_own_lines(
    actor: Actor, store: Store, *, now: datetime, wanted: LineFilter | None = None, sort: str = "value_date",
    descending: bool = True, after: str | None = None, limit: int = 50,
) -> LinesPage:  # fmt: skip
    """As ``list_lines``, of the actor's own agency, without drafts."""
    own = replace(wanted or LineFilter(), agency_code=_agency(actor), without_drafts=True)
    with store.reading() as connection:
        return _lines(actor, connection, own, sort, descending, after, limit)


@act("commission.view")
def list_tiers(actor: Actor, store: Store, *, now: datetime) -> list[str]:
    """The tiers that lines have."""
    with store.reading() as connection:
        return commission_lists.tiers(connection)


@act("commission.view")
def list_settlements(
    actor: Actor, store: Store, *, now: datetime, agency_code: str | None = None,
    state: SettlementState | None = None, page: int = 1, page_size: int = 50,
) -> tuple[tuple[Settlement, ...], int]:  # fmt: skip
    """A page of settlements, the latest period first, and how many there are."""
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = commission_lists.settlements_page(
            connection, agency_code=agency_code, state=state, without_drafts=False, offset=(page - 1) * page_size,
            limit=page_size,
        )  # fmt: skip
    return tuple(rows), total


@act("commission.own")
def list_own_settlements(
    actor: Actor, store: Store, *, now: datetime, state: SettlementState | None = None, page: int = 1,
    page_size: int = 50,
) -> tuple[tuple[Settlement, ...], int]:  # fmt: skip
    """As ``list_settlements``, of the actor's own agency, without drafts."""
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = commission_lists.settlements_page(
            connection, agency_code=_agency(actor), state=state, without_drafts=True, offset=(page - 1) * page_size,
            limit=page_size,
        )  # fmt: skip
    return tuple(rows), total


@act("commission.view")
def read_settlement(actor: Actor, store: Store, *, now: datetime, settlement_id: str) -> SettlementRecord:
    """A settlement with its statement. Raises ``NoSuchSettlement``."""
    with store.reading() as connection:
        return _record(actor, connection, settlement_id, now)


@act("commission.own")
def read_own_settlement(actor: Actor, store: Store, *, now: datetime, settlement_id: str) -> SettlementRecord:
    """As ``read_settlement``, of the actor's own agency, once presented."""
    _agency(actor)
    with store.reading() as connection:
        return replace(_record(actor, connection, settlement_id, now), verdict=None, overrides=())


@act("commission.view")
def read_line(actor: Actor, store: Store, *, now: datetime, line_id: str) -> LineRecord:
    """A line down to what it rests on. Raises ``NotFound``."""
    with store.reading() as connection:
        return _line(actor, connection, line_id)


@act("commission.own")
def read_own_line(actor: Actor, store: Store, *, now: datetime, line_id: str) -> LineRecord:
    """As ``read_line``, of the actor's own agency."""
    _agency(actor)
    with store.reading() as connection:
        return _line(actor, connection, line_id)


@act("commission.view")
def list_unearned(
    actor: Actor, store: Store, *, now: datetime, first_date: date, end_date: date, after: str = "",
) -> tuple[tuple[NotEarned, ...], str | None]:  # fmt: skip
    """Payments value-dated from ``first_date`` before ``end_date`` that earn nobody a commission, each with its reason:
    first those in no case, then by case, some hundred cases at a time behind the mark ``after``; the mark of the
    next, ``None`` at the end."""
    found: list[NotEarned] = []
    with store.reading() as connection:
        if not after:
            for paid in commission_facts.unplaced_cash(connection, first_date, end_date, _UNEARNED_AT_ONCE):
                found.append(_not_earned(paid, None, Unearned.NO_CASE))
        ids = commission_facts.cases_paid(connection, first_date, end_date, after, _UNEARNED_AT_ONCE)
        known = commissions.contracts(connection)
        for one in owned(book_of(connection, ids, end_date), known) if ids else ():
            if one.paid.value_date >= first_date and one.cash.reason is not None:
                agency = one.placed.agency_code if one.placed else None
                found.append(_not_earned(one.paid, agency, one.cash.reason))
    return tuple(found), ids[-1] if len(ids) == _UNEARNED_AT_ONCE else None


@act("commission.split")
def set_split(actor: Actor, store: Store, *, now: datetime, valid_from: date, share: Decimal, version: int) -> None:
    """Say which share of the fees the collector who had the case gets, for value dates from ``valid_from`` on, within
    the own agency. ``version`` is the version that was read (0: none). Raises ``Invalid``, ``Conflict``."""
    agency = _agency(actor)
    if not share.is_finite() or not 0 <= share <= 1 or int(share.as_tuple().exponent) < -6:
        raise Invalid("A share lies between 0 and 1.", "比例须在 0 与 1 之间。", field="share")
    with store.writing(actor, now) as transaction:
        values = {
            "split_id": key_hash("commission_split", agency, str(version + 1))[:32], "agency_code": agency,
            "version_no": version + 1, "valid_from": valid_from, "share": format(share, "f"),
            "made_by": actor.person_id, "made_by_name": actor.name, "made_at": now,
        }  # fmt: skip
        last = [int(row["version_no"]) for row in commission_lists.splits(transaction.connection, agency)]
        try:
            if max(last, default=0) != version:
                raise Conflict("Somebody changed the split meanwhile.", "他人已先行修改分成比例。")
            with transaction.part():
                commission_lists.add_split(transaction.connection, values)
        except IntegrityError as error:
            raise Conflict("Somebody changed the split meanwhile.", "他人已先行修改分成比例。") from error
        facts = {"valid_from": valid_from, "share": share}
        transaction.audit("commission.split_set", "agency", agency, after=facts)


@act("commission.own")
def list_splits(actor: Actor, store: Store, *, now: datetime) -> tuple[Split, ...]:
    """The versions of the own agency's split, the latest first."""
    with store.reading() as connection:
        return _splits(connection, _agency(actor))


@act("commission.own")
def collector_shares(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, settlement_id: str
) -> tuple[CollectorShare, ...]:
    """What the collectors of the own agency earn of a statement: of each line of a payment the share that the split in
    force on its value date gives to who had the case that day; rounded line by line, so that what a reversal claws back
    is what was given. Lines of cases that nobody had stand under nobody."""
    agency = _agency(actor)
    with store.reading() as connection:
        made = _record(actor, connection, settlement_id, now).statement
        versions = _splits(connection, agency)
        ids = sorted({one.case_id for one in made.lines if one.case_id})
        owners: dict[str, list[commission_lists.Owner]] = defaultdict(list)
        for at in range(0, len(ids), 400):
            for owner in commission_lists.collectors_of(connection, agency, ids[at : at + 400]):
                owners[owner.case_id].append(owner)
    return _shares(made.lines, versions, owners, zone)


def _shares(
    lines: Sequence[CommissionLine], versions: Sequence[Split], owners: Mapping[str, Sequence[Any]], zone: ZoneInfo
) -> tuple[CollectorShare, ...]:
    found: dict[str | None, CollectorShare] = {}
    for one in lines:
        if one.case_id is None:
            continue
        holder = None
        for it in owners.get(one.case_id, ()):
            until = None if it.ended_at is None else it.ended_at.astimezone(zone).date()
            first = it.assigned_at.astimezone(zone).date()
            if first <= one.value_date and (until is None or one.value_date < until or first == until):
                holder = it
        version = next((it for it in versions if it.valid_from <= one.value_date), None)
        share = round_half_up(version.share * one.fee_minor) if version and holder else 0
        key = holder.collector_id if holder else None
        so_far = found.get(key) or CollectorShare(key, holder.collector_name if holder else "", 0, 0, 0, 0)
        found[key] = replace(
            so_far, lines=so_far.lines + 1, base_minor=so_far.base_minor + one.base_minor,
            fee_minor=so_far.fee_minor + one.fee_minor, share_minor=so_far.share_minor + share,
        )  # fmt: skip
    return tuple(sorted(found.values(), key=lambda it: (it.collector_id is None, it.collector_name)))


def _agency(actor: Actor) -> str:
    if actor.agency_code is None:
        raise NotFound("This is of an agency's people.", "仅限催收机构人员。")
    return actor.agency_code


def _lines(
    actor: Actor, connection: Connection, wanted: LineFilter, sort: str, descending: bool, after: str | None, limit: int
) -> LinesPage:
    check_sort(sort, (*SORTS, IN_ORDER) if wanted.settlement_id else SORTS, "Lines of commission")
    check_by_amount(actor, sort)
    check_limit(limit)
    rows = commission_lists.page(
        connection, wanted, sort=sort, descending=descending, after=_mark(after, sort), limit=limit + 1
    )
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        last = shown[-1][0]
        more = json.dumps([str(getattr(last, sort)), last.line_id])
    total = commission_lists.count(connection, wanted)
    # of more lines than the house counts no total is made on each look; whoever narrows the list has it
    sums = commission_lists.totals(connection, wanted) if total <= MOST_COUNTED else []
    return LinesPage(tuple(shown), more, total, tuple(sums))


def _mark(after: str | None, sort: str) -> tuple[Any, str] | None:
    if after is None:
        return None
    try:
        value, line_id = json.loads(after)
        return (date.fromisoformat(value) if sort == "value_date" else int(value)), str(line_id)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no mark of the list.", "分页标记无效。", field="after") from error


def _record(actor: Actor, connection: Connection, settlement_id: str, now: datetime) -> SettlementRecord:
    one = _reached(actor, connection, settlement_id)
    return SettlementRecord(
        statement_of(connection, one),
        tuple(commissions.disputes_of(connection, settlement_id)),
        tuple(commissions.overrides_of(connection, settlement_id)),
        None if one.state in CLOSED else close_verdict(connection, settlement_id, now),
    )


def _reached(actor: Actor, connection: Connection, settlement_id: str) -> Settlement:
    one = commissions.settlement(connection, settlement_id)
    if one is None or actor.agency_code not in (None, one.agency_code):
        raise NoSuchSettlement
    if actor.agency_code is not None and one.state is SettlementState.DRAFT:
        raise NoSuchSettlement
    return one


def _line(actor: Actor, connection: Connection, line_id: str) -> LineRecord:
    one = commissions.line(connection, line_id)
    if one is None or actor.agency_code not in (None, one.agency_code):
        raise NotFound("There is no such line.", "没有该明细。")
    try:
        settlement = _reached(actor, connection, one.settlement_id)
    except NoSuchSettlement as error:
        raise NotFound("There is no such line.", "没有该明细。") from error
    chain: tuple[CommissionLine, ...] = (one,)
    steps: list[JournalStep] = []
    if one.payment_event_id is not None:
        chain = tuple(commissions.lines_of_payment(connection, one.payment_event_id, one.agency_code))
        if actor.agency_code is not None:
            closed = {it.settlement_id for it in chain if _seen(actor, connection, it.settlement_id)}
            chain = tuple(it for it in chain if it.settlement_id in closed)
        undoing = [it.event_id for it in journal.events_on(connection, [one.payment_event_id])]
        stands = journal.standing(connection, event_ids=[one.payment_event_id, *undoing])
        for event_id, stood in stands.items():
            for it in stood.transfers:
                part = None if it.component is None else it.component.value
                steps.append(JournalStep(event_id, it.debit, it.credit, part, it.amount_minor))
    days = None if one.placement_id is None else commission_lists.placement_days(connection, one.placement_id)
    version = commissions.contracts_by_id(connection, [one.contract_id])[one.contract_id].version_no
    disputes = [it for it in commissions.disputes_of(connection, one.settlement_id) if it.line_id == line_id]
    placed_at, ended_at, tail, _ = days or (None, None, None, 0)
    return LineRecord(one, settlement, chain, tuple(steps), placed_at, ended_at, tail, version, tuple(disputes))


def _seen(actor: Actor, connection: Connection, settlement_id: str) -> bool:
    try:
        _reached(actor, connection, settlement_id)
    except NoSuchSettlement:
        return False
    return True


def _not_earned(paid: commission_facts.PaidCash, agency: str | None, reason: Unearned) -> NotEarned:
    return NotEarned(
        paid.value_date, paid.source_code, paid.payment_id, paid.loan_id, paid.case_id or None, agency,
        sum(paid.parts.values()), reason,
    )  # fmt: skip


def _splits(connection: Connection, agency_code: str) -> tuple[Split, ...]:
    return tuple(
        Split(int(row["version_no"]), row["valid_from"], Decimal(row["share"]), row["made_by_name"])
        for row in commission_lists.splits(connection, agency_code)
    )
