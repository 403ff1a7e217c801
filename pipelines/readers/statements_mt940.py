"""MT940 statements by the mt-940 package, with what it passes over in silence refused.

The package forgives much: it reads ``12345.67`` as 12345, lets a line without a type code overwrite the one before,
and files text after the closing balance under the last line. Here each of these is looked at first.
"""

from __future__ import annotations

import logging
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import mt940

from pipelines.readers.encodings import detect_encoding
from pipelines.readers.refusals import FileRefused
from pipelines.readers.statements import Balance, Line, Statement

_ENVELOPE = re.compile(r"^(\{[1-5]:.*|-\}.*|-)$", re.MULTILINE)
_TAG = re.compile(r"^:([0-9]{2}|NS)[A-Z]?:", re.MULTILINE)
_BALANCE = re.compile(r"[CD][0-9]{6}[A-Z]{3}[0-9]{1,18}(,[0-9]{0,2})?", re.ASCII)
_LINE = re.compile(
    r"(?P<value>[0-9]{6})(?P<entry>[0-9]{4}| {4})?(?P<mark>R?[CD])(?P<funds>[A-Z])?[\n ]?"
    r"(?P<amount>[0-9]{1,14}(,[0-9]{0,2})?)(?=[^0-9,]|$)",
    re.ASCII,
)
_NOTHING = {"", "NONREF", "NOTPROVIDED", "KREF+", "EREF", "/"}


class _AnyText(mt940.tags.Tag):
    """A field that says nothing about money booked; read so that it cannot stop the statement."""

    id = 0
    pattern = r"(?P<ignored>[\s\S]*)"


class _Coded:
    """A line always has a type code, else the package lets the next line overwrite it."""

    def __call__(self, transactions: Any, value: dict[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = super().__call__(transactions, value)  # type: ignore[misc]
        data["id"] = data.get("id") or "NONE"
        return data


class _Swift(_Coded, mt940.tags.Statement):
    """The standard's own line."""


class _Long(_Coded, mt940.tags.StatementGLS):
    """A reference longer than the standard allows (GLS, Atruvia)."""


class _Iban(_Coded, mt940.tags.StatementASNB):
    """The other side's IBAN in place of the reference (ASN, SNS)."""


_IGNORED = {tag: _AnyText() for tag in (13, 34, 64, 65, 90, "90C", "90D")}
_DIALECTS: tuple[dict[int | str, Any], ...] = tuple({**_IGNORED, 61: line()} for line in (_Swift, _Long, _Iban))
# 30 February is a value date of the 30/360 calendar; it is read as the last day of that month
_PROCESSORS: dict[str, Any] = {
    f"pre_{line.slug}": [mt940.processors.date_fixup_pre_processor] for line in (_Swift, _Long, _Iban)
}
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)  # it would log whole fields, names and accounts included


def parse_mt940(path: Path, encoding: str = "auto") -> list[Statement]:
    """Every statement of the file, unproved. Raises ``FileRefused``: ``encoding``, ``broken_statement``,
    ``interim_report`` (an MT942, whose lines come again in the statement)."""
    raw = path.read_bytes()
    text = raw.decode(detect_encoding(raw, encoding)).replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"^:\n(?=[0-9]{2}[A-Z]?:)", ":", _ENVELOPE.sub("", text), flags=re.MULTILINE)
    blocks = re.split(r"^(?=:20:)", text, flags=re.MULTILINE)
    if _TAG.search(blocks[0]):
        raise _broken("it does not begin with field 20", "文件不是以 20 域开头")
    return [_statement(block) for block in blocks[1:]]


def _broken(en: str, zh: str) -> FileRefused:
    return FileRefused("broken_statement", f"The MT940 file cannot be read: {en}.", f"MT940 文件无法读取：{zh}。")


def _statement(block: str) -> Statement:
    fields = _fields(block)
    account = _one(fields, "25")
    number = _one(fields, "28")
    opening, closing = _balance(fields, "60"), _balance(fields, "62")
    if opening is None and any(tag in fields for tag in ("34F", "13D", "90C", "90D")):
        raise FileRefused(
            "interim_report",
            "This is an interim report (MT942); its lines come again in the statement. Send the MT940.",
            "这是日间报告（MT942），其明细会在对账单中再次出现，请发送 MT940。",
        )
    raw_lines = [value for tag, value in fields.get("61", [])]
    for value in raw_lines:
        if not _LINE.match(value):
            raise _broken(f"line {value[:40]!r} is not of the standard's form", f"明细 {value[:40]!r} 不符合标准格式")
    parsed = _parsed(block)
    if len(parsed.transactions) != len(raw_lines):
        raise _broken("a line was lost in reading", "读取时丢失了明细")
    lines = tuple(
        _line(place, item.data, value, opening)
        for place, (item, value) in enumerate(zip(parsed.transactions, raw_lines, strict=True), 1)
    )
    return Statement(account, _identity(fields, number), opening, closing, lines)


