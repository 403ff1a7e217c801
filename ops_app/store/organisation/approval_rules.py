"""Rules of approval and delegations in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.approval_rules import ApprovalRule
from ops_app.domain.organisation.people import Role
from ops_app.store.tables.approvals import approval_delegations as delegations
from ops_app.store.tables.approvals import approval_rules as rules
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class Delegation:
    """From ``starts_at`` until before ``ends_at`` one person decides what another may decide."""

    delegation_id: str
    from_person_id: str
    from_name: str
    to_person_id: str
    to_name: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_at: datetime
    revoked_at: datetime | None
    version: int

    def is_valid(self, at: datetime) -> bool:
        """Whether it holds ``at`` that moment."""
        return self.starts_at <= at < self.ends_at and (self.revoked_at is None or at < self.revoked_at)


def rules_of(connection: Connection, kind: str | None = None) -> list[ApprovalRule]:
    """The rules of a kind, or all; ended and future ones too."""
    query = select(rules).order_by(
        rules.c.kind, rules.c.currency, rules.c.level_no, rules.c.from_minor, rules.c.starts_at
    )
    return [_rule(row) for row in connection.execute(query if kind is None else query.where(rules.c.kind == kind))]


def add_rules(connection: Connection, new: Iterable[ApprovalRule], now: datetime, entered_by: str) -> None:
    """Enter rules that are not there yet."""
    stored = [
        {
            "rule_id": one.rule_id,
            "kind": one.kind,
            "currency": one.currency,
            "from_minor": one.from_minor,
            "level_no": one.level_no,
            "role_code": one.role.value,
            "starts_at": one.starts_at,
            "ends_at": one.ends_at,
            "entered_at": now,
            "entered_by": entered_by,
        }
        for one in new
    ]
    if stored:
        connection.execute(insert(rules), stored)


def end_rules(connection: Connection, kind: str, at: datetime) -> int:
    """Every rule of ``kind`` ends at that moment; how many did. A rule that was to start later never holds."""
    lasting = or_(rules.c.ends_at.is_(None), rules.c.ends_at > at)
    ended = [
        connection.execute(update(rules).where(rules.c.kind == kind, lasting, begun).values(ends_at=end)).rowcount
        for begun, end in ((rules.c.starts_at < at, at), (rules.c.starts_at >= at, rules.c.starts_at))
    ]
    return sum(ended)


def add_delegation(connection: Connection, one: Delegation) -> None:
    """Enter a delegation."""
    values = {name: getattr(one, name) for name in Delegation.__dataclass_fields__ if not name.endswith("_name")}
    connection.execute(insert(delegations).values(**values))


def revoke(connection: Connection, delegation_id: str, version: int, now: datetime) -> bool:
    """End a delegation if nobody did since ``version`` was read; says whether it did."""
    done = connection.execute(
        update(delegations)
        .where(
            delegations.c.delegation_id == delegation_id,
            delegations.c.version == version,
            delegations.c.revoked_at.is_(None),
        )
        .values(revoked_at=now, version=version + 1)
    )
    return done.rowcount == 1


def delegation(connection: Connection, delegation_id: str) -> Delegation | None:
    """The delegation of an id."""
    row = connection.execute(_named().where(delegations.c.delegation_id == delegation_id)).first()
    return None if row is None else Delegation(**row._mapping)


def delegated_to(connection: Connection, person_id: str, at: datetime) -> list[Delegation]:
    """What was delegated to a person and holds ``at`` that moment, in a fixed order."""
    query = _named().where(
        delegations.c.to_person_id == person_id,
        delegations.c.starts_at <= at,
        delegations.c.ends_at > at,
        delegations.c.revoked_at.is_(None),
    )
    return [Delegation(**row._mapping) for row in connection.execute(query.order_by(delegations.c.delegation_id))]


def delegations_of(connection: Connection, person_id: str) -> list[Delegation]:
    """What a person delegated, newest first."""
    query = _named().where(delegations.c.from_person_id == person_id)
    newest = query.order_by(delegations.c.made_at.desc(), delegations.c.delegation_id)
    return [Delegation(**row._mapping) for row in connection.execute(newest)]


def _named() -> Any:
    giver, taker = people.alias("giver"), people.alias("taker")
    return (
        select(delegations, giver.c.display_name.label("from_name"), taker.c.display_name.label("to_name"))
        .join(giver, giver.c.person_id == delegations.c.from_person_id)
        .join(taker, taker.c.person_id == delegations.c.to_person_id)
    )


def _rule(row: Any) -> ApprovalRule:
    return ApprovalRule(
        kind=row.kind,
        level_no=row.level_no,
        role=Role(row.role_code),
        starts_at=row.starts_at,
        from_minor=row.from_minor,
        currency=row.currency,
        ends_at=row.ends_at,
    )
