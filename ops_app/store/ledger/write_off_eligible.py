"""Which cases may be written off: the criteria as one condition of SQL, for a list by keyset and for a test run of the
whole book. It says the same as ``verdict`` of the domain says of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, exists, func, literal, or_, select, true, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import CaseState
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.scope import Scope
from ops_app.domain.ledger.write_off_criteria import ANY, NEEDS_FLAG, Criterion, Verdict, WriteOffPath
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.case_scope import within
from ops_app.store.casework.cases import Case, read_many
from ops_app.store.tables.case_record import case_attachments
from ops_app.store.tables.casework import case_flags, cases, placements
from ops_app.store.tables.journal import PARTS, ledger_positions
from ops_app.store.tables.limitation import limitation_clocks, limitation_interruptions
from ops_app.store.tables.write_offs import write_off_parts

SORTS = ("days_past_due", "balance_minor", "opened_date")
"""What the list is sorted by; equal values by case id."""

_POSITION = ledger_positions.c
OWED: ColumnElement[int] = sum(
    (_POSITION[f"{lead}{part}_minor"] for lead in ("", "written_off_") for part in PARTS[1:]),
    _POSITION["principal_minor"] + _POSITION["written_off_principal_minor"],
)
"""All that the ledger says is owed of a case, on the books and in the register."""


@dataclass(frozen=True)
class Outcome:
    """Cases of one lender, product and currency that one verdict holds for: on which path, how many, and what they owe
    in whole minor units."""

    lender_code: str | None
    product_code: str
    currency: str
    path: WriteOffPath | None
    verdict: Verdict
    count: int
    owed_minor: int


@dataclass(frozen=True)
class Candidate:
    """A case that may be written off, and what the ledger says it owes (whole minor units)."""

    case: Case
    owed_minor: int
    off_minor: int
    """What of that is off the books already."""


def _has(flag: Flag) -> ColumnElement[bool]:
    return exists().where(
        case_flags.c.case_id == cases.c.case_id, case_flags.c.flag == flag.value, case_flags.c.cleared_at.is_(None)
    )


def _about(one: Criterion) -> ColumnElement[bool]:
    found = [
        column == value
        for column, value in (
            (cases.c.lender_code, one.lender_code),
            (cases.c.product_code, one.product_code),
            (cases.c.currency, one.currency),
        )
        if value != ANY
    ]
    return and_(true(), *found)


def _verdict(held: Sequence[Criterion], path: WriteOffPath) -> ColumnElement[str]:
    """The verdict of the criteria on ``path``, the most particular of them, as text."""
    whens: list[Any] = []
    if path in NEEDS_FLAG:
        whens.append((~_has(NEEDS_FLAG[path]), literal(Verdict.NOT_ON_PATH.value)))
    of_path = sorted((one for one in held if one.path is path), key=lambda one: one.weight, reverse=True)
    for one in of_path:
        about = _about(one)
        if not one.is_open:
            whens.append((about, literal(Verdict.NO_CRITERION.value)))
            continue
        whens.append((and_(about, cases.c.days_past_due < one.least_days_past_due), literal(Verdict.TOO_EARLY.value)))
        outside = [one.least_minor > OWED] if one.least_minor is not None else []
        outside += [one.most_minor < OWED] if one.most_minor is not None else []
        if outside:
            whens.append((and_(about, or_(*outside)), literal(Verdict.OUT_OF_BAND.value)))
        whens.append((about, literal(Verdict.ELIGIBLE.value)))
    if not whens:
        return literal(Verdict.NO_CRITERION.value)
    return case(*whens, else_=literal(Verdict.NO_CRITERION.value))


def _disputed() -> ColumnElement[bool]:
    return or_(cases.c.state == CaseState.DISPUTED.value, _has(Flag.DISPUTE))


def _has_one() -> ColumnElement[bool]:
    return exists().where(
        write_off_parts.c.case_id == cases.c.case_id, write_off_parts.c.is_live, write_off_parts.c.claim_minor > 0
    )


def outcomes(connection: Connection, scope: Scope, now: datetime, held: Sequence[Criterion]) -> list[Outcome]:
    """What the criteria say of every open case, summed by the store: one pass."""
    verdicts = {path: _verdict(held, path) for path in WriteOffPath}
    flagged = [path for path in WriteOffPath if path in NEEDS_FLAG]
    last = WriteOffPath.LONG_OVERDUE
    said: list[Any] = [
        (_disputed(), literal(f"{Verdict.DISPUTED.value}/")),
        (_has_one(), literal(f"{Verdict.HAS_WRITE_OFF.value}/")),
        (_POSITION.case_id.is_(None), literal(f"{Verdict.NOT_IN_LEDGER.value}/")),
        (OWED <= 0, literal(f"{Verdict.NOTHING_OWED.value}/")),
        *(
            (verdicts[path] == Verdict.ELIGIBLE.value, literal(f"{Verdict.ELIGIBLE.value}/{path.value}"))
            for path in WriteOffPath
        ),
        *((verdicts[path] != Verdict.NOT_ON_PATH.value, verdicts[path] + f"/{path.value}") for path in flagged),
    ]
    outcome = case(*said, else_=verdicts[last] + f"/{last.value}").label("outcome")
    each = (
        select(
            cases.c.lender_code, cases.c.product_code, cases.c.currency, outcome,
            func.coalesce(OWED, cases.c.balance_minor).label("owed"),
        )
        .outerjoin(ledger_positions, _POSITION.case_id == cases.c.case_id)
        .where(cases.c.closed_date.is_(None), *within(scope, now))
        .subquery()
    )  # fmt: skip
    by = (each.c.lender_code, each.c.product_code, each.c.currency, each.c.outcome)
    query = select(*by, func.count().label("many"), func.sum(each.c.owed).label("owed")).group_by(*by)
    found = []
    for row in connection.execute(query):
        why, _, path = row.outcome.partition("/")
        found.append(
            Outcome(
                row.lender_code, row.product_code, row.currency, WriteOffPath(path) if path else None, Verdict(why),
                int(row.many), int(row.owed or 0),
            )
        )  # fmt: skip
    order = list(Verdict)
    return sorted(
        found,
        key=lambda one: (
            order.index(one.verdict), one.lender_code or "", one.product_code, one.currency, one.path or "",
        ),
    )  # fmt: skip


def page(
    connection: Connection,
    scope: Scope,
    now: datetime,
    held: Sequence[Criterion],
    path: WriteOffPath,
    *,
    lender_code: str | None,
    product_code: str | None,
    sort: str,
    descending: bool,
    after: tuple[Any, str] | None,
    limit: int,
) -> list[Candidate]:
    """Up to ``limit`` cases that may be written off on ``path``, behind ``after``."""
    order = (cases.c[sort], cases.c.case_id)
    found = select(cases.c.case_id, OWED.label("owed"), _off().label("off"))
    query = _narrowed(found, scope, now, held, path, lender_code, product_code, by_days=sort == "days_past_due")
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    rows = connection.execute(query).all()
    of = read_many(connection, [one.case_id for one in rows], scope, now)
    return [Candidate(of[one.case_id], int(one.owed), int(one.off)) for one in rows if one.case_id in of]


def count(
    connection: Connection, scope: Scope, now: datetime, held: Sequence[Criterion], path: WriteOffPath, *,
    lender_code: str | None, product_code: str | None,
) -> int:  # fmt: skip
    """How many there are, counted no further than ``MOST_COUNTED`` + 1, along the index of days past due."""
    some = _narrowed(select(cases.c.case_id), scope, now, held, path, lender_code, product_code)
    if path not in NEEDS_FLAG:
        some = some.order_by(cases.c.days_past_due.desc(), cases.c.case_id.desc())
    return int(
        connection.execute(select(func.count()).select_from(some.limit(MOST_COUNTED + 1).subquery())).scalar_one()
    )


def _narrowed(
    query: Select[Any], scope: Scope, now: datetime, held: Sequence[Criterion], path: WriteOffPath,
    lender_code: str | None, product_code: str | None,
    *, by_days: bool = True,
) -> Select[Any]:  # fmt: skip
    query = query.join(ledger_positions, _POSITION.case_id == cases.c.case_id)
    if path in NEEDS_FLAG:  # few: they are found by the flag
        flagged = select(case_flags.c.case_id).where(
            case_flags.c.flag == NEEDS_FLAG[path].value, case_flags.c.cleared_at.is_(None)
        )
        query = query.where(cases.c.case_id.in_(flagged))
    else:  # the index of days past due ends where no criterion reaches
        open_ones = [one.least_days_past_due for one in held if one.path is path and one.is_open]
        # in another order the index of that order is walked: this bound must not call for another and a sort by hand
        days = cases.c.days_past_due if by_days else cases.c.days_past_due + 0
        query = query.where(days >= min(open_ones, default=10**6))
    if lender_code is not None:
        query = query.where(cases.c.lender_code == lender_code)
    if product_code is not None:
        query = query.where(cases.c.product_code == product_code)
    return query.where(
        cases.c.closed_date.is_(None),
        *within(scope, now),
        ~_disputed(),
        ~_has_one(),
        OWED > 0,
        _verdict(held, path) == Verdict.ELIGIBLE.value,
    )


def _off() -> ColumnElement[int]:
    total: ColumnElement[int] = _POSITION["written_off_principal_minor"]
    for part in PARTS[1:]:
        total = total + _POSITION[f"written_off_{part}_minor"]
    return total


@dataclass(frozen=True)
class Recourse:
    """What evidences the recourse on a case: placements that were, interruptions of limitation, documents that are
    attached, and the day on which the claim can no longer be sued for."""

    placements: int = 0
    interruptions: int = 0
    documents: int = 0
    expires_date: date | None = None


def recourse_of(connection: Connection, ids: Sequence[str]) -> dict[str, Recourse]:
    """Case → what evidences its recourse. A constant number of queries a page."""
    found: dict[str, dict[str, Any]] = {one: {} for one in ids}
    again = limitation_interruptions.c
    counted: tuple[tuple[str, Table, ColumnElement[int], list[ColumnElement[bool]]], ...] = (
        ("placements", placements, func.count(), []),
        # one that was taken back counts no more
        ("interruptions", limitation_interruptions, func.sum(case((again.withdraws.is_(None), 1), else_=-1)), []),
        ("documents", case_attachments, func.count(), [case_attachments.c.withdrawn_at.is_(None)]),
    )
    for name, table, many, where in counted:
        query = select(table.c.case_id, many).where(table.c.case_id.in_(list(ids)), *where)
        rows: Any = connection.execute(query.group_by(table.c.case_id))
        for case_id, number in rows:
            found[case_id][name] = int(number)
    clock = limitation_clocks.c
    clocks: Any = connection.execute(select(clock.case_id, clock.expires_date).where(clock.case_id.in_(list(ids))))
    for case_id, day in clocks:
        found[case_id]["expires_date"] = day
    return {case_id: Recourse(**values) for case_id, values in found.items()}
