"""Statements: proved whole or refused by name; the same line has the same identity in every delivery."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers.refusals import FileRefused
from pipelines.readers.statements import COLUMNS, plain_amount, read_statement

MT940 = """:20:START{ref}
:25:DE02100100100006820101
:28C:7/1
:60F:C240102CNY100,00
{lines}:62F:C240103CNY{closing}
-
"""
LINE = ":61:2401030103C25,50NTRFLOAN-1//BANK1\n:86:166?20EREF+PAY-1?21SVWZ+loan 1?31DE0212?32Zhang San\n"
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}"><{message}><GrpHdr><MsgId>M1</MsgId></GrpHdr>
<{statement}><Id>S1</Id><ElctrncSeqNb>4</ElctrncSeqNb><Acct><Id><Othr><Id>6222000011112222</Id></Othr></Id></Acct>
{balances}{entries}</{statement}></{message}></Document>"""
BALANCE = (
    "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    "<Amt Ccy='CNY'>{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd></Bal>"
)
ENTRY = (
    "<Ntry><Amt Ccy='CNY'>{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>{more}<Sts>{status}</Sts>"
    "<BookgDt><Dt>2024-01-03</Dt></BookgDt><ValDt><Dt>2024-01-02</Dt></ValDt><AcctSvcrRef>R1</AcctSvcrRef>{details}</Ntry>"
)
DETAIL = (
    "<TxDtls><Refs><EndToEndId>{e2e}</EndToEndId></Refs><Amt Ccy='CNY'>{amount}</Amt><RltdPties><Dbtr><Nm>{name}</Nm>"
    "</Dbtr><DbtrAcct><Id><Othr><Id>6217 0001</Id></Othr></Id></DbtrAcct></RltdPties></TxDtls>"
)


def entry(amount: str = "25.50", mark: str = "CRDT", status: str = "BOOK", more: str = "", details: str = "") -> str:
    return ENTRY.format(amount=amount, mark=mark, status=status, more=more, details=details)


def camt(entries: str, opening: str = "100.00", closing: str = "125.50", kind: str = "053.001.08") -> str:
    message, statement = {
        "052": ("BkToCstmrAcctRpt", "Rpt"),
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[kind[:3]]
    balances = BALANCE.format(code="OPBD", amount=opening, mark="CRDT") if opening else ""
    balances += BALANCE.format(code="CLBD", amount=closing, mark="CRDT") if closing else ""
    return CAMT.format(kind=kind, message=message, statement=statement, balances=balances, entries=entries)


def mt940(lines: str = LINE, closing: str = "125,50", ref: str = "1") -> str:
    return MT940.format(lines=lines, closing=closing, ref=ref)


def read(folder: Path, text: str | bytes, encoding: str = "auto") -> pl.DataFrame:
    """Written to a file and read as what it begins like."""
    body = text.encode() if isinstance(text, str) else text
    path = folder / "statement"
    path.write_bytes(body)
    return read_statement(path, "camt" if body.lstrip().startswith(b"<") else "mt940", encoding)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(FileRefused) as caught:
        read(folder, text)
    assert caught.value.zh
    return caught.value.code


def test_a_proved_mt940_statement_becomes_bank_lines(tmp_path: Path) -> None:
    frame = read(tmp_path, mt940())
    assert tuple(frame.columns) == COLUMNS
    assert frame.rows(named=True) == [
        {
            "account": "DE02100100100006820101",
            "line_id": "7/1@240103@START1/1/BANK1",
            "booked_date": "2024-01-03",
            "value_date": "2024-01-03",
            "amount": "25.50",
            "currency": "CNY",
            "direction": "in",
            "counterparty_name": "Zhang San",
            "counterparty_account": "DE0212",
            "reference": "PAY-1 LOAN-1 loan 1",
            "line_no": "1",
        }
    ]


def test_a_proved_camt_statement_becomes_bank_lines(tmp_path: Path) -> None:
    details = f"<NtryDtls>{DETAIL.format(e2e='PAY-1', amount='25.50', name='张三')}</NtryDtls>"
    row = read(tmp_path, camt(entry(details=details))).row(0, named=True)
    assert row["line_id"] == "S1@4/1/R1"
    assert (row["account"], row["amount"], row["direction"]) == ("6222000011112222", "25.50", "in")
    assert (row["booked_date"], row["value_date"]) == ("2024-01-03", "2024-01-02")
    assert (row["counterparty_name"], row["counterparty_account"], row["reference"]) == ("张三", "62170001", "PAY-1")


@pytest.mark.parametrize(
    ("mark", "closing", "direction"),
    [("C", "125,50", "in"), ("D", "74,50", "out"), ("RC", "74,50", "out"), ("RD", "125,50", "in")],
)
def test_a_reversal_moves_money_the_other_way(mark: str, closing: str, direction: str, tmp_path: Path) -> None:
    frame = read(tmp_path, mt940(LINE.replace("0103C25", f"0103{mark}25"), closing))
    assert frame["direction"].to_list() == [direction]


@pytest.mark.parametrize(("closing", "direction"), [("74.50", "out"), ("125.50", "in")])
def test_the_balances_tell_how_a_bank_writes_reversals(closing: str, direction: str, tmp_path: Path) -> None:
    reversal = entry(mark="DBIT", more="<RvslInd>true</RvslInd>")
    assert read(tmp_path, camt(reversal, closing=closing))["direction"].to_list() == [direction]


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR", "<Cd>PDNG</Cd>"])
def test_an_announced_entry_is_not_money(status: str, tmp_path: Path) -> None:
    assert read(tmp_path, camt(entry() + entry("9.00", status=status))).height == 1
    assert refusal(tmp_path, camt(entry() + entry("9.00"))) == "statement_balance"


def test_a_batch_is_split_only_when_its_parts_make_it_up(tmp_path: Path) -> None:
    parts = [DETAIL.format(e2e=f"P{n}", amount=amount, name=f"N{n}") for n, amount in ((1, "20.00"), (2, "5.50"))]
    whole = read(tmp_path, camt(entry(details=f"<NtryDtls>{parts[0]}{parts[1]}</NtryDtls>")))
    assert whole["amount"].to_list() == ["20.00", "5.50"]
    assert whole["line_id"].to_list() == ["S1@4/1.1/R1", "S1@4/1.2/R1"]
    short = read(tmp_path, camt(entry(details=f"<NtryDtls>{parts[0]}{parts[0]}</NtryDtls>")))
    assert short["amount"].to_list() == ["25.50"]
    assert short["reference"].to_list() == ["P1"]


def test_identities_do_not_move_when_a_statement_is_sent_again_in_another_file(tmp_path: Path) -> None:
    alone = read(tmp_path, mt940(ref="2"))["line_id"].to_list()
    together = read(tmp_path, mt940(ref="1") + mt940(ref="2"))["line_id"].to_list()
    assert together[1:] == alone
    assert len(set(together)) == 2


BROKEN = {
    "closing balance differs": (mt940(closing="125,51"), "statement_balance"),
    "a line is missing": (mt940(lines=""), "statement_balance"),
    "the end is cut off": (mt940().partition(":62F:")[0], "statement_balance_missing"),
    "the same statement twice": (mt940() * 2, "duplicated_statement"),
    "interim report": (":20:1\n:25:A\n:28C:1\n:34F:CNY0,\n:13D:2401030000+0800\n" + LINE, "interim_report"),
    "balance with a point": (mt940().replace("C240102CNY100,00", "C240102CNY100.00"), "broken_statement"),
    "full-width digits": (mt940().replace("25,50NTRF", "\uff12\uff15,50NTRF"), "broken_statement"),
    "no such day": (mt940().replace(":61:2401030103", ":61:2413450103"), "broken_statement"),
    "line after the closing balance": (mt940() + LINE, "broken_statement"),
    "field without its statement": (LINE, "broken_statement"),
    "empty": (b"", "no_statement"),
    "Latin-1": (mt940().replace("Zhang", "Jos\xe9n").encode("latin-1"), "encoding"),
    "camt closing differs": (camt(entry(), closing="125.51"), "statement_balance"),
    "camt.053 without balances": (camt(entry(), opening="", closing=""), "statement_balance_missing"),
    "two currencies": (camt(entry().replace("CNY", "USD")), "statement_currency"),
    "garbled amount": (camt(entry("12..34")), "broken_statement"),
    "signed amount": (camt(entry("-25.50")), "broken_statement"),
    "no direction": (camt(entry(mark="")), "broken_statement"),
    "unknown status": (camt(entry(status="MAYBE")), "broken_statement"),
    "no such date": (camt(entry().replace("2024-01-03", "2024-02-30")), "broken_statement"),
    "no account": (camt(entry()).replace("6222000011112222", ""), "broken_statement"),
    "version 9": (camt(entry(), kind="053.001.09"), "statement_namespace"),
    "no namespace": (camt(entry()).replace(" xmlns=", " x="), "statement_namespace"),
    "cut off": (camt(entry())[:-60], "broken_xml"),
    "not in its encoding": (camt(entry()).encode() + b"\xff", "broken_xml"),
    "entities": ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + camt(entry()).partition("?>")[2], "xml_document_type"),
    "another document": (
        camt(entry() + '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'),
        "xml_document_type",
    ),
    "too deep": (camt("<a>" * 200_000 + "</a>" * 200_000), "xml_limits"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_statement_that_cannot_be_trusted_is_refused_by_name(name: str, tmp_path: Path) -> None:
    text, code = BROKEN[name]
    assert refusal(tmp_path, text) == code


def test_a_line_without_a_type_code_is_not_overwritten_by_the_next(tmp_path: Path) -> None:
    lines = ":61:2401030103C5,00\n:61:2401030103C20,50\n"
    assert read(tmp_path, mt940(lines))["amount"].to_list() == ["5.00", "20.50"]


def test_text_after_the_closing_balance_is_not_taken_for_the_last_line(tmp_path: Path) -> None:
    text = mt940().replace("-\n", ":86:for the owner of the account\n-\n")
    assert "owner" not in read(tmp_path, text)["reference"][0]


def test_notices_without_balances_are_read_unproved(tmp_path: Path) -> None:
    for kind in ("052.001.02", "054.001.04"):
        assert read(tmp_path, camt(entry(), opening="", closing="", kind=kind)).height == 1


def test_a_gb18030_statement_is_read(tmp_path: Path) -> None:
    frame = read(tmp_path, mt940(LINE.replace("Zhang San", "张三丰")).encode("gb18030"))
    assert frame["counterparty_name"].to_list() == ["张三丰"]


@pytest.mark.parametrize(
    "bomb",
    [
        "<!DOCTYPE l [<!ENTITY a 'lol'>"
        + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
        + "]><Document>&j;</Document>",
        camt("<a/>" * 1_600_000),
        camt("<b>" + "x" * 50_000_000 + "</b>"),
    ],
    ids=["billion laughs", "millions of elements", "one endless text"],
)
def test_an_xml_bomb_ends_in_seconds(bomb: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_text(bomb)
    began = time.process_time()
    with pytest.raises(FileRefused) as caught:
        read_statement(path, "camt")
    assert caught.value.code in {"xml_document_type", "xml_limits", "statement_balance"}
    assert time.process_time() - began < 5


@given(st.integers(min_value=0, max_value=10**17), st.integers(min_value=0, max_value=5))
def test_an_amount_is_written_exactly_and_with_at_least_two_decimals(units: int, decimals: int) -> None:
    amount = Decimal(units).scaleb(-decimals)
    text = plain_amount(amount)
    assert Decimal(text) == amount
    whole, _, part = text.partition(".")
    assert whole.isdigit()
    assert len(part) >= 2
    assert len(part) == 2 or not part.endswith("0")
