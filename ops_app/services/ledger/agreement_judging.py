"""Agreements are judged as of a business date: instalments kept or broken, waivers posted or taken out of the journal.

A set of cases at a time, each in one transaction: the agreements of the cases, the events of their ledger, and what the
pure rules (``domain/ledger/agreements.py``) make of them. The waiver is posted in the transaction that finds its
condition met, and cancelled in the one that finds it no longer is. A case that the ledger has not taken over is not
judged: nobody knows there what was paid.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.requests import CASE, CaseRequestKind
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.agreements import (
    RUNNING,
    AgreementMove,
    AgreementState,
    InstalmentState,
    Judged,
    LapseReason,
    Verdict,
    drift_minor,
    judge_case,
    may_reopen,
    net_payments,
)
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, altered, apply
from ops_app.services.ledger.agreements import moved
from ops_app.services.ledger.journal import Posted, post
from ops_app.store.casework import case_writing, cases, requests
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import agreements, journal
from ops_app.store.ledger.agreements import Agreement, ReAged
from ops_app.store.organisation import notices
from ops_app.store.store import Store, Transaction

LAPSED = "lapsed"
"""The beginning of the event of a notice about an agreement that lapsed; the reason follows."""

AT_ONCE = 200
SETTLED = "settled"
"""As what a case is to be closed once its plan was paid in full and nothing is owed."""

_EVERYTHING = Scope(Reach.ALL)


@dataclass(frozen=True)
class AgreementsJudged:
    """What a judgement did: cases looked at, agreements fulfilled, lapsed and reopened, cases re-aged."""

    cases: int = 0
    fulfilled: int = 0
    lapsed: int = 0
    reopened: int = 0
    re_aged: int = 0

    def __add__(self, other: AgreementsJudged) -> AgreementsJudged:
        mine, its = vars(self), vars(other)
        return AgreementsJudged(**{name: mine[name] + its[name] for name in mine})


@act("system.run")
def judge_agreements(actor: Actor, store: Store, *, now: datetime, as_of: date) -> AgreementsJudged:
    """Judge every agreement that a business date or something new in the journal may change. Safe to repeat and to
    kill: a day that was judged is judged again only where something new is known, and an earlier one never."""
    done, after = AgreementsJudged(), ""
    while True:
        with store.reading() as connection:
            some = agreements.to_judge(connection, as_of, after, AT_ONCE)
        if not some:
            return done
        after = some[-1]
        with store.writing(actor, now) as transaction:
            done += judge_cases(transaction, some, as_of)


def judge_cases(transaction: Transaction, case_ids: Collection[str], as_of: date) -> AgreementsJudged:
    """Within an act: judge the agreements of these cases as of a day, at least that as of which they were judged."""
    connection = transaction.connection
    case_writing.hold(connection, case_ids)
    work = _Work(as_of)
    found = agreements.of_cases(connection, case_ids)
    states = journal.positions(connection, found)
    events = journal.events_of(connection, states)
    known = cases.read_many(connection, sorted(found), _EVERYTHING, transaction.now)
    re_aged = agreements.re_aged_of(connection, [one.agreement_id for some in found.values() for one in some])
    for case_id in sorted(found):
        _judge(transaction, work, known[case_id], found[case_id], states.get(case_id), events.get(case_id, []))
    posted = post(transaction, work.to_post)
    after = [_finished(transaction, work, it, posted, states) for it in work.changed]
    seqs = agreements.last_seqs(connection, found)
    agreements.write(connection, [replace(it, judged_seq=seqs.get(it.case_id, 0)) for it in after])
    _re_age(transaction, work, known, after, re_aged)
    apply(transaction, work.changes)
    _tell(transaction, work, known)
    done = replace(work.done, cases=len(found))
    transaction.audit("agreement.judged", "business_day", as_of.isoformat(), after=vars(done))
    return done


@dataclass(frozen=True)
class _Found:
    """An agreement as a judgement leaves it, the move that is still to be made of it and why."""

    one: Agreement
    day: date
    moves: tuple[AgreementMove, ...]
    reason: LapseReason | None = None
    on_date: date | None = None
    waives: LedgerEvent | None = None
    cancels: LedgerEvent | None = None


@dataclass
class _Work:
    """What a judgement is going to write."""

    as_of: date
    changed: list[_Found] = field(default_factory=list)
    to_post: list[LedgerEvent] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    lapsed: list[tuple[Agreement, LapseReason]] = field(default_factory=list)
    done: AgreementsJudged = AgreementsJudged()
    latest: dict[str, Case] = field(default_factory=dict)

    def happened(self, case: Case, what: str, reason: str, one: Agreement) -> None:
        """Something that the history of the case says."""
        change = altered(self.latest.get(case.case_id, case), what, reason, {"agreement_id": one.agreement_id})
        self.changes.append(change)
        self.latest[case.case_id] = change.after


def _judge(
    transaction: Transaction, work: _Work, case: Case, every: Sequence[Agreement], state: State | None,
    events: Sequence[LedgerEvent],
) -> None:  # fmt: skip
    looked_at = [one for one in every if one.state in RUNNING or may_reopen(one.state, one.lapse_reason)]
    day = max([work.as_of, *(one.judged_date for one in looked_at if one.judged_date)])
    if state is None:
        if case.closed_date is not None:
            for one in looked_at:
                if one.state in RUNNING:
                    work.changed.append(_Found(one, day, (AgreementMove.LAPSE,), LapseReason.CASE_CLOSED))
        return
    judged = judge_case([one.terms for one in looked_at], net_payments(events, day), day)
    for one, it in zip(looked_at, judged, strict=True):
        found = _decided(one, it, day, case, drift_minor(events, one.balance_date or day, day), state)
        work.changed.append(found)
        work.to_post += [event for event in (found.cancels, found.waives) if event is not None]


def _decided(one: Agreement, it: Judged, day: date, case: Case, drift: int, state: State) -> _Found:
    """What becomes of an agreement."""
    moves: list[AgreementMove] = []
    cancels = waives = reason = None
    running = one.state in RUNNING
    if not running and _reopens(one, it, case):
        moves.append(AgreementMove.REOPEN)
        running = True
        cancels = _cancellation(one, day) if one.waiver_event_id is not None else None
    if running and it.verdict is Verdict.MET:
        moves.append(AgreementMove.FULFIL)
        waives = _waiver(one, state) if one.waived_minor else None
    elif running:
        reason = _lapses(one, it, case, drift)
        moves += [] if reason is None else [AgreementMove.LAPSE]
    due = next((each.due_date for each in it.instalments if each.state is InstalmentState.DUE), None)
    shown = replace(
        one,
        instalments=it.instalments,
        paid_minor=it.paid_minor,
        left_minor=one.to_pay_minor - it.paid_minor,
        missed=it.missed,
        next_due_date=due if running and it.verdict is Verdict.RUNS and reason is None else None,
        judged_date=day,
    )
    return _Found(shown, day, tuple(moves), reason, it.on_date, waives, cancels)


def _reopens(one: Agreement, it: Judged, case: Case) -> bool:
    """Whether what is known now takes back that it was fulfilled or broken. A closed case takes no plan up again."""
    if one.state is AgreementState.FULFILLED:
        return it.verdict is not Verdict.MET
    return it.verdict is Verdict.MET or (it.verdict is Verdict.RUNS and case.closed_date is None)


def _lapses(one: Agreement, it: Judged, case: Case, drift: int) -> LapseReason | None:
    if it.verdict is Verdict.BROKEN:
        return LapseReason.BROKEN
    if case.closed_date is not None:
        return LapseReason.CASE_CLOSED
    return LapseReason.BALANCE_CHANGED if abs(drift) > one.tolerance_minor else None


def _waiver(one: Agreement, state: State) -> LedgerEvent:
    """What is waived, as of the balance that was agreed on: payments made since then pay the rest. Each time that the
    condition is met is an event of its own."""
    assert one.balance_date is not None
    nth = one.waivers_posted + 1
    return LedgerEvent(
        EventKind.WAIVER, one.source_code, one.loan_id, one.currency,
        max(one.balance_date, state.opening_date or one.balance_date), Cause.REQUEST,
        one.agreement_id if nth == 1 else f"{one.agreement_id}/{nth}", case_id=one.case_id,
        parts={Component(part): minor for part, minor in one.waived.items() if minor},
    )  # fmt: skip


def _cancellation(one: Agreement, day: date) -> LedgerEvent:
    return LedgerEvent(
        EventKind.CANCELLATION, one.source_code, one.loan_id, one.currency, day, Cause.REQUEST,
        f"{one.agreement_id}/{one.waivers_posted}/undone", case_id=one.case_id, target_id=one.waiver_event_id,
    )  # fmt: skip


def _finished(
    transaction: Transaction, work: _Work, found: _Found, posted: Posted, states: dict[str, State]
) -> Agreement:
    """The agreement after its moves, once the journal is posted."""
    one = found.one
    for what in found.moves:
        values: dict[str, object] = {}
        event = None
        if what is AgreementMove.REOPEN:
            values = {"met_date": None, "lapse_reason": None, "lapsed_date": None, "waiver_event_id": None,
                      "short_minor": 0, "closes_as": None}  # fmt: skip
            event, why = found.cancels, "payments changed"
            work.done += AgreementsJudged(reopened=1)
        elif what is AgreementMove.FULFIL:
            event, why = found.waives, "paid as agreed" if one.to_pay_minor else "no condition"
            short = sum((posted.short or {}).get(event.event_id, {}).values()) if event else 0
            owed = (posted.after or {}).get(one.case_id) or states[one.case_id].owed
            values = {
                "met_date": found.on_date,
                "waiver_event_id": event.event_id if event else None,
                "waivers_posted": one.waivers_posted + (event is not None),
                "short_minor": short,
                "closes_as": SETTLED if one.to_pay_minor and not any(owed.values()) else None,
            }
            work.done += AgreementsJudged(fulfilled=1)
        else:
            assert found.reason is not None
            why = found.reason.value
            values = {"lapse_reason": found.reason, "lapsed_date": found.on_date or found.day}
            work.lapsed.append((one, found.reason))
            work.done += AgreementsJudged(lapsed=1)
        one = moved(transaction, one, what, found.day, why, ledger_event_id=event.event_id if event else None, **values)
    return one


_SAID = {
    AgreementState.FULFILLED: "agreement_fulfilled",
    AgreementState.LAPSED: "agreement_lapsed",
    AgreementState.GRANTED: "agreement_reopened",
    AgreementState.UNCOUNTED: "agreement_reopened",
}


def _re_age(
    transaction: Transaction, work: _Work, known: dict[str, Case], after: Sequence[Agreement],
    before: dict[str, list[ReAged]],
) -> None:  # fmt: skip
    """The history of each case that something happened on, and the cases that a kept plan makes young again."""
    rows: list[ReAged] = []
    for found, one in zip(work.changed, after, strict=True):
        case = known[one.case_id]
        if found.moves:
            why = one.lapse_reason.value if one.lapse_reason else one.closes_as or ""
            work.happened(case, _SAID[one.state], why or _SAID[one.state], one)
        row = re_aged_now(one, case, before.get(one.agreement_id, []), found.day, transaction.now)
        if row is not None:
            rows.append(row)
            work.happened(case, "re_aged" if row.ended_date is None else "re_age_ended", one.kind, one)
            work.done += AgreementsJudged(re_aged=row.ended_date is None)
    agreements.put_re_aged(transaction.connection, rows)


def re_aged_now(one: Agreement, case: Case, before: Sequence[ReAged], day: date, now: datetime) -> ReAged | None:
    """The row that a plan of several instalments begins or ends; ``None`` where nothing changes."""
    stands = one.state in RUNNING or one.state is AgreementState.FULFILLED
    kept = 0
    for it in one.instalments:
        if it.state is not InstalmentState.KEPT:
            break
        kept += 1
    wanted = stands and len(one.instalments) > 1 and kept >= one.re_age_after
    in_force = before[-1] if before and before[-1].ended_date is None else None
    if in_force is not None and not wanted:
        return replace(in_force, ended_date=max(day, in_force.re_aged_date))
    if in_force is None and wanted:
        return ReAged(
            one.agreement_id, len(before) + 1, one.case_id, day, case.days_past_due, case.bucket, case.balance_minor,
            case.currency, None, now,
        )  # fmt: skip
    return None


def _tell(transaction: Transaction, work: _Work, known: dict[str, Case]) -> None:
    """Whoever has the case, asked for the agreement or granted it is told that it lapsed."""
    rows = []
    asked = requests.of_ids(transaction.connection, [one.agreement_id for one, _ in work.lapsed])
    for one, reason in work.lapsed:
        request = asked.get(one.agreement_id)
        people = {one.requested_by, one.granted_by, known[one.case_id].collector_id} - {None}
        for person_id in sorted(str(who) for who in people):
            rows.append(
                notices.Notice(
                    notice_id=key_hash("notice", LAPSED, one.agreement_id, str(one.event_count), person_id),
                    person_id=person_id,
                    event=f"{LAPSED}_{reason.value}",
                    kind=CaseRequestKind(one.kind).approval_kind,
                    object_type=CASE,
                    object_id=one.case_id,
                    request_id=str(request.approval_id) if request else "",
                    by_name=transaction.actor.name,
                    reason="",
                    created_at=transaction.now,
                    read_at=None,
                )
            )
    notices.add(transaction.connection, *rows)
