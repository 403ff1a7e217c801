"""Corrections of refused rows: a person decides, the next run replays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import canonical_json, content_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.services.act import act
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.operations import quarantine_corrections as corrections

SUPERSEDED = "superseded"
"""Outcome of a correction that gave way to a later one of the same row."""


@dataclass(frozen=True)
class Correction:
    """What a person decided about one refused row: the corrected values, or that it is discarded."""

    correction_id: str
    file_id: str
    line_no: int
    feed: str
    source_code: str
    decision: str
    corrected: dict[str, str | None]
    reason: str
    made_by: str
    made_at: datetime
    replayed_at: datetime | None
    outcome: str | None


def _correction(row: Any) -> Correction:
    return Correction(
        row.correction_id,
        row.file_id,
        row.line_no,
        row.feed,
        row.source_code,
        row.decision,
        json.loads(row.corrected_json),
        row.reason,
        row.made_by,
        row.made_at,
        row.replayed_at,
        row.outcome,
    )


@act("quarantine.correct")
def correct_row(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    file_id: str,
    line_no: int,
    feed: str,
    source_code: str,
    decision: str,
    corrected: Mapping[str, str | None],
    reason: str,
    key: str,
) -> str:
    """Keep a correction (``replay``) or a discard (``discard``) of a refused row; the next run applies it.

    Of one row one correction waits: a later one takes the place of an earlier one, whoever made it. Idempotent by
    ``key``. The audit row names the columns and has the hash of the values, which may be personal data: they stay with
    the correction. Raises ``Invalid`` beside the field, ``Conflict`` where somebody corrects the row at this moment.
    """
    if decision not in ("replay", "discard"):
        raise Invalid("Choose replay or discard.", "请选择重放或作废。", field="decision")
    if not reason.strip():
        raise Invalid("Say why, in a few words.", "请简要说明原因。", field="reason")
    if decision == "replay" and not corrected:
        raise Invalid("Nothing is corrected yet.", "尚未更正任何内容。", field="corrected")
    body = content_hash([file_id, line_no, decision, dict(corrected), reason])
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("quarantine_corrections", key, body)
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer["correction_id"])
        correction_id = uuid4().hex
        _supersede(transaction, file_id, feed, line_no, correction_id)
        values = {
            "correction_id": correction_id, "file_id": file_id, "line_no": line_no, "feed": feed,
            "source_code": source_code, "decision": decision, "corrected_json": canonical_json(dict(corrected)),
            "reason": reason.strip(), "made_by": actor.person_id, "made_at": now,
        }  # fmt: skip
        try:
            transaction.connection.execute(insert(corrections).values(**values))
        except IntegrityError as error:  # another act kept one a moment ago
            raise Conflict(
                "Somebody else corrects this row just now. Look at the corrections below, then decide.",
                "该行刚被他人更正，请先查看下方的更正记录，再作处理。",
            ) from error
        transaction.audit(
            f"quarantine.{decision}",
            "refused_row",
            f"{file_id}:{line_no}",
            after={"columns": sorted(corrected), "values_hash": content_hash(dict(corrected))},
            reason=reason.strip(),
        )
        transaction.answer("quarantine_corrections", key, {"correction_id": correction_id})
    return correction_id


def _supersede(transaction: Transaction, file_id: str, feed: str, line_no: int, by: str) -> None:
    """What waits for this row gives way to the correction ``by``."""
    ended: Sequence[str] = (
        transaction.connection.execute(
            update(corrections)
            .where(
                corrections.c.file_id == file_id,
                corrections.c.feed == feed,
                corrections.c.line_no == line_no,
                corrections.c.replayed_at.is_(None),
            )
            .values(replayed_at=transaction.now, outcome=SUPERSEDED)
            .returning(corrections.c.correction_id)
        )
        .scalars()
        .all()
    )
    for correction_id in ended:  # one at most
        after = {"correction": correction_id, "gave_way_to": by}
        transaction.audit("quarantine.superseded", "refused_row", f"{file_id}:{line_no}", after=after)


@act("system.run")
def open_corrections(actor: Actor, store: Store) -> list[Correction]:
    """Corrections that no run has applied yet, oldest first."""
    with store.reading() as connection:
        rows = connection.execute(
            select(corrections)
            .where(corrections.c.replayed_at.is_(None))
            .order_by(corrections.c.made_at, corrections.c.correction_id)
        ).all()
    return [_correction(row) for row in rows]


@act("system.run")
def note_replayed(actor: Actor, store: Store, *, now: datetime, outcomes: Mapping[str, str]) -> None:
    """Note what became of corrections (id → outcome): ``accepted``, ``discarded`` or the reason it is refused again."""
    if not outcomes:
        return
    with store.writing(actor, now) as transaction:
        for correction_id, outcome in sorted(outcomes.items()):
            transaction.connection.execute(
                update(corrections)
                .where(corrections.c.correction_id == correction_id)
                .values(replayed_at=now, outcome=outcome)
            )
        transaction.audit("quarantine.applied", "refused_rows", str(len(outcomes)), after=dict(outcomes))


@act("operations.view")
def waiting_corrections(actor: Actor, store: Store, *, file_id: str, feed: str, line_no: int) -> list[Correction]:
    """The correction of one refused row that waits for the next run (at most one), its values for those who may
    correct."""
    wanted = (corrections.c.file_id == file_id) & (corrections.c.feed == feed) & (corrections.c.line_no == line_no)
    with store.reading() as connection:
        rows = connection.execute(select(corrections).where(wanted, corrections.c.replayed_at.is_(None))).all()
    return _as_seen(actor, [_correction(row) for row in rows])


@act("operations.view")
def list_corrections(actor: Actor, store: Store, *, limit: int = 200) -> list[Correction]:
    """The latest corrections with what became of them; the values only for those who may correct."""
    with store.reading() as connection:
        rows = connection.execute(select(corrections).order_by(corrections.c.made_at.desc()).limit(limit)).all()
    return _as_seen(actor, [_correction(row) for row in rows])


def _as_seen(actor: Actor, found: list[Correction]) -> list[Correction]:
    if may(actor, "quarantine.correct"):
        return found
    return [replace(one, corrected={name: value and "***" for name, value in one.corrected.items()}) for one in found]
