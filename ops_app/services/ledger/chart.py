"""The chart of accounts of the installation, read once for a process."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import yaml

from ops_app.config import PROJECT_ROOT
from ops_app.domain.ledger.accounts import Account, chart_of

REFERENCE = PROJECT_ROOT / "data" / "reference" / "accounts.yml"


@functools.cache
def chart() -> Mapping[str, Account]:
    """Code → account, in the order listed; raises ``Invalid`` where the file does not hold together."""
    return chart_of(yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))["accounts"])
