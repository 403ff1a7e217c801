"""Write-offs: cases that may be and their requests, the ledger of what was, recoveries by month, criteria."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import (
    write_off_criteria,
    write_off_ledger,
    write_off_query,
    write_off_vintage,
)
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = {
    "query": write_off_query.show,
    "ledger": write_off_ledger.show,
    "vintage": write_off_vintage.show,
    "criteria": write_off_criteria.show,
}

at = here()
heading(at, "write_offs")
tab = url.tab(
    "write_offs_tab", at.t("page.write_offs.title"), list(TABS), lambda name: at.t(f"write_offs.tabs.{name}"),
    language=at.actor.language,
)  # fmt: skip
TABS[tab](at)
