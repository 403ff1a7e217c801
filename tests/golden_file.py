"""Golden data: small, in git, rewritten by one command, reviewed in the diff.

``RECOUP_GOLDEN=write make test`` (or pytest on one file) writes what the code gives now; without it the files decide.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, given: object) -> None:
    """``given`` must equal ``tests/golden/<name>`` (JSON); on request the file is written instead."""
    path = FOLDER / name
    text = json.dumps(given, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("RECOUP_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(path.read_text(encoding="utf-8")), f"differs from {path.name}"
