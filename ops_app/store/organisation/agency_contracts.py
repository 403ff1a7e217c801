"""Contracts and evaluations of agencies in the store, and all that the rules need to know of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import AgencyFacts, Evaluation, EvaluationKind, EvaluationResult
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Transaction
from ops_app.store.tables.agencies import agency_contracts, agency_evaluations


@dataclass(frozen=True)
class Contract:
    """One contract with an agency."""

    contract_id: str
    contract_number: str
    period: Period
    recorded_at: datetime


@dataclass(frozen=True)
class RecordedEvaluation:
    """One evaluation with its note."""

    evaluation: Evaluation
    note: str
    recorded_at: datetime


def contracts(connection: Connection, agency_code: str) -> list[Contract]:
    """The contracts of an agency, oldest first."""
    rows = connection.execute(
        select(agency_contracts)
        .where(agency_contracts.c.agency_code == agency_code)
        .order_by(agency_contracts.c.valid_from)
    )
    return [
        Contract(row.contract_id, row.contract_number, Period(row.valid_from, row.valid_to), row.recorded_at)
        for row in rows
    ]


def add_contract(transaction: Transaction, agency_code: str, number: str, period: Period) -> None:
    """Insert a contract; numbers are unique and the days of one agency's contracts are disjoint."""
    transaction.connection.execute(
        insert(agency_contracts).values(
            contract_id=key_hash("contract", agency_code, number),
            agency_code=agency_code,
            contract_number=number,
            valid_from=period.valid_from,
            valid_to=period.valid_to,
            recorded_at=transaction.now,
            recorded_by=transaction.actor.person_id,
        )
    )


def evaluations(connection: Connection, agency_code: str) -> list[RecordedEvaluation]:
    """The evaluations of an agency in the order in which they were recorded."""
    rows = connection.execute(
        select(agency_evaluations)
        .where(agency_evaluations.c.agency_code == agency_code)
        .order_by(agency_evaluations.c.nth)
    )
    return [
        RecordedEvaluation(
            Evaluation(
                row.evaluated_date,
                EvaluationKind(row.kind),
                row.conduct_score,
                row.quality_score,
                row.security_score,
                EvaluationResult(row.result),
            ),
            row.note,
            row.recorded_at,
        )
        for row in rows
    ]


def add_evaluation(transaction: Transaction, agency_code: str, said: Evaluation, note: str) -> None:
    """Insert an evaluation after those there are."""
    nth = len(evaluations(transaction.connection, agency_code)) + 1
    transaction.connection.execute(
        insert(agency_evaluations).values(
            evaluation_id=key_hash("evaluation", agency_code, str(nth)),
            agency_code=agency_code,
            nth=nth,
            evaluated_date=said.evaluated_date,
            kind=said.kind.value,
            conduct_score=said.conduct_score,
            quality_score=said.quality_score,
            security_score=said.security_score,
            result=said.result.value,
            note=note,
            recorded_at=transaction.now,
            recorded_by=transaction.actor.person_id,
        )
    )


def facts_of(connection: Connection, agency: Agency) -> AgencyFacts:
    """What the rules of the domain need to know of an agency."""
    return AgencyFacts(
        agency.agency_code,
        agency.state,
        agency.white_listed,
        agency.licence_expires_date,
        tuple(one.period for one in contracts(connection, agency.agency_code)),
        tuple(one.evaluation for one in evaluations(connection, agency.agency_code)),
    )
