"""The export button of a list: few rows leave at the press, with a reason; many are asked for and released first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import export, session, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_making import Sheet, hand_over, make_released
from ops_app.consoles.kit.forms import attempt
from ops_app.consoles.kit.tables import Listing, Shown, Stream, all_rows, stream_rows
from ops_app.consoles.pages import PAGES
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.exports import LONGEST_REASON, ExportState
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import (
    Asked,
    Export,
    own_export_like,
    rows_without_approval,
)

MY_EXPORTS = next(spec.path for spec in PAGES if spec.key == "exports")


def export_list(here: Here, listing: Listing[Any], shown: Shown[Any]) -> None:
    """The export button beside a list's sort box."""
    wanted = shown.wanted
    sheet = Sheet(
        listing.name,
        listing.title,
        listing.columns,
        wanted.filters,
        lambda limit: all_rows(listing, wanted, limit),
    )
    _button(here, sheet, shown.beside, shown.total)


def export_stream(here: Here, stream: Stream[Any], filters: Mapping[str, str], place: DeltaGenerator) -> None:
    """The export button of a stream, whose length nobody counted: the newest rows at once, more of them released."""
    sheet = Sheet(stream.name, stream.title, stream.columns, filters, lambda limit: stream_rows(stream, limit))
    _button(here, sheet, place, None)


def export_sheet(here: Here, sheet: Sheet, place: DeltaGenerator, total: int) -> None:
    """The export button of rows that are no list on the screen."""
    _button(here, sheet, place, total)


def _button(here: Here, sheet: Sheet, place: DeltaGenerator, total: int | None) -> None:
    """Hidden from those who may not export and where there is nothing."""
    if total == 0 or not here.may("rows.export"):
        return
    t, count = here.t, here.labels.count
    # read now: where a file is made later, no session is there to ask
    sheet = replace(sheet, said=url.shown_filters(sheet.filters))
    with place, st.popover(sheet.button or t("export.button")):
        if total is not None and total > export.MAX_ROWS:
            st.warning(t("export.too_many", count=count(total), limit=count(export.MAX_ROWS)))
            return
        reason = st.text_input(t("export.reason"), key=f"{sheet.name}_export_reason", max_chars=LONGEST_REASON) or ""
        few = rows_without_approval(here.actor, here.app.store, now=here.now)
        if (total is None and few) or (total is not None and total <= few):
            _at_once(here, sheet, reason.strip(), total, few)
        if total is None or total > few:
            _by_release(here, sheet, reason.strip(), total, few)


def _at_once(here: Here, sheet: Sheet, reason: str, total: int | None, few: int) -> None:
    t, count = here.t, here.labels.count
    if few == 0:
        return
    if total is None:
        st.caption(t("export.explain_newest", limit=count(few)))
    else:
        st.caption(t("export.explain", count=count(total), left=count(few)))
    for file_format in export.MIME:
        st.download_button(
            t(f"export.{file_format}"),
            data=deferred(here, sheet, file_format, reason, newest=total is None),
            file_name=sheet.pack.name(file_format)
            if sheet.pack
            else f"recoup_{sheet.name}_{here.today.isoformat()}.{file_format}",
            mime=sheet.pack.mime if sheet.pack else export.MIME[file_format],
            on_click="ignore",
            disabled=not reason,
            key=f"{sheet.name}_export_{file_format}",
        )


def _by_release(here: Here, sheet: Sheet, reason: str, total: int | None, few: int) -> None:
    """Above the limit: ask, wait, make once; the link is on the page of one's exports."""
    t, count = here.t, here.labels.count
    most = export.MAX_ROWS if total is None else total
    said = "export.explain_release" if few else "export.explain_release_none"
    st.caption(t(said, limit=count(few), most=count(most)))
    for file_format in export.MIME:
        known = own_export_like(
            here.actor,
            here.app.store,
            now=here.now,
            what=sheet.name,
            filters=sheet.filters,
            file_format=file_format,
        )
        state = known.state(here.now) if known else None
        key = f"{sheet.name}_release_{file_format}"
        if known is None:
            asked = Asked(sheet.name, sheet.title, sheet.filters, most, file_format, reason, session.present_path())
            if st.button(t(f"export.ask_{file_format}"), disabled=not reason, key=key):
                attempt(
                    here,
                    lambda asked=asked: request_export(here.actor, here.app.store, now=here.now, asked=asked),
                    done=t("export.asked"),
                )
        elif state is ExportState.REQUESTED:
            st.caption(t("export.waiting", number=known.number))
        elif state is ExportState.RELEASED:
            if st.button(t(f"export.make_{file_format}"), key=key, type="primary"):
                attempt(here, lambda known=known: make_list(here, sheet, known), done=t("export.made"))
        else:
            st.page_link(MY_EXPORTS, label=t("export.fetch", number=known.number))


def deferred(
    here: Here, sheet: Sheet, file_format: export.Format, reason: str, *, newest: bool = False
) -> Callable[[], bytes]:
    """The file as a function called at the press: the session is asked again, for the page may have stood open. Of a
    list that nobody counted (``newest``) it holds the newest rows that may leave without approval."""
    token = session.cookie_token()

    def make() -> bytes:
        actor = session.actor_of_token(here.app, token, here.app.clock.now())
        # another role, agency or reach than when the page was drawn: what it would collect is not theirs any more
        if actor is None or actor != here.actor:
            return export.refusal(here.t("signed_out.text"), file_format)
        try:
            return export_file(here, sheet, file_format, reason, newest=newest)
        except DomainError as error:
            return export.refusal(error.sentence(actor.language), file_format)

    return make


def export_file(here: Here, sheet: Sheet, file_format: export.Format, reason: str, *, newest: bool = False) -> bytes:
    """Collect the rows, enter and audit the export, and give the bytes. Raises ``ApprovalNeeded`` for too many."""
    few = rows_without_approval(here.actor, here.app.store, now=here.app.clock.now())
    rows = sheet.cells(here, few if newest else few + 1)
    asked = Asked(sheet.name, sheet.title, sheet.filters, len(rows), file_format, reason)
    return hand_over(here, asked, sheet.headers(), rows, sheet.pack, sheet.said)


def make_list(here: Here, sheet: Sheet, one: Export) -> None:
    """Make the file of a released export of this list."""
    make_released(here, one, lambda: (sheet.headers(), sheet.cells(here, export.MAX_ROWS)), sheet.pack, sheet.said)
