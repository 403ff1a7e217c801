"""Payout files (付款文件): which refunds leave for the bank, in which layout; the same file is the same bytes."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as xml
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.ledger.refunds import Payee
from ops_app.domain.money import Money

FIELDS = ("reference", "name", "account", "bank", "amount", "currency", "date", "remittance")
"""The columns that a template of layout ``csv`` may have."""

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MOST_PAYOUTS = 5_000
"""Payouts of one file."""


class PayoutLayout(StrEnum):
    """The kind of file."""

    CSV = "csv"
    PAIN_001 = "pain.001.001.09"


ENDINGS = {PayoutLayout.CSV: "csv", PayoutLayout.PAIN_001: "xml"}


class NoSuchPayoutFile(NotFound):
    """No such payout file."""

    def __init__(self) -> None:
        super().__init__("There is no such payout file.", "没有该付款文件。")


@dataclass(frozen=True)
class PayoutTemplate:
    """How payouts of a source leave."""

    code: str
    version: int
    layout: PayoutLayout
    payer: Payee
    bic: str | None
    fields: tuple[str, ...]
    headers: Mapping[str, str]
    text: str

    def facts(self) -> dict[str, Any]:
        """As JSON keeps it; ``payout_template`` reads it again."""
        return {
            "version": self.version, "layout": self.layout.value,
            "payer": {**vars(self.payer), **({"bic": self.bic} if self.bic else {})}, "fields": list(self.fields),
            "headers": dict(self.headers), "text": self.text,
        }  # fmt: skip


def payout_template(code: str, stated: Mapping[str, Any]) -> PayoutTemplate:
    """A template from its data; raises ``Invalid`` for one from which no bank could pay, or whose payouts could not be
    told apart on a bank line."""
    try:
        payer = stated["payer"]
        made = PayoutTemplate(
            code, int(stated["version"]), PayoutLayout(stated["layout"]),
            Payee(str(payer["name"]), str(payer["account"]), str(payer["bank"])), payer.get("bic"),
            tuple(stated.get("fields") or ()), {str(k): str(v) for k, v in (stated.get("headers") or {}).items()},
            str(stated["text"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, Invalid) as error:
        raise _wrong(code, str(error)) from error
    wrong = [*(set(made.fields) - set(FIELDS)), *(set(made.headers) - set(FIELDS))]
    if made.layout is PayoutLayout.CSV:
        wrong += {"reference", "name", "account", "amount", "currency"} - set(made.fields)
    if len(set(made.fields)) != len(made.fields):
        wrong.append("a field twice")
    if "{reference}" not in made.text or len(made.text) > 100:
        wrong.append("text")
    if made.bic is not None and not re.fullmatch(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", made.bic, re.ASCII):
        wrong.append("bic")
    if wrong:
        raise _wrong(code, ", ".join(sorted(wrong)))
    return made


def _wrong(code: str, what: str) -> Invalid:
    return Invalid(
        f"The payout template {code} is wrong: {what}.", f"付款文件模板 {code} 有误：{what}。", field="template"
    )


@dataclass(frozen=True)
class Transfer:
    """One payout as the bank gets it: whole minor units of the file's currency."""

    reference: str
    payee: Payee
    amount_minor: int


@dataclass(frozen=True)
class FileHead:
    """What a file says of itself; ``made_at`` and the number are kept with it, so that it can be made again."""

    number: int
    currency: str
    execution_date: date
    made_at: datetime

    @property
    def message_id(self) -> str:
        """The id under which the bank answers."""
        return f"PAYOUT{self.number:06d}"


def file_of(template: PayoutTemplate, head: FileHead, rows: Sequence[Transfer]) -> bytes:
    """The bytes of a file. The same head and rows are the same bytes."""
    return _csv(template, head, rows) if template.layout is PayoutLayout.CSV else _pain(template, head, rows)


_RUNS = re.compile(r"^[\s]*[=+\-@\t\r|%]")


