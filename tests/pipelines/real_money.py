"""The charged-off loans of LendingClub as a book that an agency collects: through the pipeline and the services.

``python -m tests.pipelines.real_money HOME`` makes such a home, which ``RECOUP_HOME=HOME recoup serve`` then shows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.casework.cases import Custody
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.placing import queue_cases
from ops_app.services.ledger import commission_contracts, settlements
from ops_app.services.ledger.claimed_commissions import ClaimsTaken
from ops_app.store.ledger.payments import chunks
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases
from pipelines.claimed_commissions import take_in_claimed
from pipelines.ingest import ingest_file
from pipelines.intake import take_in
from pipelines.reconcile import reconcile
from pipelines.warehouse import Warehouse
from tests.services.casework import casebook
from tests.services.organisation.approving import a_person, decide, seen

AGENCY = "LCA"
CHARGED_OFF, REPORTED = date(2017, 7, 31), date(2017, 8, 1)
PLACED_AT = datetime(2017, 7, 31, 9, 0, tzinfo=UTC)
SETTLED_AT = datetime(2017, 9, 2, 2, 0, tzinfo=UTC)
TERMS = PROJECT_ROOT / "data" / "reference" / "commission" / "by_balance.yml"
FILE = Path("lc_2007_2011") / "lc_2007_2011_asof_2017-08.parquet"


@dataclass(frozen=True)
class Book:
    """The home, who works in it, and what was claimed."""

    app: App
    warehouse: Warehouse
    finance: Actor
    manager: Actor
    settlement_id: str
    claims: ClaimsTaken


def build(app: App, file: Path, terms: str) -> Book:
    """Take in the charged-off loans, place them all with one agency under ``terms``, post what was recovered, reckon
    the agency's period, and take in what the sender says the agency earned."""
    warehouse, store = Warehouse(app.settings.warehouse_path), app.store
    _load(app, warehouse, file, "loans", CHARGED_OFF)
    take_in(warehouse, app, CHARGED_OFF)
    finance, manager = a_person(store, "Fin", Role.FINANCE), a_person(store, "Man", Role.MANAGER)
    _place(store)
    _contract(store, finance, manager, terms)
    for feed in ("loan_totals", "claimed_commissions"):
        _load(app, warehouse, file, feed, REPORTED)
    reconcile(warehouse, app, REPORTED)
    take_in(warehouse, app, REPORTED)
    opened = settlements.open_settlement(
        finance, store, now=SETTLED_AT, agency_code=AGENCY, currency="USD", first_date=REPORTED,
        end_date=date(2017, 9, 1), key=uuid4().hex,
    )  # fmt: skip
    claims = take_in_claimed(warehouse, app, REPORTED, now=SETTLED_AT)
    return Book(app, warehouse, finance, manager, opened.settlement_id, claims)


def _load(app: App, warehouse: Warehouse, file: Path, feed: str, day: date) -> None:
    done = ingest_file(warehouse, app.settings, file, "lending_club_agency", feed, file_date=day)
    outcome = done[0] if isinstance(done, list) else done
    assert outcome.state == "accepted", outcome


def _place(store: Store) -> None:
    """All cases with the agency, as many at a time as one request may name."""
    with store.reading() as connection:
        states = tuple(connection.execute(select(cases.c.region_code).distinct()).scalars())
        ids = list(connection.execute(select(cases.c.case_id).order_by(cases.c.case_id)).scalars())
    casebook.an_agency(store, AGENCY, day=CHARGED_OFF, regions=states)
    for some in chunks(ids, 4_000):
        waiting = _versions(store, some, Custody.IN_HOUSE)
        if waiting:
            queue_cases(casebook.SUPERVISOR, store, now=PLACED_AT, wanted=waiting, reason=casebook.WHY)
        casebook.placing(
            store, AGENCY, _versions(store, some), now=PLACED_AT, due_at=PLACED_AT + timedelta(days=180)
        )  # fmt: skip


def _versions(store: Store, ids: Sequence[str], custody: Custody | None = None) -> dict[str, int]:
    of = [cases.c.case_id.in_(ids)] if custody is None else [cases.c.case_id.in_(ids), cases.c.custody == custody.value]
    with store.reading() as connection:
        return {row.case_id: row.version for row in connection.execute(select(cases).where(*of))}


def _contract(store: Store, finance: Actor, manager: Actor, terms: str) -> None:
    asked = commission_contracts.propose_contract(
        finance, store, now=PLACED_AT, agency_code=AGENCY, valid_from=date(2017, 1, 1),
        terms=commission_contracts.read_terms(terms), reason="declared tiers", key=uuid4().hex,
    )  # fmt: skip
    decide(store, manager, seen(store, manager, asked), now=PLACED_AT)


if __name__ == "__main__":
    home = Settings.load(home=Path(sys.argv[1]))
    file = Path(sys.argv[2]) if len(sys.argv) > 2 else home.real_data / FILE
    made = build(open_app(home), file, TERMS.read_text(encoding="utf-8"))
    print(made.claims)
