"""What the checks of commission find: nothing in a sound book, and each planted fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.commission_verify import verify_commission, verify_statements
from ops_app.store.store import Store
from tests.services.ledger.commissioning import (
    CLOSING,
    END,
    PLAIN,
    House,
    a_house,
    locked,
    opened,
    paid,
    reversed_,
)

NEXT = CLOSING + timedelta(days=31)
TIERS = [{"code": "low", "rate": "0.10", "liquidation": [None, "0.30"]},
         {"code": "high", "rate": "0.20", "liquidation": ["0.30", None]}]  # fmt: skip


def a_book(store: Store, folder: Path, tiering: str) -> House:
    """Two periods: earned, refunded in part, reversed, capped, moved to another tier."""
    house = a_house(store, folder, dict(PLAIN, tiers=TIERS, tiering=tiering, cap_minor=7_000, minimum_minor=5))
    paid(house, "P1", 20_001)
    paid(house, "P2", 5_000, case=2)
    paid(house, "P3", 5_000, case=3)
    reversed_(house, "P3", 5_000, case=3)
    locked(house, opened(house))
    paid(house, "P4", 35_000, day=END, now=NEXT)
    reversed_(house, "P2", 5_000, case=2, day=END, now=NEXT)
    reversed_(house, "P1", 7_000, day=END, now=NEXT, kind=EventKind.REFUND)
    locked(house, opened(house, first=END, end=date(2027, 1, 1), now=NEXT), now=NEXT)
    return house


@pytest.mark.parametrize("tiering", ["whole", "marginal"])
def test_a_sound_book_holds_and_every_line_is_looked_at(store: Store, tmp_path: Path, tiering: str) -> None:
    house = a_book(store, tmp_path, tiering)
    once, closed = verify_commission(store), verify_statements(store)
    assert (once.state, closed.state) == ("holds", "holds"), (once.detail, closed.detail)
    assert closed.checked == 2
    assert once.checked >= 5
    assert house.agency.agency_code == "AG01"


def test_what_is_posted_after_the_lock_does_not_change_what_was_locked(store: Store, tmp_path: Path) -> None:
    house = a_book(store, tmp_path, "whole")
    reversed_(house, "P4", 35_000, day=date(2027, 1, 2), now=NEXT + timedelta(days=10))
    assert verify_commission(store).state == "holds"
    assert verify_statements(store).state == "holds"


def _facts(change: Callable[[dict[str, object]], None]) -> Callable[[str], str]:
    def planted(facts: str) -> str:
        kept = json.loads(facts)
        change(kept)
        return json.dumps(kept)

    return planted


@pytest.mark.parametrize(
    ("kind", "column", "change"),
    [
        ("earned", "full_minor", lambda value: value + 1),
        ("earned", "base_minor", lambda value: value - 1),
        ("clawback", "nth", lambda value: value + 5),
        ("clawback", "full_minor", lambda value: value - 1),
        ("earned", "facts_json", _facts(lambda facts: facts.update(cut_minor=1))),
        ("earned", "facts_json", _facts(lambda facts: facts.update(entries=0))),
        ("earned", "facts_json", _facts(lambda facts: facts.update(reached_minor=10**9))),
    ],
)
def test_each_planted_fault_is_found(
    sqlite_url: str, tmp_path: Path, kind: str, column: str, change: Callable[[object], object]
) -> None:
    store = Store.open(sqlite_url)
    a_book(store, tmp_path, "whole")
    with store.writing(SYSTEM, NEXT) as transaction:
        connection = transaction.connection
        connection.execute(text("drop trigger commission_lines_no_update"))
        connection.execute(text("pragma ignore_check_constraints = on"))
        about = {"kind": kind}
        row = connection.execute(
            text(f"select line_id, {column} from commission_lines where kind = :kind order by line_no"), about
        ).first()
        assert row is not None
        new = change(row[1])
        if column == "full_minor":
            connection.execute(
                text("update commission_lines set full_minor = :new, fee_minor = :new - cut_minor where line_id = :id"),
                {"new": new, "id": row[0]},
            )
        else:
            connection.execute(
                text(f"update commission_lines set {column} = :new where line_id = :id"), {"new": new, "id": row[0]}
            )
        transaction.audit("test.planted", "commission_line", row[0])
    assert verify_commission(store).state == "broken"
    store.close()


def test_a_locked_total_that_was_changed_is_found(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    house = a_book(store, tmp_path, "whole")
    with store.writing(SYSTEM, NEXT) as transaction:
        transaction.connection.execute(text("drop trigger settlements_closed"))
        changed = """update settlements set totals_json = replace(totals_json, '"net_minor":', '"net_minor":1')"""
        transaction.connection.exec_driver_sql(changed)
        transaction.audit("test.planted", "settlement", house.ids[0])
    assert verify_statements(store).state == "broken"
    assert verify_commission(store).state == "holds"
    store.close()
