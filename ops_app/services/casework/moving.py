"""A case is moved by a person, or a flag of it is set or cleared: with a reason, on the version that was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops_app.domain.casework.cases import (
    BY_THEIR_OWN_ACT,
    MOVE_PERMISSIONS,
    CaseMove,
    MoveNotAllowed,
    checked_reason,
)
from ops_app.domain.casework.flags import FLAG_NAMES, Deed, Flag
from ops_app.domain.casework.flags import require as require_deed
from ops_app.domain.casework.locks import waits_for_lock
from ops_app.domain.casework.requests import CaseRequestKind, OpenDispute
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.services.act import act
from ops_app.services.casework.changing import altered, apply, locked, moved
from ops_app.services.casework.locking import check_locks
from ops_app.services.contact.holding import against_contact
from ops_app.store.casework import periods, requests
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import SetFlag
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.casework import case_flags

__all__ = ["clear_flag", "move_case", "run_clear_flag", "run_move", "run_set_flag", "set_flag"]


@act("cases.view")
def move_case(
    actor: Actor, store: Store, *, now: datetime, case_id: str, version: int, move: CaseMove, reason: str
) -> Case:
    """Move a case by one of the moves that need nothing else; each names the permission it needs.

    Raises ``Refused``, ``NoSuchCase``, ``CaseChanged``, ``CaseLocked``, ``MoveNotAllowed``, ``Forbidden`` (a visit to
    somebody protected), ``Invalid`` (no reason).
    """
    require(actor, MOVE_PERMISSIONS[move])
    with store.writing(actor, now) as transaction:
        if waits_for_lock(move):
            _not_open_elsewhere(transaction, case_id, version)
        return run_move(
            transaction, {"case_id": case_id, "version": version, "move": move.value, "reason": checked_reason(reason)}
        )


@act("cases.flag")
def set_flag(actor: Actor, store: Store, *, now: datetime, case_id: str, version: int, flag: Flag, reason: str) -> Case:
    """Set a flag on a case: from this moment it forbids what its table says. Raises ``Conflict`` if it is set."""
    with store.writing(actor, now) as transaction:
        return run_set_flag(
            transaction, {"case_id": case_id, "version": version, "flag": flag.value, "reason": checked_reason(reason)}
        )


@act("cases.clear_flag")
def clear_flag(
    actor: Actor, store: Store, *, now: datetime, case_id: str, version: int, flag: Flag, reason: str
) -> Case:
    """Clear a flag of a case. Raises ``Conflict`` if it is not set, ``CaseLocked``."""
    with store.writing(actor, now) as transaction:
        _not_open_elsewhere(transaction, case_id, version)
        return run_clear_flag(
            transaction, {"case_id": case_id, "version": version, "flag": flag.value, "reason": checked_reason(reason)}
        )


def _not_open_elsewhere(transaction: Transaction, case_id: str, version: int) -> None:
    """Raise ``CaseLocked`` where somebody else has the case open; of a case out of reach nothing is told."""
    locked(transaction, {case_id: version})
    check_locks(transaction, [case_id])


def run_move(transaction: Transaction, arguments: Mapping[str, Any]) -> Case:
    """``case_id``, ``version``, ``move``, ``reason``: the move within somebody's transaction (an approval's too)."""
    what = CaseMove(arguments["move"])
    one = _one(transaction, arguments)
    if what in BY_THEIR_OWN_ACT:
        raise MoveNotAllowed(one.state, what)
    if what is CaseMove.VISIT:
        held = against_contact(transaction.connection, [one.case_id], transaction.now)
        require_deed(Deed.VISIT, one.position, one.flags, held.get(one.case_id, ()))
    change = moved(one, what, arguments["reason"])
    apply(transaction, [change])
    return change.after


def run_set_flag(transaction: Transaction, arguments: Mapping[str, Any]) -> Case:
    """``case_id``, ``version``, ``flag``, ``reason``."""
    one, flag = _one(transaction, arguments), Flag(arguments["flag"])
    if flag in one.flags:
        raise Conflict(f"The flag is set already: {FLAG_NAMES[flag][0]}.", f"该标识已存在：{FLAG_NAMES[flag][1]}。")
    nth = periods.how_many(transaction.connection, case_flags, [one.case_id]).get(one.case_id, 0) + 1
    periods.add_flag(
        transaction.connection,
        SetFlag(one.case_id, nth, flag, arguments["reason"], transaction.actor.person_id, transaction.now),
    )
    change = altered(one, "flag_set", arguments["reason"], {"flag": flag.value}, flags=one.flags | {flag})
    apply(transaction, [change])
    return change.after


def run_clear_flag(transaction: Transaction, arguments: Mapping[str, Any]) -> Case:
    """``case_id``, ``version``, ``flag``, ``reason``. Raises ``OpenDispute`` while a request about the dispute is
    open."""
    one, flag = _one(transaction, arguments), Flag(arguments["flag"])
    if flag is Flag.DISPUTE and requests.is_open_on(transaction.connection, one.case_id, CaseRequestKind.DISPUTE):
        raise OpenDispute
    if flag not in one.flags:
        raise Conflict(f"The flag is not set: {FLAG_NAMES[flag][0]}.", f"该标识不存在：{FLAG_NAMES[flag][1]}。")
    periods.clear_flag(
        transaction.connection, one.case_id, flag,
        now=transaction.now, by=transaction.actor.person_id, reason=arguments["reason"],
    )  # fmt: skip
    change = altered(one, "flag_cleared", arguments["reason"], {"flag": flag.value}, flags=one.flags - {flag})
    apply(transaction, [change])
    return change.after


def _one(transaction: Transaction, arguments: Mapping[str, Any]) -> Case:
    case_id, version = arguments["case_id"], arguments["version"]
    if not isinstance(version, int):
        raise Invalid("The version of the case is missing.", "缺少案件版本。", field="version")
    return locked(transaction, {case_id: version})[case_id]
