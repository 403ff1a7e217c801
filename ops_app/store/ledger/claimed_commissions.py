"""Claimed commission in the store: statements taken in, held against the reckoned lines set by set, listed, decided.

A comparison is one statement whatever the number of lines: what was reckoned is summed once by payment and once by loan
and joined to the claimed lines; no line is looked at from Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, func, insert, null, or_, select, tuple_, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.claimed_commissions import DECIDED, ClaimFinding, ClaimState
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, placements
from ops_app.store.tables.claimed_commissions import claimed_lines, claimed_periods, claimed_statements
from ops_app.store.tables.commissions import commission_lines
from ops_app.store.tables.ledger import payments

_S, _P, _C, _E = claimed_statements.c, claimed_periods.c, claimed_lines.c, commission_lines.c
SORTS = ("line_no", "difference_minor")
_AT_ONCE = 2_000
_DECIDED = sorted(one.value for one in DECIDED)


@dataclass(frozen=True)
class ClaimedStatement:
    """A statement that an agency sent: which value dates it covers, and when it was last compared."""

    statement_id: str
    agency_code: str
    number: str
    currency: str
    source_code: str
    since_date: date | None
    until_date: date
    taken_at: datetime
    compared_at: datetime
    tolerance_minor: int
    version: int


@dataclass(frozen=True)
class ClaimedPeriod:
    """A period of a claimed statement: what the sender states, what was received and reckoned, and how its lines stand.

    ``claimed_minor`` and ``collected_minor`` are rounded once, as the sender's own total is. ``above_minor`` and
    ``below_minor`` are what the lines claim beyond the contract and short of it.
    """

    period: str
    lines: int
    collected_minor: int
    received_minor: int
    eligible_minor: int
    claimed_minor: int
    recomputed_minor: int
    difference_minor: int
    above_minor: int
    below_minor: int
    differing: int
    open: int
    accepted: int
    disputed: int


@dataclass(frozen=True)
class ClaimedLine:
    """A claimed line beside what was received of the loan or payment, what of it the contract counts
    (``eligible_minor``) and what that gives; ``difference_minor`` is claimed less recomputed."""

    line_id: str
    statement_id: str
    line_no: int
    sender_line: str
    period: str
    loan_id: str
    payment_id: str | None
    collected_minor: int
    claimed_minor: int
    received_minor: int
    eligible_minor: int
    recomputed_minor: int
    difference_minor: int
    finding: ClaimFinding
    state: ClaimState
    reason: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    version: int


@dataclass(frozen=True)
class ClaimFilter:
    """What claimed lines are narrowed by, each beside the others."""

    statement_id: str
    period: str | None = None
    finding: ClaimFinding | None = None
    state: ClaimState | None = None


def statement(connection: Connection, statement_id: str, *, lock: bool = False) -> ClaimedStatement | None:
    """A claimed statement by its id; with ``lock`` nobody else changes it before this act ends."""
    query = select(claimed_statements).where(_S.statement_id == statement_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else _statement(row)


def known(connection: Connection) -> dict[tuple[str, str, str], int]:
    """(agency, number, currency) of every statement that was taken in → its lines."""
    query = (
        select(_S.agency_code, _S.number, _S.currency, func.sum(_P.lines))
        .join(claimed_periods, _P.statement_id == _S.statement_id)
        .group_by(_S.agency_code, _S.number, _S.currency)
    )
    rows: Any = connection.execute(query)
    return {(agency, number, currency): int(lines) for agency, number, currency, lines in rows}


def statements_page(
    connection: Connection, *, agency_code: str | None, offset: int, limit: int
) -> tuple[list[ClaimedStatement], int]:
    """A page of claimed statements, the latest first, and how many there are."""
    mine = [] if agency_code is None else [_S.agency_code == agency_code]
    query = (
        select(claimed_statements)
        .where(*mine)
        .order_by(_S.until_date.desc(), _S.statement_id.desc())
        .offset(offset)
        .limit(limit)
    )
    total = connection.execute(select(func.count()).select_from(claimed_statements).where(*mine)).scalar_one()
    return [_statement(row) for row in connection.execute(query).mappings()], int(total)


def add(
    connection: Connection, head: Mapping[str, Any], periods: Sequence[Mapping[str, Any]],
    lines: Sequence[Mapping[str, Any]],
) -> None:  # fmt: skip
    """Enter a statement that was not there, its periods and lines; they are not compared yet."""
    connection.execute(insert(claimed_statements).values(**head))
    connection.execute(insert(claimed_periods), [dict(one) for one in periods])
    unseen = {"received_minor": 0, "eligible_minor": 0, "recomputed_minor": 0, "finding": ClaimFinding.NOT_PAID.value,
              "state": ClaimState.OPEN.value, "version": 1}  # fmt: skip
    for some in chunks(lines, _AT_ONCE):
        connection.execute(
            insert(claimed_lines), [{**one, **unseen, "difference_minor": one["claimed_minor"]} for one in some]
        )


def compare(connection: Connection, one: ClaimedStatement, tolerance_minor: int, now: datetime) -> int:
    """Hold every line of a statement against what is reckoned by now; how many lines read otherwise than before. What
    was decided stands where the difference is still the one that was decided on, else the line is open again."""
    found = _found(one, tolerance_minor)
    stands = and_(_C.state.in_(_DECIDED), _C.difference_minor == found.c.difference_minor, found.c.finding != "agrees")
    state = case((found.c.finding == "agrees", "agreed"), (stands, _C.state), else_="open")
    kept = {name: case((stands, _C[name]), else_=null()) for name in _DECISION}
    changed = connection.execute(
        update(claimed_lines)
        .where(
            _C.line_id == found.c.line_id,
            or_(
                *(_C[name] != found.c[name] for name in ("received_minor", "eligible_minor", "recomputed_minor",
                                                         "finding")),
            ),
        )
        .values(
            received_minor=found.c.received_minor, eligible_minor=found.c.eligible_minor,
            recomputed_minor=found.c.recomputed_minor, difference_minor=found.c.difference_minor,
            finding=found.c.finding, state=state, version=_C.version + 1, **kept,
        )
    )  # fmt: skip
    connection.execute(
        update(claimed_statements)
        .where(_S.statement_id == one.statement_id)
        .values(compared_at=now, tolerance_minor=tolerance_minor, version=one.version + 1)
    )
    return int(changed.rowcount)


def decide(
    connection: Connection, wanted: ClaimFilter, values: Mapping[str, Any], *, line_id: str | None = None,
    version: int | None = None,
) -> int:  # fmt: skip
    """Decide on the lines that match and do not agree (or on one of them, of this version); how many they were."""
    of = [*_conditions(wanted), _C.state != ClaimState.AGREED.value]
    if line_id is not None:
        of += [_C.line_id == line_id, _C.version == version]
    done = connection.execute(update(claimed_lines).where(*of).values(**values, version=_C.version + 1))
    return int(done.rowcount)


def line(connection: Connection, line_id: str) -> ClaimedLine | None:
    """A claimed line by its id."""
    row = connection.execute(select(claimed_lines).where(_C.line_id == line_id)).mappings().first()
    return None if row is None else _line(row)


def page(
    connection: Connection, wanted: ClaimFilter, *, sort: str, descending: bool, after: tuple[int, str] | None,
    limit: int,
) -> list[ClaimedLine]:  # fmt: skip
    """Up to ``limit`` lines behind ``after`` (value of the sort and id of the last line seen)."""
    order = (_C[sort], _C.line_id)
    conditions = _conditions(wanted)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[it.type for it in order])
        conditions.append(row < mark if descending else row > mark)
    query = (
        select(claimed_lines)
        .where(*conditions)
        .order_by(*(it.desc() if descending else it.asc() for it in order))
        .limit(limit)
    )
    return [_line(row) for row in connection.execute(query).mappings()]


def count(connection: Connection, wanted: ClaimFilter) -> int:
    """How many lines match, counted no further than ``MOST_COUNTED`` + 1."""
    some = select(_C.line_id).where(*_conditions(wanted)).limit(MOST_COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def sums(connection: Connection, wanted: ClaimFilter) -> tuple[int, int, int]:
    """(lines, claimed, difference) of all lines that match and do not agree: what a decision on them is about."""
    query = select(
        func.count(), func.coalesce(func.sum(_C.claimed_minor), 0), func.coalesce(func.sum(_C.difference_minor), 0)
    ).where(*_conditions(wanted), _C.state != ClaimState.AGREED.value)
    lines, claimed, difference = tuple[Any, ...](connection.execute(query).one())
    return int(lines), int(claimed), int(difference)


def periods(connection: Connection, statement_id: str) -> list[ClaimedPeriod]:
    """The periods of a statement in their order, with what their lines come to."""

    def summed(minor: Any, when: ColumnElement[bool] | None = None) -> ColumnElement[int]:
        return func.coalesce(func.sum(minor if when is None else case((when, minor), else_=0)), 0)

    states = [summed(1, _C.state == one) for one in ("open", "accepted", "disputed")]
    query = (
        select(
            _P.period, _P.lines, _P.collected_minor, summed(_C.received_minor),
            summed(_C.eligible_minor), _P.claimed_minor,
            summed(_C.recomputed_minor), summed(_C.difference_minor, _C.difference_minor > 0),
            summed(-_C.difference_minor, _C.difference_minor < 0), summed(1, _C.state != "agreed"), *states,
        )
        .join(claimed_lines, and_(_C.statement_id == _P.statement_id, _C.period == _P.period))
        .where(_P.statement_id == statement_id)
        .group_by(_P.period, _P.lines, _P.collected_minor, _P.claimed_minor)
        .order_by(_P.period)
    )  # fmt: skip
    made = []
    rows: Any = connection.execute(query)
    for period, lines, collected, received, eligible, claimed, recomputed, *rest in rows:
        figures = (lines, collected, received, eligible, claimed, recomputed, claimed - recomputed, *rest)
        made.append(ClaimedPeriod(str(period), *(int(it) for it in figures)))
    return made


def not_claimed_minor(connection: Connection, one: ClaimedStatement) -> int:
    """What the contract gives for payments of the days covered beyond what the lines of the statement ask for."""
    total = select(func.coalesce(func.sum(_E.fee_minor), 0)).where(*_covered(one))
    asked = select(func.coalesce(func.sum(_C.recomputed_minor), 0)).where(_C.statement_id == one.statement_id)
    return int(connection.execute(total).scalar_one()) - int(connection.execute(asked).scalar_one())


_DECISION = ("reason", "decided_by", "decided_by_name", "decided_at")


def _found(one: ClaimedStatement, tolerance_minor: int) -> Subquery:
    """line_id, received_minor, recomputed_minor, difference_minor and finding of every line of the statement."""
    by_payment, by_loan = _reckoned(one, "payment_id"), _reckoned(one, "loan_id")
    paid_payments, paid_loans = _paid(one, "payment_id"), _paid(one, "loan_id")
    again = _again(one)
    of_payment = _C.payment_id.is_not(None)
    twice = or_(again.c.nth > 1, again.c.before > 0)

    def reckoned(name: str) -> ColumnElement[int]:
        return case((twice, 0), else_=func.coalesce(by_payment.c[name], by_loan.c[name], 0))

    recomputed = reckoned("fee_minor")
    difference = _C.claimed_minor - recomputed
    received = case((of_payment, paid_payments.c.received_minor), else_=paid_loans.c.received_minor)
    finding = case(
        (func.abs(difference) <= tolerance_minor, ClaimFinding.AGREES.value),
        (twice, ClaimFinding.TWICE.value),
        (func.coalesce(by_payment.c.lines, by_loan.c.lines, 0) == 0,
         case((received.is_not(None), ClaimFinding.NOT_EARNED.value), else_=ClaimFinding.NOT_PAID.value)),
        (recomputed == 0, ClaimFinding.NOT_EARNED.value),
        (difference > 0, ClaimFinding.ABOVE.value),
        else_=ClaimFinding.BELOW.value,
    )  # fmt: skip
    return (
        select(
            _C.line_id, case((twice, 0), else_=func.coalesce(received, 0)).label("received_minor"),
            reckoned("base_minor").label("eligible_minor"), recomputed.label("recomputed_minor"),
            difference.label("difference_minor"), finding.label("finding"),
        )
        .join(again, again.c.line_id == _C.line_id)
        .outerjoin(by_payment, by_payment.c.payment_id == _C.payment_id)
        .outerjoin(by_loan, and_(_C.payment_id.is_(None), by_loan.c.loan_id == _C.loan_id))
        .outerjoin(paid_payments, paid_payments.c.payment_id == _C.payment_id)
        .outerjoin(paid_loans, paid_loans.c.loan_id == _C.loan_id)
        .where(_C.statement_id == one.statement_id)
        .subquery("found")
    )  # fmt: skip


def _covered(one: ClaimedStatement) -> list[ColumnElement[bool]]:
    """Lines of commission on payments of the days that the statement covers; conduct is nobody's payment."""
    of = [
        _E.agency_code == one.agency_code, _E.currency == one.currency, _E.value_date <= one.until_date,
        _E.payment_event_id.is_not(None),
    ]  # fmt: skip
    return of if one.since_date is None else [*of, _E.value_date >= one.since_date]


