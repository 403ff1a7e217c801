"""Accounting periods: the open one with its checks, its close by two people, overrides; those that are closed."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import period_close
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "accounting_periods")
period_close.show(at)
