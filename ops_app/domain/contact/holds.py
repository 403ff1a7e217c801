"""Contact holds: a payment that is known stops contact on its case, by itself or until somebody decides (D4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops_app.domain.casework.flags import Reason
from ops_app.domain.errors import Conflict, NotFound


class HoldCause(StrEnum):
    """Why contact is held."""

    RECEIVED = "payment_received"
    UNMATCHED = "payment_unmatched"
    DISPUTED = "payment_disputed"


HOLD_CAUSE_NAMES: dict[HoldCause, tuple[str, str]] = {
    HoldCause.RECEIVED: ("payment received", "已收到还款"),
    HoldCause.UNMATCHED: ("payment not matched yet", "还款待匹配"),
    HoldCause.DISPUTED: ("payment disputed", "还款有争议"),
}

UNTIL_DECIDED = frozenset({HoldCause.UNMATCHED, HoldCause.DISPUTED})
"""Causes that hold until somebody decides; they have an age limit and an owner. The other ends by itself."""


class HoldEnd(StrEnum):
    """How a hold ended; one that ran out of time ended then, whether or not anybody looked."""

    TIME = "time"
    FOLLOWED = "followed"
    REVERSED = "reversed"
    POSTED = "posted"
    CLOSED = "closed"
    RELEASED = "released"


HOLD_END_NAMES: dict[HoldEnd, tuple[str, str]] = {
    HoldEnd.TIME: ("its time was over", "到期恢复"),
    HoldEnd.FOLLOWED: ("a later payment holds instead", "由后续还款接续"),
    HoldEnd.REVERSED: ("the payment was reversed", "还款已冲正"),
    HoldEnd.POSTED: ("the payment was posted", "还款已入账"),
    HoldEnd.CLOSED: ("the case was closed", "案件已结案"),
    HoldEnd.RELEASED: ("released", "人工解除"),
}


@dataclass(frozen=True)
class ContactHold:
    """One hold of contact on a case. ``because_id`` is the payment (source/payment id). ``until_at`` is when it ends by
    itself, ``due_at`` by when somebody must have decided; one of them is set."""

    hold_id: str
    case_id: str
    cause: HoldCause
    because_id: str
    begun_at: datetime
    begun_by: str
    until_at: datetime | None
    due_at: datetime | None
    owner_id: str | None
    ended_at: datetime | None
    ended_by: str | None
    end_kind: HoldEnd | None
    end_reason: str | None
    version: int

    def holds_at(self, now: datetime) -> bool:
        """Whether contact is held by it at ``now``: worked out from time, so that none is stale."""
        return self.ended_at is None and (self.until_at is None or now < self.until_at)

    def is_late_at(self, now: datetime) -> bool:
        """Whether it waits for a decision longer than it may."""
        return self.holds_at(now) and self.due_at is not None and self.due_at <= now

    def reason(self, until: str | None) -> Reason:
        """Why there is no contact now; ``until`` is the day on which it resumes, as it is written."""
        en, zh = HOLD_CAUSE_NAMES[self.cause]
        if until is None:
            return Reason(self.cause.value, f"{en}, held until decided", f"{zh}，处理前暂停联系")
        return Reason(self.cause.value, f"{en}, contact resumes on {until}", f"{zh}，{until} 起恢复联系")


class NoSuchHold(NotFound):
    """No such hold within reach."""

    def __init__(self) -> None:
        super().__init__("There is no such hold of contact.", "没有该暂停联系记录。")


class HoldChanged(Conflict):
    """Somebody decided on the hold, or time did, since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "This hold was changed or ended meanwhile. Please look again.", "该暂停联系已变更或已结束，请刷新后再试。"
        )
