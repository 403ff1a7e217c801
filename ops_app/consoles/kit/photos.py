"""The photo of one of an agency's people: shown, and brought by those who may."""

from __future__ import annotations

import logging

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import Invalid
from ops_app.gateways.person_photos import bring_photo, photo_of
from ops_app.services.organisation.agency_photos import LARGEST_PHOTO, PICTURES, checked_photo
from ops_app.services.organisation.people import Person

_log = logging.getLogger(__name__)


def show(at: Here, person: Person, *, may_bring: bool) -> None:
    """The photo and who entered it, or that there is none; with ``may_bring`` the form for another one."""
    t, agency = at.t, person.agency_code or ""
    _draw(at, person)
    if not may_bring:
        return
    with st.expander(t("photos.bring")):
        with form(at, f"photo_{person.person_id}") as f:
            brought = f.upload("file", t("photos.file"), endings=("png", "jpg", "jpeg"), most_mb=LARGEST_PHOTO // 2**20)
            f.submit(t("photos.bring"), primary=False)
        f.require({"file": brought})
        name, data = brought or ("", b"")
        f.run(
            lambda _key: bring_photo(
                at.actor, at.app.store, at.app.settings.evidence, now=at.now, agency_code=agency,
                person_id=person.person_id, name=name, data=data,
            ),
            done=t("photos.kept"),
        )  # fmt: skip


def _draw(at: Here, person: Person) -> None:
    t, agency = at.t, person.agency_code or ""
    found = photo_of(
        at.actor, at.app.store, at.app.settings.evidence, now=at.now, agency_code=agency, person_id=person.person_id
    )
    if found is None:
        st.caption(t("photos.none", name=person.display_name))
        return
    one, data = found
    added = t("photos.added", who=one.added_by_name, moment=at.labels.moment(one.added_at))
    try:
        checked_photo(data, f"photo.{PICTURES[one.media_type]}")  # one kept in former times may be no picture
        st.image(data, width=160, caption=f"{person.display_name} · {added}")
    except (Invalid, OSError, ValueError):  # the forms below stay: by them it is taken off or replaced
        _log.warning("the photo %s cannot be drawn", one.sha256)
        st.warning(t("photos.broken", added=added))
