"""The demo's people as actors, and a request of theirs decided by whoever's turn it is. Used in demo mode only."""

from __future__ import annotations

from datetime import datetime

from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation.approval_deciding import approve
from ops_app.store.organisation import approvals, people
from ops_app.store.store import Store

_DECIDES = {Role.MANAGER: "manager", Role.FINANCE: "finance", Role.SUPERVISOR: "supervisor"}


class Cast:
    """The people of the demo, by the names they sign in with."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Actor] = {}

    def actor(self, sign_in_name: str) -> Actor:
        """One of them; raises ``LookupError`` before the demo's people were made."""
        if sign_in_name not in self._known:
            with self._store.reading() as connection:
                found = people.by_name(connection, sign_in_name)
            if found is None:
                raise LookupError(f"the demo has no {sign_in_name}")
            self._known[sign_in_name] = Actor(
                found.person_id, found.display_name, found.role, found.agency_code, found.language
            )
        return self._known[sign_in_name]


def approve_all(
    cast: Cast, store: Store, *, now: datetime, kind: str, object_type: str, object_id: str, levels: int = 9
) -> None:
    """Approve the open request of an object, level by level, each by the demo's person of that role; at most ``levels``
    of them. Raises what ``approve`` raises: the demo's work is held to the rules of the house."""
    for _ in range(levels):
        with store.reading() as connection:
            asked = approvals.open_of(connection, kind, object_type, object_id)
        waiting = next((one for one in asked if one.state is RequestState.WAITING), None)
        if waiting is None or waiting.awaited_role is None:
            return
        approve(
            cast.actor(_DECIDES[waiting.awaited_role]), store, now=now, request_id=waiting.request_id,
            expected_version=waiting.version, content_hash=waiting.content_hash,
            reason="已核对清单与风险提示 List and risks looked at",
            key=f"demo/{waiting.request_id}/{waiting.level_no}",
        )  # fmt: skip
