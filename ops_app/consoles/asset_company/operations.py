"""Operations: business days, feeds, checks, files, refused rows and announcements; one at a time, by its tab."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import days, files, health, refused
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = {
    "days": days.show,
    "feeds": health.feeds,
    "checks": health.checks,
    "files": files.show,
    "refused": refused.show,
    "announced": health.announced,
}

at = here()
heading(at, "operations")
tab = url.tab(
    "operations_tab",
    at.t("page.operations.title"),
    list(TABS),
    lambda name: at.t(f"operations.tabs.{name}"),
    language=at.actor.language,
)
TABS[tab](at)
