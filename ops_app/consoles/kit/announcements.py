"""Announcements before the person of this page: the card on the front page, and the one that must be acknowledged
before anything else is opened. What somebody wrote is shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt
from ops_app.domain.organisation.announcements import ANNOUNCEMENT_KIND_NAMES, Content
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation.announcement_files import AnnouncementFile

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;max-width:48rem;line-height:1.6"
_LANGUAGE_TAGS = {"en": "en", "zh": "zh-CN"}


def show_text(here: Here, content: Content, language: str) -> None:
    """Title, kind, validity and text in ``language``; in the other where it was not written in this one."""
    written_in, title, body = content.in_language(language)
    kind = here.labels.named(ANNOUNCEMENT_KIND_NAMES, content.kind)
    until = here.t("announcements.until", moment=here.labels.moment(content.valid_until_at))
    st.html(
        f'<section lang="{_LANGUAGE_TAGS[written_in]}"><h3 style="margin:0 0 .25rem">{escape(title)}</h3></section>'
        f'<p style="color:#4d5a68;font-size:.9rem;margin:0 0 .5rem">{escape(kind)} · {escape(until)}</p>'
        f'<div lang="{_LANGUAGE_TAGS[written_in]}" style="{_TEXT}">{escape(body)}</div>'
    )


def show_files(here: Here, announcement_id: str, files: Sequence[AnnouncementFile]) -> None:
    """Links to the attached files; each fetch is looked up and logged."""
    if not files:
        return
    names = "".join(
        f'<li><a href="/api/v1/announcements/{escape(announcement_id)}/files/{escape(one.file_id)}" target="_self">'
        f"{escape(one.file_name)}</a>"
        f" · {escape(here.t('cases.kilobytes', count=here.labels.count(-(-one.size_bytes // 1024))))}</li>"
        for one in files
    )
    st.html(f"<p>{escape(here.t('announcements.files'))}</p><ul>{names}</ul>")


def must_be_acknowledged(here: Here) -> bool:
    """Show the oldest change of rules that this person has not acknowledged, and nothing else; whether there is one.

    Called by the shell before every page, so that no address leads round it.
    """
    waiting = reading.list_unacknowledged(here.actor, here.app.store, now=here.now)
    if not waiting:
        return False
    one = waiting[0]
    st.header(here.t("announcements.first"), anchor=False)
    st.caption(here.t("announcements.first_lead", count=here.labels.count(len(waiting))))
    with st.container(border=True):
        show_text(here, one.content, here.actor.language)
        show_files(here, one.announcement_id, one.files)
    with st.form(f"acknowledge_{one.announcement_id}", enter_to_submit=False, border=False):
        understood = st.checkbox(here.t("announcements.understood"))
        pressed = st.form_submit_button(here.t("announcements.acknowledge"), type="primary")
    if pressed and understood:
        _confirm(here, one, here.t("announcements.acknowledged"))
    elif pressed:
        st.error(here.t("announcements.tick_first"))
    return True


def card(here: Here) -> None:
    """The front page's part: what this person has not read yet, and below it what they have."""
    found = reading.list_my_announcements(here.actor, here.app.store, now=here.now)
    st.subheader(here.t("announcements.card"), anchor=False)
    if not found:
        st.caption(here.t("announcements.none"))
        return
    unread = [one for one in found if one.read_at is None]
    if not unread:
        st.caption(here.t("announcements.all_read"))
    for one in unread:
        with st.container(border=True):
            show_text(here, one.content, here.actor.language)
            show_files(here, one.announcement_id, one.files)
            if st.button(here.t("announcements.read"), key=f"read_{one.announcement_id}"):
                _confirm(here, one, here.t("announcements.marked"))
    read = [one for one in found if one.read_at is not None]
    if read:
        with st.expander(here.t("announcements.read_before", count=here.labels.count(len(read)))):
            for one in read:
                show_text(here, one.content, here.actor.language)
                show_files(here, one.announcement_id, one.files)
                st.caption(here.t("announcements.read_at", moment=here.labels.moment(one.read_at)))


def _confirm(here: Here, one: reading.Shown, done: str) -> None:
    attempt(
        here,
        lambda: reading.confirm_reading(here.actor, here.app.store, now=here.now, announcement_id=one.announcement_id),
        done=done,
    )
