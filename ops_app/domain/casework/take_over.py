"""A running book taken over: what the former system says happened, as history, and why some of it stays outside.

History is entered as it was: nobody is notified and no commission is earned (feature 3). What still runs gives an
agency access from now on, so it is approved and checked like any placement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

HISTORY_FEEDS = ("placements", "assignments", "notes", "promises", "settled_commissions")


class Difference(StrEnum):
    """Why a row of the former book is not in the new one as it stood there."""

    NO_CASE = "no_case"
    UNKNOWN_AGENCY = "unknown_agency"
    HELD = "held"
    ACTED_ON = "acted_on"
    AGENCY_STOPPED = "agency_stopped"
    NOT_PLACEABLE = "not_placeable"
    WAITING = "waiting"


DIFFERENCE_NAMES: dict[Difference, tuple[str, str]] = {
    Difference.NO_CASE: (
        "the loan has no case at that time (it is not in collection)",
        "该借款在此期间没有案件（未在催）",
    ),
    Difference.UNKNOWN_AGENCY: ("there is no such agency", "系统中没有该机构"),
    Difference.HELD: (
        "the case is suspended, disputed or in legal proceedings, so it cannot be placed",
        "案件处于停催、争议或法催状态，不能委外",
    ),
    Difference.ACTED_ON: (
        "the house has placed the case itself since, and that counts",
        "案件已由本系统自行委外，以本系统为准",
    ),
    Difference.AGENCY_STOPPED: (
        "the agency may not be given these cases now (contract, licence, white list, evaluation, certificates, room)",
        "机构目前不能承接这些案件（合同、资质、白名单、评估、持证人员、承接能力）",
    ),
    Difference.NOT_PLACEABLE: (
        "the case may not be placed with this agency now (a flag, the minimum balance, the region)",
        "案件目前不能委给该机构（案件标识、最低余额、作业地区）",
    ),
    Difference.WAITING: (
        "the placement still runs, so it is taken over once somebody else approved it",
        "委外仍在进行，须经他人审批后移交",
    ),
}


@dataclass(frozen=True)
class HistoryRow:
    """One row of the former book in one shape for all feeds. ``begun_at``/``ended_at`` are aware; ``ended_at`` None
    means it still runs (a placement, an assignment). Amounts are whole minor units."""

    feed: str
    source_code: str
    row_key: str
    loan_id: str
    agency_code: str | None
    collector_ref: str | None
    status: str
    begun_at: datetime
    ended_at: datetime | None
    due_date: date | None
    amount_minor: int | None
    currency: str | None
    text: str | None
    file_id: str
    line_no: int


@dataclass(frozen=True)
class Spell:
    """The time in which a loan was a case: from ``opened_at`` until ``closed_at`` (None: it still is)."""

    case_id: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Part:
    """The part of a row's time that lies in one spell."""

    case_id: str
    begun_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class ProofLine:
    """The former book beside the new one: how many rows and how much, by feed, agency, status and currency; and how
    many rows (and how much) of the gap have a named reason."""

    feed: str
    agency_code: str
    status: str
    currency: str
    old_count: int
    old_minor: int
    new_count: int
    new_minor: int
    named_count: int
    named_minor: int

    @property
    def agrees(self) -> bool:
        """Every row of the former book is in the new one, or says why not."""
        return (self.old_count, self.old_minor) == (
            self.new_count + self.named_count,
            self.new_minor + self.named_minor,
        )


def parts_of(row: HistoryRow, spells: Sequence[Spell]) -> tuple[Part, ...]:
    """A row's time cut by the spells of its loan, in order; nothing where they do not meet.

    What has no length (a note, a promise, a commission) belongs to the spell in which it happened, or, since calls and
    settlements come in after a spell ended, to the last one that began before it.
    """
    if row.feed not in ("placements", "assignments"):
        before = [one for one in spells if one.opened_at <= row.begun_at]
        return (Part(before[-1].case_id, row.begun_at, None),) if before else ()
    found = []
    for one in spells:
        begun = max(row.begun_at, one.opened_at)
        ends = [end for end in (row.ended_at, one.closed_at) if end is not None]
        ended = min(ends) if ends else None
        if ended is None or begun < ended:
            found.append(Part(one.case_id, begun, ended))
    return tuple(found)


def proof(
    old: Sequence[HistoryRow], kept: Sequence[HistoryRow], named: Mapping[tuple[str, str, str], Difference]
) -> tuple[ProofLine, ...]:
    """The proof sheet: ``old`` as the former system sent it, ``kept`` as the new book gives it back, ``named`` the rows
    (feed, source, key) that stay outside with a reason."""
    cells: dict[tuple[str, str, str, str], list[int]] = {}

    def add(row: HistoryRow, place: int) -> None:
        key = (row.feed, row.agency_code or "", row.status, row.currency or "")
        cell = cells.setdefault(key, [0] * 6)
        cell[place] += 1
        cell[place + 1] += row.amount_minor or 0

    for row in old:
        add(row, 0)
        if (row.feed, row.source_code, row.row_key) in named:
            add(row, 4)
    for row in kept:
        add(row, 2)
    return tuple(ProofLine(*key, *counts) for key, counts in sorted(cells.items()))
