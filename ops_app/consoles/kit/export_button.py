"""The export button of a list: made when it is pressed, audited before the bytes leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from ops_app.consoles.kit import export, session
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.tables import Listing, Shown, Wanted, all_rows
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.permissions import ROLE_NAMES
from ops_app.services.organisation.exports import record_export

Row = TypeVar("Row")


def export_button(here: Here, listing: Listing[Row], shown: Shown[Row]) -> None:
    """A button that offers the whole list as filtered, as CSV and as XLSX; hidden from those who may not export."""
    total = shown.total
    if not total or not here.may("rows.export"):
        return
    t = here.t
    with shown.beside, st.popover(t("export.button")):
        count, limit = here.labels.count(total), here.labels.count(export.MAX_ROWS)
        if total > export.MAX_ROWS:
            st.warning(t("export.too_many", count=count, limit=limit))
            return
        st.caption(t("export.explain", count=count))
        for file_format in export.MIME:
            st.download_button(
                t(f"export.{file_format}"),
                data=deferred(here, listing, shown.wanted, file_format),
                file_name=f"recoup_{listing.name}_{here.today.isoformat()}.{file_format}",
                mime=export.MIME[file_format],
                on_click="ignore",
                key=f"{listing.name}_export_{file_format}",
            )


def deferred(here: Here, listing: Listing[Row], wanted: Wanted, file_format: export.Format) -> Callable[[], bytes]:
    """The file as a function called at the press: the session is asked again, for the page may have stood open."""
    token = session.cookie_token()

    def make() -> bytes:
        now = here.app.clock.now()
        actor = session.actor_of_token(here.app, token, now)
        if actor is None or actor.person_id != here.actor.person_id:
            return here.t("signed_out.text").encode()
        try:
            return export_file(here, listing, wanted, file_format)
        except DomainError as error:
            return error.sentence(actor.language).encode()

    return make


def export_file(here: Here, listing: Listing[Row], wanted: Wanted, file_format: export.Format) -> bytes:
    """Collect the rows, audit the export, and give the bytes."""
    now = here.app.clock.now()
    rows = [[column.exported(row) for column in listing.columns] for row in all_rows(listing, wanted, export.MAX_ROWS)]
    used = {name: value for name, value in wanted.filters.items() if value}
    record_export(
        here.actor,
        here.app.store,
        now=now,
        what=listing.name,
        filters=used,
        rows=len(rows),
        file_format=file_format,
    )
    headers = [column.label for column in listing.columns]
    if file_format == "csv":
        return export.to_csv(headers, rows)
    note = here.t(
        "export.note",
        name=here.actor.name,
        role=ROLE_NAMES[here.actor.role][1 if here.actor.language == "zh" else 0],
        moment=here.labels.moment(now),
        what=listing.title,
        filters=", ".join(f"{name}={value}" for name, value in used.items()) or "–",
        count=here.labels.count(len(rows)),
    )
    return export.to_xlsx(headers, rows, note=note)
