"""What a run of reconciliation found, taken into the ops store; what people decided, given to the next run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ops_app.domain.canonical import canonical_json, key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import DECIDED, BreakKind, BreakMove, BreakState, move
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.ledger import breaks
from ops_app.store.ledger.breaks import Break
from ops_app.store.store import Store

__all__ = ["Applied", "FoundBreak", "StandingDecision", "apply_run", "last_run_date", "standing_decisions"]


@dataclass(frozen=True)
class FoundBreak:
    """A break as the engine found it; ``sides`` is what a person compares (payments, bank lines, recorded)."""

    break_id: str
    kind: BreakKind
    source_code: str
    currency: str
    lender_minor: int | None
    bank_minor: int | None
    recorded_minor: int | None
    difference_minor: int
    loan_id: str | None
    payment_ids: tuple[str, ...]
    bank_line_ids: tuple[str, ...]
    value_date: date
    suggestion: Mapping[str, Any]
    sides: Mapping[str, Any]


@dataclass(frozen=True)
class Applied:
    """What a run changed: new breaks, breaks that came back, breaks that later data cleared; and how many stand."""

    opened: int
    recurred: int
    cleared: int
    standing: int


@dataclass(frozen=True)
class StandingDecision:
    """A decision that the engine must obey: the items of one break and the group they were decided with."""

    break_id: str
    decision_group: str
    kind: BreakKind
    decision: BreakMove
    source_code: str
    payment_ids: tuple[str, ...]
    bank_line_ids: tuple[str, ...]
    shared: bool


@act("reconciliation.run")
def apply_run(
    actor: Actor, store: Store, *, now: datetime, business_date: date, found: Sequence[FoundBreak]
) -> Applied:
    """Open what is newly broken, bring back what is broken again, clear what is broken no longer, keep what people
    decided. Conflicting contents are opened where payments are recorded and only people settle them.

    Running again with the same findings changes nothing and leaves no audit row. One audit row per run that changed
    something. Raises ``Invalid`` for a day before the last one that was applied.
    """
    by_id = {one.break_id: one for one in found}
    if len(by_id) != len(found):
        raise ValueError("a break was found twice in one run")
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        last = breaks.as_of(connection)
        if last is not None and business_date < last:
            raise Invalid(
                f"Reconciliation has already run for {last}; a run cannot go back to {business_date}.",
                f"对账已执行至 {last}，不能回到 {business_date}。",
                field="business_date",
            )
        present = breaks.unsettled(connection) | breaks.read_many(connection, sorted(by_id))
        opened = [_opened(by_id[key], business_date) for key in sorted(by_id.keys() - present.keys())]
        recurred, updated = _refreshed(present, by_id, business_date)
        cleared = [
            replace(one, state=move(one.state, BreakMove.CLEAR), version=one.version + 1)
            for key, one in sorted(present.items())
            if key not in by_id
            and one.kind is not BreakKind.CONFLICTING_CONTENT
            and one.state in (BreakState.OPEN, BreakState.PARKED)
        ]
        breaks.add_many(connection, opened)
        breaks.rewrite(connection, [*recurred, *updated, *cleared])
        seen = breaks.note_seen(connection, business_date)
        if opened or recurred or updated or cleared or seen:
            transaction.audit(
                "reconciliation.applied",
                "reconciliation",
                business_date.isoformat(),
                after={
                    "opened": len(opened),
                    "recurred": len(recurred),
                    "cleared": len(cleared),
                    "standing": len(by_id),
                    "breaks_hash": key_hash(*sorted(by_id)),
                    "opened_hash": key_hash(*(one.break_id for one in opened)),
                    "cleared_hash": key_hash(*(one.break_id for one in cleared)),
                },
            )
    return Applied(len(opened), len(recurred), len(cleared), len(by_id))


@act("reconciliation.view")
def standing_decisions(actor: Actor, store: Store, *, now: datetime) -> list[StandingDecision]:
    """The decisions that stand, for the engine: they win over every pass."""
    with store.reading() as connection:
        pairs = breaks.standing(connection)
    return [
        StandingDecision(
            break_id=one.break_id,
            decision_group=str(said.detail.get("group", one.break_id)),
            kind=one.kind,
            decision=said.decision,
            source_code=one.source_code,
            payment_ids=one.payment_ids,
            bank_line_ids=one.bank_line_ids,
            shared=one.shares_a_line,
        )
        for one, said in pairs
        if one.kind is not BreakKind.CONFLICTING_CONTENT
    ]


@act("reconciliation.view")
def last_run_date(actor: Actor, store: Store, *, now: datetime) -> date | None:
    """The business date of the last run that left a break standing; ``None`` before the first."""
    with store.reading() as connection:
        return breaks.as_of(connection)


def _opened(one: FoundBreak, business_date: date) -> Break:
    return Break(
        **vars(one), opened_date=business_date, last_seen_date=business_date, state=BreakState.OPEN, owner_id=None,
        version=1,
    )  # fmt: skip


def _refreshed(
    present: Mapping[str, Break], by_id: Mapping[str, FoundBreak], business_date: date
) -> tuple[list[Break], list[Break]]:
    """Breaks that came back, and breaks whose amounts or suggestion read otherwise now."""
    recurred, updated = [], []
    for key in sorted(by_id.keys() & present.keys()):
        known = present[key]
        if known.state in DECIDED:
            continue
        fresh = replace(known, **vars(by_id[key]))
        if known.state is BreakState.CLEARED:
            recurred.append(
                replace(
                    fresh,
                    state=move(known.state, BreakMove.RECUR),
                    version=known.version + 1,
                    last_seen_date=business_date,
                    owner_id=None,
                )
            )
        elif _reads_otherwise(known, fresh):
            updated.append(fresh)
    return recurred, updated


def _reads_otherwise(known: Break, fresh: Break) -> bool:
    return canonical_json(vars(known)) != canonical_json(vars(fresh))
