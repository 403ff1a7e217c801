"""Real money: what LendingClub recovered after charge-off, and what it says that cost, held against declared tiers.

The sender's fee is its claim and nothing else: no rate of the contract is taken from it, by loan or otherwise. The
contract is ``data/reference/commission/by_balance.yml``: a quarter of the cash of small debts down to a tenth of that
of large ones, by the balance a debt had when it was placed.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.ledger.claimed_commissions import ClaimFinding, ClaimState
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.services.ledger import claimed_commissions as claims
from ops_app.services.ledger import claimed_reading as reading
from ops_app.services.ledger.claimed_reading import ClaimFilter
from ops_app.services.ledger.commission_contracts import read_terms
from pipelines.claimed_commissions import take_in_claimed
from pipelines.ingest import ingest_file
from pipelines.warehouse import Warehouse
from tests.pipelines.real_money import AGENCY, FILE, REPORTED, SETTLED_AT, TERMS, build
from tests.pipelines.test_sources_lending_club import BY_YEAR
from tests.services.casework.casebook import an_agency
from tests.services.ledger.commissioning import WHY

README = {
    str(year): (loans, int(Decimal(recovered) * 100), int(Decimal(fee) * 100))
    for year, (_, loans, recovered, fee) in BY_YEAR.items()
}
"""Year of issue → loans charged off, recovered and fee in cents, as the folder's README states them."""

RECOVERED = {"2007": 9_336_964, "2008": 22_994_943, "2009": 45_576_739, "2010": 103_206_822, "2011": 252_036_621}
"""The same recoveries rounded loan by loan, as they are posted: the sender states some below the cent, so 2008 has a
cent less than its total and 2009 one more; all years together are the README's 4,331,520.89."""

BEYOND = 3_697_976
"""What was recovered beyond the principal that debts were placed with: interest and costs, of which the sender gives no
balance."""

BY_HAND = """
    with loans as (
        select year(issue_d)::varchar as year,
            round(cast(cast(recoveries as varchar) as decimal(18, 8)) * 100)::bigint as recovered,
            loan_amnt::bigint * 100 - round(cast(cast(total_rec_prncp as varchar) as decimal(18, 8)) * 100)::bigint
                as placed
        from '{file}' where loan_status like '%Charged Off'
    ),
    counted as (
        select year, least(recovered, placed) as cash,
            case when placed < 250000 then 25 when placed < 750000 then 20 when placed < 1500000 then 15 else 10 end
                as percent
        from loans
    )
    select year, count(*), sum(cash)::bigint, sum((cash * percent + 50) // 100)::bigint
    from counted group by 1 order by 1
"""
"""The same contract as one query over the sender's file, without a line of the house's own code: by year of issue the
loans, the cash that repaid what was owed, and the fee of each loan rounded half up."""


@pytest.fixture(scope="module")
def file(real_data: Path) -> Path:
    return real_data / FILE


def test_what_the_sender_claims_by_year_is_what_it_states_to_the_cent(settings: Settings, file: Path) -> None:
    """Its fees lie below the cent: rounded loan by loan they are up to 7 cents off in a year. The claimed statement
    keeps the sender's own totals, and a line by line comparison beside them."""
    app = open_app(settings)
    an_agency(app.store, AGENCY)
    warehouse = Warehouse(settings.warehouse_path)
    ingest_file(warehouse, settings, file, "lending_club_agency", "claimed_commissions", file_date=REPORTED)
    assert take_in_claimed(warehouse, app, REPORTED, now=SETTLED_AT).lines == 6_431
    found = _record(app)
    assert {it.period: (it.lines, it.collected_minor, it.claimed_minor) for it in found.periods} == README
    assert sum(it.claimed_minor for it in found.periods) == 60_295_568  # the README's total
    assert {it.received_minor for it in found.periods} == {0}
    again = take_in_claimed(warehouse, app, REPORTED, now=SETTLED_AT)
    assert (again.statements, again.late) == (0, 0)
    app.close()


def _record(app: App) -> reading.ClaimedRecord:
    (one,), _ = reading.list_claims(SYSTEM, app.store, now=SETTLED_AT)
    return reading.read_claim(SYSTEM, app.store, now=SETTLED_AT, statement_id=one.statement_id)


@pytest.mark.slow
def test_recoveries_and_a_contract_in_declared_tiers_stand_beside_the_claim_by_year(
    settings: Settings, file: Path
) -> None:
    """6,431 loans charged off are placed, 6,357 recoveries posted and reckoned by the services. Cash and fee by year
    are those of one query over the sender's file, and claimed is what the README states."""
    book = build(open_app(settings), file, TERMS.read_text(encoding="utf-8"))
    app, found = book.app, _record(book.app)
    by_hand = {year: rest for year, *rest in duckdb.sql(BY_HAND.format(file=file)).fetchall()}
    periods = {it.period: it for it in found.periods}
    assert {year: (it.lines, it.collected_minor, it.claimed_minor) for year, it in periods.items()} == README
    assert {year: [it.lines, it.eligible_minor, it.recomputed_minor] for year, it in periods.items()} == by_hand
    for it in periods.values():
        assert it.difference_minor == it.claimed_minor - it.recomputed_minor
        # the lines say the difference too, but for what the sender's total gains or loses by rounding
        assert abs(it.above_minor - it.below_minor - it.difference_minor) <= 100 * it.lines
        assert (it.differing, it.disputed, it.accepted) == (it.open, 0, 0)
    assert found.not_claimed_minor == 0
    # what was recovered was recorded to the cent, loan by loan, and by year is what the sender states
    assert {year: it.received_minor for year, it in periods.items()} == RECOVERED
    # what exceeds the principal that a debt was placed with is held in suspense and earns nothing
    assert sum(it.received_minor - it.eligible_minor for it in periods.values()) == BEYOND
    (paid,) = book.warehouse.query("select count(*), sum(amount_minor) from raw.repayments")
    assert paid == (6_357, 433_152_089)
    _decide(app, book.finance, found)


def _decide(app: App, finance: Actor, found: reading.ClaimedRecord) -> None:
    """Finance disputes what is claimed beyond the contract in 2007, all at once."""
    one = found.statement
    wanted = ClaimFilter(one.statement_id, "2007", ClaimFinding.ABOVE)
    page = reading.list_claimed_lines(finance, app.store, now=SETTLED_AT, wanted=wanted)
    done = claims.decide_claims(
        finance, app.store, now=SETTLED_AT, statement_id=one.statement_id, version=one.version, count=page.differing,
        decision=ClaimState.DISPUTED, reason=WHY, period="2007", finding=ClaimFinding.ABOVE,
    )  # fmt: skip
    after = {it.period: it for it in _record(app).periods}
    assert Counter({year: it.disputed for year, it in after.items() if it.disputed}) == Counter({"2007": done})
    assert done == page.total > 0
    app.close()


def test_no_rate_of_the_contract_is_taken_from_the_fee() -> None:
    """The declared tiers look at the balance a debt was placed with and at nothing else."""
    tiers = read_terms(TERMS.read_text(encoding="utf-8")).tiers
    assert [(one.code, str(one.rate)) for one in tiers] == [
        ("to-2500", "0.25"), ("to-7500", "0.20"), ("to-15000", "0.15"), ("above", "0.10"),
    ]  # fmt: skip
