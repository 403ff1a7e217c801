"""A world whose every amount is a multiple or a part of one that nobody can mistake, and what gives it away."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.errors import DomainError
from ops_app.domain.money import Money
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, Rights
from ops_app.services.casework.batches import Asked, submit_batch
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.organisation.approvals import RequestFilter, list_requests
from ops_app.store.store import Store
from tests.access import world
from tests.access.world import NUMBERS, THEN, World
from tests.services.casework.asking import ask, decide
from tests.services.casework.casebook import DAY, NOW, SUPERVISOR, WHY, ZONE, a_collector, taken_in, versions
from tests.services.ledger.people import a_repayment
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

PLANTED = 765_432_109
"""7,654,321.09 in minor units."""

GONE = ("SIM", f"L{NUMBERS['own']}", DAY + timedelta(days=1))
"""The loan that the lender's feed did not have on the next day."""

NO_AMOUNTS = Rights(withheld=frozenset({AMOUNTS}))

_GIVEAWAYS = sorted({str(PLANTED * many // 100) for many in range(1, 25)} | {str(PLANTED // few) for few in (2, 3)})
"""The amount, what several of it add up to, and what it comes to in instalments: without their last two digits, so
that minor and major units are both found."""


def shown(*answers: object) -> list[str]:
    """What of the planted amount stands in these answers, however it is written there."""
    found = []
    for answer in answers:
        said = f"{answer!r} {answer.en} {answer.zh}" if isinstance(answer, DomainError) else repr(answer)
        digits = re.sub(r"(?<=\d)[,.，\u00a0\u202f_](?=\d)", "", said)
        found += [one for one in _GIVEAWAYS if one in digits]
    return found


def blind(actor: Actor) -> Actor:
    """The same person, from whom amounts are withheld."""
    return replace(actor, rights=NO_AMOUNTS)


@dataclass(frozen=True)
class Planted:
    """The world with requests, a batch, payments and a missing loan in it, and their ids."""

    world: World
    ids: dict[str, Any]


def planted(store: Store, evidence: Path) -> Planted:
    """The world of the matrix with the amount in everything that has one."""
    made = world.made(
        store, evidence, principal_minor=PLANTED, interest_minor=PLANTED, penalty_minor=PLANTED,
        balance_minor=3 * PLANTED,
    )  # fmt: skip
    own, other = made.cases["own"], made.cases["other"]
    wanted: dict[CaseRequestKind, dict[str, Any]] = {
        CaseRequestKind.WAIVER: {
            "waived_principal_minor": 0, "waived_interest_minor": PLANTED, "to_pay_minor": PLANTED,
        },
        CaseRequestKind.INSTALMENT: {"total_minor": PLANTED},
        CaseRequestKind.PAYMENT_CONFIRMATION: {"paid_minor": PLANTED},
        CaseRequestKind.DISPUTE: {"disputed_minor": PLANTED},
    }  # fmt: skip
    for code in ("ledger.waiver_case_limit", "ledger.waiver_debtor_limit"):
        plant(store, set_to(code, Money(10**11, "CNY"), date(2000, 1, 1)))
    asked = {kind: ask(store, evidence, made.mine, own, kind, **form) for kind, form in wanted.items()}
    back = ask(store, evidence, made.hers, other, CaseRequestKind.INSTALMENT, total_minor=PLANTED)
    reviewer = a_collector(store, "reviewer", "AG02", Role.AGENCY_SUPERVISOR)
    decide(store, reviewer, back, "return")
    (batch,) = submit_batch(
        SUPERVISOR, store, now=NOW, reason=WHY, key="a batch",
        asked=Asked(BatchKind.RECALL, versions(store, made.cases["unassigned"]), ZONE),
    )  # fmt: skip
    rows = [
        a_repayment(f"P{number}", PLANTED, loan_id=f"L{number}", paid_at=NOW, value_date=NOW.date(),
                    principal_minor=PLANTED)
        for number in NUMBERS.values()
    ]  # fmt: skip
    record_payments(SYSTEM, store, now=NOW, rows=rows, business_date=NOW.date())
    gone = pl.DataFrame([{"source_code": GONE[0], "loan_id": GONE[1], "case_id": own}])
    taken_in(store, evidence, missing=gone, day=GONE[2], days=[], now=NOW + timedelta(minutes=40))
    found = list_requests(SYSTEM_READER, store, now=THEN, wanted=RequestFilter(states=frozenset()), page_size=100).rows
    waiver = next(one for one in found if one.kind.endswith("waiver"))
    return Planted(
        made,
        {
            "case_request_id": asked[CaseRequestKind.WAIVER],
            "agreement_id": asked[CaseRequestKind.WAIVER],
            "request_id": waiver.request_id,
            "content_hash": waiver.content_hash,
            "returned": back,
            "batch_id": batch.batch_id,
            "approvals": [one.request_id for one in found],
        },
    )


SYSTEM_READER = Actor("p-reader", "Reader", Role.AUDITOR)
