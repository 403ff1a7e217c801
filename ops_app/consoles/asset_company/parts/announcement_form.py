"""The form of an announcement: new, or a draft written anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import streamlit as st

from ops_app.consoles.kit.announcements import show_text
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.announcements import (
    ALL_AGENCIES,
    ANNOUNCEMENT_KIND_NAMES,
    ASSET_COMPANY,
    LONGEST_BODY,
    LONGEST_TITLE,
    AnnouncementKind,
    Audience,
    Content,
    place_of_agency,
)
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.announcements import (
    Announcement,
    draft_announcement,
    edit_announcement,
    list_agency_codes,
)

ROLES = [role.value for role in Role if role is not Role.SYSTEM]
_SHOWN_FOR_DAYS = 7


def draft(at: Here) -> None:
    """The form of a new announcement."""
    with st.expander(at.t("announcements.new")), form(at, "new_announcement") as f:
        read = _fields(at, f, None)
        f.submit(at.t("announcements.keep_draft"))
    f.run(
        lambda key: draft_announcement(at.actor, at.app.store, now=at.now, content=read(), key=key),
        done=at.t("announcements.drafted"),
    )


def edit(at: Here, one: Announcement) -> None:
    """The form of a draft. It keeps what was typed, and the version that was read, when somebody else was faster."""
    f = Form(at, f"announcement_{one.announcement_id}")
    place = f"_recoup_base_{f.key}"
    base: Announcement = st.session_state.setdefault(place, one)
    if base.version != one.version:
        _changed_meanwhile(at, one, f, place)
    with form(at, f.name) as f:
        read = _fields(at, f, base.content)
        f.submit(at.t("announcements.keep_draft"))
    f.run(
        lambda _key: edit_announcement(
            at.actor,
            at.app.store,
            now=at.now,
            announcement_id=one.announcement_id,
            version=base.version,
            content=read(),
        ),
        done=at.t("announcements.edited"),
    )


def _changed_meanwhile(at: Here, one: Announcement, f: Form, place: str) -> None:
    t = at.t
    st.warning(t("announcements.meanwhile", who=one.changed_by_name, moment=at.labels.moment(one.changed_at)))
    with st.container(border=True):
        show_text(at, one.content, at.actor.language)
    with st.container(horizontal=True):
        if st.button(t("announcements.keep_mine"), key=f"keep_mine_{f.key}"):
            known: Announcement = st.session_state[place]
            st.session_state[place] = replace(known, version=one.version)
            st.rerun()
        if st.button(t("announcements.take_theirs"), key=f"take_theirs_{f.key}"):
            f.forget()
            st.rerun()


def _fields(at: Here, f: Form, known: Content | None) -> Callable[[], Content]:
    """Draw the fields, filled with what is known; gives what reads them."""
    t, zone = at.t, at.app.settings.zone
    kind = f.choice(
        "kind",
        t("announcements.kind"),
        [kind.value for kind in AnnouncementKind],
        lambda code: at.labels.named(ANNOUNCEMENT_KIND_NAMES, code),
        index=list(AnnouncementKind).index(known.kind) if known else 0,
    )
    zh, en = st.columns(2)
    with zh:
        title_zh, body_zh = _words(at, f, known, "zh")
        roles = f.choices("roles", t("announcements.roles"), ROLES, at.labels.role, default=_roles(known))
        first = f.day("valid_from_at", t("announcements.first_day"), _first_day(at, known))
    with en:
        title_en, body_en = _words(at, f, known, "en")
        places = f.choices(
            "places",
            t("announcements.places"),
            _places(at, known),
            lambda code: place_name(at, code),
            default=_known_places(known),
        )
        last = f.day("valid_until_at", t("announcements.last_day"), _last_day(at, known))

    def read() -> Content:
        if first is None or last is None:
            field = "valid_from_at" if first is None else "valid_until_at"
            raise Invalid("Choose a day.", "请选择日期。", field=field)
        return Content(
            kind=AnnouncementKind(kind or AnnouncementKind.NOTICE),
            title_en=title_en,
            body_en=body_en,
            title_zh=title_zh,
            body_zh=body_zh,
            audience=Audience(frozenset(Role(code) for code in roles), frozenset(places)),
            valid_from_at=datetime.combine(first, time(0), zone),
            valid_until_at=datetime.combine(last + timedelta(days=1), time(0), zone),
        )

    return read


def place_name(at: Here, place: str) -> str:
    """The name of a place of an audience."""
    if place in {ASSET_COMPANY, ALL_AGENCIES}:
        return at.t(f"announcements.place.{place}")
    return at.t("announcements.one_agency", code=place.removeprefix(place_of_agency("")))


def _words(at: Here, f: Form, known: Content | None, language: str) -> tuple[str, str]:
    title, body = f"title_{language}", f"body_{language}"
    return (
        f.text(title, at.t(f"announcements.{title}"), value=getattr(known, title, ""), max_chars=LONGEST_TITLE),
        f.paragraphs(body, at.t(f"announcements.{body}"), value=getattr(known, body, ""), max_chars=LONGEST_BODY),
    )


def _roles(known: Content | None) -> list[str]:
    return [role for role in ROLES if known and role in known.audience.roles]


def _known_places(known: Content | None) -> list[str]:
    return sorted(known.audience.places) if known else []


def _places(at: Here, known: Content | None) -> list[str]:
    named = {place_of_agency(code) for code in list_agency_codes(at.actor, at.app.store, now=at.now)}
    chosen = set(_known_places(known)) - {ASSET_COMPANY, ALL_AGENCIES}
    return [ASSET_COMPANY, ALL_AGENCIES, *sorted(named | chosen)]


def _first_day(at: Here, known: Content | None) -> date:
    return known.valid_from_at.astimezone(at.app.settings.zone).date() if known else at.today


def _last_day(at: Here, known: Content | None) -> date:
    if known is None:
        return at.today + timedelta(days=_SHOWN_FOR_DAYS)
    return (known.valid_until_at - timedelta(seconds=1)).astimezone(at.app.settings.zone).date()
