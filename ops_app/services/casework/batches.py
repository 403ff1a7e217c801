"""Placing, extending, recalling (and taking that back) and transferring many cases at once: previewed, asked for by one
person, approved by another (feature 18). The batch keeps what was asked, what was left out and why, and what came of
each case.

One batch is of one currency, so that its balance decides who approves. What changed between the request and its
approval is judged as it stands then: a case that was paid, disputed or suspended meanwhile is dropped and listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from ops_app.domain.canonical import content_hash, key_hash, moment_text
from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.flags import Reason
from ops_app.domain.casework.placing import BATCH_KIND_NAMES, AgencyStopped, BatchKind, batch_number
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.approval_rules import levels_for
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.paging import LARGEST_PAGE, check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.casework.cases import mark_of, read_mark
from ops_app.services.casework.changing import locked
from ops_app.services.casework.judging import IN_PARTS, RISKS, Asked, Judged, Preview, Total, judge, totals_of
from ops_app.services.casework.many import Moved, SomeRefused, counted
from ops_app.services.casework.placement_rules import distinct
from ops_app.services.casework.placing import (
    CannotMove,
    hold_agencies,
    run_extend_cases,
    run_place_cases,
    run_transfer_cases,
)
from ops_app.services.casework.recalling import run_announce_recall, run_withdraw_recall
from ops_app.services.organisation.approval_defaults import rules_of_kind
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.store.casework import batch_lists, batches, cases
from ops_app.store.casework.batch_lists import DECLARED as LISTED_BY
from ops_app.store.casework.batch_lists import BatchFilter, ListedBatch
from ops_app.store.casework.batches import OBJECT, Batch, BatchRow
from ops_app.store.casework.cases import Case
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction
from ops_app.store.zone import begin_of

__all__ = [
    "KINDS", "LISTED_BY", "OBJECT", "Asked", "Batch", "BatchRecord", "BatchRow", "BatchesPage", "ListedBatch",
    "Preview", "Total", "batch_makers", "batch_numbers", "content_of", "drawn", "facts_of", "list_batches",
    "preview_batch", "read_batch", "refuse_unfit", "submit_batch", "together_minor",
]  # fmt: skip

RUNS: Mapping[BatchKind, Callable[[Transaction, Mapping[str, Any]], Moved]] = {
    BatchKind.PLACE: run_place_cases,
    BatchKind.EXTEND: run_extend_cases,
    BatchKind.RECALL: run_announce_recall,
    BatchKind.TRANSFER: run_transfer_cases,
    BatchKind.WITHDRAW_RECALL: run_withdraw_recall,
}
KINDS = {kind: f"cases.{kind.value}" for kind in BatchKind}
"""Batch kind → the kind of its request."""

_MAKES = {BatchKind.WITHDRAW_RECALL: "cases.withdraw_recall"}
"""Batch kind → the permission its maker needs, where it is not that of placing."""

_INBOX = "case_batches"
SPLIT_WITHIN = timedelta(days=1)
"""Batches of one maker within this time count together."""


@dataclass(frozen=True)
class BatchRecord:
    """One batch with its request and its cases."""

    batch: Batch
    rows: tuple[BatchRow, ...]
    request_id: str | None = None


@dataclass(frozen=True)
class BatchesPage:
    """One page of batches; ``total`` is counted up to ``MOST_COUNTED``, one more means "more than that"."""

    rows: tuple[ListedBatch, ...]
    total: int
    next_after: str | None


@act("cases.place")
def preview_batch(actor: Actor, store: Store, *, now: datetime, asked: Asked, again: str = "") -> Preview:
    """What a request would come to: how many cases and which sums, what is left out and why, what stands against the
    agency, and the risks an approver will be shown. ``again`` names the batch that would be asked for anew, which keeps
    its own cases waiting from nobody. Changes nothing; raises ``NoSuchCase``, ``Invalid``."""
    wanted = counted(asked.wanted)
    with store.reading() as connection:
        found = cases.read_many(connection, list(wanted), scope_of(actor), now)
        if len(found) < len(wanted):
            raise NoSuchCase
        return judge(connection, now, asked, found, but=again).preview()


@act("cases.place")
def submit_batch(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    asked: Asked,
    reason: str,
    leave_out: bool = False,
    key: str,
) -> tuple[Batch, ...]:
    """Ask for the approval of a batch, one a currency; nothing happens to the cases until somebody else approves.

    ``leave_out``: cases that cannot are left out and listed; otherwise one of them refuses all. Raises ``SomeRefused``,
    ``AgencyStopped`` (every reason against the agency), ``NoSuchCase``, ``CaseChanged``, ``Invalid``.
    """
    why, wanted = checked_reason(reason), counted(asked.wanted)
    with store.writing(actor, now) as transaction:
        body = content_hash({"asked": vars(asked), "reason": why, "leave_out": leave_out, "by": actor.person_id})
        claim = transaction.claim(_INBOX, key, body)
        claim.refuse_conflict()
        if not claim.is_new:
            known = [batches.read(transaction.connection, one) for one in claim.answer]
            return tuple(one for one in known if one is not None)
        hold_agencies(transaction.connection, wanted, asked.agency_code)
        judged = judge(transaction.connection, now, asked, locked(transaction, wanted))
        refuse_unfit(asked, judged, leave_out)
        made = tuple(_enter(transaction, asked, judged, total, why) for total in totals_of(judged.fit))
        transaction.answer(_INBOX, key, [one.batch_id for one in made])
    return made


@act("cases.company")
def read_batch(actor: Actor, store: Store, *, now: datetime, batch_id: str) -> BatchRecord:
    """One batch with its cases, for the asset company: what an approver looks at. Raises ``NotFound``."""
    with store.reading() as connection:
        batch = batches.read(connection, batch_id) if scope_of(actor).reach is Reach.ALL else None
        if batch is None:
            raise NotFound("There is no such batch.", "没有该批次。")
        request_id = batches.request_of(connection, batch_id)
        return BatchRecord(batch, tuple(batches.rows_of(connection, batch_id)), request_id)


@act("cases.company")
def list_batches(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    kind: BatchKind | None = None,
    agency_code: str | None = None,
    made_by: str | None = None,
    state: RequestState | None = None,
    since: date | None = None,
    until: date | None = None,
    sort: str = "made_at",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> BatchesPage:
    """One page of the batches, narrowed and sorted by a combination that the store declares; ``since`` and ``until``
    (both included) are days of asking. Raises ``Invalid``, by field."""
    begin, end = begin_of(since) if since else None, begin_of(until + timedelta(days=1)) if until else None
    wanted = BatchFilter(kind, agency_code, made_by, state, begin, end)
    check_limit(limit)
    named = sorted(wanted.named())
    if len(named) > 1:
        raise Invalid("Narrow the list by one of these at a time.", "一次只能按其中一项筛选。", field=named[1])
    check_sort(sort, LISTED_BY[named[0] if named else None], "Batches narrowed so")
    if sort != "made_at" and (begin or end):
        raise Invalid("The range is not of the kind of the sort.", "范围与排序项类型不符。", field="since")
    mark = read_mark(after, sort)
    if scope_of(actor).reach is not Reach.ALL:
        return BatchesPage((), 0, None)
    with store.reading() as connection:
        rows = batch_lists.page(connection, wanted, sort=sort, descending=descending, after=mark, limit=limit + 1)
        total = batch_lists.count(connection, wanted, sort=sort)
    last = rows[limit - 1].batch if len(rows) > limit else None
    return BatchesPage(tuple(rows[:limit]), total, mark_of(sort, getattr(last, sort), last.batch_id) if last else None)


@act("cases.company")
def batch_makers(actor: Actor, store: Store, *, now: datetime) -> dict[str, str]:
    """Whoever asked for a batch, id and name, for a filter."""
    if scope_of(actor).reach is not Reach.ALL:
        return {}
    with store.reading() as connection:
        return batch_lists.makers(connection)


@act("cases.company")
def batch_numbers(actor: Actor, store: Store, *, now: datetime, batch_ids: Sequence[str]) -> dict[str, str]:
    """Batch → the number people say of it; of those there are, for who sees every case."""
    if scope_of(actor).reach is not Reach.ALL:
        return {}
    with store.reading() as connection:
        made = batches.numbered(connection, batch_ids[:LARGEST_PAGE])
    return {batch_id: batch_number(batch_id, made_at) for batch_id, made_at in made.items()}


def run_batch(transaction: Transaction, arguments: Mapping[str, Any], *, kind: BatchKind) -> Mapping[str, Any]:
    """Do what a batch of ``kind`` (the one that was approved) asked for, within the transaction of its last approval,
    and note what came of each case.

    Raises ``Refused`` when not one of its cases can be changed any more, and what the act itself raises.
    """
    batch, rows = _as_asked(transaction, arguments, kind)
    done = RUNS[batch.kind](
        transaction,
        {
            "cases": {one.case_id: one.version for one in rows if one.outcome == "asked"},
            "agency_code": batch.agency_code,
            "due_at": moment_text(batch.due_at) if batch.due_at else None,
            "reason": batch.reason,
            "zone": arguments["zone"],
            "asked_at": moment_text(batch.made_at),
            "drop_refused": True,
        },
    )
    dropped = {case_id: Reason("changed", why.en[:300], why.zh[:300]) for case_id, why in done.dropped.items()}
    if not done.case_ids:
        first = next(iter(dropped.values()))
        raise Refused(f"Not one case can be changed now: {first.en}", f"已无案件可办理：{first.zh}")
    batches.note_outcomes(transaction.connection, batch.batch_id, done.case_ids, dropped)
    return {"batch": batch.batch_id, "done": len(done.case_ids), "dropped": len(dropped)}


def refuse_unfit(asked: Asked, judged: Judged, leave_out: bool) -> None:
    """Raise what stands against the agency, and which cases cannot, unless these are left out and others are left."""
    if judged.against:
        raise AgencyStopped(asked.agency_code or "", judged.against)
    if judged.excluded and (not leave_out or not judged.fit):
        refused = {case_id: CannotMove(reasons) for case_id, reasons in judged.excluded.items()}
        raise SomeRefused(dict(refused), len(judged.cases))


def _enter(transaction: Transaction, asked: Asked, judged: Judged, total: Total, why: str) -> Batch:
    batch, rows = drawn(transaction, asked, judged, total, why, f"b-{uuid4().hex}")
    together = together_minor(transaction, batch)
    batches.add(transaction.connection, batch, rows)
    transaction.audit("case_batch.asked", OBJECT, batch.batch_id, after=facts_of(batch), reason=why)
    enter_request(
        transaction,
        kind=KINDS[asked.kind],
        object_type=OBJECT,
        object_id=batch.batch_id,
        reason=why,
        **content_of(batch, asked.zone, together, judged.risks),
    )
    return batch


def drawn(
    transaction: Transaction, asked: Asked, judged: Judged, total: Total, why: str, batch_id: str
) -> tuple[Batch, list[BatchRow]]:
    """The batch of one currency as it will be kept, with its cases."""
    fit = [one for one in judged.fit if one.currency == total.currency]
    left_out = [judged.cases[case_id] for case_id in judged.excluded]
    rows = [_row(one, "asked") for one in fit]
    rows += [_row(one, "excluded", judged.excluded[one.case_id]) for one in left_out if one.currency == total.currency]
    batch = Batch(
        batch_id=batch_id,
        kind=asked.kind,
        currency=total.currency,
        agency_code=asked.agency_code or _only_agency(fit),
        due_at=asked.due_at,
        case_count=len(fit),
        excluded_count=len(rows) - len(fit),
        principal_minor=total.principal_minor,
        balance_minor=total.balance_minor,
        rows_hash=_hash_of(rows),
        reason=why,
        made_by=transaction.actor.person_id,
        made_by_name=transaction.actor.name,
        made_at=transaction.now,
    )
    return batch, [_of(batch, one) for one in rows]


def content_of(batch: Batch, zone: str, together: int, risks: Sequence[str]) -> dict[str, Any]:
    """What a request for a batch says: all that an approver reads, the amount that decides the levels, the risks."""
    return {
        "arguments": facts_of(batch) | {"zone": zone, "together_minor": together},
        "amount_minor": batch.balance_minor,
        "currency": batch.currency,
        "flags": [*risks, *((IN_PARTS,) if together > batch.balance_minor else ())],
    }


def _only_agency(fit: Sequence[Case]) -> str | None:
    """Whose the cases of a recall or an extension are, where they are all of one agency."""
    codes = distinct(one.agency_code for one in fit)
    return codes[0] if len(codes) == 1 else None


def _row(one: Case, outcome: str, reasons: Sequence[Reason] = ()) -> BatchRow:
    return BatchRow("", one.case_id, one.version, one.principal_minor, one.balance_minor, outcome, tuple(reasons))


def _of(batch: Batch, row: BatchRow) -> BatchRow:
    return BatchRow(**vars(row) | {"batch_id": batch.batch_id})


def _hash_of(rows: Sequence[BatchRow]) -> str:
    """The hash of the cases asked for, at the versions and balances that were read."""
    asked = sorted((one.case_id, one.version, one.balance_minor) for one in rows if one.outcome == "asked")
    return key_hash(*(f"{case_id}/{version}/{balance}" for case_id, version, balance in asked))


def facts_of(batch: Batch) -> dict[str, Any]:
    """What an approver reads of a batch, and what the audit log keeps."""
    return {
        "batch": batch.batch_id,
        "agency_code": batch.agency_code,
        "due_at": moment_text(batch.due_at) if batch.due_at else None,
        "case_count": batch.case_count,
        "excluded_count": batch.excluded_count,
        "principal_minor": batch.principal_minor,
        "balance_minor": batch.balance_minor,
        "currency": batch.currency,
        "rows_hash": batch.rows_hash,
    }


def together_minor(transaction: Transaction, batch: Batch) -> int:
    """The balance that decides the levels: this batch with the same maker's others of the same kind, agency and
    currency that wait, or were asked for within a day and approved. What is split climbs as high as the whole."""
    if batch.agency_code:  # held, so that of two batches made at one moment the second sees the first
        agencies.by_code(transaction.connection, batch.agency_code, lock=True)
    now = transaction.now
    return batch.balance_minor + batches.beside_minor(transaction.connection, batch, now, now - SPLIT_WITHIN)


def _levels(transaction: Transaction, draft: Draft) -> tuple[Role, ...]:
    batch = batches.read(transaction.connection, draft.object_id)
    if batch is None:
        raise _not_this_batch()
    rules = rules_of_kind(transaction.connection, draft.kind)
    return levels_for(rules, draft.kind, together_minor(transaction, batch), draft.currency, transaction.now)


def _not_this_batch() -> Invalid:
    return Invalid("The request is not the one of this batch.", "申请与批次内容不符。", field="batch")


def _as_asked(transaction: Transaction, arguments: Mapping[str, Any], kind: BatchKind) -> tuple[Batch, list[BatchRow]]:
    """The batch that a request is about; raises unless what an approver reads of it is what will be done."""
    batch = batches.read(transaction.connection, str(arguments["batch"]))
    rows = batches.rows_of(transaction.connection, batch.batch_id) if batch else []
    said = {name: value for name, value in arguments.items() if name != "together_minor"}
    if batch is None or batch.kind is not kind or {**facts_of(batch), "zone": arguments["zone"]} != said:
        raise _not_this_batch()
    if _hash_of(rows) != batch.rows_hash:
        raise Invalid("The cases of the batch are not those asked for.", "批次案件与申请时不符。", field="batch")
    return batch, rows


def _check_request(transaction: Transaction, draft: Draft) -> None:
    kind = next(one for one, code in KINDS.items() if code == draft.kind)
    batch, _ = _as_asked(transaction, draft.arguments, kind)
    if draft.object_id != batch.batch_id or (draft.amount_minor, draft.currency) != (
        batch.balance_minor,
        batch.currency,
    ):
        raise Invalid("The amount is that of the batch.", "金额应与批次一致。", field="amount_minor")
    together = together_minor(transaction, batch)
    if int(draft.arguments.get("together_minor") or 0) < together or (
        together > batch.balance_minor and IN_PARTS not in draft.flags
    ):
        raise Invalid(
            "Other batches were asked for since. Withdraw this request and ask for the batch anew.",
            "此后又提交了其他批次，请撤回本申请后重新提交。",
            field="batch",
        )


for _kind in BatchKind:
    register(
        KINDS[_kind],
        name=BATCH_KIND_NAMES[_kind],
        make=_MAKES.get(_kind, "cases.place"),
        run=partial(run_batch, kind=_kind),
        check=_check_request,
        fixed=True,
        levels=_levels,
        labels={
            "batch": ("batch", "批次"),
            "agency_code": ("agency", "催收机构"),
            "due_at": ("until", "委外截止"),
            "case_count": ("cases", "案件数"),
            "excluded_count": ("left out", "剔除件数"),
            "principal_minor": ("principal", "本金合计"),
            "balance_minor": ("balance", "余额合计"),
            "together_minor": (
                "balance with the same person's other batches for this agency in a day",
                "连同同一申请人一日内对该机构其他批次的余额",
            ),
            "currency": ("currency", "币种"),
            "rows_hash": ("hash of the list of cases", "案件清单哈希"),
            "zone": ("time zone of the days", "日期所在时区"),
        },
        flags=RISKS,
    )
