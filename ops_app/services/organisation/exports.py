"""Rows that leave the house as a file: who took what, by which filters, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.store import Store

FORMATS = ("csv", "xlsx")


@act("rows.export")
def record_export(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    what: str,
    filters: Mapping[str, str],
    rows: int,
    file_format: str,
) -> None:
    """Audit an export before its bytes are handed over; if this fails, nothing is handed over.

    Raises ``Invalid`` for a format that is not offered.
    """
    if file_format not in FORMATS:
        raise Invalid(f"There is no format {file_format}.", f"不支持的格式:{file_format}。", field="file_format")
    with store.writing(actor, now) as transaction:
        transaction.audit(
            "rows.export",
            "list",
            what,
            after={"filters": dict(filters), "rows": rows, "format": file_format},
        )


@act("dashboards.view")
def record_opening(
    actor: Actor, store: Store, *, now: datetime, what: str, filters: Mapping[str, str], rows: int
) -> None:
    """Audit that somebody opened the rows behind a figure."""
    with store.writing(actor, now) as transaction:
        transaction.audit("rows.opened", "figure", what, after={"filters": dict(filters), "rows": rows})
