"""One's own exports: what was taken or asked for, and the links that still live."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.consoles.kit.shell import link
from ops_app.domain.organisation.exports import EXPORT_STATE_NAMES, MOST_FETCHES, ExportState
from ops_app.services.organisation.exports import Export, link_hours, list_my_exports


def listing(at: Here) -> tables.Listing[Export]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Export], int]:
        found = list_my_exports(at.actor, at.app.store, now=at.now, page=wanted.page, page_size=wanted.limit)
        return found.rows, found.total

    def fetched(one: Export) -> str:
        direct = one.kept_state is ExportState.HANDED_OVER
        return "–" if direct else t("exports.of", fetches=one.fetches, most=MOST_FETCHES)

    Column = tables.Column[Export]
    return tables.Listing(
        name="exports",
        title=t("page.exports.title"),
        columns=(
            Column("number", t("exports.number"), lambda one: one.number),
            Column("title", t("exports.title"), lambda one: one.title),
            Column("rows", t("exports.rows"), lambda one: labels.count(one.row_count), right=True),
            Column("format", t("exports.format"), lambda one: one.file_format.upper()),
            Column("state", t("exports.state"), lambda one: labels.named(EXPORT_STATE_NAMES, one.state(at.now))),
            Column("asked", t("exports.asked_at"), lambda one: labels.moment(one.requested_at)),
            Column("until", t("exports.until"), lambda one: labels.moment(one.until_at)),
            Column("fetched", t("exports.fetches"), fetched, right=True),
            Column("reason", t("exports.reason"), lambda one: one.reason, width="large"),
        ),
        row_id=lambda one: one.export_id,
        fetch=fetch,
        empty=t("exports.empty"),
    )


def links(at: Here, rows: Sequence[Export]) -> None:
    """A link to each file that may be fetched, and the way back to each list whose file may be made."""
    open_now = {ExportState.READY, ExportState.RELEASED}
    living = [one for one in rows if one.state(at.now) in open_now]
    if not living:
        return
    st.subheader(at.t("exports.ready"), anchor=False)
    for one in living:
        if one.state(at.now) is ExportState.RELEASED:
            st.html(f"{one.number} · {link(one.address, at.t('exports.to_make'))}")
            continue
        left = MOST_FETCHES - one.fetches
        until = at.t("exports.lives", moment=at.labels.moment(one.until_at), left=left)
        address = f"/api/v1/exports/{one.export_id}/file"
        st.html(f"{link(address, at.t('exports.fetch', name=one.file_name))} · {until}")


current = here()
heading(current, "exports")
st.caption(
    current.t(
        "exports.link_rule", most=MOST_FETCHES,
        hours=current.labels.count(link_hours(current.actor, current.app.store, now=current.now)),
    )
)  # fmt: skip
shown = tables.show_list(current, listing(current))
links(current, shown.rows)
