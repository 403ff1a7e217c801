"""Settlements of commission: opened for a period, reckoned, presented to the agency, confirmed or disputed by it.

Lines are only ever added. Whatever is posted while a settlement is open changes it when it is reckoned again; once it
is presented it stands still until the agency has answered or it is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.commissions import LineKind
from ops_app.domain.ledger.settlements import (
    DisputesOpen,
    DisputeState,
    NoSuchSettlement,
    SettlementChanged,
    SettlementMove,
    SettlementState,
    checked_period,
    move,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.commission_reckoning import conduct_rows, line_id, missing_lines
from ops_app.services.organisation.installation import today
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import CommissionLine, Dispute, Settlement
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

__all__ = [
    "CommissionLine", "Dispute", "Moved", "Settlement", "answer_dispute", "confirm_settlement", "dispute_line",
    "open_settlement", "present_settlement", "reckon_settlement", "take_back_settlement",
]  # fmt: skip

OBJECT = "settlement"
_INBOX = "settlements"


@dataclass(frozen=True)
class Moved:
    """What an act made of a settlement, and how many lines it added."""

    settlement_id: str
    state: SettlementState
    version: int
    lines: int = 0


@act("commission.settle")
def open_settlement(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, currency: str, first_date: date, end_date: date,
    key: str,
) -> Moved:  # fmt: skip
    """Open the settlement of an agency for the days from ``first_date`` before ``end_date`` and reckon it.

    Periods of an agency follow one another, and one is open at a time. Raises ``Invalid``, ``Conflict``, ``NotFound``.
    """
    checked_period(first_date, end_date)
    if end_date > today(now):
        raise Invalid("Only days that have passed are settled.", "仅可结算已过去的日期。", field="end_date")
    with store.writing(actor, now) as transaction:
        asked = {"agency": agency_code, "currency": currency, "first": first_date, "end": end_date}
        if (before := _claimed(transaction, key, asked)) is not None:
            return before
        one = _new(transaction, agency_code, currency, first_date, end_date)
        count = _reckon(transaction, one)
        transaction.audit("settlement.opened", OBJECT, one.settlement_id, after={**asked, "lines": count})
        return _answered(transaction, key, Moved(one.settlement_id, one.state, one.version, count))


@act("commission.settle")
def reckon_settlement(actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int) -> Moved:
    """Reckon a draft again: lines are added for whatever was posted since. Raises ``SettlementChanged``."""
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        move(one.state, SettlementMove.PRESENT)  # what can be presented is still a draft
        count = _reckon(transaction, one)
        change(transaction, one, {"computed_at": now})
        transaction.audit("settlement.reckoned", OBJECT, settlement_id, after={"lines": count})
    return Moved(settlement_id, one.state, one.version + 1, count)


@act("commission.settle")
def present_settlement(actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int) -> Moved:
    """Reckon a draft a last time and hand it to the agency to confirm."""
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        state = move(one.state, SettlementMove.PRESENT)
        count = _reckon(transaction, one)
        change(transaction, one, {"computed_at": now, "state": state.value})
        transaction.audit("settlement.presented", OBJECT, settlement_id, after={"lines": count})
    return Moved(settlement_id, state, one.version + 1, count)


@act("commission.settle")
def take_back_settlement(
    actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int, reason: str
) -> Moved:
    """Make a draft again of a settlement that is not locked. Raises ``DisputesOpen`` while disputes wait."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        state = move(one.state, SettlementMove.TAKE_BACK)
        _no_open_dispute(transaction, settlement_id)
        change(transaction, one, {"state": state.value})
        transaction.audit("settlement.taken_back", OBJECT, settlement_id, reason=why)
    return Moved(settlement_id, state, one.version + 1)


@act("commission.own")
def confirm_settlement(actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int) -> Moved:
    """The agency agrees to its own statement as it was presented."""
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        state = move(one.state, SettlementMove.CONFIRM)
        change(transaction, one, {"state": state.value})
        transaction.audit("settlement.confirmed", OBJECT, settlement_id)
    return Moved(settlement_id, state, one.version + 1)


