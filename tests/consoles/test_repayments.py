"""The pages of payments: list, record, held contact, the tab of a case; in both languages and for both houses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from ops_app.bootstrap import App
from ops_app.domain.contact.holds import HoldCause
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.contact.holding import holds_of
from tests.consoles.conftest import OpenPage, words
from tests.services.casework.casebook import a_debtor, a_spell, placed, taken_in
from tests.services.ledger.paying import came_in, opened, paid, recorded_only, taken_back


@dataclass(frozen=True)
class Book:
    """A case of agency A01 with a payment, another with one in suspense."""

    posted: str
    waiting: str


@pytest.fixture
def book(app: App) -> Book:
    now = app.clock.now()
    day = now.astimezone(app.settings.zone).date()
    rows = [a_spell(n, as_of_date=day, opened_date=day - timedelta(days=5)) for n in (1, 2)]
    taken_in(app.store, app.settings.evidence, *rows, debtors=[a_debtor(1), a_debtor(2)], now=now, day=day)
    one, two = (row["case_id"] for row in rows)
    placed(app.store, "A01", one, now=now - timedelta(days=3), due_at=now + timedelta(days=30))
    opened(app.store, one, two, day=day - timedelta(days=4))
    first = paid("P1", 12_345, 1, day=day)
    came_in(app.store, (first, one), (paid("P2", 700, 2, day=day), None), now=now)
    recorded_only(app.store, [paid("P3", 55_500, 1, day=day)], now)
    came_in(app.store, (taken_back(first, "R1"), one), (paid("P4", 100, 1, day=day), one), now=now)
    return Book(one, two)


def press(at, label: str):
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]
    return at


def field(at, kind: str, name: str):
    return next(one for one in at.get(kind) if f".{name}." in (one.key or ""))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Posted to", "on a case", "not posted yet", "Net sum in CNY")),
        ("zh", ("入账去向", "案件", "未入账", "净额")),
    ],
)
def test_the_list_shows_where_each_was_posted_with_totals(
    book: Book, open_page: OpenPage, language: str, said: tuple[str, ...]
) -> None:
    at = open_page("repayments", Role.FINANCE, language=language)
    assert not at.exception, [error.value for error in at.exception]
    shown = words(at) + str([frame.value.to_csv() for frame in at.dataframe])
    for one in (*said, "P1", "P3", "R1"):
        assert one in shown, one


@pytest.mark.parametrize(("language", "said"), [("en", "takes this payment back"), ("zh", "冲正本笔")])
def test_the_record_shows_parts_entries_reversal_and_case(
    book: Book, open_page: OpenPage, language: str, said: str
) -> None:
    at = open_page("repayments", Role.AUDITOR, language=language, query={"repayment_id": "SIM/P1"})
    assert not at.exception, [error.value for error in at.exception]
    shown = words(at) + str([frame.value.to_csv() for frame in at.dataframe])
    for one in (said, "claims_principal", "123.45", "张**"):
        assert one in shown, one
    assert "张三丰" not in shown


def test_a_payment_that_is_not_there_is_said_to_be_none(book: Book, open_page: OpenPage) -> None:
    at = open_page("repayments", Role.FINANCE, query={"repayment_id": "SIM/NONE"})
    assert [error.value for error in at.error] == ["There is no such payment."]


@pytest.mark.parametrize(("language", "said"), [("en", "not confirmed, no commission"), ("zh", "未确认，不计佣")])
def test_an_agency_reads_its_own_and_what_is_not_confirmed(
    book: Book, open_page: OpenPage, language: str, said: str
) -> None:
    at = open_page("repayments", Role.AGENCY_SUPERVISOR, language=language)
    assert not at.exception, [error.value for error in at.exception]
    shown = str([frame.value.to_csv() for frame in at.dataframe])
    assert said in shown
    assert "P3" in shown
    assert "P2" not in shown
    record = open_page("repayments", Role.AGENCY_ADMINISTRATOR, language=language, query={"repayment_id": "SIM/P2"})
    assert len(record.error) == 1


def test_a_narrowed_list_stays_in_the_address(book: Book, open_page: OpenPage) -> None:
    at = open_page("repayments", Role.FINANCE, query={"repayments_place": "suspense"})
    shown = str([frame.value.to_csv() for frame in at.dataframe])
    assert "P2" in shown
    assert "P1" not in shown
    wrong = open_page("repayments", Role.MANAGER, query={"repayments_sort": "amount_minor-", "repayments_least": "x"})
    assert not wrong.exception, [error.value for error in wrong.exception]
    assert any("x" in error.value for error in wrong.error)


def test_a_hold_that_waits_is_taken_over_and_released_with_a_reason(book: Book, open_page: OpenPage, app: App) -> None:
    (held,) = holds_of(SYSTEM, app.store, now=app.clock.now(), ids=[book.waiting])[book.waiting]
    assert held.cause is HoldCause.UNMATCHED
    at = open_page("repayments", Role.COMPLIANCE, query={"repayments_view": "held", "held_id": held.hold_id})
    assert not at.exception, [error.value for error in at.exception]
    assert "L2" in words(at)
    press(at, "Do it")
    at = open_page("repayments", Role.SUPERVISOR, query={"repayments_view": "held", "held_id": held.hold_id})
    field(at, "selectbox", "what").select("release")
    press(at, "Do it")
    assert any("reason" in error.value.lower() for error in at.error)
    field(at, "text_area", "reason").set_value("the money is another debtor's")
    press(at, "Do it")
    assert holds_of(SYSTEM, app.store, now=app.clock.now(), ids=[book.waiting]) == {}


def test_a_disputed_payment_holds_contact_from_its_record(book: Book, open_page: OpenPage, app: App) -> None:
    at = open_page("repayments", Role.FINANCE, query={"repayment_id": "SIM/P4"})
    asked = next(one for one in at.get("text_area") if "dispute_" in (one.key or ""))
    asked.set_value("he says he never paid this")
    press(at, "Payment is disputed")
    found = holds_of(SYSTEM, app.store, now=app.clock.now(), ids=[book.posted])[book.posted]
    assert {one.cause for one in found} == {HoldCause.RECEIVED, HoldCause.DISPUTED}


@pytest.mark.parametrize(("language", "said"), [("en", "payment received, contact resumes on"), ("zh", "已收到还款，")])
def test_the_head_of_the_case_says_that_contact_is_held_and_the_tab_where_each_stands(
    book: Book, open_page: OpenPage, language: str, said: str
) -> None:
    at = open_page(
        "cases", Role.SUPERVISOR, language=language, query={"case_id": book.posted, "case_tab": "repayments"}
    )
    assert not at.exception, [error.value for error in at.exception]
    assert said in words(at)
    shown = str([frame.value.to_csv() for frame in at.dataframe])
    assert {"en": "not posted yet", "zh": "未入账"}[language] in shown


def test_the_list_of_cases_marks_those_on_which_contact_is_held(book: Book, open_page: OpenPage, app: App) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"cases_view": "all"})
    assert not at.exception, [error.value for error in at.exception]
    shown = str([frame.value.to_csv() for frame in at.dataframe])
    assert "until decided" in shown
    assert "until " in shown
    assert read_case(SYSTEM, app.store, now=app.clock.now(), case_id=book.posted).against_contact


def test_no_payment_in_these_days_says_what_is_shown(app: App, open_page: OpenPage) -> None:
    assert "31 value dates" in words(open_page("repayments", Role.FINANCE))
