"""Internal monitoring (feature 17): what is wrong with placed cases and their agencies is found, has an owner and a due
time, and is closed with a note."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash, moment_text
from ops_app.domain.casework.alerts import (
    TO_BE_SETTLED,
    Alert,
    AlertChanged,
    AlertKind,
    NoSuchAlert,
    Shown,
    shown_untried,
)
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.paging import LARGEST_PAGE, check_limit
from ops_app.services.act import act
from ops_app.services.casework.placement_rules import agency_against, rules_on
from ops_app.services.organisation.installation import installation
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.casework import alerts, periods
from ops_app.store.casework.alerts import AlertFilter
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

__all__ = ["Alert", "AlertFilter", "AlertsPage", "Found", "close_alerts", "find_alerts", "list_alerts", "take_alerts"]

NO_LONGER = "no longer so"
UNMATCHED_DAYS = "casework.unmatched_payment_days"
SHOWN_CASES = "casework.shown_untried_cases"
_DAYS_LOOKED_AT = 3
"""Days that are over and looked at for what people did on them, so that a watch that stood still misses none."""
_LEAST_TOUCH = timedelta(days=1)
"""The least that the parameter ``casework.touch_days`` allows."""


@dataclass(frozen=True)
class AlertsPage:
    """One page of alerts; ``counts``: kind → open ones, and how many of those are over their time."""

    rows: tuple[Alert, ...]
    next_after: tuple[datetime, str] | None
    counts: Mapping[AlertKind, tuple[int, int]]


@dataclass(frozen=True)
class Found:
    """What a look came to: alerts that are new, and alerts closed because it is no longer so."""

    found: int
    settled: int


@act("system.run")
def find_alerts(actor: Actor, store: Store, *, now: datetime, today: date) -> Found:
    """Look at every placement and agency: enter what is new, close what is no longer so. The same thing is found once;
    what a person closed with a note is not found again while it lasts."""
    with store.reading() as connection:
        new, over = _changed(connection, now, today)
    if not new and not over:
        return Found(0, 0)
    with store.writing(actor, now) as transaction:
        # looked at again: people take and close alerts, and enter attempts, between the first look and this act
        standing, over = _changed(transaction.connection, now, today)
        added = alerts.add_new(transaction.connection, standing)
        closing = {"closed_at": now, "closed_by": actor.person_id, "closed_by_name": actor.name}
        over = alerts.close_open(transaction.connection, over, closing | {"closing_note": NO_LONGER})
        said = {"found": len(added), "settled": len(over), "ids_hash": key_hash(*sorted(added), "/", *sorted(over))}
        transaction.audit("case_alert.found", "case_alert", today.isoformat(), after=said)
    return Found(len(added), len(over))


@act("cases.alerts")
def list_alerts(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: AlertFilter | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> AlertsPage:
    """One page of alerts within reach, the one that is due next first."""
    check_limit(limit)
    with store.reading() as connection:
        reach = alerts.reach(scope_of(actor), now)
        rows = alerts.page(connection, wanted or AlertFilter(), reach, after=after, limit=limit + 1)
        counted = alerts.counts(connection, now, reach)
    last = rows[limit - 1] if len(rows) > limit else None
    return AlertsPage(tuple(rows[:limit]), (last.due_at, last.alert_id) if last else None, counted)


@act("cases.alerts")
def take_alerts(actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str) -> int:
    """Become the owner of open alerts (id → version); all or none. Raises ``NoSuchAlert``, ``AlertChanged``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        found = _open(transaction, wanted)
        alerts.change(transaction.connection, found, {"owner_id": actor.person_id})
        for one in found.values():
            transaction.audit(
                "case_alert.taken", "case_alert", one.alert_id, before={"owner_id": one.owner_id},
                after={"owner_id": actor.person_id}, reason=why,
            )  # fmt: skip
    return len(found)


@act("cases.alerts")
def close_alerts(actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], note: str) -> int:
    """Close open alerts (id → version) with a note that says what was done; all or none. Raises as ``take_alerts``."""
    said = checked_reason(note)
    with store.writing(actor, now) as transaction:
        found = _open(transaction, wanted)
        closing = {"closed_at": now, "closed_by": actor.person_id, "closed_by_name": actor.name, "closing_note": said}
        alerts.change(transaction.connection, found, closing)
        for one in found.values():
            transaction.audit("case_alert.closed", "case_alert", one.alert_id, after={"kind": one.kind}, reason=said)
    return len(found)


def _open(transaction: Transaction, wanted: Mapping[str, int]) -> dict[str, Alert]:
    if not 1 <= len(wanted) <= LARGEST_PAGE:
        raise Invalid(f"Choose 1 to {LARGEST_PAGE} alerts.", f"请选择 1 至 {LARGEST_PAGE} 项告警。", field="alerts")
    reach = alerts.reach(scope_of(transaction.actor), transaction.now)
    found = alerts.read_locked(transaction.connection, wanted, reach)
    for alert_id, version in sorted(wanted.items()):
        one = found.get(alert_id)
        if one is None:
            raise NoSuchAlert
        if one.closed_at is not None or one.version != version:
            raise AlertChanged(one.closed_by_name or "Somebody")
    return found


