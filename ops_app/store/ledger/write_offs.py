"""Write-offs in the store: one by its id, those of a case, and every move of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.write_off_criteria import ProofKind, WriteOffPath
from ops_app.domain.ledger.write_offs import STANDING, WriteOffMove, WriteOffState
from ops_app.store import stored_json
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.write_offs import write_off_moves, write_off_parts, write_offs

_W, _P = write_offs.c, write_off_parts.c


@dataclass(frozen=True)
class Proof:
    """A document that evidences a write-off: a file of the case, by its hash."""

    kind: ProofKind
    attachment_id: str
    file_name: str
    sha256: str


@dataclass(frozen=True)
class WriteOff:
    """One write-off. Amounts are whole minor units of ``currency``: ``claim_minor`` is the claim written off,
    ``approved_minor`` what of it was on the books and is posted, ``booked_minor`` what stands posted, ``later_minor``
    what was charged since, ``recovered_minor`` what came in since, ``remaining_minor`` what is still owed."""

    write_off_id: str
    case_id: str
    nth: int
    source_code: str
    loan_id: str
    lender_code: str | None
    product_code: str
    currency: str
    path: WriteOffPath
    method: str
    is_whole: bool
    effective_date: date
    days_past_due: int
    approval_document: str
    proofs: tuple[Proof, ...]
    reason: str
    claim_minor: int
    approved_minor: int
    requested_by: str
    requested_by_name: str
    requested_at: datetime
    state: WriteOffState
    booked_minor: int
    later_minor: int
    recovered_minor: int
    remaining_minor: int
    event_id: str | None
    booked_at: datetime | None
    gl_voucher: str | None
    case_state_before: str | None
    collector_before: str | None
    written_off_date_before: date | None
    reversed_at: datetime | None
    move_count: int
    version: int


@dataclass(frozen=True)
class Part:
    """One component of a write-off; amounts as ``WriteOff``. ``earlier_minor`` was charged off by others before,
    ``ended_minor`` is what waivers, corrections and the closing of the case took of it."""

    write_off_id: str
    component: Component
    case_id: str
    is_live: bool
    claim_minor: int
    approved_minor: int
    booked_minor: int = 0
    earlier_minor: int = 0
    later_minor: int = 0
    recovered_minor: int = 0
    ended_minor: int = 0
    remaining_minor: int = 0


@dataclass(frozen=True)
class Move:
    """One move of a write-off, with what was recovered then."""

    nth: int
    what: WriteOffMove | None
    from_state: WriteOffState | None
    to_state: WriteOffState
    recovered_minor: int
    reason: str | None
    made_by_name: str
    made_at: datetime


def read(connection: Connection, write_off_id: str, *, lock: bool = False) -> WriteOff | None:
    """The write-off of an id, whoever asks; the service holds the scope."""
    query = select(write_offs).where(_W.write_off_id == write_off_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return stored(row) if row else None


def of_case(connection: Connection, case_id: str) -> list[WriteOff]:
    """Every write-off of a case, in order."""
    query = select(write_offs).where(_W.case_id == case_id).order_by(_W.nth)
    return [stored(row) for row in connection.execute(query)]


def next_nth(connection: Connection, case_id: str) -> int:
    """The number of the next write-off of a case."""
    return int(connection.execute(select(func.max(_W.nth)).where(_W.case_id == case_id)).scalar() or 0) + 1


def live_components(connection: Connection, case_id: str) -> frozenset[Component]:
    """Components of a case that a write-off has which is asked for or stands."""
    query = select(_P.component).where(_P.case_id == case_id, _P.is_live)
    found: Any = connection.execute(query).scalars()
    return frozenset(Component(one) for one in found)


def parts_of(connection: Connection, write_off_id: str) -> list[Part]:
    """The components of a write-off, in the order of the components."""
    found = {
        row.component: _part(row)
        for row in connection.execute(select(write_off_parts).where(_P.write_off_id == write_off_id))
    }
    return [found[one.value] for one in Component if one.value in found]


def standing_parts(connection: Connection, case_ids: Collection[str]) -> list[tuple[WriteOff, Part]]:
    """The live components of the standing write-offs of these cases, each with its write-off."""
    found: list[tuple[WriteOff, Part]] = []
    for some in chunks(sorted(case_ids)):
        query = (
            select(write_offs, *(each.label(f"part_{each.name}") for each in _P))
            .join(write_off_parts, _P.write_off_id == _W.write_off_id)
            .where(_P.case_id.in_(some), _P.is_live, _W.state.in_(sorted(one.value for one in STANDING)))
            .order_by(_W.write_off_id, _P.component)
        )
        for row in connection.execute(query):
            values = dict(row._mapping)
            part = {name.removeprefix("part_"): values.pop(name) for name in list(values) if name.startswith("part_")}
            found.append((_made(values), Part(**part | {"component": Component(part["component"])})))
    return found


def moves_of(connection: Connection, write_off_id: str) -> list[Move]:
    """What happened to a write-off, in order."""
    c = write_off_moves.c
    query = select(
        c.nth, c.what, c.from_state, c.to_state, c.recovered_minor, c.reason, c.made_by_name, c.made_at
    ).where(c.write_off_id == write_off_id).order_by(c.nth)  # fmt: skip
    return [
        Move(
            **dict(row._mapping)
            | {
                "what": WriteOffMove(row.what) if row.what != ASKED else None,
                "from_state": WriteOffState(row.from_state) if row.from_state else None,
                "to_state": WriteOffState(row.to_state),
            }
        )
        for row in connection.execute(query)
    ]


ASKED = "ask"
"""What the first move is called."""


def add(connection: Connection, one: WriteOff, parts: Sequence[Part]) -> None:
    """Enter a write-off that is asked for. Raises ``IntegrityError`` where a component has one that lives."""
    values = {name: value for name, value in vars(one).items() if name != "proofs"}
    values |= {
        "path": one.path.value,
        "state": one.state.value,
        "evidence_json": stored_json.write([vars(it) | {"kind": it.kind.value} for it in one.proofs]),
    }
    connection.execute(insert(write_offs).values(**values))
    connection.execute(insert(write_off_parts), [vars(it) | {"component": it.component.value} for it in parts])


def add_moves(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append moves."""
    if rows:
        connection.execute(insert(write_off_moves), list(rows))


