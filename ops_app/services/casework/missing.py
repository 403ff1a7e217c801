"""Loans in collection that a full feed did not have: seen, explained, parked. The case stays open all the while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ops_app.domain.canonical import content_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.missing import (
    MissingAct,
    MissingChanged,
    MissingState,
    checked_until,
    require_allowed,
)
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.store.casework import missing
from ops_app.store.casework.missing import SORTS, DoneAbout, Key, MissingLoan
from ops_app.store.store import Store

__all__ = [
    "SORTS", "DoneAbout", "MissingLoan", "MissingPage", "decide_missing", "list_missing", "read_missing",
]  # fmt: skip

LARGEST_BULK = 1_000
_INBOX = "missing_loans"


@dataclass(frozen=True)
class MissingPage:
    """A window of missing loans, how many there are, and the day that their states are of."""

    rows: tuple[MissingLoan, ...]
    total: int
    today: date


class NoSuchMissing(NotFound):
    """No such loan is, or was, missing."""

    def __init__(self) -> None:
        super().__init__("There is no such missing loan.", "没有此缺失借据。")


@act("cases.company")
def list_missing(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    states: Sequence[MissingState] = (MissingState.OPEN,),
    text: str | None = None,
    sort: str = "first_missed_date",
    descending: bool = False,
    offset: int = 0,
    limit: int = 50,
) -> MissingPage:
    """Missing loans in ``states`` whose number begins with ``text``, the longest missing first unless sorted otherwise;
    none for who does not see every case. Raises ``Invalid`` for an unknown sort or a page out of bounds."""
    check_sort(sort, SORTS if states else (), "Missing loans")
    check_limit(limit, offset)
    day = today(now)
    if scope_of(actor).reach is not Reach.ALL:
        return MissingPage((), 0, day)
    with store.reading() as connection:
        rows, total = missing.page(
            connection, day, states=states, text=text, sort=sort, descending=descending, offset=offset, limit=limit
        )
    return MissingPage(tuple(rows), total, day)


@act("cases.company")
def read_missing(actor: Actor, store: Store, *, now: datetime, key: Key) -> tuple[MissingLoan, tuple[DoneAbout, ...]]:
    """One missing loan and what was done about it. Raises ``NoSuchMissing``."""
    if scope_of(actor).reach is not Reach.ALL:
        raise NoSuchMissing
    with store.reading() as connection:
        found = missing.read(connection, [key]).get(key)
        if found is None:
            raise NoSuchMissing
        return found, tuple(missing.acts(connection, key))


@act("cases.missing")
def decide_missing(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: Mapping[Key, int],
    what: MissingAct,
    reason: str,
    until_date: date | None = None,
    key: str,
) -> int:
    """Explain, park (until a day) or open again the missing loans in ``wanted`` (key → number of acts that was read),
    all of them or none; once a ``key``. Returns how many.

    Raises ``NoSuchMissing``, ``MissingChanged`` (who dealt with it since), ``ActNotAllowed``, ``Invalid`` by field.
    """
    why, day = checked_reason(reason), today(now)
    until = checked_until(what, until_date, day)
    if not 1 <= len(wanted) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} loans.", f"请选择 1 至 {LARGEST_BULK} 笔借据。", field="loans")
    said = [[*one, count] for one, count in sorted(wanted.items())]
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(_INBOX, key, content_hash([said, what.value, why, until]))
        claim.refuse_conflict()
        if not claim.is_new:
            return int(claim.answer["count"])
        found = missing.read(transaction.connection, list(wanted), lock=True)
        for one_key, count in sorted(wanted.items()):
            one = found.get(one_key)
            if one is None or scope_of(actor).reach is not Reach.ALL:
                raise NoSuchMissing
            if one.acts != count:
                raise MissingChanged(one.loan_id, one.made_by_name or "Recoup")
            state = one.state(day)
            require_allowed(one.loan_id, state, what)
            missing.add_act(
                transaction.connection, one, what, reason=why, until_date=until, made_by=actor.person_id,
                made_by_name=actor.name, made_at=now,
            )  # fmt: skip
            transaction.audit(
                f"missing_loan.{what.value}",
                "missing_loan",
                f"{one.source_code}/{one.loan_id}",
                before={"state": state},
                after={"first_missed_date": one.first_missed_date, "until_date": until, "case_id": one.case_id},
                reason=why,
            )
        transaction.answer(_INBOX, key, {"count": len(wanted)})
    return len(wanted)
