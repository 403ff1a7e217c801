"""The daily proof sheets as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ops_app.domain.ledger.breaks import Leg
from ops_app.domain.ledger.proof import ProofSheet
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.ledger import breaks, proof_sheets
from ops_app.store.store import Store

__all__ = ["DayProof", "ProofSheet", "list_proof_days", "read_proof"]

MOST_DAYS = 1_000


@dataclass(frozen=True)
class DayProof:
    """The sheets of a day, and those of the day before, from which its movement follows. ``is_closed``: a later day was
    reconciled, so the sheets stay as they are."""

    business_date: date
    sheets: tuple[ProofSheet, ...]
    before: tuple[ProofSheet, ...]
    is_closed: bool

    def moved(self, book: str, currency: str, leg: Leg) -> int | None:
        """What the day changed about the difference of a leg, in minor units; ``None`` on the first day."""
        if not self.before:
            return None
        return _difference(self.sheets, book, currency, leg) - _difference(self.before, book, currency, leg)


@act("reconciliation.view")
def list_proof_days(actor: Actor, store: Store, *, now: datetime) -> list[date]:
    """The business dates that have a sheet, the newest first."""
    with store.reading() as connection:
        return proof_sheets.days(connection, MOST_DAYS)


@act("reconciliation.view")
def read_proof(actor: Actor, store: Store, *, now: datetime, business_date: date) -> DayProof:
    """The sheets of a business date by book and currency; none for a day that was not reconciled."""
    with store.reading() as connection:
        before = proof_sheets.day_before(connection, business_date)
        newest = proof_sheets.days(connection, 1)
        last = max([*newest, breaks.as_of(connection) or date.min], default=date.min)
        return DayProof(
            business_date,
            tuple(proof_sheets.of_day(connection, business_date)),
            tuple(proof_sheets.of_day(connection, before)) if before else (),
            business_date < last,
        )


def _difference(sheets: tuple[ProofSheet, ...], book: str, currency: str, leg: Leg) -> int:
    return sum(
        one.difference_minor
        for sheet in sheets
        if (sheet.book, sheet.currency) == (book, currency)
        for one in sheet.legs()
        if one.leg is leg
    )
