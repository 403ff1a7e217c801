"""Which payments count, for whom and why not: tails, channels, promises, former settlements, conduct, the split."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.commissions import Unearned
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger import commission_reading, settlements
from ops_app.services.ledger.commission_reading import LineFilter
from ops_app.services.ledger.commission_verify import verify_commission
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import Store
from ops_app.store.tables.casework import case_flags
from ops_app.store.tables.take_over import history_rows, take_overs
from tests.services.casework.casebook import a_collector, assigned, placed, recalled
from tests.services.ledger.commissioning import (
    CLOSING,
    END,
    PLACED,
    PLACED_AT,
    PLAIN,
    House,
    a_house,
    an_event,
    contracted,
    lines,
    locked,
    opened,
    paid,
    posted,
    reversed_,
    said,
)
from tests.services.ledger.people import a_repayment
from tests.services.organisation.approving import a_person

ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def recorded(house: House, payment: str, minor: int, channel: str, case: int = 1) -> None:
    """A payment that is recorded with its channel, and posted."""
    one = a_repayment(payment, minor, loan_id=f"L{case}", channel=channel, value_date=PLACED)
    record_payments(SYSTEM, house.store, now=PLACED_AT, rows=[one], business_date=PLACED)
    posted(house.store, an_event(EventKind.RECEIPT, house.ids[case - 1], case, f"SIM/{payment}", PLACED,
                                 amount_minor=minor))  # fmt: skip


def reasons(house: House) -> dict[str, Unearned]:
    found, more = commission_reading.list_unearned(
        house.finance, house.store, now=CLOSING, first_date=date(2026, 11, 1), end_date=END
    )
    assert more is None
    return {it.payment_id: it.reason for it in found}


@pytest.mark.parametrize(("tail", "days", "wanted"), [(None, 3, 1), (2, 2, 0), (2, 1, 1), (0, 0, 0)])
def test_a_payment_counts_in_the_tail_and_no_longer(
    store: Store, tmp_path: Path, tail: int | None, days: int, wanted: int
) -> None:
    house = a_house(store, tmp_path, dict(PLAIN, tail_days=tail))
    recalled(store, house.ids[0], now=PLACED_AT + DAY)
    paid(house, "P1", 10_000, day=PLACED + DAY + timedelta(days=days))
    assert len(lines(house, opened(house))) == wanted
    assert reasons(house) == ({} if wanted else {"SIM/P1": Unearned.AFTER_TAIL})


def test_the_next_agency_has_the_payments_of_its_days_and_the_case_is_paid_for_once(
    store: Store, tmp_path: Path
) -> None:
    house = a_house(store, tmp_path)
    recalled(store, house.ids[0], now=PLACED_AT + DAY)
    placed(store, "AG02", house.ids[0], now=PLACED_AT + 2 * DAY)
    contracted(house, dict(PLAIN, tiers=[{"code": "B", "rate": "0.5"}]), agency="AG02")
    paid(house, "P1", 1_000, day=PLACED)
    paid(house, "P2", 1_000, day=PLACED + DAY)
    paid(house, "P3", 1_000, day=PLACED + 2 * DAY)
    assert [it.payment_id for it in lines(house, opened(house))] == ["SIM/P1", "SIM/P2"]
    assert said(house, opened(house, agency="AG02")) == [("earned", 1_000, 500)]
    assert verify_commission(store).state == "holds"


def test_before_the_placement_and_without_a_contract_nothing_is_earned(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    recalled(store, house.ids[1], now=PLACED_AT + DAY)
    placed(store, "AG02", house.ids[1], now=PLACED_AT + 2 * DAY)
    paid(house, "P2", 1_000, case=2, day=PLACED + 2 * DAY)
    paid(house, "P1", 1_000)
    assert reasons(house) == {"SIM/P2": Unearned.NO_CONTRACT}


def test_channels_are_excluded_and_cash_the_agency_collected_is_netted(store: Store, tmp_path: Path) -> None:
    terms = dict(PLAIN, excluded_channels=["set_off"], agency_channels=["agency_cash"], agency_cash="netted")
    house = a_house(store, tmp_path, terms)
    recorded(house, "P1", 10_000, "set_off")
    recorded(house, "P2", 10_000, "agency_cash", 2)
    recorded(house, "P3", 10_000, "bank_transfer", 3)
    one = locked(house, opened(house))
    assert sorted((it.payment_id, it.paid_to) for it in lines(house, one)) == [("P2", "agency"), ("P3", "lender")]
    assert reasons(house) == {"P1": Unearned.CHANNEL}
    assert one.totals is not None
    assert (one.totals["gross_minor"], one.totals["held_minor"], one.due_minor) == (4_240, 10_000, -5_760)


def test_components_that_do_not_count_and_waivers_earn_nothing(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path, dict(PLAIN, components=["interest"]))
    posted(store, an_event(EventKind.WAIVER, house.ids[0], 1, "w1", PLACED, parts={Component.PRINCIPAL: 500}))
    paid(house, "P1", 1_000)
    assert lines(house, opened(house)) == []
    assert reasons(house) == {"SIM/P1": Unearned.NOTHING_ELIGIBLE}


def _history(house: House, feed: str, key: str, **other: Any) -> None:
    values: dict[str, Any] = {
        "feed": feed, "source_code": "SIM", "row_key": key, "loan_id": "L1", "case_id": house.ids[0],
        "agency_code": "AG01", "status": "open", "begun_at": PLACED_AT - 5 * DAY, "file_id": "f" * 64, "line_no": 1,
        "take_over_id": "t1",
    }  # fmt: skip
    with house.store.writing(SYSTEM, PLACED_AT) as transaction:
        transaction.connection.execute(insert(take_overs).values(
            take_over_id="t1", made_by="x", made_by_name="x", made_at=PLACED_AT, rows_new=1, cases_placed=0,
            proof_json="{}",
        ))  # fmt: skip
        transaction.connection.execute(insert(history_rows).values(**values | other))
        transaction.audit("take_over.made", "take_over", "t1")


@pytest.mark.parametrize(("due", "counts"), [(PLACED - DAY, True), (PLACED, False), (PLACED + 9 * DAY, False)])
def test_what_was_promised_before_the_placement_does_not_count(
    store: Store, tmp_path: Path, due: date, counts: bool
) -> None:
    house = a_house(store, tmp_path, dict(PLAIN, excludes_promises=True))
    _history(house, "promises", "pr1", due_date=due)
    paid(house, "P1", 1_000)
    assert (len(lines(house, opened(house))) == 1) is counts
    assert reasons(house) == ({} if counts else {"SIM/P1": Unearned.PROMISED_BEFORE})


def test_what_a_former_system_settled_earns_nothing_again(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    recorded(house, "P/1", 1_000, "bank_transfer")
    recorded(house, "P/2", 1_000, "bank_transfer")
    _history(house, "settled_commissions", "AG01/2026-10/P/1", amount_minor=200, currency="CNY")
    assert [it.payment_id for it in lines(house, opened(house))] == ["P/2"]
    assert reasons(house) == {"P/1": Unearned.SETTLED_BEFORE}


def test_money_in_no_case_is_listed_with_its_reason(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    posted(store, an_event(EventKind.RECEIPT, None, 9, "SIM/P9", PLACED, amount_minor=700))
    assert reasons(house) == {"SIM/P9": Unearned.NO_CASE}


def test_complaints_of_the_period_are_a_malus_apart_and_none_a_bonus(store: Store, tmp_path: Path) -> None:
    terms = dict(PLAIN, conduct={"malus_minor": 70, "malus_most": "0.5", "bonus": "0.10"})
    house = a_house(store, tmp_path, terms)
    paid(house, "P1", 10_000)
    one = opened(house)
    assert said(house, one) == [("earned", 10_000, 2_000), ("bonus", 0, 200)]
    with store.writing(SYSTEM, CLOSING) as transaction:
        transaction.connection.execute(insert(case_flags).values(
            case_id=house.ids[0], nth=1, flag="complaint", reason="rude", set_by="x", set_at=PLACED_AT + DAY
        ))  # fmt: skip
        transaction.audit("case.flagged", "case", house.ids[0])
    settlements.reckon_settlement(house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=1)
    assert said(house, one)[2:] == [("bonus", 0, -200), ("malus", 0, -70)]


def test_a_version_holds_for_placements_of_its_days_and_stays_theirs(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 1_000)
    locked(house, opened(house))
    contracted(house, dict(PLAIN, tiers=[{"code": "B", "rate": "0.5"}]), valid_from=END)
    later = CLOSING + 31 * DAY
    recalled(store, house.ids[1], now=CLOSING)
    placed(store, "AG01", house.ids[1], now=CLOSING + DAY, due_at=CLOSING + 90 * DAY)
    paid(house, "P2", 1_000, day=END + DAY, now=later)
    paid(house, "P3", 1_000, case=2, day=END + 5 * DAY, now=later)
    second = opened(house, first=END, end=date(2027, 1, 1), now=later)
    assert sorted((it.payment_id, it.tier, it.fee_minor) for it in lines(house, second)) == [
        ("SIM/P2", "A", 200), ("SIM/P3", "B", 500),
    ]  # fmt: skip
    with pytest.raises(Invalid):
        contracted(house, PLAIN, valid_from=date(2026, 11, 1))


def test_held_money_that_is_used_later_earns_under_the_payment_that_brought_it(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    brought = paid(house, "P1", 150_000)
    first = locked(house, opened(house))
    assert said(house, first) == [("earned", 100_000, 20_000)]
    later = CLOSING + 31 * DAY
    posted(store, an_event(EventKind.ACCRUAL, house.ids[0], 1, "a1", END, parts={Component.INTEREST: 10_000}),
           an_event(EventKind.RECEIPT, house.ids[0], 1, "use1", END, amount_minor=10_000, target_id=brought,
                    terms={"funding": "suspense_case"}), now=later)  # fmt: skip
    second = opened(house, first=END, end=date(2027, 1, 1), now=later)
    assert said(house, second) == [("restored", 10_000, 2_000)]
    reversed_(house, "P1", 150_000, day=END + DAY, now=later)
    assert verify_commission(store).state == "holds"


def test_lists_are_bound_to_the_agency_and_have_totals_and_marks(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    for at in range(3):
        paid(house, f"P{at}", 1_000 * (at + 1), case=at + 1)
    one = opened(house)
    about: dict[str, Any] = {"now": CLOSING}
    assert commission_reading.list_own_lines(house.agency, store, **about).rows == ()
    settlements.present_settlement(house.finance, store, now=CLOSING, settlement_id=one.settlement_id, version=1)
    for sort in commission_reading.SORTS:
        seen, after = [], None
        for _ in range(3):
            page = commission_reading.list_own_lines(house.agency, store, sort=sort, after=after, limit=1, **about)
            seen += [it.fee_minor for it, _, _ in page.rows]
            after = page.next_after
        assert sorted(seen) == [200, 400, 600]
        assert after is None
        assert (page.total, page.sums[0].base_minor, page.sums[0].fee_minor) == (3, 6_000, 1_200)
    assert commission_reading.list_own_lines(house.foreign, store, **about).rows == ()
    stranger = LineFilter(agency_code="AG01")
    assert commission_reading.list_own_lines(house.foreign, store, wanted=stranger, **about).rows == ()
    case = commission_reading.list_lines(house.finance, store, wanted=LineFilter(case_id=house.ids[1]), **about)
    assert [it.payment_id for it, _, _ in case.rows] == ["SIM/P1"]
    line = lines(house, one)[0]
    with pytest.raises(NotFound):
        commission_reading.read_own_line(house.foreign, store, line_id=line.line_id, **about)
    assert commission_reading.read_own_line(house.agency, store, line_id=line.line_id, **about).journal


def test_the_split_follows_who_had_the_case_on_the_value_date(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    boss = a_person(store, "Boss", Role.AGENCY_ADMINISTRATOR, "AG01")
    one, two = (a_collector(store, name, "AG01") for name in ("ann", "bob"))
    assigned(store, house.agency, one, house.ids[0], now=PLACED_AT)
    assigned(store, house.agency, two, house.ids[0], now=PLACED_AT + 3 * DAY)
    paid(house, "P1", 10_000, day=PLACED + DAY)
    paid(house, "P2", 5_003, day=PLACED + 3 * DAY)
    paid(house, "P3", 1_000, case=2)
    made = opened(house)
    settlements.present_settlement(house.finance, store, now=CLOSING, settlement_id=made.settlement_id, version=1)
    commission_reading.set_split(boss, store, now=CLOSING, valid_from=PLACED, share=Decimal("0.3"), version=0)
    with pytest.raises(Conflict):
        commission_reading.set_split(boss, store, now=CLOSING, valid_from=PLACED, share=Decimal("0.4"), version=0)
    shares = commission_reading.collector_shares(
        house.agency, store, now=CLOSING, zone=ZONE, settlement_id=made.settlement_id
    )
    assert [(it.collector_name, it.fee_minor, it.share_minor) for it in shares] == [
        ("Ann", 2_000, 600), ("Bob", 1_001, 300), ("", 200, 0),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        commission_reading.collector_shares(
            house.foreign, store, now=CLOSING, zone=ZONE, settlement_id=made.settlement_id
        )


def test_an_agency_that_left_owes_what_is_below_zero(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    locked(house, opened(house))
    later = CLOSING + 31 * DAY
    reversed_(house, "P1", 10_000, day=END, now=later)
    with store.writing(SYSTEM, later) as transaction:
        transaction.connection.execute(text("update agencies set state = 'ended' where agency_code = 'AG01'"))
        transaction.audit("agency.end", "agency", "AG01")
    second = locked(house, opened(house, first=END, end=date(2027, 1, 1), now=later), now=later)
    assert second.totals is not None
    assert (second.totals["carried_out_minor"], second.totals["receivable_minor"]) == (0, 2_000)
