"""What stops placing cases with an agency, when recall is due, when a contract may be renewed (feature 10; CN-A1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.periods import Period


class EvaluationKind(StrEnum):
    """On what occasion an agency is evaluated (rule CN-A1)."""

    ADMISSION = "admission"
    ANNUAL = "annual"
    BEFORE_RENEWAL = "before_renewal"


EVALUATION_KIND_NAMES: dict[EvaluationKind, tuple[str, str]] = {
    EvaluationKind.ADMISSION: ("at admission", "准入评估"),
    EvaluationKind.ANNUAL: ("annual", "年度评估"),
    EvaluationKind.BEFORE_RENEWAL: ("before renewal", "续约前评估"),
}


class EvaluationResult(StrEnum):
    """What an evaluation came to; it decides about renewal and placement."""

    PASS = "pass"  # noqa: S105 (a word, not a secret)
    LIMITED = "limited"
    FAIL = "fail"


EVALUATION_RESULT_NAMES: dict[EvaluationResult, tuple[str, str]] = {
    EvaluationResult.PASS: ("passed", "合格"),
    EvaluationResult.LIMITED: ("passed with limits", "限制合作"),
    EvaluationResult.FAIL: ("failed", "不合格"),
}

EVALUATION_VALID_MONTHS = 12
"""How long an evaluation counts: at least one a year and one before the contract ends (GB/T 45251—2025; CN-A1)."""

HIGHEST_SCORE = 100


@dataclass(frozen=True)
class Evaluation:
    """One evaluation: the day, and points from 0 to 100 for each of the three subjects that CN-A1 names."""

    evaluated_date: date
    kind: EvaluationKind
    conduct_score: int
    quality_score: int
    security_score: int
    result: EvaluationResult

    def __post_init__(self) -> None:
        for name in ("conduct_score", "quality_score", "security_score"):
            if not 0 <= getattr(self, name) <= HIGHEST_SCORE:
                raise Invalid(
                    f"A score lies between 0 and {HIGHEST_SCORE}.", f"评分为 0 至 {HIGHEST_SCORE}。", field=name
                )


@dataclass(frozen=True)
class AgencyFacts:
    """What the rules need to know of an agency. ``licence_expires_date`` is the first day without a licence."""

    agency_code: str
    state: AgencyState
    white_listed: bool
    licence_expires_date: date | None
    contracts: tuple[Period, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


class PlacementStop(StrEnum):
    """Why no case may be placed with an agency on a day."""

    NOT_ACTIVE = "not_active"
    NOT_WHITE_LISTED = "not_white_listed"
    NO_LICENCE = "no_licence"
    LICENCE_EXPIRED = "licence_expired"
    NO_CONTRACT = "no_contract"
    CONTRACT_NOT_BEGUN = "contract_not_begun"
    CONTRACT_EXPIRED = "contract_expired"
    EVALUATION_OVERDUE = "evaluation_overdue"
    EVALUATION_FAILED = "evaluation_failed"


PLACEMENT_STOP_NAMES: dict[PlacementStop, tuple[str, str]] = {
    PlacementStop.NOT_ACTIVE: ("the agency is not working with us", "机构未处于合作中"),
    PlacementStop.NOT_WHITE_LISTED: ("the agency is not on the white list", "机构不在白名单内"),
    PlacementStop.NO_LICENCE: ("no licence is recorded", "未登记资质许可"),
    PlacementStop.LICENCE_EXPIRED: ("the licence has expired", "资质许可已到期"),
    PlacementStop.NO_CONTRACT: ("there is no contract", "没有委托合同"),
    PlacementStop.CONTRACT_NOT_BEGUN: ("the contract has not begun", "委托合同尚未生效"),
    PlacementStop.CONTRACT_EXPIRED: ("the contract has expired", "委托合同已到期"),
    PlacementStop.EVALUATION_OVERDUE: ("the last evaluation is more than a year old", "最近一次评估已超过一年"),
    PlacementStop.EVALUATION_FAILED: ("the agency failed its last evaluation", "最近一次评估不合格"),
}


class StillStopped(Refused):
    """An agency cannot begin to work while something else stands against placing cases with it; names all of it."""

    def __init__(self, stops: Sequence[PlacementStop]) -> None:
        super().__init__(
            f"First settle this: {'; '.join(PLACEMENT_STOP_NAMES[one][0] for one in stops)}.",
            f"请先处理：{';'.join(PLACEMENT_STOP_NAMES[one][1] for one in stops)}。",
        )
        self.stops = tuple(stops)


class EvaluationMissing(Refused):
    """A contract is not renewed without a recent evaluation that was not failed (CN-A1)."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh)