def _fields(block: str) -> dict[str, list[tuple[str, str]]]:
    """Field number → its (tag with option letter, text) in order, up to the closing balance."""
    marks = list(_TAG.finditer(block))
    fields: dict[str, list[tuple[str, str]]] = {}
    closed = False
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        tag = mark.group()[1:-1]
        value = block[mark.end() : following.start() if following else len(block)].strip("\n ")
        if closed and tag == "61":
            raise _broken("a line stands after the closing balance", "期末余额之后还有明细")
        number = tag[:2]
        if number in ("60", "62", "25", "20", "28") and number in fields:
            raise _broken(f"field {number} appears twice", f"{number} 域出现两次")
        closed = closed or number == "62"
        for key in {tag, number}:
            fields.setdefault(key, []).append((tag, value))
    return fields


def _one(fields: dict[str, list[tuple[str, str]]], number: str) -> str:
    if number not in fields:
        raise _broken(f"field {number} is missing", f"缺少 {number} 域")
    return fields[number][0][1].partition("\n")[0].strip()


def _balance(fields: dict[str, list[tuple[str, str]]], number: str) -> Balance | None:
    if number not in fields:
        return None
    text = fields[number][0][1].partition("\n")[0].rstrip()
    if not _BALANCE.fullmatch(text):
        raise _broken(f"balance {text[:40]!r} is not of the standard's form", f"余额 {text[:40]!r} 不符合标准格式")
    amount = Decimal(text[10:].replace(",", "."))
    return Balance(-amount if text[0] == "D" else amount, text[7:10])


def _parsed(block: str) -> Any:
    """The package's reading of everything up to the closing balance, by the first dialect that takes every line."""
    closing = re.search(r"^:62[FM]?:.*$", block, re.MULTILINE)
    body = block[: closing.end()] if closing else block
    failure: Exception | None = None
    for tags in _DIALECTS:
        try:
            return mt940.parse_statements(body, tags=tags, processors=_PROCESSORS, options=mt940.Options.all())[0]
        except (RuntimeError, ValueError, ArithmeticError, LookupError) as error:
            failure = failure or error
    raise _broken(f"{str(failure)[:80]}", "字段内容不符合标准") from failure


def _identity(fields: dict[str, list[tuple[str, str]]], number: str) -> str:
    """The statement's number, closing day and reference: many banks number from 1 each year, or not at all."""
    day = fields["62"][0][1][1:7] if "62" in fields else ""
    return "@".join(part for part in (number.replace(" ", ""), day, _one(fields, "20").replace(" ", "")) if part)


def _line(place: int, data: dict[str, Any], raw: str, opening: Balance | None) -> Line:
    found = _LINE.match(raw)
    if not found:
        raise _broken(f"line {raw[:40]!r}", f"明细 {raw[:40]!r}")
    amount = Decimal(found["amount"].replace(",", "."))
    credit = found["mark"] in ("C", "RD")
    if data["amount"].amount not in (amount, -amount):
        raise _broken(f"line {raw[:40]!r} was read as {data['amount'].amount}", f"明细 {raw[:40]!r} 金额不一致")
    value_date = _day(data.get("date"))
    return Line(
        ordinal=str(place),
        amount=amount,
        credit=credit,
        currency=opening.currency if opening else "",
        booked_date=_day(data.get("entry_date")) or value_date,
        value_date=value_date,
        counterparty_name=_words(data.get("applicant_name")),
        counterparty_account=_words(data.get("applicant_iban") or data.get("gvc_applicant_iban")).replace(" ", ""),
        reference=_reference(data),
        bank_reference=_words(data.get("bank_reference")).replace(" ", ""),
    )


def _day(given: Any) -> date | None:
    return date(given.year, given.month, given.day) if isinstance(given, date) else None


def _words(given: Any) -> str:
    return " ".join(str(given).split()) if given else ""


def _reference(data: dict[str, Any]) -> str:
    """What tells the payment apart, in the order of trust, each once: end-to-end, customer's reference, the text."""
    names = (
        "end_to_end_reference",
        "customer_reference",
        "purpose",
        "additional_purpose",
        "transaction_details",
        "extra_details",
        "non_swift_text",
    )
    found: list[str] = []
    for name in names:
        text = _words(data.get(name))
        if text.upper() not in _NOTHING and not any(text in other for other in found):
            found.append(text)
    return " ".join(found)
