"""Statements that agencies send of what they claim to have earned: taken in, held against the reckoned lines, decided.

A claimed statement pays nothing. What an agency is paid stands in its settlement; that a difference is accepted here is
said there by a correction of the line, as after a dispute. A statement is taken in once and whole: what comes later
under its number is left, and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.claimed_commissions import (
    DECIDED,
    ClaimAgrees,
    ClaimChanged,
    ClaimedRow,
    ClaimedSum,
    ClaimFinding,
    ClaimState,
    NoSuchClaim,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.ledger import claimed_commissions as stored
from ops_app.store.ledger.claimed_commissions import ClaimedStatement, ClaimFilter
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

__all__ = ["ClaimsTaken", "compare_claims", "decide_claim", "decide_claims", "known_statements", "take_in_claims"]

OBJECT = "claimed_statement"
Key = tuple[str, str, str]


@dataclass(frozen=True)
class ClaimsTaken:
    """What taking in did: statements and lines that are new, lines that came later for a statement taken in before,
    lines of agencies that nobody entered."""

    statements: int = 0
    lines: int = 0
    late: int = 0
    unknown: int = 0


@act("commission.settle")
def known_statements(actor: Actor, store: Store, *, now: datetime) -> dict[Key, int]:
    """(agency, number, currency) of every statement that was taken in → how many lines it had."""
    with store.reading() as connection:
        return stored.known(connection)


@act("commission.settle")
def take_in_claims(
    actor: Actor, store: Store, *, now: datetime, rows: Iterable[ClaimedRow], totals: Sequence[ClaimedSum]
) -> ClaimsTaken:
    """Take in whole statements, each in one transaction and compared at once; again is safe. ``totals`` are what each
    comes to by period as the sender stated it, rounded once."""
    heads: dict[Key, list[ClaimedRow]] = defaultdict(list)
    for row in rows:
        heads[row.agency_code, row.statement, row.currency].append(row)
    periods: dict[Key, list[ClaimedSum]] = defaultdict(list)
    for one in totals:
        periods[one.agency_code, one.statement, one.currency].append(one)
    statements = lines = late = unknown = 0
    with store.reading() as connection:
        there = stored.known(connection)
        agency = {code: agencies.by_code(connection, code) is not None for code in {key[0] for key in heads}}
    for key in sorted(heads):
        if not agency[key[0]]:
            unknown += len(heads[key])
        elif key in there:
            late += max(0, len(heads[key]) - there[key])
        else:
            _take_in(actor, store, now, key, heads[key], periods[key])
            statements, lines = statements + 1, lines + len(heads[key])
    return ClaimsTaken(statements, lines, late, unknown)


@act("commission.settle")
def compare_claims(actor: Actor, store: Store, *, now: datetime, statement_id: str, version: int) -> int:
    """Compare a statement again with what is reckoned by now; how many lines read otherwise than before. A decision
    stands while the difference is the one it was made on. Raises ``NoSuchClaim``, ``ClaimChanged``."""
    with store.writing(actor, now) as transaction:
        one = _held(transaction, statement_id, version)
        return _compare(transaction, one)


@act("commission.claims")
def decide_claim(
    actor: Actor, store: Store, *, now: datetime, line_id: str, version: int, decision: ClaimState, reason: str
) -> ClaimState:
    """Accept the difference of a claimed line, or dispute the line. Raises ``NoSuchClaim``, ``ClaimAgrees``,
    ``ClaimChanged``, ``Invalid``."""
    why = _checked(decision, reason)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        found = stored.line(connection, line_id)
        if found is None:
            raise NoSuchClaim
        if found.state is ClaimState.AGREED:
            raise ClaimAgrees
        of = ClaimFilter(found.statement_id)
        values = _decision(transaction, decision, why)
        if stored.decide(connection, of, values, line_id=line_id, version=version) != 1:
            raise ClaimChanged
        facts = {"line": found.sender_line, "loan_id": found.loan_id, "difference_minor": found.difference_minor}
        transaction.audit(
            f"claimed_statement.line_{decision.value}", OBJECT, found.statement_id,
            before={"state": found.state.value}, after=facts, reason=why,
        )  # fmt: skip
    return decision


@act("commission.claims")
def decide_claims(
    actor: Actor, store: Store, *, now: datetime, statement_id: str, version: int, count: int, decision: ClaimState,
    reason: str, period: str | None = None, finding: ClaimFinding | None = None, state: ClaimState | None = None,
) -> int:  # fmt: skip
    """Decide alike on all lines of a statement that are narrowed down to and do not agree; ``count`` is how many were
    shown. Raises ``NoSuchClaim``, ``ClaimChanged``, ``Invalid``."""
    why = _checked(decision, reason)
    wanted = ClaimFilter(statement_id, period or None, finding, state)
    with store.writing(actor, now) as transaction:
        one = _held(transaction, statement_id, version)
        lines, claimed, difference = stored.sums(transaction.connection, wanted)
        if not lines:
            raise ClaimAgrees
        done = stored.decide(transaction.connection, wanted, _decision(transaction, decision, why))
        if not done == lines == count:
            raise ClaimChanged
        narrowed = {"period": period, "finding": finding, "state": state}
        facts = {name: str(it) for name, it in narrowed.items() if it} | {
            "number": one.number, "lines": lines, "claimed_minor": claimed, "difference_minor": difference,
        }  # fmt: skip
        transaction.audit(f"claimed_statement.lines_{decision.value}", OBJECT, statement_id, after=facts, reason=why)
    return lines


def _checked(decision: ClaimState, reason: str) -> str:
    if decision not in DECIDED:
        raise Invalid("A line is accepted or disputed.", "只能认可差异或提出异议。", field="decision")
    return checked_reason(reason)


def _decision(transaction: Transaction, decision: ClaimState, why: str) -> dict[str, Any]:
    actor = transaction.actor
    return {
        "state": decision.value, "reason": why, "decided_by": actor.person_id, "decided_by_name": actor.name,
        "decided_at": transaction.now,
    }  # fmt: skip


def _take_in(
    actor: Actor, store: Store, now: datetime, key: Key, rows: Sequence[ClaimedRow], periods: Sequence[ClaimedSum]
) -> None:
    agency_code, number, currency = key
    statement_id = key_hash("claimed_statement", *key)[:32]
    since = [it.since_date for it in rows]
    head = {
        "statement_id": statement_id, "agency_code": agency_code, "number": number, "currency": currency,
        "source_code": rows[0].source_code, "until_date": max(it.until_date for it in rows),
        "since_date": None if None in since else min(it for it in since if it is not None), "taken_at": now,
        "compared_at": now, "tolerance_minor": 0, "version": 1,
    }  # fmt: skip
    sums = [
        {"statement_id": statement_id, "period": it.period, "lines": it.lines, "collected_minor": it.collected_minor,
         "claimed_minor": it.claimed_minor}
        for it in periods
    ]  # fmt: skip
    lines = [
        {"line_id": key_hash("claimed_line", statement_id, it.sender_line)[:32], "statement_id": statement_id,
         "line_no": no, "sender_line": it.sender_line, "period": it.period, "loan_id": it.loan_id,
         "payment_id": it.payment_id, "collected_minor": it.collected_minor, "claimed_minor": it.claimed_minor,
         "file_id": it.file_id}
        for no, it in enumerate(rows, start=1)
    ]  # fmt: skip
    with store.writing(actor, now) as transaction:
        try:
            with transaction.part():
                stored.add(transaction.connection, head, sums, lines)
        except IntegrityError as error:
            raise Conflict(
                f"Statement {number} was taken in meanwhile.", f"对账单 {number} 已由他人入库。"
            ) from error  # fmt: skip
        facts = {"number": number, "agency": agency_code, "lines": len(lines),
                 "claimed_minor": sum(it.claimed_minor for it in periods)}  # fmt: skip
        transaction.audit("claimed_statement.taken_in", OBJECT, statement_id, after=facts)
        _compare(transaction, _held(transaction, statement_id, 1))


def _held(transaction: Transaction, statement_id: str, version: int) -> ClaimedStatement:
    found = stored.statement(transaction.connection, statement_id, lock=True)
    if found is None:
        raise NoSuchClaim
    if found.version != version:
        raise ClaimChanged
    return found


def _compare(transaction: Transaction, one: ClaimedStatement) -> int:
    tolerance = number_on(transaction.connection, "ledger.commission_tolerance", today(transaction.now))
    changed = stored.compare(transaction.connection, one, tolerance, transaction.now)
    facts = {"lines": changed, "tolerance_minor": tolerance}
    transaction.audit("claimed_statement.compared", OBJECT, one.statement_id, after=facts)
    return changed