def plain_text(text: str) -> str:
    """A cell that no spreadsheet runs: a leading apostrophe where it would."""
    return f"'{text}" if _RUNS.match(text) else text


def _csv(template: PayoutTemplate, head: FileHead, rows: Sequence[Transfer]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([plain_text(template.headers.get(name, name)) for name in template.fields])
    for one in rows:
        cells = {
            "reference": one.reference, "name": one.payee.name, "account": one.payee.account, "bank": one.payee.bank,
            "amount": _amount(one.amount_minor, head.currency), "currency": head.currency,
            "date": head.execution_date.isoformat(), "remittance": template.text.format(reference=one.reference),
        }  # fmt: skip
        writer.writerow([plain_text(cells[name]) for name in template.fields])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8")


def _amount(minor: int, currency: str) -> str:
    return format(Money(minor, currency).amount, "f")


def _pain(template: PayoutTemplate, head: FileHead, rows: Sequence[Transfer]) -> bytes:
    """Customer credit transfer initiation, one payment information block: every payout by itself (no batch booking),
    so that each has a bank line of its own."""
    total = _amount(sum(one.amount_minor for one in rows), head.currency)
    document = xml.Element("Document", {"xmlns": NAMESPACE})
    root = xml.SubElement(document, "CstmrCdtTrfInitn")
    header = xml.SubElement(root, "GrpHdr")
    _text(header, "MsgId", head.message_id)
    _text(header, "CreDtTm", head.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _text(header, "NbOfTxs", str(len(rows)))
    _text(header, "CtrlSum", total)
    _text(xml.SubElement(header, "InitgPty"), "Nm", template.payer.name)
    block = xml.SubElement(root, "PmtInf")
    _text(block, "PmtInfId", head.message_id)
    _text(block, "PmtMtd", "TRF")
    _text(block, "BtchBookg", "false")
    _text(block, "NbOfTxs", str(len(rows)))
    _text(block, "CtrlSum", total)
    _text(xml.SubElement(block, "ReqdExctnDt"), "Dt", head.execution_date.isoformat())
    _text(xml.SubElement(block, "Dbtr"), "Nm", template.payer.name)
    _account(block, "DbtrAcct", template.payer.account)
    _agent(block, "DbtrAgt", template.payer.bank, template.bic)
    _text(block, "ChrgBr", "SLEV")
    for one in rows:
        item = xml.SubElement(block, "CdtTrfTxInf")
        _text(xml.SubElement(item, "PmtId"), "EndToEndId", one.reference)
        amount = _text(xml.SubElement(item, "Amt"), "InstdAmt", _amount(one.amount_minor, head.currency))
        amount.set("Ccy", head.currency)
        _agent(item, "CdtrAgt", one.payee.bank, None)
        _text(xml.SubElement(item, "Cdtr"), "Nm", one.payee.name)
        _account(item, "CdtrAcct", one.payee.account)
        _text(xml.SubElement(item, "RmtInf"), "Ustrd", template.text.format(reference=one.reference))
    xml.indent(document, space="  ")
    body = xml.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _text(parent: xml.Element, name: str, text: str) -> xml.Element:
    made = xml.SubElement(parent, name)
    made.text = text
    return made


_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


def _is_iban(account: str) -> bool:
    """Whether the account is an IBAN: by its form and its check digits."""
    if not _IBAN.fullmatch(account):
        return False
    turned = account[4:] + account[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _account(parent: xml.Element, name: str, account: str) -> None:
    identity = xml.SubElement(xml.SubElement(parent, name), "Id")
    if _is_iban(account):
        _text(identity, "IBAN", account)
    else:
        _text(xml.SubElement(identity, "Othr"), "Id", account)


def _agent(parent: xml.Element, name: str, bank: str, bic: str | None) -> None:
    agent = xml.SubElement(xml.SubElement(parent, name), "FinInstnId")
    if bic is not None:
        _text(agent, "BICFI", bic)
    _text(agent, "Nm", bank)
