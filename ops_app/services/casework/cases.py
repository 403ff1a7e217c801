"""Cases for whoever may see them: lists, one record, what a placement was. The scope comes from the session alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.casework.cases import CaseMove, NoSuchCase, moves_from
from ops_app.domain.casework.flags import Deed, Reason
from ops_app.domain.casework.locks import CaseLock, first_binding
from ops_app.domain.casework.personal import Term, checked_term
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.casework.tags import checked_tag
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.instalments import RecomputedDays
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import LARGEST_PAGE, MOST_COUNTED, check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.casework.locking import locks_of
from ops_app.services.contact.holding import against_contact
from ops_app.services.ledger.schedules import recomputed_days
from ops_app.services.organisation.installation import today
from ops_app.store.casework import case_lists, cases, periods, placement_lists
from ops_app.store.casework.case_lists import DECLARED, FILTERS, SORTS, TAG_SORT, CaseFilter
from ops_app.store.casework.cases import Case
from ops_app.store.casework.periods import Assignment, CaseEvent, Placement, SetFlag
from ops_app.store.casework.placement_lists import MOST_OF_A_LOAN, PlacementFilter
from ops_app.store.casework.placement_lists import SORTS as PLACEMENT_SORTS
from ops_app.store.organisation import agencies, people
from ops_app.store.store import Store
from ops_app.store.zone import begin_of

__all__ = [
    "DECLARED", "FILTERS", "MOST_COUNTED", "PLACEMENT_SORTS", "SORTS", "TAG_SORT",
    "Assignment", "Case", "CaseEvent", "CaseFilter", "CaseRecord", "CasesPage",
    "Placement", "PlacementsPage", "SetFlag", "cases_of_ids", "list_cases", "list_placements", "read_case",
]  # fmt: skip


@dataclass(frozen=True)
class CasesPage:
    """One page of cases; give ``next_after`` as ``after`` for the next. ``total`` is counted up to ``MOST_COUNTED``:
    one more means "more than that". ``placements`` has the running placement of those that are placed."""

    rows: tuple[Case, ...]
    total: int
    next_after: str | None
    placements: dict[str, Placement]


@dataclass(frozen=True)
class PlacementsPage:
    """One page of placements, with the case of each as it is now; ``total`` as of ``CasesPage``."""

    rows: tuple[tuple[Placement, Case], ...]
    next_after: str | None
    total: int


@dataclass(frozen=True)
class CaseRecord:
    """One case with all that happened to it, the other cases of the same person within reach, the moves that its state
    allows, and every reason against a contact and a placement now."""

    case: Case
    events: tuple[CaseEvent, ...]
    placements: tuple[Placement, ...]
    assignments: tuple[Assignment, ...]
    flags: tuple[SetFlag, ...]
    same_debtor: tuple[Case, ...]
    moves: tuple[CaseMove, ...]
    against_contact: tuple[Reason, ...]
    against_placement: tuple[Reason, ...]
    lock: CaseLock | None = None
    """Of somebody whom the reader waits for before they change the case."""
    by_schedule: RecomputedDays | None = None
    """Days past due by the schedule of the loan; none where its lender supplies no schedule."""


@act("cases.view")
def list_cases(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: CaseFilter | None = None,
    sort: str = "days_past_due",
    descending: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> CasesPage:
    """One page of the cases within reach, narrowed and sorted by a combination that ``DECLARED`` has.

    Raises ``Invalid`` for a sort, a filter or a combination that no index serves, for a page out of bounds and for a
    mark that is none of this list; ``AmountsHidden`` for the balance where it is hidden from the actor.
    """
    chosen, scope = wanted or CaseFilter(), scope_of(actor)
    check_by_amount(actor, sort)
    _check(chosen, scope.reach, sort, limit)
    mark = read_mark(after, sort)
    with store.reading() as connection:
        rows = case_lists.page(
            connection, scope, now, chosen, sort=sort, descending=descending, after=mark, limit=limit + 1
        )
        total = case_lists.count(connection, scope, now, chosen, sort=sort)
        if not total:
            _refuse_unknown(connection, chosen, scope.agency_code)
        running = periods.running_placements(connection, [one.case_id for one in rows if one.agency_code])
    shown = tuple(rows[:limit])
    more = mark_of(sort, getattr(shown[-1], sort), shown[-1].case_id) if len(rows) > limit else None
    return CasesPage(shown, total, more, running)


@act("cases.view")
def cases_of_ids(actor: Actor, store: Store, *, now: datetime, ids: Sequence[str]) -> list[Case]:
    """Those of ``ids`` that are within reach now, in that order: what a search found and is still shown."""
    with store.reading() as connection:
        found = cases.read_many(connection, ids[:LARGEST_PAGE], scope_of(actor), now)
    return [found[one] for one in ids[:LARGEST_PAGE] if one in found]


@act("cases.view")
def list_placements(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    ended: bool | None = None,
    agency_code: str | None = None,
    loan: str = "",
    since: date | None = None,
    until: date | None = None,
    sort: str | None = None,
    descending: bool | None = None,
    after: str | None = None,
    limit: int = 50,
) -> PlacementsPage:
    """Placements of every agency, for asset staff: running (nearest end first), ended (latest first) or all (latest
    first), unless sorted otherwise; of loans whose number begins with ``loan``; ``since`` and ``until`` (both included)
    are days of what they are sorted by. Whoever sees only some cases gets an empty page: what has ended is not theirs
    to read. Raises ``Invalid``, by field, for a sort that no index serves and a beginning that says too little."""
    check_limit(limit)
    by = sort or PLACEMENT_SORTS[ended][0]
    check_sort(by, PLACEMENT_SORTS[ended], "Placements")
    scope, mark = scope_of(actor), read_mark(after, by)
    if scope.reach is not Reach.ALL:
        return PlacementsPage((), None, 0)
    backwards = by != "due_at" if descending is None else descending
    with store.reading() as connection:
        wanted = PlacementFilter(
            ended,
            agency_code,
            _cases_of_loan(connection, loan) if loan else None,
            begin_of(since) if since else None,
            begin_of(until + timedelta(days=1)) if until else None,
        )
        rows = placement_lists.page(connection, wanted, sort=by, descending=backwards, after=mark, limit=limit + 1)
        total = placement_lists.count(connection, wanted, sort=by)
        of = cases.read_many(connection, [one.case_id for one in rows[:limit]], scope, now)
    shown = tuple((one, of[one.case_id]) for one in rows[:limit] if one.case_id in of)
    last = rows[limit - 1] if len(rows) > limit else None
    more = mark_of(by, getattr(last, by), last.placement_id) if last else None
    return PlacementsPage(shown, more, total)


def _cases_of_loan(connection: Connection, typed: str) -> tuple[str, ...]:
    try:
        ids = placement_lists.cases_of_loan(connection, checked_term(Term.LOAN, typed))
    except Invalid as error:
        raise Invalid(error.en, error.zh, field="loan") from error
    if len(ids) > MOST_OF_A_LOAN:
        raise Invalid(
            f"More than {MOST_OF_A_LOAN} cases have a loan number that begins so. Type more of it.",
            f"以此开头的借据号超过 {MOST_OF_A_LOAN} 件案件，请输入更多位数。",
            field="loan",
        )
    return tuple(ids)


@act("cases.view")
def read_case(actor: Actor, store: Store, *, now: datetime, case_id: str) -> CaseRecord:
    """One case within reach. Raises ``NoSuchCase`` alike for one that is missing and one that is foreign.

    Whoever is not of the asset company sees only the placement and the assignments of their own house.
    """
    scope = scope_of(actor)
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope, now)
        if one is None:
            raise NoSuchCase
        events: Sequence[CaseEvent] = periods.events(connection, case_id)
        placements = periods.placements_of(connection, case_id)
        assignments = periods.assignments_of(connection, case_id)
        flags = periods.flags_of(connection, case_id)
        others = cases.of_person(connection, one, scope, now, limit=LARGEST_PAGE)
        lock = first_binding(locks_of(connection, [case_id], now), actor, now)
        held = against_contact(connection, [case_id], now).get(case_id, ())
        by_schedule = recomputed_days(connection, [one], today(now)).get(case_id)
    if actor.agency_code is not None:
        placements = [it for it in placements if it.agency_code == actor.agency_code and it.ended_at is None]
        since = placements[-1].placed_at if placements else now
        assignments = [it for it in assignments if it.agency_code == actor.agency_code and it.assigned_at >= since]
        events = since_placed(events)
        flags = [_as_told(it, since) for it in flags if it.cleared_at is None]
    return CaseRecord(
        one, tuple(events), tuple(placements), tuple(assignments), tuple(flags), tuple(others),
        moves_from(one.position), (*one.reasons_against(Deed.CONTACT), *held),
        one.reasons_against(Deed.PLACEMENT), lock, by_schedule,
    )  # fmt: skip


def since_placed(events: Sequence[CaseEvent]) -> list[CaseEvent]:
    """What happened from the last placement on. By number, not by time: a case is taken from one agency and placed
    with another in the same moment."""
    begun = max((it.nth for it in events if it.what == CaseMove.PLACE.value), default=None)
    return [it for it in events if begun is not None and it.nth >= begun]


def _as_told(one: SetFlag, since: datetime) -> SetFlag:
    """A flag holds for whoever has the case; what was written when it was set before their time is not theirs."""
    return one if one.set_at >= since else replace(one, reason="–", set_by="")


def _check(chosen: CaseFilter, reach: Reach, sort: str, limit: int) -> None:
    check_limit(limit)
    named, declared = chosen.named(), DECLARED[reach]
    if chosen.tag is not None:
        checked_tag(chosen.tag)
    for name in named:
        if name not in declared:
            raise Invalid(f"This list is not narrowed by {name}.", f"本列表不能按 {name} 筛选。", field=name)
    if len(named) > 1:
        raise Invalid("Narrow the list by one of these at a time.", "一次只能按其中一项筛选。", field=sorted(named)[1])
    if sort not in declared[next(iter(named), None)]:
        raise Invalid(f"Cases cannot be sorted by {sort} here.", f"此处不能按 {sort} 排序。", field="sort")
    for name in ("least", "most"):
        value = getattr(chosen, name)
        if value is not None and (not isinstance(value, _KINDS.get(sort, int)) or sort == TAG_SORT):
            raise Invalid("The range is not of the kind of the sort.", "范围与排序项类型不符。", field=name)


def _refuse_unknown(connection: Connection, chosen: CaseFilter, house: str | None) -> None:
    """An empty list because nothing matches is not an empty list because the filter names nothing that there is. An
    agency is told the same of a collector of another house as of one that there is not."""
    code, person = chosen.agency_code, chosen.collector_id
    if code is not None and agencies.by_code(connection, code) is None:
        raise Invalid(f"There is no agency with the code {code}.", f"没有编号为 {code} 的机构。", field="agency_code")
    if person is None:
        return
    known = people.by_id(connection, person)
    if known is None or (house is not None and known.agency_code != house):
        raise Invalid("There is no such collector.", "没有该催收员。", field="collector_id")


_KINDS: dict[str, type] = {"opened_date": date}
"""What a range of a sort is made of; whole numbers unless it is here."""


def mark_of(sort: str, value: object, identity: str) -> str:
    """A place in a list: the sort value and id of the last row seen."""
    return base64.urlsafe_b64encode(canonical_json([sort, value, identity]).encode()).decode()


def read_mark(after: str | None, sort: str) -> tuple[Any, str] | None:
    """The sort value and id of the last row seen; raises ``Invalid`` for what no page of this list gave out."""
    if after is None:
        return None
    try:
        named, value, identity = json.loads(base64.urlsafe_b64decode(after))
        if named != sort or not isinstance(identity, str):
            raise ValueError(named)
        if sort.endswith("_date"):
            return date.fromisoformat(value), identity
        if sort.endswith("_at"):
            return datetime.fromisoformat(value), identity
        if not isinstance(value, int):
            raise TypeError(value)
    except (ValueError, TypeError) as error:
        raise Invalid(
            "The place in the list is not known. Begin again.", "列表位置无效，请从头开始。", field="after"
        ) from error
    return value, identity
