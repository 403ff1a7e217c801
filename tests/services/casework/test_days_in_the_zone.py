"""Days of casework begin at midnight of the installation's zone (Shanghai here), not of UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.take_over import HistoryRow
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.rights import Rights
from ops_app.domain.organisation.units import UnitKind
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.take_over import take_over_book
from ops_app.services.casework.viewing import case_payments
from ops_app.services.organisation import memberships, units
from ops_app.store.casework import periods
from ops_app.store.ledger import payments
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    NOW,
    SUPERVISOR,
    ZONE,
    a_collector,
    an_agency,
    assigned,
    placed,
    some_cases,
)
from tests.services.casework.test_monitoring import a_payment
from tests.services.casework.test_take_over import approve_running

JUST_AFTER_MIDNIGHT = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
"""01:00 on the 26th in Shanghai."""


def test_an_agency_reads_payments_from_the_day_of_its_placement_not_from_the_day_before(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0], now=JUST_AFTER_MIDNIGHT, due_at=JUST_AFTER_MIDNIGHT + timedelta(days=30))
    paid = [a_payment(day, date(2026, 11, day), 100) for day in (25, 26)]
    with store.writing(SUPERVISOR, NOW) as transaction:
        payments.add_many(transaction.connection, [(one, "h" * 64) for one in paid], NOW)
        transaction.audit("payments.recorded", "payment", "P25")
    found = case_payments(AG1, store, now=JUST_AFTER_MIDNIGHT + timedelta(hours=1), case_id=ids[0])
    assert [one.payment.content.value_date for one in found] == [date(2026, 11, 26)]


def test_a_placement_that_is_taken_over_ends_as_the_day_it_was_told_begins(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    an_agency(store, "AG01", day=NOW.date())
    row = HistoryRow(
        "placements", "SIM", "PL-1", "L1", "AG01", None, "running", NOW - timedelta(hours=3), None, date(2026, 12, 20),
        100_001, "CNY", None, "f" * 64, 1,
    )  # fmt: skip
    take_over_book(SUPERVISOR, store, now=NOW, zone=ZoneInfo(ZONE), rows=[row])
    approve_running(store, now=NOW)
    with store.reading() as connection:
        (one,) = periods.placements_of(connection, ids[0])
    assert one.due_at == datetime(2026, 12, 19, 16, 0, tzinfo=UTC)


def test_a_team_gains_and_loses_the_cases_of_who_moves_at_midnight(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    admin, hers = a_collector(store, "adm", role=Role.ADMINISTRATOR), a_collector(store, "hua")
    assigned(store, SUPERVISOR, hers, one)
    begin = {"now": NOW, "valid_from": date(2026, 1, 1)}
    root = units.add_unit(
        admin, store, unit_code="HQ", name="HQ", kind=next(iter(UnitKind)), parent_id=None, **begin
    )  # fmt: skip
    old, new = (
        units.add_unit(admin, store, unit_code=code, name=code, kind=list(UnitKind)[1], parent_id=root.unit_id, **begin)
        for code in ("T1", "T2")
    )
    memberships.join_unit(admin, store, person_id=hers.person_id, unit_id=old.unit_id, **begin)
    moves = {"now": NOW, "valid_from": date(2026, 11, 26)}
    memberships.join_unit(admin, store, person_id=hers.person_id, unit_id=new.unit_id, **moves)
    midnight = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    for unit, now, sees in (
        (old, midnight - timedelta(seconds=1), True), (new, midnight - timedelta(seconds=1), False),
        (old, midnight, False), (new, midnight, True),
    ):  # fmt: skip
        lead = replace(SUPERVISOR, rights=Rights(units=frozenset({unit.unit_id})))
        if sees:
            assert read_case(lead, store, now=now, case_id=one).case.case_id == one
        else:
            with pytest.raises(NoSuchCase):
                read_case(lead, store, now=now, case_id=one)
