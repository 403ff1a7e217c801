from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import (
    BreakKind,
    BreakMove,
    BreakState,
)
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.reconciliation import (
    BreakFilter,
    count_breaks,
    list_breaks,
    park_break,
    read_break,
    reject_break,
)
from ops_app.store.store import Store
from ops_app.store.tables.ledger import breaks
from ops_app.store.tables.organisation import audit_log
from tests.services.ledger.people import (
    BANK,
    BANK_PART,
    DAY,
    LENDER,
    NOW,
    applied,
)
from tests.services.organisation.approving import a_person

WHY = "the bank confirmed it by phone"


def test_the_list_is_filtered_sorted_paged_and_totalled(store: Store):
    applied(store, LENDER, day=DAY - timedelta(days=5))
    applied(store, LENDER, BANK, BANK_PART)
    page = list_breaks(SYSTEM, store, now=NOW, sort="difference_minor", page_size=2)
    assert [one.difference_minor for one in page.rows] == [-10_000, -4_000]
    assert (page.total, page.totals, page.as_of_date) == (3, {"CNY": (3, -4_000)}, DAY)
    second = list_breaks(SYSTEM, store, now=NOW, sort="difference_minor", page_size=2, page=2)
    assert [second.age_days(one) for one in second.rows] == [3]  # Thursday to Tuesday: a weekend does not count

    def found(**wanted: object) -> set[str]:
        chosen = BreakFilter(**wanted)
        return {one.break_id for one in list_breaks(SYSTEM, store, now=NOW, wanted=chosen).rows}

    assert found(kinds=frozenset({BreakKind.UNMATCHED_LENDER})) == {LENDER.break_id}
    assert found(least_minor=9_000) == {LENDER.break_id, BANK.break_id}
    assert found(most_minor=5_000) == {BANK_PART.break_id}
    assert found(text="99/2") == {BANK_PART.break_id}
    assert found(text="%") == set()
    assert found(source_code="XJC") == set()
    old = list_breaks(SYSTEM, store, now=NOW, least_age_days=3)
    assert {one.break_id for one in old.rows} == {LENDER.break_id}
    assert count_breaks(SYSTEM, store, now=NOW)[(BreakKind.UNMATCHED_BANK, BreakState.OPEN)] == 2
    for wrong in ({"sort": "sides_json"}, {"page": 0}, {"page_size": 501}):
        with pytest.raises(Invalid):
            list_breaks(SYSTEM, store, now=NOW, **wrong)


def test_payers_are_masked_on_the_desk_and_never_in_the_audit_log(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    shown = read_break(supervisor, store, now=NOW, break_id=LENDER.break_id).item.sides["lender"][0]
    assert shown == {"payment_id": "P1", "payer_name": "张**", "payer_account": "****0123"}
    other = read_break(supervisor, store, now=NOW, break_id=BANK.break_id).item.sides["bank"][0]
    assert other["counterparty_name"] == "李**"
    park_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k")
    with store.reading() as connection:
        rows = connection.execute(select(audit_log.c.before_json, audit_log.c.after_json)).all()
    assert not any("张三丰" in str(row) or "6222" in str(row) for row in rows)


def test_what_may_be_done_next_comes_with_the_break(store: Store):
    supervisor = a_person(store, "Sun")
    applied(store, LENDER, BANK)
    moves = {BreakMove.MATCH, BreakMove.SPLIT, BreakMove.MERGE, BreakMove.REJECT, BreakMove.PARK}
    assert set(read_break(supervisor, store, now=NOW, break_id=LENDER.break_id).moves) == moves | {BreakMove.REVERSE}
    assert set(read_break(supervisor, store, now=NOW, break_id=BANK.break_id).moves) == moves
    reject_break(supervisor, store, now=NOW, break_id=LENDER.break_id, expected_version=1, reason=WHY, key="k")
    assert read_break(supervisor, store, now=NOW, break_id=LENDER.break_id).moves == (BreakMove.REOPEN,)


def test_the_store_refuses_a_break_of_a_kind_or_state_that_does_not_exist(store: Store):
    applied(store, LENDER)
    for column, value in (("state", "settled"), ("kind", "odd"), ("version", 0)):
        with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(breaks.update().values({column: value}))
