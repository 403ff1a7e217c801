"""What the parameters demand of a placement, for the lender and product of a case, and what stops an agency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ops_app.domain.casework.flags import Reason
from ops_app.domain.casework.placing import Criteria, agency_reasons, exclusions
from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.domain.organisation.agencies import NoSuchAgency
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.placement import placement_stops
from ops_app.services.organisation.installation import scope_of_loan
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import periods
from ops_app.store.casework.cases import Case
from ops_app.store.organisation import agencies, agency_contracts, agency_people
from ops_app.store.organisation.agencies import Agency

MINIMUM = "casework.minimum_placement_amount"
EXCLUSIONS = "casework.placement_exclusions"
TERM_DAYS = "casework.placement_term_days"
NOTICE_DAYS = "casework.recall_notice_days"
TAIL_DAYS = "casework.tail_window_days"
FIRST_CONTACT_HOURS = "casework.first_contact_hours"
TOUCH_DAYS = "casework.touch_days"


@dataclass(frozen=True)
class PlacementRules:
    """The parameters of a day (of the installation's zone), asked for one case at a time."""

    parameters: ParameterSet
    day: date

    def criteria(self, one: Case) -> Criteria:
        """What keeps a case of its lender and product in house."""
        minimum, excluded = self._value(MINIMUM, one), self._value(EXCLUSIONS, one)
        assert isinstance(minimum, Money)
        assert isinstance(excluded, tuple)
        return Criteria(frozenset(str(code) for code in excluded), minimum)

    def exclusions(self, one: Case, *, waiting: bool = False) -> tuple[Reason, ...]:
        """Every reason why the case may not be placed on this day."""
        balance = Money(one.balance_minor, one.currency)
        return exclusions(one.position, one.flags, balance, self.criteria(one), waiting=waiting)

    def notice_days(self, one: Case) -> int:
        """Days between the notice of a recall and its effect."""
        return self._days(NOTICE_DAYS, one)

    def tail_days(self, one: Case) -> int:
        """Days after a placement ended within which a payment still counts for the agency."""
        return self._days(TAIL_DAYS, one)

    def first_contact(self, one: Case) -> timedelta:
        """Time within which a placed case must be tried for the first time."""
        return timedelta(hours=self._days(FIRST_CONTACT_HOURS, one))

    def touch(self, one: Case) -> timedelta:
        """Time within which a placed case must be tried again."""
        return self.touch_of(one.lender_code, one.product_code)

    def touch_of(self, lender_code: str | None, product_code: str | None) -> timedelta:
        """As ``touch``, for a lender and product."""
        found = self.parameters.value(TOUCH_DAYS, self.day, scope_of_loan(lender_code, product_code))
        assert isinstance(found, int)
        return timedelta(days=found)

    def term_days(self, one: Case) -> int:
        """Days for which a case is usually placed."""
        return self._days(TERM_DAYS, one)

    def _days(self, code: str, one: Case) -> int:
        found = self._value(code, one)
        assert isinstance(found, int)
        return found

    def _value(self, code: str, one: Case) -> object:
        return self.parameters.value(code, self.day, scope_of_loan(one.lender_code, one.product_code))


def rules_on(connection: Connection, day: date) -> PlacementRules:
    """The rules of ``day``."""
    return PlacementRules(in_force(connection), day)


def agency_against(
    connection: Connection, agency_code: str, day: date, *, more: int, lock: bool = False
) -> tuple[Agency, tuple[Reason, ...]]:
    """The agency, and every reason why ``more`` cases may not be given to it on ``day``; ``lock`` holds it, so that two
    placements cannot share the last room. Raises ``NoSuchAgency``."""
    agency = agencies.by_code(connection, agency_code, lock=lock)
    if agency is None:
        raise NoSuchAgency
    certified = certified_people(connection, agency_code, day)
    collectors = {person_id for person_id, *_ in periods.collectors(connection, agency_code)}
    found = agency_reasons(
        placement_stops(agency_contracts.facts_of(connection, agency), day),
        collectors=len(collectors),
        certified=len(collectors & certified),
        capacity=agency.capacity_cases,
        load=periods.load_of_agency(connection, agency_code),
        more=more,
    )
    return agency, found


def certified_people(connection: Connection, agency_code: str, day: date) -> set[str]:
    """The people of an agency who hold a certificate that is valid on ``day``."""
    return {one.person_id for one in agency_people.certificates_of(connection, agency_code) if one.expires_date > day}


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of ``moment`` in a zone by its name."""
    return moment.astimezone(zone_of(zone)).date()


def begin_of(day: date, zone: str) -> datetime:
    """The moment at which ``day`` begins in a zone, as UTC."""
    return datetime.combine(day, time(0), tzinfo=zone_of(zone)).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The zone of a name; raises ``Invalid``."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise Invalid(f"{name} is no time zone.", f"{name} 不是时区。", field="zone") from error


def distinct(codes: Iterable[str | None]) -> list[str]:
    """The codes that are there, once each, in order."""
    return sorted({code for code in codes if code})
