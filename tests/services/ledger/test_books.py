"""The books: whatever happens, lines, trial balance, statements and positions say the same."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from ops_app.domain.errors import DomainError, Invalid, NotFound
from ops_app.domain.ledger.accounts import CASH, Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.ledger.books import StatementFilter, account_statement, read_entry, trial_balance
from ops_app.services.ledger.chart import chart
from ops_app.store.ledger import statements
from ops_app.store.store import Store
from ops_app.store.tables.journal import journal_lines, ledger_positions
from tests.bench import plans
from tests.services.casework.casebook import NOW, some_cases
from tests.services.ledger.entering import an_event, paid, posted, taken_over

FINANCE = Actor("p-fin", "Fan", Role.FINANCE)
DAY = date(2026, 11, 2)
TODAY = date(2026, 11, 24)
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["receipt", "reversal", "waiver", "write_off", "accrual", "correction", "refund"]),
        st.integers(0, 20), st.integers(1, 60_000), st.sampled_from(Component),
    ),
    max_size=8,
)  # fmt: skip


def happen(store: Store, case_id: str, what: str, day: date, amount: int, part: Component, paid_ids: list[str]) -> None:
    kind, said = EventKind(what), {}
    if kind in (EventKind.RECEIPT, EventKind.REFUND):
        said = {"amount_minor": amount}
    elif kind is EventKind.REVERSAL:
        if not paid_ids:
            return
        said = {"target_id": paid_ids.pop()}
    else:
        said = {"parts": {part: amount}}
    one = an_event(store, case_id, kind, day, **said)
    posted(store, one)
    if kind is EventKind.RECEIPT:
        paid_ids.append(one.event_id)


def folded(store: Store) -> Counter[tuple[str, str, str]]:
    """Account → debits less credits, straight from the lines."""
    found: Counter[tuple[str, str, str]] = Counter()
    with store.reading() as connection:
        for row in connection.execute(select(journal_lines)):
            found[row.source_code, row.currency, row.debit_account] += row.amount_minor
            found[row.source_code, row.currency, row.credit_account] -= row.amount_minor
    return found


def test_lines_trial_balance_statements_and_positions_say_the_same(store: Store, tmp_path: Path) -> None:
    fresh = iter(some_cases(store, tmp_path, 60, in_ledger=False))
    tried = count()

    @settings(max_examples=25, suppress_health_check=list(HealthCheck), database=None)
    @given(HAPPENINGS)
    def holds(happenings: list[tuple[str, int, int, Component]]) -> None:
        if next(tried) >= 55:  # what is left is for the shrinking of a failure
            return
        case_id, paid_ids = next(fresh), []
        taken_over(store, case_id, DAY)
        for what, day, amount, part in happenings:
            happen(store, case_id, what, DAY + timedelta(days=day), amount, part, paid_ids)
        made = trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY, first_date=DAY + timedelta(days=5))
        lines = folded(store)
        assert {(one.source_code, one.currency, one.account.code): one.closing_minor for one in made.rows} == lines
        assert all(total.balances for total in made.totals_by)
        assert made.is_of_positions
        assert not [one for one in made.rows if one.difference_minor]
        for one in made.rows:
            page = account_statement(
                FINANCE, store, now=NOW, wanted=StatementFilter(one.account.code, "CNY", last_date=TODAY), limit=500
            )
            assert page.closing_minor == one.closing_minor
            assert not page.rows or page.next_after or page.rows[-1].balance_minor == one.closing_minor

    holds()


def test_a_statement_turns_page_by_page_and_carries_its_balance(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    for number in range(7):
        paid(store, one, DAY + timedelta(days=number // 3), 1_000 + number)
    wanted = StatementFilter("claims_interest", "CNY")
    whole = account_statement(FINANCE, store, now=NOW, wanted=wanted, limit=100)
    assert whole.total == len(whole.rows) == 8
    assert (whole.debit_minor, whole.credit_minor) == (10_000, 7_021)
    assert whole.rows[-1].balance_minor == whole.closing_minor == 2_979
    rows, after = [], None
    while True:
        page = account_statement(FINANCE, store, now=NOW, wanted=wanted, after=after, limit=3)
        rows += page.rows
        if (after := page.next_after) is None:
            break
    assert rows == list(whole.rows)
    later = account_statement(
        FINANCE, store, now=NOW, wanted=StatementFilter("claims_interest", "CNY", first_date=DAY + timedelta(days=1))
    )
    assert later.opening_minor == 10_000 - 3_003
    assert later.closing_minor == whole.closing_minor
    assert [row.balance_minor for row in later.rows] == [row.balance_minor for row in whole.rows[4:]]


def test_what_was_known_at_a_moment_does_not_change(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    paid(store, one, DAY + timedelta(days=5), 5_000)
    known = NOW + timedelta(hours=1)
    before = trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY, known_at=known).rows
    paid(store, one, DAY + timedelta(days=1), 7_000, now=NOW + timedelta(hours=2))  # back-dated: all is posted anew
    assert trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY, known_at=known).rows == before
    now = trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY)
    cash = next(row for row in now.rows if row.account.code == CASH)
    assert cash.closing_minor == 12_000
    assert now.rows != before
    back = StatementFilter(CASH, "CNY", known_at=known)
    assert account_statement(FINANCE, store, now=NOW, wanted=back).closing_minor == 5_000


def test_a_sub_ledger_that_was_tampered_with_shows_beside_its_control_account(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    with store._writers.begin() as connection:
        connection.execute(update(ledger_positions).values(principal_minor=99_999))
    rows = trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY).rows
    wrong = [(row.account.code, row.sub_minor, row.difference_minor) for row in rows if row.difference_minor]
    assert wrong == [("claims_principal", 99_999, 1)]


def test_memo_accounts_are_added_up_apart(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    posted(store, an_event(store, one, EventKind.WRITE_OFF, DAY, parts={Component.PRINCIPAL: 100_000},
                           terms={"method": "direct"}))  # fmt: skip
    made = trial_balance(FINANCE, store, now=NOW, as_of_date=TODAY)
    assert [(total.is_memo, total.debit_minor, total.balances) for total in made.totals_by] == [
        (False, 210_000, True), (True, 100_000, True),
    ]  # fmt: skip


def test_an_entry_is_read_with_its_lines_and_wrong_questions_are_refused(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    leg = account_statement(FINANCE, store, now=NOW, wanted=StatementFilter("taken_over", "CNY")).rows[0].leg
    entry = read_entry(FINANCE, store, now=NOW, entry_id=leg.entry_id)
    assert entry.total_minor == sum(line.amount_minor for line in entry.lines) == 110_000
    with pytest.raises(NotFound):
        read_entry(FINANCE, store, now=NOW, entry_id="0" * 32)
    wrong: list[dict[str, Any]] = [
        {"wanted": StatementFilter("no_such", "CNY")}, {"wanted": StatementFilter(CASH, "CNY", kind="no_such")},
        {"wanted": StatementFilter(CASH, "CNY"), "after": "nonsense"}, {"wanted": StatementFilter(CASH, "CNY"),
                                                                      "limit": 0},
    ]  # fmt: skip
    for given_wrong in wrong:
        with pytest.raises(Invalid):
            account_statement(FINANCE, store, now=NOW, **given_wrong)
    with pytest.raises(Invalid):
        trial_balance(FINANCE, store, now=NOW, as_of_date=DAY, first_date=TODAY)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COLLECTOR, Role.AGENCY_SUPERVISOR, Role.ALLOCATION])
def test_the_books_are_closed_to_who_has_no_business_there(store: Store, role: Role) -> None:
    with pytest.raises(DomainError):
        trial_balance(Actor("p", "P", role, "AG01"), store, now=NOW)


def test_no_statement_reads_the_journal_whole(store: Store, tmp_path: Path) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    mark = (DAY, "0" * 32, 1, 1)
    filters = [
        StatementFilter(CASH, "CNY"), StatementFilter(CASH, "CNY", source_code="SIM", kind="receipt"),
        StatementFilter(CASH, "CNY", first_date=DAY, last_date=TODAY, known_at=NOW),
    ]  # fmt: skip
    for wanted in filters:
        for side in (0, 1):
            for after in (None, mark):
                query = statements.page_query(wanted, side, after, 10)
                with plans.asked(store) as selects, store.reading() as connection:
                    connection.execute(query).all()
                told = "\n".join(plans.plan_of(store, each) for each in selects)
                if store.dialect == "sqlite":
                    column = "debit_account" if side == 0 else "credit_account"
                    assert f"SEARCH journal_lines USING INDEX ix_journal_lines_{column}" in told, told
                assert "SCAN journal_" not in told, told


def test_every_account_of_the_chart_has_both_names() -> None:
    assert all(one.name_en and one.name_zh and one.number for one in chart().values())
