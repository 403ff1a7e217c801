"""The form of an agency's master data, for a new one and for one that is there."""

from __future__ import annotations

import re
from datetime import date

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.errors import Invalid
from ops_app.services.organisation import agencies
from ops_app.services.organisation.agencies import Agency, AgencyDetails

TEXTS = {"name": 200, "short_name": 60, "licence_number": 64, "fee_schedule": 64}
CONTACT = {"contact_name": 100, "contact_phone": 40, "contact_email": 200}


class Typed:
    """What was typed into the form, turned into details only when it is sent."""

    def __init__(self, texts: dict[str, str], regions: str, capacity: str, listed: bool, expires: date | None) -> None:
        self._texts, self._regions, self._capacity = texts, regions, capacity
        self._listed, self._expires = listed, expires

    def details(self) -> AgencyDetails:
        """The details; raises ``Invalid`` for a capacity that is no number."""
        if not re.fullmatch(r"[0-9]{1,9}", self._capacity or "0", re.ASCII):
            raise Invalid("Enter a whole number of cases.", "请填写整数件数。", field="capacity_cases")
        return AgencyDetails(
            **self._texts,
            white_listed=self._listed,
            licence_expires_date=self._expires,
            regions=tuple(re.split(r"[,，、;；\s]+", self._regions)),
            capacity_cases=int(self._capacity or "0"),
        )


def new(at: Here) -> None:
    """Enter an agency that is being admitted."""
    t = at.t
    with st.expander(t("agencies.new")), form(at, "new_agency") as f:
        code = f.text("agency_code", t("agencies.agency_code"), max_chars=32)
        typed = _fields(at, f, None)
        f.submit(t("agencies.create"))
    f.require({"agency_code": code})
    f.run(
        lambda _key: agencies.add_agency(at.actor, at.app.store, now=at.now, agency_code=code, details=typed.details()),
        done=t("agencies.done_new", code=code),
    )


def edit(at: Here, agency: Agency) -> None:
    """Change the master data of an agency."""
    t = at.t
    with form(at, f"agency_{agency.agency_code}") as f:
        version = f.version(agency.version)
        typed = _fields(at, f, agency)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("agencies.save"))
    f.run(
        lambda _key: agencies.edit_agency(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=agency.agency_code,
            version=version,
            details=typed.details(),
            reason=reason,
        ),
        done=t("agencies.done"),
    )


def _fields(at: Here, f: Form, agency: Agency | None) -> Typed:
    t = at.t
    texts: dict[str, str] = {}

    def text(name: str, longest: int) -> None:
        known = getattr(agency, name) if agency else None
        texts[name] = f.text(name, t(f"agencies.{name}"), value=known or "", max_chars=longest)

    one, two, three = st.columns(3)
    with one:
        for name, longest in TEXTS.items():
            text(name, longest)
    with two:
        expires = f.day(
            "licence_expires_date", t("agencies.licence_expires_date"), agency.licence_expires_date if agency else None
        )
        listed = f.choice(
            "white_listed",
            t("agencies.white_listed"),
            ["no", "yes"],
            lambda code: t(f"labels.{code}"),
            index=int(bool(agency and agency.white_listed)),
        )
        regions = f.text(
            "regions", t("agencies.regions_if"), value=" ".join(agency.regions) if agency else "", max_chars=400
        )
        capacity = f.text(
            "capacity_cases",
            t("agencies.capacity_cases"),
            value=str(agency.capacity_cases) if agency else "",
            max_chars=9,
        )
    with three:
        for name, longest in CONTACT.items():
            text(name, longest)
    return Typed(texts, regions, capacity, listed == "yes", expires)
