"""Rules of which requests on cases go up to the asset company, in the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.request_rules import AssetStep, RequestRule
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.store.tables.requests import case_request_rules as rules


def all_rules(connection: Connection) -> list[RequestRule]:
    """Every rule that people made, ended ones too."""
    rows = connection.execute(
        select(rules).order_by(rules.c.kind, rules.c.agency_code, rules.c.currency, rules.c.starts_at)
    )
    return [
        RequestRule(
            kind=CaseRequestKind(row.kind),
            asset=AssetStep(row.asset),
            due_hours=row.due_hours,
            starts_at=row.starts_at,
            above_minor=row.above_minor,
            agency_code=row.agency_code,
            currency=row.currency,
            ends_at=row.ends_at,
        )
        for row in rows
    ]


def replace(connection: Connection, one: RequestRule, now: datetime, entered_by: str) -> int:
    """The rule holds from its start on, and the one before it for the same requests ends there; how many ended."""
    ended = connection.execute(
        update(rules)
        .where(
            rules.c.kind == one.kind.value,
            rules.c.agency_code == one.agency_code,
            rules.c.currency == one.currency,
            rules.c.ends_at.is_(None),
        )
        .values(ends_at=one.starts_at)
    ).rowcount
    connection.execute(
        insert(rules).values(
            rule_id=one.rule_id,
            kind=one.kind.value,
            agency_code=one.agency_code,
            currency=one.currency,
            asset=one.asset.value,
            above_minor=one.above_minor,
            due_hours=one.due_hours,
            starts_at=one.starts_at,
            ends_at=None,
            entered_at=now,
            entered_by=entered_by,
        )
    )
    return ended
