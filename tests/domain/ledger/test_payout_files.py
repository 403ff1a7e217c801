"""A payout file of layout pain.001 is one that a bank's gate takes: valid against the published schema, whatever names
and amounts stand in it. The schema is the one that sepaxml carries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
import sepaxml
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.ledger.payouts import FileHead, PayoutTemplate, Transfer, file_of, payout_template
from ops_app.domain.ledger.refunds import Payee, payee_of, reference_of

MADE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
AMOUNTS = st.integers(min_value=1, max_value=10**14)


@cache
def the_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd"))


def a_template(bic: str | None = "ICBKCNBJ") -> PayoutTemplate:
    payer = {"name": "Recoup Lender", "account": "110900000000001", "bank": "ICBC"} | ({"bic": bic} if bic else {})
    return payout_template(
        "t", {"version": 1, "layout": "pain.001.001.09", "payer": payer, "text": "Refund {reference}"}
    )


WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=70)
"""What a form takes as a name: printable, up to 70 characters."""
PAYEES = st.builds(
    payee_of,
    WORDS,
    st.one_of(st.from_regex(r"[0-9A-Z]{6,34}", fullmatch=True), st.just("DE89370400440532013000")),
    WORDS,
)


@given(st.lists(st.tuples(PAYEES, AMOUNTS), min_size=1, max_size=5), st.sampled_from(["CNY", "JPY", "USD"]),
       st.booleans())  # fmt: skip
def test_a_pain_001_file_is_valid_whatever_stands_in_it(
    rows: list[tuple[Payee, int]], currency: str, with_bic: bool
) -> None:
    head = FileHead(123456789, currency, date(2026, 11, 25), MADE)
    transfers = [Transfer(reference_of(10**11 + n, 999), payee, amount) for n, (payee, amount) in enumerate(rows)]
    said = file_of(a_template("ICBKCNBJ" if with_bic else None), head, transfers)
    the_schema().validate(said.decode())


def test_a_file_without_what_the_schema_asks_for_is_found_out() -> None:
    head = FileHead(1, "CNY", date(2026, 11, 25), MADE)
    said = file_of(
        a_template(), head, [Transfer("RFD000001A1Z", Payee("张三", "6222000011112222", "ICBC"), 1)]
    ).decode()
    the_schema().validate(said)
    for without in ("<PmtMtd>TRF</PmtMtd>", "<EndToEndId>RFD000001A1Z</EndToEndId>", ' Ccy="CNY"'):
        assert without in said
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            the_schema().validate(said.replace(without, ""))
