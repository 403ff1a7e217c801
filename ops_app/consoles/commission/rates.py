"""How rates of commission are written."""

from __future__ import annotations

from ops_app.store.ledger.commissions import CommissionLine


def rate(one: CommissionLine) -> str:
    """The rate of a line in percent, exact."""
    return f"{one.rate_ppm // 10_000}.{one.rate_ppm % 10_000:04d}".rstrip("0").rstrip(".") + " %"
