"""Suspense and refunds: money that pays nothing yet, refunds on their way, and the files by which they are paid."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import payout_desk, refund_list, suspense_list
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = {"suspense": suspense_list.show, "refunds": refund_list.show, "payouts": payout_desk.show}

at = here()
heading(at, "suspense")
tab = url.tab(
    "suspense_tab", at.t("page.suspense.title"), list(TABS), lambda name: at.t(f"suspense.tabs.{name}"),
    language=at.actor.language,
)  # fmt: skip
TABS[tab](at)
