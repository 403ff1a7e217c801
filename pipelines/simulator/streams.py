"""Named random streams: the same seed, name and day give the same numbers whatever else is drawn."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str, day: int = 0) -> np.random.Generator:
    """A generator of its own for one purpose and day."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, crc32(name.encode()), day])))
