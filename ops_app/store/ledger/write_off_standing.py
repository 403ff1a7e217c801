"""What stands of write-offs: worked out from the lines of the journal and written beside the register."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, func, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.accounts import WRITTEN_OFF_CLAIMS, Component
from ops_app.domain.ledger.events import EventKind
from ops_app.store.ledger.payments import chunks
from ops_app.store.ledger.write_offs import Part
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events
from ops_app.store.tables.write_offs import write_off_parts, write_offs

_RECOVERIES = (EventKind.RECEIPT.value, EventKind.REVERSAL.value, EventKind.REFUND.value)
_CHARGES = (EventKind.ACCRUAL.value,)
_BEFORE = (EventKind.OPENING.value, EventKind.WRITE_OFF.value)


@dataclass(frozen=True)
class Nets:
    """What the lines of a case come to on the register of written-off claims, for one component: ``by_write_off`` event
    id → what it booked; the rest by what kind of event it was. Whole minor units."""

    by_write_off: Mapping[str, int]
    opened: int
    charged: int
    recovered: int
    ended: int


_NOTHING = Nets({}, 0, 0, 0, 0)


def nets(connection: Connection, case_ids: Collection[str]) -> dict[tuple[str, Component], Nets]:
    """Case and component → what its lines come to. Reversed entries and their mirrors cancel out."""
    lines, entries, events = journal_lines.c, journal_entries.c, ledger_events.c
    signed = case((lines.debit_account == WRITTEN_OFF_CLAIMS, lines.amount_minor), else_=-lines.amount_minor)
    own = case((events.kind == EventKind.WRITE_OFF.value, events.event_id), else_="")
    found: dict[tuple[str, Component], dict[tuple[str, str], int]] = {}
    for some in chunks(sorted(case_ids)):
        query = (
            select(lines.case_id, lines.component, events.kind, own.label("own"), func.sum(signed).label("net"))
            .join(journal_entries, entries.entry_id == lines.entry_id)
            .join(ledger_events, events.event_id == entries.event_id)
            .where(
                lines.case_id.in_(some),
                lines.component.is_not(None),
                or_(lines.debit_account == WRITTEN_OFF_CLAIMS, lines.credit_account == WRITTEN_OFF_CLAIMS),
            )
            .group_by(lines.case_id, lines.component, events.kind, own)
        )
        for row in connection.execute(query):
            place = found.setdefault((row.case_id, Component(row.component)), {})
            place[row.kind, row.own] = int(row.net)
    return {place: _nets(sums) for place, sums in found.items()}


def _nets(sums: Mapping[tuple[str, str], int]) -> Nets:
    def of(kinds: Sequence[str]) -> int:
        return sum(net for (kind, _), net in sums.items() if kind in kinds)

    return Nets(
        by_write_off={own: net for (_, own), net in sums.items() if own},
        opened=of((EventKind.OPENING.value,)),
        charged=of(_CHARGES),
        recovered=-of(_RECOVERIES),
        ended=-sum(net for (kind, _), net in sums.items() if kind not in (*_RECOVERIES, *_CHARGES, *_BEFORE)),
    )


def standing_of(part: Part, event_id: str | None, found: Mapping[tuple[str, Component], Nets]) -> dict[str, int]:
    """What stands of a component of the write-off that ``event_id`` booked, by column."""
    net = found.get((part.case_id, part.component), _NOTHING)
    booked = net.by_write_off.get(event_id or "", 0)
    earlier = net.opened + sum(amount for own, amount in net.by_write_off.items() if own != event_id)
    return {
        "booked_minor": booked,
        "earlier_minor": earlier,
        "later_minor": net.charged,
        "recovered_minor": net.recovered,
        "ended_minor": net.ended,
        "remaining_minor": earlier + booked + net.charged - net.recovered - net.ended,
    }


def write_parts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what stands of components (``of``, ``part``, and the columns of ``standing_of``)."""
    if rows:
        c = write_off_parts.c
        connection.execute(
            update(write_off_parts).where(c.write_off_id == bindparam("of"), c.component == bindparam("part")),
            list(rows),
        )


def write_sums(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what stands of write-offs in all (``of`` and the columns)."""
    if rows:
        connection.execute(update(write_offs).where(write_offs.c.write_off_id == bindparam("of")), list(rows))
