"""The photo of one of an agency's people: shown, and brought by those who may."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.gateways.person_photos import bring_photo, photo_of
from ops_app.services.organisation.agency_photos import LARGEST_PHOTO
from ops_app.services.organisation.people import Person


def show(at: Here, person: Person, *, may_bring: bool) -> None:
    """The photo and who entered it, or that there is none; with ``may_bring`` the form for another one."""
    t, agency = at.t, person.agency_code or ""
    found = photo_of(
        at.actor, at.app.store, at.app.settings.evidence, now=at.now, agency_code=agency, person_id=person.person_id
    )
    if found is None:
        st.caption(t("photos.none", name=person.display_name))
    else:
        one, data = found
        added = t("photos.added", who=one.added_by_name, moment=at.labels.moment(one.added_at))
        st.image(data, width=160, caption=f"{person.display_name} · {added}")
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
