"""The night's look at agencies: an expired contract stops placement and starts recall (feature 10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeGuard

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash
from ops_app.domain.organisation import agencies as rules
from ops_app.domain.organisation.agencies import AgencyMove, AgencyState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.placement import recall_due_since
from ops_app.services.act import act
from ops_app.services.organisation.notifications import enter_notification, is_announced
from ops_app.store.organisation import agencies, agency_contracts, inbox
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Store, Transaction

RECALL_TOPIC = "agency.recall_due"
_SOURCE = "agency_expiry"
NOTICE_DAYS = 30
"""How many days before its end a contract is announced: there must be time for the evaluation before renewal."""


@dataclass(frozen=True)
class Expired:
    """What a night came to: agencies whose recall began, and notices given."""

    recalled: tuple[str, ...]
    announced: int


@act("system.run")
def expire_agencies(actor: Actor, store: Store, *, now: datetime, today: date) -> Expired:
    """For every agency whose last contract does not reach ``today``: suspend it if it works, announce it, and publish
    ``agency.recall_due`` (key: agency code; payload: ``agency_code``, ``contract_to_date``), once a contract, however
    often this runs. Contracts that end within ``NOTICE_DAYS`` are announced once. One transaction an agency.
    """
    with store.reading() as connection:
        codes = [code for code in agencies.not_ended(connection) if _concerns(connection, code, today)]
    recalled, announced = [], 0
    for agency_code in codes:
        with store.writing(actor, now) as transaction:
            agency = agencies.by_code(transaction.connection, agency_code, lock=True)
            if agency is None or agency.state is AgencyState.ENDED:
                continue
            since = recall_due_since(agency_contracts.facts_of(transaction.connection, agency), today)
            if since is not None and _expire(transaction, agency, since):
                recalled.append(agency_code)
                announced += 1
            elif since is None:
                announced += _give_notice(transaction, agency, today)
    return Expired(tuple(recalled), announced)


def _concerns(connection: Connection, agency_code: str, today: date) -> bool:
    """Whether there is anything to do for the agency; most nights there is not, and nothing is written."""
    agency = agencies.by_code(connection, agency_code)
    if agency is None:
        return False
    since = recall_due_since(agency_contracts.facts_of(connection, agency), today)
    if since is not None:
        return not inbox.is_known(connection, _SOURCE, _key(agency_code, since))
    last = agency.contract_to_date
    return _ends_soon(last, today) and not is_announced(connection, "agency_expires_soon", agency_code, last)


def _key(agency_code: str, since: date) -> str:
    return f"{agency_code}/{since.isoformat()}"


def _ends_soon(last: date | None, today: date) -> TypeGuard[date]:
    return last is not None and today < last <= today + timedelta(days=NOTICE_DAYS)


def _expire(transaction: Transaction, agency: Agency, since: date) -> bool:
    """Stop, announce and publish; False when this was done for this contract in another night."""
    key = _key(agency.agency_code, since)
    if not transaction.claim(_SOURCE, key, content_hash({"key": key})).is_new:
        return False
    state = agency.state
    if state is AgencyState.ACTIVE:
        state = rules.move(state, AgencyMove.EXPIRE, transaction.actor.role)
        agencies.change(transaction, agency.agency_code, agency.version, {"state": state.value})
    transaction.audit(
        "agency.expire",
        "agency",
        agency.agency_code,
        before={"state": agency.state},
        after={"state": state, "contract_to_date": since},
    )
    payload = {"agency_code": agency.agency_code, "contract_to_date": since}
    transaction.publish(RECALL_TOPIC, agency.agency_code, payload)
    transaction.answer(_SOURCE, key, payload)
    enter_notification(
        transaction,
        "agency_expired",
        agency.agency_code,
        since,
        f"{agency.agency_code} {agency.short_name}: the contract expired on {since}. No more cases are placed, those "
        "placed are to be recalled.",
        f"{agency.agency_code} {agency.short_name}：合同已于 {since} 到期，停止委案，在委案件须退回。",
    )
    return True


def _give_notice(transaction: Transaction, agency: Agency, today: date) -> bool:
    last = agency.contract_to_date
    if not _ends_soon(last, today):
        return False
    return enter_notification(
        transaction,
        "agency_expires_soon",
        agency.agency_code,
        last,
        f"{agency.agency_code} {agency.short_name}: the contract ends on {last}. Evaluate the agency before renewal.",
        f"{agency.agency_code} {agency.short_name}：合同将于 {last} 到期，续约前请完成机构评估。",
    )
