"""How a write-off is booked and taken back, within the transaction of the last approval: the event, the entries, the
register and the case together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseMove, CaseState, MoveNotAllowed, NoSuchCase, moves_from
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Conflict
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State, in_order, living, run
from ops_app.domain.ledger.write_off_criteria import NotEligible, Verdict
from ops_app.domain.ledger.write_offs import (
    NoSuchWriteOff,
    NotWhatIsOwed,
    Owed,
    WriteOffMove,
    checked_parts,
    next_state,
)
from ops_app.domain.organisation.people import Role
from ops_app.services.casework.changing import Change, altered, apply, moved
from ops_app.services.ledger.journal import Posted, post
from ops_app.services.ledger.write_off_standing import follow, move_row
from ops_app.services.organisation.installation import today
from ops_app.store.casework import cases, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Assignment
from ops_app.store.ledger import journal, write_offs
from ops_app.store.ledger.write_offs import WriteOff
from ops_app.store.organisation import people
from ops_app.store.store import Transaction
from ops_app.store.tables.casework import assignments

OBJECT = "write_off"
_LAST = 2**62
"""After everything that was recorded."""


class NotInLedger(Conflict):
    """The ledger has not taken the case over, or has given it back."""

    def __init__(self) -> None:
        super().__init__("The ledger has no balance of this case.", "该案件尚无台账余额。")


class ChangedMeanwhile(Conflict):
    """The write-off moved on since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "Somebody changed this write-off meanwhile. Please look again.", "该核销已被他人更改，请刷新后再试。"
        )


def booking_event(one: WriteOff, parts: Mapping[Component, int]) -> LedgerEvent:
    """The event that books a write-off: one for ever, however often it is told."""
    return LedgerEvent(
        EventKind.WRITE_OFF, one.source_code, one.loan_id, one.currency, one.effective_date, Cause.APPROVAL,
        f"write_off/{one.write_off_id}", case_id=one.case_id, parts=parts, terms={"method": one.method}, seq=_LAST,
    )  # fmt: skip


def owed_on(connection: Connection, one: Case, day: date) -> tuple[Owed, State]:
    """What a case owes on ``day`` as a write-off of that day meets it, and the state it meets. Raises ``NotInLedger``.

    The events of the case are replayed up to the place of such a write-off, so that what came later and what comes back
    dated count as the journal counts them: the form, the check and the posting reckon alike (Frappe #997).
    """
    events = living(journal.events_of(connection, [one.case_id])[one.case_id])
    probe = LedgerEvent(
        EventKind.WRITE_OFF, one.source_code, one.loan_id, one.currency, day, Cause.APPROVAL, "probe",
        case_id=one.case_id, seq=_LAST,
    )  # fmt: skip
    ordered = in_order([*events, probe])
    _, state = run(ordered[: ordered.index(probe)], State())
    if state.opening_date is None or state.is_closed:
        raise NotInLedger
    return Owed(dict(state.book), dict(state.memo)), state


def locked(transaction: Transaction, write_off_id: str) -> WriteOff:
    """The write-off, within reach, that nobody else changes before this act ends. Raises ``NoSuchWriteOff``."""
    one = write_offs.read(transaction.connection, write_off_id, lock=True)
    if one is None:
        raise NoSuchWriteOff
    return one


def case_of(transaction: Transaction, case_id: str) -> Case:
    """The case within reach, locked. Raises ``NoSuchCase``."""
    scope = scope_of(transaction.actor)
    found = cases.read_locked(transaction.connection, [case_id], scope, transaction.now).get(case_id)
    if found is None:
        raise NoSuchCase
    return found


def check_case(one: Case) -> None:
    """Raise ``NotEligible`` or ``MoveNotAllowed`` for a case that is disputed or over."""
    if Flag.DISPUTE in one.flags or one.state is CaseState.DISPUTED:
        raise NotEligible(Verdict.DISPUTED)
    if one.state is CaseState.CLOSED:
        raise MoveNotAllowed(one.state, CaseMove.WRITE_OFF)


def moved_to(
    transaction: Transaction, one: WriteOff, what: WriteOffMove, reason: str | None, **values: Any
) -> WriteOff:
    """Move a write-off with other ``values``; raises ``WriteOffMoveNotAllowed`` and ``ChangedMeanwhile``."""
    state = next_state(one.state, what)
    row = move_row(transaction, one, what, one.recovered_minor, reason, one.move_count + 1)
    if not write_offs.rewrite(transaction.connection, one, state=state.value, move_count=one.move_count + 1, **values):
        raise ChangedMeanwhile
    write_offs.add_moves(transaction.connection, [row])
    return locked(transaction, one.write_off_id)


