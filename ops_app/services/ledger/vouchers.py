"""Vouchers to the general ledger: a closed period leaves once, under a number, and is acknowledged.

What a batch holds follows from its period and source, into which nothing can be posted any more, and from the template
that is kept with it: the file is made anew each time and has the same bytes, or it is not given out.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from sqlalchemy.engine import Connection

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.canonical import canonical_json, content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.vouchers import (
    AcknowledgedAlready,
    ExportedAlready,
    Layout,
    NoSuchBatch,
    Template,
    rows_of,
    template_of,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.ledger.chart import chart
from ops_app.services.organisation.installation import today
from ops_app.store.ledger import closing, vouchers
from ops_app.store.ledger.vouchers import Batch, Unexported
from ops_app.store.organisation import parameters
from ops_app.store.store import Store

__all__ = [
    "Batch", "BatchPage", "Unexported", "acknowledge_vouchers", "export_vouchers", "list_unexported", "list_vouchers",
    "read_vouchers", "voucher_file",
]  # fmt: skip

FILE = PROJECT_ROOT / "data" / "reference" / "vouchers.yml"
OBJECT = "voucher_batch"
LONGEST_REFERENCE = 200
_INBOX = "vouchers"
_EXACT_DIGITS = 15
"""Digits a spreadsheet's number keeps; a longer amount goes as text."""


@dataclass(frozen=True)
class BatchPage:
    """A window of batches, and how many there are."""

    rows: tuple[Batch, ...]
    total: int


@functools.cache
def _templates() -> tuple[Mapping[str, Template], Mapping[str, str], str]:
    """Templates by code, source → code, and the code of any other source."""
    stated = yaml_of(FILE.read_text(encoding="utf-8"))
    made = {code: template_of(code, one, chart()) for code, one in stated["templates"].items()}
    return made, dict(stated["sources"] or {}), str(stated["default"])


def template_for(source_code: str) -> Template:
    """The template of a source's vouchers. Raises ``Invalid`` for one that there is none of."""
    made, of_source, default = _templates()
    code = of_source.get(source_code, default)
    if code not in made:
        raise Invalid(f"There is no voucher template {code}.", f"没有凭证模板 {code}。", field="template")
    return made[code]


@act("books.view")
def list_vouchers(actor: Actor, store: Store, *, now: datetime, offset: int = 0, limit: int = 50) -> BatchPage:
    """Batches, the newest first. Raises ``Invalid`` for a page out of bounds."""
    check_limit(limit, offset)
    with store.reading() as connection:
        rows, total = vouchers.page(connection, offset, limit)
    return BatchPage(tuple(rows), total)


@act("books.view")
def read_vouchers(actor: Actor, store: Store, *, now: datetime, batch_id: str) -> Batch:
    """One batch. Raises ``NoSuchBatch``."""
    with store.reading() as connection:
        return _found(vouchers.read(connection, batch_id))


@act("books.view")
def list_unexported(actor: Actor, store: Store, *, now: datetime) -> tuple[Unexported, ...]:
    """Entries that no batch holds, by source, currency and closed period, and those posted since the last close."""
    with store.reading() as connection:
        return tuple(vouchers.unexported(connection))


def _found(one: Batch | None) -> Batch:
    if one is None:
        raise NoSuchBatch
    return one


@act("books.export")
def export_vouchers(
    actor: Actor, store: Store, *, now: datetime, period_id: str, source_code: str, key: str
) -> Batch:  # fmt: skip
    """Make the batch of a closed period of the ledger for a source; the same for every repetition of ``key``. Raises
    ``ExportedAlready``, ``Invalid`` for a period that is not closed or has no entry of the source."""
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash([period_id, source_code]))
        claim.refuse_conflict()
        connection = transaction.connection
        if not claim.is_new:
            return _found(vouchers.read(connection, str(claim.answer)))
        closing.hold_closed(connection)  # batches are numbered one after another
        period = parameters.period(connection, period_id)
        if period is None or period.area != "ledger":
            raise Invalid("Only a closed period is exported.", "仅可导出已关账期间。", field="period_id")
        if (known := vouchers.of_period(connection, source_code, period_id)) is not None:
            raise ExportedAlready(known.number)
        number, template = vouchers.next_number(connection), template_for(source_code)
        made = Batch(
            key_hash("voucher_batch", period_id, source_code)[:32], number, source_code, period_id, period.first_date,
            period.end_date, canonical_json({"code": template.code} | template.facts()), 0, 0, "", actor.person_id, now,
        )  # fmt: skip
        data, entries, rows = _file(connection, made)
        if not entries:
            raise Invalid(
                "This source has no entry in the period.", "该来源在此期间没有分录。", field="source_code"
            )  # fmt: skip
        digest = hashlib.sha256(data).hexdigest()
        made = Batch(**vars(made) | {"entries": entries, "rows": rows, "file_hash": digest})
        vouchers.add(connection, made)
        facts = {"number": number, "source_code": source_code, "first_date": period.first_date,
                 "end_date": period.end_date, "entries": entries, "rows": rows, "file_hash": digest}  # fmt: skip
        transaction.audit("vouchers.exported", OBJECT, made.batch_id, after=facts)
        transaction.answer(_INBOX, key, made.batch_id)
        return _found(vouchers.read(connection, made.batch_id))


