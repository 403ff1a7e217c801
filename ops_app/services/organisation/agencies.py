"""Agencies: master data, list, life cycle, and what stops placement with them (feature 10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict
from ops_app.domain.organisation import agencies as rules
from ops_app.domain.organisation.agencies import (
    NEEDS_NO_STOP,
    AgencyMove,
    AgencyState,
    NoSuchAgency,
    checked_agency_code,
)
from ops_app.domain.organisation.agency_details import AgencyDetails, checked_details
from ops_app.domain.organisation.audit import AuditRow
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.placement import PlacementStop, StillStopped, placement_stops
from ops_app.domain.paging import LARGEST_PAGE, check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.exports import end_exports_of
from ops_app.services.organisation.open_work import AgencyStillHolds, open_with_agency
from ops_app.services.organisation.people import checked_why
from ops_app.services.organisation.sessions import end_all_of
from ops_app.store.organisation import agencies, agency_contracts, agency_people, audit, people
from ops_app.store.organisation.agencies import SORTABLE, Agency, AgencyFilter
from ops_app.store.organisation.agency_contracts import Contract, RecordedEvaluation
from ops_app.store.organisation.agency_people import Certificate, Network
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.organisation.people import PeopleFilter, Person
from ops_app.store.store import Store, Transaction

__all__ = [
    "SORTABLE",
    "AgenciesPage",
    "Agency",
    "AgencyDetails",
    "AgencyFilter",
    "AgencyRecord",
    "Certificate",
    "Contract",
    "Network",
    "RecordedEvaluation",
    "add_agency",
    "agency_codes",
    "edit_agency",
    "list_agencies",
    "move_agency",
    "read_agency",
]


@dataclass(frozen=True)
class AgenciesPage:
    """One page of a list of agencies; ``total`` counts all that match."""

    rows: tuple[Agency, ...]
    total: int


@dataclass(frozen=True)
class AgencyRecord:
    """One agency with all that belongs to it. ``stops`` are the reasons why no case may be placed with it today."""

    agency: Agency
    stops: tuple[PlacementStop, ...]
    contracts: tuple[Contract, ...]
    evaluations: tuple[RecordedEvaluation, ...]
    certificates: tuple[Certificate, ...]
    networks: tuple[Network, ...]
    people: tuple[Person, ...]
    history: tuple[AuditRow, ...]


@act("agencies.view")
def list_agencies(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: AgencyFilter | None = None,
    sort: str = "agency_code",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> AgenciesPage:
    """One page (from 1) of the agencies that match ``wanted``, sorted by one of ``SORTABLE``."""
    check_sort(sort, SORTABLE, "Agencies")
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = agencies.page(
            connection,
            wanted or AgencyFilter(),
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return AgenciesPage(tuple(rows), total)


@act("agencies.view")
def agency_codes(actor: Actor, store: Store) -> dict[str, str]:
    """Agency code → short name, of all that have not ended: what a form offers."""
    with store.reading() as connection:
        return agencies.codes(connection)


@act("agencies.view")
def read_agency(actor: Actor, store: Store, *, now: datetime, agency_code: str, today: date) -> AgencyRecord:
    """One agency with all that belongs to it; ``today`` is the day the reasons against placement are told for."""
    with store.reading() as connection:
        agency = agencies.by_code(connection, agency_code)
        if agency is None:
            raise NoSuchAgency
        staff, _ = people.page(
            connection,
            PeopleFilter(agency_code=agency_code),
            sort="sign_in_name",
            descending=False,
            offset=0,
            limit=LARGEST_PAGE,
        )
        return AgencyRecord(
            agency,
            placement_stops(agency_contracts.facts_of(connection, agency), today),
            tuple(agency_contracts.contracts(connection, agency_code)),
            tuple(agency_contracts.evaluations(connection, agency_code)),
            tuple(agency_people.certificates_of(connection, agency_code)),
            tuple(agency_people.networks_of(connection, agency_code)),
            tuple(staff),
            tuple(
                audit.newest(
                    connection,
                    AuditFilter(object_type="agency", object_id=agency_code),
                    before=None,
                    limit=LARGEST_PAGE,
                )
            ),
        )


@act("agencies.manage")
def add_agency(actor: Actor, store: Store, *, now: datetime, agency_code: str, details: AgencyDetails) -> Agency:
    """Enter an agency that is being admitted. Raises ``Invalid`` by its field, ``Conflict`` when code or name is
    taken."""
    agency = _agency(actor, now, checked_agency_code(agency_code), details)
    with store.writing(actor, now) as transaction:
        try:
            agencies.add(transaction.connection, agency)
        except IntegrityError as error:
            raise _taken() from error
        transaction.audit("agency.added", "agency", agency.agency_code, after=agency.facts())
    return agency


@act("agencies.manage")
def edit_agency(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    agency_code: str,
    version: int,
    details: AgencyDetails,
    reason: str,
) -> Agency:
    """Change the master data. ``version`` is what the caller saw: ``Conflict`` names who changed it since."""
    why = checked_why(reason)
    wanted = _agency(actor, now, agency_code, details)
    with store.writing(actor, now) as transaction:
        before = locked_agency(transaction, agency_code, version)
        try:
            agencies.change(transaction, agency_code, version, agencies.columns(wanted))
        except IntegrityError as error:
            raise _taken() from error
        after = _again(transaction, agency_code)
        contact = [(one.contact_name, one.contact_phone, one.contact_email) for one in (before, after)]
        transaction.audit(
            "agency.changed",
            "agency",
            agency_code,
            before=before.facts(),
            after=after.facts() | {"contact_changed": contact[0] != contact[1]},
            reason=why,
        )
    return after


@act("agencies.move")
def move_agency(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    agency_code: str,
    version: int,
    what: AgencyMove,
    today: date,
    reason: str,
) -> Agency:
    """Move an agency along its life cycle. Whoever may make the move is in ``MOVERS``; an agency that begins to work
    must have nothing else against placement on ``today`` (``StillStopped`` names it all). One that still holds cases
    does not end (``AgencyStillHolds``). Ending one ends the sessions of its people, who cannot sign in any more."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        before = locked_agency(transaction, agency_code, version)
        state = rules.move(before.state, what, actor.role)
        if what in NEEDS_NO_STOP:
            facts = replace(agency_contracts.facts_of(transaction.connection, before), state=state)
            if stops := placement_stops(facts, today):
                raise StillStopped(stops)
        if state is AgencyState.ENDED and (found := open_with_agency(transaction.connection, agency_code)):
            raise AgencyStillHolds(found)
        agencies.change(transaction, agency_code, version, {"state": state.value})
        if state is AgencyState.ENDED:
            for person_id in people.ids_of_agency(transaction.connection, agency_code):
                end_all_of(transaction, person_id)
            end_exports_of(transaction, agency_code=agency_code, because="agency_ended")
        transaction.audit(
            f"agency.{what.value}", "agency", agency_code, before={"state": before.state}, after={"state": state},
            reason=why,
        )  # fmt: skip
        return _again(transaction, agency_code)


def locked_agency(transaction: Transaction, agency_code: str, version: int | None = None) -> Agency:
    """The agency within an act, held until its end; raises ``NoSuchAgency``, or ``Conflict`` naming who changed it."""
    agency = agencies.by_code(transaction.connection, agency_code, lock=True)
    if agency is None:
        raise NoSuchAgency
    if version is not None and agency.version != version:
        raise Conflict(
            f"{agency.changed_by} changed this agency meanwhile. Look again.",
            f"{agency.changed_by} 已先行变更该机构，请刷新后再试。",
        )
    return agency


def _again(transaction: Transaction, agency_code: str) -> Agency:
    found = agencies.by_code(transaction.connection, agency_code)
    if found is None:
        raise NoSuchAgency
    return found


def _taken() -> Conflict:
    return Conflict("An agency with this code or name is there already.", "该机构代码或名称已存在。", field="name")


def _agency(actor: Actor, now: datetime, agency_code: str, details: AgencyDetails) -> Agency:
    """The details, checked, as an agency that is being admitted."""
    return Agency(
        agency_code=agency_code,
        state=AgencyState.ONBOARDING,
        created_at=now,
        changed_at=now,
        changed_by=actor.name,
        version=1,
        **vars(checked_details(details)),
    )
