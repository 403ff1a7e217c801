"""Settlements of commission: lines from the journal, clawback, carry-over, the way from draft to paid."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, NotReady
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.settlements import DisputesOpen, InvoiceDiffers, MoveNotAllowed, SettlementState
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.readiness import CHECK_NAMES, NEEDS
from ops_app.services.ledger import settlement_closing, settlements
from ops_app.store.ledger import commissions
from ops_app.store.store import Store
from ops_app.store.tables import commissions as tables
from tests.services.casework.casebook import recalled
from tests.services.ledger.commissioning import (
    CLOSING,
    END,
    PLACED,
    PLACED_AT,
    PLAIN,
    WHY,
    a_house,
    approve,
    asked_to_lock,
    confirmed,
    green,
    lines,
    locked,
    opened,
    paid,
    reversed_,
    said,
    standing,
)

NEXT = CLOSING + timedelta(days=31)
JANUARY = date(2027, 1, 1)


def test_each_payment_of_a_placement_earns_its_rate(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_003)
    paid(house, "P2", 5_000, case=2)
    one = opened(house)
    assert said(house, one) == [("earned", 10_003, 2_001), ("earned", 5_000, 1_000)]
    first = lines(house, one)[0]
    assert (first.source_code, first.payment_id, first.loan_id, first.nth) == ("SIM", "SIM/P1", "L1", 1)
    assert first.placement_id is not None
    assert (first.tier, first.rate_ppm, first.facts["placed_balance_minor"]) == ("A", 200_000, 100_001)


def test_a_second_reckoning_adds_nothing(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = opened(house)
    done = settlements.reckon_settlement(
        house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=one.version
    )
    assert done.lines == 0
    assert len(lines(house, one)) == 1


def test_what_is_not_the_agencys_earns_it_nothing(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000, day=PLACED)
    recalled(store, house.ids[1], now=PLACED_AT + timedelta(days=1))
    paid(house, "P2", 10_000, case=2, day=PLACED + timedelta(days=1))
    assert [it.payment_id for it in lines(house, opened(house))][:1] == ["SIM/P1"]


def test_a_reversal_before_the_close_leaves_nothing(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    reversed_(house, "P1", 10_000)
    assert said(house, opened(house)) == []


def test_a_reversal_after_the_lock_is_clawed_back_to_the_cent_at_the_original_rate(
    store: Store, tmp_path: Path
) -> None:
    house = a_house(store, tmp_path, dict(PLAIN, tiers=[{"code": "A", "rate": "0.3333"}]))
    paid(house, "P1", 10_001)
    first = locked(house, opened(house))
    reversed_(house, "P1", 10_001, day=END + timedelta(days=3), now=NEXT)
    second = opened(house, first=END, end=JANUARY, now=NEXT)
    assert said(house, second) == [("clawback", -10_001, -3_333)]
    mine = lines(house, second)[0]
    assert mine.original_line_id == lines(house, first)[0].line_id
    assert (mine.tier, mine.rate_ppm, mine.contract_id) == ("A", 333_300, lines(house, first)[0].contract_id)
    closed = locked(house, second, now=NEXT)
    assert closed.totals is not None
    assert (closed.totals["net_minor"], closed.totals["carried_out_minor"]) == (0, -3_333)
    third = opened(house, first=JANUARY, end=date(2027, 2, 1), now=NEXT + timedelta(days=31))
    assert said(house, third) == []


def test_a_refund_takes_back_its_part(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    locked(house, opened(house))
    reversed_(house, "P1", 4_000, day=END, now=NEXT, kind=EventKind.REFUND)
    assert said(house, opened(house, first=END, end=JANUARY, now=NEXT)) == [("clawback", -4_000, -800)]


def test_a_tier_that_rests_on_liquidation_is_adjusted_when_it_is_reached_and_when_it_is_lost(
    store: Store, tmp_path: Path
) -> None:
    tiers = [{"code": "low", "rate": "0.10", "liquidation": [None, "0.30"]},
             {"code": "high", "rate": "0.20", "liquidation": ["0.30", None]}]  # fmt: skip
    house = a_house(store, tmp_path, dict(PLAIN, tiers=tiers))
    paid(house, "P1", 20_000)
    locked(house, opened(house))
    paid(house, "P2", 20_000, day=END, now=NEXT)
    second = opened(house, first=END, end=JANUARY, now=NEXT)
    assert sorted(said(house, second)) == [("earned", 20_000, 4_000), ("tier_adjustment", 0, 2_000)]
    locked(house, second, now=NEXT)
    later = NEXT + timedelta(days=31)
    reversed_(house, "P2", 20_000, day=JANUARY, now=later)
    third = opened(house, first=JANUARY, end=date(2027, 2, 1), now=later)
    assert sorted(said(house, third)) == [("clawback", -20_000, -4_000), ("tier_adjustment", 0, -2_000)]


def test_a_negative_total_goes_on_and_is_aged_and_is_made_good_first(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    locked(house, opened(house))
    reversed_(house, "P1", 10_000, day=END, now=NEXT)
    second = locked(house, opened(house, first=END, end=JANUARY, now=NEXT), now=NEXT)
    assert second.totals is not None
    assert second.totals["carried_since"] == "2026-12-01"
    later = NEXT + timedelta(days=31)
    paid(house, "P3", 15_000, day=JANUARY, now=later, case=2)
    third = locked(house, opened(house, first=JANUARY, end=date(2027, 2, 1), now=later), now=later)
    assert third.totals is not None
    wanted = {"fees_minor": 3_000, "carried_in_minor": -2_000, "net_minor": 1_000, "tax_minor": 60,
              "gross_minor": 1_060, "due_minor": 1_060, "carried_out_minor": 0}  # fmt: skip
    assert {name: third.totals[name] for name in wanted} == wanted


def test_the_close_is_refused_naming_each_failed_check_in_turn(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = confirmed(house, opened(house))
    for name in NEEDS["commission_close"]:
        green(house, red=name)
        with pytest.raises(NotReady, match=CHECK_NAMES[name][0]):
            asked_to_lock(house, one)
    green(house)
    request = asked_to_lock(house, one)
    green(house, red="marts_built")
    with pytest.raises(NotCarriedOut, match="marts are built"):
        approve(house, house.other, request)
    assert standing(house, one.settlement_id).state is SettlementState.CONFIRMED


def test_an_override_needs_a_second_person_and_expires(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = confirmed(house, opened(house))
    green(house, red="feeds_arrived")
    asked = settlement_closing.request_override(
        house.finance, store, now=CLOSING, settlement_id=one.settlement_id, reason=WHY, key=uuid4().hex
    )
    with pytest.raises(DomainError):
        approve(house, house.finance, asked)
    approve(house, house.manager, asked)
    request = asked_to_lock(house, one)
    tomorrow = CLOSING + timedelta(hours=24)
    with pytest.raises(NotCarriedOut, match="feeds of the day"):
        approve(house, house.other, request, tomorrow)
    approve(house, house.other, request, tomorrow - timedelta(seconds=1))
    assert standing(house, one.settlement_id).state is SettlementState.LOCKED


def test_nobody_locks_what_they_asked_to_lock(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = confirmed(house, opened(house))
    green(house)
    with pytest.raises(OwnRequest):
        approve(house, house.finance, asked_to_lock(house, one))


def test_a_dispute_stops_the_close_until_it_is_answered_and_may_be_corrected(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = opened(house)
    settlements.present_settlement(house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=1)
    line = lines(house, one)[0]
    about: dict[str, Any] = {"now": CLOSING, "settlement_id": one.settlement_id, "line_id": line.line_id}
    settlements.dispute_line(house.agency, store, version=2, reason="the rate is wrong", **about)
    with pytest.raises(Conflict):
        settlements.dispute_line(house.agency, store, version=3, reason="the rate is wrong", **about)
    with pytest.raises(DisputesOpen):
        settlements.take_back_settlement(
            house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=3, reason=WHY
        )
    with pytest.raises(MoveNotAllowed):
        settlements.confirm_settlement(house.agency, store, now=CLOSING, settlement_id=one.settlement_id, version=3)
    with store.reading() as connection:
        raised = commissions.disputes_of(connection, one.settlement_id)[0]
    settlements.answer_dispute(
        house.finance, store, now=CLOSING, dispute_id=raised.dispute_id, version=3, accept=True, answer="granted",
        correction_minor=150,
    )  # fmt: skip
    assert said(house, one)[-1] == ("correction", 0, 150)
    settlements.take_back_settlement(
        house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=4, reason=WHY
    )
    closed = locked(house, standing(house, one.settlement_id))
    assert closed.totals is not None
    assert closed.totals["fees_minor"] == 2_150
    reversed_(house, "P1", 10_000, day=END, now=NEXT)
    second = opened(house, first=END, end=JANUARY, now=NEXT)
    assert sum(fee for _, _, fee in said(house, second)) == -2_150


def test_it_is_paid_against_an_invoice_of_exactly_its_amount(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = locked(house, opened(house))
    about: dict[str, Any] = {"now": CLOSING, "settlement_id": one.settlement_id, "version": one.version}
    for wrong in (2_000, 2_119, 2_121):
        with pytest.raises(InvoiceDiffers):
            settlement_closing.pay_settlement(house.finance, store, invoice_number="FP-1", invoice_minor=wrong, **about)
    with pytest.raises(Invalid):
        settlement_closing.pay_settlement(house.finance, store, invoice_number=" ", invoice_minor=2_120, **about)
    settlement_closing.pay_settlement(house.finance, store, invoice_number="FP-1", invoice_minor=2_120, **about)
    assert standing(house, one.settlement_id).state is SettlementState.PAID


def test_an_agency_has_its_own_statements_alone_and_none_that_is_a_draft(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = opened(house)
    for actor in (house.agency, house.foreign):
        with pytest.raises(NotFound):
            settlements.confirm_settlement(actor, store, now=CLOSING, settlement_id=one.settlement_id, version=1)
    settlements.present_settlement(house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=1)
    with pytest.raises(NotFound):
        settlements.confirm_settlement(house.foreign, store, now=CLOSING, settlement_id=one.settlement_id, version=2)


def test_periods_follow_one_another_and_one_is_open_at_a_time(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    one = opened(house)
    with pytest.raises(Conflict):
        opened(house, first=END, end=JANUARY, now=NEXT)
    locked(house, one)
    with pytest.raises(Invalid):
        opened(house, first=END + timedelta(days=1), end=JANUARY, now=NEXT)
    with pytest.raises(Invalid):
        opened(house, first=END, end=JANUARY, now=CLOSING)


def test_nothing_is_added_to_changed_in_or_taken_from_a_locked_settlement(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = locked(house, opened(house))
    with store.reading() as connection:
        row = connection.execute(select(tables.commission_lines)).mappings().one()
    again = dict(row) | {"line_id": "x", "line_no": 2, "nth": 2, "kind": "clawback", "base_minor": -1,
                         "original_line_id": row["line_id"]}  # fmt: skip
    for statement in (
        insert(tables.commission_lines).values(**again),
        update(tables.settlements).values(due_minor=1),
        update(tables.settlements).values(state="draft"),
        delete(tables.settlements),
        delete(tables.commission_lines),
        update(tables.commission_lines).values(fee_minor=1, full_minor=1),
    ):
        with pytest.raises(DBAPIError), store.writing(SYSTEM, CLOSING) as transaction:
            transaction.connection.execute(statement)
    assert standing(house, one.settlement_id) == one


def test_no_payment_earns_twice_whatever_the_program_does(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    opened(house)
    with store.reading() as connection:
        row = connection.execute(select(tables.commission_lines)).mappings().one()
    for other in ({"nth": 1}, {"nth": 2}):
        again = dict(row) | {"line_id": "x", "line_no": 2} | other
        with pytest.raises(IntegrityError), store.writing(SYSTEM, CLOSING) as transaction:
            transaction.connection.execute(insert(tables.commission_lines).values(**again))
