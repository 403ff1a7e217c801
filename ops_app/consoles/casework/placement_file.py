"""The placement file of an agency: what is placed with it now, in the standard layout, with its control totals.

Its columns bear the names of the standard feed, so that it can be read anywhere by name. It leaves through the governed
export like any list: a reason, a release above some rows, masks, a mark on every row, a link that ends.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import streamlit as st

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Cells, Pack, Sheet, as_file
from ops_app.consoles.kit.tables import Column
from ops_app.domain.casework.placing import PLACING, batch_number
from ops_app.domain.money import Money
from ops_app.domain.organisation.exports import PLACEMENT_FILE, placement_file_name
from ops_app.services.casework.batches import Batch
from ops_app.services.casework.placement_files import PlacedCase, placed_batches, placed_cases, placed_totals
from ops_app.services.organisation.exports import Export

SUM = "balance"
"""The column whose sum the control file states."""


def of_batch(at: Here, batch: Batch) -> None:
    """The button beside a batch by which cases came to an agency."""
    if batch.agency_code and batch.kind in PLACING:
        _offer(at, batch.agency_code, batch.batch_id, batch_number(batch.batch_id, batch.made_at))


def of_agency(at: Here, agency_code: str) -> None:
    """All that an agency has, or what one batch brought it."""
    if not at.may("cases.file"):
        return
    t = at.t
    # looked up only when it is wanted: the page of an agency with many cases is opened all day
    if not st.toggle(t("placement_file.button"), key="placement_file_wanted"):
        return
    found = {one.batch_id: one for one in placed_batches(at.actor, at.app.store, now=at.now, agency_code=agency_code)}

    def named(batch_id: str) -> str:
        one = found.get(batch_id)
        made_at = at.labels.moment(one.made_at) if one else ""
        return t("placement_file.batch", number=one.number, moment=made_at) if one else t("placement_file.all")

    chosen = ""
    if found:
        chosen = url.choice(
            "placement_batch", t("placement_file.which"), ["", *found], named, default="", language=at.actor.language
        )
    _offer(at, agency_code, chosen or None, found[chosen].number if chosen else None)


def _offer(at: Here, agency_code: str, batch_id: str | None, number: str | None) -> None:
    if not at.may("cases.file"):
        return
    t, labels = at.t, at.labels
    totals = placed_totals(at.actor, at.app.store, now=at.now, agency_code=agency_code, batch_id=batch_id)
    if not totals:
        st.caption(t("placement_file.none"))
        return
    sums = labels.listing([labels.money(one.placed_balance_minor, one.currency) for one in totals])
    count = sum(one.cases for one in totals)
    place = st.container(horizontal=True, vertical_alignment="center")
    place.caption(t("placement_file.holds", count=labels.count(count), sums=sums))
    export_sheet(at, sheet(at, agency_code, batch_id, number), place, count)


def sheet(at: Here, agency_code: str, batch_id: str | None, number: str | None) -> Sheet:
    """The rows of the file and how it is packed. ``number``: of the batch, for people."""
    app = at.app

    def rows(limit: int) -> Iterator[PlacedCase]:
        yield from placed_cases(
            at.actor, app.store, now=app.clock.now(), agency_code=agency_code, batch_id=batch_id, limit=limit
        )

    filters = {"agency": agency_code} | ({"batch": number} if number else {})
    return Sheet(
        name=PLACEMENT_FILE,
        title=at.t("placement_file.title", agency=agency_code, batch=number or at.t("placement_file.all")),
        columns=columns(at),
        filters=filters,
        rows=rows,
        button=at.t("placement_file.button"),
        pack=Pack(
            name=lambda _format: f"{placement_file_name(filters, at.today.isoformat())}.zip",
            mime="application/zip",
            write=packed,
        ),
    )


def columns(at: Here) -> tuple[Column[PlacedCase], ...]:
    """The standard names of the feed of placements, then what an agency needs to know of the case."""

    def day(moment: datetime) -> str:
        return moment.astimezone(at.labels.zone).date().isoformat()

    def amount(name: str, field: str) -> Column[PlacedCase]:
        return Column(
            name, name, lambda row: str(getattr(row, field)),
            value=lambda row: Money(getattr(row, field), row.currency).amount,
        )  # fmt: skip

    def plain(name: str) -> Column[PlacedCase]:
        return Column(name, name, lambda row: str(getattr(row, name) or ""))

    Text = Column[PlacedCase]
    return (
        plain("placement_id"),
        plain("loan_id"),
        plain("agency_code"),
        Text("batch", "batch", _batch),
        Text("placed_date", "placed_date", lambda row: day(row.placed_at)),
        Text("due_back_date", "due_back_date", lambda row: day(row.due_at)),
        amount(SUM, "placed_balance_minor"),
        plain("currency"),
        plain("source_code"),
        plain("lender_code"),
        plain("customer_id"),
        plain("name_masked"),
        plain("phone_masked"),
        plain("product_code"),
        plain("region_code"),
        Text("days_past_due", "days_past_due", lambda row: str(row.days_past_due), value=lambda row: row.days_past_due),
        plain("bucket"),
        Text("as_of_date", "as_of_date", lambda row: row.as_of_date.isoformat()),
        amount("balance_now", "balance_minor"),
        amount("outstanding_principal", "principal_minor"),
        amount("outstanding_interest", "interest_minor"),
        amount("outstanding_fees", "fees_minor"),
        amount("outstanding_penalty", "penalty_minor"),
    )


def _batch(row: PlacedCase) -> str:
    return batch_number(row.batch_id, row.batch_made_at) if row.batch_id and row.batch_made_at else ""


def packed(here: Here, one: Export, headers: Sequence[str], rows: Cells) -> bytes:
    """The rows, one file a currency, each with its control file beside it, in one archive."""
    currency, amount = headers.index("currency"), headers.index(SUM)
    day = here.app.clock.now().astimezone(here.labels.zone).date().isoformat()
    by_currency: dict[str, list[Sequence[object]]] = {}
    for row in rows:
        by_currency.setdefault(str(row[currency]), []).append(row)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for code, mine in sorted(by_currency.items()):
            of = day if len(by_currency) == 1 else f"{code}_{day}"
            name = f"{placement_file_name(one.filters, of)}.{one.file_format}"
            archive.writestr(name, as_file(here, one, headers, mine).data)
            total = sum((row[amount] for row in mine if isinstance(row[amount], Decimal)), Decimal(0))
            archive.writestr(f"{name}.control.json", json.dumps({"rows": len(mine), "sums": {SUM: format(total, "f")}}))
    return buffer.getvalue()
