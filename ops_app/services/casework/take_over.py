"""Taking over a running book: the former system's history entered as history, with a proof of what was entered.

Nothing that an act of today would set off is set off: no notification, no commission, no time limit of a first contact.
Placements that still run give an agency access from now on: they wait until they are approved
(``take_over_running``), and are checked like any placement, of the case and of the agency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseMove, NoSuchCase, checked_reason, moves_from
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.casework.take_over import (
    Difference,
    HistoryRow,
    Part,
    ProofLine,
    Spell,
    parts_of,
    proof,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, apply, moved
from ops_app.services.casework.placement_rules import agency_against, rules_on
from ops_app.services.casework.placing import against_placing
from ops_app.store.casework import cases, periods
from ops_app.store.casework import take_over as stored
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Placement
from ops_app.store.casework.take_over import KeptRow, Key, TakeOver
from ops_app.store.organisation import agencies
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.casework import placements

__all__ = [
    "KeptRow", "Placing", "TakeOver", "history_of_case", "key_of", "latest_take_over", "list_differences", "prove",
    "spells_of", "take_over_book",
]  # fmt: skip

REASON = "taken over from the former system"
GRACE = timedelta(days=14)
"""How long a placement may still run that the former system let run beyond its return date, or that had none."""


@dataclass(frozen=True)
class DifferencesPage:
    """One page of rows that stay outside, and how many match."""

    rows: tuple[KeptRow, ...]
    total: int


@act("history.take_over")
def take_over_book(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, rows: Sequence[HistoryRow]
) -> TakeOver:
    """Enter ``rows`` (the whole of what the former system sent, so far) as history, and give the proof sheet.
    Placements that still run stay outside and wait.

    Again with the same rows changes nothing but the proof; rows that stayed outside are tried again. One transaction.
    """
    with store.writing(actor, now) as transaction:
        known = {key_of(one.row): one for one in stored.kept(transaction.connection)}
        fresh = [row for row in rows if key_of(row) not in known or known[key_of(row)].difference is not None]
        entered = TakeOver(key_hash("take over", now.isoformat()), actor.name, now, len(fresh), 0, ())
        stored.add(transaction.connection, entered, actor.person_id)
        spells = spells_of(transaction.connection, {row.source_code for row in rows}, zone)
        placing = Placing(transaction, spells, zone)
        others = [row for row in fresh if row.feed != "placements"]
        done = placing.enter([row for row in fresh if row.feed == "placements"])
        done += [_entered(row, parts_of(row, spells.get((row.source_code, row.loan_id), ()))) for row in others]
        stored.put(transaction.connection, entered.take_over_id, done)
        lines = prove(transaction.connection, rows)
        stored.set_proof(transaction.connection, entered.take_over_id, lines, placing.placed)
        transaction.audit(
            "history.taken_over",
            "take_over",
            entered.take_over_id,
            after={
                "rows": len(rows),
                "entered": len(fresh),
                "cases_placed": placing.placed,
                "outside": sum(line.named_count for line in lines),
                "rows_hash": key_hash(*sorted("/".join(key_of(row)) for row in fresh)),
            },
            reason=REASON,
        )
    return replace(entered, cases_placed=placing.placed, proof=lines)


@act("history.take_over")
def ask_take_over(actor: Actor, store: Store, *, now: datetime, reason: str) -> None:
    """Say that the history of the former system shall be taken over, and why; the pipeline then does it."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        transaction.audit("history.take_over_asked", "take_over", now.isoformat(), reason=why)


@act("history.view")
def latest_take_over(actor: Actor, store: Store, *, now: datetime) -> TakeOver | None:
    """The last take-over with its proof sheet; None where no book was taken over."""
    with store.reading() as connection:
        return stored.latest(connection)


@act("history.view")
def list_differences(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    feed: str | None = None,
    reason: str | None = None,
    page: int = 1,
    page_size: int = 50,
) -> DifferencesPage:
    """Rows of the former book that are not in the new one, with the reason."""
    with store.reading() as connection:
        rows, total = stored.difference_page(
            connection, feed=feed, reason=reason, offset=(page - 1) * page_size, limit=page_size
        )
    return DifferencesPage(tuple(rows), total)


@act("history.view")
def history_of_case(actor: Actor, store: Store, *, now: datetime, case_id: str) -> tuple[KeptRow, ...]:
    """What the former system says happened to a case within reach, oldest first; raises ``NoSuchCase``."""
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        return tuple(stored.of_case(connection, case_id))


def key_of(row: HistoryRow) -> Key:
    return row.feed, row.source_code, row.row_key


