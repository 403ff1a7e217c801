"""Signatures of messages: every wrong byte, every wrong moment, two keys while one is exchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.organisation.signatures import BadSignature, check_signature, keys_of, sign

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLD, NEW = b"the old key of a lender", b"the new key of a lender"
RAW = b'{"message_id": "m1", "body": {"amount_minor": 10000}}'


def is_good(header: str | None, raw: bytes = RAW, keys: tuple[bytes, ...] = (OLD,), now: datetime = NOW) -> bool:
    try:
        check_signature(header, raw, keys, now)
    except BadSignature:
        return False
    return True


def test_every_bit_of_the_body_counts() -> None:
    header = sign(OLD, RAW, NOW)
    assert is_good(header)
    for place in range(len(RAW)):
        for bit in range(8):
            changed = bytearray(RAW)
            changed[place] ^= 1 << bit
            assert not is_good(header, bytes(changed))
    assert not is_good(header, RAW + b" ")
    assert not is_good(header, RAW[:-1])


def test_every_sign_of_the_header_counts() -> None:
    header = sign(OLD, RAW, NOW)
    for place in range(len(header)):
        for other in "0fx,=":
            changed = header[:place] + other + header[place + 1 :]
            assert changed == header or not is_good(changed), changed


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_moment_too_old_or_in_the_future_is_refused(seconds: int, good: bool) -> None:
    assert is_good(sign(OLD, RAW, NOW), now=NOW + timedelta(seconds=seconds)) is good


def test_a_year_later_it_is_refused_and_at_a_broker_only_the_future_is() -> None:
    header = sign(OLD, RAW, NOW)
    assert not is_good(header, now=NOW + timedelta(days=365))
    check_signature(header, RAW, [OLD], NOW + timedelta(days=365), oldest=None)
    with pytest.raises(BadSignature, match="future"):
        check_signature(header, RAW, [OLD], NOW - timedelta(seconds=301), oldest=None)


def test_two_keys_live_while_one_is_exchanged() -> None:
    old, new = sign(OLD, RAW, NOW), sign(NEW, RAW, NOW)
    both = f"{old},{new.split(',')[1]}"
    for header in (old, new, both):
        assert is_good(header, keys=(OLD, NEW))
    assert is_good(both, keys=(NEW,))
    assert is_good(both, keys=(OLD,))
    assert not is_good(old, keys=(NEW,))
    assert not is_good(both, keys=(b"somebody else's key",))


@pytest.mark.parametrize(
    "header",
    [None, "", "t=1", "v1=" + "0" * 64, "t=1,t=2,v1=" + "0" * 64, "t=１,v1=" + "0" * 64, "t=1,v1=" + "0" * 63,
     "t=1," + ",".join(["v1=" + "0" * 64] * 5), "t=1,v0=" + "0" * 64, "t=-1,v1=" + "0" * 64, "t=1,v1=" + "A" * 64],
)  # fmt: skip
def test_a_header_of_another_form_is_refused(header: str | None) -> None:
    assert not is_good(header)
    assert not is_good(sign(OLD, RAW, NOW), keys=())


@given(st.binary(max_size=200), st.text(max_size=120))
def test_nothing_but_a_signature_is_one(raw: bytes, header: str) -> None:
    assert not is_good(header, raw)


def test_keys_are_read_by_source_and_never_said_in_an_error() -> None:
    found = keys_of("SIM=0123456789abcdef, SIM=fedcba9876543210=,XJC=another long secret")
    assert found == {"SIM": (b"0123456789abcdef", b"fedcba9876543210="), "XJC": (b"another long secret",)}
    assert keys_of("") == {}
    for wrong in (
        "SIM=short-secret",
        "nothing but a secret",
        ",".join(["SIM=0123456789abcdef"] * 3),
        "=0123456789abcdef",
    ):
        with pytest.raises(ValueError) as said:
            keys_of(wrong)
        assert "secret" not in str(said.value)
        assert "0123456789" not in str(said.value)
