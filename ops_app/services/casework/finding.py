"""Cases are found by a name, a tail, a case or a loan: each search leaves a row in the audit log, which never has the
term."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ops_app.domain.casework.personal import BLIND, Term, checked_term
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.casework import cases, debtors
from ops_app.store.casework.cases import Case
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.organisation import audit
from ops_app.store.store import Store, Transaction

__all__ = ["Found", "TooMany", "search_cases", "slow_down"]

MOST_FOUND = 50
WINDOW = timedelta(minutes=1)
MOST_SEARCHES = 30


@dataclass(frozen=True)
class Found:
    """The cases that a search found; ``more`` when there are more than are shown."""

    rows: tuple[Case, ...]
    more: bool


class TooMany(Refused):
    """A person searches or un-masks faster than people work."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have done this {most} times within a minute. Wait a minute; every search is logged.",
            f"您一分钟内已操作 {most} 次，请稍候一分钟。每次查询均有记录。",
        )


@act("cases.view")
def search_cases(actor: Actor, store: Store, *, now: datetime, term: Term, text: str, evidence: Path) -> Found:
    """Cases within reach that have the term: whole name, national id, last four of a phone or of it, or the beginning
    of a case or contract number.

    The audit log keeps the kind of the term, its keyed hash and how many were found. Raises ``Invalid`` (a term that
    would find too much), ``TooMany``, ``NoKey``.
    """
    sought = checked_term(term, text)
    scope = scope_of(actor)
    with store.writing(actor, now) as transaction:
        slow_down(transaction, "case.searched", MOST_SEARCHES)
        key = PersonalKey.load_or_make(evidence, sealed_with=debtors.sealed_with(transaction.connection))
        hashed = key.blind(term, sought)
        connection, limit = transaction.connection, MOST_FOUND + 1
        if term in BLIND:
            rows = cases.of_debtors(connection, debtors.found_by(term, hashed), scope, now, limit=limit)
        elif term is Term.LOAN:
            rows = cases.of_loan(connection, sought, scope, now, limit=limit)
        else:
            rows = cases.of_id(connection, sought, scope, now, limit=limit)
        transaction.audit(
            "case.searched", "search", term.value, after={"term_hash": hashed, "found": min(len(rows), MOST_FOUND)}
        )
    return Found(tuple(rows[:MOST_FOUND]), len(rows) > MOST_FOUND)


def slow_down(transaction: Transaction, action: str, most: int) -> None:
    """Raise ``TooMany`` if the audit log has ``most`` such acts of the actor within the window."""
    since = transaction.now - WINDOW
    if audit.how_often(transaction.connection, transaction.actor.person_id, action, since, most) >= most:
        raise TooMany(most)
