"""The repayment-audit desk: what is broken, and what a person decides about it.

Every decision names its reason, the version of the break that was read, and a key: a repetition of the key gives the
first answer, a changed break is refused and says who changed it. The decision, the new state and the audit row are one
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.ageing import opened_until
from ops_app.domain.ledger.breaks import (
    MOVES,
    BreakKind,
    BreakMove,
    BreakState,
    NoSuchBreak,
    WrongCounterpart,
    checked_reason,
    masked_account,
    masked_name,
    move,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.ledger.ageing import business_age, owner_of
from ops_app.services.ledger.deciding import (
    Asked,
    Decided,
    answer_of,
    answered,
    carry_out,
    check_version,
    decide,
)
from ops_app.services.organisation.calendars import is_workday
from ops_app.store.ledger import breaks, reversals
from ops_app.store.ledger.breaks import SORTABLE, Break, BreakFilter, Decision
from ops_app.store.ledger.reversals import OrderedReversal
from ops_app.store.organisation import people
from ops_app.store.store import Store

__all__ = [
    "SORTABLE", "Break", "BreakFilter", "BreakRecord", "BreaksPage", "Decided", "Decision", "Preview",
    "count_breaks", "decide_breaks", "list_breaks", "match_break", "merge_breaks", "park_break", "preview_decision",
    "read_break", "reject_break", "reopen_break", "split_break",
]  # fmt: skip

LARGEST_BULK = 2_000


@dataclass(frozen=True)
class BreaksPage:
    """One page of breaks. ``totals``: currency → how many match and the sum of their differences. Ages count in
    business days up to ``as_of_date``, the last business date that was reconciled."""

    rows: tuple[Break, ...]
    total: int
    totals: dict[str, tuple[int, int]]
    page: int
    page_size: int
    as_of_date: date | None

    def age_days(self, one: Break) -> int:
        """How many business days ``one`` has been standing."""
        return business_age(one, self.as_of_date) if self.as_of_date else 0


@dataclass(frozen=True)
class BreakRecord:
    """One break with its sides (payers masked), its age in business days, whose it is (a person who took it, else a
    desk), what was decided so far, what may be decided now, and the reversals that were ordered on it."""

    item: Break
    age_days: int
    history: tuple[Decision, ...]
    moves: tuple[BreakMove, ...]
    related: tuple[Break, ...]
    owner: Role
    owner_name: str | None = None
    reversals: tuple[OrderedReversal, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What a bulk decision would do: how many breaks, their differences per currency, and which would be refused."""

    count: int
    totals: dict[str, int]
    refused: dict[str, DomainError]


