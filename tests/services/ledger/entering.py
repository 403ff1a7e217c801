"""Events of the ledger for the tests of the books: taken over, paid, waived, written off, as their acts would post."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.journal import Posted, post
from ops_app.store.store import Store
from tests.services.casework.casebook import NOW, now_is

ORDERS = {"orders": {"standard": "costs_first", "written_off": "principal_first"}}


def an_event(store: Store, case_id: str, kind: EventKind, day: date, **said: Any) -> LedgerEvent:
    """An event of a case that is in the store."""
    one = now_is(store, case_id)
    values: dict[str, Any] = {
        "kind": kind, "source_code": one.source_code, "loan_id": one.loan_id, "currency": one.currency,
        "value_date": day, "cause": Cause.DECISION, "cause_id": uuid4().hex, "case_id": case_id,
    }  # fmt: skip
    if kind is EventKind.RECEIPT:
        values["terms"] = ORDERS
    return LedgerEvent(**values | said)


def posted(store: Store, *events: LedgerEvent, now: datetime = NOW) -> Posted:
    """The events, in one act."""
    with store.writing(SYSTEM, now) as transaction:
        done = post(transaction, events)
        transaction.audit("test.posted", "case", str(events[0].case_id), after={"events": len(events)})
    return done


def taken_over(store: Store, case_id: str, day: date, **parts: int) -> LedgerEvent:
    """The opening balance of a case; by default 1,000.00 of principal and 100.00 of interest."""
    owed = parts or {"principal": 100_000, "interest": 10_000}
    opening = an_event(
        store, case_id, EventKind.OPENING, day, parts={Component(name): amount for name, amount in owed.items()}
    )
    posted(store, opening)
    return opening


def paid(store: Store, case_id: str, day: date, amount_minor: int, *, now: datetime = NOW, **said: Any) -> LedgerEvent:
    """A receipt of a case."""
    one = an_event(store, case_id, EventKind.RECEIPT, day, amount_minor=amount_minor, **said)
    posted(store, one, now=now)
    return one
