from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.repayments import (
    CONTENT,
    FIELD_NAMES,
    REPAYMENT_KIND_NAMES,
    SIGN,
    Repayment,
    RepaymentKind,
    SameIdOtherContent,
    body_hash,
    differing,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_repayment(**other: object) -> Repayment:
    values: dict[str, object] = {
        "source_code": "SIM", "payment_id": "P1", "loan_id": "L1", "kind": RepaymentKind.PAYMENT,
        "reverses_payment_id": None, "paid_at": NOON, "value_date": date(2026, 1, 5), "posted_at": NOON,
        "amount_minor": 10_000, "currency": "CNY", "channel": "bank_transfer", "payer_name": "张三",
        "payer_account": "622200001", "reference": "TRF1", "principal_minor": 9_000, "interest_minor": 1_000,
        "fees_minor": 0, "penalty_minor": 0,
    }  # fmt: skip
    return Repayment(**values | other)  # type: ignore[arg-type]


ANOTHER = {
    "source_code": "XJC", "payment_id": "P2", "loan_id": "L2", "kind": RepaymentKind.REFUND,
    "reverses_payment_id": "P0", "paid_at": NOON + timedelta(seconds=1), "value_date": date(2026, 1, 6),
    "posted_at": None, "amount_minor": 10_001, "currency": "USD", "channel": None, "payer_name": "李四",
    "payer_account": "1", "reference": None, "principal_minor": None, "interest_minor": None, "fees_minor": None,
    "penalty_minor": None,
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENT)
def test_a_change_of_any_field_is_another_content_and_is_named(name: str):
    parts = ("principal_minor", "interest_minor", "fees_minor", "penalty_minor")
    one = a_repayment(**dict.fromkeys(parts, None))
    other = replace(one, **{name: 7 if name in parts else ANOTHER[name]})
    assert body_hash(one) != body_hash(other)
    assert differing(vars(one), vars(other)) == (name,)


def test_the_same_moment_in_another_zone_is_the_same_content():
    shanghai = timezone(timedelta(hours=8))
    one, other = a_repayment(), a_repayment(paid_at=NOON.astimezone(shanghai))
    assert body_hash(one) == body_hash(other)
    assert differing(vars(one), vars(other)) == ()


@given(st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=4))
def test_no_two_contents_run_together_in_the_hash(a: str, b: str, c: str):
    def made(name: str, account: str | None) -> str | None:
        try:
            return body_hash(a_repayment(payer_name=name, payer_account=account))
        except Invalid:
            return None

    joined, split = made(a + b, c), made(a, b + c)
    if joined is not None and split is not None:
        assert joined != split
    alone = made(a, None)
    assert alone is None or alone != made(a, a)


def test_which_way_money_went_is_told_by_the_kind():
    assert a_repayment().signed_minor == 10_000
    assert a_repayment(kind=RepaymentKind.REVERSAL, reverses_payment_id="P0").signed_minor == -10_000
    assert set(SIGN) == set(RepaymentKind) == set(REPAYMENT_KIND_NAMES)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_minor", 0),
        ("amount_minor", -1),
        ("amount_minor", 10**17),
        ("amount_minor", True),
        ("amount_minor", 10_001),
        ("currency", "cny"),
        ("currency", "KWD"),
        ("paid_at", NOON.replace(tzinfo=None)),
        ("payment_id", ""),
        ("payment_id", "x" * 201),
        ("reference", "a\x00b"),
        ("payer_name", "\ud800"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_named(field: str, value: object):
    with pytest.raises(Invalid) as refused:
        a_repayment(**{field: value})
    assert refused.value.field == field
    assert refused.value.zh != refused.value.en


def test_a_reversal_names_the_payment_it_reverses():
    with pytest.raises(Invalid) as refused:
        a_repayment(kind=RepaymentKind.REVERSAL)
    assert refused.value.field == "reverses_payment_id"


def test_money_is_never_a_float():
    with pytest.raises((Invalid, TypeError)):
        a_repayment(amount_minor=100.0)
    with pytest.raises((Invalid, TypeError)):
        a_repayment(principal_minor=9_000.0)


def test_parts_that_are_not_all_known_are_not_added_up():
    assert a_repayment(fees_minor=None, principal_minor=1).amount_minor == 10_000


def test_every_field_has_a_name_in_both_languages():
    assert set(FIELD_NAMES) == {field.name for field in fields(Repayment)}
    error = SameIdOtherContent("SIM", "P1", ("amount_minor", "loan_id"))
    assert "amount" in error.en
    assert "金额" in error.zh
    assert error.field == "amount_minor"