@act("books.export")
def voucher_file(actor: Actor, store: Store, *, now: datetime, batch_id: str) -> tuple[str, bytes]:
    """The name and the bytes of a batch's file, the same whenever they are asked for. Raises ``NoSuchBatch``, and
    ``Conflict`` where what is there now has another hash than what was exported: it is not given out."""
    with store.reading() as connection:
        one = _found(vouchers.read(connection, batch_id))
        data, _, _ = _file(connection, one)
    if hashlib.sha256(data).hexdigest() != one.file_hash:
        raise Conflict(
            "The entries are not those that were exported. The file is not given out; run recoup verify.",
            "分录与导出时不一致，文件不予提供，请运行 recoup verify。",
        )
    layout = json.loads(one.template_json)["layout"]
    return f"vouchers_{one.number:06d}_{one.source_code}.{layout}", data


@act("books.export")
def acknowledge_vouchers(
    actor: Actor, store: Store, *, now: datetime, batch_id: str, reference: str, received_date: date
) -> Batch:
    """Record that the general ledger took a batch: under which reference, and when. Raises ``NoSuchBatch``,
    ``AcknowledgedAlready``, ``Invalid`` by field."""
    said = reference.strip()
    if not 1 <= len(said) <= LONGEST_REFERENCE:
        raise Invalid(
            "Give the reference of the general ledger (at most 200 characters).",
            "请填写总账回执编号（不超过 200 字）。", field="reference",
        )  # fmt: skip
    with store.writing(actor, now) as transaction:
        closing.hold_closed(transaction.connection)
        one = _found(vouchers.read(transaction.connection, batch_id))
        if one.reference is not None:
            raise AcknowledgedAlready(one.reference)
        if not one.end_date <= received_date <= today(now):
            raise Invalid(
                "The day lies between the end of the period and today.", "日期应在期末之后且不晚于今日。",
                field="received_date",
            )  # fmt: skip
        vouchers.acknowledge(transaction.connection, batch_id, said, received_date, actor.person_id, now)
        facts = {"number": one.number, "reference": said, "received_date": received_date}
        transaction.audit("vouchers.acknowledged", OBJECT, batch_id, after=facts)
    with store.reading() as connection:
        return _found(vouchers.read(connection, batch_id))


def batch_file(connection: Connection, one: Batch) -> bytes:
    """The bytes of a batch as they are made from what the journal has now."""
    return _file(connection, one)[0]


def _file(connection: Connection, one: Batch) -> tuple[bytes, int, int]:
    """The bytes of a batch, how many entries it holds and how many rows it has."""
    stated = json.loads(one.template_json)
    template = template_of(str(stated["code"]), stated, chart())
    legs = list(vouchers.legs(connection, one.source_code, one.first_date, one.end_date))
    rows = rows_of(template, chart(), one.number, legs)
    heads = [template.headers.get(name, name) for name in template.fields]
    cells = [[row[name] for name in template.fields] for row in rows]
    data = _csv(heads, cells) if template.layout is Layout.CSV else _xlsx(heads, cells)
    return data, len({leg.entry_no for leg in legs}), len(rows)


def _csv(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8")


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else format(value, "f") if isinstance(value, Decimal) else value


def _xlsx(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook that says no moment of its making, so that it is the same each time."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
    sheet, amount = book.add_worksheet("vouchers"), book.add_format({"num_format": "#,##0.00"})
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head)
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, Decimal) and len(value.as_tuple().digits) <= _EXACT_DIGITS:
                sheet.write_number(line, column, value, amount)
            elif isinstance(value, int):
                sheet.write_number(line, column, value)
            elif value is not None:
                sheet.write_string(line, column, str(_plain(value)))
    book.close()
    return buffer.getvalue()
