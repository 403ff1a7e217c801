"""The audit of waivers: requests with their limits, what was granted so far, what warns, and a decision."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import waiver_desk
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "waiver_audit")
waiver_desk.show(at)
