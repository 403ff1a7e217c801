"""Forms, rules and files of requests on cases: what is taken, what is refused and beside which field."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.casework.evidence import MOST_BYTES, MOST_FILES, Upload, checked_files, safe_name
from ops_app.domain.casework.request_forms import (
    FIELDS,
    FieldKind,
    Standing,
    amount_of,
    checked_form,
    labels_of,
    typed_value,
)
from ops_app.domain.casework.request_rules import ANY, AssetStep, RequestRule, rule_for, rules_from
from ops_app.domain.casework.requests import (
    ANSWERS,
    CASE_REQUEST_KIND_NAMES,
    OUTCOME_NAMES,
    CaseRequestKind,
    OnlyAnAnswerEnds,
    Outcome,
    check_move,
    outcome_of,
)
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.schedules import equal
from ops_app.domain.organisation.approvals import RequestMove
from ops_app.services.casework.request_rules import reference_rules

K = CaseRequestKind
TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, tzinfo=UTC)
OWED = Standing("CNY", 100_000, 5_000, 1_000, 500, placement_due_date=date(2026, 12, 24))
WAIVER: dict[str, Any] = {
    "ground": "hardship", "waived_penalty_minor": 500, "waived_fees_minor": 400, "to_pay_minor": 105_600,
    "pay_by_date": "2026-12-01",
}  # fmt: skip


@given(st.integers(2, 10**12), st.integers(2, 60), st.dates(date(2020, 1, 1), date(2090, 1, 1)))
def test_a_plan_adds_up_to_the_minor_unit_in_rising_months(total: int, count: int, first: date) -> None:
    days = equal(total, count, first)
    amounts = [minor for _, minor in days]
    assert (len(days), sum(amounts)) == (count, total)
    assert max(amounts) - min(amounts) <= 1
    assert amounts == sorted(amounts, reverse=True)
    months = [day.year * 12 + day.month for day, _ in days]
    assert months == list(range(months[0], months[0] + count))
    assert all(day.day <= first.day for day, _ in days)


@given(
    st.integers(0, 120_000), st.integers(0, 6_000), st.integers(0, 1_200), st.integers(0, 600), st.integers(1, 120_000)
)
def test_a_waiver_never_waives_more_than_is_owed(
    principal: int, interest: int, fees: int, penalty: int, pay: int
) -> None:
    form = WAIVER | {
        "waived_principal_minor": principal, "waived_interest_minor": interest, "waived_fees_minor": fees,
        "waived_penalty_minor": penalty, "to_pay_minor": pay,
    }  # fmt: skip
    waived = principal + interest + fees + penalty
    fits = principal <= 100_000 and interest <= 5_000 and fees <= 1_000 and penalty <= 500
    if fits and waived and pay <= OWED.balance_minor - waived:
        assert amount_of(K.WAIVER, checked_form(K.WAIVER, form, OWED, TODAY), OWED) == waived
    else:
        with pytest.raises(Invalid):
            checked_form(K.WAIVER, form, OWED, TODAY)


@pytest.mark.parametrize(
    ("kind", "form", "field"),
    [
        (K.WAIVER, WAIVER | {"ground": "because"}, "ground"),
        (K.WAIVER, WAIVER | {"waived_fees_minor": 1_001}, "waived_fees_minor"),
        (K.WAIVER, WAIVER | {"to_pay_minor": 105_601}, "to_pay_minor"),
        (K.WAIVER, WAIVER | {"to_pay_minor": 10.5}, "to_pay_minor"),
        (K.WAIVER, WAIVER | {"to_pay_minor": True}, "to_pay_minor"),
        (K.WAIVER, WAIVER | {"pay_by_date": "2026-11-23"}, "pay_by_date"),
        (K.WAIVER, WAIVER | {"pay_by_date": "soon"}, "pay_by_date"),
        (K.WAIVER, WAIVER | {"more": 1}, "more"),
        (K.WAIVER, {name: value for name, value in WAIVER.items() if name != "to_pay_minor"}, "to_pay_minor"),
        (K.INSTALMENT, {"ground": "illness", "total_minor": 106_501, "instalments": 3, "first_date": "2026-12-01"},
         "total_minor"),
        (K.INSTALMENT, {"ground": "illness", "total_minor": 100, "instalments": 61, "first_date": "2026-12-01"},
         "instalments"),
        (K.KEEP_CASE, {"until_date": "2026-12-24", "ground": "promise"}, "until_date"),
        (K.DOCUMENTS, {"documents": ["contract", "gossip"], "purpose": "see it"}, "documents"),
        (K.DOCUMENTS, {"documents": [], "purpose": "see it"}, "documents"),
        (K.DISPUTE, {"about": "paid", "statement": "x"}, "statement"),
        (K.PAYMENT_CONFIRMATION, {"paid_minor": 1, "paid_date": "2026-11-25", "channel": "app"}, "paid_date"),
        (K.PAYMENT_CONFIRMATION, {"paid_minor": 0, "paid_date": "2026-11-20", "channel": "app"}, "paid_minor"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(kind: K, form: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_form(kind, form, OWED, TODAY)
    assert refused.value.field == field
    assert refused.value.en != refused.value.zh


def test_every_kind_has_a_form_a_rule_and_names() -> None:
    assert set(FIELDS) == set(CASE_REQUEST_KIND_NAMES) == set(K) == {rule.kind for rule in reference_rules()}
    assert set(OUTCOME_NAMES) == set(Outcome)
    for kind in K:
        assert labels_of(kind)
        for one in FIELDS[kind]:
            assert one.name.endswith("_minor") is (one.kind is FieldKind.MONEY)
            assert one.name.endswith("_date") is (one.kind is FieldKind.DAY)


def test_amounts_are_typed_in_major_units_and_never_rounded() -> None:
    money = next(one for one in FIELDS[K.WAIVER] if one.name == "to_pay_minor")
    assert typed_value(money, " 1,234.50 ", "CNY") == 123_450
    assert typed_value(money, "", "CNY") is None
    for wrong in ("12.345", "1e3", "x"):
        with pytest.raises(Invalid) as refused:
            typed_value(money, wrong, "CNY")
        assert refused.value.field == "to_pay_minor"


def rule(asset: AssetStep, **other: Any) -> RequestRule:
    return RequestRule(K.WAIVER, asset, 24, other.pop("starts_at", AT), **other)


def test_an_agencys_own_rule_wins_then_its_currencys_then_the_younger_one() -> None:
    every = rule(AssetStep.ALWAYS)
    yen = rule(AssetStep.ABOVE, above_minor=5, currency="JPY")
    own = rule(AssetStep.NEVER, agency_code="AG01")
    older = rule(AssetStep.NEVER, starts_at=AT - timedelta(days=9))
    rules = [older, own, yen, every]
    assert rule_for(rules, K.WAIVER, "AG02", "CNY", AT) is every
    assert rule_for(rules, K.WAIVER, "AG02", "JPY", AT) is yen
    assert rule_for(rules, K.WAIVER, "AG01", "JPY", AT) is own
    assert rule_for(rules, K.WAIVER, "AG02", "CNY", AT - timedelta(days=1)) is older
    forgotten = rule_for(rules, K.DISPUTE, "AG01", "CNY", AT)
    assert forgotten.goes_up(0)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_limit_itself_stays_below_and_the_next_unit_goes_up(limit: int, amount: int) -> None:
    assert rule(AssetStep.ABOVE, above_minor=limit).goes_up(amount) is (amount > limit)


def test_a_rule_that_says_two_things_or_nothing_is_refused() -> None:
    for wrong in ({"asset": AssetStep.ABOVE}, {"asset": AssetStep.NEVER, "above_minor": 1},
                  {"asset": AssetStep.ALWAYS, "agency_code": "no such thing"}):  # fmt: skip
        with pytest.raises(Invalid):
            rule(**wrong)
    twice = {"waiver": [{"asset": "always", "due_hours": 1}, {"asset": "never", "due_hours": 1, "agency_code": ANY}]}
    with pytest.raises(Invalid):
        rules_from(twice, AT)


def test_a_dispute_ends_by_an_answer_alone() -> None:
    for what in RequestMove:
        ends = what in (RequestMove.REJECT, RequestMove.WITHDRAW, RequestMove.EXPIRE)
        for kind in K:
            if ends and kind is K.DISPUTE:
                with pytest.raises(OnlyAnAnswerEnds):
                    check_move(kind, what)
            else:
                check_move(kind, what)
        assert (outcome_of(what, None) is None) is not (ends or what is RequestMove.APPROVE_LAST)
    assert all(answers for answers in ANSWERS.values())


def test_a_file_is_what_its_bytes_say_and_no_larger_than_allowed() -> None:
    good = Upload("a.pdf", b"%PDF-1.7")
    (one,) = checked_files((good, Upload("b.PDF", b"%PDF-1.7")))
    assert (one.name, one.media_type, len(one.sha256)) == ("b.PDF", "application/pdf", 64)
    for wrong in (
        Upload("a.exe", b"MZ"), Upload("a.png", b"%PDF-1.7"), Upload("a.pdf", b""), Upload("page.html", b"<html>"),
        Upload("a.pdf", b"%PDF-" + bytes(MOST_BYTES)), Upload("sheet.svg", b"<svg onload=x>"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            checked_files((wrong,))
        assert refused.value.field == "files"
    with pytest.raises(Invalid):
        checked_files(tuple(Upload(f"{n}.pdf", b"%PDF-" + bytes([n])) for n in range(MOST_FILES + 1)))


@given(st.text(max_size=300))
def test_a_file_name_leads_nowhere(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe) <= 112
    assert not set(safe) & set('/\\:*?"<>|\x00\n\r')
    assert not safe.startswith((".", "-"))
