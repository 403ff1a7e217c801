"""Agreements with debtors, from the request to the grant: each follows its request within the same transaction.

What happens afterwards is found by judging it (``agreement_judging.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ops_app.domain.casework.request_forms import condition_of
from ops_app.domain.casework.requests import CaseRequestKind, Outcome
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.errors import Conflict
from ops_app.domain.ledger.agreements import AgreementMove, AgreementState, Instalment, LapseReason, move
from ops_app.services.ledger.agreement_terms import agreement_rules
from ops_app.services.organisation.installation import today
from ops_app.store.casework.cases import Case
from ops_app.store.casework.requests import CaseRequest
from ops_app.store.ledger import agreements
from ops_app.store.ledger.agreements import Agreement, AgreementEvent
from ops_app.store.store import Transaction

OBJECT = "agreement"
OF_AGREEMENTS = frozenset({CaseRequestKind.WAIVER, CaseRequestKind.INSTALMENT})
"""Kinds of requests that are for an agreement."""

UNCOUNTED = "is_uncounted"
"""What an approver who grants without counting it in performance enters in the detail of the request."""

_LAPSES: Mapping[Outcome, LapseReason] = {
    Outcome.WITHDRAWN: LapseReason.WITHDRAWN,
    Outcome.EXPIRED: LapseReason.EXPIRED,
    Outcome.CASE_LEFT: LapseReason.CASE_LEFT,
}


class PlanOverdue(Conflict):
    """The first instalment was due before anybody decided."""

    def __init__(self, due: date) -> None:
        super().__init__(
            f"What the debtor was to pay first was due on {due}, before this was decided. Return it to the requester, "
            "who can agree on other days.",
            f"首笔还款日 {due} 已在审批前届满，请退回申请人重新约定还款日。",
        )


def drawn(one: CaseRequest, debtor_key: str) -> Agreement:
    """The agreement that a request asks for."""
    form = one.form
    waived = {part: int(form.get(f"waived_{part}_minor", 0)) for part in COMPONENTS}
    planned = form.get("plan")
    if planned is None:  # a form of before there were plans of one payment
        pay_by = form.get("pay_by_date")
        planned = [{"due_date": pay_by, "amount_minor": form["to_pay_minor"]}] if pay_by else []
    instalments = tuple(
        Instalment(nth, date.fromisoformat(str(it["due_date"])), int(it["amount_minor"]))
        for nth, it in enumerate(planned, start=1)
    )
    to_pay = sum(it.amount_minor for it in instalments)
    return Agreement(
        agreement_id=one.case_request_id,
        case_id=one.case_id,
        debtor_key=debtor_key,
        kind=one.kind.value,
        condition=condition_of(form) if one.kind is CaseRequestKind.WAIVER else "plan",
        agency_code=one.agency_code,
        requested_by=one.requested_by,
        requested_at=one.requested_at,
        currency=one.currency,
        balance_minor=one.balance_minor,
        waived_principal_minor=waived["principal"],
        waived_interest_minor=waived["interest"],
        waived_fees_minor=waived["fees"],
        waived_penalty_minor=waived["penalty"],
        waived_minor=sum(waived.values()),
        to_pay_minor=to_pay,
        left_minor=to_pay,
        last_due_date=instalments[-1].due_date if instalments else None,
        instalments=instalments,
        loan_id=one.loan_id,
        source_code=one.source_code,
    )


def ask(transaction: Transaction, one: CaseRequest, debtor_key: str) -> None:
    """Enter what a request asks for, or what it asks for when it is submitted again."""
    if one.kind in OF_AGREEMENTS:
        agreements.put(transaction.connection, drawn(one, debtor_key))


def grant(transaction: Transaction, one: CaseRequest, case: Case) -> Agreement:
    """The last approval: the agreement holds, by the terms of this day. Raises ``PlanOverdue``."""
    connection, day = transaction.connection, today(transaction.now)
    known = agreements.read(connection, one.case_request_id)
    if known is None:  # asked for before agreements were kept
        known = drawn(one, case.debtor_key)
        agreements.put(connection, known)
    if known.instalments and known.instalments[0].due_date < day:
        raise PlanOverdue(known.instalments[0].due_date)
    rules = agreement_rules(connection, transaction.now)
    is_counted = not one.detail.get(UNCOUNTED, False)
    after = moved(
        transaction,
        replace(
            known,
            is_counted=is_counted,
            granted_at=transaction.now,
            granted_by=transaction.actor.person_id,
            balance_date=case.as_of_date,
            # what was paid up to the balance's own day is in the balance that was agreed on
            counts_from_date=max(day, case.as_of_date + timedelta(days=1)),
            grace_days=rules.grace_days(case),
            missed_most=rules.missed_most(case),
            tolerance_minor=rules.tolerance_minor(case),
            re_age_after=rules.re_age_after(case),
            next_due_date=known.instalments[0].due_date if known.instalments else None,
        ),
        AgreementMove.GRANT,
        day,
        one.reply or one.reason,
    )
    agreements.write(connection, [after])
    return after


def follow(transaction: Transaction, one: CaseRequest, ended: Outcome | None, said: str) -> None:
    """The request ended otherwise than by a grant: refused, or gone before anybody decided."""
    if one.kind not in OF_AGREEMENTS or ended in (None, Outcome.GRANTED):
        return
    known = agreements.read(transaction.connection, one.case_request_id)
    if known is None or known.state is not AgreementState.REQUESTED:
        return
    day, reason = today(transaction.now), _LAPSES.get(ended) if ended else None
    if reason is None:
        after = moved(transaction, known, AgreementMove.REFUSE, day, said)
    else:
        after = moved(
            transaction, replace(known, lapse_reason=reason, lapsed_date=day), AgreementMove.LAPSE, day, reason.value
        )
    agreements.write(transaction.connection, [after])


def moved(
    transaction: Transaction, one: Agreement, what: AgreementMove, day: date, reason: str, *,
    ledger_event_id: str | None = None, **values: Any,
) -> Agreement:  # fmt: skip
    """``one`` after a move, with other ``values``; what happened is appended and audited. The caller writes it."""
    state = move(one.state, what, is_counted=one.is_counted)
    after = replace(one, state=state, event_count=one.event_count + 1, version=one.version + 1, **values)
    agreements.add_events(
        transaction.connection,
        [
            AgreementEvent(
                after.agreement_id,
                after.event_count,
                what,
                one.state,
                state,
                day,
                reason,
                ledger_event_id,
                transaction.actor.person_id,
                transaction.actor.name,
                transaction.now,
            )
        ],
    )
    transaction.audit(
        f"agreement.{what.value}", OBJECT, one.agreement_id,
        before={"state": one.state},
        after={"state": state, "case_id": one.case_id, "business_date": day, "waived_minor": one.waived_minor,
               "to_pay_minor": one.to_pay_minor, "currency": one.currency, "lapse_reason": after.lapse_reason},
        reason=reason or None,
    )  # fmt: skip
    return after
