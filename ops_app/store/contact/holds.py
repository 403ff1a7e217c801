"""Holds of contact in the store: begun, ended and read in sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.domain.contact.holds import ContactHold, HoldCause, HoldEnd
from ops_app.store import driver
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases
from ops_app.store.tables.contact import contact_holds
from ops_app.store.tables.organisation import people

_H = contact_holds.c
_NAMES = tuple(column.name for column in _H)
_IDS: Any = bindparam("ids", expanding=True)
# made once: on the way of every payment, making a statement costs more than running it
_OF_PAYMENTS = select(contact_holds).where(_H.because_id.in_(_IDS)).order_by(_H.begun_at)
_STANDING = select(contact_holds).where(_H.case_id.in_(_IDS), _H.ended_at.is_(None)).with_for_update()
_EVER = contact_holds.alias("ever")
_BEFORE = select(
    contact_holds, select(func.count()).where(_EVER.c.case_id == _H.case_id).scalar_subquery().label("ever")
)
_BEFORE = _BEFORE.where(_H.case_id.in_(_IDS), _H.ended_at.is_(None)).with_for_update(of=contact_holds)
_COUNTS = select(_H.case_id, func.count()).where(_H.case_id.in_(_IDS)).group_by(_H.case_id)
_BEGIN = insert(contact_holds)
_END = (
    update(contact_holds)
    .where(_H.hold_id == bindparam("of"))
    .values(
        ended_at=bindparam("at"), ended_by=bindparam("by"), end_kind=bindparam("kind"), end_reason=bindparam("reason"),
        version=_H.version + 1,
    )
)  # fmt: skip


def running(
    connection: Connection, case_ids: Collection[str], now: datetime, *, lock: bool = False
) -> dict[str, list[ContactHold]]:
    """Case → the holds that hold contact at ``now``, the oldest first."""
    found: dict[str, list[ContactHold]] = {}
    for some in chunks(sorted(case_ids)):
        query = select(contact_holds).where(_H.case_id.in_(some), *_holding(now)).order_by(_H.begun_at, _H.cause)
        for row in connection.execute(query.with_for_update() if lock else query):
            found.setdefault(row.case_id, []).append(_stored(row))
    return found


def of_case(connection: Connection, case_id: str) -> list[ContactHold]:
    """Every hold of a case, the newest first."""
    query = select(contact_holds).where(_H.case_id == case_id).order_by(_H.begun_at.desc(), _H.cause)
    return [_stored(row) for row in connection.execute(query)]


def of_payments(connection: Connection, because_ids: Collection[str]) -> list[ContactHold]:
    """Every hold because of these payments."""
    found: list[ContactHold] = []
    for some in chunks(sorted(because_ids)):
        found += map(_stored, connection.execute(_OF_PAYMENTS, {"ids": some}))
    return found


def read_locked(connection: Connection, hold_id: str) -> ContactHold | None:
    """One hold; nobody else changes it before this transaction ends."""
    row = connection.execute(select(contact_holds).where(_H.hold_id == hold_id).with_for_update()).first()
    return _stored(row) if row else None


def waiting(
    connection: Connection, *, cause: HoldCause | None, after: tuple[datetime, str] | None, limit: int
) -> list[ContactHold]:
    """Holds that wait for a decision, those that are due first; behind ``after`` (due, id)."""
    conditions: list[ColumnElement[bool]] = [_H.ended_at.is_(None), _H.due_at.is_not(None)]
    if cause is not None:
        conditions.append(_H.cause == cause.value)
    if after is not None:
        conditions.append(tuple_(_H.due_at, _H.hold_id) > tuple_(*after, types=[_H.due_at.type, _H.hold_id.type]))
    query = select(contact_holds).where(*conditions).order_by(_H.due_at, _H.hold_id).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def counts(connection: Connection, case_ids: Collection[str]) -> dict[str, int]:
    """Case → how many holds it ever had, for those that had any."""
    found: dict[str, int] = {}
    for some in chunks(sorted(case_ids)):
        rows: Any = connection.execute(_COUNTS, {"ids": some})
        found.update((case_id, int(count)) for case_id, count in rows)
    return found


def add_many(connection: Connection, holds: Sequence[ContactHold]) -> None:
    """Begin holds."""
    if holds:
        driver.write(connection, _BEGIN, [_row(one) for one in holds])


def end_many(
    connection: Connection, holds: Sequence[ContactHold], *, at: Mapping[str, datetime], by: str, kind: HoldEnd,
    reason: str | None = None,
) -> None:  # fmt: skip
    """End holds, each ``at`` (hold → moment) its own."""
    if holds:
        said = {"by": by, "kind": kind.value, "reason": reason}
        driver.write(connection, _END, [{"of": one.hold_id, "at": at[one.hold_id]} | said for one in holds])


def standing(connection: Connection, case_ids: Collection[str]) -> dict[tuple[str, HoldCause], ContactHold]:
    """(case, cause) → the hold that nothing but time has ended."""
    found: dict[tuple[str, HoldCause], ContactHold] = {}
    for some in chunks(sorted(case_ids)):
        rows = connection.execute(_STANDING, {"ids": some})
        found.update(((row.case_id, HoldCause(row.cause)), _stored(row)) for row in rows)
    return found


def before(
    connection: Connection, case_ids: Collection[str]
) -> tuple[dict[tuple[str, HoldCause], ContactHold], dict[str, int]]:
    """``standing`` and ``counts`` of these cases, in one statement where all of them are held."""
    found: dict[tuple[str, HoldCause], ContactHold] = {}
    ever: dict[str, int] = {}
    for some in chunks(sorted(case_ids)):
        rows: Any = connection.execute(_BEFORE, {"ids": some})
        for *values, count in rows:
            one = _made(dict(zip(_NAMES, values, strict=True)))
            found[one.case_id, one.cause], ever[one.case_id] = one, int(count)
    return found, ever | counts(connection, set(case_ids) - ever.keys())


def followed(connection: Connection, case_ids: Collection[str], now: datetime) -> list[ContactHold]:
    """Holds of these cases that a later payment took over and that would hold still, the newest first."""
    found: list[ContactHold] = []
    for some in chunks(sorted(case_ids)):
        query = select(contact_holds).where(
            _H.case_id.in_(some), _H.end_kind == HoldEnd.FOLLOWED.value, _H.until_at > now
        )
        found += [_stored(row) for row in connection.execute(query.order_by(_H.begun_at.desc()))]
    return found


def take(connection: Connection, hold_id: str, owner_id: str) -> None:
    """Give a hold an owner."""
    connection.execute(
        update(contact_holds).where(_H.hold_id == hold_id).values(owner_id=owner_id, version=_H.version + 1)
    )


def owner_names(connection: Connection, person_ids: Collection[str]) -> dict[str, str]:
    """Person → name."""
    found: dict[str, str] = {}
    for some in chunks(sorted(person_ids)):
        rows: Any = connection.execute(
            select(people.c.person_id, people.c.display_name).where(people.c.person_id.in_(some))
        )
        found.update((person, name) for person, name in rows)
    return found


def loan_scopes(connection: Connection, case_ids: Collection[str]) -> dict[str, tuple[str | None, str]]:
    """Case → its lender and product, by which parameters are read."""
    found: dict[str, tuple[str | None, str]] = {}
    for some in chunks(sorted(case_ids)):
        rows: Any = connection.execute(
            select(cases.c.case_id, cases.c.lender_code, cases.c.product_code).where(cases.c.case_id.in_(some))
        )
        found.update((case_id, (lender, product)) for case_id, lender, product in rows)
    return found


def open_cases_of_loans(connection: Connection, loans: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(source, loan) → its open case, of those that have one."""
    found: dict[tuple[str, str], str] = {}
    for some in chunks(sorted(loans), 200):
        rows: Any = connection.execute(
            select(cases.c.source_code, cases.c.loan_id, cases.c.case_id).where(
                tuple_(cases.c.source_code, cases.c.loan_id).in_(some), cases.c.closed_date.is_(None)
            )
        )
        found.update(((source, loan), case_id) for source, loan, case_id in rows)
    return found


def _holding(now: datetime) -> list[ColumnElement[bool]]:
    return [_H.ended_at.is_(None), or_(_H.until_at.is_(None), _H.until_at > now)]


def _row(one: ContactHold) -> dict[str, Any]:
    return vars(one) | {"cause": one.cause.value, "end_kind": one.end_kind.value if one.end_kind else None}


def _stored(row: Any) -> ContactHold:
    return _made(dict(row._mapping))


def _made(values: dict[str, Any]) -> ContactHold:
    values["cause"] = HoldCause(values["cause"])
    values["end_kind"] = HoldEnd(values["end_kind"]) if values["end_kind"] else None
    return ContactHold(**values)
