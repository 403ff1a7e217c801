"""The limitation clock (诉讼时效): until when a claim can be sued for, from its due date and what interrupted it.

The rule (how many years, what interrupts) is data, read on the day it is applied to: the due date, or the day of the
interruption. CN-L1: 民法典 §188, §195; not checked against the text of the law, so it is a parameter of the rule pack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid


class InterruptionKind(StrEnum):
    """What may have happened to a claim that the law looks at."""

    DEMAND = "demand"
    ADMISSION = "admission"
    PART_PAYMENT = "part_payment"
    SUIT = "suit"
    ARBITRATION = "arbitration"
    MEDIATION = "mediation"


INTERRUPTION_NAMES: dict[InterruptionKind, tuple[str, str]] = {
    InterruptionKind.DEMAND: ("written demand", "书面催告"),
    InterruptionKind.ADMISSION: ("admission of the debt", "承认债务"),
    InterruptionKind.PART_PAYMENT: ("part payment", "部分还款"),
    InterruptionKind.SUIT: ("suit", "起诉"),
    InterruptionKind.ARBITRATION: ("arbitration", "仲裁"),
    InterruptionKind.MEDIATION: ("mediation", "调解"),
}

LONGEST_EVIDENCE = 300


@dataclass(frozen=True)
class Interruption:
    """One thing that happened on ``happened_date``; ``nth`` tells it from others of the case."""

    nth: int
    kind: InterruptionKind
    happened_date: date


@dataclass(frozen=True)
class Clock:
    """Until the end of ``expires_date`` the claim can be sued for. The period runs from ``started_date`` (the due date
    or the last interruption that counted) over ``years``; ``counted`` are the interruptions that began it anew."""

    due_date: date
    started_date: date
    years: int
    expires_date: date
    counted: tuple[int, ...] = ()

    def days_left(self, today: date) -> int:
        """Days until it expires; below zero once it has."""
        return (self.expires_date - today).days


class NotInTheRecord(Conflict):
    """The interruption that should be taken back is not there, or was taken back already."""

    def __init__(self) -> None:
        super().__init__(
            "This interruption is not in the record any more. Look again.", "该中断记录已不存在或已撤销，请刷新查看。"
        )


def clock_of(
    due_date: date,
    interruptions: Iterable[Interruption],
    years_on: Callable[[date], int],
    interrupts_on: Callable[[date], Collection[str]],
) -> Clock:
    """The clock of a claim that fell due on ``due_date``.

    An interruption counts if it lies within the period that runs (its last day included), not before the due date, and
    is of a kind that interrupts on its day; the period then begins anew. What comes after the last day does not revive
    the claim. An interruption never shortens a period. The order of ``interruptions`` does not matter.
    """
    years = years_on(due_date)
    clock = Clock(due_date, due_date, years, years_after(due_date, years))
    for one in sorted(interruptions, key=lambda it: (it.happened_date, it.nth)):
        day = one.happened_date
        if not due_date <= day <= clock.expires_date or one.kind.value not in interrupts_on(day):
            continue
        years = years_on(day)
        expires = years_after(day, years)
        if expires >= clock.expires_date:
            clock = Clock(due_date, day, years, expires, (*clock.counted, one.nth))
    return clock


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 28 February for a 29th that the year does not have."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def checked_evidence(text: str) -> str:
    """What proves an interruption, on one line: a waybill, a receipt, a court file. Raises ``Invalid``."""
    evidence = " ".join(text.split())
    if not 3 <= len(evidence) <= LONGEST_EVIDENCE or not evidence.isprintable():
        raise Invalid(
            f"Name the evidence in 3 to {LONGEST_EVIDENCE} characters: a waybill, a receipt, a court file.",
            f"请用 3 至 {LONGEST_EVIDENCE} 个字注明证据，如快递单号、回执、案号。",
            field="evidence",
        )
    return evidence


def checked_day(day: date | None, today: date) -> date:
    """The day of an interruption: not in the future. Raises ``Invalid``."""
    if day is None or not date(1990, 1, 1) <= day <= today:
        raise Invalid(
            "Choose the day on which it happened, today at the latest.", "请选择发生日期，不得晚于今天。",
            field="happened_date",
        )  # fmt: skip
    return day
