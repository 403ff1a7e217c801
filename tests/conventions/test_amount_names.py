"""Amounts are hidden by their names (decision 0017), so whatever holds one has a name that says so."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from types import ModuleType

import ops_app.domain
import ops_app.gateways
import ops_app.services
import ops_app.store
from ops_app.domain.organisation.amounts import OF_THE_HOUSE, is_amount

SAID = ("amount", "balance", "owed", "paid", "principal", "interest", "fees", "penalty", "waived", "sum", "difference")
"""Words for money; a whole number, a decimal or a sum of a record named by one is an amount."""

NO_ANSWERS = {
    "domain.ledger.accrual.AccrualTerms.interest_rate": "a term of the lender's, the same for every loan",
    "domain.ledger.accrual.AccrualTerms.penalty_rate": "a term of the lender's, the same for every loan",
    "domain.ledger.accrual.Accrued.interest_carry": "reckoned with inside, in no answer",
    "domain.ledger.accrual.Accrued.penalty_carry": "reckoned with inside, in no answer",
    "store.ledger.accruals.Accruing.owed": "reckoned with inside, in no answer",
    "store.ledger.accruals.Accruing.interest_carry": "reckoned with inside, in no answer",
    "store.ledger.accruals.Accruing.penalty_carry": "reckoned with inside, in no answer",
    "store.ledger.accruals.Through.interest_carry": "reckoned with inside, in no answer",
    "store.ledger.accruals.Through.penalty_carry": "reckoned with inside, in no answer",
    "domain.casework.placing.Criteria.minimum": "what the house places at least",
    "domain.ledger.waiver_limits.WaiverLimits.case_limit": "a limit of the house",
    "domain.ledger.waiver_limits.WaiverLimits.debtor_limit": "a limit of the house",
    "domain.casework.request_forms.Standing.not_posted": "reckoned with inside, in no answer",
    "domain.casework.waivers.Grant.waived": "reckoned with inside, in no answer",
    "domain.casework.waivers.Grant.owed": "reckoned with inside, in no answer",
}
"""Field → why it needs no such name."""

NUMBERS = ("int", "Decimal", "Money")


def records() -> Iterator[tuple[str, Field[object]]]:
    """Every field of every record of the house, by its full name."""
    for package in (ops_app.domain, ops_app.services, ops_app.store, ops_app.gateways):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".migrations" not in info.name:
                yield from _of(importlib.import_module(info.name))


def _of(module: ModuleType) -> Iterator[tuple[str, Field[object]]]:
    for name, record in vars(module).items():
        if isinstance(record, type) and is_dataclass(record) and record.__module__ == module.__name__:
            for one in fields(record):
                yield f"{module.__name__.removeprefix('ops_app.')}.{name}.{one.name}", one


def unnamed(found: Iterator[tuple[str, Field[object]]]) -> list[str]:
    """Fields that hold an amount under a name that does not say so."""
    wrong = []
    for full, one in found:
        kind = str(one.type)
        words = one.name.split("_")
        is_money = "Money" in kind or (any(number in kind for number in NUMBERS) and any(it in words for it in SAID))
        if is_money and not is_amount(one.name) and one.name not in OF_THE_HOUSE and full not in NO_ANSWERS:
            wrong.append(full)
    return wrong


def test_whatever_holds_an_amount_is_named_so_that_it_can_be_hidden() -> None:
    assert unnamed(records()) == [], "end the name in _minor; else it is shown to people who may see no amounts"
    known = {full for full, _ in records()}
    assert set(NO_ANSWERS) <= known, "exceptions that are no more"
