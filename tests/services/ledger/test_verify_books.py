"""What was kept of the journal is worked out anew: closed balances, files of vouchers, sums of agreements."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from ops_app.services.ledger.verify_books import verify_agreements, verify_closed_balances, verify_vouchers
from ops_app.services.ledger.vouchers import export_vouchers
from ops_app.store.store import Store
from tests.services.ledger.closed import NOW, closed, november, two_people


@pytest.fixture
def books(sqlite_url: str, tmp_path: Path) -> Store:
    """A closed November that left for the general ledger."""
    store = Store.open(sqlite_url)
    finance, manager = two_people(store)
    november(store, tmp_path)
    closed(store, finance, manager)
    with store.reading() as connection:
        period = connection.execute(text("select period_id from closed_periods where area = 'ledger'")).scalar_one()
    export_vouchers(finance, store, now=NOW, period_id=period, source_code="SIM", key=uuid4().hex)
    return store


def damaged(store: Store, table: str, change: str) -> None:
    """Change what nobody may change."""
    with store._writers.begin() as connection:
        kept = connection.execute(
            text("select name from sqlite_master where type = 'trigger' and tbl_name = :table"), {"table": table}
        ).scalars()
        for name in list(kept):
            connection.execute(text(f"drop trigger {name}"))
        connection.execute(text(change))


def test_what_was_closed_and_exported_is_what_the_journal_still_says(books: Store) -> None:
    for check in (verify_closed_balances, verify_vouchers):
        finding = check(books)
        assert (finding.state, finding.checked > 0) == ("holds", True), finding
    assert verify_agreements(books).state == "holds"


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("closed_balances", "update closed_balances set balance_minor = balance_minor + 1 where account = 'cash'",
         "2026-11-01 SIM CNY cash"),
        ("closed_balances", "delete from closed_balances where account = 'cash'", "SIM CNY cash: 0 was kept"),
        ("journal_lines", "update journal_lines set amount_minor = amount_minor + 1 where debit_account = 'cash'",
         "the journal has"),
    ],
)  # fmt: skip
def test_a_balance_that_was_kept_otherwise_is_named(books: Store, table: str, change: str, said: str) -> None:
    damaged(books, table, change)
    finding = verify_closed_balances(books)
    assert finding.state == "broken"
    assert said in finding.detail


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("voucher_batches", f"update voucher_batches set file_hash = '{'0' * 64}'"),
        ("journal_lines", "update journal_lines set amount_minor = amount_minor + 1 where debit_account = 'cash'"),
    ],
)
def test_a_batch_that_would_leave_otherwise_now_is_named(books: Store, table: str, change: str) -> None:
    damaged(books, table, change)
    finding = verify_vouchers(books)
    assert (finding.state, finding.detail) == ("broken", "batch 1 has other content now")
