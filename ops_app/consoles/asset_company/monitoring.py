"""Internal monitoring: what is wrong with placed cases and their agencies, whose it is, by when it is to be settled."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import alert_acts, alert_list
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

current = here()
heading(current, "monitoring")
rows, selected = alert_list.show(current)
alert_acts.show(current, rows, selected)
