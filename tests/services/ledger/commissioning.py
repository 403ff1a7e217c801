"""A book for the tests of commission: placed cases, a contract, cash in the journal, and the acts of a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.commission_terms import Terms, terms_of
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.readiness import NEEDS, Check, CheckState
from ops_app.services.ledger import commission_contracts, settlement_closing, settlements
from ops_app.services.ledger.journal import post
from ops_app.services.organisation import readiness
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import CommissionLine, Settlement
from ops_app.store.store import Store
from tests.services.casework.casebook import placed, some_cases
from tests.services.organisation.approving import a_person, decide, seen

PLACED_AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
PLACED = date(2026, 11, 24)
END = date(2026, 12, 1)
CLOSING = datetime(2026, 12, 2, 2, 0, tzinfo=UTC)
WHY = "a good reason"

PLAIN: Mapping[str, Any] = {
    "currency": "CNY", "tiering": "whole", "age_basis": "placement", "tiers": [{"code": "A", "rate": "0.20"}],
    "tax_rate": "0.06",
}  # fmt: skip


@dataclass(frozen=True)
class House:
    """Who acts, and the cases they act on."""

    store: Store
    ids: list[str]
    finance: Actor
    other: Actor
    manager: Actor
    agency: Actor
    foreign: Actor


def a_house(store: Store, folder: Path, terms: Mapping[str, Any] = PLAIN, cases: int = 3) -> House:
    """``cases`` cases placed with AG01, opened in the ledger with 1,000.00 of principal, and a contract in force."""
    ids = some_cases(store, folder, cases, in_ledger=False)
    placed(store, "AG01", *ids, now=PLACED_AT)
    house = House(
        store, ids, a_person(store, "Fin", Role.FINANCE), a_person(store, "Fan", Role.FINANCE),
        a_person(store, "Man", Role.MANAGER), a_person(store, "Gao", Role.AGENCY_SUPERVISOR, "AG01"),
        a_person(store, "Guo", Role.AGENCY_SUPERVISOR, "AG02"),
    )  # fmt: skip
    for number, case_id in enumerate(ids, start=1):
        posted(store, an_event(EventKind.OPENING, case_id, number, f"open/{number}", date(2026, 11, 23),
                               parts={Component.PRINCIPAL: 100_000}, cause=Cause.FEED))  # fmt: skip
    contracted(house, terms)
    return house


def contracted(
    house: House, terms: Mapping[str, Any], valid_from: date = date(2026, 1, 1), agency: str = "AG01",
    now: datetime = PLACED_AT,
) -> None:  # fmt: skip
    """A contract put in force by two persons."""
    asked = commission_contracts.propose_contract(
        house.finance, house.store, now=now, agency_code=agency, valid_from=valid_from, terms=the(terms),
        reason=WHY, key=uuid4().hex,
    )  # fmt: skip
    approve(house, house.manager, asked, now)


def the(terms: Mapping[str, Any]) -> Terms:
    return terms_of(terms)


def approve(house: House, by: Actor, request_id: str, now: datetime = CLOSING) -> None:
    decide(house.store, by, seen(house.store, by, request_id), now=now)


def an_event(kind: EventKind, case_id: str | None, number: int, cause_id: str, day: date, **other: Any) -> LedgerEvent:
    values: dict[str, Any] = {"cause": Cause.PAYMENT} | other
    return LedgerEvent(
        kind=kind, source_code="SIM", loan_id=f"L{number}", currency="CNY", value_date=day, cause_id=cause_id,
        case_id=case_id, **values,
    )  # fmt: skip


def posted(store: Store, *events: LedgerEvent, now: datetime = PLACED_AT) -> None:
    with store.writing(SYSTEM, now) as transaction:
        post(transaction, events)
        transaction.audit("test.posted", "case", str(events[0].case_id))


def paid(
    house: House, payment: str, minor: int, *, case: int = 1, day: date = PLACED, now: datetime = PLACED_AT
) -> str:
    """A payment in the journal; its event id."""
    one = an_event(EventKind.RECEIPT, house.ids[case - 1], case, f"SIM/{payment}", day, amount_minor=minor)
    posted(house.store, one, now=now)
    return one.event_id


def reversed_(house: House, payment: str, minor: int, *, case: int = 1, day: date = PLACED + timedelta(days=2),
              now: datetime = PLACED_AT, kind: EventKind = EventKind.REVERSAL) -> None:  # fmt: skip
    """A payment that went back, in full (reversal) or in part (refund)."""
    target = event_id(Cause.PAYMENT, f"SIM/{payment}")
    posted(house.store, an_event(kind, house.ids[case - 1], case, f"SIM/{payment}-{kind.value}-{minor}", day,
                                 amount_minor=minor, target_id=target), now=now)  # fmt: skip


def opened(house: House, *, first: date = date(2026, 11, 1), end: date = END, now: datetime = CLOSING,
           agency: str = "AG01") -> Settlement:  # fmt: skip
    made = settlements.open_settlement(
        house.finance, house.store, now=now, agency_code=agency, currency="CNY", first_date=first, end_date=end,
        key=uuid4().hex,
    )  # fmt: skip
    return standing(house, made.settlement_id)


def standing(house: House, settlement_id: str) -> Settlement:
    with house.store.reading() as connection:
        found = commissions.settlement(connection, settlement_id)
    assert found is not None
    return found


def lines(house: House, one: Settlement) -> list[CommissionLine]:
    with house.store.reading() as connection:
        return commissions.lines_of(connection, one.settlement_id)


def said(house: House, one: Settlement) -> list[tuple[str, int, int]]:
    """Kind, base and fee of each line."""
    return [(it.kind.value, it.base_minor, it.fee_minor) for it in lines(house, one)]


def green(house: House, *, now: datetime = CLOSING, red: str = "") -> None:
    """Every check that the close needs is green, but ``red``."""
    reports = [
        Check(name, CheckState.RED if name == red else CheckState.GREEN, now.date(), now)
        for name in NEEDS["commission_close"]
    ]
    readiness.report_checks(SYSTEM, house.store, now=now, checks=reports)


def confirmed(house: House, one: Settlement, *, now: datetime = CLOSING) -> Settlement:
    """Presented and confirmed by the agency."""
    settlements.present_settlement(
        house.finance, house.store, now=now, settlement_id=one.settlement_id, version=one.version
    )
    settlements.confirm_settlement(
        house.agency, house.store, now=now, settlement_id=one.settlement_id, version=one.version + 1
    )
    return standing(house, one.settlement_id)


def asked_to_lock(house: House, one: Settlement, *, now: datetime = CLOSING) -> str:
    return settlement_closing.request_lock(
        house.finance, house.store, now=now, settlement_id=one.settlement_id, version=one.version, reason=WHY,
        key=uuid4().hex,
    )  # fmt: skip


def locked(house: House, one: Settlement, *, now: datetime = CLOSING) -> Settlement:
    """Confirmed, approved by a second person and locked."""
    green(house, now=now)
    one = confirmed(house, one, now=now)
    approve(house, house.other, asked_to_lock(house, one, now=now), now)
    return standing(house, one.settlement_id)
