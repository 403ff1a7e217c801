"""Files of imports: the bytes as they were brought, and what their preview found, read for pages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ops_app.config import Settings
from ops_app.domain.errors import Invalid, NotReady
from ops_app.domain.organisation.imports import (
    FEEDS_WITH_AMOUNT,
    NoSuchImport,
    checked_file_name,
    checked_typed_rows,
    checked_typed_sum,
    date_in_name,
    source_of_agency,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.gateways.lender_templates import template_of
from ops_app.gateways.snapshots import Snapshot, read
from ops_app.services.organisation.imports import Import, Upload, enter_import, new_import_id
from ops_app.store.store import Store

PREVIEW = "preview.duckdb"


class NoPreview(NotReady):
    """The import was not read yet."""

    def __init__(self) -> None:
        super().__init__("The file was not read yet.", "文件尚未读取。")


@dataclass(frozen=True)
class MappedColumn:
    """A standard column: where the template takes it from ("" where from nowhere) and in how many rows it is filled."""

    name: str
    en: str
    zh: str
    source: str
    is_required: bool
    filled: int


@dataclass(frozen=True)
class RefusedLine:
    """A refused row of the file, by its first reason. ``again_*`` says why a corrected row is refused again."""

    line_no: int
    column_name: str | None
    value: str | None
    rule: str
    reason_en: str
    reason_zh: str
    values: Mapping[str, str | None]
    state: str
    again_en: str | None
    again_zh: str | None


@dataclass(frozen=True)
class ControlTotal:
    """The sum of one amount in one currency, in minor units."""

    name: str
    en: str
    zh: str
    currency: str | None
    sum_minor: int


@dataclass(frozen=True)
class Preview:
    """What reading found: how the file is written, its columns, its first rows (line, values) and control totals."""

    format: str
    encoding: str
    declared_rows: int | None
    declared_sum_minor: int | None
    columns: tuple[MappedColumn, ...]
    sample: tuple[tuple[int, Mapping[str, str | None]], ...]
    totals: tuple[ControlTotal, ...]


def keep_upload(settings: Settings, import_id: str, name: str, data: bytes) -> str:
    """Keep the bytes under a new import; gives their SHA-256. Raises ``Invalid`` for an empty or too large file."""
    if not data:
        raise Invalid("The file is empty.", "文件为空。", field="file")
    if len(data) > settings.max_upload_bytes:
        limit = settings.max_upload_bytes // 1024**2
        raise Invalid(
            f"The file is larger than {limit} MB. Put it into the inbound folder of its template.",
            f"文件超过 {limit} MB，请放入该模板的接收目录。",
            field="file",
        )
    folder = settings.imports / import_id
    folder.mkdir(parents=True)
    handle = os.open(folder / checked_file_name(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return sha256(data).hexdigest()


def bring(
    actor: Actor,
    store: Store,
    settings: Settings,
    *,
    now: datetime,
    name: str,
    data: bytes,
    template: str,
    entry: str,
    file_date: date | None,
    key: str,
    typed_rows: str | int | None = None,
    typed_sum: str | None = None,
) -> Import:
    """Keep a file and enter it as an import that is read next; the date is taken from its name where it is not given.

    An agency's people bring theirs through the templates of agencies, under their agency's source code. Control totals
    may be typed beside the file. Nothing is kept of a file that is refused. Raises ``Invalid`` beside the field,
    ``NotFound`` for the template.
    """
    require(actor, "imports.make")
    chosen = template_of(settings, template, actor.agency_code)
    mapped = chosen.entry(entry)
    rows = checked_typed_rows(typed_rows)
    total = checked_typed_sum(typed_sum, has_amount=mapped.feed in FEEDS_WITH_AMOUNT)
    source_code = source_of_agency(actor.agency_code) if actor.agency_code else chosen.source_code
    import_id = new_import_id()
    try:
        upload = Upload(
            file_name=name,
            content_sha256=keep_upload(settings, import_id, name, data),
            file_bytes=len(data),
            file_date=file_date or date_in_name(name),
            template=chosen.name,
            entry=mapped.label,
            feed=mapped.feed,
            source_code=source_code,
            typed_rows=rows,
            typed_sum=total,
        )
        today = now.astimezone(settings.zone).date()
        one = enter_import(actor, store, now=now, today=today, import_id=import_id, upload=upload, key=key)
    except BaseException:
        forget_upload(settings, import_id)
        raise
    if one.import_id != import_id:  # the same key twice: the bytes of the first time count
        forget_upload(settings, import_id)
    return one


def forget_upload(settings: Settings, import_id: str) -> None:
    """Remove the bytes of an import that was never entered."""
    shutil.rmtree(settings.imports / import_id, ignore_errors=True)


def read_preview(actor: Actor, settings: Settings, one: Import) -> Preview:
    """The preview of an import, with values of rows, for those who may import; raises ``NoPreview``."""
    require(actor, "imports.make")
    made = _preview(actor, settings, one)
    told = read(made, "select summary_json from summary")
    summary: dict[str, Any] = json.loads(told[0]["summary_json"]) if told else {}
    return Preview(
        format=str(summary.get("format") or ""),
        encoding=str(summary.get("encoding") or ""),
        declared_rows=summary.get("declared_rows"),
        declared_sum_minor=summary.get("declared_sum_minor"),
        columns=tuple(
            MappedColumn(row["name"], row["en"], row["zh"], row["source"], row["is_required"], row["filled"])
            for row in read(made, "select * from columns order by place")
        ),
        sample=tuple(
            (row["line_no"], json.loads(row["row_json"])) for row in read(made, "select * from sample order by line_no")
        ),
        totals=tuple(
            ControlTotal(row["name"], row["en"], row["zh"], row["currency"], int(row["sum_minor"]))
            for row in read(made, "select * from totals")
        ),
    )


def refused_lines(
    actor: Actor,
    settings: Settings,
    one: Import,
    *,
    state: str = "",
    rule: str = "",
    descending: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[RefusedLine], int]:
    """Refused rows with a reason of their own, by line, and how many match; raises ``NoPreview``."""
    require(actor, "imports.make")
    made = _preview(actor, settings, one)
    where, values = "where rule <> 'file_refused'", []
    for name, wanted in (("state", state), ("rule", rule)):
        if wanted:
            where += f" and {name} = ?"
            values.append(wanted)
    total = read(made, f"select count(*) as n from refused {where}", values)[0]["n"]
    direction = "desc" if descending else "asc"
    found = read(
        made, f"select * from refused {where} order by line_no {direction} limit ? offset ?", [*values, limit, offset]
    )
    return [_line(row) for row in found], int(total)


def rules_of(actor: Actor, settings: Settings, one: Import) -> dict[str, tuple[str, str]]:
    """The rules that refused rows of an import: code → sentence in English and 中文."""
    require(actor, "imports.make")
    found = read(
        _preview(actor, settings, one),
        "select rule, any_value(reason_en) as en, any_value(reason_zh) as zh from refused"
        " where rule <> 'file_refused' group by rule order by rule",
    )
    return {row["rule"]: (row["en"], row["zh"]) for row in found}


def _line(row: Mapping[str, Any]) -> RefusedLine:
    said = json.loads(row["standard_json"] or row["raw_json"] or "{}")
    values = said if isinstance(said, dict) else {}
    named = {name: row[name] for name in RefusedLine.__dataclass_fields__ if name != "values"}
    return RefusedLine(values={key: None if value is None else str(value) for key, value in values.items()}, **named)


def _preview(actor: Actor, settings: Settings, one: Import) -> Snapshot:
    """Where the preview lies; to an agency, that of another house is not there."""
    if actor.agency_code not in (None, one.agency_code):
        raise NoSuchImport
    path: Path = settings.imports / one.import_id / PREVIEW
    if not path.is_file():
        raise NoPreview
    return Snapshot(path, date.min, "")
