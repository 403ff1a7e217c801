"""What a batch would come to before anybody asks for it: which cases fit, which do not and why, what stands against the
agency, and the risks an approver is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from sqlalchemy.engine import Connection

from ops_app.domain.casework.flags import Flag, Reason
from ops_app.domain.casework.placing import NOT_PLACED, WAITING, WITH_END, BatchKind
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.agencies import NoSuchAgency
from ops_app.domain.organisation.placement import EvaluationResult, last_evaluation
from ops_app.services.casework.placement_rules import (
    PlacementRules,
    agency_against,
    day_of,
    distinct,
    rules_on,
    zone_of,
)
from ops_app.services.casework.placing import against_extending, against_placing, against_transfer, checked_due
from ops_app.services.casework.recalling import against_recall, against_withdrawing, effective_on
from ops_app.store.casework import batches, notices, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.notices import Notice
from ops_app.store.organisation import agencies, agency_contracts
from ops_app.store.organisation.agencies import Agency
from ops_app.store.tables.casework import placements

IN_PARTS = "in_parts"
RISKS: Mapping[str, tuple[str, str]] = {
    "contract_ends_first": ("the agency's contract ends before the placement does", "机构合同早于委外到期"),
    "evaluation_limited": ("the agency passed its last evaluation with limits only", "机构最近一次评估为限制合作"),
    "nearly_full": ("the agency will hold more than nine tenths of its capacity", "机构在手案件将超过承接能力的九成"),
    "vulnerable": ("there are vulnerable debtors among them", "其中有弱势群体债务人"),
    IN_PARTS: (
        "the same person asked for other batches for this agency within a day; the levels follow from the sum",
        "同一申请人一日内对该机构另有批次，审批层级按合计金额确定",
    ),
    "placed_often": ("some were placed twice or more before", "其中有已委外两次及以上的案件"),
}
_NEARLY_FULL = (9, 10)
_OFTEN = 2


@dataclass(frozen=True)
class Asked:
    """What is asked for: cases (id → version that was read), and by kind the agency and the moment at which the
    placements end. ``zone`` names the installation's time zone."""

    kind: BatchKind
    wanted: Mapping[str, int]
    zone: str
    agency_code: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class Total:
    """Cases of one currency: how many, and what they owe in whole minor units."""

    currency: str
    count: int
    principal_minor: int
    balance_minor: int


@dataclass(frozen=True)
class Preview:
    """What a request would come to. ``excluded``: the cases left out (id, loan) with every reason; ``against``: what
    stands against the agency; ``effective``: for a recall, and for one that is taken back, when the first and the last
    case go back."""

    totals: tuple[Total, ...]
    excluded: tuple[tuple[str, str, tuple[Reason, ...]], ...]
    against: tuple[Reason, ...]
    risks: tuple[str, ...]
    effective: tuple[datetime, datetime] | None


@dataclass(frozen=True)
class Judged:
    """A batch judged case by case."""

    cases: Mapping[str, Case]
    excluded: Mapping[str, tuple[Reason, ...]]
    against: tuple[Reason, ...]
    risks: tuple[str, ...]
    effective: Mapping[str, datetime]

    @property
    def fit(self) -> list[Case]:
        """The cases that can, by id."""
        return [self.cases[case_id] for case_id in sorted(self.cases) if case_id not in self.excluded]

    def preview(self) -> Preview:
        """As somebody reads it before asking."""
        left_out = sorted(self.excluded, key=lambda case_id: (self.cases[case_id].loan_id, case_id))
        moments = [self.effective[one.case_id] for one in self.fit if one.case_id in self.effective]
        return Preview(
            tuple(totals_of(self.fit)),
            tuple((case_id, self.cases[case_id].loan_id, self.excluded[case_id]) for case_id in left_out),
            self.against,
            self.risks,
            (min(moments), max(moments)) if moments else None,
        )


def judge(connection: Connection, now: datetime, asked: Asked, found: Mapping[str, Case], *, but: str = "") -> Judged:
    """Judge every case, and the agency for those that fit; a request for the batch ``but`` keeps no case waiting.
    Raises ``Invalid`` by its field, ``NoSuchAgency``."""
    zone_of(asked.zone)
    rules = rules_on(connection, day_of(now, asked.zone))
    if asked.kind in WITH_END:
        if asked.due_at is None:
            raise Invalid("Say until when.", "请填写到期日。", field="due_at")
        checked_due(asked.due_at, now)
    agency = _agency(connection, asked)
    announced = notices.running(connection, list(found))
    against = _case_by_case(connection, now, asked, found, rules, agency, announced)
    waiting = batches.waiting(connection, list(found), but=but)
    excluded = {
        case_id: (*reasons, *((WAITING,) if case_id in waiting else ()))
        for case_id, reasons in against.items()
        if reasons or case_id in waiting
    }
    fit = [found[case_id] for case_id in sorted(found) if case_id not in excluded]
    effective = {}
    if asked.kind is BatchKind.RECALL:
        effective = {one.case_id: max(now, effective_on(one, rules, asked.zone)) for one in fit}
    elif asked.kind is BatchKind.WITHDRAW_RECALL:
        effective = {one.case_id: announced[one.case_id].due_before_at for one in fit}
    return Judged(
        found,
        excluded,
        _against_agencies(connection, asked, fit, rules.day),
        tuple(_risks(connection, asked, agency, fit, rules.day, effective)),
        effective,
    )


