"""A change of a parameter carried out as its approval would, for tests of what reads it."""

from __future__ import annotations

from ops_app.domain.organisation.parameter_changes import Change
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.parameter_changes import arguments_of, run_change
from ops_app.services.organisation.parameter_reading import in_force
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
