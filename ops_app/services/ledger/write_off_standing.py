"""What stands of write-offs follows the journal, in the transaction of whatever posts (invariant I6).

A payment on a written-off case is a recovery, a back-dated one makes the write-off smaller, its reversal takes the
recovery back: the register says so at once. Nothing that is posted ends a write-off; only its own reversal does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ops_app.domain.ledger.write_offs import WriteOffMove, next_state, standing_move
from ops_app.store.ledger import write_off_standing, write_offs
from ops_app.store.ledger.write_offs import WriteOff
from ops_app.store.store import Transaction

_SUMS = ("booked_minor", "later_minor", "recovered_minor", "remaining_minor")


def follow(transaction: Transaction, case_ids: Collection[str]) -> None:
    """Write what stands of the write-offs of these cases, and move those that are recovered or no longer so."""
    if not case_ids:
        return
    connection = transaction.connection
    standing = write_offs.standing_parts(connection, case_ids)
    if not standing:
        return
    found = write_off_standing.nets(connection, {part.case_id for _, part in standing})
    sums: dict[str, dict[str, int]] = {}
    of: dict[str, WriteOff] = {}
    changed = []
    for one, part in standing:
        stands = write_off_standing.standing_of(part, one.event_id, found)
        of[one.write_off_id] = one
        total = sums.setdefault(one.write_off_id, dict.fromkeys(_SUMS, 0))
        for name in _SUMS:
            total[name] += stands[name]
        if stands != {name: getattr(part, name) for name in stands}:
            changed.append({"of": one.write_off_id, "part": part.component.value, **stands})
    write_off_standing.write_parts(connection, changed)
    rewritten: list[dict[str, Any]] = []
    moves = []
    for write_off_id, total in sorted(sums.items()):
        one = of[write_off_id]
        if total == {name: getattr(one, name) for name in _SUMS}:
            continue
        what = standing_move(one.state, total["recovered_minor"], total["remaining_minor"])
        state, count = one.state, one.move_count
        if what is not None:
            state, count = next_state(one.state, what), one.move_count + 1
            moves.append(move_row(transaction, one, what, total["recovered_minor"], None, count))
        rewritten.append(
            {"of": write_off_id, **total, "state": state.value, "move_count": count, "version": one.version + 1}
        )
    write_off_standing.write_sums(connection, rewritten)
    write_offs.add_moves(connection, moves)


def move_row(
    transaction: Transaction, one: WriteOff, what: WriteOffMove, recovered: int, reason: str | None, nth: int
) -> dict[str, Any]:
    """A move of a write-off as it is kept."""
    return {
        "write_off_id": one.write_off_id,
        "nth": nth,
        "what": what.value,
        "from_state": one.state.value,
        "to_state": next_state(one.state, what).value,
        "recovered_minor": recovered,
        "reason": reason,
        "made_by": transaction.actor.person_id,
        "made_by_name": transaction.actor.name,
        "made_at": transaction.now,
    }
