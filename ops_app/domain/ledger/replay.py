"""Replay: what the events of one case post, in value-date order (domain e-7, e-8; decision 0022).

A case is a fold over its events. What is owed stands on the books (``book``) or, once written off, in the memorandum
register (``memo``); what a payment is too large for is held (``held``) until a person decides. Whatever comes later
with an earlier value date, is reversed or is cancelled, the same fold says what each event ought to post.

Cost: O(n log n) for n events of a case, and O(1) an event that comes last (``State`` carries what stands).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component, accrued, charge_off, claims
from ops_app.domain.ledger.events import RANK, EventKind, LedgerEvent
from ops_app.domain.ledger.posting import ORDERS, posted

DIRECT, ALLOWANCE = "direct", "allowance"
METHODS = (DIRECT, ALLOWANCE)
"""How a write-off is booked: against expense and income, or against the allowance (domain e-7)."""

OF_HELD, SAME_AS, MOVED = "of_held", "same_as", "moved"
"""Terms of a refund (decision 0032): how much of it comes out of what is held at most; the event of the refund that
posted the same money already; and that the money went on to where another case takes it."""

_NONE: Mapping[Component, int] = dict.fromkeys(Component, 0)


@dataclass(frozen=True, order=True)
class Transfer:
    """One line of an entry: ``amount_minor`` from ``credit`` to ``debit``. Whole minor units above zero; an entry made
    of transfers cannot fail to balance."""

    debit: str
    credit: str
    component: Component | None
    amount_minor: int

    def __post_init__(self) -> None:
        if self.amount_minor <= 0 or self.debit == self.credit:
            raise ValueError("a transfer moves something between two accounts")

    @property
    def back(self) -> Transfer:
        """The same transfer the other way round (storno)."""
        return Transfer(self.credit, self.debit, self.component, self.amount_minor)


@dataclass(frozen=True)
class Effect:
    """What an event posts. ``short`` says by component what it asked for beyond what was there (a write-off that a
    back-dated payment made smaller, a waiver of what is paid already, a part its lender says it paid)."""

    transfers: tuple[Transfer, ...] = ()
    short: Mapping[Component, int] = field(default_factory=dict)


Key = tuple[date, int, str]


@dataclass
class State:
    """Where the claim of a case stands. Whole minor units. ``held``: event id → what of that receipt is unapplied
    (below zero where more was taken back than was there); ``applied``: event id → what it changed, to be undone."""

    book: dict[Component, int] = field(default_factory=lambda: dict(_NONE))
    memo: dict[Component, int] = field(default_factory=lambda: dict(_NONE))
    method: str | None = None
    held: dict[str, int] = field(default_factory=dict)
    applied: dict[str, list[Transfer]] = field(default_factory=dict)
    last: Key | None = None
    opening_date: date | None = None
    is_closed: bool = False

    @property
    def owed(self) -> dict[Component, int]:
        """What is owed of each component, on the books and in the register."""
        return {one: self.book[one] + self.memo[one] for one in Component}

    @property
    def held_minor(self) -> int:
        """The unapplied money of the case."""
        return sum(self.held.values())


def key_of(event: LedgerEvent) -> Key:
    """Where an event stands in the order of its case."""
    return event.value_date, RANK[event.kind], event.turn


def living(events: Iterable[LedgerEvent]) -> list[LedgerEvent]:
    """The events that count: without those that are cancelled and without the cancellations. A cancellation may be
    cancelled itself."""
    events = list(events)
    dead: set[str] = set()
    for one in sorted(events, key=lambda event: event.seq, reverse=True):
        if one.kind is EventKind.CANCELLATION and one.event_id not in dead:
            dead.add(str(one.target_id))
    return [one for one in events if one.kind is not EventKind.CANCELLATION and one.event_id not in dead]


def in_order(events: Iterable[LedgerEvent]) -> list[LedgerEvent]:
    """Events in the order in which they count; what undoes another comes after it, whatever its own date says."""
    events = list(events)
    own = {one.event_id: key_of(one) for one in events}
    target = {one.event_id: one.target_id for one in events if one.target_id is not None}

    def key(event: LedgerEvent) -> tuple[Key, int, Key]:
        mine = own[event.event_id]
        found, behind, steps, at = mine, 0, 0, event.event_id
        while (at := target.get(at) or "") in own and steps < len(own):
            steps += 1
            if own[at] > found:
                found, behind = own[at], steps
        return found, behind, mine

    return sorted(events, key=key)


def replayed(events: Iterable[LedgerEvent]) -> tuple[dict[str, Effect], State]:
    """Event id → what it posts, for every living event, and where the case stands afterwards."""
    return run(in_order(living(events)), State())


def run(events: Sequence[LedgerEvent], state: State) -> tuple[dict[str, Effect], State]:
    """The effects of ``events``, which come in this order after what ``state`` knows; ``state`` is carried on."""
    effects: dict[str, Effect] = {}
    for one in events:
        effect = _DOES[one.kind](one, state)
        effects[one.event_id] = effect
        state.last = max(state.last, key_of(one)) if state.last else key_of(one)
    return effects, state


def comes_last(event: LedgerEvent, state: State) -> bool:
    """Whether ``event`` can be posted on top of what stands, without a replay: it undoes nothing and nothing counts
    after it."""
    alone = event.target_id is None and event.kind not in (EventKind.REFUND, *_UNDOING)
    return alone and (state.last is None or key_of(event) >= state.last)


_UNDOING = (EventKind.REVERSAL, EventKind.CANCELLATION)


def _move(state: State, transfers: Sequence[Transfer], event_id: str) -> None:
    """Carry what ``transfers`` do to the claim and to what is held."""
    for one in transfers:
        for account, sign in ((one.debit, 1), (one.credit, -1)):
            if account == accounts.WRITTEN_OFF_CLAIMS and one.component is not None:
                state.memo[one.component] += sign * one.amount_minor
            elif account == accounts.SUSPENSE_CASE:
                state.held[event_id] = state.held.get(event_id, 0) - sign * one.amount_minor
            elif one.component is not None and account == claims(one.component):
                state.book[one.component] += sign * one.amount_minor


def _done(event: LedgerEvent, state: State, transfers: Sequence[Transfer], short: Mapping[Component, int]) -> Effect:
    """Carry the transfers of an event that is its own holder, and remember them."""
    _move(state, transfers, event.event_id)
    state.applied[event.event_id] = list(transfers)
    return Effect(tuple(transfers), {part: amount for part, amount in short.items() if amount})


def _each(parts: Mapping[Component, int], order: Iterable[Component] = Component) -> list[tuple[Component, int]]:
    return [(part, parts[part]) for part in order if parts.get(part, 0)]


def _opening(event: LedgerEvent, state: State) -> Effect:
    state.opening_date = event.value_date
    if event.terms.get("is_memo"):
        state.method = event.terms.get("method", DIRECT)
        debit, credit = accounts.WRITTEN_OFF_CLAIMS, accounts.WRITTEN_OFF_CONTRA
        made = [Transfer(debit, credit, part, amount) for part, amount in _each(event.parts)]
    else:
        made = [Transfer(claims(part), accounts.TAKEN_OVER, part, amount) for part, amount in _each(event.parts)]
    return _done(event, state, made, {})


def _accrual(event: LedgerEvent, state: State) -> Effect:
    off_books = state.method is not None and not state.book[Component.PRINCIPAL]
    made = [
        Transfer(accounts.WRITTEN_OFF_CLAIMS, accounts.WRITTEN_OFF_CONTRA, part, amount)
        if off_books
        else Transfer(claims(part), accrued(part), part, amount)
        for part, amount in _each(event.parts)
    ]
    return _done(event, state, made, {})


def _stage_order(event: LedgerEvent, state: State) -> str:
    """The code of the order for the stage in which the claim is: written off, or as the day's days past due say."""
    orders: Mapping[str, str] = event.terms.get("orders", {})
    written_off = state.method is not None and not any(state.book.values())
    stage = "written_off" if written_off and "written_off" in orders else "standard"
    return orders.get(stage, next(iter(ORDERS)))


