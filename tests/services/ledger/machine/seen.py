"""How often each rare class occurred in the stories of the machine."""

from __future__ import annotations

from collections import Counter

SEEN: Counter[str] = Counter()


def table(seen: Counter[str]) -> str:
    """How often each class occurred, as text."""
    return "\n".join(f"{count:>8}  {name}" for name, count in sorted(seen.items()))
