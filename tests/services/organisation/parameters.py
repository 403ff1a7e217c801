"""A catalogue of the tests, and changes as people ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_changes import Change
from ops_app.domain.organisation.parameter_ranges import Range
from ops_app.domain.organisation.parameter_values import ParameterKind, Value, ValueRule
from ops_app.domain.organisation.parameters import ALL, Definition, Effect, Scope
from ops_app.domain.organisation.people import Actor
from ops_app.services.organisation import parameter_catalogue, parameters
from ops_app.services.organisation.parameter_catalogue import Catalogue
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 24)
PLAIN, RISKY, BANDS, CASH = "casework.plain", "casework.risky", "casework.bands", "ledger.cash"


def definition(code: str, kind: ParameterKind, default: Value, **more: object) -> Definition:
    """One parameter of the tests."""
    given: dict = {
        "code": code,
        "area": code.partition(".")[0],
        "rule": ValueRule(
            kind, Decimal(0), None if kind is ParameterKind.RANGES else Decimal(100_000), codes=("A", "B")
        ),
        "default": default,
        "name": (code.partition(".")[2].title(), "参数"),
        "help": ("For tests.", "测试用。"),
        "read_by": "nobody.py",
        "scopes": frozenset({"lender", "product"}),
    }
    return Definition(**(given | more))


@contextmanager
def catalogue_of(*definitions: Definition) -> Iterator[None]:
    """Let the house have these parameters and no others."""
    made = Catalogue({one.code: one for one in definitions}, {"credit_card": ("Credit card", "信用卡")}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameter_catalogue, "catalogue", lambda: made)
        yield


@contextmanager
def usual_catalogue() -> Iterator[None]:
    """Let the house have one parameter of each sort that the tests change."""
    whole = ParameterKind.WHOLE
    with catalogue_of(
        definition(PLAIN, whole, 1),
        definition(RISKY, whole, 1, risky=True),
        definition("casework.held", whole, 1, held_in="dbt/x.sql"),
        definition(BANDS, ParameterKind.RANGES, (Range("A", 0, None),)),
        definition(CASH, ParameterKind.MONEY, Money(100, "CNY")),
        definition("organisation.approval_expiry_days", whole, 14),  # read by every request that is made
    ):
        yield


def day(number: int) -> date:
    """A day by its distance from today."""
    return TODAY + timedelta(days=number)


def value(store: Store, code: str, on_date: date, scope: Scope = ALL) -> Value:
    """What holds on a day."""
    with store.reading() as connection:
        return parameters.value_on(connection, code, on_date, scope)


def set_to(code: str, value: Value, day: date, scope: Scope = ALL, end: date | None = None) -> Change:
    """A change that gives a value."""
    return Change(code, scope, Effect.SET, day, value, end)


def propose(actor: Actor, store: Store, change: Change, version: int, key: str = "", **more) -> parameters.Asked:
    """Ask for a change as a page does."""
    asked = {"now": NOW, "zone": ZONE, "reason": "because", "key": key or f"k-{change.code}-{version}"} | more
    return parameters.propose_change(actor, store, change=change, expected_version=version, **asked)