@act("commission.own")
def dispute_line(
    actor: Actor, store: Store, *, now: datetime, settlement_id: str, line_id: str, version: int, reason: str
) -> Moved:
    """The agency disputes a line of its own statement. Raises ``Conflict`` while an earlier dispute of it waits."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        state = move(one.state, SettlementMove.DISPUTE)
        line = commissions.line(transaction.connection, line_id)
        if line is None or line.settlement_id != settlement_id:
            raise NotFound("There is no such line.", "没有该明细。")
        before = [it for it in commissions.disputes_of(transaction.connection, settlement_id) if it.line_id == line_id]
        values = {
            "dispute_id": key_hash("commission_dispute", line_id, str(len(before) + 1))[:32],
            "settlement_id": settlement_id, "line_id": line_id, "nth": len(before) + 1, "reason": why,
            "raised_by": actor.person_id, "raised_by_name": actor.name, "raised_at": now,
            "state": DisputeState.OPEN.value,
        }  # fmt: skip
        try:
            with transaction.part():
                commissions.add_dispute(transaction.connection, values)
        except IntegrityError as error:
            raise Conflict("This line is disputed already.", "该明细已有待答复的异议。", field="line_id") from error
        change(transaction, one, {"state": state.value})
        transaction.audit("settlement.disputed", OBJECT, settlement_id, after={"line": line.line_no}, reason=why)
    return Moved(settlement_id, state, one.version + 1)


@act("commission.settle")
def answer_dispute(
    actor: Actor, store: Store, *, now: datetime, dispute_id: str, version: int, accept: bool, answer: str,
    correction_minor: int = 0,
) -> Moved:  # fmt: skip
    """Answer a dispute. What is accepted may be corrected by an amount (whole minor units, either sign): a line of its
    own that names the disputed payment's first line and the reason.

    Raises ``Invalid`` for a correction of what is rejected or of a line for conduct.
    """
    why = checked_reason(answer)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        found = commissions.dispute(connection, dispute_id)
        if found is None:
            raise NotFound("There is no such dispute.", "没有该异议。")
        one = locked(transaction, found.settlement_id, version)
        state = move(one.state, SettlementMove.ANSWER)
        said = DisputeState.ACCEPTED if accept else DisputeState.REJECTED
        values = {"state": said.value, "answer": why, "answered_by": actor.person_id,
                  "answered_by_name": actor.name, "answered_at": now}  # fmt: skip
        if not commissions.answer_dispute(connection, dispute_id, values):
            raise Conflict("This dispute is answered already.", "该异议已答复。")
        if correction_minor:
            if not accept:
                raise Invalid(
                    "What is rejected is not corrected.", "异议不成立时不得更正。", field="correction_minor"
                )  # fmt: skip
            _correct(transaction, one, found, correction_minor, why)
        change(transaction, one, {"state": state.value})
        facts = {"dispute": dispute_id, "accepted": accept, "correction_minor": correction_minor}
        transaction.audit("settlement.answered", OBJECT, one.settlement_id, after=facts, reason=why)
    return Moved(one.settlement_id, state, one.version + 1, int(bool(correction_minor)))


def locked(transaction: Transaction, settlement_id: str, version: int) -> Settlement:
    """The settlement, which nobody else changes before this act ends; an agency's people have their own alone.

    Raises ``NoSuchSettlement``, ``SettlementChanged``.
    """
    found = commissions.settlement(transaction.connection, settlement_id, lock=True)
    if found is None or transaction.actor.agency_code not in (None, found.agency_code):
        raise NoSuchSettlement
    if transaction.actor.agency_code is not None and found.state is SettlementState.DRAFT:
        raise NoSuchSettlement
    if found.version != version:
        raise SettlementChanged(found.state)
    return found


def change(transaction: Transaction, one: Settlement, values: Mapping[str, Any]) -> None:
    """Change a settlement that this act holds. Raises ``SettlementChanged``."""
    if not commissions.change_settlement(transaction.connection, one, values):
        raise SettlementChanged(one.state)


def _no_open_dispute(transaction: Transaction, settlement_id: str) -> None:
    waiting = [
        it
        for it in commissions.disputes_of(transaction.connection, settlement_id)
        if it.state is DisputeState.OPEN
    ]  # fmt: skip
    if waiting:
        raise DisputesOpen(len(waiting))


def _new(transaction: Transaction, agency_code: str, currency: str, first_date: date, end_date: date) -> Settlement:
    connection, now = transaction.connection, transaction.now
    if agencies.by_code(connection, agency_code, lock=True) is None:
        raise NotFound("There is no such agency.", "没有该机构。")
    last = commissions.last_settlement(connection, agency_code, currency)
    if last is not None and last.end_date != first_date:
        raise Invalid(
            f"The period before ends with {last.end_date}; this one begins on that day.",
            f"上一结算期截至 {last.end_date}（不含），本期须自该日开始。",
            field="first_date",
        )
    known = [it for it in commissions.contracts(connection, agency_code) if it.currency == currency]
    contract = commissions.in_force(known, end_date - timedelta(days=1))
    if contract is None:
        raise Invalid(
            "The agency has no contract on commission in this currency.", "该机构没有此币种的佣金合同。",
            field="agency_code",
        )  # fmt: skip
    number = f"{agency_code}-{currency}-{first_date:%Y%m%d}"
    values: dict[str, Any] = {
        "settlement_id": key_hash("settlement", agency_code, currency, first_date.isoformat())[:32],
        "number": number, "agency_code": agency_code, "currency": currency, "first_date": first_date,
        "end_date": end_date, "previous_id": None if last is None else last.settlement_id,
        "contract_id": contract.contract_id, "state": SettlementState.DRAFT.value, "computed_at": now,
        "made_by": transaction.actor.person_id, "made_at": now, "version": 1,
    }  # fmt: skip
    try:
        with transaction.part():
            commissions.add_settlement(connection, values)
    except IntegrityError as error:
        raise Conflict(
            "The agency has an open settlement already.", "该机构已有未锁定的结算单。", field="agency_code"
        ) from error
    found = commissions.settlement(connection, values["settlement_id"], lock=True)
    assert found is not None
    return found


def _reckon(transaction: Transaction, one: Settlement) -> int:
    by, now, connection = transaction.actor.person_id, transaction.now, transaction.connection
    rows = missing_lines(connection, one, by, now)
    commissions.add_lines(connection, rows)
    more = conduct_rows(connection, one, by, now)
    commissions.add_lines(connection, more)
    return len(rows) + len(more)


def _correct(transaction: Transaction, one: Settlement, found: Dispute, minor: int, why: str) -> None:
    connection = transaction.connection
    line = commissions.line(connection, found.line_id)
    if line is None or line.payment_event_id is None:
        raise Invalid("A line for conduct is not corrected.", "合规奖惩明细不得更正。", field="correction_minor")
    several = commissions.lines_of_payment(connection, line.payment_event_id, line.agency_code)
    first, nth = several[0], several[-1].nth + 1
    kept = {name: getattr(first, name) for name in (
        "agency_code", "contract_id", "payment_event_id", "source_code", "payment_id", "loan_id", "case_id",
        "placement_id", "batch_id", "value_date", "currency", "tier", "paid_to",
    )}  # fmt: skip
    values = {
        "line_id": line_id(line.payment_event_id, line.agency_code, first.contract_id, nth),
        "settlement_id": one.settlement_id, "kind": LineKind.CORRECTION.value, "nth": nth,
        "line_no": commissions.sums_of(connection, one.settlement_id).last_no + 1,
        "original_line_id": first.line_id, "rate_ppm": 0, "base_minor": 0, "full_minor": minor, "cut_minor": 0,
        "fee_minor": minor, "facts_json": "{}", "reason": why, "made_by": transaction.actor.person_id,
        "made_at": transaction.now,
    }  # fmt: skip
    commissions.add_lines(connection, [kept | values])


def _claimed(transaction: Transaction, key: str, asked: Mapping[str, Any]) -> Moved | None:
    claim = transaction.claim(_INBOX, key, content_hash({"asked": asked, "actor": transaction.actor.person_id}))
    claim.refuse_conflict()
    if claim.is_new:
        return None
    said = claim.answer
    return Moved(said["settlement_id"], SettlementState(said["state"]), said["version"], said["lines"])


def _answered(transaction: Transaction, key: str, done: Moved) -> Moved:
    transaction.answer(_INBOX, key, {"settlement_id": done.settlement_id, "state": done.state.value,
                                     "version": done.version, "lines": done.lines})  # fmt: skip
    return done
