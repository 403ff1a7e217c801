"""A person's limit of amount holds for what is asked for or approved in parts, too (feature 9, decision 0021)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.casework.requests import is_of_money, kind_of
from ops_app.domain.organisation.rights import Rights
from ops_app.services.organisation.approval_kinds import kinds
from ops_app.store.organisation import approval_sums, people
from ops_app.store.organisation.approval_sums import Beside
from ops_app.store.organisation.approvals import ApprovalRequest

WITHIN = timedelta(days=1)
"""What is asked for or approved within this time adds up."""


def check_asking(
    connection: Connection,
    person_id: str,
    rights: Rights,
    now: datetime,
    *,
    make: str,
    kind: str,
    about: tuple[str, str],
    amount_minor: int | None,
    currency: str | None,
    but: str | None,
) -> None:
    """Raise ``AboveLimit`` where the amount, with what the person asked for beside it under the right ``make``, is more
    than their limit. On a case, what was asked for on this case counts; else, of the same kind. An amount that is only
    the balance of a case is no money asked for: no limit holds for it, and it adds to nothing."""
    if amount_minor is None or currency is None or not rights.has_limit(make) or not is_of_money(kind):
        return
    rights.check_amount(make, amount_minor, currency)
    people.lock(connection, person_id)  # of two requests at one moment the second sees the first
    on_case = kind_of(kind) is not None
    of_right = [code for code, one in kinds().items() if one.make == make and is_of_money(code)]
    beside = Beside(
        of_right if on_case else [kind], currency, now - WITHIN, now, but=but, about=about if on_case else None,
        maker_id=person_id,
    )  # fmt: skip
    rights.check_amount(make, amount_minor, currency, approval_sums.asked_minor(connection, beside))


def check_deciding(
    connection: Connection, person_id: str, rights: Rights, now: datetime, one: ApprovalRequest, decide: str
) -> None:
    """Raise ``AboveLimit`` where the amount of a request, with what the person approved beside it, is more than their
    limit under the right ``decide``. On a case, what was approved on this case counts; else, what was of the same kind
    and of the same maker. What ``check_asking`` leaves out is left out here."""
    if one.amount_minor is None or one.currency is None or not rights.has_limit(decide) or not is_of_money(one.kind):
        return
    on_case = kind_of(one.kind) is not None
    of_cases = [code for code in kinds() if kind_of(code) is not None and is_of_money(code)]
    beside = Beside(
        of_cases if on_case else [one.kind], one.currency, now - WITHIN, now, but=one.request_id,
        about=(one.object_type, one.object_id) if on_case else None, maker_id=None if on_case else one.maker_id,
    )  # fmt: skip
    rights.check_amount(
        decide, one.amount_minor, one.currency, approval_sums.approved_minor(connection, person_id, beside)
    )
