"""One announcement: facts, preview as its readers see it, who has read it, and what may be done with it."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import announcement_form, announcement_readers
from ops_app.consoles.asset_company.parts.announcement_list import state_of
from ops_app.consoles.kit import url
from ops_app.consoles.kit.announcements import show_files, show_text
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.i18n import LANGUAGES
from ops_app.consoles.kit.record import facts
from ops_app.domain.casework.attachments import EXTENSIONS, LARGEST_BYTES
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.announcements import MOVES, AnnouncementMove
from ops_app.gateways.attachment_files import attach_to_announcement
from ops_app.services.organisation.announcement_files import remove_announcement_file
from ops_app.services.organisation.announcement_publishing import submit_announcement
from ops_app.services.organisation.announcements import (
    Announcement,
    AnnouncementRecord,
    read_announcement,
    withdraw_announcement,
)

PARTS = ("preview", "readers", "files", "edit", "submit", "withdraw")
_MOVE_OF_PART = {
    "edit": AnnouncementMove.EDIT,
    "submit": AnnouncementMove.SUBMIT,
    "withdraw": AnnouncementMove.WITHDRAW,
}


def show(at: Here, announcement_id: str) -> None:
    """The record of an announcement; the parts that its state does not allow are not offered."""
    try:
        record = read_announcement(at.actor, at.app.store, now=at.now, announcement_id=announcement_id)
    except NotFound as error:
        st.error(error.sentence(at.actor.language))
        return
    one = record.item
    allowed = MOVES[one.state(at.now)]
    parts = [part for part in PARTS if part not in _MOVE_OF_PART or _MOVE_OF_PART[part] in allowed]
    _facts(at, one)
    part = url.tab(
        "announcements_part",
        at.t("announcements.part"),
        parts,
        lambda code: at.t(f"announcements.parts.{code}"),
        language=at.actor.language,
    )
    if part == "preview":
        _preview(at, one)
        show_files(at, one.announcement_id, record.files)
    elif part == "files":
        _files(at, record, may_change=AnnouncementMove.EDIT in allowed)
    elif part == "readers":
        announcement_readers.show(at, record)
    elif part == "edit":
        announcement_form.edit(at, one)
    elif part == "submit":
        _submit(at, one)
    else:
        _withdraw(at, one)


def _facts(at: Here, one: Announcement) -> None:
    t, labels, content = at.t, at.labels, one.content
    places = [announcement_form.place_name(at, place) for place in sorted(content.audience.places)]
    facts(
        {
            t("announcements.state"): state_of(at, one),
            t("announcements.roles"): labels.listing([labels.role(role) for role in sorted(content.audience.roles)]),
            t("announcements.places"): labels.listing(places),
            t("announcements.valid_from_at"): labels.moment(content.valid_from_at),
            t("announcements.valid_until_at"): labels.moment(content.valid_until_at),
            t("announcements.drafted_by"): f"{one.drafted_by_name} · {labels.moment(one.drafted_at)}",
            t("announcements.published_by"): (
                f"{one.published_by_name} · {labels.moment(one.published_at)}" if one.published_at else ""
            ),
            t("announcements.withdrawn_because"): one.withdrawal_reason or "",
        }
    )


def _preview(at: Here, one: Announcement) -> None:
    for column, language in zip(st.columns(len(LANGUAGES)), LANGUAGES, strict=True):
        with column, st.container(border=True):
            st.caption(LANGUAGES[language])
            show_text(at, one.content, language)


def _files(at: Here, record: AnnouncementRecord, *, may_change: bool) -> None:
    """What is attached; while it is a draft, a file is put on or taken off."""
    t, one = at.t, record.item
    if not record.files:
        st.info(t("announcements.no_files"))
    show_files(at, one.announcement_id, record.files)
    if not may_change:
        return
    with st.expander(t("announcements.attach"), expanded=not record.files):
        with form(at, f"announcement_file_{one.announcement_id}") as f:
            version = f.version(one.version)
            brought = f.upload("file", t("announcements.file"), endings=EXTENSIONS, most_mb=LARGEST_BYTES // 2**20)
            f.submit(t("announcements.attach"))
        f.require({"file": brought})
        name, data = brought or ("", b"")
        f.run(
            lambda _key: attach_to_announcement(
                at.actor, at.app.store, at.app.settings.evidence, now=at.now, announcement_id=one.announcement_id,
                version=version, name=name, data=data,
            ),
            done=lambda made: t("announcements.attached", name=made.file_name),
        )  # fmt: skip
    if not record.files:
        return
    by_id = {file.file_id: file.file_name for file in record.files}
    with st.expander(t("announcements.detach")):
        with form(at, f"announcement_file_off_{one.announcement_id}") as f:
            version = f.version(one.version)
            chosen = f.choice("file_id", t("announcements.file"), list(by_id), by_id.__getitem__, index=None)
            f.submit(t("announcements.detach"), primary=False)
        f.require({"file_id": chosen})
        f.run(
            lambda _key: remove_announcement_file(
                at.actor, at.app.store, now=at.now, announcement_id=one.announcement_id, version=version,
                file_id=str(chosen),
            ),
            done=t("announcements.detached"),
        )  # fmt: skip


def _submit(at: Here, one: Announcement) -> None:
    with form(at, f"submit_{one.announcement_id}") as f:
        version = f.version(one.version)
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("announcements.parts.submit"))
    f.run(
        lambda key: submit_announcement(
            at.actor,
            at.app.store,
            now=at.now,
            announcement_id=one.announcement_id,
            version=version,
            reason=reason,
            key=key,
        ),
        done=at.t("announcements.submit_done"),
    )


def _withdraw(at: Here, one: Announcement) -> None:
    with form(at, f"withdraw_{one.announcement_id}") as f:
        version = f.version(one.version)
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("announcements.parts.withdraw"))
    f.run(
        lambda _key: withdraw_announcement(
            at.actor,
            at.app.store,
            now=at.now,
            announcement_id=one.announcement_id,
            version=version,
            reason=reason,
        ),
        done=at.t("announcements.withdraw_done"),
    )
