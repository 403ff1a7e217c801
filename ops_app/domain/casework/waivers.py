"""What of the waivers granted on a case the lender has not posted yet (feature 26), by component of the balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COMPONENTS = ("principal", "interest", "fees", "penalty")


@dataclass(frozen=True)
class Grant:
    """One granted waiver: what was waived and what was owed when it was granted, component → whole minor units."""

    waived: Mapping[str, int]
    owed: Mapping[str, int]


def not_posted(grants: Sequence[Grant], owed: Mapping[str, int]) -> dict[str, int]:
    """Component → what of ``grants`` (in the order in which they were granted) still stands against ``owed`` now.

    A grant is posted by the lender's feed: the component falls. What it fell by since a grant counts as posted, up to
    what was granted until then. Each component is counted by itself, so that a payment of principal posts no waiver of
    penalties. A component that grows meanwhile hides a posting and never makes one up.
    """
    left = dict.fromkeys(COMPONENTS, 0)
    for place, grant in enumerate(grants):
        after = grants[place + 1].owed if place + 1 < len(grants) else owed
        for part in COMPONENTS:
            fell = max(0, grant.owed.get(part, 0) - after.get(part, 0))
            left[part] = max(0, left[part] + grant.waived.get(part, 0) - fell)
    return left