def totals_of(fit: Sequence[Case]) -> list[Total]:
    """The sums of cases, by currency."""
    by_currency: dict[str, list[Case]] = defaultdict(list)
    for one in fit:
        by_currency[one.currency].append(one)
    return [
        Total(currency, len(some), sum(it.principal_minor for it in some), sum(it.balance_minor for it in some))
        for currency, some in sorted(by_currency.items())
    ]


def _agency(connection: Connection, asked: Asked) -> Agency | None:
    if asked.kind not in (BatchKind.PLACE, BatchKind.TRANSFER):
        return None
    if not asked.agency_code:
        raise Invalid("Name the agency.", "请选择催收机构。", field="agency_code")
    found = agencies.by_code(connection, asked.agency_code)
    if found is None:
        raise NoSuchAgency
    return found


def _case_by_case(
    connection: Connection,
    now: datetime,
    asked: Asked,
    found: Mapping[str, Case],
    rules: PlacementRules,
    agency: Agency | None,
    announced: Mapping[str, Notice],
) -> dict[str, tuple[Reason, ...]]:
    if agency is not None:
        judged = against_placing if asked.kind is BatchKind.PLACE else against_transfer
        return {case_id: judged(one, rules, agency) for case_id, one in found.items()}
    running = periods.running_placements(connection, list(found))
    against: dict[str, tuple[Reason, ...]] = {}
    for case_id, one in found.items():
        its, notice = running.get(case_id), announced.get(case_id)
        if one.agency_code is None:
            against[case_id] = (NOT_PLACED,)
        elif asked.kind is BatchKind.RECALL:
            against[case_id] = against_recall(its, notice, max(now, effective_on(one, rules, asked.zone)))
        elif asked.kind is BatchKind.WITHDRAW_RECALL:
            against[case_id] = against_withdrawing(notice, now)
        else:
            against[case_id] = against_extending(one, its, notice, asked.due_at or now, now)
    return against


def _against_agencies(connection: Connection, asked: Asked, fit: Sequence[Case], day: date) -> tuple[Reason, ...]:
    """Nothing stands against a recall; an agency is given cases, or more time with them, only if it may work."""
    if asked.kind is BatchKind.RECALL:
        return ()
    if asked.agency_code:
        return agency_against(connection, asked.agency_code, day, more=len(fit))[1]
    codes = distinct(one.agency_code for one in fit)
    return tuple(chain.from_iterable(agency_against(connection, code, day, more=0)[1] for code in codes))


def _risks(
    connection: Connection,
    asked: Asked,
    agency: Agency | None,
    fit: Sequence[Case],
    day: date,
    effective: Mapping[str, datetime],
) -> list[str]:
    found = []
    codes = [agency.agency_code] if agency else distinct(one.agency_code for one in fit)
    if asked.kind is not BatchKind.RECALL:
        for code in codes:
            ends = [effective[one.case_id] for one in fit if one.agency_code == code and one.case_id in effective]
            until = asked.due_at or max(ends, default=None)
            found += _risks_of(connection, code, until.astimezone(zone_of(asked.zone)).date() if until else None, day)
    if agency is not None:
        share, whole = _NEARLY_FULL
        held = periods.load_of_agency(connection, agency.agency_code) + len(fit)
        if held * whole > agency.capacity_cases * share:
            found.append("nearly_full")
        if any(nth >= _OFTEN for nth in periods.how_many(connection, placements, [it.case_id for it in fit]).values()):
            found.append("placed_often")
    if any(Flag.VULNERABLE in one.flags for one in fit):
        found.append("vulnerable")
    return sorted(set(found))


def _risks_of(connection: Connection, agency_code: str, until: date | None, day: date) -> list[str]:
    known = agencies.by_code(connection, agency_code)
    if known is None:
        return []
    found = []
    if until and known.contract_to_date and known.contract_to_date <= until:
        found.append("contract_ends_first")
    last = last_evaluation(agency_contracts.facts_of(connection, known).evaluations, day)
    if last is not None and last.result is EvaluationResult.LIMITED:
        found.append("evaluation_limited")
    return found
