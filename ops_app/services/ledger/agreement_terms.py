"""What parameters say of waivers and plans, for the lender and product of a case: limits, grace, what ends one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.casework.request_forms import Standing
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.ledger.schedules import BusinessDays, DueDays
from ops_app.domain.ledger.waiver_limits import LimitUse, WaiverLimits, uses
from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.services.organisation.calendars import calendar_of
from ops_app.services.organisation.installation import scope_of_loan, today
from ops_app.services.organisation.parameter_reading import as_codes, as_number, in_force
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import agreements
from ops_app.store.ledger.agreements import Granted

MAY_BE_WAIVED = "ledger.waiver_components"
SHARES = {
    "principal": "ledger.waiver_share_principal",
    "interest": "ledger.waiver_share_interest",
    "fees": "ledger.waiver_share_fees",
    "penalty": "ledger.waiver_share_penalty",
}
CASE_LIMIT = "ledger.waiver_case_limit"
DEBTOR_LIMIT = "ledger.waiver_debtor_limit"
PERIOD_DAYS = "ledger.waiver_period_days"
GRACE_DAYS = "ledger.plan_grace_days"
MISSED_MOST = "ledger.plan_missed_most"
BUSINESS_DAYS = "ledger.plan_business_days"
RE_AGE_AFTER = "ledger.plan_re_age_after"
BALANCE_CHANGE = "ledger.agreement_balance_change"


@dataclass(frozen=True)
class AgreementRules:
    """The parameters of a day (of the installation's zone), asked for one case at a time."""

    parameters: ParameterSet
    day: date

    def limits(self, one: Case) -> WaiverLimits:
        """How much may be waived on a case of its lender and product."""
        case_limit, debtor_limit = self._value(CASE_LIMIT, one), self._value(DEBTOR_LIMIT, one)
        assert isinstance(case_limit, Money)
        assert isinstance(debtor_limit, Money)
        return WaiverLimits(
            frozenset(as_codes(self._value(MAY_BE_WAIVED, one))),
            {part: self._share(code, one) for part, code in SHARES.items()},
            case_limit,
            debtor_limit,
            self._number(PERIOD_DAYS, one),
        )

    def grace_days(self, one: Case) -> int:
        """Days after its due day within which an instalment may still come."""
        return self._number(GRACE_DAYS, one)

    def missed_most(self, one: Case) -> int:
        """How many instalments may be missed before the plan lapses."""
        return self._number(MISSED_MOST, one)

    def due_days(self, one: Case) -> DueDays:
        """What becomes of a due day at a weekend or on a holiday of the loan's rule pack."""
        scope = scope_of_loan(one.lender_code, one.product_code)
        return DueDays(BusinessDays(str(self._value(BUSINESS_DAYS, one))), calendar_of(scope.pack))

    def re_age_after(self, one: Case) -> int:
        """How many instalments are kept, from the first, before the case counts as re-aged."""
        return self._number(RE_AGE_AFTER, one)

    def tolerance_minor(self, one: Case) -> int:
        """By how much what is owed may change, other than by payments, before an agreement lapses."""
        share = self._share(BALANCE_CHANGE, one)
        return int((one.balance_minor * share).to_integral_value(ROUND_DOWN))

    def _number(self, code: str, one: Case) -> int:
        return as_number(self._value(code, one))

    def _share(self, code: str, one: Case) -> Decimal:
        found = self._value(code, one)
        assert isinstance(found, Decimal)
        return found

    def _value(self, code: str, one: Case) -> Any:
        return self.parameters.value(code, self.day, scope_of_loan(one.lender_code, one.product_code))


def agreement_rules(connection: Connection, now: datetime) -> AgreementRules:
    """The rules of the day of ``now``."""
    return AgreementRules(in_force(connection), today(now))


def limit_uses(
    connection: Connection, case: Case, form: Mapping[str, Any], standing: Standing, request_id: str, now: datetime
) -> list[LimitUse]:
    """Every limit that holds for a waiver of this form on a case, and what is used of it; waivers that lapsed count for
    none."""
    granted = agreements.granted_to(connection, [case.debtor_key])
    return uses_among(agreement_rules(connection, now), case, form, standing, request_id, granted, now)


def uses_among(
    rules: AgreementRules, case: Case, form: Mapping[str, Any], standing: Standing, request_id: str,
    granted: Iterable[Granted], now: datetime,
) -> list[LimitUse]:  # fmt: skip
    """``limit_uses``, of what was ``granted`` to the debtor (among others)."""
    limits = rules.limits(case)
    since = now - timedelta(days=limits.period_days)
    counted = [
        one
        for one in granted
        if (one.debtor_key, one.currency) == (case.debtor_key, case.currency)
        and one.granted_at >= since
        and one.agreement_id != request_id
    ]
    return uses(
        limits,
        {part: int(form.get(f"waived_{part}_minor", 0)) for part in COMPONENTS},
        standing.owed,
        standing.not_posted,
        case_before_minor=sum(one.waived_minor for one in counted if one.case_id == case.case_id),
        debtor_before_minor=sum(one.waived_minor for one in counted),
        currency=case.currency,
    )
