"""Commission: its settlement period by period, every line, what agencies claim, and payments that earn nothing."""

from __future__ import annotations

from ops_app.consoles.commission import claimed, lines, settlement_list, settlement_record, unearned
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = ("settlements", "lines", "claimed", "unearned")

at = here()
heading(at, "commission")
tab = url.tab(
    "commission_tab", at.t("page.commission.title"), TABS, lambda code: at.t(f"commission.tabs.{code}"),
    language=at.actor.language,
)  # fmt: skip
if tab == "lines":
    lines.show(at, own=False)
elif tab == "claimed":
    claimed.show(at, own=False)
elif tab == "unearned":
    unearned.show(at)
else:
    settlement_list.open_next(at)
    chosen = settlement_list.show(at, own=False)
    if chosen:
        settlement_record.show(at, chosen, own=False)
