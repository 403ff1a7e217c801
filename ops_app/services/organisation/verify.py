"""Checks of what must always hold in the area organisation. They read; they change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.organisation.approvals import BY_APPROVER, RequestMove, RequestState
from ops_app.domain.organisation.audit import GENESIS, AuditRow, ChainFault, first_fault
from ops_app.services.organisation.approval_kinds import Draft
from ops_app.services.organisation.approval_making import hash_of
from ops_app.store import stored_json
from ops_app.store.organisation import approval_walk, audit
from ops_app.store.organisation.checkpoints import BadCheckpoint, Checkpoint, CheckpointFolder
from ops_app.store.store import Store

AUDIT_INVARIANT = 8
AUDIT_NAME = "every act is in the audit log and its hash chain verifies"
APPROVALS_INVARIANT = 6
APPROVALS_NAME = "maker is not checker"


def verify_audit(store: Store, evidence: Path | None = None, public_key: Path | None = None) -> Finding:
    """Invariant 8: walk the whole chain, and hold it against the signed checkpoints in ``evidence``; only the public
    key is needed, that of ``evidence`` unless ``public_key`` names a copy which was kept elsewhere.

    A broken finding names the first bad row. Without checkpoints a cut tail and a chain written anew cannot be seen;
    the detail then says so.
    """
    try:
        checkpoints = CheckpointFolder(evidence, public_key).read() if evidence is not None else []
    except BadCheckpoint as bad:
        return broken(AUDIT_INVARIANT, AUDIT_NAME, 0, f"row {bad.seq}: {bad}")
    with store.reading() as connection:
        seen: dict[int, str] = {}
        signed = {one.seq for one in checkpoints}
        try:
            last, _, fault = first_fault(_noting(audit.walk(connection), signed, seen))
        except (ValueError, TypeError):  # something that is no row at all stands in the log
            seen.clear()
            last, fault = _row_by_row(connection, signed, seen)
    worst = _first(fault, _against(checkpoints, seen, last if fault is None else fault.seq - 1))
    if worst is not None:
        return broken(AUDIT_INVARIANT, AUDIT_NAME, last, f"row {worst.seq}: {worst.why}")
    if not checkpoints:
        return holds(AUDIT_INVARIANT, AUDIT_NAME, last, "no signed checkpoint yet: a cut tail would not be seen")
    return holds(AUDIT_INVARIANT, AUDIT_NAME, last, f"signed up to row {checkpoints[-1].seq}")


def _row_by_row(connection: Connection, signed: set[int], seen: dict[int, str]) -> tuple[int, ChainFault | None]:
    """As ``first_fault``, each row read by itself, so that the first one which cannot be read is named."""
    seq, row_hash = 0, GENESIS
    while True:
        try:
            rows = list(audit.walk(connection, after=seq, most=1))
        except (ValueError, TypeError):
            return seq, ChainFault(seq + 1, f"row {seq + 1} cannot be read")
        if not rows:
            return seq, None
        seq, row_hash, fault = first_fault(_noting(rows, signed, seen), seq=seq, row_hash=row_hash)
        if fault is not None:
            return seq, fault


def _noting(rows: Iterable[AuditRow], signed: set[int], seen: dict[int, str]) -> Iterator[AuditRow]:
    for row in rows:
        if row.seq in signed:
            seen[row.seq] = row.row_hash
        yield row


def _against(checkpoints: list[Checkpoint], seen: dict[int, str], walked: int) -> ChainFault | None:
    """The first row that the checkpoints know otherwise, among the rows that were walked."""
    good = 0
    for one in checkpoints:
        if one.seq > walked:
            return ChainFault(walked + 1, f"row {walked + 1} is missing: rows up to {one.seq} were signed")
        if seen.get(one.seq) != one.row_hash:
            where = f"row {one.seq}" if good + 1 == one.seq else f"one of rows {good + 1} to {one.seq}"
            return ChainFault(good + 1, f"{where} was written anew after it was signed")
        good = one.seq
    return None


def _first(*faults: ChainFault | None) -> ChainFault | None:
    return min((fault for fault in faults if fault is not None), key=lambda fault: fault.seq, default=None)


def verify_approvals(store: Store) -> Finding:
    """Invariant 6: nobody decided on an own request or twice on one, every decision is on the content that was read,
    and what was carried out has an approval of every level by the role that the level names."""
    checked = 0
    with store.reading() as connection:
        for request, rounds, decisions in approval_walk.walk(connection):
            checked += 1
            why = _wrong_request(request, rounds, decisions)
            if why is not None:
                return broken(APPROVALS_INVARIANT, APPROVALS_NAME, checked, f"request {request.request_id}: {why}")
    return holds(APPROVALS_INVARIANT, APPROVALS_NAME, checked)


def _wrong_request(request: Any, rounds: list[Any], decisions: list[Any]) -> str | None:
    if [one.round_no for one in rounds] != list(range(1, request.round_no + 1)):
        return "a round of it is missing"
    hashes = {one.round_no: one.content_hash for one in rounds}
    for one in rounds:
        if one.maker_id != request.maker_id or one.content_hash != _hash_of_round(request, one):
            return f"round {one.round_no} is not what was asked for"
    if request.content_hash != hashes[request.round_no]:
        return "its content is not that of its present round"
    people: dict[int, set[str]] = {}
    for said in decisions:
        if hashes.get(said.round_no) != said.content_hash:
            return f"decision {said.nth} is on other content"
        if RequestMove(said.decision) in BY_APPROVER:
            deciding = {said.decided_by, said.principal_id}
            earlier = people.setdefault(said.round_no, set())
            if request.maker_id in deciding:
                return f"decision {said.nth} was made by or for its maker"
            if deciding & earlier:
                return f"decision {said.nth} was made by or for somebody who decided before"
            earlier |= deciding
    return _wrong_levels(request, rounds[-1], decisions)


def _wrong_levels(request: Any, present: Any, decisions: list[Any]) -> str | None:
    carried_out = [said for said in decisions if said.decision == RequestMove.APPROVE_LAST.value]
    if request.state != RequestState.APPROVED.value:
        return "it was carried out and is not approved" if carried_out else None
    approving = (RequestMove.APPROVE.value, RequestMove.APPROVE_LAST.value)
    approvals = [said for said in decisions if said.round_no == request.round_no and said.decision in approving]
    levels = stored_json.read(present.levels_json)
    if [(said.level_no, said.role_code) for said in approvals] != list(enumerate(levels, start=1)):
        return "it is approved without an approval of every level"
    return None if len(carried_out) == 1 else "it was not carried out exactly once"


def _hash_of_round(request: Any, one: Any) -> str:
    return hash_of(
        Draft(
            request.kind, request.object_type, request.object_id, stored_json.read(one.arguments_json),
            one.amount_minor, one.currency, one.reason, tuple(stored_json.read(one.flags_json)),
        )
    )  # fmt: skip
