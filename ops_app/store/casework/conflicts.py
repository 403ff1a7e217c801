"""Conflicts of interest in the store: a person who is not to collect from a debtor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CompoundSelect, insert, literal, select, union, update
from sqlalchemy.engine import Connection

from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.case_record import debtor_conflicts
from ops_app.store.tables.casework import cases, debtors
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class Conflict:
    """That a person is not to collect from a debtor, who said so, when and why."""

    conflict_id: str
    debtor_key: str
    person_id: str
    reason: str
    declared_by: str
    declared_by_name: str
    declared_at: datetime
    person_name: str | None = None
    agency_code: str | None = None


_SHOWN = [debtor_conflicts.c[name] for name in list(Conflict.__dataclass_fields__)[:7]]


def _keys(debtor_key: str) -> CompoundSelect[tuple[str]]:
    """The debtor in every source: whoever has the same national id is the same person (as ``cases.of_person``)."""
    mine, same = debtors.alias("mine"), debtors.alias("same")
    return union(
        select(literal(debtor_key)),
        select(same.c.debtor_key)
        .join(mine, mine.c.person_hash == same.c.person_hash)
        .where(mine.c.debtor_key == debtor_key),
    )


def of_debtor(connection: Connection, debtor_key: str) -> list[Conflict]:
    """Those that stand with this debtor, in whatever source they were declared, the oldest first, with name and agency
    of the person."""
    c = debtor_conflicts.c
    rows = connection.execute(
        select(*_SHOWN, people.c.display_name.label("person_name"), people.c.agency_code)
        .join(people, people.c.person_id == c.person_id)
        .where(c.debtor_key.in_(_keys(debtor_key)), c.ended_at.is_(None))
        .order_by(c.declared_at, c.conflict_id)
    )
    return [Conflict(**row._mapping) for row in rows]


def with_any(connection: Connection, person_id: str, debtor_keys: Collection[str]) -> set[str]:
    """Those of the debtors that the person is not to collect from, in whatever source that was declared."""
    c = debtor_conflicts.c
    asked, same = debtors.alias("asked"), debtors.alias("same")
    stands = (c.person_id == person_id, c.ended_at.is_(None))
    found: set[str] = set()
    for some in chunks(sorted(debtor_keys)):
        query = union(
            select(c.debtor_key).where(c.debtor_key.in_(some), *stands),
            select(asked.c.debtor_key)
            .join(same, same.c.person_hash == asked.c.person_hash)
            .join(debtor_conflicts, c.debtor_key == same.c.debtor_key)
            .where(asked.c.debtor_key.in_(some), *stands),
        )
        found.update(connection.execute(query).scalars())
    return found


def cases_between(connection: Connection, debtor_key: str, person_id: str) -> list[str]:
    """The cases of the debtor, in every source, that the person has now."""
    c = cases.c
    query = (
        select(c.case_id).where(c.debtor_key.in_(_keys(debtor_key)), c.collector_id == person_id).order_by(c.case_id)
    )
    return list(connection.execute(query).scalars())


def add(connection: Connection, one: Conflict) -> None:
    """Enter a conflict; one stands at a time between a person and a debtor."""
    values = {name: value for name, value in vars(one).items() if name in debtor_conflicts.c}
    connection.execute(insert(debtor_conflicts).values(values))


def end(connection: Connection, conflict_id: str, *, now: datetime, by: str) -> bool:
    """End a conflict; whether it stood."""
    done = connection.execute(
        update(debtor_conflicts)
        .where(debtor_conflicts.c.conflict_id == conflict_id, debtor_conflicts.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=by)
    )
    return done.rowcount == 1