def placement_stops(
    agency: AgencyFacts, day: date, *, months: int = EVALUATION_VALID_MONTHS
) -> tuple[PlacementStop, ...]:
    """Every reason why no case may be placed with ``agency`` on ``day``; none means that cases may be placed.

    ``months`` is how long an evaluation counts.
    """
    found: list[PlacementStop] = []
    if agency.state is not AgencyState.ACTIVE:
        found.append(PlacementStop.NOT_ACTIVE)
    if not agency.white_listed:
        found.append(PlacementStop.NOT_WHITE_LISTED)
    if agency.licence_expires_date is None:
        found.append(PlacementStop.NO_LICENCE)
    elif agency.licence_expires_date <= day:
        found.append(PlacementStop.LICENCE_EXPIRED)
    contract = contract_stop(agency.contracts, day)
    if contract is not None:
        found.append(contract)
    last = last_evaluation(agency.evaluations, day)
    if last is None or is_older_than(last.evaluated_date, day, months):
        found.append(PlacementStop.EVALUATION_OVERDUE)
    elif last.result is EvaluationResult.FAIL:
        found.append(PlacementStop.EVALUATION_FAILED)
    return tuple(found)


def contract_stop(contracts: Sequence[Period], day: date) -> PlacementStop | None:
    """Why the contracts do not cover ``day``, if they do not."""
    if any(contract.holds_on(day) for contract in contracts):
        return None
    if not contracts:
        return PlacementStop.NO_CONTRACT
    if all(contract.valid_from > day for contract in contracts):
        return PlacementStop.CONTRACT_NOT_BEGUN
    return PlacementStop.CONTRACT_EXPIRED


def recall_due_since(agency: AgencyFacts, day: date) -> date | None:
    """The day on which the last contract expired, when none holds on ``day``: what is placed must be recalled."""
    if contract_stop(agency.contracts, day) is not PlacementStop.CONTRACT_EXPIRED:
        return None
    return max(one.valid_to for one in agency.contracts if one.valid_to is not None and one.valid_to <= day)


def last_evaluation(evaluations: Sequence[Evaluation], day: date) -> Evaluation | None:
    """The newest evaluation made by ``day``; of one day the last in order."""
    made = [one for one in evaluations if one.evaluated_date <= day]
    newest = max((one.evaluated_date for one in made), default=None)
    return next((one for one in reversed(made) if one.evaluated_date == newest), None)


def check_renewal(agency: AgencyFacts, contract: Period, today: date, *, months: int = EVALUATION_VALID_MONTHS) -> None:
    """Raise unless ``contract`` may follow those there are: it is open at no end, overlaps none, and, unless it is the
    first, an evaluation of the last ``months`` that was not failed speaks for it (CN-A1)."""
    if contract.valid_to is None:
        raise Invalid("A contract has an end.", "合同须有到期日。", field="valid_to")
    if agency.state is AgencyState.ENDED:
        raise Refused("The agency has ended; its contract is not renewed.", "机构已退出，不能续约。")
    if any(contract.overlaps(other) for other in agency.contracts):
        raise Conflict(
            "There is a contract for some of these days already.", "其中部分日期已有合同。", field="valid_from"
        )
    if not agency.contracts:
        return
    last = last_evaluation(agency.evaluations, today)
    if last is None or is_older_than(last.evaluated_date, today, months):
        raise EvaluationMissing(
            f"A contract is renewed only after an evaluation of the last {months} months. Record one "
            "first; compliance or a manager does.",
            f"续约前须有近 {months} 个月内的评估，请先由合规或经理登记评估。",
        )
    if last.result is EvaluationResult.FAIL:
        raise EvaluationMissing(
            "The agency failed its last evaluation; its contract is not renewed.", "最近一次评估不合格，不能续约。"
        )


def is_older_than(day: date, now: date, months: int) -> bool:
    """Whether ``now`` lies more than ``months`` calendar months after ``day``; on the day itself it does not yet."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    length = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days
    return now > date(year, month + 1, min(day.day, length))
