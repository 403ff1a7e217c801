"""The ledger of write-offs: filters, pages, totals, entries, the tie to the accounts, recovery by month ((c)8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from ops_app.domain.errors import Invalid
from ops_app.domain.hidden import Hidden
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.write_off_criteria import WriteOffPath
from ops_app.domain.ledger.write_offs import NoSuchWriteOff, WriteOffState
from ops_app.domain.organisation.rights import AMOUNTS, Rights
from ops_app.services.ledger.verify_write_offs import verify_write_offs
from ops_app.services.ledger.write_off_reading import (
    SORTS,
    WriteOffFilter,
    draft_write_off,
    list_write_offs,
    read_write_off,
    recovery_by_month,
    tie_to_accounts,
)
from ops_app.store.store import Store
from ops_app.store.tables.write_offs import write_off_parts
from tests.services.ledger.writing_off import (
    DAY,
    FEES,
    INTEREST,
    MAKER,
    NOW,
    OWED,
    PRINCIPAL,
    TODAY,
    booked,
    happens,
    of,
    on_the_books,
    paid,
    reversed_,
)


def test_the_ledger_is_narrowed_sorted_turned_and_summed(store: Store, tmp_path: Path) -> None:
    ids = [
        booked(
            store,
            on_the_books(store, tmp_path, {PRINCIPAL: 10_000 * nth, INTEREST: 1}),
            effective_date=TODAY - nth * DAY,
        )
        for nth in range(1, 6)
    ]
    paid(store, of(store, ids[0]).case_id, 500, TODAY)
    for sort in SORTS:
        for descending in (True, False):
            seen, after = [], None
            while True:
                page = list_write_offs(MAKER, store, now=NOW, sort=sort, descending=descending, after=after, limit=2)
                seen += page.rows
                after = page.next_after
                if after is None:
                    break
            values = [getattr(one, sort) for one in seen]
            assert values == sorted(values, reverse=descending)
            assert {one.write_off_id for one in seen} == set(ids)
    (sums,) = page.sums
    assert (sums.count, sums.claim_minor, sums.recovered_minor, sums.remaining_minor) == (5, 150_005, 500, 149_505)

    def found(**wanted: object) -> set[str]:
        return {one.write_off_id for one in list_write_offs(
            MAKER, store, now=NOW, wanted=WriteOffFilter(**wanted)).rows}  # type: ignore[arg-type]  # fmt: skip

    assert found(states=frozenset({WriteOffState.PARTLY_RECOVERED})) == {ids[0]}
    assert found(since=TODAY - 2 * DAY, until=TODAY - 2 * DAY) == {ids[1]}
    assert found(path=WriteOffPath.DEATH) == found(lender_code="other") == found(product_code="card") == set()
    assert found(text=of(store, ids[3]).loan_id) == {ids[3]}
    with pytest.raises(Invalid):
        list_write_offs(MAKER, store, now=NOW, sort="reason")


def test_a_record_has_its_components_moves_entries_and_lines(store: Store, tmp_path: Path) -> None:
    write_off_id = booked(store, on_the_books(store, tmp_path))
    case_id = of(store, write_off_id).case_id
    paid(store, case_id, 1_000, TODAY)
    found = read_write_off(MAKER, store, now=NOW, write_off_id=write_off_id)
    assert [part.claim_minor for part in found.components] == [70_000, 20_000, 10_000, 0, 0]
    assert [entry.kind for entry in found.entries] == [EventKind.WRITE_OFF, EventKind.RECEIPT]
    assert {(line.debit, line.credit, line.amount_minor) for line in found.entries[1].lines} == {
        (accounts.CASH, accounts.ALLOWANCE, 1_000),
        (accounts.WRITTEN_OFF_CONTRA, accounts.WRITTEN_OFF_CLAIMS, 1_000),
    }
    assert {proof.kind.value for proof in found.item.proofs} == {"legal_steps", "recourse_done"}
    with pytest.raises(NoSuchWriteOff):
        read_write_off(MAKER, store, now=NOW, write_off_id="0" * 32)


def test_the_register_ties_to_the_accounts_per_currency_and_a_fault_is_found(store: Store, tmp_path: Path) -> None:
    write_off_id = booked(store, on_the_books(store, tmp_path))
    case_id = of(store, write_off_id).case_id
    paid(store, case_id, 3_000, TODAY)
    other = on_the_books(store, tmp_path, currency="USD")
    happens(store, other, EventKind.WRITE_OFF, TODAY, parts={FEES: 10_000}, terms={"method": "direct"})  # by the feed
    on_the_books(store, tmp_path, memo=True)  # taken over written off, in no write-off of ours
    found = {(one.account, one.currency): one for one in tie_to_accounts(MAKER, store, now=NOW)}
    assert all(one.difference_minor == 0 for one in found.values())
    claims = found[accounts.WRITTEN_OFF_CLAIMS, "CNY"]
    assert (claims.ledger_minor, claims.register_minor, claims.others_minor) == (197_000, 97_000, 100_000)
    assert found[accounts.ALLOWANCE, "CNY"].register_minor == 97_000
    assert found[accounts.charge_off(FEES), "USD"].others_minor == 10_000
    assert verify_write_offs(store).state == "holds"

    with store.writing(MAKER, NOW) as transaction:  # a planted fault: the register forgets a recovery
        transaction.connection.execute(
            update(write_off_parts)
            .where(write_off_parts.c.write_off_id == write_off_id, write_off_parts.c.recovered_minor > 0)
            .values(recovered_minor=0, remaining_minor=write_off_parts.c.remaining_minor + 3_000)
        )
        transaction.audit("test.planted", "write_off", write_off_id)
    assert any(one.difference_minor for one in tie_to_accounts(MAKER, store, now=NOW))
    assert verify_write_offs(store).state == "broken"


def test_recoveries_stand_by_month_of_write_off_and_add_up(store: Store, tmp_path: Path) -> None:
    first = booked(store, on_the_books(store, tmp_path), effective_date=date(2026, 8, 31))
    second = booked(store, on_the_books(store, tmp_path), effective_date=date(2026, 8, 1))
    gone = booked(store, on_the_books(store, tmp_path), effective_date=date(2026, 9, 1))
    taken_back = paid(store, of(store, first).case_id, 9_999, date(2026, 9, 1))
    paid(store, of(store, first).case_id, 1_000, date(2026, 8, 31))
    paid(store, of(store, first).case_id, 2_000, date(2026, 9, 1))
    paid(store, of(store, second).case_id, 4_000, date(2026, 11, 30))
    paid(store, of(store, gone).case_id, 8_000, date(2026, 9, 2))
    happens(store, of(store, first).case_id, EventKind.REVERSAL, date(2026, 10, 5), target=taken_back,
            amount_minor=9_999)  # fmt: skip
    reversed_(store, gone)
    (august,) = recovery_by_month(MAKER, store, now=NOW)
    assert (august.year, august.month, august.count, august.claim_minor) == (2026, 8, 2, 200_000)
    assert august.recovered_minor == {0: 1_000, 1: 12_999, 2: 3_000, 3: 7_000}


def test_whoever_may_not_see_amounts_reads_the_ledger_without_them(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    blind = replace(MAKER, rights=Rights(withheld=frozenset({AMOUNTS})))
    page = list_write_offs(blind, store, now=NOW)
    assert isinstance(page.rows[0].claim_minor, Hidden)
    assert isinstance(page.sums[0].claim_minor, Hidden)
    record = read_write_off(blind, store, now=NOW, write_off_id=write_off_id)
    assert isinstance(record.entries[0].lines[0].amount_minor, Hidden)
    assert all(isinstance(part.claim_minor, Hidden) for part in record.components)
    draft = draft_write_off(blind, store, now=NOW, case_id=case_id)
    assert all(isinstance(value, Hidden) for value in draft.owed.book_minor.values())
    assert sum(OWED.values()) == 100_000
