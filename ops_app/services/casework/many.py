"""Many cases in one act: all of them or none, or those that can with the others dropped and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops_app.domain.casework.cases import CaseChanged, NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import DomainError, Invalid, SomeOfMany
from ops_app.services.casework.changing import Change, apply, last_of_each, locked
from ops_app.store.casework import cases, periods
from ops_app.store.casework.cases import Case
from ops_app.store.store import Transaction

LARGEST_BULK = 5_000


@dataclass(frozen=True)
class Moved:
    """What an act did: the cases it changed, and those it dropped with the reason (only where that was allowed)."""

    case_ids: tuple[str, ...]
    dropped: dict[str, DomainError]


class SomeRefused(SomeOfMany, Invalid):
    """Some of the cases cannot be changed, so none was; ``refused`` has every one with its reasons."""

    def __init__(self, refused: Mapping[str, DomainError], total: int) -> None:
        first = next(iter(refused.values()))
        super().__init__(
            f"{len(refused)} of {total} cases cannot be changed, so none was. The first: {first.en}",
            f"{total} 件案件中有 {len(refused)} 件不能办理，故全部未办理。首个原因：{first.zh}",
            field="cases",
        )
        self.refused = dict(refused)


def chosen(transaction: Transaction, arguments: Mapping[str, Any]) -> tuple[dict[str, Case], dict[str, DomainError]]:
    """The cases of ``arguments["cases"]`` (id → version that was read), locked, and those that are gone.

    With ``drop_refused`` they are taken as they are now, whatever version was read: what changed meanwhile is judged as
    it stands. With ``leave_out`` those that changed are left with those that are gone. Otherwise raises ``NoSuchCase``
    and ``CaseChanged``.
    """
    wanted = counted(arguments["cases"])
    if not arguments.get("drop_refused") and not arguments.get("leave_out"):
        return locked(transaction, wanted), {}
    connection = transaction.connection
    found = cases.read_locked(connection, list(wanted), scope_of(transaction.actor), transaction.now)
    gone: dict[str, DomainError] = {case_id: NoSuchCase() for case_id in sorted(wanted) if case_id not in found}
    if arguments.get("leave_out"):
        changed = sorted(case_id for case_id, one in found.items() if one.version != wanted[case_id])
        by = periods.last_actors(connection, changed)
        gone |= {case_id: CaseChanged(by.get(case_id) or "Recoup", found.pop(case_id).state) for case_id in changed}
    return found, gone


def counted(wanted: Mapping[str, int]) -> dict[str, int]:
    """``wanted`` if it is of a size that one act takes; raises ``Invalid``."""
    if not 1 <= len(wanted) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} cases.", f"请选择 1 至 {LARGEST_BULK} 件案件。", field="cases")
    return dict(wanted)


def tried(
    found: Mapping[str, Case], do: Callable[[Case], Sequence[Change]]
) -> tuple[list[Change], dict[str, DomainError]]:
    """The changes that ``do`` makes of each case, and why it refused the others."""
    changes: list[Change] = []
    refused: dict[str, DomainError] = {}
    for case_id in sorted(found):
        try:
            changes += do(found[case_id])
        except DomainError as error:
            refused[case_id] = error
    return changes, refused


def finish(
    transaction: Transaction,
    changes: Sequence[Change],
    refused: Mapping[str, DomainError],
    arguments: Mapping[str, Any],
) -> Moved:
    """Write the changes; raises ``SomeRefused`` where something was refused and may not be dropped, or nothing is left
    to be done of what was to be done without the refused."""
    done = last_of_each(changes)
    may_drop = arguments.get("drop_refused") or (arguments.get("leave_out") and done)
    if refused and not may_drop:
        raise SomeRefused(refused, len(done) + len(refused))
    apply(transaction, changes)
    return Moved(tuple(one.case_id for one in done), dict(refused))
