"""The heading every page begins with."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import Here


def heading(here: Here, key: str) -> None:
    """The page's name and one sentence on what it is for."""
    st.title(here.t(f"page.{key}.title"), anchor=False)
    st.caption(here.t(f"page.{key}.lead"))
