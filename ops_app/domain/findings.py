"""What a check of an invariant found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["holds", "broken", "not built"]


@dataclass(frozen=True)
class Finding:
    """One invariant: its number in the design's list, its name, whether it holds, how many things were looked at,
    and what was found (for a broken one: the first thing that is wrong)."""

    invariant: int
    name: str
    state: State
    checked: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        if self.state == "broken" and not self.detail:
            raise ValueError("a broken invariant says what is wrong")
        if self.checked < 0:
            raise ValueError("nothing is looked at a negative number of times")


def broken(invariant: int, name: str, checked: int, detail: str) -> Finding:
    """``invariant`` does not hold; ``detail`` names the first thing that is wrong."""
    return Finding(invariant, name, "broken", checked, detail)


def holds(invariant: int, name: str, checked: int, detail: str = "") -> Finding:
    """``invariant`` holds for all ``checked`` things."""
    return Finding(invariant, name, "holds", checked, detail)


def not_built(invariant: int, name: str, detail: str = "") -> Finding:
    """What ``invariant`` speaks of does not exist yet."""
    return Finding(invariant, name, "not built", 0, detail)
