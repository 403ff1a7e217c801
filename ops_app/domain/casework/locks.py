"""A case that one person has open is theirs to change for a while; others read it (feature 55)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ops_app.domain.casework.cases import MOVE_PERMISSIONS, CaseMove
from ops_app.domain.errors import Conflict
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may

CHANGES = ("cases.move", "cases.hold", "cases.place", "cases.clear_flag", "cases.touch", "cases.tag")
"""Permissions to change a case: who has none of them locks nobody out by reading."""

PROTECTING = "cases.hold"
"""Moves that need this permission stop contact: like the setting of a flag they wait for nobody."""


@dataclass(frozen=True)
class CaseLock:
    """Who has a case open, of which agency (``None``: the asset company), and until when that binds others."""

    held_by: str
    held_by_name: str
    agency_code: str | None
    until_at: datetime

    def binds(self, actor: Actor, now: datetime) -> bool:
        """Whether ``actor`` waits for it: another person of the same house, or of an agency where the asset company
        has the case open. The asset company never waits for an agency, and no agency for another."""
        return now < self.until_at and actor.person_id != self.held_by and self.agency_code in (None, actor.agency_code)


class CaseLocked(Conflict):
    """Somebody else has the case open; says who. Flags can be set and contact can be stopped all the same."""

    def __init__(self, lock: CaseLock, now: datetime) -> None:
        minutes = -(-int((lock.until_at - now).total_seconds()) // 60)
        super().__init__(
            f"{lock.held_by_name} has this case open and may change it for {minutes} more minutes at most. "
            "You can read it, set a flag and stop contact now; for anything else wait, or speak with them.",
            f"{lock.held_by_name} 正在处理该案件，最长还有 {minutes} 分钟。"
            "您可查看、设置标识或停催，其他更改请稍候或与其联系。",
        )
        self.lock = lock


def may_change(actor: Actor) -> bool:
    """Whether opening a case locks it for this person."""
    return any(may(actor, permission) for permission in CHANGES)


def waits_for_lock(what: CaseMove) -> bool:
    """Whether a move waits for whoever has the case open."""
    return MOVE_PERMISSIONS[what] != PROTECTING


def first_binding(locks: Mapping[str, CaseLock], actor: Actor, now: datetime) -> CaseLock | None:
    """The first of ``locks`` (by case) that binds ``actor``, if any does."""
    return next((one for _, one in sorted(locks.items()) if one.binds(actor, now)), None)
