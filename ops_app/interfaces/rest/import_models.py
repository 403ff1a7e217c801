"""What the import routes take and give."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from ops_app.domain.organisation.imports import ImportState
from ops_app.gateways.import_files import RefusedLine
from ops_app.interfaces.rest.models import Strict
from ops_app.services.organisation.imports import Import

MOST_BASE64 = 8_000_000
Value = Annotated[str, Field(max_length=2000)]


class ImportIn(Strict):
    """A file with its bytes in base64 (up to 6 MB; a larger one goes into the inbound folder of its template), and the
    control totals its sender gave."""

    file_name: Annotated[str, Field(min_length=1, max_length=300)]
    content_base64: Annotated[str, Field(min_length=1, max_length=MOST_BASE64)]
    template: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    entry: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    file_date: Annotated[date, Field(strict=False)] | None = None
    typed_rows: Annotated[int, Field(ge=0, le=999_999_999_999)] | None = None
    typed_sum: Annotated[str, Field(max_length=24)] | None = None


class ImportOut(Strict):
    """One import; counts are null until it was read."""

    import_id: str
    state: ImportState
    version: int
    file_name: str
    sha256: str
    file_date: date
    template: str
    entry: str
    feed: str
    uploaded_by: str
    uploaded_at: datetime
    rows_in: int | None
    rows_accepted: int | None
    rows_quarantined: int | None
    rows_repeated: int | None
    refusal: str | None
    refusal_en: str | None
    refusal_zh: str | None
    said_en: str | None
    said_zh: str | None
    agency_code: str | None
    typed_rows: int | None
    typed_sum: str | None
    found_sum: str | None
    rows_agree: bool | None
    sum_agrees: bool | None

    @classmethod
    def of(cls, one: Import) -> ImportOut:
        same = {name: getattr(one, name) for name in cls.model_fields if name not in ("sha256", "uploaded_by")}
        return cls(**same, sha256=one.content_sha256, uploaded_by=one.uploaded_by_name)


class ImportsOut(Strict):
    """A page of imports."""

    rows: list[ImportOut]
    total: int
    page: int
    page_size: int


class RefusedOut(Strict):
    """A refused row with the sentence of its rule."""

    line_no: int
    column: str | None
    value: str | None
    rule: str
    reason_en: str
    reason_zh: str
    values: dict[str, str | None]
    state: str
    again_en: str | None
    again_zh: str | None

    @classmethod
    def of(cls, one: RefusedLine) -> RefusedOut:
        same = {name: getattr(one, name) for name in cls.model_fields if name not in ("column", "values")}
        return cls(**same, column=one.column_name, values=dict(one.values))


class RefusedPage(Strict):
    """A window of refused rows."""

    rows: list[RefusedOut]
    total: int


class RowCorrectionIn(Strict):
    """What is decided about one refused row of the version that was read."""

    version: Annotated[int, Field(ge=1)]
    line_no: Annotated[int, Field(ge=1)]
    decision: Literal["replay", "discard"]
    corrected: dict[Annotated[str, Field(max_length=64)], Value | None] = {}
    reason: Annotated[str, Field(max_length=1000)]


class TypedTotalsIn(Strict):
    """Other control totals of the version that was read; null: none."""

    version: Annotated[int, Field(ge=1)]
    typed_rows: Annotated[int, Field(ge=0, le=999_999_999_999)] | None = None
    typed_sum: Annotated[str, Field(max_length=24)] | None = None


class ImportDecisionIn(Strict):
    """What is decided about an import of the version that was read; discarding and reversing need a reason."""

    version: Annotated[int, Field(ge=1)]
    decision: Literal["confirm", "discard", "reverse"]
    reason: Annotated[str, Field(max_length=1000)] = ""
