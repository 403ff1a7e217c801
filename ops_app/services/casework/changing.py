"""How a case is changed: locked within the actor's scope at the version that was read, moved by the one table, its
period, event and audit row written in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ops_app.domain.casework.cases import (
    HELD,
    WITH_AGENCY,
    CaseChanged,
    CaseMove,
    CaseState,
    NoSuchCase,
    move,
)
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.scope import scope_of
from ops_app.store.casework import case_writing, cases, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import CaseEvent
from ops_app.store.store import Transaction

_END_OF_ASSIGNMENT = {CaseMove.PLACE: "placed", CaseMove.RECALL: "recalled", CaseMove.CLOSE: "closed"}
KEEPS_COLLECTOR = WITH_AGENCY | {CaseState.IN_HOUSE}
"""States (of a held case: those it came from) in which a case has a collector."""


@dataclass(frozen=True)
class Change:
    """One case before and after something was done to it."""

    before: Case
    after: Case
    what: str
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def locked(transaction: Transaction, wanted: Mapping[str, int]) -> dict[str, Case]:
    """The cases (id → version that was read) within the actor's scope, locked, in the order of their ids.

    Raises ``NoSuchCase`` for one that is missing or foreign, ``CaseChanged`` with the name of who changed it since.
    """
    connection = transaction.connection
    found = cases.read_locked(connection, list(wanted), scope_of(transaction.actor), transaction.now)
    for case_id in sorted(wanted):
        if case_id not in found:
            raise NoSuchCase
        one = found[case_id]
        if one.version != wanted[case_id]:
            raise CaseChanged(periods.last_actor(connection, case_id) or "Recoup", one.state)
    return found


def moved(
    one: Case,
    what: CaseMove,
    reason: str,
    detail: Mapping[str, Any] | None = None,
    *,
    back: CaseState | None = None,
    **values: Any,
) -> Change:
    """``one`` after the move, with other ``values`` that the move sets; raises ``MoveNotAllowed``. A case that leaves
    the hands of its collector has none afterwards. ``back``: as ``move``."""
    position = move(one.position, what, back)
    if position.base not in KEEPS_COLLECTOR:
        values.setdefault("collector_id", None)
    after = replace(
        one,
        state=position.state,
        state_before=position.before if position.state in HELD else None,
        custody=position.custody,
        version=one.version + 1,
        event_count=one.event_count + 1,
        **values,
    )
    return Change(one, after, what.value, reason, detail or {})


def altered(one: Case, what: str, reason: str, detail: Mapping[str, Any], **values: Any) -> Change:
    """``one`` with other ``values`` and the same state."""
    # as replace() does it, which asks for each of forty fields; payments come here by the hundred
    after = Case(**vars(one) | {"version": one.version + 1, "event_count": one.event_count + 1} | values)
    return Change(one, after, what, reason, detail)


def apply(transaction: Transaction, changes: Sequence[Change], *, audited: bool = True, balances: bool = False) -> None:
    """Write the cases, what happened to them, the ends of assignments and placements that follow, and an audit row each
    (unless the act says it in one row for all). What cases owe is the feed's to write, unless ``balances`` says that
    the changes are about that."""
    connection, now, by = transaction.connection, transaction.now, transaction.actor.person_id
    left: dict[str, list[str]] = {}
    for one in changes:
        if one.before.collector_id is not None and one.after.collector_id is None:
            reason = _END_OF_ASSIGNMENT.get(CaseMove(one.what), "withdrawn") if _is_move(one.what) else "withdrawn"
            left.setdefault(reason, []).append(one.after.case_id)
    for reason, ids in sorted(left.items()):
        periods.end_assignments(connection, ids, now=now, reason=reason, by=by)
    if balances:
        first = {one.before.case_id: one.before for one in reversed(changes)}
        case_writing.write_balances(connection, [(first[one.case_id], one) for one in last_of_each(changes)])
    else:
        case_writing.write_back(connection, last_of_each(changes))
    periods.add_events(connection, [_event(transaction, one) for one in changes])
    if audited:
        for one in changes:
            transaction.audit(
                f"case.{one.what}", "case", one.after.case_id,
                before=_facts(one.before), after=_facts(one.after) | dict(one.detail), reason=one.reason,
            )  # fmt: skip


def last_of_each(changes: Iterable[Change]) -> list[Case]:
    """Every case that was changed, as it is after its last change."""
    return list({one.after.case_id: one.after for one in changes}.values())


def _is_move(what: str) -> bool:
    return what in CaseMove._value2member_map_


def _event(transaction: Transaction, one: Change) -> CaseEvent:
    return CaseEvent(
        case_id=one.after.case_id,
        nth=one.after.event_count,
        what=one.what,
        from_state=one.before.state.value,
        to_state=one.after.state.value,
        custody=one.after.custody.value,
        reason=one.reason,
        detail=one.detail,
        made_by=transaction.actor.person_id,
        made_by_name=transaction.actor.name,
        made_at=transaction.now,
    )


def _facts(one: Case) -> dict[str, object]:
    """What the audit log keeps of a case."""
    return {
        "state": one.state,
        "custody": one.custody,
        "agency_code": one.agency_code,
        "collector_id": one.collector_id,
        "flags": [flag.value for flag in Flag if flag in one.flags],
        "balance_minor": one.balance_minor,
        "currency": one.currency,
        "version": one.version,
    }