def _reckoned(one: ClaimedStatement, key: str) -> Subquery:
    """What was reckoned by payment or by loan: cash that counted, and the fee. A claim on a single payment is held
    against all that the payment earned, whichever days the statement covers."""
    of = _covered(one) if key == "loan_id" else _covered(one)[:2]
    return (
        select(
            _E[key], func.count().label("lines"), func.sum(_E.base_minor).label("base_minor"),
            func.sum(_E.fee_minor).label("fee_minor"),
        )
        .where(*of, _E[key].is_not(None))
        .group_by(_E[key])
        .subquery(f"by_{key}")
    )  # fmt: skip


def _paid(one: ClaimedStatement, key: str) -> Subquery:
    """What was received by payment or by loan, less what went back, of loans that the agency has or had; of others it
    learns nothing."""
    p = payments.c
    theirs = (
        select(cases.c.source_code, cases.c.loan_id)
        .join(placements, placements.c.case_id == cases.c.case_id)
        .where(placements.c.agency_code == one.agency_code)
        .distinct()
        .subquery(f"theirs_{key}")
    )
    what = p.loan_id if key == "loan_id" else func.coalesce(p.reverses_payment_id, p.payment_id)
    within = []
    if key == "loan_id":
        within = [p.value_date <= one.until_date]
        within += [] if one.since_date is None else [p.value_date >= one.since_date]
    return (
        select(
            what.label(key),
            func.sum(case((p.kind == "payment", p.amount_minor), else_=-p.amount_minor)).label("received_minor"),
        )
        .join(theirs, and_(theirs.c.source_code == p.source_code, theirs.c.loan_id == p.loan_id))
        .where(p.currency == one.currency, *within)
        .group_by(what)
        .subquery(f"paid_{key}")
    )


