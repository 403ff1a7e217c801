"""Agreements with a debtor (feature 26): what is waived, under which condition, and whether the condition was met.

An agreement is what a request for a waiver (减免) or for instalments (分期) becomes. Its condition is a plan of
instalments: one for "pay so much by this day", none where nothing is asked in return. Whether it is met, broken or
still runs follows from its terms, the payments of the case by value date and the day as of which it is judged, and from
nothing else: whatever the order in which payments and reversals become known, the same facts make the same end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from ops_app.domain.errors import Conflict
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import EventKind, LedgerEvent
from ops_app.domain.ledger.replay import living


class AgreementState(StrEnum):
    """Where an agreement stands."""

    REQUESTED = "requested"
    GRANTED = "granted"
    UNCOUNTED = "uncounted"
    FULFILLED = "fulfilled"
    REFUSED = "refused"
    LAPSED = "lapsed"


AGREEMENT_STATE_NAMES: dict[AgreementState, tuple[str, str]] = {
    AgreementState.REQUESTED: ("asked for", "申请中"),
    AgreementState.GRANTED: ("granted", "通过"),
    AgreementState.UNCOUNTED: ("granted, not counted in performance", "通过不计入考核"),
    AgreementState.FULFILLED: ("fulfilled", "已履约"),
    AgreementState.REFUSED: ("refused", "拒绝"),
    AgreementState.LAPSED: ("lapsed", "失效"),
}

RUNNING = frozenset({AgreementState.GRANTED, AgreementState.UNCOUNTED})
"""States in which a debtor is held to the agreement."""


class AgreementMove(StrEnum):
    """What may happen to an agreement."""

    GRANT = "grant"
    REFUSE = "refuse"
    FULFIL = "fulfil"
    LAPSE = "lapse"
    REOPEN = "reopen"


AGREEMENT_MOVE_NAMES: dict[AgreementMove, tuple[str, str]] = {
    AgreementMove.GRANT: ("grant", "通过"),
    AgreementMove.REFUSE: ("refuse", "拒绝"),
    AgreementMove.FULFIL: ("fulfil", "履约"),
    AgreementMove.LAPSE: ("lapse", "失效"),
    AgreementMove.REOPEN: ("reopen", "恢复"),
}

_AS_GRANTED = None
"""``GRANTED`` or ``UNCOUNTED``, as whoever granted it decided."""

_HELD = {AgreementMove.FULFIL: AgreementState.FULFILLED, AgreementMove.LAPSE: AgreementState.LAPSED}

MOVES: dict[AgreementState, dict[AgreementMove, AgreementState | None]] = {
    AgreementState.REQUESTED: {
        AgreementMove.GRANT: _AS_GRANTED,
        AgreementMove.REFUSE: AgreementState.REFUSED,
        AgreementMove.LAPSE: AgreementState.LAPSED,
    },
    AgreementState.GRANTED: {**_HELD},
    AgreementState.UNCOUNTED: {**_HELD},
    # a payment that made it met was reversed
    AgreementState.FULFILLED: {AgreementMove.REOPEN: _AS_GRANTED},
    AgreementState.REFUSED: {},
    # a payment that was made in time became known late; no other lapse is taken back (``may_reopen``)
    AgreementState.LAPSED: {AgreementMove.REOPEN: _AS_GRANTED},
}
"""State → move → next state. What is not here is refused."""


class LapseReason(StrEnum):
    """Why an agreement is no more."""

    BROKEN = "broken"
    BALANCE_CHANGED = "balance_changed"
    CASE_CLOSED = "case_closed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CASE_LEFT = "case_left"


LAPSE_REASON_NAMES: dict[LapseReason, tuple[str, str]] = {
    LapseReason.BROKEN: ("not paid as agreed", "未按约还款"),
    LapseReason.BALANCE_CHANGED: ("the balance changed", "余额变动"),
    LapseReason.CASE_CLOSED: ("the case was closed", "案件已结案"),
    LapseReason.WITHDRAWN: ("the request was withdrawn", "申请已撤回"),
    LapseReason.EXPIRED: ("nobody decided in time", "逾期未审批"),
    LapseReason.CASE_LEFT: ("the case left the agency", "案件已离开机构"),
}


class InstalmentState(StrEnum):
    """Where an instalment stands."""

    DUE = "due"
    KEPT = "kept"
    PART_KEPT = "part_kept"
    BROKEN = "broken"
    VOID = "void"


INSTALMENT_STATE_NAMES: dict[InstalmentState, tuple[str, str]] = {
    InstalmentState.DUE: ("to be paid", "待还"),
    InstalmentState.KEPT: ("kept", "已履约"),
    InstalmentState.PART_KEPT: ("kept in part", "部分履约"),
    InstalmentState.BROKEN: ("broken", "未履约"),
    InstalmentState.VOID: ("no longer due", "已作废"),
}

MISSED = frozenset({InstalmentState.PART_KEPT, InstalmentState.BROKEN})


class AgreementMoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: AgreementState, what: AgreementMove) -> None:
        super().__init__(
            f"An agreement that is {AGREEMENT_STATE_NAMES[state][0]} cannot be changed by: "
            f"{AGREEMENT_MOVE_NAMES[what][0]}.",
            f"状态为“{AGREEMENT_STATE_NAMES[state][1]}”的协议不能执行“{AGREEMENT_MOVE_NAMES[what][1]}”。",
        )
        self.state = state
        self.move = what


def move(state: AgreementState, what: AgreementMove, *, is_counted: bool) -> AgreementState:
    """The state after ``what``; raises ``AgreementMoveNotAllowed``. The only way in which an agreement changes state.

    ``is_counted``: whether it was granted so that it counts in performance.
    """
    if what not in MOVES[state]:
        raise AgreementMoveNotAllowed(state, what)
    return MOVES[state][what] or (AgreementState.GRANTED if is_counted else AgreementState.UNCOUNTED)


def may_reopen(state: AgreementState, reason: LapseReason | None) -> bool:
    """Whether what became known late can bring an agreement back: one that was fulfilled, or lapsed by its plan."""
    return state is AgreementState.FULFILLED or (state is AgreementState.LAPSED and reason is LapseReason.BROKEN)


@dataclass(frozen=True)
class Instalment:
    """One instalment of a plan: whole minor units, due on a day. ``in_time_minor`` of it came by the end of the grace
    after its day, ``paid_minor`` at all."""

    nth: int
    due_date: date
    amount_minor: int
    state: InstalmentState = InstalmentState.DUE
    in_time_minor: int = 0
    paid_minor: int = 0


@dataclass(frozen=True)
class Terms:
    """What an agreement is judged by, as it stood when it was granted. Payments value-dated from ``counts_from_date``
    on count; an instalment may come ``grace_days`` after its day; ``missed_most`` instalments may be missed (never the
    first); ``tolerance_minor`` is by how much what is owed may change other than by payments."""

    instalments: tuple[Instalment, ...]
    counts_from_date: date
    grace_days: int
    missed_most: int
    tolerance_minor: int

    @property
    def to_pay_minor(self) -> int:
        """What the instalments add up to."""
        return sum(one.amount_minor for one in self.instalments)


class Verdict(StrEnum):
    """What a judgement finds."""

    RUNS = "runs"
    MET = "met"
    BROKEN = "broken"


@dataclass(frozen=True)
class Judged:
    """An agreement as of a day: the verdict and the value date that made it so (``None`` while it runs), each
    instalment, what was paid on it and how many instalments were missed."""

    verdict: Verdict
    on_date: date | None
    instalments: tuple[Instalment, ...]
    paid_minor: int
    missed: int


Paid = tuple[date, int]
"""A value date and what came in on it, net of reversals and refunds, in whole minor units."""


def net_payments(events: Iterable[LedgerEvent], as_of: date) -> list[Paid]:
    """What was paid on a case by value date, as of a day, from the events of its ledger.

    A payment that was reversed counts as if it had never been made. A refund lessens the payment it names, else the
    last ones before it. What is posted out of held money came in with the payment that brought it.
    """
    counted = sorted(
        (one for one in living(events) if one.value_date <= as_of), key=lambda one: (one.value_date, one.event_id)
    )
    day_of = {
        one.event_id: one.value_date
        for one in counted
        if one.kind is EventKind.RECEIPT and one.terms.get("funding") != accounts.SUSPENSE_CASE
    }
    left = {one.event_id: one.amount_minor for one in counted if one.event_id in day_of}
    for one in counted:
        if one.kind is EventKind.REVERSAL:
            left.pop(str(one.target_id), None)
    refunds = [one for one in counted if one.kind is EventKind.REFUND]
    for one in sorted(refunds, key=lambda refund: refund.target_id is None):
        back = one.amount_minor
        earlier = [event_id for event_id in reversed(left) if day_of[event_id] <= one.value_date]
        for event_id in earlier if one.target_id is None else [one.target_id]:
            taken = min(back, left.get(event_id, 0))
            if taken:
                left[event_id] -= taken
                back -= taken
    days: dict[date, int] = {}
    for event_id, minor in left.items():
        if minor:
            days[day_of[event_id]] = days.get(day_of[event_id], 0) + minor
    return sorted(days.items())


def drift_minor(events: Iterable[LedgerEvent], since: date, as_of: date) -> int:
    """By how much what is owed changed after ``since`` other than by payments and waivers: accruals and corrections,
    in whole minor units, above zero where more is owed."""
    return sum(
        sum(one.parts.values())
        for one in living(events)
        if one.kind in (EventKind.ACCRUAL, EventKind.CORRECTION) and since < one.value_date <= as_of
    )


def judge(terms: Terms, payments: Sequence[Paid], as_of: date) -> Judged:
    """What the payments (by value date) make of an agreement as of a day.

    Money goes to the instalments in the order of their days. An instalment whose grace is over and which did not come
    in whole is missed. The first one missed, or more than ``missed_most``, breaks the agreement on the day after that
    grace; it is met on the day on which all was paid, if that came before.
    """
    if not terms.instalments:
        return Judged(Verdict.MET, terms.counts_from_date, (), 0, 0)
    counted = [(day, minor) for day, minor in payments if terms.counts_from_date <= day <= as_of]
    met_on = _reached(counted, terms.to_pay_minor)
    broken_on = _broken_on(terms, counted, as_of)
    if met_on is not None and (broken_on is None or met_on < broken_on):
        verdict, on_date = Verdict.MET, met_on
        broken_on = None
    elif broken_on is not None:
        verdict, on_date = Verdict.BROKEN, broken_on
        counted = [(day, minor) for day, minor in counted if day < broken_on]
    else:
        verdict, on_date = Verdict.RUNS, None
    shown = tuple(_judged(terms, counted, as_of, broken_on))
    paid = min(terms.to_pay_minor, sum(minor for _, minor in counted))
    return Judged(verdict, on_date, shown, paid, sum(one.state in MISSED for one in shown))


def judge_case(agreements: Sequence[Terms], payments: Sequence[Paid], as_of: date) -> list[Judged]:
    """``judge`` for the agreements of one case, in the order in which they were granted: money counts once, for the
    eldest that it is due to, and what is more than that agreement asks for counts for the next."""
    left = list(payments)
    found = []
    for terms in agreements:
        judged = judge(terms, [one for one in left if one[1]], as_of)
        use = judged.paid_minor
        for place, (day, minor) in enumerate(left):
            if terms.counts_from_date <= day <= as_of and use:
                taken = min(use, minor)
                left[place] = day, minor - taken
                use -= taken
        found.append(judged)
    return found


def _reached(payments: Sequence[Paid], wanted_minor: int) -> date | None:
    """The value date on which payments added up to an amount."""
    total = 0
    for day, minor in payments:
        total += minor
        if total >= wanted_minor:
            return day
    return None


def _in_time(terms: Terms, payments: Sequence[Paid], one: Instalment, before_minor: int) -> int:
    last = one.due_date + timedelta(days=terms.grace_days)
    came = sum(minor for day, minor in payments if day <= last)
    return max(0, min(one.amount_minor, came - before_minor))


def _broken_on(terms: Terms, payments: Sequence[Paid], as_of: date) -> date | None:
    before = missed = 0
    for one in terms.instalments:
        over = one.due_date + timedelta(days=terms.grace_days + 1)
        if as_of >= over and _in_time(terms, payments, one, before) < one.amount_minor:
            missed += 1
            if one.nth == 1 or missed > terms.missed_most:
                return over
        before += one.amount_minor
    return None


def _judged(terms: Terms, payments: Sequence[Paid], as_of: date, broken_on: date | None) -> Iterable[Instalment]:
    before, total = 0, sum(minor for _, minor in payments)
    for one in terms.instalments:
        in_time = _in_time(terms, payments, one, before)
        paid = max(0, min(one.amount_minor, total - before))
        over = one.due_date + timedelta(days=terms.grace_days + 1)
        if in_time == one.amount_minor:
            state = InstalmentState.KEPT
        elif broken_on is not None and over > broken_on:
            state = InstalmentState.VOID
        elif as_of >= over:
            state = InstalmentState.PART_KEPT if in_time else InstalmentState.BROKEN
        else:
            state = InstalmentState.DUE
        before += one.amount_minor
        yield replace(one, state=state, in_time_minor=in_time, paid_minor=paid)
