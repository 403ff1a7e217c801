"""A small app around the pages, for AppTest and for pictures: a viewer without a house, on a folder of a snapshot.

Run by hand: ``RECOUP_HARNESS=<published folder> streamlit run tests/dashboards/harness.py``, then ``?lang=zh``.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from dashboards import PAGES
from dashboards.viewer import FileFormat


class Refusal(Exception):
    """As the house refuses: with a sentence in both languages."""

    def sentence(self, language: str) -> str:
        return "不可导出。" if language == "zh" else "You may not take this away."


@dataclass
class HarnessViewer:
    """Remembers what the pages asked for."""

    audience_dir: Path
    language: str = "en"
    name: str = "Tester"
    timezone: str = "Asia/Shanghai"
    refuses: bool = False
    logged: list[tuple[str, str, dict[str, str], int]] = field(default_factory=list)
    exported: list[dict[str, Any]] = field(default_factory=list)
    refusals: tuple[type[Exception], ...] = (Refusal,)

    def may_export(self) -> bool:
        return True

    def log_query(self, page: str, figure: str, filters: Mapping[str, str], rows: int) -> None:
        self.logged.append((page, figure, dict(filters), rows))

    def export(
        self,
        what: str,
        headers: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        filters: Mapping[str, str],
        file_format: FileFormat,
    ) -> bytes:
        if self.refuses:
            raise Refusal
        self.exported.append({"what": what, "headers": headers, "rows": rows, "filters": dict(filters)})
        text = io.StringIO()
        csv.writer(text).writerows([headers, *rows])
        return text.getvalue().encode("utf-8-sig")


def main() -> None:
    """One run of the app."""
    language = st.query_params.get("lang") or st.session_state.get("harness_language", "en")
    st.session_state["harness_language"] = language
    st.set_page_config(page_title="Recoup", layout="wide")
    viewer = HarnessViewer(Path(os.environ["RECOUP_HARNESS"]), language)
    home = st.Page(lambda: st.title("Recoup"), title="Recoup", default=True)
    pages = [
        st.Page(
            lambda page=page: page.render(viewer),
            title=page.title_zh if language == "zh" else page.title_en,
            url_path=page.url_path,
        )
        for page in PAGES
    ]
    st.navigation([home, *pages]).run()


if __name__ == "__main__":
    main()
