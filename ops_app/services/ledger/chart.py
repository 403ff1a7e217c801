"""The chart of accounts of this installation, read once from ``data/reference/accounts.yml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.ledger.accounts import Account, chart_of

FILE = PROJECT_ROOT / "data" / "reference" / "accounts.yml"


@functools.cache
def chart() -> Mapping[str, Account]:
    """Code → account, in the order of the chart. Raises ``Invalid`` for a chart that posting cannot use."""
    return chart_of(yaml_of(FILE.read_text(encoding="utf-8"))["accounts"])
