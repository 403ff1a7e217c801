"""Contact is held: at once when a payment is known, until a business day or until somebody decides (D4).

Whether contact is held is worked out from time whenever somebody asks, so no hold is stale because a job did not run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.flags import Deed, Forbidden, Reason
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.contact.holds import UNTIL_DECIDED, ContactHold, HoldCause, HoldEnd
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.calendars import calendar_of
from ops_app.services.organisation.installation import scope_of_loan, today
from ops_app.services.organisation.parameter_reading import as_number, in_force
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.contact import holds
from ops_app.store.store import Store, Transaction
from ops_app.store.zone import begin_of, day_of

__all__ = [
    "against_contact", "case_holds", "end_holds", "hold_contact", "holds_of", "require_contact",
    "resume_earlier",
]  # fmt: skip

RESUME = "contact.resume_after_payment"
DECIDE = "contact.hold_decision_days"


def hold_contact(
    transaction: Transaction, wanted: Mapping[str, str], cause: HoldCause, *, among: Mapping[str, Case] | None = None,
    known: ParameterSet | None = None, first: bool = False,
) -> dict[str, ContactHold]:  # fmt: skip
    """Hold contact on cases (id → the payment because of which, as source/payment id) from now on, within somebody's
    act, which audits; case → its hold.

    A payment that was received holds until the business day that ``contact.resume_after_payment`` names; one that is
    not matched or is disputed until somebody decides, who has ``contact.hold_decision_days``. A case has one hold a
    cause: a later payment takes over from an earlier one and never shortens it. Known again, a payment changes nothing.

    What the caller has read already is not read again: the cases (``among`` them is all that is wanted), the parameters
    as ``known``, that these are the ``first`` holds of the cases.
    """
    if not wanted:
        return {}
    connection, now = transaction.connection, transaction.now
    known, day = known or in_force(connection), today(now)
    if among is None:
        scopes = holds.loan_scopes(connection, wanted)
    else:
        scopes = {one: (among[one].lender_code, among[one].product_code) for one in wanted if one in among}
    before, numbers = ({}, {}) if first else holds.before(connection, wanted)
    moments: dict[tuple[str | None, str], datetime] = {}
    begun: list[ContactHold] = []
    over: dict[HoldEnd, list[ContactHold]] = {}
    found: dict[str, ContactHold] = {}
    for case_id, because in sorted(wanted.items()):
        if case_id not in scopes:
            continue
        decided = cause in UNTIL_DECIDED
        if scopes[case_id] not in moments:
            scope = scope_of_loan(*scopes[case_id])
            days = as_number(known.value(DECIDE if decided else RESUME, day, scope))
            moments[scopes[case_id]] = begin_of(calendar_of(scope.pack).after(day, days))
        moment = moments[scopes[case_id]]
        one = ContactHold(
            hold_id=hold_id_of(case_id, numbers.get(case_id, 0) + 1),
            case_id=case_id, cause=cause, because_id=because, begun_at=now, begun_by=transaction.actor.person_id,
            until_at=None if decided else moment, due_at=moment if decided else None, owner_id=None, ended_at=None,
            ended_by=None, end_kind=None, end_reason=None, version=1,
        )  # fmt: skip
        earlier = before.get((case_id, cause))
        if earlier is not None and earlier.holds_at(now):
            if decided or earlier.because_id == because:  # it waits for a decision already, or is told again
                found[case_id] = earlier
                continue
            over.setdefault(HoldEnd.FOLLOWED, []).append(earlier)
            one = replace(one, until_at=max(filter(None, (one.until_at, earlier.until_at))))
        elif earlier is not None:
            over.setdefault(HoldEnd.TIME, []).append(earlier)
        if not one.holds_at(now):  # it resumes the same day
            continue
        begun.append(one)
        found[case_id] = one
    for kind, some in over.items():
        end_holds(transaction, some, kind)
    holds.add_many(connection, begun)
    return found


def hold_id_of(case_id: str, nth: int) -> str:
    """The id of the n-th hold of a case: acts of one moment (all of a business day's are) begin different ones."""
    return key_hash("contact_hold", case_id, str(nth))[:32]


def end_holds(
    transaction: Transaction, some: Sequence[ContactHold], kind: HoldEnd, *, reason: str | None = None
) -> None:
    """End holds now, within somebody's act, which audits; one whose time was over has ended then. None ends before it
    began, though the clock of who began it be ahead of this one."""
    now = transaction.now
    at = {
        one.hold_id: max(one.begun_at, min(now, one.until_at) if one.until_at and kind is HoldEnd.TIME else now)
        for one in some
    }
    holds.end_many(
        transaction.connection, some, at=at, by=transaction.actor.person_id, kind=kind, reason=reason
    )  # fmt: skip


def resume_earlier(transaction: Transaction, case_ids: Collection[str], gone: Collection[str]) -> None:
    """Where the payment that held a case is gone (reversed), the one before it holds on for its own time."""
    connection, now = transaction.connection, transaction.now
    held, numbers = holds.standing(connection, case_ids), holds.counts(connection, case_ids)
    again: dict[str, ContactHold] = {}
    for one in holds.followed(connection, case_ids, now):
        if one.because_id not in gone and (one.case_id, one.cause) not in held:
            again.setdefault(one.case_id, one)
    holds.add_many(
        connection,
        [
            replace(
                one, hold_id=hold_id_of(one.case_id, numbers[one.case_id] + 1), begun_at=now, ended_at=None,
                ended_by=None, end_kind=None, end_reason=None, version=1,
            )
            for one in again.values()
        ],
    )  # fmt: skip


def against_contact(connection: Connection, case_ids: Collection[str], now: datetime) -> dict[str, tuple[Reason, ...]]:
    """Case → every reason of a hold why there is no contact at ``now``, for those that have one."""
    found = holds.running(connection, case_ids, now)
    return {case_id: tuple(one.reason(_day(one)) for one in some) for case_id, some in found.items()}


def require_contact(
    connection: Connection, case_ids: Collection[str], now: datetime, deed: Deed = Deed.CONTACT
) -> None:
    """Raise ``Forbidden``, with every reason, where contact is held on one of these cases."""
    found = against_contact(connection, case_ids, now)
    if found:
        raise Forbidden(deed, next(iter(found.values())))


@act("cases.view")
def holds_of(actor: Actor, store: Store, *, now: datetime, ids: Sequence[str]) -> dict[str, tuple[ContactHold, ...]]:
    """Case → what holds contact on it now, of those of ``ids`` within reach: the mark of a list."""
    with store.reading() as connection:
        within = cases.read_many(connection, ids, scope_of(actor), now)
        found = holds.running(connection, within, now)
    return {case_id: tuple(some) for case_id, some in found.items()}


@act("cases.view")
def case_holds(actor: Actor, store: Store, *, now: datetime, case_id: str) -> tuple[ContactHold, ...]:
    """Every hold of a case, the newest first; who has it from the asset company reads those that hold now. Raises
    ``NoSuchCase``."""
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        found = holds.of_case(connection, case_id)
    return tuple(one for one in found if actor.agency_code is None or one.holds_at(now))


def _day(one: ContactHold) -> str | None:
    return None if one.until_at is None else day_of(one.until_at).isoformat()
