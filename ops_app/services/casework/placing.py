"""Cases are placed with an agency, retained there, and recalled: one or many in one transaction.

Each act has a ``run_*`` that does it within somebody's transaction from arguments that JSON can hold, so that an
approval stores the request and runs it later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops_app.domain.canonical import key_hash, moment_text
from ops_app.domain.casework.cases import CaseMove, NoSuchCase, checked_reason
from ops_app.domain.casework.flags import Deed
from ops_app.domain.casework.flags import require as require_deed
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, apply, locked, moved
from ops_app.services.organisation.installation import scope_of_loan, today
from ops_app.services.organisation.parameter_reading import as_number, in_force
from ops_app.store.casework import cases, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Placement
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.casework import placements

__all__ = [
    "LARGEST_BULK", "Moved", "SomeRefused", "place_cases", "preview_placement", "queue_cases", "recall_cases",
    "retain_case", "run_place_cases", "run_queue_cases", "run_recall_cases", "run_retain_case",
]  # fmt: skip

LARGEST_BULK = 5_000
FIRST_CONTACT = "casework.first_contact_hours"
"""The parameter that says within how many hours of a placement the agency must have tried to reach the debtor."""


@dataclass(frozen=True)
class Moved:
    """What an act did: the cases it changed, and those it dropped with the reason (only where that was allowed)."""

    case_ids: tuple[str, ...]
    dropped: dict[str, DomainError]


class SomeRefused(Invalid):
    """Some of the cases cannot be changed, so none was; ``refused`` has every one with its reasons."""

    def __init__(self, refused: Mapping[str, DomainError], total: int) -> None:
        first = next(iter(refused.values()))
        super().__init__(
            f"{len(refused)} of {total} cases cannot be changed, so none was. The first: {first.en}",
            f"{total} 件案件中有 {len(refused)} 件不能办理,故全部未办理。首个原因:{first.zh}",
            field="cases",
        )
        self.refused = dict(refused)


@act("cases.place")
def queue_cases(actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str) -> Moved:
    """Put cases (id → version) into the queue for placement; all or none. Raises as ``place_cases``."""
    with store.writing(actor, now) as transaction:
        return run_queue_cases(transaction, {"cases": dict(wanted), "reason": checked_reason(reason)})


@act("cases.place")
def place_cases(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: Mapping[str, int],
    agency_code: str,
    due_at: datetime,
    reason: str,
    drop_refused: bool = False,
) -> Moved:
    """Place cases (id → version) with an agency until ``due_at``; all of them or none.

    With ``drop_refused`` cases that were paid, disputed, suspended or changed meanwhile are dropped and listed.
    Raises ``SomeRefused`` (every reason of every case), ``NoSuchCase``, ``CaseChanged``, ``Invalid`` (no agency, a due
    time that is past).
    """
    arguments = {"cases": dict(wanted), "agency_code": agency_code, "due_at": moment_text(due_at),
                 "reason": checked_reason(reason), "drop_refused": drop_refused}  # fmt: skip
    with store.writing(actor, now) as transaction:
        return run_place_cases(transaction, arguments)


@act("cases.place")
def preview_placement(
    actor: Actor, store: Store, *, now: datetime, wanted: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Case → the codes of every reason why it cannot be placed now; empty for one that can."""
    found = {}
    with store.reading() as connection:
        for case_id in wanted:
            one = cases.read(connection, case_id, scope_of(actor), now)
            if one is None:
                raise NoSuchCase
            found[case_id] = tuple(reason.code for reason in one.reasons_against(Deed.PLACEMENT))
    return found


@act("cases.place")
def recall_cases(actor: Actor, store: Store, *, now: datetime, wanted: Mapping[str, int], reason: str) -> Moved:
    """Take cases (id → version) back from their agencies, all or none; access ends at this moment."""
    with store.writing(actor, now) as transaction:
        return run_recall_cases(transaction, {"cases": dict(wanted), "reason": checked_reason(reason)})


@act("cases.place")
def retain_case(
    actor: Actor, store: Store, *, now: datetime, case_id: str, version: int, due_at: datetime, reason: str
) -> Moved:
    """Let the agency keep a case until a later ``due_at`` (留案)."""
    arguments = {
        "case_id": case_id,
        "version": version,
        "due_at": moment_text(due_at),
        "reason": checked_reason(reason),
    }
    with store.writing(actor, now) as transaction:
        return run_retain_case(transaction, arguments)


