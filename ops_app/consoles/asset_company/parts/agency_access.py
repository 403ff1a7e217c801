"""Certificates of an agency's people, and the networks they may sign in from."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import photos, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.services.organisation import agency_access
from ops_app.services.organisation.agencies import AgencyRecord, Certificate, Network
from ops_app.services.organisation.agency_photos import list_photos, remove_photo


def certificates(at: Here, found: AgencyRecord) -> None:
    """The certificates, those that expire first at the top; entering one, taking one off."""
    t, labels = at.t, at.labels
    Column = tables.Column[Certificate]
    if found.certificates:
        tables.show_rows(
            (
                Column("who", t("people.display_name"), lambda one: one.display_name),
                Column("kind", t("agencies.certificate_kind"), lambda one: one.kind),
                Column("number", t("agencies.certificate_number"), lambda one: one.number),
                Column("expires", t("agencies.expires_date"), lambda one: labels.day(one.expires_date)),
                Column(
                    "state",
                    t("agencies.state"),
                    lambda one: t("agencies.expired") if one.expires_date <= at.today else t("agencies.holds"),
                ),
            ),
            found.certificates,
            title=t("agencies.tabs.certificates"),
        )
    else:
        st.caption(t("agencies.no_certificate"))
    _photos(at, found)
    if not at.may("agencies.manage"):
        st.caption(t("agencies.only_look"))
    elif not found.people:
        st.caption(t("agencies.no_people"))
    else:
        _add_certificate(at, found)
        _remove_certificate(at, found)


def _photos(at: Here, found: AgencyRecord) -> None:
    """The photo of one of the agency's people; entering one, taking it off."""
    t, code = at.t, found.agency.agency_code
    by_id = {one.person_id: one for one in found.people}
    if not by_id:
        return
    names = {"": "–"} | {one.person_id: f"{one.display_name} ({one.sign_in_name})" for one in found.people}
    chosen = st.selectbox(t("photos.whose"), list(names), format_func=names.__getitem__, key=f"photo_of_{code}")
    if not chosen:
        return
    photos.show(at, by_id[chosen], may_bring=at.may("agencies.manage"))
    if not at.may("agencies.manage") or chosen not in list_photos(at.actor, at.app.store, now=at.now, agency_code=code):
        return
    with st.expander(t("photos.remove")), form(at, f"photo_off_{chosen}") as f:
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("photos.remove"), primary=False)
    f.run(
        lambda _key: remove_photo(
            at.actor, at.app.store, now=at.now, agency_code=code, person_id=str(chosen), reason=reason
        ),
        done=t("photos.removed"),
    )


def _add_certificate(at: Here, found: AgencyRecord) -> None:
    t = at.t
    names = {one.person_id: f"{one.display_name} ({one.sign_in_name})" for one in found.people}
    with form(at, f"certificate_{found.agency.agency_code}") as f:
        one, two = st.columns(2)
        with one:
            person_id = f.choice("person_id", t("agencies.person"), list(names), names.__getitem__, index=None)
            kind = f.text("kind", t("agencies.certificate_kind"), max_chars=64)
        with two:
            number = f.text("number", t("agencies.certificate_number"), max_chars=64)
            expires = f.day("expires_date", t("agencies.expires_date"), None)
        f.submit(t("agencies.add_certificate"))
    f.require({"person_id": person_id, "kind": kind, "number": number, "expires_date": expires})
    f.run(
        lambda _key: agency_access.add_certificate(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=found.agency.agency_code,
            person_id=str(person_id),
            kind=kind,
            number=number,
            expires_date=expires or at.today,
        ),
        done=t("agencies.done"),
    )


def _remove_certificate(at: Here, found: AgencyRecord) -> None:
    if not found.certificates:
        return
    t = at.t
    names = {one.certificate_id: f"{one.display_name} {one.kind} {one.number}" for one in found.certificates}
    with st.expander(t("agencies.remove_certificate")), form(at, f"uncertify_{found.agency.agency_code}") as f:
        which = f.choice("certificate", t("agencies.certificate_number"), list(names), names.__getitem__, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("agencies.remove_certificate"))
    f.require({"certificate": which})
    f.run(
        lambda _key: agency_access.remove_certificate(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=found.agency.agency_code,
            certificate_id=str(which),
            reason=reason,
        ),
        done=t("agencies.done"),
    )


def networks(at: Here, found: AgencyRecord) -> None:
    """The networks on the list; allowing one, withdrawing one."""
    t, labels = at.t, at.labels
    Column = tables.Column[Network]
    if found.networks:
        tables.show_rows(
            (
                Column("network", t("agencies.network"), lambda one: one.network),
                Column("note", t("agencies.note"), lambda one: one.note or "–", width="large"),
                Column("added", t("agencies.recorded"), lambda one: labels.moment(one.added_at)),
            ),
            found.networks,
            title=t("agencies.tabs.networks"),
        )
    else:
        st.caption(t("agencies.no_network"))
    if not at.may("agencies.manage"):
        st.caption(t("agencies.only_look"))
        return
    _allow(at, found)
    _withdraw(at, found)


def _allow(at: Here, found: AgencyRecord) -> None:
    t = at.t
    with form(at, f"network_{found.agency.agency_code}") as f:
        network = f.text("network", t("agencies.network_if"), max_chars=64)
        note = f.text("note", t("agencies.note"), max_chars=200)
        f.submit(t("agencies.allow_network"))
    f.require({"network": network})
    f.run(
        lambda _key: agency_access.allow_network(
            at.actor, at.app.store, now=at.now, agency_code=found.agency.agency_code, network=network, note=note
        ),
        done=lambda spelled: t("agencies.done_network", network=spelled),
    )


def _withdraw(at: Here, found: AgencyRecord) -> None:
    if not found.networks:
        return
    t = at.t
    names = [one.network for one in found.networks]
    with st.expander(t("agencies.withdraw_network")), form(at, f"unnetwork_{found.agency.agency_code}") as f:
        network = f.choice("network", t("agencies.network"), names, str, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("agencies.withdraw_network"))
    f.require({"network": network})
    f.run(
        lambda _key: agency_access.withdraw_network(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=found.agency.agency_code,
            network=str(network),
            reason=reason,
        ),
        done=t("agencies.done"),
    )
