"""The export button of a list: the file is made when it is pressed, and audited before its bytes leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import export, session
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.tables import Column, Listing, Shown, Stream, all_rows, stream_rows
from ops_app.domain.errors import DomainError
from ops_app.services.organisation.exports import record_export


@dataclass(frozen=True)
class Sheet:
    """What is exported: a list as it is filtered."""

    name: str
    title: str
    columns: Sequence[Column[Any]]
    filters: Mapping[str, str]
    rows: Callable[[], Iterator[Any]]


def export_list(here: Here, listing: Listing[Any], shown: Shown[Any]) -> None:
    """The export button beside a list's sort box."""
    sheet = Sheet(
        listing.name,
        listing.title,
        listing.columns,
        shown.wanted.filters,
        lambda: all_rows(listing, shown.wanted, export.MAX_ROWS),
    )
    _button(here, sheet, shown.beside, shown.total)


def export_stream(here: Here, stream: Stream[Any], filters: Mapping[str, str], place: DeltaGenerator) -> None:
    """The export button of a stream, whose length nobody counted; at most ``MAX_ROWS`` of the newest."""
    sheet = Sheet(stream.name, stream.title, stream.columns, filters, lambda: stream_rows(stream, export.MAX_ROWS))
    _button(here, sheet, place, None)


def _button(here: Here, sheet: Sheet, place: DeltaGenerator, total: int | None) -> None:
    """Hidden from those who may not export and where there is nothing."""
    if total == 0 or not here.may("rows.export"):
        return
    t, limit = here.t, here.labels.count(export.MAX_ROWS)
    with place, st.popover(t("export.button")):
        if total is None:
            st.caption(t("export.explain_newest", limit=limit))
        elif total > export.MAX_ROWS:
            st.warning(t("export.too_many", count=here.labels.count(total), limit=limit))
            return
        else:
            st.caption(t("export.explain", count=here.labels.count(total)))
        for file_format in export.MIME:
            st.download_button(
                t(f"export.{file_format}"),
                data=deferred(here, sheet, file_format),
                file_name=f"recoup_{sheet.name}_{here.today.isoformat()}.{file_format}",
                mime=export.MIME[file_format],
                on_click="ignore",
                key=f"{sheet.name}_export_{file_format}",
            )


def deferred(here: Here, sheet: Sheet, file_format: export.Format) -> Callable[[], bytes]:
    """The file as a function called at the press: the session is asked again, for the page may have stood open."""
    token = session.cookie_token()

    def make() -> bytes:
        actor = session.actor_of_token(here.app, token, here.app.clock.now())
        if actor is None or actor.person_id != here.actor.person_id:
            return here.t("signed_out.text").encode()
        try:
            return export_file(here, sheet, file_format)
        except DomainError as error:
            return error.sentence(actor.language).encode()

    return make


def export_file(here: Here, sheet: Sheet, file_format: export.Format) -> bytes:
    """Collect the rows, audit the export, and give the bytes."""
    now = here.app.clock.now()
    rows = [[column.exported(row) for column in sheet.columns] for row in sheet.rows()]
    used = {name: value for name, value in sheet.filters.items() if value}
    record_export(
        here.actor,
        here.app.store,
        now=now,
        what=sheet.name,
        filters=used,
        rows=len(rows),
        file_format=file_format,
    )
    headers = [column.label for column in sheet.columns]
    if file_format == "csv":
        return export.to_csv(headers, rows)
    note = here.t(
        "export.note",
        name=here.actor.name,
        role=here.labels.role(here.actor.role),
        moment=here.labels.moment(now),
        what=sheet.title,
        filters=", ".join(f"{name}={value}" for name, value in used.items()) or "–",
        count=here.labels.count(len(rows)),
    )
    return export.to_xlsx(headers, rows, note=note)
