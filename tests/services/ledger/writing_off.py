"""Cases on the books, who writes them off, and what the ledger then says, for the tests of write-off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from ops_app.domain.canonical import key_hash
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State
from ops_app.domain.ledger.write_off_criteria import ProofKind, WriteOffPath
from ops_app.domain.organisation.approvals import OPEN
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.journal import Posted, post
from ops_app.services.ledger.write_offs import request_reversal, request_write_off
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approvals import ApprovalRequest, Moved
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.casework import attachments
from ops_app.store.casework.attachments import Attachment
from ops_app.store.ledger import journal, write_offs
from ops_app.store.ledger.write_offs import WriteOff
from ops_app.store.organisation import people
from ops_app.store.store import Store
from ops_app.store.tables.journal import journal_lines
from tests.services.casework.casebook import a_debtor, a_spell, now_is, taken_in

NOW = datetime.fromisoformat("2026-11-24T01:00:00+00:00")
TODAY = date(2026, 11, 24)
OPENED = date(2026, 1, 1)
PRINCIPAL, INTEREST, FEES = Component.PRINCIPAL, Component.INTEREST, Component.FEES
OWED = {PRINCIPAL: 70_000, INTEREST: 20_000, FEES: 10_000}
WHY = "nothing is left to enforce"
_numbers = count(1)

MAKER = Actor("w-maker", "Sun", Role.SUPERVISOR)
FINANCE = Actor("w-fin", "Fei", Role.FINANCE)
OTHER_FINANCE = Actor("w-fin2", "Fan", Role.FINANCE)
MANAGER = Actor("w-man", "Mei", Role.MANAGER)
OTHER_MANAGER = Actor("w-man2", "Min", Role.MANAGER)


def on_the_books(
    store: Store, evidence: Path, owed: Mapping[Component, int] | None = None, *, memo: bool = False, **other: Any
) -> str:
    """A case of 400 days past due that the ledger has taken over, with a document of every kind; its id."""
    with_people(store)
    number = next(_numbers)
    parts = dict(OWED if owed is None else owed)
    spell = a_spell(number, days_past_due=400, balance_minor=sum(parts.values()), **other)
    taken_in(store, evidence, spell, debtors=[a_debtor(number)], in_ledger=False)
    case_id = str(spell["case_id"])
    happens(store, case_id, EventKind.OPENING, OPENED, parts=parts, terms={"is_memo": True} if memo else {})
    with store.writing(SYSTEM, NOW) as transaction:
        for kind in ProofKind:
            file = Attachment(
                document(case_id, kind), case_id, "", f"{kind.value}.pdf", "application/pdf", 3,
                key_hash(case_id, kind.value), "", False, "test", "Test", NOW,
            )  # fmt: skip
            attachments.add(transaction.connection, file)
        transaction.audit("case.attached", "case", case_id)
    return case_id


def document(case_id: str, kind: ProofKind) -> str:
    """The id of the attachment that evidences this on a case."""
    return key_hash("document", case_id, kind.value)[:32]


def happens(store: Store, case_id: str, kind: EventKind, day: date, *, target: str | None = None, **other: Any) -> str:
    """An event of the ledger is posted on a case; its id."""
    case = now_is(store, case_id)
    event = LedgerEvent(
        kind, case.source_code, case.loan_id, case.currency, day, other.pop("cause", Cause.DECISION),
        other.pop("cause_id", uuid4().hex), case_id=case_id, target_id=target, **other,
    )  # fmt: skip
    posted(store, event)
    return event.event_id


def posted(store: Store, event: LedgerEvent) -> Posted:
    with store.writing(SYSTEM, NOW) as transaction:
        done = post(transaction, [event])
        transaction.audit("ledger.posted", "case", str(event.case_id))
    return done


def paid(store: Store, case_id: str, amount: int, day: date, **other: Any) -> str:
    """A payment; the id of its event."""
    return happens(store, case_id, EventKind.RECEIPT, day, amount_minor=amount, **other)


def asked(store: Store, case_id: str, by: Actor = MAKER, **other: Any) -> str:
    """A write-off is asked for; its id."""
    given: dict[str, Any] = {
        "version": now_is(store, case_id).version, "path": WriteOffPath.LONG_OVERDUE, "effective_date": TODAY,
        "approval_document": "HX-2026-001", "reason": WHY, "key": uuid4().hex,
        "proofs": {kind: document(case_id, kind) for kind in (ProofKind.RECOURSE_DONE, ProofKind.LEGAL_STEPS)},
    }  # fmt: skip
    return request_write_off(by, store, now=NOW, case_id=case_id, **given | other)


def approved(store: Store, write_off_id: str, *by: Actor, kind: str = "write_off.book") -> Moved:
    """The request about a write-off is approved by these, one after another."""
    done = None
    for one in by:
        request = open_request(store, write_off_id, kind)
        done = approvals.approve(
            one, store, now=NOW, request_id=request.request_id, expected_version=request.version,
            content_hash=request.content_hash, reason="checked against the file", key=uuid4().hex,
        )  # fmt: skip
    assert done is not None
    return done


def open_request(store: Store, write_off_id: str, kind: str = "write_off.book") -> ApprovalRequest:
    """The request about a write-off that waits."""
    found = approvals.requests_on(MANAGER, store, now=NOW, object_type="write_off", object_id=write_off_id)
    return next(one for one in found if one.kind == kind and one.state in OPEN)


def booked(store: Store, case_id: str, **other: Any) -> str:
    """A write-off is asked for and approved at both levels; its id."""
    write_off_id = asked(store, case_id, **other)
    approved(store, write_off_id, FINANCE, MANAGER)
    return write_off_id


def reversed_(store: Store, write_off_id: str, by: Actor = MAKER, checker: Actor = MANAGER) -> None:
    """A write-off is reversed by two people."""
    version = of(store, write_off_id).version
    request_reversal(
        by, store, now=NOW, write_off_id=write_off_id, version=version, reason="booked in error", key=uuid4().hex
    )
    approved(store, write_off_id, checker, kind="write_off.reverse")


def of(store: Store, write_off_id: str) -> WriteOff:
    with store.reading() as connection:
        found = write_offs.read(connection, write_off_id)
    assert found is not None
    return found


def parts(store: Store, write_off_id: str) -> dict[Component, write_offs.Part]:
    with store.reading() as connection:
        return {one.component: one for one in write_offs.parts_of(connection, write_off_id)}


def stands(store: Store, case_id: str) -> State:
    """Where a case stands."""
    with store.reading() as connection:
        return journal.positions(connection, [case_id])[case_id]


def balance_of(store: Store, account: str, case_id: str | None = None) -> int:
    """What the lines of an account come to, debit less credit."""
    c = journal_lines.c
    where = [] if case_id is None else [c.case_id == case_id]
    with store.reading() as connection:
        sides = [
            int(
                connection.execute(
                    select(func.coalesce(func.sum(c.amount_minor), 0)).where(side == account, *where)
                ).scalar_one()
            )
            for side in (c.debit_account, c.credit_account)
        ]
    return sides[0] - sides[1]


def with_people(store: Store) -> None:
    """Those who decide are people of the house."""
    with store.writing(SYSTEM, NOW) as transaction:
        if people.by_id(transaction.connection, MANAGER.person_id) is not None:
            return
        for one in (MAKER, FINANCE, OTHER_FINANCE, MANAGER, OTHER_MANAGER):
            person = new_person(NOW, one.person_id, one.name, one.role, None, "en")
            enter_person(transaction, replace(person, person_id=one.person_id), "no-password-opens-this")


DAY = timedelta(days=1)