def _receipt(event: LedgerEvent, state: State) -> Effect:
    funding = str(event.terms.get("funding", accounts.CASH))
    amount = event.amount_minor
    if funding == accounts.SUSPENSE_CASE:  # what was held of an earlier receipt: no more than is there
        amount = min(amount, max(0, state.held.get(str(event.target_id), 0)))
    order, short = _stage_order(event, state), dict(_NONE)
    if event.terms.get("follow") and event.parts:
        # what the sender says it paid, as far as that is owed; never more, and never something else instead
        wanted = {part: event.parts.get(part, 0) for part in Component}
        on_book = {part: min(wanted[part], state.book[part]) for part in Component}
        in_memo = {part: min(wanted[part] - on_book[part], state.memo[part]) for part in Component}
        rest = amount - sum(on_book.values()) - sum(in_memo.values())
        short = {part: wanted[part] - on_book[part] - in_memo[part] for part in Component}
        in_turn: Iterable[Component] = Component
    else:
        in_turn = ORDERS[order]
        on_book, rest = posted(amount, state.book, order)
        in_memo, rest = posted(rest, state.memo, order)
    made = [Transfer(funding, claims(part), part, paid) for part, paid in _each(on_book, in_turn)]
    recovered = accounts.ALLOWANCE if state.method == ALLOWANCE else accounts.RECOVERED
    for part, paid in _each(in_memo, in_turn):
        made.append(Transfer(funding, recovered, part, paid))
        made.append(Transfer(accounts.WRITTEN_OFF_CONTRA, accounts.WRITTEN_OFF_CLAIMS, part, paid))
    if rest and funding != accounts.SUSPENSE_CASE:
        made.append(Transfer(funding, accounts.SUSPENSE_CASE, None, rest))
    effect = _done(event, state, made, short)
    if funding == accounts.SUSPENSE_CASE:  # the money was held under the receipt that brought it
        used = -state.held.pop(event.event_id, 0)
        state.held[str(event.target_id)] = state.held.get(str(event.target_id), 0) - used
    return effect


