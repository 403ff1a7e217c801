"""Kinds of requests: what each is called, who may make it, and what runs when it is approved.

The service that owns a command registers its kind when it is imported; ``MODULES`` names all such services, so that
every process knows every kind before it decides on anything.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.approvals import RequestMove
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.organisation.installation import installation, today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Transaction

MODULES: tuple[str, ...] = (
    "ops_app.services.casework.batches",
    "ops_app.services.casework.request_kinds",
    "ops_app.services.casework.request_rules",
    "ops_app.services.casework.take_over_running",
    "ops_app.services.ledger.commission_contracts",
    "ops_app.services.ledger.settlement_closing",
    "ops_app.services.ledger.closing",
    "ops_app.services.ledger.differences",
    "ops_app.services.ledger.write_off_criteria",
    "ops_app.services.ledger.write_offs",
    "ops_app.services.ledger.refunds",
    "ops_app.services.ledger.reversing",
    "ops_app.services.organisation.agency_rights",
    "ops_app.services.organisation.announcement_publishing",
    "ops_app.services.organisation.approval_rules",
    "ops_app.services.organisation.export_releasing",
    "ops_app.services.organisation.parameters",
    "ops_app.services.organisation.rights",
    "ops_app.services.organisation.role_giving",
)
"""The services that register kinds. An area that registers one adds itself here."""

Run = Callable[[Transaction, Mapping[str, Any]], Mapping[str, Any]]
Followed = Callable[[Transaction, ApprovalRequest, RequestMove, Actor, str], None]
"""(transaction, the request after the move, the move, who made it, their reason)."""


@dataclass(frozen=True)
class Draft:
    """What somebody asks for, before it is a request: checked when it is made and when it is submitted again."""

    kind: str
    object_type: str
    object_id: str
    arguments: Mapping[str, Any]
    amount_minor: int | None
    currency: str | None
    reason: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of request. ``run`` gets the arguments as JSON gives them back (days and moments as text, decimals as
    text) and returns what came of it; it runs once, in the transaction of the last approval."""

    code: str
    name: tuple[str, str]
    make: str
    run: Run
    check: Callable[[Transaction, Draft], None] | None = None
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    many: bool = False
    life: timedelta | None = None
    levels: Callable[[Transaction, Draft], tuple[Role, ...]] | None = None
    followed: Followed | None = None
    fixed: bool = False


EXPIRY = "organisation.approval_expiry_days"
"""The parameter that says how long a request waits, unless its kind has a ``life`` of its own."""

KINDS: dict[str, Kind] = {}
"""Code → kind, for those whose service was imported; ``kinds()`` imports all."""


def register(
    kind: str,
    *,
    name: tuple[str, str],
    make: str,
    run: Run,
    check: Callable[[Transaction, Draft], None] | None = None,
    labels: Mapping[str, tuple[str, str]] | None = None,
    flags: Mapping[str, tuple[str, str]] | None = None,
    many: bool = False,
    life: timedelta | None = None,
    levels: Callable[[Transaction, Draft], tuple[Role, ...]] | None = None,
    followed: Followed | None = None,
    fixed: bool = False,
) -> None:
    """Say what a kind of request is. Called once, at import, by the service that owns its command.

    ``name`` and the values of ``labels`` (argument, or ``argument.value`` for a code → name) and ``flags`` (risk flag →
    sentence) are English and 中文; ``make`` is the permission a maker needs. ``check`` refuses a draft that cannot be
    carried out (it must hold the amount against the arguments). ``many`` allows several open requests for one object;
    ``life`` is how long a request waits before it expires (``None``: as the parameter ``EXPIRY`` says). ``levels``
    names the roles that decide, where the rules of approval alone do not; ``followed`` is called within every move of a
    request, and what it raises undoes the move. ``fixed``: what is asked for is kept with its object, so that only the
    reason can be changed when the request is returned. Raises ``LookupError`` for an unknown permission or a code that
    is taken.
    """
    if make not in GRANTS:
        raise LookupError(f"permission {make!r} is not in the table of grants")
    if kind in KINDS:
        raise LookupError(f"the kind {kind!r} is registered already")
    KINDS[kind] = Kind(
        kind, name, make, run, check, dict(labels or {}), dict(flags or {}), many, life, levels, followed, fixed
    )


def kinds() -> Mapping[str, Kind]:
    """Every kind of the house."""
    _import_all()
    return KINDS


def check_lenders() -> None:
    """Raise ``Invalid`` where a lender's file has rules for a kind of request that there is none of: they would never
    be asked for anything."""
    known = kinds()
    for lender in installation().lenders.values():
        unknown = sorted(set(lender.approvals) - set(known))
        if unknown:
            raise Invalid(
                f"{lender.code}.yml is wrong: there is no kind of request {unknown[0]}.",
                f"{lender.code}.yml 有误：没有申请类型 {unknown[0]}。",
                field="lender",
            )


def kind_of(code: str) -> Kind:
    """The kind of a code; raises ``Refused`` where this program has no command for it."""
    found = kinds().get(code)
    if found is None:
        raise Refused(
            f"This installation cannot carry out requests of the kind {code}.", f"本系统无法执行类型为 {code} 的申请。"
        )
    return found


def expires_at(transaction: Transaction, kind: Kind) -> datetime:
    """When a request of ``kind`` that is made in this act expires."""
    now = transaction.now
    return now + (kind.life or timedelta(days=number_on(transaction.connection, EXPIRY, today(now))))


@functools.cache
def _import_all() -> None:
    for module in MODULES:
        importlib.import_module(module)
