"""Folders that live as long as one piece of work."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops_app.config import Settings


@contextmanager
def working_folder(settings: Settings, prefix: str) -> Iterator[Path]:
    """A folder of its own among the run-time files, gone with all it holds when the block ends."""
    settings.run.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=settings.run))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