def _reversal(event: LedgerEvent, state: State) -> Effect:
    """The mirror of what the target did, as far as refunds have not taken it back already; what then went out beyond
    that is drawn from the held money below zero."""
    if SAME_AS in event.terms:  # what it takes back was posted by another, which stands
        return Effect()
    target = str(event.target_id)
    to = str(event.terms.get("funding", accounts.CASH))
    made = [one.back for one in reversed(state.applied.get(target, []))]
    if beyond := max(0, event.amount_minor - sum(one.amount_minor for one in made if one.credit == to)):
        made.append(Transfer(accounts.SUSPENSE_CASE, to, None, beyond))
    _move(state, made, target)
    state.applied[target] = []
    state.applied[event.event_id] = made
    return Effect(tuple(made))


def _refund(event: LedgerEvent, state: State) -> Effect:
    """Money goes back: first what is held (of the named receipt, else of the oldest; no more than ``OF_HELD`` where
    that is said), then what the named receipt paid, last part first; what nobody had is drawn from the held money below
    zero, for a person to explain. What is payable already leaves from there."""
    if SAME_AS in event.terms:
        return Effect()
    to = str(event.terms.get("funding", accounts.CASH))
    if event.terms.get("place") == accounts.REFUNDS_PAYABLE:
        return _done(event, state, [Transfer(accounts.REFUNDS_PAYABLE, to, None, event.amount_minor)], {})
    left = event.amount_minor
    most = int(event.terms.get(OF_HELD, left))
    made: list[Transfer] = []
    holders = [event.target_id] if event.target_id is not None else [one for one in state.held if state.held[one] > 0]
    for holder in holders:
        taken = min(left, most, max(0, state.held.get(str(holder), 0)))
        if taken:
            made.append(back := Transfer(accounts.SUSPENSE_CASE, to, None, taken))
            _move(state, [back], str(holder))
            left, most = left - taken, most - taken
    if event.target_id is not None and left:
        left = _take_back(state, event, to, left, made)
    if left:
        made.append(over := Transfer(accounts.SUSPENSE_CASE, to, None, left))
        _move(state, [over], str(event.target_id or event.event_id))
    state.applied[event.event_id] = made
    return Effect(tuple(made))


def _take_back(state: State, event: LedgerEvent, to: str, left: int, made: list[Transfer]) -> int:
    """Undo what the target paid, last part first, up to ``left``; what could not be taken."""
    target = str(event.target_id)
    kept: list[Transfer] = []
    for one in reversed(state.applied.get(target, [])):
        paired = one.debit == accounts.WRITTEN_OFF_CONTRA  # follows the line of money it belongs to
        if paired or accounts.SUSPENSE_CASE in (one.debit, one.credit) or not left:
            kept.append(one)
            continue
        taken = min(left, one.amount_minor)
        back = [Transfer(one.credit, to, one.component, taken)]
        if one.credit in (accounts.RECOVERED, accounts.ALLOWANCE):
            back.append(Transfer(accounts.WRITTEN_OFF_CLAIMS, accounts.WRITTEN_OFF_CONTRA, one.component, taken))
            kept = _less_memo(kept, one.component, taken)
        _move(state, back, target)
        made += back
        left -= taken
        if one.amount_minor > taken:
            kept.append(Transfer(one.debit, one.credit, one.component, one.amount_minor - taken))
    state.applied[target] = list(reversed(kept))
    return left


