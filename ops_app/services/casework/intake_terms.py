"""What intake reads of the parameters: from how many days on a loan is a case, and which bucket a day is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ops_app.config import yaml_of
from ops_app.domain.casework.intake import IntakeRule, checked, rules_listed
from ops_app.domain.organisation.lenders import BUCKETS, Lender
from ops_app.domain.organisation.parameter_ranges import Range
from ops_app.domain.organisation.parameter_timeline import BEGINNING, ParameterSet
from ops_app.services.organisation.installation import installation, scope_of_loan
from ops_app.services.organisation.parameter_reading import as_number, as_ranges

LEAST_DAYS = "casework.intake_days_past_due"


def intake_rules(reference: Path, lenders: Mapping[str, Lender]) -> tuple[IntakeRule, ...]:
    """Every rule of intake: of the house, from ``reference``/intake.yml, and of its lenders. Raises ``Invalid``."""
    house = rules_listed(yaml_of((reference / "intake.yml").read_text(encoding="utf-8")))
    return checked((*house, *(rule for lender in lenders.values() for rule in lender.intake)))


@dataclass(frozen=True)
class IntakeTerms:
    """The parameters as the store has them at the beginning of a run."""

    known: ParameterSet

    def least_days(self, lender_code: str | None, product_code: str | None, day: date) -> int:
        """From how many days past due on a loan is a case on ``day``, where its rule says no number itself."""
        return as_number(self.known.value(LEAST_DAYS, day, scope_of_loan(lender_code, product_code)))

    def buckets(self) -> Mapping[str | None, tuple[Range, ...]]:
        """Bucket edges of the house (under ``None``) and of the lenders that have their own. They are held in files,
        so they hold on every day."""
        house = as_ranges(self.known.value(BUCKETS, BEGINNING))
        found: dict[str | None, tuple[Range, ...]] = {None: house}
        for code in installation().lenders:
            own = as_ranges(self.known.value(BUCKETS, BEGINNING, scope_of_loan(code)))
            if own != house:
                found[code] = own
        return found
