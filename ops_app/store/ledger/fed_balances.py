"""The lender's balances of cases, and where the ledger says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.posting import PARTS
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_differences

_D = ledger_differences.c


@dataclass(frozen=True)
class FedCase:
    """A case as the loans feed has it: what is owed of each component as of a day, whole minor units."""

    case_id: str
    source_code: str
    loan_id: str
    lender_code: str | None
    product_code: str
    currency: str
    as_of_date: date
    closed_date: date | None
    written_off_date: date | None
    owed_minor: dict[Component, int]

    @property
    def is_open(self) -> bool:
        """Whether its spell runs."""
        return self.closed_date is None


@dataclass(frozen=True)
class Found:
    """A component of a case of which ledger and feed say different amounts (whole minor units) as of a day."""

    case_id: str
    component: Component
    currency: str
    ledger_minor: int
    feed_minor: int
    as_of_date: date


def fed_cases(connection: Connection, case_ids: Collection[str]) -> list[FedCase]:
    """These cases with the balances that intake wrote, in the order of their ids."""
    c = cases.c
    found: list[FedCase] = []
    for some in chunks(sorted(case_ids)):
        query = select(cases).where(c.case_id.in_(some)).order_by(c.case_id)
        for row in connection.execute(query):
            found.append(
                FedCase(
                    case_id=row.case_id,
                    source_code=row.source_code,
                    loan_id=row.loan_id,
                    lender_code=row.lender_code,
                    product_code=row.product_code,
                    currency=row.currency,
                    as_of_date=row.as_of_date,
                    closed_date=row.closed_date,
                    written_off_date=row.written_off_date,
                    owed_minor={Component.COSTS: 0}
                    | {Component(part): getattr(row, f"{part}_minor") for part in PARTS},
                )
            )
    return found


def keep(
    connection: Connection, found: Sequence[Found], looked_at: Collection[str], gone: Collection[str], day: date
) -> int:
    """Open and renew what was found; clear what went, of the cases that were looked at or closed; how many stand."""
    open_ones: dict[tuple[str, str], Any] = {}
    for some in chunks(sorted({*looked_at, *gone})):
        query = select(ledger_differences).where(_D.case_id.in_(some), _D.state == "open")
        open_ones |= {(row.case_id, row.component): row for row in connection.execute(query)}
    rows = []
    for one in found:
        there = open_ones.pop((one.case_id, one.component.value), None)
        if there is not None and (there.ledger_minor, there.feed_minor) == (one.ledger_minor, one.feed_minor):
            continue
        opened = there.opened_date if there is not None else day
        rows.append(
            {
                "difference_id": there.difference_id
                if there is not None
                else key_hash("difference", one.case_id, one.component.value, day.isoformat())[:32],
                "case_id": one.case_id,
                "component": one.component.value,
                "currency": one.currency,
                "ledger_minor": one.ledger_minor,
                "feed_minor": one.feed_minor,
                "as_of_date": one.as_of_date,
                "opened_date": opened,
                "state": "open",
                "version": there.version + 1 if there is not None else 1,
            }
        )
    upsert(connection, ledger_differences, ["difference_id"], rows)
    for some in chunks(sorted(row.difference_id for row in open_ones.values())):
        connection.execute(
            update(ledger_differences).where(_D.difference_id.in_(some)).values(state="cleared", version=_D.version + 1)
        )
    return len(found)