def rewrite(connection: Connection, one: WriteOff, **values: Any) -> bool:
    """Write what changed of a write-off since its ``version``; whether it was still that."""
    done = connection.execute(
        update(write_offs)
        .where(_W.write_off_id == one.write_off_id, _W.version == one.version)
        .values(version=one.version + 1, **values)
    )
    return done.rowcount == 1


def end_parts(connection: Connection, write_off_id: str) -> None:
    """The components may have another write-off from now on; nothing of this one stands."""
    connection.execute(
        update(write_off_parts)
        .where(_P.write_off_id == write_off_id)
        .values(
            is_live=False, booked_minor=0, earlier_minor=0, later_minor=0, recovered_minor=0, ended_minor=0,
            remaining_minor=0,
        )
    )  # fmt: skip


def stored(row: Any) -> WriteOff:
    """A row of ``write_offs`` as the write-off it is."""
    return _made(dict(row._mapping))


def _made(values: dict[str, Any]) -> WriteOff:
    proofs = stored_json.read(values.pop("evidence_json"))
    return WriteOff(
        **values
        | {
            "path": WriteOffPath(values["path"]),
            "state": WriteOffState(values["state"]),
            "proofs": tuple(Proof(**one | {"kind": ProofKind(one["kind"])}) for one in proofs),
        }
    )


def _part(row: Any) -> Part:
    return Part(**dict(row._mapping) | {"component": Component(row.component)})
