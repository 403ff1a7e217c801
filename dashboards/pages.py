"""The pages of the dashboards: what the shell of the consoles puts into its navigation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dashboards.viewer import Viewer
from dashboards.views import ageing_and_roll, contact_funnel, data_health, overview, recovery


class Page(NamedTuple):
    """One page: its address, its title in both languages, and the function that draws it for a viewer."""

    url_path: str
    title_en: str
    title_zh: str
    render: Callable[[Viewer], None]


PAGES: tuple[Page, ...] = (
    Page("overview", "Main figures", "主要指标", overview.render),
    Page("recovery", "Recovery", "回款", recovery.render),
    Page("ageing_and_roll", "Ageing and roll rates", "账龄与迁移率", ageing_and_roll.render),
    Page("contact_funnel", "Contact funnel", "触达漏斗", contact_funnel.render),
    Page("data_health", "Data health", "数据健康", data_health.render),
)
"""In the order of the menu; the first is the main page."""
