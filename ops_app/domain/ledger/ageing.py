"""How long a difference has stood, and whose it is: bands of age in business days, an owner for each, an escalation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from ops_app.domain.ledger.breaks import BreakKind, Leg, leg_of
from ops_app.domain.organisation.people import Role

BANDS: tuple[int, ...] = (0, 1, 3, 5, 10, 20)
"""First business day of each band of age; the last band has no end."""

_LONGEST = 4_000
"""Days that are walked back at most: an age beyond it is as good as unlimited."""


def owner_role(kind: BreakKind, *, escalated: bool) -> Role:
    """Whose desk a break is on while no person has taken it: money between lender and bank is finance's, what agencies
    and collectors say is the supervisor's; past its age limit a manager's."""
    if escalated:
        return Role.MANAGER
    return Role.FINANCE if leg_of(kind) is Leg.BANK else Role.SUPERVISOR


def age_of(opened: date, as_of: date, is_workday: Callable[[date], bool]) -> int:
    """Business days after ``opened`` up to ``as_of``, both as dates; 0 on the day itself and never below."""
    days = min((as_of - opened).days, _LONGEST)
    return sum(1 for back in range(days) if is_workday(as_of - timedelta(days=back)))


def opened_until(age: int, as_of: date, is_workday: Callable[[date], bool]) -> date:
    """The last day of opening that makes an age of at least ``age`` business days on ``as_of``."""
    day, counted = as_of, 0
    for _ in range(_LONGEST):
        if counted >= age:
            return day
        counted += is_workday(day)
        day -= timedelta(days=1)
    return day


def band_edges(as_of: date, is_workday: Callable[[date], bool]) -> list[date]:
    """For each band but the last the last day of opening that is too old for it: what was opened after it is younger
    than the next band begins."""
    return [opened_until(first, as_of, is_workday) for first in BANDS[1:]]
