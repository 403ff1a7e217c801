"""Agencies in the store: master data, list, contracts and evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.canonical import canonical_json
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.store import stored_json
from ops_app.store.store import Transaction
from ops_app.store.tables.agencies import agencies, agency_contracts

SORTABLE = ("agency_code", "short_name", "state", "licence_expires_date", "capacity_cases", "contract_to_date")


@dataclass(frozen=True)
class Agency:
    """One agency's master data. ``contract_to_date`` is the first day after its last contract."""

    agency_code: str
    name: str
    short_name: str
    state: AgencyState
    white_listed: bool
    licence_number: str | None
    licence_expires_date: date | None
    fee_schedule: str | None
    regions: tuple[str, ...]
    capacity_cases: int
    contact_name: str | None
    contact_phone: str | None
    contact_email: str | None
    created_at: datetime
    changed_at: datetime
    changed_by: str
    version: int
    contract_to_date: date | None = None

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of an agency; who answers the telephone there is not for ever."""
        return {
            "name": self.name,
            "short_name": self.short_name,
            "state": self.state,
            "white_listed": self.white_listed,
            "licence_number": self.licence_number,
            "licence_expires_date": self.licence_expires_date,
            "fee_schedule": self.fee_schedule,
            "regions": list(self.regions),
            "capacity_cases": self.capacity_cases,
        }


@dataclass(frozen=True)
class AgencyFilter:
    """What a list of agencies is narrowed by; ``text`` is found in code and names."""

    text: str | None = None
    state: AgencyState | None = None
    white_listed: bool | None = None


_CONTRACT_TO = (
    select(func.max(agency_contracts.c.valid_to))
    .where(agency_contracts.c.agency_code == agencies.c.agency_code)
    .scalar_subquery()
)


def _select() -> Select[Any]:
    return select(agencies, _CONTRACT_TO.label("contract_to_date"))


def _agency(row: Row[Any]) -> Agency:
    values = dict(row._mapping)
    regions = tuple(stored_json.read(values.pop("regions_json")))
    return Agency(state=AgencyState(values.pop("state")), regions=regions, **values)


def by_code(connection: Connection, agency_code: str, *, lock: bool = False) -> Agency | None:
    """The agency of a code; ``lock`` holds it until the end of the transaction."""
    if lock:
        connection.execute(
            select(agencies.c.agency_code).where(agencies.c.agency_code == agency_code).with_for_update()
        )
    row = connection.execute(_select().where(agencies.c.agency_code == agency_code)).first()
    return None if row is None else _agency(row)


def lock(connection: Connection, agency_codes: Sequence[str]) -> None:
    """Hold agencies until the end of the transaction, locked in the order of their codes."""
    held = select(agencies.c.agency_code).where(agencies.c.agency_code.in_(agency_codes))
    if agency_codes:
        connection.execute(held.order_by(agencies.c.agency_code).with_for_update())


def codes(connection: Connection) -> dict[str, str]:
    """Agency code → short name, of all that have not ended."""
    rows = connection.execute(
        select(agencies.c.agency_code, agencies.c.short_name)
        .where(agencies.c.state != AgencyState.ENDED.value)
        .order_by(agencies.c.agency_code)
    )
    return {row.agency_code: row.short_name for row in rows}


def state_of(connection: Connection, agency_code: str) -> AgencyState | None:
    """Where the agency stands; ``None`` when nothing is recorded of it."""
    found = connection.execute(select(agencies.c.state).where(agencies.c.agency_code == agency_code)).scalar()
    return None if found is None else AgencyState(found)


def not_ended(connection: Connection) -> list[str]:
    """The codes of all agencies that have not ended."""
    return list(
        connection.execute(
            select(agencies.c.agency_code)
            .where(agencies.c.state != AgencyState.ENDED.value)
            .order_by(agencies.c.agency_code)
        ).scalars()
    )


def add(connection: Connection, agency: Agency) -> None:
    """Insert an agency; code and name are unique."""
    connection.execute(
        insert(agencies).values(
            agency_code=agency.agency_code,
            state=agency.state.value,
            created_at=agency.created_at,
            changed_at=agency.changed_at,
            changed_by=agency.changed_by,
            version=agency.version,
            **columns(agency),
        )
    )


def columns(agency: Agency) -> dict[str, Any]:
    """The master data that people edit, as columns."""
    return {
        "name": agency.name,
        "short_name": agency.short_name,
        "white_listed": agency.white_listed,
        "licence_number": agency.licence_number,
        "licence_expires_date": agency.licence_expires_date,
        "fee_schedule": agency.fee_schedule,
        "regions_json": canonical_json(list(agency.regions)),
        "capacity_cases": agency.capacity_cases,
        "contact_name": agency.contact_name,
        "contact_phone": agency.contact_phone,
        "contact_email": agency.contact_email,
    }


def change(transaction: Transaction, agency_code: str, version: int, values: Mapping[str, Any]) -> bool:
    """Change an agency if nobody did since ``version``; says whether it did."""
    done = transaction.connection.execute(
        update(agencies)
        .where(agencies.c.agency_code == agency_code, agencies.c.version == version)
        .values(
            **values,
            version=agencies.c.version + 1,
            changed_at=transaction.now,
            changed_by=transaction.actor.name,
        )
    )
    return done.rowcount == 1


def page(
    connection: Connection, wanted: AgencyFilter, *, sort: str, descending: bool, offset: int, limit: int
) -> tuple[list[Agency], int]:
    """One page of agencies and how many there are in all; ``sort`` is one of ``SORTABLE``."""
    if sort not in SORTABLE:
        raise ValueError(f"agencies are not sorted by {sort}")
    conditions = _conditions(wanted)
    total: int = connection.execute(select(func.count()).select_from(agencies).where(*conditions)).scalar_one()
    column: ColumnElement[Any] = _CONTRACT_TO if sort == "contract_to_date" else agencies.c[sort]
    order = column.desc().nulls_last() if descending else column.asc().nulls_first()
    rows = connection.execute(
        _select().where(*conditions).order_by(order, agencies.c.agency_code).offset(offset).limit(limit)
    )
    return [_agency(row) for row in rows], total


def _conditions(wanted: AgencyFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        text = wanted.text.strip()
        conditions.append(
            agencies.c.agency_code.icontains(text, autoescape=True)
            | agencies.c.name.icontains(text, autoescape=True)
            | agencies.c.short_name.icontains(text, autoescape=True)
        )
    if wanted.state is not None:
        conditions.append(agencies.c.state == wanted.state.value)
    if wanted.white_listed is not None:
        conditions.append(agencies.c.white_listed.is_(wanted.white_listed))
    return conditions
