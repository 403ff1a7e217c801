"""Loans and balances that come as messages: taken in as pushed loans are, once a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ops_app.domain.casework.loan_day import LoanDay, LoanStatus, OlderThanKnown
from ops_app.domain.errors import DomainError, NotReady
from ops_app.domain.organisation.messages import MessageKind, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.pushing import push_loan
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, done, register
from ops_app.services.organisation.message_shapes import refused_shape, require_same_loan
from ops_app.services.shapes import BalanceIn, LoanIn
from ops_app.store.casework.intake import LoanFacts, facts_of
from ops_app.store.store import Store

__all__ = ["handle_balances", "handle_loans"]

NOT_IN_COLLECTION = "not_in_collection"


@act("cases.push")
def handle_loans(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Take each loan in as of its day; one whose later day is known already is ``superseded`` and changes nothing."""
    return [
        _handle(actor, store, now, one, evidence, lambda body: LoanIn.model_validate(body).as_loan_day())
        for one in messages
    ]


@act("cases.push")
def handle_balances(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Take in what is owed on each loan in collection, by the same intake as its loan; ``not_in_collection`` changes
    nothing, for there is no balance to be held against it."""

    def loan_of(body: Mapping[str, Any]) -> LoanDay | None:
        said = BalanceIn.model_validate(body)
        with store.reading() as connection:
            known = facts_of(connection, said.source_code, said.loan_id)
        return None if known is None else _with_balance(known, said)

    return [_handle(actor, store, now, one, evidence, loan_of) for one in messages]


def _with_balance(known: LoanFacts, said: BalanceIn) -> LoanDay:
    status = LoanStatus.OVERDUE if said.days_past_due else LoanStatus.ACTIVE
    return LoanDay(
        **said.model_dump(),
        customer_id=known.customer_id,
        status=LoanStatus.WRITTEN_OFF if known.is_written_off else status,
        lender_code=known.lender_code,
        product_code=known.product_code,
        region_code=known.region_code,
    )


def _handle(
    actor: Actor,
    store: Store,
    now: datetime,
    message: Content,
    evidence: Path,
    loan_of: Callable[[Mapping[str, Any]], LoanDay | None],
) -> Outcome:
    try:
        loan = loan_of(message.body)
        if loan is None:
            return done(NOT_IN_COLLECTION)
        require_same_loan(message, loan.source_code, loan.loan_id)
        key = f"message:{message.source_code}/{message.message_id}"
        return done(push_loan(actor, store, now=now, loan=loan, key=key, evidence=evidence).did)
    except ValidationError as wrong:
        return refused_shape(wrong)
    except OlderThanKnown:
        return done("superseded")
    except NotReady:
        raise  # not the message's fault: it is tried again
    except DomainError as refused:
        return dead(WhyHeld.REFUSED, refused.en, refused.zh)


register(MessageKind.LOAN, handle_loans, lambda _body: None)
register(MessageKind.BALANCE, handle_balances, lambda _body: None)
