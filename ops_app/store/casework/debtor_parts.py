"""What was pushed of a customer: each part sealed, with the day that it is known of; a later day of a file ends it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.store.casework import debtors
from ops_app.store.casework.debtors import DebtorData, upsert
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import debtor_parts

CUSTOMER = "customer"
CONTACTS = "contacts"
Part = tuple[date, dict[str, Any] | None]
"""The day that a part is known of, and what was pushed (nothing where a file counts)."""

_C = debtor_parts.c


def known(connection: Connection, key: PersonalKey, debtor_keys: Collection[str]) -> dict[tuple[str, str], Part]:
    """(debtor, part) → what is known of it. Raises ``NoKey``."""
    found: dict[tuple[str, str], Part] = {}
    for some in chunks(sorted(debtor_keys)):
        for row in connection.execute(select(debtor_parts).where(_C.debtor_key.in_(list(some)))):
            about = f"{row.debtor_key}/{row.part}"
            said = None if row.sealed is None else json.loads(key.open_text(about, row.sealed))
            found[row.debtor_key, row.part] = (row.as_of_date, said)
    return found


def pushed_among(connection: Connection, debtor_keys: Collection[str]) -> bool:
    """Whether anything was pushed of these."""
    return any(
        connection.execute(
            select(_C.debtor_key).where(_C.debtor_key.in_(list(some)), _C.sealed.is_not(None)).limit(1)
        ).first()
        for some in chunks(sorted(debtor_keys))
    )


def sealed_with(connection: Connection) -> str | None:
    """The id of the key that sealed what is known of debtors or was pushed of them; ``None`` where nothing is."""
    pushed = select(_C.key_id).where(_C.key_id.is_not(None)).limit(1)
    found: str | None = debtors.sealed_with(connection) or connection.execute(pushed).scalar()
    return found


def put(
    connection: Connection, key: PersonalKey, parts: Sequence[tuple[str, str, date, dict[str, Any] | None]]
) -> None:
    """Keep (debtor, part, day, what was pushed)."""
    rows = [
        {
            "debtor_key": debtor, "part": part, "as_of_date": day,
            "key_id": None if said is None else key.key_id,
            "sealed": None if said is None else key.seal_text(f"{debtor}/{part}", canonical_json(said)),
        }
        for debtor, part, day, said in parts
    ]  # fmt: skip
    for some in chunks(rows):
        upsert(connection, debtor_parts, ("debtor_key", "part"), list(some))


def settled(connection: Connection, key: PersonalKey, rows: Sequence[DebtorData]) -> list[DebtorData]:
    """``rows`` of files with what was pushed as of a later day in its place; the days of the files are noted."""
    parts = known(connection, key, {one.debtor_key for one in rows})
    noted, found = [], []
    for one in rows:
        fresh = one
        for part, day in ((CUSTOMER, one.customer_date), (CONTACTS, one.contacts_date)):
            kept = parts.get((one.debtor_key, part))
            if kept is not None and kept[1] is not None and (day is None or day < kept[0]):
                fresh = overlaid(fresh, part, kept[1])
            elif day is not None and (kept is None or kept[0] < day or kept[1] is not None):
                noted.append((one.debtor_key, part, day, None))
        found.append(fresh)
    put(connection, key, noted)
    return found


def overlaid(one: DebtorData, part: str, said: dict[str, Any]) -> DebtorData:
    """``one`` with a part as it was pushed."""
    if part == CONTACTS:
        return replace(one, personal=replace(one.personal, phones=tuple(said["phones"])))
    names = ("name", "national_id", "address", "employer")
    personal = replace(one.personal, **{name: said[name] for name in names})
    return replace(one, personal=personal, language=said["language"], timezone=said["timezone"])
