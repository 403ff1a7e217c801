"""Agreements as people read them: a list within reach with its totals, one with its instalments and its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.store.casework import cases
from ops_app.store.ledger import agreements, journal
from ops_app.store.ledger.agreements import (
    SORTABLE,
    Agreement,
    AgreementEvent,
    AgreementFilter,
    ReAged,
    Totals,
)
from ops_app.store.store import Store

__all__ = [
    "SORTABLE", "Agreement", "AgreementEvent", "AgreementFilter", "AgreementRecord", "AgreementsPage", "ReAged",
    "Totals", "agreements_of_case", "list_agreements", "read_agreement",
]  # fmt: skip


class NoSuchAgreement(NotFound):
    """No such agreement within the actor's reach: missing and foreign look the same."""

    def __init__(self) -> None:
        super().__init__("There is no such agreement.", "没有该协议。")


@dataclass(frozen=True)
class AgreementsPage:
    """One page of agreements; ``total`` counts all that match, ``totals`` is what they come to by currency."""

    rows: tuple[Agreement, ...]
    total: int
    totals: tuple[Totals, ...]


@dataclass(frozen=True)
class AgreementRecord:
    """One agreement with what happened to it and when it made its case young again. ``is_judged``: the ledger holds
    the money of the case, so that payments are counted."""

    item: Agreement
    events: tuple[AgreementEvent, ...]
    re_aged: tuple[ReAged, ...]
    is_judged: bool


@act("requests.view")
def list_agreements(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: AgreementFilter | None = None,
    sort: str = "granted_at",
    descending: bool = True,
    page: int = 1,
    page_size: int = 50,
) -> AgreementsPage:
    """One page (from 1) of the agreements within reach that match."""
    check_sort(sort, SORTABLE, "Agreements")
    check_by_amount(actor, sort)
    check_page(page, page_size)
    with store.reading() as connection:
        rows, totals = agreements.page(
            connection, wanted or AgreementFilter(), agreements.reach(scope_of(actor), actor.person_id, now),
            sort=sort, descending=descending, offset=(page - 1) * page_size, limit=page_size,
        )  # fmt: skip
    return AgreementsPage(tuple(rows), sum(one.count for one in totals), tuple(totals))


@act("requests.view")
def read_agreement(actor: Actor, store: Store, *, now: datetime, agreement_id: str) -> AgreementRecord:
    """One agreement with all that belongs to it. Raises ``NoSuchAgreement`` alike for missing and foreign."""
    with store.reading() as connection:
        one = agreements.read(connection, agreement_id, agreements.reach(scope_of(actor), actor.person_id, now))
        if one is None:
            raise NoSuchAgreement
        return AgreementRecord(
            one,
            tuple(agreements.events_of(connection, agreement_id)),
            tuple(agreements.re_aged_of(connection, [agreement_id]).get(agreement_id, ())),
            bool(journal.positions(connection, [one.case_id])),
        )


@act("requests.view")
def agreements_of_case(actor: Actor, store: Store, *, now: datetime, case_id: str) -> tuple[Agreement, ...]:
    """The agreements of a case within reach, the newest first, whoever asked for them: who works on a case keeps to
    what was agreed before. Raises ``NoSuchCase``."""
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        found = agreements.of_cases(connection, [case_id]).get(case_id, [])
    return tuple(sorted(found, key=lambda one: one.requested_at, reverse=True))
