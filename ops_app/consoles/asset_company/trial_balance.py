"""The trial balance: every account as of a day and as known at a moment, with what the cases add up to beside it."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import trial_table
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "trial_balance")
trial_table.show(at)