def _changed(connection: Connection, now: datetime, today: date) -> tuple[dict[str, Alert], set[str]]:
    """What stands and was never found (id → alert), and the open ones that stand no longer."""
    standing = {one.alert_id: one for one in _look(connection, now, today)}
    known = alerts.known(connection, standing)
    new = {alert_id: one for alert_id, one in standing.items() if alert_id not in known}
    return new, alerts.open_ids(connection) - standing.keys()


def _look(connection: Connection, now: datetime, today: date) -> Iterable[Alert]:
    """Everything that stands now, as alerts with the ids they have whenever they are found."""
    rules = rules_on(connection, today)
    untried = alerts.untried(connection, now)
    silent = []
    for row in alerts.tried_before(connection, now - _LEAST_TOUCH, now):
        since = row.last_touch_at + rules.touch_of(row.lender_code, row.product_code)
        if since <= now:
            silent.append((row, since))
    owners = alerts.askers(connection, [row.case_id for row in untried] + [row.case_id for row, _ in silent])
    for row in untried:
        subject = row.placement_id
        yield _made(AlertKind.NO_FIRST_CONTACT, subject, now, row.since_at, row.case_id, row.agency_code, owners)
    for row, since in silent:
        subject = key_hash(row.placement_id, moment_text(row.last_touch_at))
        yield _made(AlertKind.NO_TOUCH, subject, now, since, row.case_id, row.agency_code, owners)
    for code in agencies.not_ended(connection):
        load = periods.load_of_agency(connection, code)
        if not load:
            continue
        agency, against = agency_against(connection, code, today, more=0)
        if against:
            subject = key_hash(code, f"{today:%Y-%m}", *(one.code for one in against))
            yield _made(AlertKind.AGENCY_STOPPED, subject, now, now, None, code, owners)
        if load > agency.capacity_cases:
            subject = key_hash(code, str(agency.capacity_cases), f"{today:%Y-%m}")
            yield _made(AlertKind.OVER_CAPACITY, subject, now, now, None, code, owners)
    yield from _unmatched(connection, now, today)
    yield from _shown(connection, now, today)


def _unmatched(connection: Connection, now: datetime, today: date) -> Iterator[Alert]:
    """Repayments of placed cases that were not matched in time: contact goes on over money that may have come. Each
    placement has its own: the next agency is told of what the one before left."""
    zone, days = installation().zone, number_on(connection, UNMATCHED_DAYS, today)
    rows = alerts.unmatched(connection, today - timedelta(days=days))
    owners = alerts.askers(connection, [row.case_id for row in rows])
    for row in rows:
        since = datetime.combine(row.opened_date, time(), zone)
        subject = key_hash(row.break_id, row.placement_id)
        yield _made(AlertKind.UNMATCHED_PAYMENT, subject, now, since, row.case_id, row.agency_code, owners)


def _shown(connection: Connection, now: datetime, today: date) -> Iterator[Alert]:
    """Collectors who on a day that is over looked at the data of many cases in full and tried none of them."""
    zone, least = installation().zone, number_on(connection, SHOWN_CASES, today)
    begun = datetime.combine(today - timedelta(days=_DAYS_LOOKED_AT), time(), zone)
    rows = alerts.shown_in_full(connection, Role.COLLECTOR.value, begun, datetime.combine(today, time(), zone))
    shown = [
        Shown(row.actor_id, row.agency_code, json.loads(row.after_json)["case_id"],
              row.occurred_at.astimezone(zone).date())
        for row in rows
    ]  # fmt: skip
    entered = alerts.tried_by(connection, {one.case_id for one in shown}, begun)
    tried = [(row.case_id, row.made_by, row.made_at.astimezone(zone).date()) for row in entered]
    for (person_id, agency_code, day), case_ids in shown_untried(shown, tried).items():
        if len(case_ids) >= least:
            subject, since = key_hash(person_id, day.isoformat()), datetime.combine(day, time(), zone)
            made = _made(AlertKind.SHOWN_UNTRIED, subject, now, since, None, agency_code, {})
            yield replace(made, person_id=person_id, quantity=len(case_ids))


def _made(
    kind: AlertKind,
    subject: str,
    now: datetime,
    since: datetime,
    case_id: str | None,
    agency_code: str | None,
    owners: Mapping[str, str],
) -> Alert:
    return Alert(
        alert_id=key_hash("case_alert", kind.value, subject),
        kind=kind,
        subject_key=subject,
        case_id=case_id,
        agency_code=agency_code,
        since_at=since,
        found_at=now,
        due_at=now + TO_BE_SETTLED,
        owner_id=owners.get(case_id or ""),
    )
