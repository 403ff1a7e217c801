"""Bank lines that carry the reference of a payout are held against refunds, before a day is reconciled."""

from __future__ import annotations

from datetime import datetime

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.refund_matching import BankLine, settle_payouts
from pipelines.warehouse import Connection

# what a bank may have put between the characters is taken out, as the domain does
_CARRYING = """
    select source_code, account, line_id, value_date, amount_minor, currency, direction = 'out', reference
    from bank
    where regexp_matches(upper(regexp_replace(reference, '[^0-9A-Za-z]', '', 'g')), 'RFD[0-9]{6,12}A[0-9]{1,3}Z')
    order by value_date, source_code, account, line_id
"""


def settle(connection: Connection, app: App, now: datetime) -> list[tuple[str, str, str, str, bool]]:
    """Close and reopen refunds by the lines in ``bank``; what each line was, as the engine takes it. A line has one
    effect, so that a repetition changes nothing."""
    lines = [BankLine(*row) for row in connection.execute(_CARRYING).fetchall()]
    if not lines:
        return []
    found = settle_payouts(SYSTEM, app.store, now=now, lines=lines)
    told = {(one.line.source_code, one.line.account, one.line.line_id): one for one in found}
    return [(*key, one.answer.value, one.is_told) for key, one in sorted(told.items())]
