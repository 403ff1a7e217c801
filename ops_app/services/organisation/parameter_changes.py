"""Changing a parameter: the command that an approval runs, and the check before it is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.parameter_changes import BACK_DATED, Area, Change, Plan, plan
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameter_values import stored_form, stored_text
from ops_app.domain.organisation.parameters import ALL, Effect, ParameterChanged, ParameterVersion, Scope, sealed
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.organisation import parameters
from ops_app.store.store import Transaction

KIND = "parameters.change"
ARGUMENTS = frozenset(
    {"code", "scope", "expected_version", "effect", "value", "valid_from_date", "valid_to_date", "zone", "reason"}
    | {"made_by", "back_dated"}
)
"""What a written-down change says."""

LONGEST_REASON = 500


def run_change(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Carry out a change as ``arguments_of`` wrote it down; everything is checked anew, for days may have passed.

    Returns the code, the scope and the numbers of the versions made. Raises ``ParameterChanged`` if somebody changed
    the parameter since, ``Conflict`` if its first day went by while it waited, and what ``plan`` raises.
    """
    asked = plan_of(transaction, arguments)
    change, scope = asked.change, asked.change.scope.text
    known = in_force(transaction.connection)
    check_day(asked, arguments)
    approval_id = parameters.approval_in_hand(transaction.connection, KIND, object_id_of(change.code, change.scope))
    numbers = _write(transaction, known, asked, arguments, approval_id)
    before = known.held(change.code, change.valid_from_date, change.scope)
    transaction.audit(
        "parameter.withdrawn" if change.effect is Effect.WITHDRAW else "parameter.changed",
        "parameter",
        change.code,
        before={"scope": before.scope, "version_no": before.version_no, "value": stored_form(before.value)},
        after={
            "scope": scope,
            "version_nos": numbers,
            "effect": change.effect,
            "value": None if change.value is None else stored_form(change.value),
            "valid_from_date": change.valid_from_date,
            "valid_to_date": change.valid_to_date,
            "made_by": arguments["made_by"],
            "approval_id": approval_id,
        },
        reason=arguments["reason"],
    )
    return {"code": change.code, "scope": scope, "version_nos": numbers}


def plan_of(transaction: Transaction, arguments: Mapping[str, Any]) -> Plan:
    """The plan of a written-down change against the store of this moment, which then stays as it is until the end of
    the transaction; raises as ``run_change`` does."""
    connection = transaction.connection
    parameters.lock(connection)
    known = in_force(connection)
    change = change_of(known, arguments)
    made = known.versions(change.code, change.scope.text)
    if len(made) != arguments["expected_version"]:
        last = made[-1] if made else None
        who = "" if last is None else parameters.names(connection, [last.made_by]).get(last.made_by, last.made_by)
        raise ParameterChanged(who, len(made))
    today = transaction.now.astimezone(ZoneInfo(arguments["zone"])).date()
    return plan(known, change, today=today, closed=closed_days(transaction.connection))


def check_day(asked: Plan, arguments: Mapping[str, Any]) -> None:
    """Raise ``Conflict`` if the first day of a change that was not to reach back has passed."""
    change = asked.change
    if BACK_DATED in asked.approval_reasons and not arguments["back_dated"]:
        raise Conflict(
            f"The day from which this was to hold, {change.valid_from_date}, went by while it waited. "
            "Ask for it anew with a later day.",
            f"等待期间已过拟生效日 {change.valid_from_date}，请以新的生效日重新申请。",
            field="valid_from",
        )


def closed_days(connection: Any) -> list[Area]:
    """The days that are closed."""
    return [Area(one.area, one.first_date, one.end_date) for one in parameters.periods(connection)]


def arguments_of(
    change: Change, *, expected_version: int, zone: str, reason: str, made_by: str, back_dated: bool
) -> dict[str, Any]:
    """A change written down in JSON's types, so that an approval can keep it and run it later."""
    return {
        "code": change.code,
        "scope": change.scope.text,
        "expected_version": expected_version,
        "effect": change.effect.value,
        "value": None if change.value is None else json.loads(stored_text(change.value)),
        "valid_from_date": change.valid_from_date.isoformat(),
        "valid_to_date": None if change.valid_to_date is None else change.valid_to_date.isoformat(),
        "zone": zone,
        "reason": reason,
        "made_by": made_by,
        "back_dated": back_dated,
    }


def object_id_of(code: str, scope: Scope) -> str:
    """What an approval of a change is about: the parameter, and the scope where it is not all."""
    return code if scope == ALL else f"{code} {scope.text}"


def change_of(known: ParameterSet, arguments: Mapping[str, Any]) -> Change:
    """The change of written-down arguments; raises ``Invalid`` or ``NoSuchParameter``."""
    definition = known.definition(arguments["code"])
    effect = Effect(arguments["effect"])
    end = arguments["valid_to_date"]
    return Change(
        code=definition.code,
        scope=Scope.parse(arguments["scope"]),
        effect=effect,
        valid_from_date=date.fromisoformat(arguments["valid_from_date"]),
        value=definition.rule.read(arguments["value"]) if effect is Effect.SET else None,
        valid_to_date=None if end is None else date.fromisoformat(end),
    )


def checked_reason(reason: str) -> str:
    """The reason with its spaces tidied; raises ``Invalid`` if there is none or it is too long."""
    text = " ".join(reason.split())
    if not text:
        raise Invalid("Say why.", "请填写原因。", field="reason")
    if len(text) > LONGEST_REASON:
        raise Invalid(
            f"A reason has at most {LONGEST_REASON} characters.", f"原因最多 {LONGEST_REASON} 字。", field="reason"
        )
    return text


def _write(
    transaction: Transaction, known: ParameterSet, asked: Plan, arguments: Mapping[str, Any], approval_id: str | None
) -> list[int]:
    connection, change = transaction.connection, asked.change
    seq, prev_id = parameters.newest(connection)
    number = len(known.versions(change.code, change.scope.text))
    numbers = []
    for one in asked.versions:
        seq, number = seq + 1, number + 1
        version = sealed(
            ParameterVersion(
                seq=seq,
                code=change.code,
                scope=change.scope.text,
                version_no=number,
                effect=one.effect,
                value_json=None if one.value is None else stored_text(one.value),
                valid_from_date=one.valid_from_date,
                replaces=one.replaces,
                made_by=arguments["made_by"],
                made_at=transaction.now,
                approval_id=approval_id,
                reason=arguments["reason"],
                prev_id=prev_id,
            )
        )
        parameters.add(connection, version)
        prev_id = version.version_id
        numbers.append(number)
    return numbers
