"""The age of differences: a table by kind and band, and what is past its limit handed up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.ledger.ageing import age_of, band_edges, opened_until, owner_role
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import act
from ops_app.services.organisation.calendars import is_workday
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.ledger import breaks
from ops_app.store.ledger.breaks import Break
from ops_app.store.store import Store
from ops_app.store.zone import day_of

__all__ = ["LIMIT", "AgedRow", "AgedTable", "age_limit", "aged_breaks", "business_age", "escalate_late", "owner_of"]

LIMIT = "ledger.break_age_limit_days"
"""The parameter that says how many business days a difference may stand before a manager is told."""


@dataclass(frozen=True)
class AgedRow:
    """Unsettled differences of one kind, band of age and currency. ``total_minor`` adds up their sizes (without sign)
    in minor units; ``escalated`` of them are past the limit."""

    kind: BreakKind
    band: int
    currency: str
    count: int
    total_minor: int
    escalated: int

    @property
    def owner(self) -> Role:
        """The desk that such differences are on before they are escalated."""
        return owner_role(self.kind, escalated=False)


@dataclass(frozen=True)
class AgedTable:
    """All unsettled differences by kind and band, as of the last reconciled day; ``limit_days`` business days are
    allowed."""

    rows: tuple[AgedRow, ...]
    as_of_date: date | None
    limit_days: int

    def totals(self) -> dict[tuple[int, str], tuple[int, int]]:
        """(band, currency) → how many, and the sum of their sizes."""
        found: dict[tuple[int, str], tuple[int, int]] = {}
        for row in self.rows:
            count, minor = found.get((row.band, row.currency), (0, 0))
            found[(row.band, row.currency)] = (count + row.count, minor + row.total_minor)
        return found


@act("reconciliation.view")
def aged_breaks(actor: Actor, store: Store, *, now: datetime) -> AgedTable:
    """The table of ages."""
    with store.reading() as connection:
        as_of = breaks.as_of(connection)
        if as_of is None:
            return AgedTable((), None, age_limit(connection, day_of(now)))
        rows = breaks.aged(connection, band_edges(as_of, is_workday))
        return AgedTable(tuple(AgedRow(*row) for row in rows), as_of, age_limit(connection, as_of))


def age_limit(connection: Connection, day: date) -> int:
    """Business days that a difference may stand on ``day``."""
    return number_on(connection, LIMIT, day)


def business_age(one: Break, as_of: date) -> int:
    """Business days since the break opened."""
    return age_of(one.opened_date, as_of, is_workday)


def owner_of(one: Break) -> Role:
    """The desk that the break is on; a person who took it stands in ``owner_id``."""
    return owner_role(one.kind, escalated=one.escalated_date is not None)


def escalate_late(connection: Connection, as_of: date) -> list[str]:
    """Hand up what is older than the limit on ``as_of``; the ids of what was not handed up before."""
    late = opened_until(age_limit(connection, as_of) + 1, as_of, is_workday)
    return breaks.escalate(connection, late, as_of)
