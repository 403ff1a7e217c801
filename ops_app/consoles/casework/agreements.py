"""Waivers and plans: what was agreed with debtors, what of it was kept, what lapsed, and what they come to."""

from __future__ import annotations

from ops_app.consoles.casework import agreement_list
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "agreements")
agreement_list.show(at)
