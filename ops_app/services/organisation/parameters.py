"""Parameters: reading one on a day, and asking for a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.parameter_changes import RISKY, Change, Plan, plan
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.parameter_changes import (
    arguments_of,
    checked_reason,
    closed_days,
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
from ops_app.store.store import Store

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
        asked = plan_of(transaction, arguments)
        if asked.approval_reasons:
            raise _waits(asked)
        done = run_change(transaction, arguments)
        answer = {"version_nos": done["version_nos"], "approval_id": None}
        transaction.answer("parameters", key, answer)
    return Asked(tuple(answer["version_nos"]), None)


def _waits(asked: Plan) -> Refused:
    why_en = "it is a risky parameter" if RISKY in asked.approval_reasons else "it reaches back into days gone by"
    why_zh = "属于高风险参数" if RISKY in asked.approval_reasons else "生效日早于今天"
    return Refused(
        f"This change needs an approval, because {why_en}, and approvals are not open in this installation yet.",
        f"此变更{why_zh},须经审批;本系统的审批功能尚未启用。",
    )
