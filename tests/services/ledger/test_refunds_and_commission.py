"""Commission follows a refund through its whole life: what is given back of a payment that earned is clawed back at the
rate it earned at, in the open period; withdrawn, it is earned again; an overpayment never earned."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from ops_app.domain.ledger.refunds import RefundGround
from ops_app.domain.organisation.people import Role
from ops_app.services.ledger.refunds import withdraw_refund
from ops_app.store.store import Store
from tests.services.ledger import refunding as on
from tests.services.ledger.commissioning import CLOSING, END, PLACED, a_house, lines, locked, opened, said
from tests.services.ledger.test_settlements import JANUARY, NEXT
from tests.services.organisation.approving import a_person

FEBRUARY = date(2027, 2, 1)
OWED, BEYOND = 100_000, 5_000


def test_what_a_refund_takes_back_of_a_payment_is_clawed_back_and_comes_again_when_it_is_withdrawn(
    store: Store, tmp_path: Path
) -> None:
    house = a_house(store, tmp_path)
    sue, fan, mei = a_person(store, "Sue", Role.SUPERVISOR), house.other, house.manager
    on.recorded(store, on.paid("P1", OWED + BEYOND, day=PLACED))
    first = locked(house, opened(house))
    assert said(house, first) == [("earned", OWED, 20_000)]  # what is held beyond the claim is nobody's to earn on

    held = on.asked(store, sue, tmp_path, BEYOND, now=CLOSING)
    on.approve_all(store, held, fan, mei, now=CLOSING)
    wrong = on.asked(store, sue, tmp_path, 30_000, key="k2", ground=RefundGround.WRONG_DEDUCTION, now=CLOSING)
    on.approve_all(store, wrong, fan, mei, now=CLOSING)
    second = opened(house, first=END, end=JANUARY, now=NEXT)
    assert said(house, second) == [("clawback", -30_000, -6_000)]
    assert lines(house, second)[0].original_line_id == lines(house, first)[0].line_id

    locked(house, second, now=NEXT)
    stands = on.now_stands(store, wrong).item
    withdraw_refund(sue, store, now=NEXT, refund_id=wrong, version=stands.version, reason="it was right after all")
    third = opened(house, first=JANUARY, end=FEBRUARY, now=NEXT + timedelta(days=31))
    assert [(kind, fee) for kind, _, fee in said(house, third)] == [("restored", 6_000)]
    on.all_holds(store)
