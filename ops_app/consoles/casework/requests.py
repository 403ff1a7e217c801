"""Requests on cases: what was asked for within one's reach, when each is due, and the rules of what goes up."""

from __future__ import annotations

from ops_app.consoles.casework import request_list, request_rules
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

TABS = {"all": request_list.show, "rules": request_rules.show}

at = here()
heading(at, "requests")
tab = url.tab(
    "requests_tab", at.t("page.requests.title"), list(TABS), lambda name: at.t(f"requests.tabs.{name}"),
    language=at.actor.language,
)  # fmt: skip
TABS[tab](at)
