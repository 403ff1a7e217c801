"""A placement ends with the balance of the day's close it ends by, whenever the job came that ended it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.clock import close_of
from ops_app.services.casework.ending import end_due_placements
from ops_app.store.casework import periods
from ops_app.store.store import Store
from tests.services.casework.casebook import DAY, ZONE, a_spell, placed, recalled, some_cases, taken_in

HOUSE = ZoneInfo(ZONE)
FIRST, LAST, AFTER = DAY + timedelta(days=1), DAY + timedelta(days=2), DAY + timedelta(days=3)


def begin(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), HOUSE).astimezone(UTC)


def day_is_run(store: Store, evidence: Path, day: date, balance: int) -> None:
    """Intake of ``day``, which says this balance of the one loan."""
    row = a_spell(1, as_of_date=day, balance_minor=balance, principal_minor=balance)
    taken_in(store, evidence, row, now=close_of(day, HOUSE), day=day, days=[("SIM", day, f"mark {day}")])


def ended_balance(store: Store, case_id: str) -> int | None:
    with store.reading() as connection:
        return periods.placements_of(connection, case_id)[-1].ended_balance_minor


@pytest.fixture
def one(store: Store, tmp_path: Path) -> str:
    """A case that an agency has until the close of ``LAST``."""
    (case_id,) = some_cases(store, tmp_path, 1)
    placed(store, "AG01", case_id, now=begin(FIRST, 9), due_at=begin(AFTER))
    day_is_run(store, tmp_path, FIRST, 90_000)
    return case_id


def test_a_job_after_the_day_was_taken_in_ends_it_with_the_balance_of_that_day(
    store: Store, tmp_path: Path, one: str
) -> None:
    day_is_run(store, tmp_path, LAST, 80_000)
    day_is_run(store, tmp_path, AFTER, 70_000)
    assert ended_balance(store, one) == 80_000


def test_a_job_before_the_day_was_taken_in_is_told_the_balance_when_it_comes(
    store: Store, tmp_path: Path, one: str
) -> None:
    assert end_due_placements(SYSTEM, store, now=begin(AFTER, 1), today=AFTER) == 1
    assert ended_balance(store, one) == 90_000
    for _ in range(2):
        day_is_run(store, tmp_path, LAST, 80_000)
        assert ended_balance(store, one) == 80_000
    day_is_run(store, tmp_path, AFTER, 70_000)
    assert ended_balance(store, one) == 80_000


def test_a_recall_within_a_day_has_the_balance_of_its_close(store: Store, tmp_path: Path, one: str) -> None:
    recalled(store, one, now=begin(LAST, 15))
    assert ended_balance(store, one) == 90_000
    day_is_run(store, tmp_path, LAST, 80_000)
    day_is_run(store, tmp_path, AFTER, 70_000)
    assert ended_balance(store, one) == 80_000
