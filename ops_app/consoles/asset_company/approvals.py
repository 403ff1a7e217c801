"""Approvals: what waits for one's decision, everything that was asked for, one's own requests, delegation."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import approval_delegation, approval_desk, approval_mine
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

DECIDERS = {"queue": approval_desk.queue, "all": approval_desk.everything}
EVERYBODY = {"all": approval_desk.everything, "mine": approval_mine.show}

at = here()
heading(at, "approvals")
may_decide = at.may("approvals.decide")
tabs = DECIDERS | EVERYBODY | {"delegation": approval_delegation.show} if may_decide else EVERYBODY
tab = url.tab(
    "approvals_tab",
    at.t("page.approvals.title"),
    list(tabs),
    lambda name: at.t(f"approvals.tabs.{name}"),
    language=at.actor.language,
)
tabs[tab](at)
