"""What keeps a case from being placed, what keeps an agency from being given cases, and how a placement ends
(features 13 to 18)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ops_app.domain.casework.cases import Position, listed
from ops_app.domain.casework.flags import FORBIDS, Deed, Flag, Reason, reasons_against
from ops_app.domain.errors import Refused
from ops_app.domain.money import Money
from ops_app.domain.organisation.placement import PLACEMENT_STOP_NAMES, PlacementStop


class BatchKind(StrEnum):
    """What is asked for many cases at once and needs an approval (feature 18)."""

    PLACE = "place"
    EXTEND = "extend"
    RECALL = "recall"
    TRANSFER = "transfer"
    WITHDRAW_RECALL = "withdraw_recall"


BATCH_KIND_NAMES: dict[BatchKind, tuple[str, str]] = {
    BatchKind.PLACE: ("place cases with an agency", "委案"),
    BatchKind.EXTEND: ("extend placements", "留案（延长委外）"),
    BatchKind.RECALL: ("recall cases with notice", "退案（提前通知）"),
    BatchKind.TRANSFER: ("transfer cases to another agency", "案件转机构"),
    BatchKind.WITHDRAW_RECALL: ("take announced recalls back", "撤回退案通知"),
}


PLACING = frozenset({BatchKind.PLACE, BatchKind.TRANSFER})
"""Batches by which cases come to an agency."""

WITH_END = frozenset({BatchKind.PLACE, BatchKind.EXTEND, BatchKind.TRANSFER})
"""Batches that say until when the agency has the cases; a recall ends that by the notice its lender demands, and a
recall that is taken back lets it end when it was to end before."""


def batch_number(batch_id: str, made_at: datetime) -> str:
    """The number people say of a batch: the day it was asked for (UTC) and the beginning of its id."""
    return f"B{made_at:%Y%m%d}-{batch_id.removeprefix('b-')[:8].upper()}"


class RecallGround(StrEnum):
    """Why cases are taken back at once, without notice and approval."""

    AGENCY_STOPPED = "agency_stopped"
    PROTECTED = "protected"
    MISCONDUCT = "misconduct"


RECALL_GROUND_NAMES: dict[RecallGround, tuple[str, str]] = {
    RecallGround.AGENCY_STOPPED: (
        "the agency may not hold cases any more (contract, licence, white list, suspended)",
        "机构不再具备承接资格（合同、资质、白名单、暂停）",
    ),
    RecallGround.PROTECTED: (
        "the debtor is protected (dispute, complaint, bankruptcy, death, contact must cease)",
        "债务人受保护（争议、投诉、破产、死亡、停止联系）",
    ),
    RecallGround.MISCONDUCT: ("misconduct or a leak of data at the agency", "机构违规或数据泄露"),
}

PROTECTING = frozenset({Flag.DISPUTE, Flag.COMPLAINT, Flag.BANKRUPT, Flag.DECEASED, Flag.CEASE_CONTACT})
"""Flags that are a ground for taking a case back at once."""


@dataclass(frozen=True)
class Criteria:
    """What a lender and product demand of a case that is placed: ``excluded`` are codes of flags (and others) that
    keep it in house, ``minimum`` the least balance (it says nothing about other currencies)."""

    excluded: frozenset[str]
    minimum: Money | None = None


def exclusions(
    position: Position, flags: Iterable[Flag], balance: Money, criteria: Criteria, *, waiting: bool = False
) -> tuple[Reason, ...]:
    """Every reason why a case may not be placed now; empty for one that may. ``waiting``: a request about it is open
    already."""
    counting = frozenset(
        flag for flag in flags if Deed.PLACEMENT not in FORBIDS[flag] or flag.value in criteria.excluded
    )
    found = list(reasons_against(Deed.PLACEMENT, position, counting))
    least = criteria.minimum
    if least is not None and least.currency == balance.currency and balance.minor < least.minor:
        found.append(Reason("below_minimum", "the balance is below the minimum for placement", "余额低于委外最低余额"))
    if waiting:
        found.append(WAITING)
    return tuple(found)


WAITING = Reason("waiting", "a request about it waits for approval", "已有待审批的申请")
OUTSIDE_REGION = Reason("outside_region", "the agency does not work in its region", "不在机构作业地区")
NOT_PLACED = Reason("not_placed", "it is not with an agency", "未在委外中")
SAME_AGENCY = Reason("same_agency", "it is with this agency already", "已在该机构")
NOT_LATER = Reason("not_later", "its placement does not end earlier", "原到期时间不早于新到期时间")
LAPSED = Reason("lapsed", "the time of its placement is up", "委外期限已届满")
NOTICE_RUNS = Reason("notice_runs", "a recall is announced already", "已发出退案通知")
NO_NOTICE = Reason("no_notice", "no recall of it is announced", "未发出退案通知")


def covers(regions: Collection[str], region_code: str) -> bool:
    """Whether an agency that works in ``regions`` works in the region of a case. A province's code (``310000``) stands
    for all of it, a city's (``310100``) for all of that; an agency without regions works nowhere."""
    return any(region_code == region or region_code.startswith(_stem(region)) for region in regions)


def _stem(region: str) -> str:
    if len(region) == 6 and region.isdigit():
        return region[:2] if region.endswith("0000") else region[:4] if region.endswith("00") else region
    return region + " "  # no code begins with it: codes of other kinds stand for themselves alone


def agency_reasons(
    stops: Iterable[PlacementStop], *, collectors: int, certified: int, capacity: int, load: int, more: int
) -> tuple[Reason, ...]:
    """Every reason why ``more`` cases may not be given to an agency: its ``stops``, no collector of its own with a
    valid certificate though it has ``collectors`` here, no room beside the ``load`` it has now."""
    found = [Reason(stop.value, *PLACEMENT_STOP_NAMES[stop]) for stop in stops]
    if collectors and not certified:
        found.append(
            Reason("no_certificate", "none of its collectors has a valid certificate", "该机构催收员均无有效资格证书")
        )
    room = max(0, capacity - load)
    if more > room:
        found.append(
            Reason(
                "capacity",
                f"its capacity is {capacity} cases, {load} are with it, so there is room for {room}",
                f"承接能力 {capacity} 件，在手 {load} 件，仅可再委 {room} 件",
            )
        )
    return tuple(found)


class AgencyStopped(Refused):
    """No case may be given to the agency now; names every reason."""

    def __init__(self, agency_code: str, reasons: Iterable[Reason]) -> None:
        self.reasons = tuple(reasons)
        en, zh = listed([(one.en, one.zh) for one in self.reasons])
        super().__init__(
            f"{agency_code} cannot be given these cases: {en}.",
            f"不能向 {agency_code} 委案：{zh}。",
            field="agency_code",
        )


class GroundDoesNotHold(Refused):
    """A recall at once was asked for on a ground that the facts do not bear out."""

    def __init__(self, ground: RecallGround, count: int) -> None:
        en, zh = RECALL_GROUND_NAMES[ground]
        which, those = ("this case", "该案件") if count == 1 else (f"{count} of these cases", f"其中 {count} 件")
        super().__init__(
            f"For {which} this does not hold: {en}. Ask for a recall with notice instead.",
            f"{those}不符合“{zh}”，请改为申请提前通知的退案。",
            field="ground",
        )


def tail_until(ended_date: date, days: int) -> date:
    """The first day whose payments no longer count for the agency: ``days`` after the day on which it ended are in."""
    return ended_date + timedelta(days=days + 1)