def _entered(
    row: HistoryRow, parts: Sequence[Part], difference: Difference | None = None
) -> tuple[HistoryRow, str | None, Difference | None]:
    if difference is None and not parts:
        difference = Difference.NO_CASE
    return row, None if difference else parts[-1].case_id, difference


def spells_of(connection: Connection, sources: set[str], zone: ZoneInfo) -> dict[tuple[str, str], tuple[Spell, ...]]:
    """(source, loan) → its spells; a spell begins and ends with the business day."""
    found: dict[tuple[str, str], list[Spell]] = {}
    for source in sorted(sources):
        for loan, case_id, opened, closed in stored.spans(connection, source):
            begun = datetime.combine(opened, datetime.min.time(), zone).astimezone(UTC)
            ended = datetime.combine(closed, datetime.min.time(), zone).astimezone(UTC) if closed else None
            found.setdefault((source, loan), []).append(Spell(case_id, begun, ended))
    return {loan: tuple(spells) for loan, spells in found.items()}


class Placing:
    """Former placements into the placements of the new book, loan by loan in the order in which they began."""

    def __init__(
        self,
        transaction: Transaction,
        spells: Mapping[tuple[str, str], tuple[Spell, ...]],
        zone: ZoneInfo,
        *,
        approved: bool = False,
    ) -> None:
        self.transaction, self.spells, self.zone, self.approved = transaction, spells, zone, approved
        self.known_agencies = agencies.codes(transaction.connection)
        self.rules = rules_on(transaction.connection, transaction.now.astimezone(zone).date())
        self.seen: dict[str, Agency | None] = {}
        self.placed = 0

    def enter(self, rows: Sequence[HistoryRow]) -> list[tuple[HistoryRow, str | None, Difference | None]]:
        parts = {key_of(row): parts_of(row, self.spells.get((row.source_code, row.loan_id), ())) for row in rows}
        touched = sorted({part.case_id for found in parts.values() for part in found})
        connection = self.transaction.connection
        acted_on = stored.own_placements(connection, touched, but=self._entered_as_history(connection))
        running = sorted({found[-1].case_id for found in parts.values() if found and found[-1].ended_at is None})
        present = cases.read_locked(connection, running, scope_of(self.transaction.actor), self.transaction.now)
        done: list[tuple[HistoryRow, str | None, Difference | None]] = []
        made: list[Placement] = []
        changes: list[Change] = []
        numbers = periods.how_many(connection, placements, touched)
        judged = []
        for row in sorted(rows, key=lambda one: (one.loan_id, one.begun_at, one.row_key)):
            mine = parts[key_of(row)]
            judged.append((row, mine, *self._judge(row, mine, acted_on, present)))
        stopped = self._stopped_agencies([str(row.agency_code) for row, _, _, moves in judged if moves])
        for row, mine, difference, moves in judged:
            if moves and row.agency_code in stopped:
                difference = Difference.AGENCY_STOPPED
            elif moves and not self.approved:
                difference = Difference.WAITING
            done.append(_entered(row, mine, difference))
            if difference is None:
                changes += moves
                self.placed += bool(moves)
                made += [self._placement(row, part, numbers) for part in mine]
        periods.add_placements(connection, made)
        apply(self.transaction, changes, audited=False)
        return done

    def _judge(
        self, row: HistoryRow, parts: Sequence[Part], acted_on: set[str], present: dict[str, Case]
    ) -> tuple[Difference | None, list[Change]]:
        """Why a former placement stays outside, or the moves that put its case where it was."""
        if not parts:
            return Difference.NO_CASE, []
        if (row.agency_code or "") not in self.known_agencies:
            return Difference.UNKNOWN_AGENCY, []
        if any(part.case_id in acted_on for part in parts):
            return Difference.ACTED_ON, []
        if parts[-1].ended_at is not None:
            return None, []
        found = present.get(parts[-1].case_id)
        if found is None:
            raise NoSuchCase
        one = found
        detail = {"taken_over": True, "placement": row.row_key, "placed_at": row.begun_at.isoformat(),
                  "file_id": row.file_id, "line_no": row.line_no}  # fmt: skip
        moves: list[Change] = []
        if CaseMove.PLACE not in moves_from(one.position) and CaseMove.QUEUE in moves_from(one.position):
            moves.append(moved(one, CaseMove.QUEUE, REASON, detail))
            one = moves[-1].after
        if CaseMove.PLACE not in moves_from(one.position):
            return Difference.HELD, []
        agency = self._agency(row.agency_code or "")
        if agency is None or against_placing(one, self.rules, agency):
            return Difference.NOT_PLACEABLE, []
        moves.append(moved(one, CaseMove.PLACE, REASON, detail, agency_code=row.agency_code))
        present[one.case_id] = moves[-1].after
        return None, moves

    def _agency(self, agency_code: str) -> Agency | None:
        if agency_code not in self.seen:
            self.seen[agency_code] = agencies.by_code(self.transaction.connection, agency_code)
        return self.seen[agency_code]

    def _stopped_agencies(self, codes: Sequence[str]) -> set[str]:
        """Those of the agencies of running placements (once a case) that may not be given so many cases now."""
        connection, day = self.transaction.connection, self.rules.day
        return {
            code
            for code, more in sorted(Counter(codes).items())
            if agency_against(connection, code, day, more=more, lock=True)[1]
        }

    def _entered_as_history(self, connection: Connection) -> set[str]:
        """The ids of former placements that were over when they were entered: they are no act of the house."""
        entered = [it.row for it in stored.kept(connection, feeds=("placements",), difference=False)]
        return {
            placement_id_of(row, spell.case_id)
            for row in entered
            if row.ended_at is not None
            for spell in self.spells.get((row.source_code, row.loan_id), ())
        }

    def _placement(self, row: HistoryRow, part: Part, numbers: dict[str, int]) -> Placement:
        numbers[part.case_id] = numbers.get(part.case_id, 0) + 1
        due = _due(row, part, self.transaction.now, self.zone)
        spell = next(one for one in self.spells[(row.source_code, row.loan_id)] if one.case_id == part.case_id)
        ended = None if part.ended_at is None else "closed" if part.ended_at == spell.closed_at else "recalled"
        return Placement(
            placement_id=placement_id_of(row, part.case_id),
            case_id=part.case_id,
            nth=numbers[part.case_id],
            agency_code=str(row.agency_code),
            placed_at=part.begun_at,
            due_at=due,
            first_contact_due_at=due,  # the former system's first contact is no time limit of this one
            placed_by=self.transaction.actor.person_id,
            placed_balance_minor=row.amount_minor or 0,
            currency=str(row.currency),
            ended_at=part.ended_at,
            end_reason=ended,
            ended_by=self.transaction.actor.person_id if ended else None,
            end_note=REASON,
        )


