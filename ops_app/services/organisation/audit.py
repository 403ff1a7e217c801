"""The audit log for those who look into it: search, sign, verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.findings import Finding
from ops_app.domain.organisation.audit import AuditRow, first_fault
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.organisation import audit
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.organisation.checkpoints import BadCheckpoint, Checkpoint, CheckpointFolder
from ops_app.store.store import Store

__all__ = ["AuditFilter", "AuditPage", "AuditRow", "checkpoint_audit", "check_audit", "list_actions", "search_audit"]


class BrokenAudit(Conflict):
    """The log is not what it was; nothing is signed over it. ``recoup verify`` names the first bad row."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The audit log does not verify: {why}", f"审计日志校验未通过：{why}")


@dataclass(frozen=True)
class AuditPage:
    """Matching rows from the newest back; give ``next_before`` as ``before`` to get the page after this one.

    ``next_before`` is ``None`` on the last page. A page stays the same while acts are added: it goes by the row's
    number, not by counting from the top.
    """

    rows: tuple[AuditRow, ...]
    next_before: int | None


@act("audit.view")
def search_audit(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: AuditFilter | None = None,
    before: int | None = None,
    limit: int = 50,
) -> AuditPage:
    """Who did what, when, to what: the rows that match ``wanted``. Raises ``Invalid`` for a page out of bounds."""
    check_limit(limit)
    chosen = wanted or AuditFilter()
    if chosen.since is not None and chosen.until is not None and chosen.since >= chosen.until:
        raise Invalid("The period ends before it begins.", "结束时间早于开始时间。", field="until")
    with store.reading() as connection:
        rows = audit.newest(connection, chosen, before=before, limit=limit + 1)
    page = tuple(rows[:limit])
    return AuditPage(page, page[-1].seq if len(rows) > limit else None)


@act("audit.view")
def list_actions(actor: Actor, store: Store, *, now: datetime) -> list[str]:
    """The actions that occur in the log."""
    with store.reading() as connection:
        return audit.known_actions(connection)


@act("audit.verify")
def check_audit(actor: Actor, store: Store, *, now: datetime, evidence: Path) -> Finding:
    """Whether the whole log holds, against the signed checkpoints in ``evidence``."""
    return verify_audit(store, evidence)


@act("audit.verify")
def checkpoint_audit(actor: Actor, store: Store, *, now: datetime, evidence: Path) -> Checkpoint | None:
    """Sign the last row of the log into a file in ``evidence``, after walking all rows since the last checkpoint.

    Returns ``None`` when nothing was added since. Raises ``BrokenAudit`` instead of signing over a broken log.
    """
    kept = CheckpointFolder(evidence)
    try:
        checkpoints = kept.read()
    except BadCheckpoint as bad:
        raise BrokenAudit(str(bad)) from bad
    with store.reading() as connection:
        if checkpoints and audit.hash_at(connection, checkpoints[-1].seq) != checkpoints[-1].row_hash:
            raise BrokenAudit(f"row {checkpoints[-1].seq} is not the one that was signed")
        start = (checkpoints[-1].seq, checkpoints[-1].row_hash) if checkpoints else None
        rows = audit.walk(connection, after=start[0] if start else 0)
        seq, row_hash, fault = first_fault(rows, seq=start[0], row_hash=start[1]) if start else first_fault(rows)
    if fault is not None:
        raise BrokenAudit(fault.why)
    if seq == (start[0] if start else 0):
        return None
    return kept.write(seq, row_hash, now)
