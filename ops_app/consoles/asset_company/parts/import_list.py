"""The imports, newest first, and which of them is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.domain.organisation.imports import STATE_NAMES, ImportState
from ops_app.services.organisation.imports import (
    SORTS,
    Import,
    import_templates,
    imported_feeds,
    importers,
    list_imports,
)


def show(at: Here) -> str | None:
    """The list; gives the id of the import to look at."""
    t = at.t
    listing = _listing(at)
    st.subheader(t("imports.list"), anchor=False)
    shown = tables.show_list(at, listing, _filters(at))
    export_list(at, listing, shown)
    return choose(
        at,
        listing,
        shown,
        label=t("imports.open"),
        # nothing that changes: the browser names its choice by this text, and would lose it with the state
        show=lambda one: t("imports.one", file=one.file_name, moment=at.labels.moment(one.uploaded_at)),
    )


def _filters(at: Here) -> dict[str, str]:
    t, labels, language = at.t, at.labels, at.actor.language
    one, two, three = st.columns(3)
    four, five, six = st.columns(3)
    with one:
        state = url.choice(
            "imports_state",
            t("imports.state"),
            ["", *ImportState],
            lambda code: labels.named(STATE_NAMES, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with two:
        feed = url.choice(
            "imports_feed",
            t("imports.feed"),
            ["", *imported_feeds(at.actor, at.app.store, now=at.now)],
            lambda code: labels.code("feed", code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        template = url.choice(
            "imports_template", t("imports.template"), ["", *import_templates(at.actor, at.app.store, now=at.now)],
            lambda code: code or t("lists.all"), default="", language=language,
        )  # fmt: skip
    people = importers(at.actor, at.app.store, now=at.now)
    with four:
        person = url.choice(
            "imports_by", t("imports.by"), ["", *people], lambda code: people[code] if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
    with five:
        since = url.day("imports_since", t("imports.since"), lambda typed: t("lists.no_day", typed=typed))
    with six:
        until = url.day("imports_until", t("imports.until"), lambda typed: t("lists.no_day", typed=typed))
        if since and until and since > until:
            st.error(t("lists.range_reversed"))
    return {
        "state": state, "feed": feed, "template": template, "by": person,
        "since": since.isoformat() if since else "", "until": until.isoformat() if until else "",
    }  # fmt: skip


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _listing(at: Here) -> tables.Listing[Import]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Import], int]:
        state = wanted.filters["state"]
        page = list_imports(
            at.actor,
            at.app.store,
            now=at.now,
            states={ImportState(state)} if state else set(),
            feed=wanted.filters["feed"] or None,
            template=wanted.filters["template"] or None,
            uploaded_by=wanted.filters["by"] or None,
            since=_day(wanted.filters["since"]),
            until=_day(wanted.filters["until"]),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        return page.rows, page.total

    def counted(key: str, read: Callable[[Import], int | None]) -> tables.Column[Import]:
        return tables.Column(key, t(f"imports.{key}"), lambda one: labels.count(read(one)), read, right=True)

    Column = tables.Column[Import]
    return tables.Listing(
        name="imports",
        title=t("imports.list"),
        columns=(
            Column("name", t("imports.name"), lambda one: one.file_name, width="large"),
            Column("feed", t("imports.feed"), lambda one: labels.code("feed", one.feed)),
            Column("template", t("imports.template"), lambda one: one.template),
            Column("agency", t("imports.agency"), lambda one: one.agency_code or "–"),
            Column("date", t("imports.date"), lambda one: labels.day(one.file_date)),
            Column("state", t("imports.state"), lambda one: labels.named(STATE_NAMES, one.state)),
            counted("rows_in", lambda one: one.rows_in),
            counted("accepted", lambda one: one.rows_accepted),
            counted("refused", lambda one: one.rows_quarantined),
            Column("by", t("imports.by"), lambda one: one.uploaded_by_name),
            Column("at", t("imports.at"), lambda one: labels.moment(one.uploaded_at)),
        ),
        row_id=lambda one: one.import_id,
        fetch=fetch,
        sorts={name: t(f"imports.sort.{name}") for name in SORTS},
        default_sort="uploaded_at",
        selectable=True,
        empty=t("imports.empty" if at.may("imports.make") else "imports.empty_for_readers"),
    )
