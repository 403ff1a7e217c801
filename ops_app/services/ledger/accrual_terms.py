"""For whom Recoup accrues, and on what terms: parameters by lender and product (domain 19)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ops_app.domain.ledger.accrual import AccrualBy, AccrualTerms, DayCount
from ops_app.domain.ledger.accrual_replay import TermsOfDay
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameters import ALL, Scope
from ops_app.services.organisation.installation import scope_of_loan

__all__ = ["DailyTerms"]

BY, DAY_COUNT = "ledger.accrual", "ledger.accrual_day_count"
INTEREST, PENALTY = "ledger.interest_rate", "ledger.penalty_rate"
ANNUAL, SHARE = "ledger.annual_rate_cap", "ledger.accrual_cap_share"


class DailyTerms:
    """The terms of loans by day, each looked up once."""

    def __init__(self, known: ParameterSet) -> None:
        self._known = known
        self._found: dict[tuple[str | None, str | None, date], AccrualTerms | None] = {}

    def any_on(self, day: date) -> bool:
        """Whether Recoup accrues for any lender at all on a day."""
        scopes = {ALL.text, *self._known.scopes(BY)}
        return any(self._known.value(BY, day, Scope.parse(text)) == AccrualBy.RECOUP.value for text in scopes)

    def on(self, lender_code: str | None, product_code: str | None, day: date) -> AccrualTerms | None:
        """The terms of a loan for the night before ``day``; nothing where its lender accrues."""
        place = (lender_code, product_code, day)
        if place not in self._found:
            self._found[place] = self._read(lender_code, product_code, day)
        return self._found[place]

    def of(self, lender_code: str | None, product_code: str | None) -> TermsOfDay:
        """The same by day, of one loan."""
        return lambda day: self.on(lender_code, product_code, day)

    def _read(self, lender_code: str | None, product_code: str | None, day: date) -> AccrualTerms | None:
        scope = scope_of_loan(lender_code, product_code)
        if self._known.value(BY, day, scope) != AccrualBy.RECOUP.value:
            return None

        def share(code: str) -> Decimal:
            value = self._known.value(code, day, scope)
            if not isinstance(value, Decimal):
                raise TypeError(f"{code} is no share")
            return value

        count = DayCount(str(self._known.value(DAY_COUNT, day, scope)))
        return AccrualTerms(count, share(INTEREST), share(PENALTY), share(ANNUAL), share(SHARE))