def run_booking(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Book a write-off that was approved. Raises ``NotWhatIsOwed`` where the balance of the effective date is not what
    was approved any more: nobody approved another amount."""
    case = case_of(transaction, str(arguments["case_id"]))
    one = locked(transaction, str(arguments["write_off_id"]))
    check_case(case)
    connection = transaction.connection
    parts = write_offs.parts_of(connection, one.write_off_id)
    owed, _ = owed_on(connection, case, one.effective_date)
    mine = {part.component for part in parts}
    others = write_offs.live_components(connection, one.case_id) - mine
    posted = checked_parts(
        {part.component: part.claim_minor for part in parts}, owed, whole=one.is_whole, has_one=others
    )
    for part in parts:
        # less is left to post where the lender's feed charged it off meanwhile; more than was approved is nobody's will
        if posted[part.component] > part.approved_minor:
            raise NotWhatIsOwed(part.component, above=False)
    event = booking_event(one, {component: amount for component, amount in posted.items() if amount})
    post(transaction, [event], reason=one.reason)
    before: dict[str, Any] = {
        "case_state_before": None,
        "collector_before": None,
        "written_off_date_before": case.written_off_date,
    }
    change = _written_off(case, one)
    if change.what == CaseMove.WRITE_OFF.value:
        before |= {"case_state_before": case.state.value, "collector_before": case.collector_id}
    one = moved_to(
        transaction, one, WriteOffMove.BOOK, one.reason, event_id=event.event_id, booked_at=transaction.now, **before
    )
    apply(transaction, [change], audited=False)
    follow(transaction, [one.case_id])
    one = locked(transaction, one.write_off_id)
    transaction.audit("write_off.booked", OBJECT, one.write_off_id, after=facts_of(one), reason=one.reason)
    return {"write_off_id": one.write_off_id, "booked_minor": one.booked_minor, "currency": one.currency}


def _written_off(case: Case, one: WriteOff) -> Change:
    """The case after the write-off: moved where nothing is left on the books and its state allows, else noted."""
    detail = {"write_off_id": one.write_off_id, "date": one.effective_date}
    if not one.is_whole:
        return altered(case, "written_off_part", one.reason, detail)
    day = case.written_off_date or one.effective_date
    if CaseMove.WRITE_OFF in moves_from(case.position):
        return moved(case, CaseMove.WRITE_OFF, one.reason, detail, written_off_date=day)
    return altered(case, "written_off", one.reason, detail, written_off_date=day)


def run_reversal(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a booked write-off out as if it had never been: balances are what they were, and what was recovered
    meanwhile is repaid, in value-date order, by the replay."""
    case = case_of(transaction, str(arguments["case_id"]))
    one = locked(transaction, str(arguments["write_off_id"]))
    reason = str(arguments["because"])
    next_state(one.state, WriteOffMove.REVERSE)
    before = facts_of(one)
    posted = post(transaction, [_cancelling(one, today(transaction.now))], reason=reason)
    one = moved_to(
        transaction, one, WriteOffMove.REVERSE, reason, reversed_at=transaction.now, booked_minor=0, later_minor=0,
        recovered_minor=0, remaining_minor=0,
    )  # fmt: skip
    write_offs.end_parts(transaction.connection, one.write_off_id)
    apply(transaction, [_restored(transaction, case, one, reason)], audited=False)
    follow(transaction, [one.case_id])
    transaction.audit(
        "write_off.reversed", OBJECT, one.write_off_id, before=before,
        after=facts_of(one) | {"reposted": _reposted(posted)}, reason=reason,
    )  # fmt: skip
    return {"write_off_id": one.write_off_id, "reposted": _reposted(posted)}


def _cancelling(one: WriteOff, day: date) -> LedgerEvent:
    return LedgerEvent(
        EventKind.CANCELLATION, one.source_code, one.loan_id, one.currency, max(day, one.effective_date),
        Cause.APPROVAL, f"write_off/{one.write_off_id}/reversal", case_id=one.case_id, target_id=one.event_id,
    )  # fmt: skip


def _reposted(posted: Posted) -> int:
    """How many payments read otherwise after the reversal."""
    return sum(one.event.kind is EventKind.RECEIPT for one in posted.reposted)


def _restored(transaction: Transaction, case: Case, one: WriteOff, reason: str) -> Change:
    """The case where it came from, if it still stands where the write-off left it; else only the mark goes."""
    detail = {"write_off_id": one.write_off_id}
    day = one.written_off_date_before
    if case.state is not CaseState.WRITTEN_OFF or one.case_state_before is None:
        return altered(case, "write_off_reversed", reason, detail, written_off_date=day)
    back = CaseState(one.case_state_before)
    values: dict[str, Any] = {"written_off_date": day}
    if back is CaseState.IN_HOUSE:
        if one.collector_before is None or not _collects(transaction.connection, one.collector_before):
            back = CaseState.TO_ASSIGN  # nobody is there to have it in hand
        else:
            values["collector_id"] = one.collector_before
            _assign(transaction, case.case_id, one.collector_before)
    return moved(case, CaseMove.UNDO_WRITE_OFF, reason, detail, back=back, **values)


def _collects(connection: Connection, person_id: str) -> bool:
    found = people.by_id(connection, person_id)
    return found is not None and found.active and found.role is Role.COLLECTOR and found.agency_code is None


def _assign(transaction: Transaction, case_id: str, collector_id: str) -> None:
    nth = periods.how_many(transaction.connection, assignments, [case_id]).get(case_id, 0) + 1
    periods.add_assignments(
        transaction.connection,
        [
            Assignment(
                key_hash("assignment", case_id, str(nth)), case_id, nth, collector_id, None, transaction.now,
                transaction.actor.person_id,
            )
        ],
    )  # fmt: skip


def facts_of(one: WriteOff) -> dict[str, Any]:
    """What the audit log keeps of a write-off."""
    return {
        "state": one.state, "case_id": one.case_id, "path": one.path, "method": one.method,
        "effective_date": one.effective_date, "claim_minor": one.claim_minor, "approved_minor": one.approved_minor,
        "booked_minor": one.booked_minor, "recovered_minor": one.recovered_minor, "currency": one.currency,
        "gl_voucher": one.gl_voucher, "version": one.version,
    }  # fmt: skip