@act("reconciliation.view")
def list_breaks(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: BreakFilter | None = None,
    least_age_days: int | None = None,
    sort: str = "opened_date",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> BreaksPage:
    """One page (from 1) of the breaks that match; open and parked ones unless ``wanted`` says otherwise."""
    check_sort(sort, SORTABLE, "Breaks")
    check_page(page, page_size)
    chosen = wanted or BreakFilter()
    with store.reading() as connection:
        as_of = breaks.as_of(connection)
        if least_age_days is not None and as_of is not None:
            chosen = replace(chosen, opened_until=opened_until(least_age_days, as_of, is_workday))
        totals = breaks.totals(connection, chosen)
        rows = breaks.page(
            connection, chosen, sort=sort, descending=descending, offset=(page - 1) * page_size, limit=page_size
        )
    shown = tuple(_masked(one) for one in rows)
    return BreaksPage(shown, sum(count for count, _ in totals.values()), totals, page, page_size, as_of)


@act("reconciliation.view")
def count_breaks(actor: Actor, store: Store, *, now: datetime) -> dict[tuple[BreakKind, BreakState], int]:
    """How many breaks there are of each kind and state."""
    with store.reading() as connection:
        return breaks.counts(connection)


@act("reconciliation.view")
def read_break(actor: Actor, store: Store, *, now: datetime, break_id: str) -> BreakRecord:
    """The break with both sides, its history and the breaks it is suggested or decided with. Raises ``NoSuchBreak``."""
    with store.reading() as connection:
        one = breaks.read(connection, break_id)
        if one is None:
            raise NoSuchBreak
        past = breaks.history(connection, break_id)
        ids = set(one.suggestion.get("break_ids", ()))
        for said in past:
            ids.update(said.detail.get("break_ids", ()))
        related = breaks.read_many(connection, sorted(ids - {break_id}))
        as_of = breaks.as_of(connection) or one.last_seen_date
        ordered = tuple(reversals.of_break(connection, break_id))
        taker = people.by_id(connection, one.owner_id) if one.owner_id else None
    by_runs = (BreakMove.CLEAR, BreakMove.RECUR)
    left_out = by_runs if one.payment_ids else (*by_runs, BreakMove.REVERSE)
    moves = tuple(what for what in MOVES[one.state] if what not in left_out)
    return BreakRecord(
        _masked(one), business_age(one, as_of), tuple(past), moves, tuple(_masked(r) for r in related.values()),
        owner_of(one), taker.display_name if taker else None, ordered,
    )  # fmt: skip


@act("reconciliation.decide")
def match_break(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    break_id: str,
    expected_version: int,
    reason: str,
    key: str,
    counterparts: Mapping[str, int] | None = None,
    accept_difference: bool = False,
) -> Decided:
    """Say that both sides of the break belong together, or that it belongs to one counterpart (break id → version).

    Raises ``SidesDisagree`` unless the sides are equal or the difference is accepted, ``WrongCounterpart``,
    ``BreakChanged``, ``MoveNotAllowed``, ``ReasonMissing``.
    """
    others = dict(counterparts or {})
    if len(others) > 1:
        raise WrongCounterpart(
            "A match has one counterpart; use split for several.", "匹配只能选择一笔对应项，多笔请用拆分。",
            field="counterparts",
        )  # fmt: skip
    asked = Asked(BreakMove.MATCH, break_id, expected_version, reason, key, others, accept_difference)
    return decide(actor, store, now, asked)


@act("reconciliation.decide")
def split_break(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    break_id: str,
    expected_version: int,
    counterparts: Mapping[str, int],
    reason: str,
    key: str,
    accept_difference: bool = False,
) -> Decided:
    """Say that the break's item is made of several counterparts (break id → version): one line for several payments,
    or several lines for one payment. Raises as ``match_break``."""
    if len(counterparts) < 2:
        raise WrongCounterpart(
            "A split has at least two counterparts.", "拆分至少需要两笔对应项。", field="counterparts"
        )
    asked = Asked(BreakMove.SPLIT, break_id, expected_version, reason, key, dict(counterparts), accept_difference)
    return decide(actor, store, now, asked)


@act("reconciliation.decide")
def merge_breaks(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    items: Mapping[str, int],
    reason: str,
    key: str,
    accept_difference: bool = False,
) -> Decided:
    """Put several breaks (id → version that was read) into one decision: whatever their sides, they belong together.
    One of them reopened brings the others along. Raises as ``match_break``."""
    if not 2 <= len(items) <= LARGEST_BULK:
        raise WrongCounterpart("Choose at least two breaks to merge.", "请至少选择两项差异合并。", field="counterparts")
    first, *others = sorted(items)
    rest = {break_id: items[break_id] for break_id in others}
    return decide(actor, store, now, Asked(BreakMove.MERGE, first, items[first], reason, key, rest, accept_difference))


@act("reconciliation.decide")
def reject_break(
    actor: Actor, store: Store, *, now: datetime, break_id: str, expected_version: int, reason: str, key: str
) -> Decided:
    """Say that the item is not recognised (a duplicate, somebody else's money); no pass will match it."""
    return decide(actor, store, now, Asked(BreakMove.REJECT, break_id, expected_version, reason, key))


@act("reconciliation.decide")
def park_break(
    actor: Actor, store: Store, *, now: datetime, break_id: str, expected_version: int, reason: str, key: str
) -> Decided:
    """Put the item in suspense, in the actor's care; later data may still clear it."""
    return decide(actor, store, now, Asked(BreakMove.PARK, break_id, expected_version, reason, key))


@act("reconciliation.decide")
def reopen_break(
    actor: Actor, store: Store, *, now: datetime, break_id: str, expected_version: int, reason: str, key: str
) -> Decided:
    """Take a decision back, with every break that was decided together with this one. The decision stays in the
    history."""
    return decide(actor, store, now, Asked(BreakMove.REOPEN, break_id, expected_version, reason, key))


@act("reconciliation.decide")
def preview_decision(
    actor: Actor, store: Store, *, now: datetime, decision: BreakMove, items: Mapping[str, int]
) -> Preview:
    """What ``decide_breaks`` or ``merge_breaks`` would do with ``items`` (break id → version that was read); changes
    nothing."""
    _check_bulk(decision, items, preview=True)
    totals: dict[str, int] = {}
    refused: dict[str, DomainError] = {}
    with store.reading() as connection:
        known = breaks.read_many(connection, sorted(items))
        for break_id, version in sorted(items.items()):
            one = known.get(break_id)
            try:
                if one is None:
                    raise NoSuchBreak
                check_version(connection, one, version)
                move(one.state, decision)
            except DomainError as why:
                refused[break_id] = why
            else:
                totals[one.currency] = totals.get(one.currency, 0) + one.difference_minor
    return Preview(len(items) - len(refused), totals, refused)


@act("reconciliation.decide")
def decide_breaks(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    decision: BreakMove,
    items: Mapping[str, int],
    reason: str,
    key: str,
) -> tuple[Decided, ...]:
    """Reject, park or reopen many breaks (id → version that was read), all or none."""
    _check_bulk(decision, items)
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        body = content_hash({"decision": decision, "items": dict(items), "reason": why, "actor": actor.person_id})
        claim = transaction.claim("reconciliation", key, body)
        claim.refuse_conflict()
        if not claim.is_new:
            return tuple(answered(answer) for answer in claim.answer)
        done: list[Decided] = []
        moved: set[str] = set()
        for break_id, version in sorted(items.items()):
            if break_id not in moved:  # a reopened match brings its counterparts along
                done.append(carry_out(transaction, Asked(decision, break_id, version, why, f"{key}/{break_id}")))
                moved.update(done[-1].moved)
        transaction.answer("reconciliation", key, [answer_of(one) for one in done])
    return tuple(done)


def _check_bulk(decision: BreakMove, items: Mapping[str, int], *, preview: bool = False) -> None:
    allowed = {BreakMove.REJECT, BreakMove.PARK, BreakMove.REOPEN} | ({BreakMove.MERGE} if preview else set())
    if decision not in allowed:
        raise Invalid(
            "Only reject, park and reopen can be done in bulk.", "仅拒绝、挂账、重新打开可批量办理。", field="decision"
        )
    if not 1 <= len(items) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} breaks.", f"请选择 1 至 {LARGEST_BULK} 项差异。", field="items")


def _masked(one: Break) -> Break:
    """The break as a desk may show it: payers' names and accounts masked (R0.6)."""
    sides = {side: [_masked_item(item) for item in items] for side, items in one.sides.items()}
    return replace(one, sides=sides)


def _masked_item(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    hidden = dict(item)
    for name in ("payer_name", "counterparty_name"):
        if name in hidden:
            hidden[name] = masked_name(hidden[name])
    for name in ("payer_account", "counterparty_account"):
        if name in hidden:
            hidden[name] = masked_account(hidden[name])
    return hidden
