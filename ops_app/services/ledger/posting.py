"""How a payment of a case would be posted: by the order of its lender and product on the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.posting import PARTS, posted
from ops_app.domain.organisation.amounts import require_amounts
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.posting_terms import ORDER
from ops_app.services.organisation.installation import scope_of_loan, today
from ops_app.services.organisation.parameter_reading import value_on
from ops_app.store.casework import cases
from ops_app.store.store import Store


@dataclass(frozen=True)
class Posting:
    """What a payment of ``amount_minor`` pays: whole minor units per part, the rest that nothing is owed for, and the
    code of the order."""

    case_id: str
    currency: str
    amount_minor: int
    order: str
    parts: dict[str, int]
    rest_minor: int


@act("cases.view")
def preview_posting(actor: Actor, store: Store, *, now: datetime, case_id: str, amount_minor: int) -> Posting:
    """How a payment of ``amount_minor`` (whole minor units of the case's currency) would be posted today; records
    nothing. Raises ``NoSuchCase`` alike for a missing and a foreign case, ``Invalid`` for an amount not above zero,
    ``AmountsHidden``."""
    require_amounts(actor)
    if not 0 < amount_minor < 10**17:
        raise Invalid("The amount must be above zero.", "金额必须大于零。", field="amount_minor")
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        order = str(value_on(connection, ORDER, today(now), scope_of_loan(one.lender_code, one.product_code)))
    parts, rest = posted(amount_minor, {Component(part): getattr(one, f"{part}_minor") for part in PARTS}, order)
    paid = {part: parts[Component(part)] for part in PARTS}
    return Posting(case_id, one.currency, amount_minor, order, paid, rest)
