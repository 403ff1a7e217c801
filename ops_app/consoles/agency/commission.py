"""The agency's own commission: statements to confirm or dispute, every line, what it claimed, and its split."""

from __future__ import annotations

from ops_app.consoles.commission import claimed, lines, settlement_list, settlement_record, split
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = ("settlements", "lines", "claimed", "split")

at = here()
heading(at, "agency_commission")
tab = url.tab(
    "commission_tab", at.t("page.agency_commission.title"), TABS, lambda code: at.t(f"commission.tabs.{code}"),
    language=at.actor.language,
)  # fmt: skip
if tab == "lines":
    lines.show(at, own=True)
elif tab == "claimed":
    claimed.show(at, own=True)
elif tab == "split":
    split.show(at)
else:
    chosen = settlement_list.show(at, own=True)
    if chosen:
        settlement_record.show(at, chosen, own=True)