def _again(one: ClaimedStatement) -> Subquery:
    """line_id, ``nth`` of the lines of the statement on the same payment or loan, and how often the payment was claimed
    in statements taken in ``before``."""
    what = case((_C.payment_id.is_not(None), func.concat("p/", _C.payment_id)), else_=func.concat("l/", _C.loan_id))
    other, its = claimed_lines.alias("other"), claimed_statements.alias("its")
    before = (
        select(other.c.payment_id, func.count().label("before"))
        .join(its, its.c.statement_id == other.c.statement_id)
        .where(
            its.c.agency_code == one.agency_code, its.c.currency == one.currency, other.c.payment_id.is_not(None),
            or_(
                its.c.taken_at < one.taken_at,
                and_(its.c.taken_at == one.taken_at, its.c.statement_id < one.statement_id),
            ),
        )
        .group_by(other.c.payment_id)
        .subquery("before")
    )  # fmt: skip
    nth = func.row_number().over(partition_by=what, order_by=_C.line_no)
    return (
        select(_C.line_id, nth.label("nth"), func.coalesce(before.c.before, 0).label("before"))
        .outerjoin(before, before.c.payment_id == _C.payment_id)
        .where(_C.statement_id == one.statement_id)
        .subquery("again")
    )


def _conditions(wanted: ClaimFilter) -> list[ColumnElement[bool]]:
    of = [_C.statement_id == wanted.statement_id]
    if wanted.period is not None:
        of.append(_C.period == wanted.period)
    if wanted.finding is not None:
        of.append(_C.finding == wanted.finding.value)
    if wanted.state is not None:
        of.append(_C.state == wanted.state.value)
    return of


def _statement(row: Any) -> ClaimedStatement:
    return ClaimedStatement(**{name: row[name] for name in ClaimedStatement.__dataclass_fields__})


def _line(row: Any) -> ClaimedLine:
    values = {name: row[name] for name in ClaimedLine.__dataclass_fields__ if name not in ("finding", "state")}
    return ClaimedLine(finding=ClaimFinding(row["finding"]), state=ClaimState(row["state"]), **values)
