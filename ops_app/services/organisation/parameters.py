"""Parameters: reading one on a day, and asking for a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import OPEN
from ops_app.domain.organisation.parameter_changes import BACK_DATED, RISKY, Change, Plan, plan
from ops_app.domain.organisation.parameters import Scope
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation import approvals
from ops_app.services.organisation.parameter_changes import (
    ARGUMENTS,
    KIND,
    arguments_of,
    change_of,
    check_day,
    checked_reason,
    closed_days,
    object_id_of,
    plan_of,
    run_change,
)
from ops_app.services.organisation.parameter_lists import (
    SORTABLE,
    ParameterFilter,
    ParameterRecord,
    ParameterRow,
    ParametersPage,
    Past,
    list_parameters,
    read_parameter,
)
from ops_app.services.organisation.parameter_reading import in_force, value_on
from ops_app.store.store import Store, Transaction

__all__ = [
    "SORTABLE",
    "Asked",
    "ParameterFilter",
    "ParameterRecord",
    "ParameterRow",
    "ParametersPage",
    "Past",
    "in_force",
    "list_parameters",
    "preview_change",
    "propose_change",
    "read_parameter",
    "value_on",
    "waiting_changes",
]

LONGEST_KEY = 120


@dataclass(frozen=True)
class Asked:
    """What came of a proposed change: the versions it made, or the approval that it waits for."""

    version_nos: tuple[int, ...]
    approval_id: str | None


@act("parameters.view")
def preview_change(actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, change: Change) -> Plan:
    """What ``change`` would do, day by day, and whether it would need an approval; changes nothing. Raises as
    ``propose_change`` does, but for the version."""
    with store.reading() as connection:
        return plan(in_force(connection), change, today=now.astimezone(zone).date(), closed=closed_days(connection))


@act("parameters.view")
def waiting_changes(
    actor: Actor, store: Store, *, now: datetime, code: str, scope: Scope
) -> tuple[tuple[approvals.ApprovalRequest, Change], ...]:
    """The requests for a change of ``code`` in ``scope`` that nobody has decided yet, each with what it asks for."""
    found = approvals.requests_on(actor, store, now=now, object_type="parameter", object_id=object_id_of(code, scope))
    with store.reading() as connection:
        known = in_force(connection)
    return tuple((one, change_of(known, one.arguments)) for one in found if one.state in OPEN)


@act("parameters.change")
def propose_change(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    zone: ZoneInfo,
    change: Change,
    expected_version: int,
    reason: str,
    key: str,
) -> Asked:
    """Make ``change``, or ask for its approval where it is risky or reaches back; a repeated ``key`` is given the first
    answer.

    ``zone`` is that of the installation: it says which day is today. ``expected_version`` is the number of versions of
    this parameter in this scope that the caller saw: ``ParameterChanged`` names who changed it since. Raises
    ``Invalid`` by field (value, valid_from, valid_to, reason, or the dimension), ``HeldElsewhere`` and
    ``PeriodClosed``.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid("The key of the request is missing.", "缺少请求编号。", field="key")
    why = checked_reason(reason)
    back_dated = change.valid_from_date < now.astimezone(zone).date()
    arguments = arguments_of(
        change,
        expected_version=expected_version,
        zone=zone.key,
        reason=why,
        made_by=actor.person_id,
        back_dated=back_dated,
    )
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("parameters", key, content_hash(arguments))
        claim.refuse_conflict()
        if not claim.is_new:
            return Asked(tuple(claim.answer["version_nos"]), claim.answer["approval_id"])
        planned = plan_of(transaction, arguments)
        if planned.approval_reasons:
            done = Asked((), _request(transaction, arguments, planned))
        else:
            done = Asked(tuple(run_change(transaction, arguments)["version_nos"]), None)
        transaction.answer("parameters", key, vars(done))
    return done


def _request(transaction: Transaction, arguments: Mapping[str, Any], planned: Plan) -> str:
    return approvals.enter_request(
        transaction,
        kind=KIND,
        object_type="parameter",
        object_id=object_id_of(planned.change.code, planned.change.scope),
        arguments=arguments,
        reason=arguments["reason"],
        flags=planned.approval_reasons,
    )


def _check(transaction: Transaction, draft: approvals.Draft) -> None:
    """Refuse a request that could not be carried out, or that names another maker, object or risk than it has."""
    arguments = draft.arguments
    if set(arguments) != ARGUMENTS:
        raise Invalid("The change is not written down whole.", "变更内容不完整。", field="arguments")
    try:
        planned = plan_of(transaction, arguments)
    except (TypeError, ValueError, LookupError) as error:
        raise Invalid("The change cannot be read.", "变更内容无法识别。", field="arguments") from error
    checked_reason(arguments["reason"])
    check_day(planned, arguments)
    stated = (arguments["made_by"], draft.object_type, draft.object_id, set(draft.flags), arguments["back_dated"])
    back_dated = BACK_DATED in planned.approval_reasons
    reasons = set(planned.approval_reasons)
    actual = (
        transaction.actor.person_id,
        "parameter",
        object_id_of(planned.change.code, planned.change.scope),
        reasons,
        back_dated,
    )
    if stated != actual:
        raise Invalid("The request does not say what it does.", "申请说明与内容不一致。", field="arguments")


approvals.register(
    KIND,
    name=("change of a parameter", "参数变更"),
    make="parameters.change",
    run=run_change,
    check=_check,
    labels={
        "code": ("parameter", "参数"),
        "scope": ("holds for", "适用范围"),
        "effect": ("what it does", "变更方式"),
        "value": ("new value", "新取值"),
        "valid_from_date": ("from", "生效日"),
        "valid_to_date": ("until before", "截止日（不含）"),
        "expected_version": ("versions so far", "现有版本数"),
        "reason": ("reason", "理由"),
        "made_by": ("asked for by", "申请人"),
        "zone": ("time zone of the days", "日期所在时区"),
        "back_dated": ("reaches back", "追溯生效"),
    },
    flags={
        RISKY: (
            "a risky parameter: money, personal data, contact or control",
            "高风险参数：涉及资金、个人信息、联系或内控",
        ),
        BACK_DATED: ("holds from a day that has passed", "自过去的日期起生效"),
    },
)
