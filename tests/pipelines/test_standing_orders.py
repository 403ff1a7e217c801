"""Standing orders against bank lines: a Czech bank's real ones, and the rules on a few of our own."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from ops_app.bootstrap import App
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.reconciliation import BreakFilter, list_breaks, read_break
from ops_app.services.ledger.repayments import list_payments
from pipelines.ingest import ingest_file
from pipelines.reconcile import reconcile
from pipelines.warehouse import Warehouse

END = date(1998, 12, 31)
FILES = (("loan.asc", "loans"), ("loan.asc", "loans_finished"), ("order.asc", "standing_orders"),
         ("trans_first3MiB.asc.gz", "bank_lines"))  # fmt: skip


@pytest.fixture
def berka(real_data: Path, house: App, warehouse: Warehouse) -> App:
    for name, entry in FILES:
        done = ingest_file(
            warehouse, house.settings, real_data / "berka_czech_bank" / name, "berka", entry, file_date=END
        )
        assert done.state == "accepted", done
    return house


def test_the_loan_payments_of_the_bank_are_those_of_its_standing_orders_but_for_one_loan_in_default(
    berka: App, warehouse: Warehouse
) -> None:
    """Statements reach to 1994-03-31. 38 loans were granted by then, 4 of them after that month's 12th; the orders of
    the other 34 let 131 payments be expected. 123 are on the statements, on their day and to the cent. The other 8 are
    all of loan 5314, which the bank's own book calls finished and unpaid (B): its order stood from July 1993, and its
    only line is of March 1994. No line is without an order, and no amount differs."""
    done = reconcile(warehouse, berka, END)
    assert (done.recorded, done.matches, done.breaks, done.balanced) == (0, 123, 8, True)
    assert warehouse.query(
        "select lender_minor, bank_minor, payments, bank_lines, outside_payments, outside_lines, unexplained_minor"
        " from recon.proof where book = 'BERKA'"
    ) == [(48_356_580 + 8 * 803_320, 48_356_580, 131, 123, 0, 0, 8 * 803_320)]
    page = list_breaks(SYSTEM, berka.store, now=berka.clock.now(), wanted=BreakFilter(states=frozenset()))
    assert Counter(one.kind for one in page.rows) == {BreakKind.UNMATCHED_LENDER: 8}
    assert {(one.loan_id, one.lender_minor) for one in page.rows} == {("5314", 803_320)}
    assert sorted(one.value_date for one in page.rows) == [
        *(date(1993, month, 12) for month in range(7, 13)), date(1994, 1, 12), date(1994, 2, 12),
    ]  # fmt: skip
    (line,) = warehouse.query(
        "select booked_date from raw.bank_lines where account = '1787' and trim(reference) = 'UVER'"
    )
    assert line == (date(1994, 3, 12),)
    one = read_break(SYSTEM, berka.store, now=berka.clock.now(), break_id=page.rows[0].break_id)
    assert [it["channel"] for it in one.item.sides["lender"]] == ["standing_order"]
    # what an order lets expect is no payment: nothing was recorded, and a second run changes nothing
    assert not list_payments(SYSTEM, berka.store, now=berka.clock.now()).rows
    again = reconcile(warehouse, berka, END)
    assert (again.matches, again.breaks, again.opened, again.cleared) == (123, 8, 0, 0)


def test_orders_of_accounts_without_a_loan_and_the_customers_own_affairs_are_on_no_side(
    berka: App, warehouse: Warehouse
) -> None:
    """717 orders pay loans; 35 are of accounts whose loan is not among the 682 of the book, and none of these accounts
    has a loan payment on its statement. Of 49,102 lines 48,979 are the customers' own."""
    loanless = (
        "select account from raw.standing_orders where kind = 'loan_payment'"
        " and account not in (select customer_id from raw.loans)"
    )
    assert warehouse.query(f"select count(*) from ({loanless})") == [(35,)]
    assert warehouse.query(
        f"select count(*) from raw.bank_lines where reference = 'UVER' and account in ({loanless})"
    ) == [(0,)]
    reconcile(warehouse, berka, END)
    assert warehouse.query("select sum(bank_lines) from recon.proof") == [(49_102 - 48_979,)]
