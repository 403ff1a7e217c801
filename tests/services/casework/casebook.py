"""Cases, agencies and people for the tests of casework."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from ops_app.domain.casework.cases import case_id, debtor_key
from ops_app.domain.casework.personal import Personal
from ops_app.domain.casework.placing import RecallGround
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import Evaluation, EvaluationKind, EvaluationResult
from ops_app.services.casework import intake
from ops_app.services.casework.assigning import assign_cases
from ops_app.services.casework.intake import DebtorData, IntakeFound, TakenIn, apply_intake
from ops_app.services.casework.many import Moved
from ops_app.services.casework.placing import queue_cases, run_place_cases
from ops_app.services.casework.recalling import recall_cases
from ops_app.services.ledger.feed_balances import Settled
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.casework import cases as stored
from ops_app.store.casework.cases import Case
from ops_app.store.organisation import agencies, agency_contracts, agency_people
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Store

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
DUE = NOW + timedelta(days=30)
SUPERVISOR = Actor("p-sup", "Sun", Role.SUPERVISOR)
ALLOCATION = Actor("p-all", "Ann", Role.ALLOCATION)
AG1 = Actor("p-ag1", "Gao", Role.AGENCY_SUPERVISOR, "AG01")
AG2 = Actor("p-ag2", "Guo", Role.AGENCY_SUPERVISOR, "AG02")
WHY = "a good reason"
ZONE = "Asia/Shanghai"
CERTIFIED_UNTIL = date(2099, 1, 1)
"""The day on which the certificates of ``a_collector`` no longer hold."""

_SCHEMA: dict[str, Any] = {
    "case_id": pl.String, "debtor_key": pl.String, "source_code": pl.String, "loan_id": pl.String,
    "spell_no": pl.Int64, "customer_id": pl.String, "lender_code": pl.String, "product_code": pl.String,
    "region_code": pl.String, "currency": pl.String, "principal_minor": pl.Int64, "interest_minor": pl.Int64,
    "fees_minor": pl.Int64, "penalty_minor": pl.Int64, "balance_minor": pl.Int64, "days_past_due": pl.Int64,
    "bucket": pl.String, "as_of_date": pl.Date, "is_open": pl.Boolean, "written_off_date": pl.Date,
    "is_due_for_placement": pl.Boolean, "opened_date": pl.Date, "opened_file_id": pl.String,
    "opened_line_no": pl.Int64, "rule": pl.String, "rule_version": pl.Int64, "closed_date": pl.Date,
    "closed_file_id": pl.String, "closed_line_no": pl.Int64, "close_reason": pl.String,
    "closed_rule_version": pl.Int64,
}  # fmt: skip


def a_spell(number: int, **other: Any) -> dict[str, Any]:
    """A spell of loan ``L<number>`` as the engine finds it."""
    loan, customer = f"L{number}", other.pop("customer_id", f"C{number}")
    spell = other.get("spell_no", 1)
    balance = other.get("balance_minor", 100_000 + number)
    values: dict[str, Any] = dict.fromkeys(_SCHEMA) | {
        "case_id": case_id("SIM", loan, spell), "debtor_key": debtor_key("SIM", customer), "source_code": "SIM",
        "loan_id": loan, "spell_no": spell, "customer_id": customer, "product_code": "p2p_loan",
        "region_code": "110000", "currency": "CNY", "principal_minor": balance, "interest_minor": 0, "fees_minor": 0,
        "penalty_minor": 0, "balance_minor": balance, "days_past_due": number, "bucket": "M1", "as_of_date": DAY,
        "is_open": True, "is_due_for_placement": False, "opened_date": DAY, "opened_file_id": "f" * 64,
        "opened_line_no": number, "rule": "all", "rule_version": 1,
    }  # fmt: skip
    return values | other


def closing(reason: str = "paid", day: date = DAY + timedelta(days=1)) -> dict[str, Any]:
    return {"is_open": False, "closed_date": day, "closed_file_id": "e" * 64, "closed_line_no": 7,
            "close_reason": reason, "closed_rule_version": 1, "as_of_date": day, "balance_minor": 0}  # fmt: skip


def a_debtor(number: int, **other: Any) -> DebtorData:
    person = Personal(
        **{"name": f"王{number}", "national_id": f"11010119900101{number:04d}", "phones": (f"1380013{number:04d}",)}
        | other
    )
    return DebtorData(debtor_key("SIM", f"C{number}"), "SIM", f"C{number}", person, "zh", "Asia/Shanghai", f"m{number}")


def taken_in(
    store: Store, evidence: Path, *rows: dict[str, Any], now: datetime = NOW, day: date = DAY,
    in_ledger: bool = True, **found: Any,
) -> TakenIn:  # fmt: skip
    """A run of intake that found these spells; not ``in_ledger``: the ledger has not taken them over yet."""
    given: dict[str, Any] = {
        "missing": pl.DataFrame(schema={"source_code": pl.String, "loan_id": pl.String, "case_id": pl.String}),
        "sent": frozenset({"SIM"}), "days": [("SIM", day, "mark")], "debtors": [],
    } | found  # fmt: skip
    spells = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    with nullcontext() if in_ledger else patch.object(intake, "settle", lambda *_: Settled()):
        return apply_intake(
            SYSTEM, store, now=now, business_date=day, found=IntakeFound(spells=spells, **given), evidence=evidence
        )


def some_cases(store: Store, evidence: Path, count: int = 6, *, in_ledger: bool = True) -> list[str]:
    """``count`` cases, each of a debtor of its own; their ids by the number of the loan, from 1."""
    numbers = range(1, count + 1)
    debtors = [a_debtor(n) for n in numbers]
    taken_in(store, evidence, *(a_spell(n) for n in numbers), debtors=debtors, in_ledger=in_ledger)
    return [case_id("SIM", f"L{n}", 1) for n in numbers]


def now_is(store: Store, one: str) -> Case:
    """The case as it stands, whoever asks."""
    with store.reading() as connection:
        found = stored.read(connection, one, Scope(Reach.ALL), NOW)
    assert found is not None
    return found


def versions(store: Store, *ids: str) -> dict[str, int]:
    return {one: now_is(store, one).version for one in ids}


def an_agency(store: Store, code: str, *, day: date = DAY, until: date | None = None, **other: Any) -> None:
    """An agency that may be given cases of region 110000 on ``day``, if it is not there yet, with a contract before
    ``until``; ``other`` changes its master data."""
    values: dict[str, Any] = {
        "name": f"Agency {code}", "short_name": code, "state": AgencyState.ACTIVE, "white_listed": True,
        "licence_number": f"L-{code}", "licence_expires_date": day + timedelta(days=900), "fee_schedule": None,
        "regions": ("110000",), "capacity_cases": 100_000, "contact_name": None, "contact_phone": None,
        "contact_email": None, "created_at": NOW, "changed_at": NOW, "changed_by": "test", "version": 1,
    }  # fmt: skip
    with store.reading() as connection:
        if agencies.by_code(connection, code) is not None:
            return
    with store.writing(SYSTEM, NOW) as transaction:
        agencies.add(transaction.connection, Agency(agency_code=code, **values | other))
        period = Period(day - timedelta(days=300), until or day + timedelta(days=600))
        agency_contracts.add_contract(transaction, code, f"C-{code}", period)
        said = Evaluation(day - timedelta(days=30), EvaluationKind.ANNUAL, 90, 90, 90, EvaluationResult.PASS)
        agency_contracts.add_evaluation(transaction, code, said, "test")
        transaction.audit("agency.added", "agency", code)


def placed(store: Store, agency: str, *ids: str, now: datetime = NOW, due_at: datetime = DUE) -> None:
    """Queue cases and place them with an agency, as the last approval of such a request would."""
    an_agency(store, agency, day=now.date())
    queue_cases(SUPERVISOR, store, now=now, wanted=versions(store, *ids), reason=WHY)
    placing(store, agency, versions(store, *ids), now=now, due_at=due_at)


def placing(
    store: Store, agency: str, wanted: dict[str, int], *, now: datetime = NOW, due_at: datetime = DUE,
    by: Actor = SUPERVISOR, drop: bool = False,
) -> Moved:  # fmt: skip
    """Place cases (id → version), as the last approval of such a request would."""
    arguments = {"cases": wanted, "agency_code": agency, "due_at": due_at.isoformat(), "reason": WHY, "zone": ZONE,
                 "drop_refused": drop}  # fmt: skip
    with store.writing(by, now) as transaction:
        return run_place_cases(transaction, arguments)


def recalled(store: Store, *ids: str, now: datetime = NOW, reason: str = WHY) -> Moved:
    """Take cases back at once."""
    return recall_cases(
        SUPERVISOR, store, now=now, today=now.date(), wanted=versions(store, *ids), ground=RecallGround.MISCONDUCT,
        reason=reason,
    )  # fmt: skip


def a_collector(store: Store, name: str, agency: str | None = None, role: Role = Role.COLLECTOR) -> Actor:
    """A person of the store, as the actor of a session."""
    person = new_person(NOW, name, name.title(), role, agency, "en")
    with store.writing(SYSTEM, NOW) as transaction:
        enter_person(transaction, person, "no-password-opens-this")
    if agency is not None and role is Role.COLLECTOR:
        an_agency(store, agency)
        with store.writing(SYSTEM, NOW) as transaction:
            expires = DAY + timedelta(days=900)
            agency_people.add_certificate(
                transaction, agency, person.person_id, "collector", f"{agency}-{name}", expires
            )
            transaction.audit("agency.certificate_recorded", "agency", agency)
    return Actor(person.person_id, person.display_name, role, agency)


def assigned(store: Store, by: Actor, to: Actor, *ids: str, now: datetime = NOW) -> None:
    assign_cases(by, store, now=now, wanted=versions(store, *ids), collector_id=to.person_id, reason=WHY)
