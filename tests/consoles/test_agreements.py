"""Pages of waivers and plans: the tab of a case, the list with its totals, the desk of audit, the form's try-out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ops_app.bootstrap import App
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.agreements import AgreementState
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.agreement_judging import judge_agreements
from ops_app.services.ledger.agreement_reading import agreements_of_case
from ops_app.services.ledger.journal import post
from tests.consoles.conftest import OpenPage, words
from tests.consoles.test_requests import fill, person, press
from tests.services.casework.asking import ask, decide
from tests.services.casework.casebook import SUPERVISOR, a_collector, now_is, placed, some_cases

K = CaseRequestKind


@pytest.fixture
def ids(app: App) -> list[str]:
    """Two cases with A01 whose money the ledger holds."""
    made, now = some_cases(app.store, app.settings.evidence, 2, in_ledger=False), app.clock.now()
    placed(app.store, "A01", *made, now=now, due_at=now + timedelta(days=30))
    with app.store.writing(SYSTEM, now) as transaction:
        for number, one in enumerate(made, start=1):
            case = now_is(app.store, one)
            post(
                transaction,
                [
                    LedgerEvent(
                        EventKind.OPENING, "SIM", f"L{number}", "CNY", case.as_of_date, Cause.FEED, f"o{number}",
                        case_id=one, parts={Component.PRINCIPAL: case.principal_minor},
                    )
                ],
            )  # fmt: skip
        transaction.audit("test.posted", "case", made[0])
    return made


def asked(app: App, by: Actor, case_id: str, kind: CaseRequestKind, **form: Any) -> str:
    later = (app.clock.now() + timedelta(days=5)).date().isoformat()
    days = {"first_date": later} if kind is K.INSTALMENT else {"pay_by_date": later}
    return ask(app.store, app.settings.evidence, by, case_id, kind, now=app.clock.now(), **days | form)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_plan_is_followed_on_its_case_and_in_the_list_until_it_lapses(
    app: App, open_page: OpenPage, ids: list[str], language: str
) -> None:
    caller = a_collector(app.store, "guo", "A01", Role.AGENCY_SUPERVISOR)
    one = asked(app, caller, ids[0], K.INSTALMENT)
    decide(app.store, a_collector(app.store, "sun", None, Role.SUPERVISOR), one, now=app.clock.now())
    query = {"case_id": ids[0], "case_tab": "agreements"}
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "to be paid", "zh": "待还"}[language] in words(at)
    assert "333.34" in words(at)
    as_of = (app.clock.now() + timedelta(days=9)).date()
    judge_agreements(SYSTEM, app.store, now=app.clock.now(), as_of=as_of)
    at = open_page("agreements", Role.SUPERVISOR, language=language, query={"agreements_id": one})
    assert not at.exception, [error.value for error in at.exception]
    for said in {"en": ("lapsed: not paid as agreed", "no longer due", "re-aged"),
                 "zh": ("失效：未按约还款", "已作废", "账龄重置")}[language]:  # fmt: skip
        assert said in words(at), said
    only = {"agreements_only": "broken", "agreements_state": "lapsed", "agreements_kind": "instalment"}
    at = open_page("agreements", Role.MANAGER, language=language, query=only)
    assert "1,000.00" in words(at)
    at = open_page("agreements", Role.FINANCE, language=language, query={"agreements_only": "due_week"})
    assert "L1" not in words(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_desk_shows_limits_and_grants_without_counting(
    app: App, open_page: OpenPage, ids: list[str], language: str
) -> None:
    boss = a_collector(app.store, "guo", "A01", Role.AGENCY_SUPERVISOR)
    one = asked(app, boss, ids[1], K.WAIVER)
    at = open_page("waiver_audit", Role.SUPERVISOR, language=language, query={"waiver_audit_id": one})
    assert not at.exception, [error.value for error in at.exception]
    said = {"en": ("limit of a debtor", "principal would be waived", "within the limit"),
            "zh": ("单一债务人累计减免上限", "涉及减免本金", "未超限")}[language]  # fmt: skip
    for text in (*said, "0.00 / 500,000.00"):
        assert text in words(at), text
    reason = {"en": "Reason", "zh": "理由"}[language]
    fill(at, reason, "special case of the court", f"uncounted_{one}")
    press(at, {"en": "Approve, not counted", "zh": "通过不计入考核"}[language])
    (found,) = agreements_of_case(SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[1])
    assert (found.state, found.is_counted) == (AgreementState.UNCOUNTED, False)
    at = open_page("agreements", Role.AUDITOR, language=language, query={"agreements_id": one})
    assert {"en": "granted, not counted in performance", "zh": "通过不计入考核"}[language] in words(at)


def test_the_form_says_what_would_be_left_before_anything_is_sent(
    app: App, open_page: OpenPage, ids: list[str]
) -> None:
    query = {"case_id": ids[0], "case_tab": "requests"}
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, query=query)
    next(one for one in at.selectbox if one.key == f"ask_{ids[0]}").set_value("waiver").run()
    next(one for one in at.selectbox if (one.key or "").split(".")[1:2] == ["ground"]).set_value("hardship")
    next(one for one in at.selectbox if (one.key or "").split(".")[1:2] == ["condition"]).set_value("none")
    fill(at, "Principal to waive", "2000.00")
    press(at, "Try it out")
    assert any("Only 1000.01 CNY of this is owed" in error.value for error in at.error)
    fill(at, "Principal to waive", "400.00")
    press(at, "Try it out")
    assert "Left to be paid: 600.01 CNY" in words(at).replace("CNY 600.01", "600.01 CNY")
    assert agreements_of_case(SUPERVISOR, app.store, now=app.clock.now(), case_id=ids[0]) == ()


def test_a_lapse_is_told_to_who_asked(app: App, open_page: OpenPage, ids: list[str]) -> None:
    at = open_page("todo", Role.AGENCY_SUPERVISOR)
    boss = person(app, "agency-supervisor-en", Role.AGENCY_SUPERVISOR, "A01")
    one = asked(app, boss, ids[0], K.WAIVER)
    decide(app.store, a_collector(app.store, "sun", None, Role.SUPERVISOR), one, now=app.clock.now())
    as_of = (app.clock.now() + timedelta(days=9)).date()
    judge_agreements(SYSTEM, app.store, now=app.clock.now(), as_of=as_of)
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    assert "waiver: lapsed, because it was not paid as agreed" in words(at)
