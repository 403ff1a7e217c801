"""What of commission waits for whom: the agency confirms, finance answers, submits and pays; each by the list."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from ops_app.domain.organisation.people import Actor
from ops_app.services.ledger import settlement_closing, settlements
from ops_app.services.organisation.todo import list_todos
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import Settlement
from ops_app.store.store import Store
from tests.services.ledger.commissioning import (
    CLOSING,
    WHY,
    House,
    a_house,
    approve,
    asked_to_lock,
    green,
    lines,
    opened,
    paid,
    standing,
)


def waits(house: House, *people: Actor) -> list[list[tuple[str, str, int | None]]]:
    """Of each person the to-dos of commission: kind, settlement, amount."""
    found = []
    for one in people:
        rows = list_todos(one, house.store, now=CLOSING, zone=ZoneInfo("Asia/Shanghai")).rows
        found.append([(it.kind, it.subject, it.amount_minor) for it in rows if it.kind.startswith("settlement_")])
    return found


def test_a_statement_waits_for_one_house_at_a_time_from_the_draft_to_the_invoice(store: Store, tmp_path: Path) -> None:
    house = a_house(store, tmp_path)
    paid(house, "P1", 10_000)
    one = opened(house)
    finance, agency, foreign = house.finance, house.agency, house.foreign
    assert waits(house, finance, agency, foreign) == [[], [], []]  # a draft waits for nobody but its maker

    def now() -> Settlement:
        return standing(house, one.settlement_id)

    settlements.present_settlement(finance, store, now=CLOSING, settlement_id=one.settlement_id, version=one.version)
    confirm = ("settlement_to_confirm", one.number, 2_000)
    assert waits(house, finance, agency, foreign) == [[], [confirm], []]

    line_id = lines(house, one)[0].line_id
    settlements.dispute_line(agency, store, now=CLOSING, settlement_id=one.settlement_id, line_id=line_id,
                             version=now().version, reason=WHY)  # fmt: skip
    assert waits(house, finance, agency) == [[("settlement_disputed", one.number, 2_000)], []]
    with store.reading() as connection:
        (said,) = commissions.disputes_of(connection, one.settlement_id)
    settlements.answer_dispute(finance, store, now=CLOSING, dispute_id=said.dispute_id, version=now().version,
                               accept=True, answer=WHY, correction_minor=50)  # fmt: skip
    assert waits(house, finance, agency) == [[("settlement_answered", one.number, 2_050)], []]
    settlements.take_back_settlement(finance, store, now=CLOSING, settlement_id=one.settlement_id,
                                     version=now().version, reason=WHY)  # fmt: skip
    settlements.present_settlement(finance, store, now=CLOSING, settlement_id=one.settlement_id, version=now().version)
    assert waits(house, finance, agency) == [[], [("settlement_to_confirm", one.number, 2_050)]]

    settlements.confirm_settlement(agency, store, now=CLOSING, settlement_id=one.settlement_id, version=now().version)
    assert waits(house, finance, agency) == [[("settlement_to_lock", one.number, 2_050)], []]
    green(house)
    request = asked_to_lock(house, now())
    assert waits(house, finance, agency) == [[], []]  # it is among the approvals of a second person
    approve(house, house.other, request)
    assert waits(house, finance, agency) == [[("settlement_to_pay", one.number, 2_173)], []]
    settlement_closing.pay_settlement(finance, store, now=CLOSING, settlement_id=one.settlement_id,
                                      version=now().version, invoice_number="F1", invoice_minor=2_173)  # fmt: skip
    assert waits(house, finance, agency) == [[], []]
