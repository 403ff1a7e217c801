"""ISO 20022 statements: camt.053 (statement), camt.052 (report), camt.054 (notice), versions 1 to 8.

Documents are parsed with document types forbidden and depth and size bounded. Only booked entries count: ``PDNG``,
``INFO`` and ``FUTR`` are announcements that come again.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from pipelines.readers.refusals import FileRefused
from pipelines.readers.statements import Balance, Line, Statement

MAX_DEPTH = 64
MAX_ELEMENTS = 1_500_000
_XINCLUDE = "{http://www.w3.org/2001/XInclude}"
_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.05([234])\.001\.0([1-8])\}Document", re.ASCII)
_STATEMENTS = {"Stmt", "Rpt", "Ntfctn"}
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,5})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_NOTHING = {"", "NOTPROVIDED", "NOT PROVIDED", "NONREF"}


def parse_camt(path: Path) -> list[Statement]:
    """Every statement of the file, unproved. Raises ``FileRefused``: ``xml_document_type``, ``xml_limits``,
    ``broken_xml``, ``statement_namespace``, ``broken_statement``."""
    collecting = gc.isenabled()
    gc.disable()  # a growing tree makes the collector walk it again and again; nothing here forms a cycle
    try:
        return list(_statements(path))
    except DefusedXmlException as error:
        raise FileRefused(
            "xml_document_type",
            "The document declares a document type or entities; statements never do.",
            "文档含有文档类型或实体声明，对账单不应含有。",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise FileRefused(
            "broken_xml", f"The document is not well-formed XML: {str(error)[:80]}.", "文档不是规范的 XML。"
        ) from error
    finally:
        if collecting:
            gc.enable()


def _statements(path: Path) -> Iterator[Statement]:
    """Entries are read and let go one by one, so that a long document costs little memory."""
    depth = count = place = 0
    kind, lines = "", list[Line]()
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth, count = depth + 1, count + 1
                kind = _kind(element.tag) if depth == 1 else kind
                if depth > MAX_DEPTH or count > MAX_ELEMENTS or element.tag.startswith(_XINCLUDE):
                    raise _beyond_limits(element)
                continue
            depth -= 1
            if depth == 3 and _local(element.tag) == "Ntry":
                place += 1
                lines.extend(_entry(element, place))
                element.clear()
            elif depth == 2 and _local(element.tag) in _STATEMENTS:
                yield _statement(element, kind, tuple(lines))
                element.clear()
                place, lines = 0, []


def _beyond_limits(element: Element) -> FileRefused:
    if element.tag.startswith(_XINCLUDE):
        return FileRefused("xml_document_type", "The document includes others.", "文档引用了其他文档。")
    return FileRefused("xml_limits", "The document is too deep or too long.", "文档嵌套过深或过长。")


def _kind(tag: str) -> str:
    found = _NAMESPACE.fullmatch(tag)
    if not found:
        raise FileRefused(
            "statement_namespace",
            f"The document is {tag[:80]!r}, not camt.052, 053 or 054 of version 1 to 8.",
            f"文档为 {tag[:80]!r}，不是 camt.052、053 或 054 的 1 至 8 版。",
        )
    return found[1]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _broken(en: str, zh: str) -> FileRefused:
    return FileRefused("broken_statement", f"The statement cannot be read: {en}.", f"对账单无法读取：{zh}。")


def _find(element: Element | None, path: str) -> Element | None:
    return None if element is None else element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def _all(element: Element | None, path: str) -> list[Element]:
    return [] if element is None else element.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def _text(element: Element | None, *paths: str) -> str:
    """The text of the first of ``paths`` that holds any, blanks folded."""
    for path in paths:
        found = _find(element, path)
        words = " ".join((found.text or "").split()) if found is not None else ""
        if words:
            return words
    return ""


def _statement(element: Element, kind: str, lines: tuple[Line, ...]) -> Statement:
    account = _text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Id/BBAN")
    number = _text(element, "Id")
    if not account or not number:
        raise _broken("it names no account or has no number", "没有账号或编号")
    sequence = _text(element, "ElctrncSeqNb", "LglSeqNb")
    page = _text(element, "StmtPgntn/PgNb", "RptPgntn/PgNb", "NtfctnPgntn/PgNb")
    return Statement(
        account=account.replace(" ", ""),
        identity="@".join(part.replace(" ", "") for part in (number, sequence, page) if part),
        opening=_balance(element, _OPENING),
        closing=_balance(element, _CLOSING),
        lines=lines,
        proves=kind == "3",
    )


def _balance(statement: Element, codes: tuple[str, ...]) -> Balance | None:
    """The first balance of the wanted kinds; interim ones of a page (``ITRM``) count like the others."""
    for code in codes:
        for balance in _all(statement, "Bal"):
            if _text(balance, "Tp/CdOrPrtry/Cd", "Tp/Cd") == code:
                amount, currency = _amount(balance)
                return Balance(amount if _credit(balance) else -amount, currency)
    return None


def _amount(parent: Element, path: str = "Amt") -> tuple[Decimal, str]:
    found = _find(parent, path)
    text = (found.text or "").strip() if found is not None else ""
    currency = found.get("Ccy", "") if found is not None else ""
    if not _AMOUNT.fullmatch(text) or not re.fullmatch("[A-Z]{3}", currency, re.ASCII):
        raise _broken(f"{text[:30]!r} {currency[:5]!r} is no amount", f"{text[:30]!r} {currency[:5]!r} 不是金额")
    return Decimal(text), currency


def _credit(parent: Element) -> bool:
    mark = _text(parent, "CdtDbtInd")
    if mark not in ("CRDT", "DBIT"):
        raise _broken(f"direction {mark[:10]!r} is neither CRDT nor DBIT", f"方向 {mark[:10]!r} 既非 CRDT 也非 DBIT")
    return mark == "CRDT"


def _entry(entry: Element, place: int) -> list[Line]:
    status = _text(entry, "Sts/Cd", "Sts") or "BOOK"
    if status in ("PDNG", "INFO", "FUTR"):
        return []
    if status != "BOOK":
        raise _broken(f"status {status[:10]!r} is unknown", f"状态 {status[:10]!r} 未知")
    amount, currency = _amount(entry)
    shared: dict[str, Any] = {
        "credit": _credit(entry),
        "reversal": _text(entry, "RvslInd") in ("true", "1"),
        "booked_date": _day(entry, "BookgDt") or _day(entry, "ValDt"),
        "value_date": _day(entry, "ValDt") or _day(entry, "BookgDt"),
        "currency": currency,
    }
    details = _all(entry, "NtryDtls/TxDtls") or _all(entry, "TxDtls")
    amounts = _split(details, amount, currency)
    if amounts:
        return [
            Line(ordinal=f"{place}.{n}", amount=part, **shared, **_party(entry, [one], shared["credit"]))
            for n, (one, part) in enumerate(zip(details, amounts, strict=True), 1)
        ]
    return [Line(ordinal=str(place), amount=amount, **shared, **_party(entry, details, shared["credit"]))]


def _split(details: list[Element], amount: Decimal, currency: str) -> list[Decimal]:
    """The amounts of a batch's payments where each is stated in the account's currency and they make up the entry;
    else nothing: the entry is then one line, as the bank booked it."""
    if len(details) < 2:
        return []
    parts: list[Decimal] = []
    for one in details:
        for path in ("Amt", "AmtDtls/TxAmt/Amt"):
            found = _find(one, path)
            if found is not None and found.get("Ccy") == currency and _AMOUNT.fullmatch((found.text or "").strip()):
                parts.append(Decimal((found.text or "").strip()))
                break
    return parts if len(parts) == len(details) and sum(parts) == amount else []


def _day(entry: Element, name: str) -> date | None:
    text = _text(entry, f"{name}/Dt", f"{name}/DtTm")[:10]
    if not text:
        return None
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else _refuse_day(text)
    except ValueError:
        return _refuse_day(text)


def _refuse_day(text: str) -> date:
    raise _broken(f"{text!r} is no date", f"{text!r} 不是日期")


def _party(entry: Element, details: list[Element], credit: bool) -> dict[str, Any]:
    """Who is on the other side and what the line says; of several payments in one line, all that tells them apart."""
    role = "Dbtr" if credit else "Cdtr"
    one = details[0] if len(details) == 1 else None
    account = _text(
        one,
        f"RltdPties/{role}Acct/Id/IBAN",
        f"RltdPties/{role}Acct/Id/Othr/Id",
        f"RltdPties/{role}Acct/Id/PrtryAcct/Id",
    )
    name = _text(one, f"RltdPties/{role}/Nm", f"RltdPties/{role}/Pty/Nm", f"RltdPties/Ultmt{role}/Nm")
    reference: list[str] = []
    for text in [*(part for detail in details for part in _remittance(detail)), _text(entry, "AddtlNtryInf")]:
        if text.upper() not in _NOTHING and text not in reference:
            reference.append(text)
    servicer = _text(one, "Refs/AcctSvcrRef") or _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    return {
        "counterparty_name": name,
        "counterparty_account": account.replace(" ", ""),
        "reference": " ".join(reference),
        "bank_reference": servicer.replace(" ", ""),
    }


def _remittance(detail: Element) -> list[str]:
    found = [_text(detail, "Refs/EndToEndId"), _text(detail, "Refs/InstrId")]
    found += [_text(one, "CdtrRefInf/Ref", "CdtrRefInf/CdtrRef") for one in _all(detail, "RmtInf/Strd")]
    found += [" ".join((one.text or "").split()) for one in _all(detail, "RmtInf/Ustrd")]
    return [*found, _text(detail, "AddtlTxInf")]
