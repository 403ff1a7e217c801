"""The journal in the marts: what the ops store posted, to the minor unit, by parts and in whole, and what payments paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.casework.cases import case_id
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.verify_journal import verify_journal, verify_posted, verify_replayed
from pipelines.build import BuildFailed, build, target_path
from pipelines.extracts import extract_ops
from pipelines.marts_hash import mart_hashes
from pipelines.verify_journal_marts import verify_journal_marts
from pipelines.warehouse import Warehouse
from tests.services.casework.casebook import a_spell, taken_in
from tests.services.ledger.people import a_repayment

CASE = {n: case_id("SIM", f"L{n}", 1) for n in (1, 2)}
LAST = date(2026, 3, 20)


def march(day: int) -> date:
    return date(2026, 3, day)


class Book:
    """A house with two claims, its warehouse, and the acts of a short story."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.warehouse = Warehouse(app.settings.warehouse_path)

    def open_claim(self, n: int, **parts: int) -> None:
        amounts = {f"{part}_minor": parts.get(part, 0) for part in ("principal", "interest", "fees", "penalty")}
        spell = a_spell(n, as_of_date=march(2), opened_date=march(2), balance_minor=sum(amounts.values()), **amounts)
        taken_in(self.app.store, self.app.settings.evidence, spell, day=march(2), now=self.at(2))

    def at(self, day: int) -> datetime:
        return datetime(2026, 3, day, 4, 0, tzinfo=UTC)

    def pay(self, payment_id: str, amount: int, n: int, told: int, counts: int | None = None, **other: Any) -> None:
        one = a_repayment(payment_id, amount, loan_id=f"L{n}", value_date=march(counts or told), **other)
        record_payments(SYSTEM, self.app.store, now=self.at(told), rows=[one], business_date=march(told), origin="push")

    def post(self, n: int, kind: EventKind, name: str, day: int, cause: Cause = Cause.APPROVAL, **other: Any) -> None:
        event = LedgerEvent(
            kind=kind, source_code="SIM", loan_id=f"L{n}", currency="CNY", value_date=march(day), cause=cause,
            cause_id=name, case_id=CASE[n], **other,
        )  # fmt: skip
        with self.app.store.writing(SYSTEM, self.at(day)) as transaction:
            post(transaction, [event])
            transaction.audit("ledger.posted", "ledger_event", event.event_id)

    def build(self, *, full_refresh: bool = False) -> set[str]:
        extract_ops(self.warehouse, self.app.settings)
        settings = self.app.settings
        return {node.name for node in build(self.warehouse.path, settings, LAST, full_refresh=full_refresh).nodes}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.query(sql)


