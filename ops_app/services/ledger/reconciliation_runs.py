"""What a run of reconciliation found, taken into the ops store; what people decided, given to the next run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ops_app.domain.canonical import canonical_json, key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import DECIDED, TOLD_KINDS, BreakKind, BreakMove, BreakState, move
from ops_app.domain.ledger.claims import Finding
from ops_app.domain.ledger.proof import SheetRow
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.ageing import escalate_late
from ops_app.store.ledger import breaks, proof_sheets
from ops_app.store.ledger import claims as claim_store
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
    reported_minor: int | None = None
    claimed_minor: int | None = None
    report_ids: tuple[str, ...] = ()
    claim_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Applied:
    """What a run changed: new breaks, breaks that came back, breaks that later data cleared, breaks past their age
    limit, claims and proof sheets that read otherwise; and how many breaks stand."""

    opened: int
    recurred: int
    cleared: int
    standing: int
    escalated: int = 0
    claims: int = 0
    sheets: int = 0


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
    report_ids: tuple[str, ...] = ()
    claim_ids: tuple[str, ...] = ()


@act("reconciliation.run")
def apply_run(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    business_date: date,
    found: Sequence[FoundBreak],
    claims: Sequence[Finding] | None = None,
    sheets: Mapping[tuple[str, str], Sequence[SheetRow]] | None = None,
) -> Applied:
    """Open what is newly broken, bring back what is broken again, clear what is broken no longer, keep what people
    decided. Conflicting contents are opened where payments are recorded and only people settle them. What stands longer
    than its limit is escalated; ``claims`` are what became of every claim, ``sheets`` the day's proof by book and
    currency (``None``: the run looked at none).

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
        late = escalate_late(connection, business_date)
        claimed = 0 if claims is None else claim_store.replace_all(connection, claims)
        proven = [] if sheets is None else proof_sheets.add_changed(connection, business_date, sheets, now)
        further = {
            name: value
            for name, value in (
                ("escalated", len(late)),
                ("escalated_hash", key_hash(*late) if late else None),
                ("claims", claimed),
                ("proof_hash", key_hash(*(one.content_hash for one in proven)) if proven else None),
            )
            if value
        }
        if opened or recurred or updated or cleared or seen or further:
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
                    **further,
                },
            )
    return Applied(len(opened), len(recurred), len(cleared), len(by_id), len(late), claimed, len(proven))


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
            decision=BreakMove.MATCH if said.decision is BreakMove.MERGE else said.decision,
            source_code=one.source_code,
            payment_ids=one.payment_ids,
            bank_line_ids=one.bank_line_ids,
            shared=one.shares_a_line and one.kind not in TOLD_KINDS,
            report_ids=one.report_ids,
            claim_ids=one.claim_ids,
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
                    escalated_date=None,
                )
            )
        elif _reads_otherwise(known, fresh):
            updated.append(fresh)
    return recurred, updated


def _reads_otherwise(known: Break, fresh: Break) -> bool:
    return canonical_json(vars(known)) != canonical_json(vars(fresh))
