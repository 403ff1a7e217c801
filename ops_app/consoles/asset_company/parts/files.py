"""Files as they arrived: accepted, or refused whole and why."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.gateways import operations_file
from ops_app.gateways.operations_file import FeedFile

STATES = ("accepted", "refused")


def show(at: Here) -> None:
    """The files, newest first."""
    t, language, published = at.t, at.actor.language, at.app.settings.published
    one, two = st.columns(2)
    with one:
        feeds = ["", *operations_file.known_values(at.actor, published, "files", "feed")]
        feed = url.choice(
            "files_feed",
            t("operations.feed"),
            feeds,
            lambda code: at.labels.code("feed", code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with two:
        state = url.choice(
            "files_state",
            t("operations.state"),
            ["", *STATES],
            lambda code: at.labels.code("file_state", code) if code else t("lists.all"),
            default="",
            language=language,
        )
    listing = _listing(at)
    shown = tables.show_list(at, listing, {"feed": feed, "state": state})
    export_list(at, listing, shown)


def _listing(at: Here) -> tables.Listing[FeedFile]:
    t, labels = at.t, at.labels
    chinese = at.actor.language == "zh"

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[FeedFile], int]:
        return operations_file.files(
            at.actor,
            at.app.settings.published,
            feed=wanted.filters["feed"],
            state=wanted.filters["state"],
            sort=wanted.sort,
            descending=wanted.descending,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    def reason(row: FeedFile) -> str:
        return (row.reason_zh if chinese else row.reason_en) or "–"

    counts = ("rows_in", "rows_accepted", "rows_quarantined", "rows_repeated", "delivered")
    return tables.Listing(
        name="files",
        title=t("operations.tabs.files"),
        columns=(
            tables.Column("date", t("operations.file_date"), lambda row: labels.day(row.file_date)),
            tables.Column("name", t("operations.file_name"), lambda row: row.file_name),
            tables.Column("feed", t("operations.feed"), lambda row: labels.code("feed", row.feed)),
            tables.Column("source", t("operations.source"), lambda row: row.source_code),
            tables.Column("state", t("operations.state"), lambda row: labels.code("file_state", row.state)),
            *(_counted(at, name) for name in counts),
            tables.Column("reason", t("operations.reason"), reason, width="large"),
        ),
        row_id=lambda row: row.file_id,
        fetch=fetch,
        sorts={name: t(f"operations.{name}") for name in operations_file.FILE_SORTS},
        default_sort="file_date",
        empty=t("operations.no_files"),
    )


def _counted(at: Here, name: str) -> tables.Column[FeedFile]:
    def value(row: FeedFile) -> int:
        found: int = getattr(row, name)
        return found

    label = at.t("operations.delivered_times") if name == "delivered" else at.t(f"operations.{name}")
    return tables.Column(name, label, lambda row: at.labels.count(value(row)), value=value, right=True)
