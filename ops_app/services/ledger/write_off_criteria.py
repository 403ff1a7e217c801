"""Criteria of write-off (feature 21): those of the reference data until people change one by an approved request, and
a test run of what would qualify over the whole book."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.write_off_criteria import (
    ANY,
    METHOD_NAMES,
    PATH_NAMES,
    PROOF_NAMES,
    Criterion,
    ProofKind,
    Verdict,
    WriteOffPath,
    criteria_from,
    in_force,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.services.organisation.installation import today
from ops_app.store.ledger import write_off_criteria as stored
from ops_app.store.ledger import write_off_eligible
from ops_app.store.ledger.write_off_eligible import Outcome
from ops_app.store.store import Store, Transaction

__all__ = ["CHANGE", "Outcome", "TrialRun", "criteria_on", "list_criteria", "reference_criteria", "request_criterion",
           "try_criteria"]  # fmt: skip

REFERENCE = PROJECT_ROOT / "data" / "reference" / "write_off_criteria.yml"
CHANGE = "write_off.criteria_change"
"""The kind of a request that enters a version of one criterion."""

OBJECT = "write_off_criterion"
_ALWAYS = date(2000, 1, 1)


@dataclass(frozen=True)
class TrialRun:
    """What would qualify on ``on_date``, by lender, product, currency and path, and what does not, by reason;
    ``totals`` are currency → whole minor units of what qualifies."""

    on_date: date
    criteria: tuple[Criterion, ...]
    eligible: tuple[Outcome, ...]
    excluded: tuple[Outcome, ...]
    totals: dict[str, int]


@functools.cache
def reference_criteria() -> tuple[Criterion, ...]:
    """What the reference data says; raises ``Invalid`` where it does not hold together."""
    return criteria_from(yaml_of(REFERENCE.read_text(encoding="utf-8")), _ALWAYS)


def criteria_on(connection: Connection, day: date) -> list[Criterion]:
    """The criteria in force on ``day``."""
    return in_force([*reference_criteria(), *stored.all_criteria(connection)], day)


@act("write_offs.view")
def list_criteria(actor: Actor, store: Store, *, now: datetime) -> list[Criterion]:
    """Every version, of the reference (version 0) and those that people made: those in force first, then what starts
    later and what was in force before."""
    with store.reading() as connection:
        made = stored.all_criteria(connection)
    every = [*reference_criteria(), *made]
    held = in_force(every, today(now))
    rest = [one for one in every if one not in held]
    return [*held, *sorted(rest, key=lambda one: (one.starts_date, one.place, one.version), reverse=True)]


@act("write_offs.view")
def try_criteria(actor: Actor, store: Store, *, now: datetime, on_date: date | None = None) -> TrialRun:
    """What would qualify over the whole book within reach under the criteria of ``on_date`` (default today), and what
    does not and why. Changes nothing. One set-based pass over the open cases."""
    day = on_date or today(now)
    with store.reading() as connection:
        held = criteria_on(connection, day)
        found = write_off_eligible.outcomes(connection, scope_of(actor), now, held)
    eligible = tuple(one for one in found if one.verdict is Verdict.ELIGIBLE)
    totals: dict[str, int] = {}
    for one in eligible:
        totals[one.currency] = totals.get(one.currency, 0) + one.owed_minor
    return TrialRun(day, tuple(held), eligible, tuple(one for one in found if one not in eligible), totals)


@act("write_offs.criteria")
def request_criterion(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    path: WriteOffPath,
    least_days_past_due: int,
    proofs: Sequence[ProofKind],
    method: str,
    starts_date: date,
    partial: bool = False,
    least_minor: int | None = None,
    most_minor: int | None = None,
    lender_code: str = ANY,
    product_code: str = ANY,
    currency: str = ANY,
    is_open: bool = True,
    reason: str,
    key: str,
) -> str:
    """Ask for another version of a criterion from ``starts_date`` on, which is not in the past: what was decided keeps
    the version it was decided by. The id of the request for approval. Raises ``Invalid`` by field."""
    one = Criterion(
        path, least_days_past_due, tuple(sorted(proofs, key=list(ProofKind).index)), method, starts_date, partial,
        least_minor, most_minor, lender_code, product_code, currency, is_open,
    )  # fmt: skip
    _check_start(one, today(now))
    return request_approval(
        actor, store, now=now, kind=CHANGE, object_type=OBJECT, object_id="/".join(one.place), arguments=one.facts(),
        reason=reason, key=key,
    )  # fmt: skip


def _check_start(one: Criterion, day: date) -> None:
    if one.starts_date < day:
        raise Invalid("A criterion does not begin in the past.", "认定条件的生效日不得早于今天。", field="starts_date")


def _stated(arguments: Mapping[str, Any]) -> Criterion:
    try:
        starts = arguments["starts_date"]
        return Criterion(
            path=WriteOffPath(arguments["path"]), least_days_past_due=int(arguments["least_days_past_due"]),
            proofs=tuple(ProofKind(one) for one in arguments["proofs"]), method=str(arguments["method"]),
            starts_date=starts if isinstance(starts, date) else date.fromisoformat(starts),
            partial=bool(arguments["partial"]), least_minor=arguments["least"], most_minor=arguments["most"],
            lender_code=str(arguments["lender_code"]), product_code=str(arguments["product_code"]),
            currency=str(arguments["currency"]), is_open=bool(arguments["is_open"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("The criterion is not whole.", "认定条件内容不完整。", field="path") from error


def _check(transaction: Transaction, draft: Draft) -> None:
    one = _stated(draft.arguments)
    if draft.object_id != "/".join(one.place):
        raise Invalid("The request is about another criterion.", "申请对象与内容不一致。", field="path")
    _check_start(one, today(transaction.now))


def _change(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Enter the version. Where it was approved after the day it should begin, it begins on the day of approval: nothing
    that was judged meanwhile is judged otherwise."""
    one = _stated(arguments)
    connection = transaction.connection
    one = replace(
        one,
        starts_date=max(one.starts_date, today(transaction.now)),
        version=stored.last_version(connection, one) + 1,
    )
    before = next((it for it in criteria_on(connection, one.starts_date) if it.place == one.place), None)
    try:
        stored.add(connection, one, transaction.now, transaction.actor.person_id)
    except IntegrityError as error:
        raise Conflict("Somebody changed this criterion meanwhile.", "该认定条件已被他人更改。") from error
    transaction.audit(
        "write_off.criterion_changed", OBJECT, "/".join(one.place), before=before.facts() if before else None,
        after=one.facts() | {"version": one.version},
    )  # fmt: skip
    return {"version": one.version, "starts_date": one.starts_date}


