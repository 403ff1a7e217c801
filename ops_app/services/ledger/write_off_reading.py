"""Write-offs for whoever may see them (features 19 and 20): cases that may be written off, the register with its
totals, one record with its entries, how the register ties to the accounts, recoveries by month of write-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.write_off_criteria import Criterion, WriteOffPath, criterion_for
from ops_app.domain.ledger.write_offs import NoSuchWriteOff, Owed
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.casework.cases import mark_of, read_mark
from ops_app.services.ledger.write_off_booking import owed_on
from ops_app.services.ledger.write_off_criteria import criteria_on
from ops_app.services.organisation.installation import today
from ops_app.store.casework import attachments, cases
from ops_app.store.casework.attachments import Attachment
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import write_off_eligible, write_off_lists, write_offs
from ops_app.store.ledger.write_off_eligible import SORTS as CANDIDATE_SORTS
from ops_app.store.ledger.write_off_eligible import Candidate, Recourse
from ops_app.store.ledger.write_off_lists import (
    SORTS,
    Entry,
    Line,
    Tie,
    Totals,
    Vintage,
    WriteOffFilter,
    lines_sequence,
)
from ops_app.store.ledger.write_offs import Move, Part, WriteOff
from ops_app.store.store import Store

__all__ = [
    "CANDIDATE_SORTS", "SORTS", "Candidate", "CandidatesPage", "Draft", "Entry", "Line", "Move", "Part", "Recourse",
    "Tie", "Totals", "Vintage", "WriteOff", "WriteOffFilter", "WriteOffRecord", "WriteOffsPage", "draft_write_off",
    "lines_sequence", "list_candidates", "list_write_offs", "read_write_off", "recovery_by_month", "tie_to_accounts",
]  # fmt: skip

MOST_LINES = 2_000
"""Lines of a record at most; a case with more is read through the account statement."""


@dataclass(frozen=True)
class CandidatesPage:
    """Cases that may be written off, with what evidences the recourse on each; give ``next_after`` as ``after`` for the
    next page. ``total`` is counted up to ``MOST_COUNTED``: one more means "more than that"."""

    rows: tuple[tuple[Candidate, Recourse], ...]
    total: int
    next_after: str | None


@dataclass(frozen=True)
class WriteOffsPage:
    """One page of write-offs, as ``CandidatesPage``, and the sums of all that the filter leaves, per currency."""

    rows: tuple[WriteOff, ...]
    total: int
    next_after: str | None
    sums: tuple[Totals, ...]


@dataclass(frozen=True)
class WriteOffRecord:
    """One write-off with its components, moves, and the entries of it and of what came after it; ``case`` as it stands,
    ``recourse`` what evidences it."""

    item: WriteOff
    case: Case
    components: tuple[Part, ...]
    moves: tuple[Move, ...]
    entries: tuple[Entry, ...]
    recourse: Recourse


@dataclass(frozen=True)
class Draft:
    """What somebody who asks for a write-off reads first: the case, what it owes on the day, the criterion of each path
    that is open to it, its files, components that have a write-off already."""

    case: Case
    on_date: date
    owed: Owed
    criteria: dict[WriteOffPath, Criterion]
    files: tuple[Attachment, ...]
    has_one: frozenset[Component]
    recourse: Recourse


@act("write_offs.view")
def list_candidates(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    path: WriteOffPath = WriteOffPath.LONG_OVERDUE,
    lender_code: str | None = None,
    product_code: str | None = None,
    sort: str = "days_past_due",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> CandidatesPage:
    """Cases within reach that may be written off today on ``path``. Raises ``Invalid``, ``AmountsHidden``."""
    check_by_amount(actor, sort)
    check_sort(sort, CANDIDATE_SORTS, "Cases that may be written off")
    check_limit(limit)
    mark, scope = read_mark(after, sort), scope_of(actor)
    with store.reading() as connection:
        held = criteria_on(connection, today(now))
        found = write_off_eligible.page(
            connection, scope, now, held, path, lender_code=lender_code, product_code=product_code, sort=sort,
            descending=descending, after=mark, limit=limit + 1,
        )  # fmt: skip
        total = write_off_eligible.count(
            connection, scope, now, held, path, lender_code=lender_code, product_code=product_code
        )
        recourse = write_off_eligible.recourse_of(connection, [one.case.case_id for one in found[:limit]])
    rows = tuple((one, recourse[one.case.case_id]) for one in found[:limit])
    last = rows[-1][0].case if len(found) > limit else None
    return CandidatesPage(rows, total, mark_of(sort, getattr(last, sort), last.case_id) if last else None)


@act("write_offs.view")
def list_write_offs(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: WriteOffFilter | None = None,
    sort: str = "effective_date",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> WriteOffsPage:
    """Write-offs within reach with their totals. Raises ``Invalid``, ``AmountsHidden``."""
    check_by_amount(actor, sort)
    check_sort(sort, SORTS, "Write-offs")
    check_limit(limit)
    mark, scope, chosen = read_mark(after, sort), scope_of(actor), wanted or WriteOffFilter()
    with store.reading() as connection:
        rows = write_off_lists.page(
            connection, scope, now, chosen, sort=sort, descending=descending, after=mark, limit=limit + 1
        )
        total = write_off_lists.count(connection, scope, now, chosen)
        sums = write_off_lists.totals(connection, scope, now, chosen)
    last = rows[limit - 1] if len(rows) > limit else None
    more = mark_of(sort, getattr(last, sort), last.write_off_id) if last else None
    return WriteOffsPage(tuple(rows[:limit]), total, more, tuple(sums))


@act("write_offs.view")
def read_write_off(actor: Actor, store: Store, *, now: datetime, write_off_id: str) -> WriteOffRecord:
    """One write-off within reach. Raises ``NoSuchWriteOff`` alike for one that is missing and one that is foreign."""
    with store.reading() as connection:
        one = write_offs.read(connection, write_off_id)
        case = cases.read(connection, one.case_id, scope_of(actor), now) if one else None
        if one is None or case is None:
            raise NoSuchWriteOff
        return WriteOffRecord(
            one,
            case,
            tuple(write_offs.parts_of(connection, write_off_id)),
            tuple(write_offs.moves_of(connection, write_off_id)),
            tuple(write_off_lists.entries_of(connection, one, limit=MOST_LINES)) if one.event_id else (),
            write_off_eligible.recourse_of(connection, [one.case_id])[one.case_id],
        )


@act("write_offs.view")
def draft_write_off(actor: Actor, store: Store, *, now: datetime, case_id: str, on_date: date | None = None) -> Draft:
    """What a write-off of a case as of ``on_date`` (default today) would rest on. Raises ``NoSuchCase``,
    ``NotInLedger``."""
    day = on_date or today(now)
    with store.reading() as connection:
        case = cases.read(connection, case_id, scope_of(actor), now)
        if case is None:
            raise NoSuchCase
        owed, _ = owed_on(connection, case, day)
        held = criteria_on(connection, day)
        of_path = {
            path: criterion_for(held, path, case.lender_code, case.product_code, case.currency) for path in WriteOffPath
        }
        return Draft(
            case,
            day,
            owed,
            {path: one for path, one in of_path.items() if one is not None and one.is_open},
            tuple(one for one in attachments.of_case(connection, case_id) if one.withdrawn_at is None),
            write_offs.live_components(connection, case_id),
            write_off_eligible.recourse_of(connection, [case_id])[case_id],
        )


@act("write_offs.view")
def tie_to_accounts(actor: Actor, store: Store, *, now: datetime) -> Sequence[Tie]:
    """The register held against the accounts of write-off; nothing for who does not see every case."""
    if scope_of(actor).reach is not Reach.ALL:
        return []
    with store.reading() as connection:
        return write_off_lists.ties(connection)


@act("write_offs.view")
def recovery_by_month(actor: Actor, store: Store, *, now: datetime) -> Sequence[Vintage]:
    """Write-offs within reach by month, with what was recovered since, cumulative ((c)8)."""
    with store.reading() as connection:
        return write_off_lists.vintages(connection, scope_of(actor), now)
