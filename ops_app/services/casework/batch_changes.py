"""A batch that came back to its maker is changed and asked for anew: judged as everything stands now, with the levels
that its new sum demands. The version that was returned stays as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ops_app.domain.canonical import content_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.batches import (
    KINDS,
    OBJECT,
    Asked,
    Batch,
    BatchRow,
    content_of,
    drawn,
    facts_of,
    refuse_unfit,
    together_minor,
)
from ops_app.services.casework.changing import locked
from ops_app.services.casework.judging import judge, totals_of
from ops_app.services.casework.many import counted
from ops_app.services.casework.placing import hold_agencies
from ops_app.services.organisation.approval_making import resubmit_within
from ops_app.services.organisation.approval_moves import Moved, answer_of, answered, once
from ops_app.store.casework import batches, cases
from ops_app.store.casework.cases import Case
from ops_app.store.organisation import approvals
from ops_app.store.store import Store

__all__ = ["BatchVersion", "Returned", "earlier_versions", "read_own_batch", "resubmit_batch"]


@dataclass(frozen=True)
class Returned:
    """An own batch to change: what was asked for, and its cases as they are now (those that are gone are not)."""

    batch: Batch
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class BatchVersion:
    """A batch as it was asked for before it was changed: its number among the versions, and its cases."""

    round_no: int
    batch: Batch
    rows: tuple[BatchRow, ...]


@act("cases.place")
def read_own_batch(actor: Actor, store: Store, *, now: datetime, batch_id: str) -> Returned:
    """What the actor asked for, to be changed. Raises ``NotFound`` alike for a missing one and somebody else's."""
    with store.reading() as connection:
        batch = _own(actor, batches.read(connection, batch_id))
        asked = [one.case_id for one in batches.rows_of(connection, batch_id) if one.outcome == "asked"]
        found = cases.read_many(connection, asked, scope_of(actor), now)
    return Returned(batch, tuple(found[case_id] for case_id in asked if case_id in found))


@act("cases.place")
def resubmit_batch(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    batch_id: str,
    expected_version: int,
    asked: Asked,
    reason: str,
    leave_out: bool = False,
    key: str,
) -> Moved:
    """Ask anew for an own batch that was returned, with other cases of its currency, another agency or another end.

    Everything is judged as when it was first asked for, and the levels follow from the new sum; approvals given so far
    lapse. ``expected_version`` is that of the approval which was read. Raises as ``submit_batch``, ``NotFound`` for
    somebody else's, and what the approvals engine raises.
    """
    why, wanted = checked_reason(reason), counted(asked.wanted)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        claim = once(transaction, key, ["batch", batch_id, expected_version, content_hash(vars(asked)), why, leave_out])
        if not claim.is_new:
            return answered(claim.answer)
        before = _own(actor, batches.read(connection, batch_id))
        if asked.kind is not before.kind:
            raise Invalid("A batch keeps its kind.", "批次的办理事项不可更改。", field="cases")
        (request,) = approvals.open_of(connection, KINDS[before.kind], OBJECT, batch_id) or (None,)
        if request is None:
            raise _no_such()
        hold_agencies(connection, wanted, asked.agency_code)
        judged = judge(connection, now, asked, locked(transaction, wanted), but=batch_id)
        refuse_unfit(asked, judged, leave_out)
        totals = totals_of(judged.fit)
        if [total.currency for total in totals] != [before.currency]:
            raise Invalid(
                f"This batch is in {before.currency}. Ask for cases of another currency by a batch of their own.",
                f"本批次币种为 {before.currency}，其他币种的案件请另行提交批次。",
                field="cases",
            )
        after, rows = drawn(transaction, asked, judged, totals[0], why, batch_id)
        after = replace(after, made_at=before.made_at)  # its number stays what people know it by
        batches.set_aside(connection, before, request.round_no)
        together = together_minor(transaction, after)
        batches.ask_anew(connection, after, rows)
        transaction.audit(
            "case_batch.asked_anew", OBJECT, batch_id, before=facts_of(before), after=facts_of(after), reason=why
        )
        done = resubmit_within(
            transaction, request_id=request.request_id, expected_version=expected_version, reason=why, key=key,
            **content_of(after, asked.zone, together, judged.risks),
        )  # fmt: skip
        transaction.answer("approvals", key, answer_of(done))
    return done


@act("cases.company")
def earlier_versions(actor: Actor, store: Store, *, now: datetime, batch_id: str) -> list[BatchVersion]:
    """The versions of a batch that were returned and changed, the first first."""
    if scope_of(actor).reach is not Reach.ALL:
        return []
    with store.reading() as connection:
        return [
            BatchVersion(number, one, tuple(batches.rows_of(connection, one.batch_id)))
            for number, one in batches.versions(connection, batch_id)
        ]


def _own(actor: Actor, batch: Batch | None) -> Batch:
    if batch is None or batch.made_by != actor.person_id:
        raise _no_such()
    return batch


def _no_such() -> NotFound:
    return NotFound("There is no such batch.", "没有该批次。")
