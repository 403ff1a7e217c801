"""The list of announcements, those withdrawn and expired too."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.announcements import (
    ANNOUNCEMENT_KIND_NAMES,
    ANNOUNCEMENT_STATE_NAMES,
    AnnouncementKind,
    AnnouncementState,
)
from ops_app.services.organisation.announcements import (
    SORTABLE,
    Announcement,
    AnnouncementFilter,
    list_announcements,
)

_RECEIPTS = "_recoup_announcement_receipts"


def filters(at: Here) -> dict[str, str]:
    """State, kind and text."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns([1, 1, 2])
    with one:
        state = url.choice(
            "announcements_state",
            t("announcements.state"),
            ["", *(state.value for state in AnnouncementState)],
            lambda code: at.labels.named(ANNOUNCEMENT_STATE_NAMES, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with two:
        kind = url.choice(
            "announcements_kind",
            t("announcements.kind"),
            ["", *(kind.value for kind in AnnouncementKind)],
            lambda code: at.labels.named(ANNOUNCEMENT_KIND_NAMES, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        text = url.text(
            "announcements_text", t("lists.search"), placeholder=t("announcements.search"), language=language
        )
    return {"state": state, "kind": kind, "text": text}


def listing(at: Here) -> tables.Listing[Announcement]:
    """The list with state, validity and how many have read it."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Announcement], int]:
        chosen = wanted.filters
        page = list_announcements(
            at.actor,
            at.app.store,
            now=at.now,
            wanted=AnnouncementFilter(
                state=AnnouncementState(chosen["state"]) if chosen["state"] else None,
                kind=AnnouncementKind(chosen["kind"]) if chosen["kind"] else None,
                text=chosen["text"] or None,
            ),
            sort=wanted.sort,
            descending=wanted.descending,
            page=wanted.page,
            page_size=wanted.limit,
        )
        st.session_state.setdefault(_RECEIPTS, {}).update(page.receipts)
        return page.rows, page.total

    def readers(one: Announcement) -> int:
        return int(st.session_state[_RECEIPTS].get(one.announcement_id, 0))

    def kind(one: Announcement) -> str:
        return labels.named(ANNOUNCEMENT_KIND_NAMES, one.content.kind)

    Column = tables.Column[Announcement]
    return tables.Listing(
        name="announcements",
        title=t("page.announcements.title"),
        columns=(
            Column("title", t("announcements.title"), lambda one: _title(at, one), width="large"),
            Column(
                "kind", t("announcements.kind"), lambda one: labels.named(ANNOUNCEMENT_KIND_NAMES, one.content.kind)
            ),
            Column("state", t("announcements.state"), lambda one: state_of(at, one)),
            Column("from", t("announcements.valid_from_at"), lambda one: labels.moment(one.content.valid_from_at)),
            Column("until", t("announcements.valid_until_at"), lambda one: labels.moment(one.content.valid_until_at)),
            Column("by", t("announcements.drafted_by"), lambda one: one.drafted_by_name),
            Column("changed", t("announcements.changed_at"), lambda one: labels.moment(one.changed_at)),
            Column("read", t("announcements.receipts"), lambda one: labels.count(readers(one)), readers, right=True),
        ),
        row_id=lambda one: one.announcement_id,
        fetch=fetch,
        sorts={name: t(f"announcements.{name}") for name in SORTABLE},
        default_sort="changed_at",
        selectable=True,
        empty=t("announcements.empty"),
    )


def _title(at: Here, one: Announcement) -> str:
    return one.content.in_language(at.actor.language)[1]


def state_of(at: Here, one: Announcement) -> str:
    """The state at this moment by its name."""
    return at.labels.named(ANNOUNCEMENT_STATE_NAMES, one.state(at.now))


def name_of(at: Here, one: Announcement) -> str:
    """One announcement on one line, as a choice."""
    return f"{state_of(at, one)} · {_title(at, one)}"