def applied_minor(state: State, event_id: str) -> int:
    """What a receipt paid and nothing has taken back yet (whole minor units): what a refund of it can take."""
    return sum(
        one.amount_minor
        for one in state.applied.get(event_id, [])
        if one.debit != accounts.WRITTEN_OFF_CONTRA and accounts.SUSPENSE_CASE not in (one.debit, one.credit)
    )


def _less_memo(kept: Sequence[Transfer], component: Component | None, taken: int) -> list[Transfer]:
    less: list[Transfer] = []
    for one in kept:
        if one.debit == accounts.WRITTEN_OFF_CONTRA and one.component is component and taken:
            cut = min(taken, one.amount_minor)
            taken -= cut
            if one.amount_minor == cut:
                continue
            one = Transfer(one.debit, one.credit, one.component, one.amount_minor - cut)
        less.append(one)
    return less


def _waiver(event: LedgerEvent, state: State) -> Effect:
    made, short = [], {}
    for part, amount in _each(event.parts):
        on_book = min(amount, state.book[part])
        in_memo = min(amount - on_book, state.memo[part])
        if on_book:
            made.append(Transfer(accounts.WAIVED, claims(part), part, on_book))
        if in_memo:
            made.append(Transfer(accounts.WRITTEN_OFF_CONTRA, accounts.WRITTEN_OFF_CLAIMS, part, in_memo))
        short[part] = amount - on_book - in_memo
    return _done(event, state, made, short)


def _write_off(event: LedgerEvent, state: State) -> Effect:
    method = str(event.terms.get("method", DIRECT))
    made, short = [], {}
    for part, amount in _each(event.parts):
        booked = min(amount, state.book[part])
        short[part] = amount - booked
        if booked:
            bearer = accounts.ALLOWANCE if method == ALLOWANCE else charge_off(part)
            made.append(Transfer(bearer, claims(part), part, booked))
            made.append(Transfer(accounts.WRITTEN_OFF_CLAIMS, accounts.WRITTEN_OFF_CONTRA, part, booked))
    state.method = method
    return _done(event, state, made, short)


def _correction(event: LedgerEvent, state: State) -> Effect:
    made, short = [], {}
    for part, amount in _each(event.parts):
        if amount > 0:
            made.append(Transfer(claims(part), accounts.ADJUSTMENTS, part, amount))
            continue
        on_book = min(-amount, state.book[part])
        in_memo = min(-amount - on_book, state.memo[part])
        if on_book:
            made.append(Transfer(accounts.ADJUSTMENTS, claims(part), part, on_book))
        if in_memo:
            made.append(Transfer(accounts.WRITTEN_OFF_CONTRA, accounts.WRITTEN_OFF_CLAIMS, part, in_memo))
        short[part] = -amount - on_book - in_memo
    return _done(event, state, made, short)


def _closing(event: LedgerEvent, state: State) -> Effect:
    """What is still owed leaves the ledger with the case. What is held stays, for a person to decide on."""
    made = [Transfer(accounts.TAKEN_OVER, claims(part), part, amount) for part, amount in _each(state.book)]
    made += [
        Transfer(accounts.WRITTEN_OFF_CONTRA, accounts.WRITTEN_OFF_CLAIMS, part, amount)
        for part, amount in _each(state.memo)
    ]
    state.is_closed = True
    return _done(event, state, made, {})


_DOES = {
    EventKind.OPENING: _opening,
    EventKind.ACCRUAL: _accrual,
    EventKind.RECEIPT: _receipt,
    EventKind.REVERSAL: _reversal,
    EventKind.REFUND: _refund,
    EventKind.WAIVER: _waiver,
    EventKind.WRITE_OFF: _write_off,
    EventKind.CORRECTION: _correction,
    EventKind.CLOSING: _closing,
}
