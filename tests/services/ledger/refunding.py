"""A case that paid too much, and a refund on its way, for the tests of suspense and refunds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ops_app.domain.ledger.refunds import RefundGround, RefundState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.payouts import PayoutFile, make_payout_file
from ops_app.services.ledger.refund_matching import AnsweredLine, BankLine, settle_payouts
from ops_app.services.ledger.refund_reading import RefundRecord, read_refund
from ops_app.services.ledger.refunds import request_refund
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.verify_journal import verify_claims, verify_conserved, verify_lines
from ops_app.services.ledger.verify_refunds import verify_refunds
from ops_app.store.ledger import books, suspense
from ops_app.store.ledger.suspense import SuspenseFilter, SuspenseItem
from ops_app.store.store import Store
from ops_app.store.tables.approvals import approval_requests
from tests.services.casework.casebook import DAY, NOW, now_is, some_cases
from tests.services.ledger.closed import approved
from tests.services.ledger.people import a_repayment
from tests.services.organisation.approving import a_person

PAID_ON = DAY + timedelta(days=1)
PAYEE = {"payee_name": "张三丰", "payee_account": "6222 0200 1234 5678", "payee_bank": "工商银行"}


def a_desk(store: Store) -> tuple[Actor, Actor, Actor]:
    """Who asks, and the two who approve."""
    return a_person(store, "Sue", Role.SUPERVISOR), a_person(store, "Fan", Role.FINANCE), a_person(
        store, "Mei", Role.MANAGER
    )  # fmt: skip


def recorded(store: Store, *rows: Any, now: Any = NOW) -> None:
    """Payments of the lender's feed, recorded and posted."""
    record_payments(SYSTEM, store, now=now, rows=list(rows), business_date=DAY, origin="file")


def overpaid(store: Store, evidence: Path, beyond: int = 5_000, *, count: int = 1) -> tuple[str, ...]:
    """Cases whose one payment, ``P1`` of loan ``L1`` and so on, was ``beyond`` more than they owed."""
    cases = some_cases(store, evidence, count)
    for number, case_id in enumerate(cases, 1):
        owed = now_is(store, case_id).balance_minor
        recorded(store, paid(f"P{number}", owed + beyond, number))
    return tuple(cases)


def paid(payment_id: str, amount: int, loan: int = 1, *, day: date = PAID_ON, **other: Any) -> Any:
    return a_repayment(payment_id, amount, loan_id=f"L{loan}", value_date=day, paid_at=NOW, **other)


def items(store: Store, **narrowed: Any) -> list[SuspenseItem]:
    """What stands in suspense."""
    with store.reading() as connection:
        return suspense.page(connection, SuspenseFilter(**narrowed), "since_date", None, 100, descending=False)


def held(store: Store, payment_id: str = "P1") -> tuple[int, int]:
    """What is held of a payment, and what is asked for of it."""
    found = [one for one in items(store, is_standing=False) if one.payment_id == payment_id]
    return sum(one.held_minor for one in found), sum(one.requested_minor for one in found)


def asked(
    store: Store, actor: Actor, evidence: Path, amount: int = 5_000, payment_id: str = "P1", *, key: str = "k1",
    ground: RefundGround = RefundGround.OVERPAYMENT, now: Any = NOW, **other: Any,
) -> str:  # fmt: skip
    """A refund that is asked for; its id."""
    values: dict[str, Any] = {
        "source_code": "SIM", "payment_id": payment_id, "ground": ground, "amount_minor": amount, **PAYEE,
        "document": "letter of 24 November", "reason": "paid twice", "key": key, "evidence": evidence,
    } | other  # fmt: skip
    return request_refund(actor, store, now=now, **values)


def request_of(store: Store, refund_id: str) -> str:
    """The request for approval of a refund."""
    c = approval_requests.c
    with store.reading() as connection:
        return str(connection.execute(select(c.request_id).where(c.object_id == refund_id)).scalar_one())


def approve_all(store: Store, refund_id: str, *checkers: Actor, now: Any = NOW) -> None:
    """The levels, one after another."""
    for one in checkers:
        approved(store, one, request_of(store, refund_id), now)


def a_file(
    store: Store, finance: Actor, evidence: Path, *, template: str = "iso_20022", key: str = "f1", now: Any = NOW,
    day: date = date(2026, 11, 25),
) -> PayoutFile:  # fmt: skip
    return make_payout_file(
        finance, store, now=now, source_code="SIM", currency="CNY", template=template, execution_date=day, key=key,
        evidence=evidence,
    )  # fmt: skip


def a_line(reference: str, amount: int, *, out: bool = True, line_id: str = "B1", day: date = date(2026, 11, 25),
           currency: str = "CNY") -> BankLine:  # fmt: skip
    return BankLine("BANK", "1109", line_id, day, amount, currency, out, f"Refund {reference} 20261125")


def settled(store: Store, *lines: BankLine) -> tuple[AnsweredLine, ...]:
    return settle_payouts(SYSTEM, store, now=NOW, lines=lines)


def now_stands(store: Store, refund_id: str) -> RefundRecord:
    return read_refund(SYSTEM, store, now=NOW, refund_id=refund_id)


def state(store: Store, refund_id: str) -> RefundState:
    return now_stands(store, refund_id).item.state


def balance(store: Store, account: str) -> int:
    """What an account owes, by the ledger."""
    with store.reading() as connection:
        last = books.last_day(connection)
        assert last is not None
        found = books.turnovers(connection, [account], last, last)
    return -sum(one.closing_minor for one in found.values())


def all_holds(store: Store) -> None:
    """Every check of the journal and of refunds."""
    with store.reading() as connection:
        assert verify_lines(connection) is None
        assert verify_claims(connection) is None
        assert verify_conserved(connection) is None
    found = verify_refunds(store)
    assert found.state == "holds", found.detail
