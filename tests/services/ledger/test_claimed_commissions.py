"""What an agency claims beside what its contract gives: found line by line, decided by finance, kept as it was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.ledger.claimed_commissions import (
    ClaimAgrees,
    ClaimChanged,
    ClaimedRow,
    ClaimedSum,
    ClaimFinding,
    ClaimState,
    NoSuchClaim,
)
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger import claimed_commissions as claims
from ops_app.services.ledger import claimed_reading as reading
from ops_app.services.ledger.claimed_reading import ClaimedLine, ClaimedRecord, ClaimFilter
from ops_app.services.ledger.settlements import reckon_settlement
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.ledger.commissioning import CLOSING, WHY, House, a_house, opened, paid, standing
from tests.services.organisation.approving import a_person

UNTIL = date(2026, 11, 30)


def a_row(line: str, claimed: int, *, loan: str = "L1", collected: int = 10_000, **other: Any) -> ClaimedRow:
    values: dict[str, Any] = {
        "source_code": "AG-AG01", "agency_code": "AG01", "statement": "S1", "sender_line": line, "period": "2026-11",
        "loan_id": loan, "payment_id": None, "since_date": None, "until_date": UNTIL, "collected_minor": collected,
        "claimed_minor": claimed, "currency": "CNY", "file_id": "f" * 64, "line_no": 1,
    }  # fmt: skip
    return ClaimedRow(**values | other)


def taken(house: House, *rows: ClaimedRow, sums: dict[str, int] | None = None) -> claims.ClaimsTaken:
    """Taken in, with what each period comes to (as the lines add up unless ``sums`` says it)."""
    totals = []
    for agency, statement, period in sorted({(it.agency_code, it.statement, it.period) for it in rows}):
        of = [it for it in rows if (it.agency_code, it.statement, it.period) == (agency, statement, period)]
        claimed = (sums or {}).get(period, sum(it.claimed_minor for it in of))
        collected = sum(it.collected_minor for it in of)
        totals.append(ClaimedSum(agency, statement, "CNY", period, len(of), collected, claimed))
    return claims.take_in_claims(SYSTEM, house.store, now=CLOSING, rows=rows, totals=totals)


def record(house: House, number: str = "S1") -> ClaimedRecord:
    rows, _ = reading.list_claims(house.finance, house.store, now=CLOSING)
    one = next(it for it in rows if it.number == number)
    return reading.read_claim(house.finance, house.store, now=CLOSING, statement_id=one.statement_id)


def lines(house: House, number: str = "S1", **narrowed: Any) -> list[ClaimedLine]:
    wanted = ClaimFilter(record(house, number).statement.statement_id, **narrowed)
    return list(reading.list_claimed_lines(house.finance, house.store, now=CLOSING, wanted=wanted).rows)


def findings(house: House, number: str = "S1") -> dict[str, tuple[str, int, int]]:
    """Line of the sender → finding, by contract, difference."""
    return {it.sender_line: (it.finding.value, it.recomputed_minor, it.difference_minor) for it in lines(house, number)}


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    return reckoned(store, tmp_path)


def reckoned(store: Store, folder: Path) -> House:
    """Three cases of AG01 at 20 %: 100.00 paid on L1, 50.00 on L2, nothing on L3; the period is reckoned."""
    made = a_house(store, folder)
    paid(made, "P1", 10_000)
    paid(made, "P2", 5_000, case=2)
    opened(made)
    return made


def test_each_line_is_found_to_agree_or_says_in_what_it_differs(house: House) -> None:
    done = taken(
        house, a_row("1", 2_050), a_row("2", 1_200, loan="L2"), a_row("3", 900, loan="L3"),
        a_row("4", 700, loan="L1"), a_row("5", 700, loan="NOSUCH"), a_row("6", 0, loan="L3"),
    )  # fmt: skip
    assert (done.statements, done.lines, done.late, done.unknown) == (1, 6, 0, 0)
    assert findings(house) == {
        "1": ("agrees", 2_000, 50),  # within the tolerance of 1.00
        "2": ("above", 1_000, 200),
        "3": ("not_paid", 0, 900),
        "4": ("twice", 0, 700),
        "5": ("not_paid", 0, 700),
        "6": ("agrees", 0, 0),
    }
    assert {it.sender_line: it.state.value for it in lines(house)} == dict.fromkeys("2345", "open") | dict.fromkeys(
        "16", "agreed"
    )


def test_a_period_says_claimed_recomputed_difference_and_how_its_lines_stand(house: House) -> None:
    rows = (a_row("1", 2_300), a_row("2", 600, loan="L2"), a_row("3", 400, loan="L3", period="2026-10"))
    taken(house, *rows, sums={"2026-11": 2_899})
    october, november = record(house).periods
    assert (october.claimed_minor, october.recomputed_minor, october.open) == (400, 0, 1)
    assert (november.period, november.lines, november.differing) == ("2026-11", 2, 2)
    # the sender's own total stands, though its rounded lines add up to one more
    assert (november.claimed_minor, november.recomputed_minor, november.difference_minor) == (2_899, 3_000, -101)
    assert (november.above_minor, november.below_minor) == (300, 400)
    assert (november.collected_minor, november.eligible_minor) == (20_000, 15_000)
    assert record(house).not_claimed_minor == 0


def test_what_the_contract_gives_beyond_the_lines_of_a_statement_is_said(house: House) -> None:
    taken(house, a_row("1", 2_000))
    assert record(house).not_claimed_minor == 1_000


def test_days_that_a_statement_does_not_cover_do_not_count_for_a_loan(house: House) -> None:
    taken(house, a_row("1", 2_000, until_date=date(2026, 11, 23)))
    assert findings(house) == {"1": ("not_paid", 0, 2_000)}


def test_a_payment_claimed_in_an_earlier_statement_is_claimed_twice(house: House) -> None:
    taken(house, a_row("1", 2_000, payment_id="SIM/P1"))
    taken(house, a_row("1", 2_000, payment_id="SIM/P1", statement="S2"))
    assert [findings(house, one)["1"][0] for one in ("S1", "S2")] == ["agrees", "twice"]


def test_a_statement_is_taken_in_once_and_whole(house: House) -> None:
    taken(house, a_row("1", 2_000))
    again = taken(house, a_row("1", 9_000), a_row("2", 1_000, loan="L2"))
    assert (again.statements, again.late) == (0, 1)
    assert findings(house) == {"1": ("agrees", 2_000, 0)}
    foreign = taken(house, a_row("1", 1, agency_code="NOSUCH"))
    assert (foreign.statements, foreign.unknown) == (0, 1)


def test_finance_accepts_or_disputes_a_line_with_a_reason_and_the_audit_log_says_so(house: House) -> None:
    taken(house, a_row("1", 2_500), a_row("2", 1_000, loan="L2"))
    wrong, right = lines(house)
    about = {"now": CLOSING, "line_id": wrong.line_id, "version": wrong.version, "reason": WHY}
    with pytest.raises(Refused):
        claims.decide_claim(house.manager, house.store, decision=ClaimState.DISPUTED, **about)
    with pytest.raises(Invalid):
        claims.decide_claim(house.finance, house.store, decision=ClaimState.AGREED, **about)
    with pytest.raises(Invalid):
        claims.decide_claim(house.finance, house.store, decision=ClaimState.DISPUTED, **about | {"reason": ""})
    claims.decide_claim(house.finance, house.store, decision=ClaimState.DISPUTED, **about)
    with pytest.raises(ClaimChanged):
        claims.decide_claim(house.other, house.store, decision=ClaimState.ACCEPTED, **about)
    with pytest.raises(ClaimAgrees):
        claims.decide_claim(house.finance, house.store, decision=ClaimState.DISPUTED,
                            **about | {"line_id": right.line_id})  # fmt: skip
    (one,) = lines(house, state=ClaimState.DISPUTED)
    assert (one.reason, one.decided_by_name) == (WHY, "Fin")
    (period,) = record(house).periods
    assert (period.disputed, period.open, period.accepted, period.differing) == (1, 0, 0, 1)
    with house.store.reading() as connection:
        query = select(audit_log.c.action, audit_log.c.reason).where(audit_log.c.object_type == "claimed_statement")
        said = connection.execute(query.order_by(audit_log.c.seq)).all()
    assert [tuple(it) for it in said] == [
        ("claimed_statement.taken_in", None), ("claimed_statement.compared", None),
        ("claimed_statement.line_disputed", WHY),
    ]  # fmt: skip


def test_all_lines_that_are_narrowed_down_to_are_decided_alike_and_no_other(house: House) -> None:
    taken(house, a_row("1", 2_500), a_row("2", 1_200, loan="L2"), a_row("3", 400, loan="L3"), a_row("4", 0, loan="L3"))
    one = record(house).statement
    about: dict[str, Any] = {
        "now": CLOSING, "statement_id": one.statement_id, "version": one.version, "decision": ClaimState.DISPUTED,
        "reason": WHY,
    }  # fmt: skip
    with pytest.raises(ClaimChanged):
        claims.decide_claims(house.finance, house.store, count=1, finding=ClaimFinding.ABOVE, **about)
    assert not lines(house, state=ClaimState.DISPUTED)
    assert claims.decide_claims(house.finance, house.store, count=2, finding=ClaimFinding.ABOVE, **about) == 2
    assert [it.sender_line for it in lines(house, state=ClaimState.DISPUTED)] == ["1", "2"]
    with pytest.raises(ClaimAgrees):
        claims.decide_claims(house.finance, house.store, count=0, finding=ClaimFinding.TWICE, **about)


def test_a_decision_stands_until_the_difference_is_another(house: House) -> None:
    taken(house, a_row("1", 2_500), a_row("2", 1_500, loan="L2"))
    for it in lines(house):
        claims.decide_claim(house.finance, house.store, now=CLOSING, line_id=it.line_id, version=it.version,
                            decision=ClaimState.ACCEPTED, reason=WHY)  # fmt: skip
    paid(house, "P3", 1_000, case=2, now=CLOSING)
    settlement = standing(house, _settlement(house))
    reckon_settlement(house.finance, house.store, now=CLOSING, settlement_id=settlement.settlement_id,
                      version=settlement.version)  # fmt: skip
    one = record(house).statement
    changed = claims.compare_claims(
        house.finance, house.store, now=CLOSING, statement_id=one.statement_id, version=one.version
    )
    assert changed == 1
    assert {it.sender_line: (it.state.value, it.difference_minor, it.reason) for it in lines(house)} == {
        "1": ("accepted", 500, WHY), "2": ("open", 300, None),
    }  # fmt: skip
    with pytest.raises(ClaimChanged):
        claims.compare_claims(
            house.finance, house.store, now=CLOSING, statement_id=one.statement_id, version=one.version
        )


def test_what_the_sender_said_is_never_rewritten(house: House) -> None:
    taken(house, a_row("1", 2_500))
    for change in ("update claimed_lines set claimed_minor = 1, difference_minor = 1 - recomputed_minor",
                   "update claimed_periods set claimed_minor = 1", "delete from claimed_lines",
                   "delete from claimed_statements"):  # fmt: skip
        with pytest.raises(DatabaseError), house.store.writing(SYSTEM, CLOSING) as transaction:
            transaction.audit("test.tried", "claimed_statement", "S1")
            transaction.connection.execute(text(change))
    assert findings(house) == {"1": ("above", 2_000, 500)}


def test_an_agency_reads_its_own_statements_and_no_others(house: House) -> None:
    taken(house, a_row("1", 2_500))
    one = record(house).statement
    for actor, seen in ((house.agency, 1), (house.foreign, 0)):
        assert reading.list_own_claims(actor, house.store, now=CLOSING)[1] == seen
    mine = reading.read_own_claim(house.agency, house.store, now=CLOSING, statement_id=one.statement_id)
    assert mine.periods == record(house).periods
    wanted = ClaimFilter(one.statement_id)
    assert len(reading.list_own_claimed_lines(house.agency, house.store, now=CLOSING, wanted=wanted).rows) == 1
    for read in (
        lambda: reading.read_own_claim(house.foreign, house.store, now=CLOSING, statement_id=one.statement_id),
        lambda: reading.list_own_claimed_lines(house.foreign, house.store, now=CLOSING, wanted=wanted),
    ):
        with pytest.raises(NoSuchClaim):
            read()
    with pytest.raises(Refused):
        reading.read_claim(house.agency, house.store, now=CLOSING, statement_id=one.statement_id)


def test_lines_are_sorted_and_turned_page_by_page(house: House) -> None:
    rows = [a_row(str(n), 100 * n, loan=f"X{n}") for n in range(1, 8)]
    taken(house, *rows)
    wanted, seen, after = ClaimFilter(record(house).statement.statement_id), [], None
    while True:
        page = reading.list_claimed_lines(
            house.finance, house.store, now=CLOSING, wanted=wanted, sort="difference_minor", descending=True,
            after=after, limit=3,
        )  # fmt: skip
        seen += [it.sender_line for it in page.rows]
        assert (page.total, page.differing, page.difference_minor) == (7, 6, 2_700)
        if (after := page.next_after) is None:
            break
    assert seen == [str(n) for n in range(7, 0, -1)]


def test_people_of_no_agency_and_those_without_the_right_decide_nothing(house: House) -> None:
    taken(house, a_row("1", 2_500))
    (one,) = lines(house)
    supervisor = a_person(house.store, "Sup", Role.SUPERVISOR)
    for actor in (supervisor, house.agency, replace(house.agency, agency_code=None)):
        with pytest.raises(Refused, match="finance"):
            claims.decide_claim(actor, house.store, now=CLOSING, line_id=one.line_id, version=one.version,
                                decision=ClaimState.ACCEPTED, reason=WHY)  # fmt: skip


def _settlement(house: House) -> str:
    with house.store.reading() as connection:
        return str(connection.execute(text("select settlement_id from settlements")).scalar_one())
