"""How a decision on a break is carried out: versions checked, sides compared, states moved, everything audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import (
    TOLD_KINDS,
    BreakChanged,
    BreakKind,
    BreakMove,
    BreakState,
    NoSuchBreak,
    SidesDisagree,
    WrongCounterpart,
    checked_reason,
    leg_of,
    move,
)
from ops_app.domain.money import Money
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.readiness import verdict_on
from ops_app.store.ledger import breaks
from ops_app.store.ledger.breaks import Break, Decision
from ops_app.store.store import Store, Transaction

LONGEST_KEY = 120


@dataclass(frozen=True)
class Decided:
    """What a decision did: the break's state and version now, and every break that moved with it."""

    break_id: str
    state: BreakState
    version: int
    moved: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A decision as it was asked for: on which version of which break, with which counterparts (break id → version)."""

    what: BreakMove
    break_id: str
    version: int
    reason: str
    key: str
    counterparts: Mapping[str, int] | None = None
    accept_difference: bool = False


@act("reconciliation.decide")
def decide(actor: Actor, store: Store, now: datetime, asked: Asked) -> Decided:
    """One decision in one transaction; a repetition of its key is given the first answer."""
    asked = replace(asked, reason=checked_reason(asked.reason))
    if not 1 <= len(asked.key) <= LONGEST_KEY:
        raise Invalid("The key of the request is missing.", "缺少请求编号。", field="key")
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("reconciliation", asked.key, content_hash(vars(asked) | {"actor": actor.person_id}))
        claim.refuse_conflict()
        if not claim.is_new:
            return answered(claim.answer)
        done = carry_out(transaction, asked)
        transaction.answer("reconciliation", asked.key, answer_of(done))
    return done


_PUT_TOGETHER = frozenset({BreakMove.MATCH, BreakMove.SPLIT, BreakMove.MERGE})
_ON_CURRENT_DATA = _PUT_TOGETHER | {BreakMove.REJECT}
"""Moves that settle a break and so need current data (R0.4); parking and reopening only put it off."""


def carry_out(transaction: Transaction, asked: Asked) -> Decided:
    """Move the break and those decided with it; write the decisions and the audit rows.

    Raises ``NotReady`` naming the check when what the decision would rest on is not current.
    """
    if asked.what in _ON_CURRENT_DATA:
        verdict_on(transaction.connection, "repayment_audit", transaction.now).require()
    chosen = {asked.break_id: asked.version, **(asked.counterparts or {})}
    if len(chosen) != 1 + len(asked.counterparts or {}):
        raise WrongCounterpart("A break is not its own counterpart.", "不能与自身匹配。", field="counterparts")
    involved = [_locked(transaction, break_id, version) for break_id, version in sorted(chosen.items())]
    first = next(one for one in involved if one.break_id == asked.break_id)
    detail: dict[str, Any] = {}
    if asked.what in _PUT_TOGETHER:
        detail = _checked_sides(first, involved, asked.accept_difference)
    elif asked.what is BreakMove.REOPEN:
        involved = _decided_together(transaction, first)
    group = key_hash("decision", asked.key, asked.break_id)
    detail |= {"group": group, "break_ids": [one.break_id for one in involved]}
    moved = [note_decision(transaction, one, asked, detail, primary=one.break_id == asked.break_id) for one in involved]
    now_first = next(one for one in moved if one.break_id == asked.break_id)
    return Decided(now_first.break_id, now_first.state, now_first.version, tuple(one.break_id for one in moved))


def _locked(transaction: Transaction, break_id: str, version: int) -> Break:
    one = breaks.read(transaction.connection, break_id, lock=True)
    if one is None:
        raise NoSuchBreak
    check_version(transaction.connection, one, version)
    return one


def check_version(connection: Connection, one: Break, version: int) -> None:
    """Raise ``BreakChanged`` with the name of who changed the break since ``version`` was read."""
    if one.version == version:
        return
    past = breaks.history(connection, one.break_id)
    by_run = not past or one.state is BreakState.CLEARED
    by_run = by_run or (one.state is BreakState.OPEN and past[-1].decision is not BreakMove.REOPEN)
    raise BreakChanged("Recoup" if by_run else past[-1].decided_by_name, one.state)


def _checked_sides(first: Break, involved: Sequence[Break], accept_difference: bool) -> dict[str, Any]:
    """The items put together; raises unless they may be, and add up or the difference is accepted."""
    if any(one.kind is BreakKind.CONFLICTING_CONTENT for one in involved):
        raise WrongCounterpart(
            "Two contents of one payment id cannot be matched: reject the other content, or park it.",
            "同一流水号的两种内容不能匹配，请拒绝另一内容或挂账。",
            field="counterparts",
        )
    if len({leg_of(one.kind) for one in involved}) > 1:
        raise WrongCounterpart(
            "Bank lines, agency reports and claims are each matched with payments by themselves.",
            "银行流水、机构报送、催收员申报须分别与还款匹配。",
            field="counterparts",
        )
    if len({one.currency for one in involved}) > 1:
        raise WrongCounterpart("The items have different currencies.", "所选项币种不同。", field="counterparts")
    told = any(one.kind in TOLD_KINDS for one in involved)
    if len({one.source_code for one in involved if one.payment_ids or told}) > 1:
        raise WrongCounterpart(
            "The payments come from different sources.", "所选还款来自不同来源。", field="counterparts"
        )
    difference = sum(one.difference_minor for one in involved)
    if difference and not accept_difference:
        raise SidesDisagree(str(Money(difference, first.currency).amount), first.currency)
    return {
        "payment_ids": sorted(key for one in involved for key in one.payment_ids),
        "bank_line_ids": sorted(key for one in involved for key in one.bank_line_ids),
        **({"report_ids": sorted(key for one in involved for key in one.report_ids),
            "claim_ids": sorted(key for one in involved for key in one.claim_ids)} if told else {}),
        "accepted_difference_minor": difference,
    }  # fmt: skip


def _decided_together(transaction: Transaction, first: Break) -> list[Break]:
    past = breaks.history(transaction.connection, first.break_id)
    if first.state is BreakState.PARKED or not past:
        return [first]
    ids = sorted(past[-1].detail.get("break_ids", [first.break_id]))
    together = [breaks.read(transaction.connection, key, lock=True) for key in ids]
    return [one for one in together if one is not None and one.state is first.state]


def note_decision(
    transaction: Transaction, one: Break, asked: Asked, detail: dict[str, Any], *, primary: bool
) -> Break:
    """Move the break as asked and keep the decision and its audit row; the break as it now is. ``primary``: it is the
    break that the key was given for."""
    after = replace(
        one,
        state=move(one.state, asked.what),
        version=one.version + 1,
        owner_id=None if asked.what is BreakMove.REOPEN else transaction.actor.person_id,
    )
    key = asked.key if primary else f"{asked.key}/{one.break_id}"
    said = Decision(
        decision_id=key_hash("decision", key, one.break_id),
        break_id=one.break_id,
        decision=asked.what,
        detail=detail,
        reason=asked.reason,
        decided_by=transaction.actor.person_id,
        decided_by_name=transaction.actor.name,
        decided_at=transaction.now,
        nth=len(breaks.history(transaction.connection, one.break_id)) + 1,
    )
    breaks.rewrite(transaction.connection, [after])
    breaks.add_decision(transaction.connection, said, key)
    transaction.audit(
        f"break.{asked.what.value}",
        "break",
        one.break_id,
        before={"state": one.state, "version": one.version, "owner_id": one.owner_id},
        after={"state": after.state, "version": after.version, "owner_id": after.owner_id, "kind": one.kind,
               "difference_minor": one.difference_minor, "currency": one.currency, **detail},
        reason=asked.reason,
    )  # fmt: skip
    return after


def answer_of(done: Decided) -> dict[str, Any]:
    """What the inbox keeps of a decision."""
    return {"break_id": done.break_id, "state": done.state, "version": done.version, "moved": list(done.moved)}


def answered(answer: Mapping[str, Any]) -> Decided:
    """The decision that the inbox kept."""
    return Decided(answer["break_id"], BreakState(answer["state"]), answer["version"], tuple(answer["moved"]))
