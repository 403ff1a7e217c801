"""Invariant I6: what the register says of each write-off is what the journal says, and ties to the accounts."""

from __future__ import annotations

from sqlalchemy import select

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.ledger.write_offs import STANDING
from ops_app.store.ledger import write_off_lists, write_off_standing, write_offs
from ops_app.store.ledger.payments import chunks
from ops_app.store.store import Store
from ops_app.store.tables.write_offs import write_offs as table

INVARIANT, NAME = 3, "the register of write-offs is what the journal says, and ties to the accounts"
_AT_ONCE = 500


def verify_write_offs(store: Store) -> Finding:
    """Work out every standing write-off anew from the lines of its case and hold the register against the accounts. A
    broken finding names the first that differs."""
    checked = 0
    with store.reading() as connection:
        wanted = select(table.c.case_id).where(table.c.state.in_(sorted(one.value for one in STANDING))).distinct()
        ids: list[str] = sorted(connection.execute(wanted).scalars())
        for some in chunks(ids, _AT_ONCE):
            found = write_off_standing.nets(connection, some)
            for one, part in write_offs.standing_parts(connection, some):
                checked += 1
                stands = write_off_standing.standing_of(part, one.event_id, found)
                if stands != {name: getattr(part, name) for name in stands}:
                    return broken(INVARIANT, NAME, checked, f"{one.write_off_id} {part.component.value}")
        for tie in write_off_lists.ties(connection):
            if tie.difference_minor:
                return broken(INVARIANT, NAME, checked, f"{tie.account} {tie.currency}: {tie.difference_minor}")
    return holds(INVARIANT, NAME, checked)
