"""The demo's work on cases: what its people would have done by themselves. It exists in demo mode only.

Every step is an act of the house on behalf of one of the demo's people: cases are queued, asked for, approved by
another person, assigned, tried, recalled, and things are asked for that wait for somebody. Which cases is decided by
days past due and identity alone, so that the same portfolio always gives the same work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.placing import BatchKind, RecallGround
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.assigning import assign_cases
from ops_app.services.casework.batches import KINDS, OBJECT, Asked, preview_batch, submit_batch
from ops_app.services.casework.cases import CaseFilter, cases_of_ids, list_cases, list_placements
from ops_app.services.casework.demo_asking import ask_for_things
from ops_app.services.casework.following import note_touches
from ops_app.services.casework.placement_rules import begin_of
from ops_app.services.casework.recalling import recall_cases
from ops_app.services.organisation.demo_approving import Cast, approve_all
from ops_app.store.casework.cases import Case
from ops_app.store.store import Store
from ops_app.store.tables.requests import case_requests

_PAGE = 500
_MOST = 150
"""Cases of one agency at most: enough to fill its pages, few enough to take no time."""


@dataclass(frozen=True)
class _House:
    """One agency of the demo and its people by their sign-in names."""

    agency_code: str
    supervisor: str
    collector: str


_FIRST = _House("AG01", "agency_supervisor", "agency_collector")
_SECOND = _House("AG02", "agency_supervisor_2", "agency_collector_2")


@dataclass(frozen=True)
class _Stage:
    """Where the work is done: on whose store, by whom, at which moment, in which zone."""

    store: Store
    cast: Cast
    now: datetime
    today: date
    zone: str

    def end_of(self, days: int) -> datetime:
        """The end of the day that many days ahead."""
        return begin_of(self.today + timedelta(days=days + 1), self.zone)


@act("system.run")
def create_demo_work(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, demo: bool, morning: datetime | None = None
) -> bool:
    """Place, assign, recall and ask, each once: an agency that was given anything before is left as it is, and nothing
    is asked for where somebody asked already. Whether there was anything left to do.

    Cases change hands in the ``morning`` of a business day that is not run yet, so that its marts have it; what waits
    for somebody is asked for ``now``. Needs the demo's people and agencies and cases of a finished business day. Raises
    ``Refused`` unless ``demo`` is given as true.
    """
    if not demo:
        raise Refused("The demo's work is done in demo mode only.", "演示业务仅在演示模式下生成。")
    begun = morning or now
    stage = _Stage(store, Cast(store), begun, begun.astimezone(zone).date(), zone.key)
    supervisor, did = stage.cast.actor("supervisor"), False
    for house, place in ((_FIRST, _place_first), (_SECOND, _place_second)):
        if not list_placements(supervisor, store, now=now, agency_code=house.agency_code, limit=1).rows:
            placed = place(stage)
            _work(stage, house, placed)
            did |= bool(placed)
    if not list_cases(stage.cast.actor("collector"), store, now=begun, limit=1).rows:
        did |= _take_in_house(stage, supervisor)
    with store.reading() as connection:
        asked = connection.execute(select(case_requests.c.case_request_id).limit(1)).first()
    if asked is None:
        houses = [(house.supervisor, house.collector) for house in (_FIRST, _SECOND)]
        ask_for_things(stage.cast, store, now=now, today=now.astimezone(zone).date(), zone=zone, houses=houses)
        did = True
    return did


def _place_first(stage: _Stage) -> list[str]:
    """The first agency: most of its cases for two months, some about to end, some going back by notice, and the last
    ones only asked for."""
    ids = _fit(stage, _FIRST)
    part = max(1, len(ids) // 6)
    placed = _placed(stage, _FIRST, ids[3 * part :], 60, "main")
    placed += _placed(stage, _FIRST, ids[:part], 5, "soon")
    leaving = _placed(stage, _FIRST, ids[part : 2 * part], 60, "leaving")
    _batch(stage, BatchKind.RECALL, leaving, "资产包转让，通知退案 The portfolio is sold: back by notice", "leaving")
    waiting = ids[2 * part : 3 * part]
    _batch(stage, BatchKind.PLACE, waiting, "补充委案 A further placement", "waiting", house=_FIRST, days=45,
           approved=False)  # fmt: skip
    return placed


def _place_second(stage: _Stage) -> list[str]:
    """The second agency: its cases for a month and a half; a few come back at once."""
    ids = _fit(stage, _SECOND)
    placed = _placed(stage, _SECOND, ids, 45, "second")
    back, kept = placed[: len(placed) // 6], placed[len(placed) // 6 :]
    if back:
        manager = stage.cast.actor("manager")
        recall_cases(
            manager, stage.store, now=stage.now, today=stage.today, wanted=_wanted(stage, manager, back),
            ground=RecallGround.MISCONDUCT, reason="催收话术违规，立即退案 Threatening words on a call: back at once",
        )  # fmt: skip
    return kept


def _fit(stage: _Stage, house: _House) -> list[str]:
    """Cases that wait to be placed and that this agency may be given, the longest overdue first, ``_MOST`` at most."""
    supervisor, found, after = stage.cast.actor("supervisor"), list[str](), None
    while len(found) < _MOST:
        page = list_cases(
            supervisor, stage.store, now=stage.now, wanted=CaseFilter(custody=Custody.TO_BE_PLACED), after=after,
            limit=_PAGE,
        )  # fmt: skip
        found += _judged(stage, house, page.rows)
        after = page.next_after
        if after is None:
            break
    return found[:_MOST]


def _judged(stage: _Stage, house: _House, rows: Sequence[Case]) -> list[str]:
    """Those of the rows that nothing stands against, its region neither, in their order."""
    if not rows:
        return []
    wanted = {one.case_id: one.version for one in rows}
    asked = Asked(BatchKind.PLACE, wanted, stage.zone, house.agency_code, stage.end_of(60))
    preview = preview_batch(stage.cast.actor("supervisor"), stage.store, now=stage.now, asked=asked)
    excluded = {case_id for case_id, _, _ in preview.excluded}
    return [one.case_id for one in rows if one.case_id not in excluded]


def _placed(stage: _Stage, house: _House, ids: Sequence[str], days: int, name: str) -> list[str]:
    _batch(stage, BatchKind.PLACE, ids, "按区域委案 Placed by region", name, house=house, days=days)
    return list(ids)


def _batch(
    stage: _Stage,
    kind: BatchKind,
    ids: Sequence[str],
    reason: str,
    name: str,
    *,
    house: _House | None = None,
    days: int | None = None,
    approved: bool = True,
) -> None:
    """Ask for a batch as the supervisor, and let those whose turn it is approve it."""
    if not ids:
        return
    supervisor = stage.cast.actor("supervisor")
    asked = Asked(
        kind, _wanted(stage, supervisor, ids), stage.zone, house.agency_code if house else None,
        stage.end_of(days) if days else None,
    )  # fmt: skip
    made = submit_batch(
        supervisor, stage.store, now=stage.now, asked=asked, reason=reason, key=f"demo/{kind.value}/{name}"
    )
    for one in made if approved else ():
        approve_all(
            stage.cast, stage.store, now=stage.now, kind=KINDS[kind], object_type=OBJECT, object_id=one.batch_id
        )


def _work(stage: _Stage, house: _House, placed: Sequence[str]) -> None:
    """Two thirds of what an agency has go to its collector, who tries half of them; the rest nobody has yet."""
    given = placed[: len(placed) * 2 // 3]
    if not given:
        return
    supervisor, collector = stage.cast.actor(house.supervisor), stage.cast.actor(house.collector)
    assign_cases(
        supervisor, stage.store, now=stage.now, today=stage.today, wanted=_wanted(stage, supervisor, given),
        collector_id=collector.person_id, reason="按区域分派",
    )  # fmt: skip
    tried = given[: max(1, len(given) // 2)]
    note_touches(
        collector, stage.store, now=stage.now, wanted=_wanted(stage, collector, tried),
        reason="已电话联系本人，核对身份后告知欠款",
    )  # fmt: skip


def _take_in_house(stage: _Stage, supervisor: Actor) -> bool:
    """Some of what is in house goes to the asset company's own collector; whether there was any."""
    rows = list_cases(
        supervisor, stage.store, now=stage.now, wanted=CaseFilter(custody=Custody.IN_HOUSE), descending=False, limit=20
    ).rows
    if rows:
        assign_cases(
            supervisor, stage.store, now=stage.now, today=stage.today, reason="早期内催 Early collection in house",
            wanted={one.case_id: one.version for one in rows},
            collector_id=stage.cast.actor("collector").person_id,
        )  # fmt: skip
    return bool(rows)


def _wanted(stage: _Stage, actor: Actor, ids: Sequence[str]) -> dict[str, int]:
    """Case → its version as the actor reads it now."""
    return {one.case_id: one.version for one in cases_of_ids(actor, stage.store, now=stage.now, ids=ids)}