register(
    CHANGE,
    name=("change of a criterion of write-off", "核销认定条件变更"),
    make="write_offs.criteria",
    run=_change,
    check=_check,
    labels={
        "path": ("path", "核销路径"),
        **{f"path.{path.value}": names for path, names in PATH_NAMES.items()},
        "lender_code": ("lender", "资方"),
        f"lender_code.{ANY}": ("every lender without a criterion of its own", "无单独条件的全部资方"),
        "product_code": ("product", "产品"),
        f"product_code.{ANY}": ("every product without a criterion of its own", "无单独条件的全部产品"),
        "currency": ("currency", "币种"),
        f"currency.{ANY}": ("every currency", "全部币种"),
        "least_days_past_due": ("days past due, at least", "逾期天数下限"),
        "least": ("amount, at least", "金额下限"),
        "most": ("amount, at most", "金额上限"),
        "proofs": ("evidence", "证据清单"),
        **{f"proofs.{kind.value}": names for kind, names in PROOF_NAMES.items()},
        "partial": ("single components too", "允许部分核销"),
        "method": ("method of booking", "记账方法"),
        **{f"method.{method}": names for method, names in METHOD_NAMES.items()},
        "is_open": ("open", "启用"),
        "starts_date": ("from", "生效日"),
    },
)
