"""Agreements in the store: one of each request for a waiver or instalments, read within the reader's reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Scope
from ops_app.domain.ledger.agreements import (
    RUNNING,
    AgreementMove,
    AgreementState,
    Instalment,
    InstalmentState,
    LapseReason,
    Terms,
)
from ops_app.store.casework import requests
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.agreements import SORTED, WAIVED, agreement_events, agreement_instalments, agreements, re_aged
from ops_app.store.tables.casework import cases, debtors
from ops_app.store.tables.journal import ledger_events
from ops_app.store.tables.requests import case_requests

SORTABLE = SORTED
_A = agreements.c


@dataclass(frozen=True)
class Agreement:
    """One agreement as it stands. Amounts are whole minor units of ``currency``: what is waived by component once the
    condition is met, what the debtor pays for it, what of that came and is left. The conditions (``grace_days``,
    ``missed_most``, ``tolerance_minor``, ``re_age_after``) are those of the day it was granted. ``waiver_event_id`` is
    the event of the journal that waives, while it stands; ``short_minor`` what of it was paid already."""

    agreement_id: str
    case_id: str
    debtor_key: str
    kind: str
    condition: str
    agency_code: str | None
    requested_by: str
    requested_at: datetime
    currency: str
    balance_minor: int
    waived_principal_minor: int
    waived_interest_minor: int
    waived_fees_minor: int
    waived_penalty_minor: int
    waived_minor: int
    to_pay_minor: int
    paid_minor: int = 0
    left_minor: int = 0
    missed: int = 0
    next_due_date: date | None = None
    last_due_date: date | None = None
    state: AgreementState = AgreementState.REQUESTED
    is_counted: bool = True
    granted_at: datetime | None = None
    granted_by: str | None = None
    balance_date: date | None = None
    counts_from_date: date | None = None
    grace_days: int = 0
    missed_most: int = 0
    tolerance_minor: int = 0
    re_age_after: int = 0
    met_date: date | None = None
    lapsed_date: date | None = None
    lapse_reason: LapseReason | None = None
    closes_as: str | None = None
    waiver_event_id: str | None = None
    waivers_posted: int = 0
    short_minor: int = 0
    judged_date: date | None = None
    judged_seq: int = 0
    event_count: int = 0
    version: int = 1
    loan_id: str = ""
    source_code: str = ""
    requested_by_name: str = ""
    instalments: tuple[Instalment, ...] = ()

    @property
    def waived(self) -> dict[str, int]:
        """Component → what is waived of it once the condition is met."""
        return {part: getattr(self, f"waived_{part}_minor") for part in WAIVED}

    @property
    def terms(self) -> Terms:
        """What it is judged by, once it was granted."""
        assert self.counts_from_date is not None, "an agreement is judged once it was granted"
        return Terms(self.instalments, self.counts_from_date, self.grace_days, self.missed_most, self.tolerance_minor)


@dataclass(frozen=True)
class AgreementEvent:
    """One thing that happened to an agreement, as of a business date."""

    agreement_id: str
    nth: int
    what: AgreementMove
    from_state: AgreementState
    to_state: AgreementState
    business_date: date
    reason: str
    ledger_event_id: str | None
    made_by: str
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class ReAged:
    """A case that a plan made young again: from which day, what it was before, and until when that held."""

    agreement_id: str
    nth: int
    case_id: str
    re_aged_date: date
    days_past_due: int
    bucket: str
    balance_minor: int
    currency: str
    ended_date: date | None
    recorded_at: datetime


@dataclass(frozen=True)
class AgreementFilter:
    """What a list is narrowed by; empty means not at all. ``due_from``/``due_until``: the next instalment is due from
    the one day and before the other; ``broken``: an instalment was missed."""

    states: frozenset[AgreementState] = frozenset()
    kind: str | None = None
    agency_code: str | None = None
    case_id: str | None = None
    due_from: date | None = None
    due_until: date | None = None
    broken: bool = False
    text: str | None = None


def put(connection: Connection, one: Agreement) -> None:
    """Enter an agreement with its instalments, or write it anew while it is asked for."""
    upsert(connection, agreements, ["agreement_id"], [_row(one)])
    connection.execute(agreement_instalments.delete().where(agreement_instalments.c.agreement_id == one.agreement_id))
    _put_instalments(connection, [one])


def write(connection: Connection, found: Sequence[Agreement]) -> None:
    """Write agreements that changed; each is one version further."""
    if not found:
        return
    rows = [_row(one) for one in found]
    names = [name for name in rows[0] if name != "agreement_id"]
    connection.execute(
        update(agreements)
        .where(_A.agreement_id == bindparam("of"))
        .values({name: bindparam(f"to_{name}") for name in names}),
        [{"of": row["agreement_id"], **{f"to_{name}": row[name] for name in names}} for row in rows],
    )
    _put_instalments(connection, found)


def _put_instalments(connection: Connection, found: Sequence[Agreement]) -> None:
    rows = [
        {"agreement_id": one.agreement_id, "nth": it.nth, "due_date": it.due_date, "amount_minor": it.amount_minor,
         "state": it.state.value, "in_time_minor": it.in_time_minor, "paid_minor": it.paid_minor}
        for one in found for it in one.instalments
    ]  # fmt: skip
    upsert(connection, agreement_instalments, ["agreement_id", "nth"], rows)


def add_events(connection: Connection, rows: Sequence[AgreementEvent]) -> None:
    """Append what happened."""
    if rows:
        connection.execute(
            insert(agreement_events),
            [vars(one) | {"what": one.what.value, "from_state": one.from_state.value, "to_state": one.to_state.value}
             for one in rows],
        )  # fmt: skip


def events_of(connection: Connection, agreement_id: str) -> list[AgreementEvent]:
    """What happened to an agreement, in order."""
    c = agreement_events.c
    rows = connection.execute(select(agreement_events).where(c.agreement_id == agreement_id).order_by(c.nth))
    return [
        AgreementEvent(
            **dict(row._mapping)
            | {"what": AgreementMove(row.what), "from_state": AgreementState(row.from_state),
               "to_state": AgreementState(row.to_state)}
        )
        for row in rows
    ]  # fmt: skip


def re_aged_of(connection: Connection, agreement_ids: Collection[str]) -> dict[str, list[ReAged]]:
    """Agreement → when it made its case young again."""
    found: dict[str, list[ReAged]] = {}
    for some in chunks(sorted(agreement_ids)):
        query = select(re_aged).where(re_aged.c.agreement_id.in_(some)).order_by(re_aged.c.nth)
        for row in connection.execute(query):
            found.setdefault(row.agreement_id, []).append(ReAged(**row._mapping))
    return found


def put_re_aged(connection: Connection, rows: Sequence[ReAged]) -> None:
    """Enter re-ageings, or the day on which one ended."""
    upsert(connection, re_aged, ["agreement_id", "nth"], [vars(one) for one in rows])


def read(connection: Connection, agreement_id: str, conditions: Sequence[ColumnElement[bool]] = ()) -> Agreement | None:
    """The agreement of a request, with its instalments, if the conditions of the reader's reach hold."""
    row = connection.execute(_query().where(_A.agreement_id == agreement_id, *conditions)).first()
    return None if row is None else _with_instalments(connection, [_agreement(row)])[0]


