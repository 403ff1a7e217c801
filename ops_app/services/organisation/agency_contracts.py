"""Contracts of agencies and the evaluations that speak for their renewal (rule CN-A1)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import Evaluation, check_renewal
from ops_app.services.act import act
from ops_app.services.organisation.agencies import locked_agency
from ops_app.services.organisation.people import checked_why
from ops_app.store.organisation import agency_contracts
from ops_app.store.store import Store


@act("agencies.manage")
def add_contract(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    agency_code: str,
    contract_number: str,
    valid_from: date,
    valid_to: date,
    today: date,
    reason: str,
) -> None:
    """Enter a contract; ``valid_to`` is the first day without it. The first one is the beginning, every further one a
    renewal, which needs an evaluation of the last twelve months that was not failed (``EvaluationMissing``).

    Raises ``Conflict`` when its days or its number are taken.
    """
    why, number = checked_why(reason), contract_number.strip()
    if not 1 <= len(number) <= 64 or not number.isprintable():
        raise Invalid(
            "A contract number has 1 to 64 printable characters.", "合同编号为 1 至 64 个可见字符。",
            field="contract_number",
        )  # fmt: skip
    period = Period(valid_from, valid_to)
    with store.writing(actor, now) as transaction:
        agency = locked_agency(transaction, agency_code)
        check_renewal(agency_contracts.facts_of(transaction.connection, agency), period, today)
        try:
            agency_contracts.add_contract(transaction, agency_code, number, period)
        except IntegrityError as error:
            raise Conflict("This contract number is taken.", "该合同编号已存在。", field="contract_number") from error
        transaction.audit(
            "agency.contract_added",
            "agency",
            agency_code,
            after={"contract_number": number, "valid_from": valid_from, "valid_to": valid_to},
            reason=why,
        )


@act("agencies.evaluate")
def record_evaluation(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    agency_code: str,
    evaluation: Evaluation,
    today: date,
    note: str,
    key: str,
) -> None:
    """Record an evaluation made on or before ``today``; it is never changed, a later one takes its place.

    A repetition of ``key`` records nothing; with other content it is refused.
    """
    said = checked_why(note)
    if evaluation.evaluated_date > today:
        raise Invalid("An evaluation is recorded once it was made.", "评估日期不能晚于今天。", field="evaluated_date")
    with store.writing(actor, now) as transaction:
        locked_agency(transaction, agency_code)
        claim = transaction.claim("agency_evaluations", key, content_hash([agency_code, vars(evaluation), said]))
        claim.refuse_conflict()
        if not claim.is_new:
            return
        agency_contracts.add_evaluation(transaction, agency_code, evaluation, said)
        transaction.audit("agency.evaluated", "agency", agency_code, after=vars(evaluation), reason=said)
