"""Personal fields in full: how long the reason must be and how many a day are parameters."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.personal import DailyLimitReached, PersonalField
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.finding import TooMany
from ops_app.services.casework.unmasking import unmask
from ops_app.services.organisation.notices import list_my_notices
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    assigned,
    placed,
    some_cases,
)
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

ALWAYS = date(2000, 1, 1)


def show(store: Store, evidence: Path, actor: Actor, case_id: str, *, reason: str = WHY, now=NOW) -> str:
    return unmask(actor, store, now=now, case_id=case_id, field=PersonalField.NAME, reason=reason, evidence=evidence)


def audited(store: Store, action: str) -> int:
    with store.reading() as connection:
        return len(connection.execute(audit_log.select().where(audit_log.c.action == action)).all())


def told(store: Store, actor: Actor) -> list[tuple[str, str]]:
    return [(one.event, one.by_name) for one in list_my_notices(actor, store, now=NOW).rows]


def test_a_reason_is_as_long_as_the_parameter_of_the_day_says(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    plant(store, set_to("organisation.unmask_reason_length", 8, NOW.date() + timedelta(days=1)))
    assert show(store, tmp_path, SUPERVISOR, ids[0], reason="short") == "王1"
    with pytest.raises(Invalid, match="8 to 500") as refused:
        show(store, tmp_path, SUPERVISOR, ids[0], reason=" short   ", now=NOW + timedelta(days=1))
    assert refused.value.field == "reason"
    assert show(store, tmp_path, SUPERVISOR, ids[0], reason="long enough", now=NOW + timedelta(days=1)) == "王1"


def test_a_day_has_so_many_fields_and_the_next_day_begins_anew(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    plant(store, set_to("organisation.unmask_daily_limit", 2, ALWAYS))
    for case_id in ids:
        show(store, tmp_path, SUPERVISOR, case_id)
    with pytest.raises(DailyLimitReached):
        show(store, tmp_path, SUPERVISOR, ids[0])
    assert audited(store, "debtor.unmasked") == 2
    midnight = NOW.replace(hour=16)  # in Shanghai
    with pytest.raises(DailyLimitReached):
        show(store, tmp_path, SUPERVISOR, ids[0], now=midnight - timedelta(seconds=1))
    assert show(store, tmp_path, SUPERVISOR, ids[0], now=midnight + timedelta(seconds=1)) == "王1"


def test_the_limit_of_one_person_is_not_that_of_another(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    plant(store, set_to("organisation.unmask_daily_limit", 1, ALWAYS))
    show(store, tmp_path, SUPERVISOR, ids[0])
    assert show(store, tmp_path, Actor("p-com", "Cao", Role.COMPLIANCE), ids[0]) == "王1"


def test_nobody_sees_a_field_where_the_limit_is_nought(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    plant(store, set_to("organisation.unmask_daily_limit", 0, ALWAYS))
    with pytest.raises(DailyLimitReached):
        show(store, tmp_path, SUPERVISOR, ids[0])


def test_the_supervisors_of_the_house_are_told_once_a_day(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", *ids)
    mine = a_collector(store, "mine", "AG01")
    head = a_collector(store, "head", "AG01", Role.AGENCY_SUPERVISOR)
    other = a_collector(store, "other", "AG02", Role.AGENCY_SUPERVISOR)
    assigned(store, head, mine, *ids)
    plant(store, set_to("organisation.unmask_daily_limit", 1, ALWAYS))
    show(store, tmp_path, mine, ids[0])
    for _ in range(2):
        with pytest.raises(DailyLimitReached):
            show(store, tmp_path, mine, ids[1])
    assert told(store, head) == [("unmask_limit", mine.name)]
    assert told(store, other) == []
    assert told(store, mine) == []
    assert audited(store, "debtor.unmask_limit_reached") == 1


def test_who_is_the_only_supervisor_of_an_agency_is_told_of_to_the_asset_company(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", *ids)
    head = a_collector(store, "head", "AG01", Role.AGENCY_SUPERVISOR)
    boss = a_collector(store, "boss", None, Role.SUPERVISOR)
    plant(store, set_to("organisation.unmask_daily_limit", 0, ALWAYS))
    with pytest.raises(DailyLimitReached):
        show(store, tmp_path, head, ids[0])
    assert told(store, boss) == [("unmask_limit", head.name)]


def test_nobody_un_masks_faster_than_people_read(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    for _ in range(20):
        show(store, tmp_path, SUPERVISOR, ids[0])
    with pytest.raises(TooMany):
        show(store, tmp_path, SUPERVISOR, ids[0])