def any_of_cases(connection: Connection, case_ids: Collection[str]) -> bool:
    """Whether one of these cases has an agreement."""
    return any(
        connection.execute(select(_A.agreement_id).where(_A.case_id.in_(some)).limit(1)).first() is not None
        for some in chunks(sorted(case_ids))
    )


def of_cases(connection: Connection, case_ids: Collection[str]) -> dict[str, list[Agreement]]:
    """Case → its agreements in the order in which they were granted, with their instalments."""
    found: list[Agreement] = []
    for some in chunks(sorted(case_ids)):
        query = _query().where(_A.case_id.in_(some)).order_by(_A.granted_at, _A.requested_at, _A.agreement_id)
        found += [_agreement(row) for row in connection.execute(query)]
    by_case: dict[str, list[Agreement]] = {}
    for one in _with_instalments(connection, found):
        by_case.setdefault(one.case_id, []).append(one)
    return by_case


def reach(scope: Scope, person_id: str, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of agreements: those whose requests are within reach."""
    return requests.reach(scope, person_id, now)


def to_judge(connection: Connection, as_of: date, after: str, limit: int) -> list[str]:
    """Cases, after ``after`` in the order of their ids, whose agreements a judgement as of a day may change: they run
    and were not judged as of that day yet, or the journal has something new about them."""
    running = _A.state.in_(sorted(one.value for one in RUNNING))
    news = exists().where(ledger_events.c.case_id == _A.case_id, ledger_events.c.seq > _A.judged_seq)
    ended = or_(
        _A.state == AgreementState.FULFILLED.value,
        and_(_A.state == AgreementState.LAPSED.value, _A.lapse_reason == LapseReason.BROKEN.value),
    )
    query = (
        select(_A.case_id)
        .where(_A.case_id > after)
        .where(or_(and_(running, or_(_A.judged_date.is_(None), _A.judged_date < as_of)),
                   and_(or_(running, ended), news)))
        .distinct()
        .order_by(_A.case_id)
        .limit(limit)
    )  # fmt: skip
    return list(connection.execute(query).scalars())


def hold_debtor(connection: Connection, debtor_key: str) -> None:
    """Let no other waiver be granted to a debtor before this transaction ends, on whatever case: their limit is one.
    SQLite has one writer."""
    connection.execute(select(debtors.c.debtor_key).where(debtors.c.debtor_key == debtor_key).with_for_update())


@dataclass(frozen=True)
class Granted:
    """A waiver that was granted and did not lapse."""

    agreement_id: str
    case_id: str
    debtor_key: str
    currency: str
    granted_at: datetime
    waived_minor: int


def granted_to(connection: Connection, debtor_keys: Collection[str]) -> list[Granted]:
    """The waivers granted to these debtors, on whatever case, without those that lapsed."""
    stands = sorted(one.value for one in (*RUNNING, AgreementState.FULFILLED))
    columns = [_A[name] for name in Granted.__dataclass_fields__]
    found: list[Granted] = []
    for some in chunks(sorted(debtor_keys)):
        query = select(*columns).where(_A.debtor_key.in_(some), _A.state.in_(stands), _A.waived_minor > 0)
        found += [Granted(**row._mapping) for row in connection.execute(query)]
    return found


def last_seqs(connection: Connection, case_ids: Collection[str]) -> dict[str, int]:
    """Case → the number of the last event of its ledger."""
    found: dict[str, int] = {}
    c = ledger_events.c
    for some in chunks(sorted(case_ids)):
        rows: Any = connection.execute(
            select(c.case_id, func.max(c.seq)).where(c.case_id.in_(some)).group_by(c.case_id)
        )
        found.update(tuple(row) for row in rows)
    return found


def lapsed_on(connection: Connection, case_id: str) -> frozenset[str]:
    """The agreements of a case that are no more."""
    query = select(_A.agreement_id).where(_A.case_id == case_id, _A.state == AgreementState.LAPSED.value)
    return frozenset(connection.execute(query).scalars())


@dataclass(frozen=True)
class Totals:
    """What the agreements of a list come to in one currency."""

    currency: str
    count: int
    waived_minor: int
    to_pay_minor: int
    paid_minor: int
    left_minor: int


def page(
    connection: Connection, wanted: AgreementFilter, conditions: Sequence[ColumnElement[bool]], *, sort: str,
    descending: bool, offset: int, limit: int,
) -> tuple[list[Agreement], list[Totals]]:  # fmt: skip
    """One page of the agreements within reach that match, and what all of them come to by currency."""
    if sort not in SORTABLE:
        raise ValueError(f"agreements are not sorted by {sort}")
    narrowed = [*conditions, *_conditions(wanted)]
    column = _A[sort]
    rows = connection.execute(
        _query()
        .where(*narrowed)
        .order_by(column.desc() if descending else column.asc(), _A.agreement_id)
        .offset(offset)
        .limit(limit)
    )
    summed = (
        select(_A.currency, func.count(), *(func.sum(_A[f"{name}_minor"]) for name in ("waived", "to_pay", "paid",
                                                                                       "left")))
        .select_from(_joined())
        .where(*narrowed)
        .group_by(_A.currency)
        .order_by(_A.currency)
    )  # fmt: skip
    found = [_agreement(row) for row in rows]
    sums: Any = connection.execute(summed)
    return found, [Totals(row[0], *map(int, row[1:])) for row in sums]


def _joined() -> Any:
    return agreements.join(case_requests, case_requests.c.case_request_id == _A.agreement_id).join(
        cases, cases.c.case_id == _A.case_id
    )


def _query() -> Select[Any]:
    return select(agreements, cases.c.loan_id, cases.c.source_code, case_requests.c.requested_by_name).select_from(
        _joined()
    )


def _conditions(wanted: AgreementFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(_A.state.in_(sorted(one.value for one in wanted.states)))
    found += [_A[name] == value for name in ("kind", "agency_code", "case_id") if (value := getattr(wanted, name))]
    if wanted.due_from is not None:
        found.append(_A.next_due_date >= wanted.due_from)
    if wanted.due_until is not None:
        found.append(_A.next_due_date < wanted.due_until)
    if wanted.broken:
        found.append(_A.missed > 0)
    if wanted.text:
        found.append(cases.c.loan_id.startswith(wanted.text, autoescape=True))
    return found


def _with_instalments(connection: Connection, found: Sequence[Agreement]) -> list[Agreement]:
    c = agreement_instalments.c
    parts: dict[str, list[Instalment]] = {}
    for some in chunks(sorted(one.agreement_id for one in found)):
        query = select(agreement_instalments).where(c.agreement_id.in_(some)).order_by(c.agreement_id, c.nth)
        for row in connection.execute(query):
            parts.setdefault(row.agreement_id, []).append(
                Instalment(
                    row.nth,
                    row.due_date,
                    row.amount_minor,
                    InstalmentState(row.state),
                    row.in_time_minor,
                    row.paid_minor,
                )
            )
    return [replace(one, instalments=tuple(parts.get(one.agreement_id, ()))) for one in found]


def _row(one: Agreement) -> dict[str, Any]:
    values: Mapping[str, Any] = vars(one)
    return {column.name: values[column.name] for column in agreements.columns} | {
        "state": one.state.value,
        "lapse_reason": None if one.lapse_reason is None else one.lapse_reason.value,
    }


def _agreement(row: Any) -> Agreement:
    values = dict(row._mapping)
    reason = values.pop("lapse_reason")
    return Agreement(
        state=AgreementState(values.pop("state")),
        lapse_reason=None if reason is None else LapseReason(reason),
        **values,
    )
