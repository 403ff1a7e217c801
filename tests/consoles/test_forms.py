"""A box whose texts change while a form is filled keeps what was chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    import streamlit as st

    from ops_app.consoles.kit.forms import Form

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    at: Any = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key: key)
    form = Form(at, "assign")
    chosen = form.choice("who", "Who", ["a", "b"], lambda code: f"{code}: {st.session_state['runs']} cases", index=None)
    st.caption(cast("str", chosen or "nobody"))
    if st.button("again"):
        form.forget()
        st.rerun()


def test_a_choice_outlives_a_change_of_its_text_and_the_next_filling_reads_it_anew() -> None:
    at = AppTest.from_function(_page).run()
    at.selectbox[0].select("b").run()
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    assert [one.value for one in at.caption] == ["b"]
    assert at.selectbox[0].options == ["a: 1 cases", "b: 1 cases"]
    at.button[0].click().run()
    assert [one.value for one in at.caption] == ["nobody"]
    assert "a: 1 cases" not in at.selectbox[0].options
