"""What is placed with an agency now, to be taken along as a file: all of it, or what one batch placed.

An agency reads its own alone; whoever is of the asset company, those of every agency. A file is made of it by the
governed export (reason, release above some rows, mark, expiry); it holds masks where lists hold masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.casework.placing import batch_number
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.casework import placement_files
from ops_app.store.casework.placement_files import PlacedCase, PlacedTotal
from ops_app.store.organisation import agencies
from ops_app.store.store import Store

__all__ = ["NoSuchPlacements", "PlacedBatch", "PlacedCase", "PlacedTotal", "agency_custody",
           "placed_batches", "placed_cases", "placed_totals"]  # fmt: skip


class NoSuchPlacements(NotFound):
    """No agency of this code for this person."""

    def __init__(self) -> None:
        super().__init__("There is no such agency.", "没有该机构。")


@dataclass(frozen=True)
class PlacedBatch:
    """A batch of which cases are placed now: its id and the number people say."""

    batch_id: str
    number: str
    made_at: datetime


@act("cases.file")
def placed_batches(actor: Actor, store: Store, *, now: datetime, agency_code: str) -> list[PlacedBatch]:
    """The batches of which cases are placed with the agency, newest first. Raises ``NoSuchPlacements``."""
    scope = scope_of(actor)
    with store.reading() as connection:
        _check(connection, actor, agency_code)
        found = placement_files.batch_ids(connection, scope, now, agency_code=agency_code)
    return [PlacedBatch(batch_id, batch_number(batch_id, made_at), made_at) for batch_id, made_at in found]


@act("cases.file")
def placed_totals(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, batch_id: str | None = None
) -> list[PlacedTotal]:
    """How many cases are placed with the agency (of one batch) and the sum placed, a currency each; empty where there
    are none within reach. Raises ``NoSuchPlacements``."""
    scope = scope_of(actor)
    with store.reading() as connection:
        _check(connection, actor, agency_code)
        return placement_files.totals(connection, scope, now, agency_code=agency_code, batch_id=batch_id)


@act("cases.file")
def placed_cases(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, batch_id: str | None = None, limit: int
) -> list[PlacedCase]:
    """At most ``limit`` cases placed with the agency (of one batch), by loan. Raises ``NoSuchPlacements``."""
    scope = scope_of(actor)
    with store.reading() as connection:
        _check(connection, actor, agency_code)
        return placement_files.rows(connection, scope, now, agency_code=agency_code, batch_id=batch_id, limit=limit)


@act("system.run")
def agency_custody(
    actor: Actor, store: Store, *, now: datetime, agency_code: str
) -> list[tuple[str, datetime, datetime]]:
    """Every loan that was ever placed with the agency, with from when and until when it was or is: what a row that the
    agency sends is held against."""
    with store.reading() as connection:
        return placement_files.custody(connection, agency_code)


def _check(connection: Connection, actor: Actor, agency_code: str) -> None:
    """Missing and foreign are answered alike."""
    if actor.agency_code == agency_code:
        return
    if actor.agency_code is not None or agencies.by_code(connection, agency_code) is None:
        raise NoSuchPlacements
