"""Reading claimed statements: the list, one with its periods, and its lines; an agency reads its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.ledger.claimed_commissions import NoSuchClaim
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_page, check_sort
from ops_app.services.act import act
from ops_app.store.ledger import claimed_commissions as stored
from ops_app.store.ledger.claimed_commissions import SORTS, ClaimedLine, ClaimedPeriod, ClaimedStatement, ClaimFilter
from ops_app.store.store import Store

__all__ = [
    "SORTS", "ClaimFilter", "ClaimedLine", "ClaimedLinesPage", "ClaimedPeriod", "ClaimedRecord", "ClaimedStatement",
    "list_claimed_lines", "list_claims", "list_own_claimed_lines", "list_own_claims", "read_claim", "read_own_claim",
]  # fmt: skip


@dataclass(frozen=True)
class ClaimedRecord:
    """A claimed statement and its periods; ``not_claimed_minor`` is what the contract gives beyond its lines."""

    statement: ClaimedStatement
    periods: tuple[ClaimedPeriod, ...]
    not_claimed_minor: int


@dataclass(frozen=True)
class ClaimedLinesPage:
    """Some claimed lines, the mark behind the last, and how many match; of those that do not agree how many, and what
    they come to."""

    rows: tuple[ClaimedLine, ...]
    next_after: str | None
    total: int
    differing: int
    claimed_minor: int
    difference_minor: int


@act("commission.view")
def list_claims(
    actor: Actor, store: Store, *, now: datetime, agency_code: str | None = None, page: int = 1, page_size: int = 50
) -> tuple[tuple[ClaimedStatement, ...], int]:
    """A page of claimed statements, the latest first, and how many there are."""
    return _page(store, agency_code, page, page_size)


@act("commission.own")
def list_own_claims(
    actor: Actor, store: Store, *, now: datetime, page: int = 1, page_size: int = 50
) -> tuple[tuple[ClaimedStatement, ...], int]:
    """As ``list_claims``, of the actor's own agency."""
    return _page(store, _agency(actor), page, page_size)


@act("commission.view")
def read_claim(actor: Actor, store: Store, *, now: datetime, statement_id: str) -> ClaimedRecord:
    """A claimed statement by period. Raises ``NoSuchClaim``."""
    with store.reading() as connection:
        return _record(connection, _reached(actor, connection, statement_id))


@act("commission.own")
def read_own_claim(actor: Actor, store: Store, *, now: datetime, statement_id: str) -> ClaimedRecord:
    """As ``read_claim``, of the actor's own agency."""
    _agency(actor)
    with store.reading() as connection:
        return _record(connection, _reached(actor, connection, statement_id))


@act("commission.view")
def list_claimed_lines(
    actor: Actor, store: Store, *, now: datetime, wanted: ClaimFilter, sort: str = "line_no", descending: bool = False,
    after: str | None = None, limit: int = 50,
) -> ClaimedLinesPage:  # fmt: skip
    """Lines of a claimed statement that match ``wanted``, sorted by one of ``SORTS``, behind the mark ``after``."""
    with store.reading() as connection:
        return _lines(actor, connection, wanted, sort, descending, after, limit)


@act("commission.own")
def list_own_claimed_lines(
    actor: Actor, store: Store, *, now: datetime, wanted: ClaimFilter, sort: str = "line_no", descending: bool = False,
    after: str | None = None, limit: int = 50,
) -> ClaimedLinesPage:  # fmt: skip
    """As ``list_claimed_lines``, of a statement of the actor's own agency."""
    _agency(actor)
    with store.reading() as connection:
        return _lines(actor, connection, wanted, sort, descending, after, limit)


def _page(store: Store, agency_code: str | None, page: int, page_size: int) -> tuple[tuple[ClaimedStatement, ...], int]:
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = stored.statements_page(
            connection, agency_code=agency_code, offset=(page - 1) * page_size, limit=page_size
        )
    return tuple(rows), total


def _agency(actor: Actor) -> str:
    if actor.agency_code is None:
        raise NotFound("This is of an agency's people.", "仅限催收机构人员。")
    return actor.agency_code


def _reached(actor: Actor, connection: Connection, statement_id: str) -> ClaimedStatement:
    found = stored.statement(connection, statement_id)
    if found is None or actor.agency_code not in (None, found.agency_code):
        raise NoSuchClaim
    return found


def _record(connection: Connection, one: ClaimedStatement) -> ClaimedRecord:
    periods = tuple(stored.periods(connection, one.statement_id))
    return ClaimedRecord(one, periods, stored.not_claimed_minor(connection, one))


def _lines(
    actor: Actor, connection: Connection, wanted: ClaimFilter, sort: str, descending: bool, after: str | None,
    limit: int,
) -> ClaimedLinesPage:  # fmt: skip
    check_sort(sort, SORTS, "Claimed lines")
    check_by_amount(actor, sort)
    check_limit(limit)
    _reached(actor, connection, wanted.statement_id)
    rows = stored.page(
        connection, wanted, sort=sort, descending=descending, after=_mark(after), limit=limit + 1
    )  # fmt: skip
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        more = json.dumps([getattr(shown[-1], sort), shown[-1].line_id])
    return ClaimedLinesPage(tuple(shown), more, stored.count(connection, wanted), *stored.sums(connection, wanted))


def _mark(after: str | None) -> tuple[int, str] | None:
    if after is None:
        return None
    try:
        value, line_id = json.loads(after)
        return int(value), str(line_id)
    except (ValueError, TypeError) as error:
        raise Invalid("This is no mark of the list.", "分页标记无效。", field="after") from error
