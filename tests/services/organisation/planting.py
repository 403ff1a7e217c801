"""What others must have entered before: an agency, and a change of a parameter carried out as its approval would."""

from __future__ import annotations

from ops_app.domain.organisation.parameter_changes import Change
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation.agencies import AgencyDetails, add_agency
from ops_app.services.organisation.parameter_changes import arguments_of, run_change
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.organisation import agencies
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW
from tests.services.organisation.parameters import TODAY, ZONE


def plant(store: Store, change: Change) -> None:
    """Let ``change`` have been approved."""
    with store.writing(SYSTEM, NOW) as transaction:
        made = len(in_force(transaction.connection).versions(change.code, change.scope.text))
        arguments = arguments_of(
            change, expected_version=made, zone=ZONE.key, reason="planted", made_by="p-admin",
            back_dated=change.valid_from_date < TODAY,
        )  # fmt: skip
        run_change(transaction, arguments)


def an_agency(store: Store, agency_code: str) -> str:
    """The agency of a code, entered unless it is there; people are entered into agencies that are there only."""
    with store.reading() as connection:
        known = agencies.by_code(connection, agency_code) is not None
    if not known:
        manager = Actor(person_id="p-planting", name="Planting", role=Role.MANAGER)
        details = AgencyDetails(f"Agency {agency_code}", agency_code)
        add_agency(manager, store, now=NOW, agency_code=agency_code, details=details)
    return agency_code
