"""Messages of senders' systems: how far behind the handling is, where each stands, and what a person decides."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import message_acts, message_figures, message_list
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "messages")
figures = message_figures.show(at)
rows, selected = message_list.show(at, figures)
message_acts.show(at, rows, selected)
