"""Accruals reckoned anew where a case is replayed: what came late, was reversed or was cancelled says on which
principal each night ought to have counted.

The accruals that then come to something else are cancelled and made anew on their own value date, in the transaction
that posts what they are reckoned anew for. A lender's own accruals are never touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual_replay import FROM, Reckoned, is_own, reckoned
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.services.ledger.accrual_terms import DailyTerms
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.ledger import accruals
from ops_app.store.ledger.accruals import Through
from ops_app.store.store import Transaction

__all__ = ["accrued_again"]


def accrued_again(
    transaction: Transaction, events: Mapping[str, Sequence[LedgerEvent]], fresh: Collection[str]
) -> list[LedgerEvent]:
    """Cancellations and accruals that make good what is ``fresh`` (ids) among the ``events`` of cases (in the order of
    arrival): not yet recorded. Writes how much each case has left over. Cost: nothing where Recoup accrued nothing."""
    mine = {case_id: [one for one in of_case if one.event_id not in fresh] for case_id, of_case in events.items()}
    mine = {case_id: before for case_id, before in mine.items() if any(is_own(one) for one in before)}
    if not mine:
        return []
    terms = DailyTerms(in_force(transaction.connection))
    made: list[LedgerEvent] = []
    left: list[Through] = []
    for one in accruals.of_cases(transaction.connection, mine):
        because = next(each for each in events[one.case_id] if each.event_id in fresh)
        if is_own(because):  # the accrual of a day changes none before it
            continue
        of_loan = terms.of(one.lender_code, one.product_code)
        before = reckoned(mine[one.case_id], of_loan, one.through_date)
        after = reckoned(events[one.case_id], of_loan, one.through_date)
        again = _differing(before, after, because)
        if not again:
            continue
        made += again
        left.append(Through(one.case_id, one.through_date, after.left.interest_carry, after.left.penalty_carry))
        transaction.audit(
            "ledger.accrued_again", "ledger_accrual", one.case_id, before=_totals(before), after=_totals(after),
            reason=f"{because.kind.value} of {because.value_date.isoformat()}",
        )  # fmt: skip
    accruals.put(transaction.connection, left)
    return made


def _differing(before: Reckoned, after: Reckoned, because: LedgerEvent) -> list[LedgerEvent]:
    made: list[LedgerEvent] = []
    for event_id, parts in after.parts.items():
        old = after.events[event_id]
        if parts == before.parts.get(event_id):
            continue
        place = f"accrual/{old.case_id}/{old.value_date.isoformat()}/{because.event_id}"
        if old.seq:
            made.append(_event(EventKind.CANCELLATION, old, f"{place}/back", old.parts, target_id=event_id))
        if any(parts.values()):
            made.append(_event(EventKind.ACCRUAL, old, place, parts, first=str(old.terms[FROM])))
    return made


def _event(
    kind: EventKind, old: LedgerEvent, cause_id: str, parts: Mapping[Component, int], *, target_id: str | None = None,
    first: str | None = None,
) -> LedgerEvent:  # fmt: skip
    return LedgerEvent(
        kind, old.source_code, old.loan_id, old.currency, old.value_date, Cause.REPLAY, cause_id, old.case_id,
        parts=parts, target_id=target_id, terms={} if first is None else {FROM: first},
    )  # fmt: skip


def _totals(of: Reckoned) -> dict[str, int]:
    """Component → what has accrued in all, in minor units."""
    found = dict.fromkeys((Component.INTEREST, Component.PENALTY), 0)
    for parts in of.parts.values():
        for part, minor in parts.items():
            found[part] += minor
    return {f"{part.value}_minor": minor for part, minor in found.items()}