def run_queue_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``."""
    found = _all(transaction, arguments)
    changes, refused = _tried(found, lambda one: moved(one, CaseMove.QUEUE, arguments["reason"]))
    return _finish(transaction, changes, refused, drop=False)


def run_place_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``agency_code``, ``due_at``, ``reason``, ``drop_refused``."""
    agency = str(arguments["agency_code"]).strip()
    due_at = datetime.fromisoformat(arguments["due_at"])
    if not agency or len(agency) > 32:
        raise Invalid("Name the agency.", "请填写催收机构。", field="agency_code")
    if due_at <= transaction.now:
        raise Invalid("The placement must end in the future.", "委外到期时间须晚于当前时间。", field="due_at")
    drop = bool(arguments.get("drop_refused"))
    found, refused = _still_there(transaction, arguments) if drop else (_all(transaction, arguments), {})

    def place(one: Case) -> Change:
        require_deed(Deed.PLACEMENT, one.position, one.flags)
        return moved(
            one, CaseMove.PLACE, arguments["reason"],
            {"placed_with": agency, "due_at": arguments["due_at"], "placed_balance_minor": one.balance_minor},
            agency_code=agency,
        )  # fmt: skip

    changes, against = _tried(found, place)
    done = _finish(transaction, changes, refused | against, drop=drop)
    _begin_placements(transaction, changes, agency, due_at)
    return done


def run_recall_cases(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``cases`` (id → version), ``reason``."""
    found = _all(transaction, arguments)
    changes, refused = _tried(
        found,
        lambda one: moved(
            one, CaseMove.RECALL, arguments["reason"], {"recalled_from": one.agency_code},
            agency_code=None, collector_id=None,
        ),
    )  # fmt: skip
    done = _finish(transaction, changes, refused, drop=False)
    periods.end_placements(
        transaction.connection, done.case_ids, now=transaction.now, reason="recalled",
        by=transaction.actor.person_id, note=arguments["reason"],
    )  # fmt: skip
    return done


def run_retain_case(transaction: Transaction, arguments: Mapping[str, Any]) -> Moved:
    """``case_id``, ``version``, ``due_at``, ``reason``."""
    case_id = arguments["case_id"]
    found = locked(transaction, {case_id: arguments["version"]})
    running = periods.running_placements(transaction.connection, [case_id]).get(case_id)
    due_at = datetime.fromisoformat(arguments["due_at"])
    change = moved(found[case_id], CaseMove.RETAIN, arguments["reason"], {"due_at": arguments["due_at"]})
    if running is None or due_at <= max(running.due_at, transaction.now):
        raise Invalid("The new end must be later than the present one.", "新到期时间须晚于原到期时间。", field="due_at")
    periods.extend_placement(transaction.connection, case_id, due_at)
    apply(transaction, [change])
    return Moved((case_id,), {})


def _begin_placements(transaction: Transaction, changes: Sequence[Change], agency: str, due_at: datetime) -> None:
    ids = [one.after.case_id for one in changes]
    had = periods.how_many(transaction.connection, placements, ids)
    known, day = in_force(transaction.connection), today(transaction.now)

    def first_contact(one: Case) -> timedelta:
        scope = scope_of_loan(one.lender_code, one.product_code)
        return timedelta(hours=as_number(known.value(FIRST_CONTACT, day, scope)))

    periods.add_placements(
        transaction.connection,
        [
            Placement(
                placement_id=key_hash("placement", one.after.case_id, str(had.get(one.after.case_id, 0) + 1)),
                case_id=one.after.case_id,
                nth=had.get(one.after.case_id, 0) + 1,
                agency_code=agency,
                placed_at=transaction.now,
                due_at=due_at,
                first_contact_due_at=min(due_at, transaction.now + first_contact(one.after)),
                placed_by=transaction.actor.person_id,
                placed_balance_minor=one.after.balance_minor,
                currency=one.after.currency,
            )
            for one in changes
        ],
    )


def _all(transaction: Transaction, arguments: Mapping[str, Any]) -> dict[str, Case]:
    return locked(transaction, _counted(arguments))


def _still_there(
    transaction: Transaction, arguments: Mapping[str, Any]
) -> tuple[dict[str, Case], dict[str, DomainError]]:
    """The cases as they are now, whatever version was read: what changed meanwhile is judged as it stands."""
    wanted = _counted(arguments)
    found = cases.read_locked(transaction.connection, list(wanted), scope_of(transaction.actor), transaction.now)
    return found, {case_id: NoSuchCase() for case_id in wanted if case_id not in found}


def _counted(arguments: Mapping[str, Any]) -> dict[str, int]:
    wanted = dict(arguments["cases"])
    if not 1 <= len(wanted) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} cases.", f"请选择 1 至 {LARGEST_BULK} 件案件。", field="cases")
    return wanted


def _tried(found: Mapping[str, Case], do: Any) -> tuple[list[Change], dict[str, DomainError]]:
    changes: list[Change] = []
    refused: dict[str, DomainError] = {}
    for case_id in sorted(found):
        try:
            changes.append(do(found[case_id]))
        except DomainError as error:
            refused[case_id] = error
    return changes, refused


def _finish(
    transaction: Transaction, changes: Sequence[Change], refused: Mapping[str, DomainError], *, drop: bool
) -> Moved:
    if refused and not drop:
        raise SomeRefused(refused, len(changes) + len(refused))
    apply(transaction, changes)
    return Moved(tuple(one.after.case_id for one in changes), dict(refused))
