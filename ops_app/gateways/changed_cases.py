"""Which of a few cases were changed since somebody looked at them; for pages that stand open.

Cost: while nothing is written anywhere, one step into the key of the audit log; else one look at the cases asked for,
whatever the number of pages on which they stand.
"""

from __future__ import annotations

from collections.abc import Collection

from ops_app.store.casework import cases
from ops_app.store.casework.cases import Mark
from ops_app.store.organisation import audit
from ops_app.store.store import Store

__all__ = ["ChangedCases", "Mark", "marks_of"]


def marks_of(store: Store, case_ids: Collection[str]) -> dict[str, Mark]:
    """Case → its mark as it stands: another one after anything that happened to the case, a payment or a hold of
    contact included."""
    with store.reading() as connection:
        return cases.marks(connection, case_ids)


class ChangedCases:
    """Looks at a store again and again, from one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._head: int | None = None

    def marks(self, case_ids: Collection[str]) -> dict[str, Mark] | None:
        """The marks of cases; ``None`` where nothing at all was written since the last look."""
        with self._store.reading() as connection:
            head, _ = audit.head(connection)
            if head == self._head:
                return None
            found = cases.marks(connection, case_ids)
        self._head = head
        return found

    def look_at_all(self) -> None:
        """Forget the last look: there are cases that were not asked for then."""
        self._head = None
