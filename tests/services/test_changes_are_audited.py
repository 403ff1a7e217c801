"""After any run of acts there are as many audit rows as there were changes: none is missing and none says too much."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from ops_app.domain.casework.cases import CaseMove
from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.assigning import assign_cases, unassign_cases
from ops_app.services.casework.moving import clear_flag, move_case, set_flag
from ops_app.services.organisation import people
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.store import Store
from ops_app.store.tables.casework import case_events
from ops_app.store.tables.casework import cases as case_table
from ops_app.store.tables.organisation import audit_log
from ops_app.store.tables.organisation import people as people_table
from tests.services.casework.casebook import NOW, SUPERVISOR, WHY, a_collector, some_cases, versions

ADMIN = Actor("p-admin", "Ada", Role.ADMINISTRATOR)
STEPS = 120


def audited(store: Store, object_type: str) -> int:
    with store.reading() as connection:
        rows = select(func.count()).where(audit_log.c.object_type == object_type)
        return int(connection.execute(rows).scalar_one())


def total(store: Store, column: object) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(column), 0))).scalar_one())  # type: ignore[call-overload]


def test_changes_and_audit_rows_are_as_many_after_a_random_run(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 5)
    collectors = [a_collector(store, name) for name in ("one", "two")]
    stream, done, refused = random.Random(7), 0, 0
    case_versions, case_rows = total(store, case_table.c.version), audited(store, "case")
    person_versions, person_rows = total(store, people_table.c.version), audited(store, "person")
    events = _count(store)

    def a_case() -> dict[str, object]:
        one = stream.choice(ids)
        version = versions(store, one)[one] - (stream.random() < 0.1)  # now and then a stale one
        return {"now": NOW, "case_id": one, "version": version, "reason": WHY}

    def some() -> dict[str, int]:
        return versions(store, *stream.sample(ids, stream.randint(1, 3)))

    def a_person() -> dict[str, object]:
        who = stream.choice(collectors).person_id
        with store.reading() as connection:
            version = connection.execute(
                select(people_table.c.version).where(people_table.c.person_id == who)
            ).scalar_one()
        return {"now": NOW, "person_id": who, "version": version, "reason": WHY}

    acts: list[Callable[[], object]] = [
        lambda: set_flag(SUPERVISOR, store, flag=stream.choice(list(Flag)), **a_case()),  # type: ignore[arg-type]
        lambda: clear_flag(SUPERVISOR, store, flag=stream.choice(list(Flag)), **a_case()),  # type: ignore[arg-type]
        lambda: move_case(SUPERVISOR, store, move=stream.choice(list(CaseMove)), **a_case()),  # type: ignore[arg-type]
        lambda: assign_cases(
            SUPERVISOR, store, now=NOW, wanted=some(), collector_id=stream.choice(collectors).person_id, reason=WHY
        ),
        lambda: unassign_cases(SUPERVISOR, store, now=NOW, wanted=some(), reason=WHY),
        lambda: people.deactivate_person(ADMIN, store, **a_person()),  # type: ignore[arg-type]
        lambda: people.reactivate_person(ADMIN, store, **a_person()),  # type: ignore[arg-type]
        lambda: people.reset_password(ADMIN, store, **a_person()),  # type: ignore[arg-type]
    ]
    for _ in range(STEPS):
        try:
            stream.choice(acts)()
            done += 1
        except DomainError:
            refused += 1
    assert done > 20, "the run did something"
    assert refused > 5, "and was refused something"
    changed = total(store, case_table.c.version) - case_versions
    assert audited(store, "case") - case_rows == changed == _count(store) - events
    assert audited(store, "person") - person_rows == total(store, people_table.c.version) - person_versions
    assert verify_audit(store).state == "holds"


def _count(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(case_events)).scalar_one())
