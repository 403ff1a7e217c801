"""What an agency's contract means for the cases it holds: they go home on the day the contract ends, announced in time;
a renewal takes the notice back (feature 10)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import altered, apply
from ops_app.services.casework.ending import end_placements, recalled
from ops_app.services.casework.placement_rules import begin_of, rules_on
from ops_app.services.casework.recalling import end_notices, give_notice
from ops_app.store.casework import cases, notices, periods
from ops_app.store.casework.notices import Notice
from ops_app.store.casework.periods import Placement
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

BECAUSE = "agency_expiry"
CONTRACT_ENDS = "agency contract ends"
CONTRACT_RENEWED = "agency contract renewed"


@act("system.run")
def recall_from_expiring(actor: Actor, store: Store, *, now: datetime, today: date, zone: str) -> int:
    """For every agency whose last contract ends within the notice of a recall: announce that its cases go back on that
    day, or take them back at once where the day is past. A notice whose contract was renewed is taken back. One
    transaction an agency; how many cases were announced, recalled or left with it. ``zone`` names that of ``today``."""
    done = 0
    with store.reading() as connection:
        codes = [code for code in agencies.not_ended(connection) if _may_concern(connection, code, today)]
    for agency_code in codes:
        with store.writing(actor, now) as transaction:
            agency = agencies.by_code(transaction.connection, agency_code, lock=True)
            if agency is None or agency.contract_to_date is None:
                continue
            done += _renewed(transaction, agency_code, agency.contract_to_date, zone)
            done += _expiring(transaction, agency_code, agency.contract_to_date, today, zone)
    return done


def _may_concern(connection: Connection, agency_code: str, today: date) -> bool:
    """Whether there may be anything to do; most nights there is not, and nothing is written."""
    agency = agencies.by_code(connection, agency_code)
    if agency is None or agency.contract_to_date is None:
        return False
    if notices.of_agency(connection, agency_code, because=BECAUSE):
        return True
    near = (agency.contract_to_date - today).days <= _LONGEST_NOTICE
    return near and periods.load_of_agency(connection, agency_code) > 0


_LONGEST_NOTICE = 60
"""The most that the parameter ``casework.recall_notice_days`` allows."""


def _renewed(transaction: Transaction, agency_code: str, contract_to: date, zone: str) -> int:
    connection, now, ends = transaction.connection, transaction.now, begin_of(contract_to, zone)
    given = notices.of_agency(connection, agency_code, because=BECAUSE)
    ids = [one.case_id for one in given if now < one.effective_at < ends]
    found = cases.read_locked(connection, ids, scope_of(transaction.actor), now)
    # a recall that ended meanwhile, or is another one by now, is not taken back
    standing = notices.running(connection, list(found))
    given_ids = {one.notice_id for one in given}
    back = [one for _, one in sorted(standing.items()) if one.notice_id in given_ids]
    changes = [
        altered(found[one.case_id], "recall_withdrawn", CONTRACT_RENEWED, {"due_at": one.due_before_at}) for one in back
    ]
    apply(transaction, changes)
    end_notices(transaction, back)
    return len(back)


def _expiring(transaction: Transaction, agency_code: str, contract_to: date, today: date, zone: str) -> int:
    connection, now = transaction.connection, transaction.now
    ends, rules = begin_of(contract_to, zone), rules_on(connection, today)
    with_it = [one.case_id for one in periods.running_with(connection, agency_code) if one.due_at > ends]
    found = cases.read_locked(connection, with_it, scope_of(transaction.actor), now)
    # as they stand under the lock: one may have been recalled, handed on or cut short before
    running = {
        case_id: one
        for case_id, one in periods.running_placements(connection, list(found)).items()
        if one.agency_code == agency_code and one.due_at > ends
    }
    found = {case_id: one for case_id, one in found.items() if case_id in running}
    due = [one for one in found.values() if (contract_to - today).days <= rules.notice_days(one)]
    if ends <= now:
        apply(transaction, [recalled(one, CONTRACT_ENDS) for one in due])
        end_placements(transaction, due, day=today, reason="recalled", note=CONTRACT_ENDS)
        return len(due)
    # a later recall that was asked for gives way: nothing stays beyond the contract
    announced = notices.running(connection, [one.case_id for one in due])
    end_notices(transaction, list(announced.values()))
    apply(transaction, [altered(one, "recall_announced", CONTRACT_ENDS, {"effective_at": ends}) for one in due])
    placed = [_as_before(running[one.case_id], announced.get(one.case_id)) for one in due]
    give_notice(transaction, placed, dict.fromkeys((one.case_id for one in due), ends), CONTRACT_ENDS, because=BECAUSE)
    return len(due)


def _as_before(placement: Placement, notice: Notice | None) -> Placement:
    """The placement with the end it had before a notice that gives way."""
    return placement if notice is None else Placement(**vars(placement) | {"due_at": notice.due_before_at})
