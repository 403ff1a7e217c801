"""Vouchers: a closed period leaves once, with the same bytes for ever, balanced, and is acknowledged once."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.ledger.vouchers import (
    AcknowledgedAlready,
    ExportedAlready,
    Level,
    VoucherLeg,
    rows_of,
    template_of,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.ledger import vouchers
from ops_app.services.ledger.books import trial_balance
from ops_app.services.ledger.chart import chart
from ops_app.services.ledger.closing import list_periods
from ops_app.services.ledger.vouchers import (
    acknowledge_vouchers,
    export_vouchers,
    list_unexported,
    list_vouchers,
    read_vouchers,
    voucher_file,
)
from ops_app.store.store import Store
from ops_app.store.tables.books import voucher_batches
from tests.services.ledger.closed import DAY, END, FIRST, LAST, NOW, closed, november, two_people
from tests.services.ledger.entering import paid

STATED: dict[str, Any] = yaml.safe_load(vouchers.FILE.read_text(encoding="utf-8"))["templates"]


@pytest.fixture
def finance(store: Store, tmp_path: Path) -> Actor:
    """Finance, with November closed and a late payment in December."""
    finance, manager = two_people(store)
    ids = november(store, tmp_path)
    closed(store, finance, manager)
    paid(store, ids[0], date(2026, 11, 20), 500, now=NOW)
    return finance


def period_of(store: Store, actor: Actor) -> str:
    with store.reading() as connection:
        return str(connection.execute(text("select period_id from closed_periods where area = 'ledger'")).scalar_one())


def with_template(monkeypatch: pytest.MonkeyPatch, code: str, **other: Any) -> None:
    made = template_of(code, STATED[code] | other, chart())
    monkeypatch.setattr(vouchers, "template_for", lambda source_code: made)


def test_a_closed_period_leaves_once_and_comes_back_with_the_same_bytes(store: Store, finance: Actor) -> None:
    period = period_of(store, finance)
    waiting = list_unexported(finance, store, now=NOW)
    assert [(one.period_id, one.entries, one.total_minor) for one in waiting] == [
        (period, 4, 223_000), (None, 1, 500),
    ]  # fmt: skip
    made = export_vouchers(finance, store, now=NOW, period_id=period, source_code="SIM", key="k")
    assert export_vouchers(finance, store, now=NOW, period_id=period, source_code="SIM", key="k") == made
    with pytest.raises(ExportedAlready):
        export_vouchers(finance, store, now=NOW, period_id=period, source_code="SIM", key="other")
    name, data = voucher_file(finance, store, now=NOW, batch_id=made.batch_id)
    assert (name, hashlib.sha256(data).hexdigest()) == ("vouchers_000001_SIM.csv", made.file_hash)
    assert voucher_file(finance, store, now=NOW, batch_id=made.batch_id) == (name, data)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    found: Counter[str] = Counter()
    for row in rows:
        found[row["科目编号"]] += Decimal(row["借方金额"] or 0) - Decimal(row["贷方金额"] or 0)
    moved = trial_balance(finance, store, now=NOW, as_of_date=LAST, first_date=FIRST).rows
    assert {one.account.number: Decimal(one.debit_minor - one.credit_minor) / 100 for one in moved} == found
    assert [one.period_id for one in list_unexported(finance, store, now=NOW)] == [None]
    assert list_vouchers(finance, store, now=NOW).rows[0].entries == made.entries == 4


def test_a_batch_keeps_the_template_it_was_made_with(
    store: Store, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_template(monkeypatch, "standard", accounts={"cash": "1002.01"}, level="entry")
    made = export_vouchers(
        finance, store, now=NOW, period_id=period_of(store, finance), source_code="SIM", key="k"
    )  # fmt: skip
    _, before = voucher_file(finance, store, now=NOW, batch_id=made.batch_id)
    assert b"1002.01" in before
    with_template(monkeypatch, "standard")
    assert voucher_file(finance, store, now=NOW, batch_id=made.batch_id)[1] == before


def test_a_workbook_too_has_the_same_bytes_another_day(
    store: Store, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_template(monkeypatch, "by_entry")
    made = export_vouchers(
        finance, store, now=NOW, period_id=period_of(store, finance), source_code="SIM", key="k"
    )  # fmt: skip
    time.sleep(2.1)  # a file in a ZIP has a moment of two seconds
    name, data = voucher_file(finance, store, now=NOW, batch_id=made.batch_id)
    assert name.endswith(".xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == made.rows + 1
    assert sum(row[8] or 0 for row in rows[1:]) == pytest.approx(sum(row[9] or 0 for row in rows[1:]))


def test_what_was_tampered_with_is_not_given_out(store: Store, finance: Actor) -> None:
    made = export_vouchers(
        finance, store, now=NOW, period_id=period_of(store, finance), source_code="SIM", key="k"
    )  # fmt: skip
    with store._writers.begin() as connection:
        if store.dialect == "sqlite":
            connection.execute(text("drop trigger journal_lines_no_update"))
        else:
            connection.execute(text("alter table journal_lines disable trigger user"))
        connection.execute(text("update journal_lines set amount_minor = amount_minor + 1 where accounting_date < :of"),
                           {"of": END.isoformat()})  # fmt: skip
    with pytest.raises(Conflict, match="not those that were exported"):
        voucher_file(finance, store, now=NOW, batch_id=made.batch_id)


def test_the_general_ledger_acknowledges_once(store: Store, finance: Actor) -> None:
    made = export_vouchers(
        finance, store, now=NOW, period_id=period_of(store, finance), source_code="SIM", key="k"
    )  # fmt: skip
    said = {"now": NOW, "batch_id": made.batch_id}
    for wrong in ({"reference": " ", "received_date": END}, {"reference": "GL-1", "received_date": LAST},
                  {"reference": "GL-1", "received_date": date(2026, 12, 3)}):  # fmt: skip
        with pytest.raises(Invalid):
            acknowledge_vouchers(finance, store, **said, **wrong)
    done = acknowledge_vouchers(finance, store, **said, reference=" GL-1 ", received_date=date(2026, 12, 2))
    assert (done.reference, done.recorded_by_name) == ("GL-1", "Fan")
    with pytest.raises(AcknowledgedAlready):
        acknowledge_vouchers(finance, store, **said, reference="GL-2", received_date=date(2026, 12, 2))
    assert read_vouchers(finance, store, now=NOW, batch_id=made.batch_id) == done


def test_what_is_open_unknown_or_empty_does_not_leave(store: Store, finance: Actor) -> None:
    period = period_of(store, finance)
    for said in ({"period_id": "0" * 64, "source_code": "SIM"}, {"period_id": period, "source_code": "B1"}):
        with pytest.raises(Invalid):
            export_vouchers(finance, store, now=NOW, key=str(said), **said)
    for ask in (read_vouchers, voucher_file):
        with pytest.raises(NotFound):
            ask(finance, store, now=NOW, batch_id="0" * 32)
    manager = next(one for one in (list_periods(finance, store, now=NOW))).closed_by
    assert manager == "Mei"
    with pytest.raises(Refused):
        export_vouchers(Actor("m", "M", Role.MANAGER), store, now=NOW, period_id=period, source_code="SIM", key="m")


def test_the_store_itself_keeps_a_second_batch_and_every_change_out(store: Store, finance: Actor) -> None:
    made = export_vouchers(
        finance, store, now=NOW, period_id=period_of(store, finance), source_code="SIM", key="k"
    )  # fmt: skip
    values = {it.name: getattr(made, it.name) for it in voucher_batches.columns}
    with pytest.raises(IntegrityError), store._writers.begin() as connection:
        connection.execute(insert(voucher_batches).values(values | {"batch_id": "x", "number": 2}))
    with pytest.raises(DBAPIError), store._writers.begin() as connection:
        connection.execute(text("update voucher_batches set number = 7"))


LEGS = st.lists(
    st.tuples(
        st.dates(DAY, LAST), st.sampled_from(sorted(chart())), st.sampled_from(sorted(chart())),
        st.sampled_from(["principal", "interest", ""]), st.sampled_from(["CNY", "USD"]), st.integers(1, 10**12),
    ).filter(lambda one: one[1] != one[2]),
    max_size=30,
)  # fmt: skip


@given(LEGS)
def test_days_added_up_come_to_what_their_entries_do(lines: list[tuple[date, str, str, str, str, int]]) -> None:
    legs = [
        VoucherLeg(day, number, 1, is_credit, account, part, currency, "", amount)
        for number, (day, debit, credit, part, currency, amount) in enumerate(lines, start=1)
        for is_credit, account in ((False, debit), (True, credit))
    ]
    sums = []
    for level in Level:
        template = template_of("t", STATED["standard"] | {"level": level.value}, chart())
        found: Counter[tuple[object, ...]] = Counter()
        for row in rows_of(template, chart(), 1, legs):
            for side in ("debit", "credit"):
                found[row["date"], row["account"], row["component"], row["currency"], side] += row[side] or Decimal(0)  # type: ignore[operator]
        sums.append(+found)
    assert sums[0] == sums[1]


def test_legs_that_do_not_balance_do_not_leave() -> None:
    template = template_of("standard", STATED["standard"], chart())
    leg = VoucherLeg(DAY, 1, 1, False, "cash", "", "CNY", "", 5)
    with pytest.raises(ArithmeticError):
        rows_of(template, chart(), 1, [leg])


@pytest.mark.parametrize(
    "other",
    [{"fields": ["date"]}, {"fields": ["date", "account", "currency", "debit", "credit", "colour"]}, {"level": "week"},
     {"accounts": {"no_such": "1"}}, {"layout": "pdf"},
     {"fields": ["date", "date", "account", "currency", "debit", "credit"]}],
)  # fmt: skip
def test_a_template_that_cannot_be_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        template_of("t", STATED["standard"] | other, chart())
