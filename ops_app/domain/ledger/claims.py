"""A collector's claim that a debtor paid: what becomes of it follows from reconciliation, not from the claim itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.casework.requests import Outcome
from ops_app.domain.ledger.breaks import BreakState


class ClaimState(StrEnum):
    """Where a claim stands."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


CLAIM_STATE_NAMES: dict[ClaimState, tuple[str, str]] = {
    ClaimState.WAITING: ("waiting for the payment", "待核实"),
    ClaimState.CONFIRMED: ("confirmed", "已核实"),
    ClaimState.REJECTED: ("not recognised", "不予认可"),
}

NOT_RECONCILED = "not_reconciled"
REFUSED_BY_REQUEST = "request_ended"
BY_A_PERSON = "by_a_person"

WAIT_REASONS: dict[str, tuple[str, str]] = {
    "lender_not_yet": ("The lender has not reported that day yet.", "资方尚未报送该日数据。"),
    "before_lender_feed": ("The day lies before the lender's first data.", "该日早于资方首次报送。"),
    "no_lender_feed": ("The lender reports no payments yet.", "资方尚未报送还款数据。"),
    "remittance_not_due": ("The agency need not have passed it on yet.", "尚未到机构划付期限。"),
    "agency_not_yet": ("The agency need not have reported it yet.", "尚未到机构报送期限。"),
    NOT_RECONCILED: ("It is taken up by the next reconciliation.", "将纳入下一次对账。"),
    REFUSED_BY_REQUEST: ("The request was refused or withdrawn.", "该申请未获同意或已撤回。"),
    BY_A_PERSON: ("A person put it together with the payment.", "经人工匹配。"),
}
"""Why a claim or a report waits, or what decided it outside reconciliation: code → English and 中文."""

_ENDED = frozenset({Outcome.REFUSED, Outcome.WITHDRAWN, Outcome.EXPIRED, Outcome.CASE_LEFT})


@dataclass(frozen=True)
class Finding:
    """What the last run of reconciliation found of a claim: ``waiting`` with a reason, ``confirmed`` by a payment
    (``p:<id>``) or a bank line (``b:<line>``), ``broken`` with the break."""

    claim_id: str
    state: str
    confirmed_by: str | None
    break_id: str | None
    reason: str | None
    as_of_date: date


@dataclass(frozen=True)
class Standing:
    """How a claim stands: what confirmed it, or why not (a code, and the words of whoever decided)."""

    state: ClaimState
    confirmed_by: str | None = None
    reason: str | None = None
    said: str | None = None
    break_id: str | None = None
    as_of_date: date | None = None


def standing_of(
    outcome: Outcome | None, finding: Finding | None, break_state: BreakState | None, said: str | None
) -> Standing:
    """What the ended request, the last run and a person's decision on the claim's break come to, in that order.

    ``said`` is the reason given with the decision that stands on the break.
    """
    if outcome in _ENDED:
        return Standing(ClaimState.REJECTED, reason=REFUSED_BY_REQUEST)
    if finding is None:
        return Standing(ClaimState.WAITING, reason=NOT_RECONCILED)
    if finding.state == "confirmed":
        state, reason, said = ClaimState.CONFIRMED, None, None
    elif break_state is BreakState.REJECTED:
        state, reason = ClaimState.REJECTED, finding.reason
    elif break_state in (BreakState.MATCHED, BreakState.SPLIT):
        state, reason = ClaimState.CONFIRMED, BY_A_PERSON
    else:
        state, reason, said = ClaimState.WAITING, finding.reason, None
    return Standing(state, finding.confirmed_by, reason, said, finding.break_id, finding.as_of_date)
