"""Closed periods: days of an area whose figures are final, with the parameters they were computed with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json, content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.organisation.parameter_timeline import Held, ParameterSet
from ops_app.domain.organisation.parameter_values import Value, stored_form
from ops_app.domain.organisation.parameters import ALL, AREAS, NoSuchParameter, Scope
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.parameter_changes import checked_reason
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.organisation import parameters
from ops_app.store.organisation.parameters import ClosedPeriod
from ops_app.store.store import Store, Transaction

__all__ = [
    "ClosedPeriod",
    "KeptParameters",
    "CLOSED_ALONE",
    "close_period",
    "close_within",
    "list_closed_periods",
    "parameters_of",
    "read_closed_period",
]


CLOSED_ALONE = tuple(area for area in AREAS if area != "ledger")
"""The areas whose periods one person closes; those of the ledger are closed by two (``services/ledger/closing.py``)."""


@dataclass(frozen=True)
class KeptParameters:
    """The parameters that a closed period was computed with: for each, in each scope that had a value, what held on
    which days, in the order of the days."""

    period: ClosedPeriod
    kept: dict[tuple[str, str], tuple[Held, ...]]

    def value(self, code: str, on_date: date, scope: Scope = ALL) -> Value:
        """As ``ParameterSet.value``, of the closed period alone. Raises ``LookupError`` for a day outside of it and
        ``NoSuchParameter`` for a code that is not of its area."""
        if not self.period.first_date <= on_date < self.period.end_date:
            raise LookupError(f"{on_date} is not within the period")
        if (code, ALL.text) not in self.kept:
            raise NoSuchParameter(code)
        for candidate in scope.widening():
            for held in self.kept.get((code, candidate.text), ()):
                if held.valid_from_date <= on_date and (held.valid_to_date is None or on_date < held.valid_to_date):
                    return held.value
        raise NoSuchParameter(code)


@act("periods.close")
def close_period(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    zone: ZoneInfo,
    area: str,
    first_date: date,
    end_date: date,
    reason: str,
) -> ClosedPeriod:
    """Close the days of ``area`` from ``first_date`` until before ``end_date``, and keep the parameters they were
    computed with; no change may reach into them afterwards.

    Raises ``Invalid`` unless the days have passed in ``zone``, and ``Conflict`` if any of them is closed already.
    """
    why = checked_reason(reason)
    if area not in CLOSED_ALONE:
        if area in AREAS:
            raise Invalid(
                "Periods of the ledger are closed by two people, on the page of accounting periods.",
                "账务期间须由两人在会计期间页面关账。",
                field="area",
            )
        raise Invalid(f"There is no area {area}.", f"没有领域 {area}。", field="area")
    if first_date >= end_date:
        raise Invalid("The end lies after the first day.", "截止日应晚于起始日。", field="end_date")
    if end_date > now.astimezone(zone).date():
        raise Invalid("Only days that have passed can be closed.", "仅可对已过去的日期关账。", field="end_date")
    with store.writing(actor, now) as transaction:
        return close_within(transaction, area, first_date, end_date, why)


def close_within(transaction: Transaction, area: str, first_date: date, end_date: date, reason: str) -> ClosedPeriod:
    """Close the days within an act that has checked that they have passed and who may close them. Raises ``Conflict``
    if any of them is closed already."""
    connection, now = transaction.connection, transaction.now
    parameters.lock(connection)
    for one in parameters.periods(connection, area):
        if one.first_date < end_date and first_date < one.end_date:
            last = one.end_date - timedelta(days=1)
            raise Conflict(
                f"{one.first_date} to {last} is closed already.",
                f"{one.first_date} 至 {last} 已关账。",
                field="first_date",
            )
    kept = _kept(in_force(connection), area, first_date, end_date)
    closed = ClosedPeriod(
        period_id=key_hash("closed_period", area, first_date.isoformat(), end_date.isoformat()),
        area=area,
        first_date=first_date,
        end_date=end_date,
        versions_json=canonical_json(kept),
        closed_by=transaction.actor.person_id,
        closed_at=now,
        reason=reason,
    )
    parameters.add_period(connection, closed)
    facts = {"area": area, "first_date": first_date, "end_date": end_date, "parameters": content_hash(kept)}
    transaction.audit("period.closed", "closed_period", closed.period_id, after=facts, reason=reason)
    return closed


@act("parameters.view")
def list_closed_periods(
    actor: Actor, store: Store, *, now: datetime, area: str | None = None
) -> tuple[ClosedPeriod, ...]:
    """The closed periods (of ``area``), the latest first."""
    with store.reading() as connection:
        return tuple(parameters.periods(connection, area))


@act("parameters.view")
def read_closed_period(actor: Actor, store: Store, *, now: datetime, period_id: str) -> KeptParameters:
    """The parameters that a closed period was computed with. Raises ``NotFound``."""
    with store.reading() as connection:
        return parameters_of(connection, period_id)


def parameters_of(connection: Connection, period_id: str) -> KeptParameters:
    """Exactly the parameters that the closed period was computed with, whatever was changed, or released, since.

    Raises ``NotFound`` where no such period is closed.
    """
    found = parameters.period(connection, period_id)
    if found is None:
        raise NotFound("There is no such closed period.", "没有此关账期间。")
    definitions = in_force(connection).definitions
    kept: dict[tuple[str, str], tuple[Held, ...]] = {}
    for row in json.loads(found.versions_json):
        code, scope = row["code"], row["scope"]
        if code not in definitions:  # it left the catalogue; nothing can ask for it any more
            continue
        held = Held(
            value=definitions[code].rule.kept(row["value"]),
            scope=scope,
            version_no=row["version_no"],
            valid_from_date=date.fromisoformat(row["from"]),
            valid_to_date=date.fromisoformat(row["to"]),
        )
        kept[code, scope] = (*kept.get((code, scope), ()), held)
    return KeptParameters(found, kept)


def kept_in(known: ParameterSet, period: ClosedPeriod) -> list[dict[str, Any]]:
    """What holds in a closed period by the parameters as they are known now."""
    return _kept(known, period.area, period.first_date, period.end_date)


def _kept(known: ParameterSet, area: str, first: date, end: date) -> list[dict[str, Any]]:
    """What held in the period, for each parameter of the area in each scope with a value of its own."""
    return [
        {
            "code": code,
            "scope": text,
            "version_no": held.version_no,
            "value": stored_form(held.value),
            "from": held.valid_from_date,
            "to": held.valid_to_date,
        }
        for code, definition in known.definitions.items()
        if definition.area == area
        for text in known.scopes(code)
        for held in known.pieces(code, Scope.parse(text), first, end)
        if held.scope == text
    ]