def placement_id_of(row: HistoryRow, case_id: str) -> str:
    return key_hash("taken over", row.source_code, row.row_key, case_id)


def _due(row: HistoryRow, part: Part, now: datetime, zone: ZoneInfo) -> datetime:
    """When the agency has to give the case back: as the day that was told begins in ``zone``. A placement that the
    former system let run on is not recalled by the very take-over: somebody has ``GRACE`` to decide."""
    told = None
    if row.due_date is not None:
        told = datetime.combine(row.due_date, datetime.min.time(), zone).astimezone(UTC)
    if part.ended_at is not None:
        return max(told or part.ended_at, part.begun_at + timedelta(seconds=1))
    return told if told is not None and told > now else now + GRACE


def prove(connection: Connection, rows: Sequence[HistoryRow]) -> tuple[ProofLine, ...]:
    """The proof, counted from what the tables of the new book give back, not from what was meant to be entered."""
    sent = {key_of(row) for row in rows}
    inside = [one for one in stored.kept(connection, difference=False) if key_of(one.row) in sent]
    outside = {key_of(one.row): one.difference for one in stored.kept(connection, difference=True) if one.difference}
    spells = {key_of(one.row): one for one in inside if one.row.feed == "placements"}
    loans = {(row.source_code, row.loan_id) for row in rows if row.feed == "placements"}
    of_loan: dict[tuple[str, str], list[str]] = {}
    for source in {source for source, _ in loans}:
        for loan, case_id, _, _ in stored.spans(connection, source):
            of_loan.setdefault((source, loan), []).append(case_id)
    ids = {
        placement_id_of(one.row, case_id): key
        for key, one in spells.items()
        for case_id in of_loan.get((one.row.source_code, one.row.loan_id), [])
    }
    back = stored.placements_back(connection, ids)
    kept = [one.row for one in inside if one.row.feed != "placements"]
    for key, one in spells.items():
        for agency, ended_at, balance in back.get(key, [])[:1]:
            runs = any(end is None for _, end, _ in back[key])
            status = "running" if runs else "ended" if ended_at is not None else one.row.status
            kept.append(replace(one.row, agency_code=agency, amount_minor=balance, status=status))
    return proof(rows, kept, outside)
