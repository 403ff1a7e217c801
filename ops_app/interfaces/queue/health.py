"""What is wrong with the consumer at this moment, in words for the operator."""

from __future__ import annotations

import logging
from secrets import SystemRandom

_log = logging.getLogger("recoup.queue")
_RANDOM = SystemRandom()


class Health:
    """Troubles by the part that has them; a part that works again takes its own back."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}

    def say(self, part: str, trouble: str | None) -> None:
        """``trouble`` of ``part``, or that it has none. Never hand over an error's own text: it may hold an address
        with a password."""
        if trouble is None:
            if self._troubles.pop(part, None) is not None:
                _log.warning("%s works again", part)
        elif self._troubles.get(part) != trouble:
            self._troubles[part] = trouble
            _log.warning("%s: %s", part, trouble)

    @property
    def trouble(self) -> str | None:
        """All that is wrong, or nothing."""
        return "; ".join(f"{part}: {what}" for part, what in sorted(self._troubles.items())) or None


def pause(nth: int, *, longest: float = 30.0) -> float:
    """Seconds before the ``nth`` try again (from 0): twice as long each time, anywhere within, so that many clients do
    not come back at the same moment."""
    return _RANDOM.uniform(0.05, min(longest, 0.5 * 2**nth))
