"""What every handler of messages asks of a body: the right shape, and the loan that its envelope names."""

from __future__ import annotations

from pydantic import ValidationError

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.messages import WhyHeld, line_of_customer
from ops_app.services.organisation.message_kinds import Content, Outcome, dead


def refused_shape(wrong: ValidationError) -> Outcome:
    """A body of the wrong shape: every field is named, no value is repeated."""
    faults = [(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in wrong.errors()][:8]
    names = "、".join(name for name, _ in faults)
    return dead(WhyHeld.REFUSED, "; ".join(f"{name}: {said}" for name, said in faults), f"报文字段有误：{names}。")


def require_same_loan(message: Content, source_code: str, loan_id: str) -> None:
    """Raise ``Invalid`` where the body is of another loan than the envelope, by which messages are put in order."""
    if (source_code, loan_id) != (message.source_code, message.loan_id):
        raise Invalid("The body is of another loan than the envelope.", "报文体与报文头的借据不一致。", field="loan_id")


def require_same_customer(message: Content, source_code: str, customer_id: str) -> None:
    """Raise ``Invalid`` where the body is of another customer than the envelope."""
    if (source_code, line_of_customer(customer_id)) != (message.source_code, message.loan_id):
        raise Invalid(
            "The body is of another customer than the envelope.", "报文体与报文头的客户不一致。", field="customer_id"
        )
