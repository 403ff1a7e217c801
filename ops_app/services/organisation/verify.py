"""Checks of what must always hold in the area organisation. They read; they change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.organisation.audit import AuditRow, ChainFault, first_fault
from ops_app.store.organisation import audit
from ops_app.store.organisation.checkpoints import BadCheckpoint, Checkpoint, CheckpointFolder
from ops_app.store.store import Store

AUDIT_INVARIANT = 8
AUDIT_NAME = "every act is in the audit log and its hash chain verifies"


def verify_audit(store: Store, evidence: Path | None = None) -> Finding:
    """Invariant 8: walk the whole chain, and hold it against the signed checkpoints in ``evidence``.

    A broken finding names the first bad row. Without checkpoints a cut tail and a chain written anew cannot be seen;
    the detail then says so.
    """
    try:
        checkpoints = CheckpointFolder(evidence).read() if evidence is not None else []
    except BadCheckpoint as bad:
        return broken(AUDIT_INVARIANT, AUDIT_NAME, 0, f"row {bad.seq}: {bad}")
    with store.reading() as connection:
        seen: dict[int, str] = {}
        signed = {one.seq for one in checkpoints}
        last, _, fault = first_fault(_noting(audit.walk(connection), signed, seen))
    worst = _first(fault, _against(checkpoints, seen, last if fault is None else fault.seq - 1))
    if worst is not None:
        return broken(AUDIT_INVARIANT, AUDIT_NAME, last, f"row {worst.seq}: {worst.why}")
    if not checkpoints:
        return holds(AUDIT_INVARIANT, AUDIT_NAME, last, "no signed checkpoint yet: a cut tail would not be seen")
    return holds(AUDIT_INVARIANT, AUDIT_NAME, last, f"signed up to row {checkpoints[-1].seq}")


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
