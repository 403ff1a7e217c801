"""What the store itself refuses of the journal, whoever asks: one statement that breaks each rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from ops_app.domain.organisation.people import SYSTEM
from ops_app.store.store import Store
from ops_app.store.tables.journal import (
    PARTS,
    journal_entries,
    journal_lines,
    ledger_differences,
    ledger_events,
    ledger_positions,
)
from tests.services.casework.casebook import some_cases

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
DAY = date(2026, 3, 10)


def an_event(name: str, **other: Any) -> dict[str, Any]:
    return {
        "event_id": name, "kind": "receipt", "case_id": None, "source_code": "SIM", "loan_id": "L1", "currency": "CNY",
        "value_date": DAY, "amount_minor": 5, **{f"{part}_minor": 0 for part in PARTS}, "target_id": None,
        "cause": "payment", "cause_id": name, "terms_json": "{}", "reason": None, "recorded_by": "system",
        "recorded_at": NOW,
    } | other  # fmt: skip


def an_entry(name: str, **other: Any) -> dict[str, Any]:
    return {
        "entry_id": name, "event_id": "e1", "nth": 1, "reverses_entry_id": None, "because_event_id": None,
        "case_id": None, "source_code": "SIM", "currency": "CNY", "value_date": DAY, "accounting_date": DAY,
        "posted_at": NOW, "total_minor": 5,
    } | other  # fmt: skip


def a_line(name: str, **other: Any) -> dict[str, Any]:
    return {
        "entry_id": name, "line_no": 1, "debit_account": "cash", "credit_account": "outside", "component": None,
        "amount_minor": 5, "case_id": None, "source_code": "SIM", "currency": "CNY", "accounting_date": DAY,
    } | other  # fmt: skip


def a_position(case_id: str, **other: Any) -> dict[str, Any]:
    amounts = {f"{lead}{part}_minor": 0 for lead in ("", "written_off_") for part in PARTS}
    return {
        "case_id": case_id, "source_code": "SIM", "currency": "CNY", **amounts, "held_minor": 0, "method": None,
        "opening_date": DAY, "last_date": DAY, "last_rank": 0, "last_turn": "", "is_closed": False,
    } | other  # fmt: skip


def a_difference(name: str, case_id: str, **other: Any) -> dict[str, Any]:
    return {
        "difference_id": name, "case_id": case_id, "component": "principal", "currency": "CNY", "ledger_minor": 1,
        "feed_minor": 2, "as_of_date": DAY, "opened_date": DAY, "state": "open", "version": 1,
    } | other  # fmt: skip


def posted(connection: Connection) -> None:
    connection.execute(insert(ledger_events).values(an_event("e1")))
    connection.execute(insert(journal_lines).values(a_line("j1")))
    connection.execute(insert(journal_entries).values(an_entry("j1")))


def another_entry(connection: Connection, **other: Any) -> None:
    connection.execute(insert(journal_lines).values(a_line("j2")))
    connection.execute(insert(journal_entries).values(an_entry("j2", **other)))


E, L, P, D = ledger_events, journal_lines, ledger_positions, ledger_differences
BREAKS: Mapping[str, Any] = {
    "ck_ledger_events_kind": lambda c, case: c.execute(insert(E).values(an_event("e2", kind="gift"))),
    "ck_ledger_events_amount": lambda c, case: c.execute(insert(E).values(an_event("e2", amount_minor=-1))),
    "ck_ledger_events_parts": lambda c, case: c.execute(insert(E).values(an_event("e2", fees_minor=-1))),
    "ck_ledger_events_target": lambda c, case: c.execute(insert(E).values(an_event("e2", kind="reversal"))),
    "one event a name": lambda c, case: c.execute(insert(E).values(an_event("e1", cause_id="other"))),
    "one event a cause": lambda c, case: c.execute(insert(E).values(an_event("e2", cause_id="e1"))),
    "uq_ledger_events_undone": lambda c, case: c.execute(
        insert(E), [an_event(f"e{n}", kind="reversal", target_id="e1") for n in (2, 3)]
    ),
    "an event of a case that is there": lambda c, case: c.execute(insert(E).values(an_event("e2", case_id="none"))),
    "a target that is there": lambda c, case: c.execute(insert(E).values(an_event("e2", target_id="none"))),
    "ck_journal_entries_nth": lambda c, case: another_entry(c, nth=0),
    "ck_journal_entries_total": lambda c, case: c.execute(
        insert(journal_entries).values(an_entry("j3", nth=3, total_minor=0))
    ),
    "one n-th entry an event": lambda c, case: another_entry(c, nth=1),
    "one entry a name": lambda c, case: c.execute(insert(journal_entries).values(an_entry("j1", nth=2))),
    "an entry is reversed once": lambda c, case: [
        another_entry(c, nth=2, reverses_entry_id="j1"),
        c.execute(insert(journal_lines).values(a_line("j3"))),
        c.execute(insert(journal_entries).values(an_entry("j3", nth=3, reverses_entry_id="j1"))),
    ],
    "an entry of an event that is there": lambda c, case: another_entry(c, event_id="none"),
    "an entry that reverses one that is there": lambda c, case: another_entry(c, nth=2, reverses_entry_id="none"),
    "the total of an entry is the sum of its lines": lambda c, case: another_entry(c, nth=2, total_minor=6),
    "no line for an entry that is posted": lambda c, case: c.execute(insert(L).values(a_line("j1", line_no=2))),
    "no line without an entry": lambda c, case: c.execute(insert(L).values(a_line("j9"))),
    "one line a number": lambda c, case: c.execute(insert(L), [a_line("j9"), a_line("j9")]),
    "ck_journal_lines_amount": lambda c, case: c.execute(insert(L).values(a_line("j9", amount_minor=0))),
    "ck_journal_lines_sides": lambda c, case: c.execute(insert(L).values(a_line("j9", credit_account="cash"))),
    "ck_journal_lines_component": lambda c, case: c.execute(insert(L).values(a_line("j9", component="gift"))),
    "ck_ledger_positions_owed": lambda c, case: c.execute(insert(P).values(a_position(case, fees_minor=-1))),
    "ck_ledger_positions_method": lambda c, case: c.execute(insert(P).values(a_position(case, method="gift"))),
    "one position a case": lambda c, case: c.execute(insert(P), [a_position(case), a_position(case)]),
    "ck_ledger_differences_state": lambda c, case: c.execute(insert(D).values(a_difference("d", case, state="gone"))),
    "ck_ledger_differences_differs": lambda c, case: c.execute(insert(D).values(a_difference("d", case, feed_minor=1))),
    "uq_ledger_differences_open": lambda c, case: c.execute(
        insert(D), [a_difference("d1", case), a_difference("d2", case)]
    ),
    **{
        f"{table} is append-only: {verb}": lambda c, case, table=table, verb=verb: c.execute(
            text(f"delete from {table}" if verb == "delete" else f"update {table} set currency = 'USD'")
        )
        for table in ("ledger_events", "journal_entries", "journal_lines")
        for verb in ("update", "delete")
    },
}


@pytest.mark.parametrize("what", BREAKS)
def test_the_store_refuses_what_breaks_the_journal(what: str, store: Store, tmp_path: Any) -> None:
    case = some_cases(store, tmp_path, 1)[0]
    with pytest.raises((IntegrityError, DatabaseError)):
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(P.delete())
            posted(transaction.connection)
            transaction.audit("ledger.posted", "ledger_event", "e1")
            BREAKS[what](transaction.connection, case)


def test_every_check_and_unique_rule_of_the_journal_is_broken_above() -> None:
    named = {
        str(rule.name)
        for table in (ledger_events, journal_entries, journal_lines, ledger_positions, ledger_differences)
        for rule in (*table.constraints, *table.indexes)
        if str(rule.name).startswith("ck_") or (getattr(rule, "unique", False) and str(rule.name).startswith("uq_"))
    }
    assert named - set(BREAKS) == set()


def test_what_keeps_every_rule_is_taken(store: Store, tmp_path: Any) -> None:
    case = some_cases(store, tmp_path, 1)[0]
    with store.writing(SYSTEM, NOW) as transaction:
        connection = transaction.connection
        connection.execute(P.delete())
        posted(connection)
        another_entry(connection, nth=2, reverses_entry_id="j1")
        connection.execute(insert(P).values(a_position(case)))
        connection.execute(insert(D).values(a_difference("d1", case)))
        transaction.audit("ledger.posted", "ledger_event", "e1")
