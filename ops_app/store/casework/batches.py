"""Batches of cases that are asked for together: what was asked, what was left out and why, what came of each case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.flags import Reason
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.approvals import OPEN
from ops_app.store import stored_json
from ops_app.store.ledger.payments import chunks
from ops_app.store.organisation.approval_sums import is_open_or_approved
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.casework import cases
from ops_app.store.tables.placing import case_batch_rows, case_batches

OBJECT = "case_batch"
_MOST_ROUNDS = 100
_ROUND = "-v"
"""Stands in the id under which the version of an earlier round is kept, and in no id of a batch."""


@dataclass(frozen=True)
class Batch:
    """Cases of one currency that are asked for together. Amounts are whole minor units, as when it was asked."""

    batch_id: str
    kind: BatchKind
    currency: str
    agency_code: str | None
    due_at: datetime | None
    case_count: int
    excluded_count: int
    principal_minor: int
    balance_minor: int
    rows_hash: str
    reason: str
    made_by: str
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class BatchRow:
    """One case of a batch: ``outcome`` is asked, excluded (when it was asked), done or dropped (when it was decided);
    ``reasons`` say why it was excluded or dropped."""

    batch_id: str
    case_id: str
    version: int
    principal_minor: int
    balance_minor: int
    outcome: str
    reasons: tuple[Reason, ...] = ()
    loan_id: str = ""


def add(connection: Connection, batch: Batch, rows: Sequence[BatchRow]) -> None:
    """Enter a batch with its cases."""
    connection.execute(insert(case_batches).values(**vars(batch) | {"kind": batch.kind.value}))
    _add_rows(connection, rows)


def _add_rows(connection: Connection, rows: Sequence[BatchRow]) -> None:
    connection.execute(
        insert(case_batch_rows),
        [
            {
                "batch_id": one.batch_id,
                "case_id": one.case_id,
                "version": one.version,
                "principal_minor": one.principal_minor,
                "balance_minor": one.balance_minor,
                "outcome": one.outcome,
                "reasons_json": _written(one.reasons),
            }
            for one in rows
        ],
    )


def set_aside(connection: Connection, batch: Batch, round_no: int) -> str:
    """Keep a batch with its cases as it was asked for in a round, before it is asked for anew; the id it is kept under.
    No request is about that id, so what is set aside is in no list and keeps no case waiting."""
    kept_as = version_id(batch.batch_id, round_no)
    connection.execute(insert(case_batches).values(**vars(batch) | {"kind": batch.kind.value, "batch_id": kept_as}))
    connection.execute(
        update(case_batch_rows).where(case_batch_rows.c.batch_id == batch.batch_id).values(batch_id=kept_as)
    )
    return kept_as


def version_id(batch_id: str, round_no: int) -> str:
    """Under which id the version of an earlier round is kept."""
    return f"{batch_id}{_ROUND}{round_no}"


def asked_for() -> ColumnElement[bool]:
    """The condition of batches that are asked for, so that no version that was set aside is in a list."""
    return case_batches.c.batch_id.not_like(f"%{_ROUND}%")


def versions(connection: Connection, batch_id: str) -> list[tuple[int, Batch]]:
    """What was set aside of a batch: its round and how it was asked for then, the first first."""
    rounds = {version_id(batch_id, number): number for number in range(1, _MOST_ROUNDS)}
    found = connection.execute(select(case_batches).where(case_batches.c.batch_id.in_(list(rounds))))
    kept = [(rounds[row.batch_id], Batch(**{**row._mapping, "kind": BatchKind(row.kind)})) for row in found]
    return sorted(kept, key=lambda pair: pair[0])


def ask_anew(connection: Connection, batch: Batch, rows: Sequence[BatchRow]) -> None:
    """Write a batch as it is asked for now, over what was set aside."""
    values = vars(batch) | {"kind": batch.kind.value}
    values.pop("batch_id")
    connection.execute(update(case_batches).where(case_batches.c.batch_id == batch.batch_id).values(**values))
    _add_rows(connection, rows)


def read(connection: Connection, batch_id: str) -> Batch | None:
    """The batch of an id."""
    row = connection.execute(select(case_batches).where(case_batches.c.batch_id == batch_id)).first()
    return None if row is None else Batch(**{**row._mapping, "kind": BatchKind(row.kind)})


def numbered(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Batch → when it was asked for, from which its number is made."""
    found: dict[str, datetime] = {}
    for some in chunks(list(ids)):
        query = select(case_batches.c.batch_id, case_batches.c.made_at).where(case_batches.c.batch_id.in_(some))
        rows: Any = connection.execute(query)
        found.update((batch_id, made_at) for batch_id, made_at in rows)
    return found


