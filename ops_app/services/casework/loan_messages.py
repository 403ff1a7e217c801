"""Loans that come as messages: taken in as pushed loans are, once a message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from ops_app.domain.casework.loan_day import OlderThanKnown
from ops_app.domain.errors import DomainError, NotReady
from ops_app.domain.organisation.messages import MessageKind, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.pushing import push_loan
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, done, register
from ops_app.services.organisation.message_shapes import refused_shape, require_same_loan
from ops_app.services.shapes import LoanIn
from ops_app.store.store import Store

__all__ = ["handle_loans"]


@act("cases.push")
def handle_loans(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Take each loan in as of its day; one whose later day is known already is ``superseded`` and changes nothing."""
    return [_handle(actor, store, now, one, evidence) for one in messages]


def _handle(actor: Actor, store: Store, now: datetime, message: Content, evidence: Path) -> Outcome:
    try:
        loan = LoanIn.model_validate(message.body).as_loan_day()
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