def paid_by(payment_id: str) -> str:
    return event_id(Cause.PAYMENT, f"SIM/{payment_id}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """A story in two builds: payments of every place, then late, reversed, refunded, written off, passed on."""
    app = open_app(Settings.load(home=tmp_path_factory.mktemp("journal"), ops_url=""))
    told = Book(app)
    told.open_claim(1, principal=10_000, interest=500, fees=200, penalty=100)
    told.open_claim(2, principal=3_000, interest=0)
    told.pay("P1", 300, 1, told=5)
    told.pay("P2", 5_000, 2, told=6)
    told.pay("P3", 700, 99, told=6)
    told.pay("P4", 40, 1, told=6, currency="USD")
    told.pay("P/5#1", 250, 99, told=6)
    told.build()
    # counts before P1, so that what P1 paid reads otherwise
    told.pay("P6", 400, 1, told=9, counts=4)
    told.pay("R2", 1_000, 2, told=10, kind=RepaymentKind.REFUND, reverses_payment_id="P2")
    told.pay("R3", 700, 99, told=10, kind=RepaymentKind.REVERSAL, reverses_payment_id="P3")
    # money that passed outside belongs to a claim after all, and its payment is then taken back
    told.post(1, EventKind.RECEIPT, "in", 6, Cause.FEED, amount_minor=250, target_id=paid_by("P/5#1"),
              terms={"funding": "outside"})  # fmt: skip
    told.pay("R5", 250, 99, told=11, kind=RepaymentKind.REVERSAL, reverses_payment_id="P/5#1")
    # what was held is handed back by the house
    told.post(2, EventKind.REFUND, "back", 12, amount_minor=600, target_id=paid_by("P2"))
    told.post(1, EventKind.WRITE_OFF, "off", 12, parts={Component.PRINCIPAL: 10_000, Component.INTEREST: 100})
    told.pay("P7", 900, 1, told=15)
    yield told
    app.close()


@pytest.fixture(scope="module")
def built(house: Book) -> Book:
    """After the second build, which makes only what moved."""
    house.nodes = house.build()  # type: ignore[attr-defined]
    return house


def test_the_store_is_sound_and_the_marts_are_its_journal(built: Book) -> None:
    for check in (verify_journal, verify_posted, verify_replayed):
        assert check(built.app.store).state == "holds"
    finding = verify_journal_marts(built.app.settings, built.warehouse)
    assert (finding.state, finding.checked > 20) == ("holds", True)
    assert built.rows("select count(*) from marts.fct_journal_lines") == built.rows(
        "select 2 * count(*) from ops.journal_lines"
    )


def test_every_leg_says_account_event_and_what_reversed_it(built: Book) -> None:
    rows = built.rows(
        "select side, account_code, account_number, component, amount, signed_amount, event_kind, cause, is_reversed,"
        " reverses_entry_id is not null, because_event_id, value_date, accounting_date, posted_at, loan_id"
        f" from marts.fct_journal_lines where event_id = '{paid_by('P1')}' order by posted_at, is_reversed desc, entry_id"
    )
    first = [row for row in rows if row[8]]
    assert {(row[0], row[1], row[2]) for row in first} >= {("debit", "cash", "1002")}
    assert {row[13] for row in first} == {datetime(2026, 3, 5, 4)}
    storno = [row for row in rows if row[9]]
    assert len(storno) == len(first) > 0
    assert {(row[10], row[13]) for row in storno} == {(paid_by("P6"), datetime(2026, 3, 9, 4))}
    assert sum(row[5] for row in rows) == 0
    assert {row[14] for row in rows} == {"L1"}
    assert {row[6:8] for row in rows} == {("receipt", "payment")}
    standing = [row for row in rows if not row[8] and not row[9] and row[0] == "credit"]
    assert sum(row[4] for row in standing) == Decimal("3.00")


def test_the_rows_of_a_payment_say_where_its_money_stands_and_sum_to_it(built: Book) -> None:
    found = built.rows(
        "select payment_id, case_id, place, sum(amount) from marts.fct_repayment_applications group by all order by all"
    )
    one, two = CASE[1], CASE[2]
    assert sorted(found, key=str) == sorted([
        ("P1", one, "applied", Decimal("3.00")),
        ("P2", two, "applied", Decimal("30.00")),
        ("P2", two, "held", Decimal("14.00")),
        ("P2", two, "returned", Decimal("6.00")),
        ("P3", None, "outside", Decimal("7.00")),
        ("P4", None, "unmatched", Decimal("0.40")),
        ("P/5#1", one, "applied", Decimal("2.50")),
        ("P6", one, "applied", Decimal("4.00")),
        ("P7", one, "recovered", Decimal("9.00")),
        ("R2", two, "held", Decimal("-10.00")),
        ("R3", None, "outside", Decimal("-7.00")),
        ("R5", one, "applied", Decimal("-2.50")),
    ], key=str)  # fmt: skip
    assert built.rows("select distinct value_date from marts.fct_repayment_applications where payment_id = 'P6'") == [
        (march(4),)
    ]


def test_what_payments_paid_by_component_is_what_stands_on_the_books(built: Book) -> None:
    applied = dict(built.rows(
        "select component, sum(amount) from marts.fct_repayment_applications"
        f" where case_id = '{CASE[1]}' and place = 'applied' group by 1"
    ))  # fmt: skip
    position = dict(built.rows(
        "select unnest(['principal', 'interest', 'fees', 'penalty']), unnest(["
        "10000 - principal_minor - written_off_principal_minor, 500 - interest_minor - written_off_interest_minor,"
        f" 200 - fees_minor, 100 - penalty_minor]) from ops.ledger_positions where case_id = '{CASE[1]}'"
    ))  # fmt: skip
    recovered = dict(built.rows(
        "select component, sum(amount) from marts.fct_repayment_applications"
        f" where case_id = '{CASE[1]}' and place = 'recovered' group by 1"
    ))  # fmt: skip
    for part, minor in position.items():
        assert applied.get(part, 0) + recovered.get(part, 0) == Decimal(minor).scaleb(-2), part


def test_a_build_of_what_moved_gives_the_marts_of_a_full_one(built: Book) -> None:
    found = mart_hashes(built.warehouse.path)
    assert {"fct_journal_lines", "fct_repayment_applications"} <= built.nodes  # type: ignore[attr-defined]
    assert "dim_accounts" not in built.nodes  # type: ignore[attr-defined]
    built.build(full_refresh=True)
    assert mart_hashes(built.warehouse.path) == found


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("debits_and_credits_of_an_entry_are_equal",
         "update marts.fct_journal_lines set signed_amount = signed_amount + 0.01 where account_code = 'recovered'"),
        ("applications_of_a_payment_sum_to_its_amount",
         "update marts.fct_repayment_applications set amount = amount + 0.01 where payment_id = 'P7'"),
        ("applications_of_a_payment_sum_to_its_amount",
         "delete from marts.fct_repayment_applications where payment_id = 'R3'"),
        ("no_money_goes_on_further_than_it_is_followed",
         "update intermediate.int_payment_events set steps = 3 where payment_id = 'P/5#1' and steps = 0"),
    ],
)  # fmt: skip
def test_each_check_of_the_data_finds_what_it_is_for(built: Book, check: str, damage: str) -> None:
    (compiled,) = Path(target_path(built.app.settings)).glob(f"compiled/**/{check}.sql")
    query = compiled.read_text(encoding="utf-8")
    assert built.rows(query) == []
    with built.warehouse.open() as connection:
        connection.execute("begin")
        connection.execute(damage)
        found = connection.execute(query).fetchall()
        connection.execute("rollback")
    assert len(found) == 1


def test_no_mart_has_a_number_that_the_order_of_arrival_gives(built: Book) -> None:
    columns = {name for (name,) in built.rows(
        "select column_name from information_schema.columns where table_schema = 'marts'"
        " and table_name in ('fct_journal_lines', 'fct_repayment_applications')"
    )}  # fmt: skip
    assert columns.isdisjoint({"seq", "entry_no"})


def test_what_was_posted_since_the_build_is_no_fault_and_a_copy_that_waits_for_its_build_neither(built: Book) -> None:
    built.pay("P8", 10, 1, told=16)
    assert verify_journal_marts(built.app.settings, built.warehouse).state == "holds"
    extract_ops(built.warehouse, built.app.settings)
    assert verify_journal_marts(built.app.settings, built.warehouse).state == "holds"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update marts.fct_journal_lines set signed_amount = signed_amount + 0.01 where account_code = 'cash'"
         " and event_id = (select min(event_id) from marts.fct_journal_lines where account_code = 'cash')",
         "SIM CNY cash"),
        ("delete from marts.fct_journal_lines where account_code = 'outside'", "SIM CNY outside"),
        ("update marts.fct_journal_lines set case_id = 'other' where account_code = 'suspense_case'", "suspense_case"),
        ("insert into marts.fct_journal_lines select * from marts.fct_journal_lines where account_code = 'waived'"
         " or entry_id = (select min(entry_id) from marts.fct_journal_lines)", "legs"),
    ],
)  # fmt: skip
def test_marts_that_are_not_the_journal_of_the_store_are_named(built: Book, damage: str, said: str) -> None:
    with built.warehouse.open() as connection:
        connection.execute("create or replace temp table kept as from marts.fct_journal_lines")
        connection.execute(damage)
        finding = verify_journal_marts(built.app.settings, built.warehouse)
        connection.execute("delete from marts.fct_journal_lines")
        connection.execute("insert into marts.fct_journal_lines from kept")
    assert finding.state == "broken"
    assert said in finding.detail
    assert verify_journal_marts(built.app.settings, built.warehouse).state == "holds"


def test_a_build_of_which_the_journal_does_not_tie_fails_and_the_next_makes_it_anew(built: Book) -> None:
    built.build()
    found = mart_hashes(built.warehouse.path)
    with built.warehouse.open() as connection:
        connection.execute(
            "update marts.fct_journal_lines set account_code = 'outside' where account_code = 'recovered'"
        )
    with pytest.raises(BuildFailed, match=r"fct_journal_lines: SIM CNY recovered: the ops store has"):
        built.build()
    built.build()
    assert mart_hashes(built.warehouse.path) == found