def request_of(connection: Connection, batch_id: str) -> str | None:
    """The request that asks for a batch."""
    r = approval_requests.c
    found: str | None = connection.execute(
        select(r.request_id).where(r.object_type == OBJECT, r.object_id == batch_id).limit(1)
    ).scalar()
    return found


def rows_of(connection: Connection, batch_id: str) -> list[BatchRow]:
    """The cases of a batch, by loan."""
    found = connection.execute(
        select(case_batch_rows, cases.c.loan_id)
        .join(cases, cases.c.case_id == case_batch_rows.c.case_id)
        .where(case_batch_rows.c.batch_id == batch_id)
        .order_by(cases.c.loan_id, case_batch_rows.c.case_id)
    )
    return [
        BatchRow(
            row.batch_id, row.case_id, row.version, row.principal_minor, row.balance_minor, row.outcome,
            tuple(Reason(*it) for it in stored_json.read(row.reasons_json)), row.loan_id,
        )
        for row in found
    ]  # fmt: skip


def note_outcomes(connection: Connection, batch_id: str, done: Iterable[str], dropped: Mapping[str, Reason]) -> None:
    """Enter what came of the cases of a batch."""
    values = [{"of": case_id, "so": "done", "why": "[]"} for case_id in sorted(done)]
    values += [{"of": case_id, "so": "dropped", "why": _written((why,))} for case_id, why in sorted(dropped.items())]
    if values:
        connection.execute(
            update(case_batch_rows)
            .where(case_batch_rows.c.batch_id == batch_id, case_batch_rows.c.case_id == bindparam("of"))
            .values(outcome=bindparam("so"), reasons_json=bindparam("why")),
            values,
        )


def waiting(connection: Connection, ids: Sequence[str], *, but: str = "") -> set[str]:
    """Those of the cases that some other batch than ``but`` asks for and nobody has decided."""
    found: set[str] = set()
    is_open = exists().where(
        approval_requests.c.object_type == OBJECT,
        approval_requests.c.object_id == case_batch_rows.c.batch_id,
        approval_requests.c.state.in_(sorted(state.value for state in OPEN)),
    )
    for some in chunks(list(ids)):
        query = select(case_batch_rows.c.case_id).where(
            case_batch_rows.c.case_id.in_(some),
            case_batch_rows.c.outcome == "asked",
            case_batch_rows.c.batch_id != but,
            is_open,
        )
        found.update(connection.execute(query).scalars())
    return found


def beside_minor(connection: Connection, batch: Batch, now: datetime, since: datetime) -> int:
    """The balances of other batches of the same maker, kind, agency and currency that are open at ``now`` or, asked
    for (the last time) after ``since``, were approved."""
    c, r = case_batches.c, approval_requests.c
    query = (
        select(func.coalesce(func.sum(c.balance_minor), 0))
        .join(approval_requests, (r.object_type == OBJECT) & (r.object_id == c.batch_id))
        .where(
            c.batch_id != batch.batch_id,
            c.made_by == batch.made_by,
            c.kind == batch.kind.value,
            c.currency == batch.currency,
            c.agency_code == batch.agency_code if batch.agency_code else c.agency_code.is_(None),
            is_open_or_approved(now, since),
        )
    )
    return int(connection.execute(query).scalar_one())


def _written(reasons: Sequence[Reason]) -> str:
    return stored_json.write([[one.code, one.en, one.zh] for one in reasons])
