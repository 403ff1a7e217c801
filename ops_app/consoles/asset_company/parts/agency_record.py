"""One agency: facts and what stops placement above, its parts below."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from ops_app.consoles.asset_company.parts import agency_access, agency_contract, agency_details, agency_move
from ops_app.consoles.asset_company.parts.agency_list import yes_no
from ops_app.consoles.casework import placement_file
from ops_app.consoles.kit import names, record, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.agencies import AGENCY_STATE_NAMES
from ops_app.domain.organisation.audit import AuditRow
from ops_app.domain.organisation.placement import PLACEMENT_STOP_NAMES
from ops_app.services.organisation.agencies import AgencyRecord, read_agency
from ops_app.services.organisation.people import Person

TABS = ("contract", "details", "certificates", "evaluations", "networks", "people", "history")


def show(at: Here, agency_code: str) -> None:
    """The record of an agency."""
    t, language = at.t, at.actor.language
    try:
        found = read_agency(at.actor, at.app.store, now=at.now, agency_code=agency_code, today=at.today)
    except DomainError as error:
        st.error(error.sentence(language))
        return
    st.subheader(f"{found.agency.agency_code} {found.agency.name}", anchor=False)
    _facts(at, found)
    _stops(at, found)
    placement_file.of_agency(at, found.agency.agency_code)
    tab = url.tab("agency_tab", t("agencies.tab"), TABS, lambda code: t(f"agencies.tabs.{code}"), language=language)
    if tab == "contract":
        agency_contract.contracts(at, found)
    elif tab == "details":
        _details(at, found)
    elif tab == "certificates":
        agency_access.certificates(at, found)
    elif tab == "evaluations":
        agency_contract.evaluations(at, found)
    elif tab == "networks":
        agency_access.networks(at, found)
    elif tab == "people":
        _people(at, found)
    else:
        record.history(at, [_happening(at, row) for row in found.history])
    agency_move.show(at, found.agency)


def _facts(at: Here, found: AgencyRecord) -> None:
    t, labels, agency = at.t, at.labels, found.agency
    record.facts(
        {
            t("agencies.state"): labels.named(AGENCY_STATE_NAMES, agency.state),
            t("agencies.white_listed"): yes_no(at, agency.white_listed),
            t("agencies.licence_number"): agency.licence_number or "",
            t("agencies.licence_expires_date"): labels.day(agency.licence_expires_date),
            t("agencies.contract_to_date"): labels.day(agency.contract_to_date),
            t("agencies.fee_schedule"): agency.fee_schedule or "",
            t("agencies.regions"): names.regions(at, agency.regions),
            t("agencies.capacity_cases"): labels.count(agency.capacity_cases),
            t("agencies.contact"): labels.listing(
                [one for one in (agency.contact_name, agency.contact_phone, agency.contact_email) if one]
            ),
            t("agencies.changed"): t(
                "agencies.changed_value", moment=labels.moment(agency.changed_at), who=agency.changed_by
            ),
        }
    )


def _stops(at: Here, found: AgencyRecord) -> None:
    if not found.stops:
        st.success(at.t("agencies.may_place"))
        return
    reasons = "; ".join(at.labels.named(PLACEMENT_STOP_NAMES, stop) for stop in found.stops)
    st.warning(at.t("agencies.stopped", reasons=reasons))


def _details(at: Here, found: AgencyRecord) -> None:
    if at.may("agencies.manage"):
        agency_details.edit(at, found.agency)
    else:
        st.caption(at.t("agencies.only_look"))


def _people(at: Here, found: AgencyRecord) -> None:
    t, labels = at.t, at.labels
    if not found.people:
        st.caption(t("agencies.no_people"))
        return
    Column = tables.Column[Person]
    tables.show_rows(
        (
            Column("sign_in_name", t("people.sign_in_name"), lambda one: one.sign_in_name),
            Column("display_name", t("people.display_name"), lambda one: one.display_name),
            Column("role", t("people.role"), lambda one: labels.role(one.role.value)),
            Column("active", t("people.state"), lambda one: t("people.active" if one.active else "people.inactive")),
        ),
        found.people,
        title=t("agencies.tabs.people"),
    )


def _happening(at: Here, row: AuditRow) -> record.Happening:
    before, after = json.loads(row.before_json or "{}"), json.loads(row.after_json or "{}")
    changed = [
        f"{at.t.code('agencies', name)}: {_value(at, name, before[name])} → {_value(at, name, after[name])}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    what = at.labels.code("action", row.action)
    return record.Happening(
        row.occurred_at, row.actor_name, f"{what} ({'; '.join(changed)})" if changed else what, row.reason
    )


def _value(at: Here, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return yes_no(at, value)
    if isinstance(value, list):
        return at.labels.listing(value)
    return at.labels.named(AGENCY_STATE_NAMES, value) if name == "state" else str(value if value is not None else "–")
