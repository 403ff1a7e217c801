"""Where tests keep their files: in memory where the machine has room, since waiting for a disk proves nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

_SHARED = Path("/dev/shm")


def in_memory(wanted: int) -> Path | None:
    """A folder in memory with room for ``wanted`` bytes to spare; ``None`` where the machine has none."""
    if not os.access(_SHARED, os.W_OK) or shutil.disk_usage(_SHARED).free < wanted:
        return None
    return _SHARED if psutil.virtual_memory().available > wanted else None
