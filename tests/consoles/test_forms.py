"""A box whose texts change while a form is filled keeps what was chosen."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.consoles.kit import forms


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


def _edited_by_two() -> None:
    from types import SimpleNamespace
    from typing import Any

    import streamlit as st

    from ops_app.consoles.kit.forms import flashes, form
    from ops_app.domain.errors import Conflict

    at: Any = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key: key)
    record = st.session_state.setdefault("record", {"version": 1, "written": []})

    def draw() -> None:
        with form(at, "edit_1") as f:
            version = f.version(record["version"])
            why = f.text("why", "Why")
            f.submit("Save")

        def write(_key: str) -> None:
            if version != record["version"]:
                raise Conflict("Chen Jing has changed it.", "陈静已修改。")
            record["version"] += 1
            record["written"].append((version, why))

        f.run(write, done="saved")
        with form(at, "other_1") as g:
            seen = g.version(record["version"])
            g.text("note", "Note")
            g.submit("Note it")
        g.run(lambda _key: record["written"].append(("other", seen)), done="noted")

    with flashes():
        if not st.session_state.get("elsewhere"):
            draw()


def test_who_is_second_is_told_who_changed_it_keeps_what_was_typed_and_may_go_on() -> None:
    at = AppTest.from_function(_edited_by_two).run()
    at.session_state["record"]["version"] = 2  # somebody else
    at.text_input[0].set_value("a long reason")
    at.button[0].click().run()
    assert [one.value for one in at.warning] == ["Chen Jing has changed it."]
    assert at.text_input[0].value == "a long reason"
    at.button[0].click().run()
    assert at.session_state["record"]["written"] == [(2, "a long reason")]
    assert [one.value for one in at.success] == ["saved"]
    assert at.text_input[0].value == ""


def test_what_one_has_changed_oneself_is_no_news_in_the_other_forms_of_the_page() -> None:
    at = AppTest.from_function(_edited_by_two).run()
    at.button[0].click().run()
    at.button[1].click().run()
    assert at.session_state["record"]["written"] == [(1, ""), ("other", 2)]


def test_a_form_that_is_come_back_to_begins_on_the_version_of_now() -> None:
    at = AppTest.from_function(_edited_by_two).run()
    at.session_state["elsewhere"] = True
    at.run()
    at.session_state["record"]["version"] = 7
    at.session_state["elsewhere"] = False
    at.run()
    at.button[0].click().run()
    assert not at.warning
    assert at.session_state["record"]["written"] == [(7, "")]


def _pressed_twice() -> None:
    from types import SimpleNamespace
    from typing import Any

    import streamlit as st

    from ops_app.consoles.kit.forms import flashes, form

    at: Any = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key: key)
    with flashes():
        if st.session_state.get("broken_off"):
            st.session_state["broken_off"] = False
            st.rerun()  # as a press does that comes while the page is drawn
        if not st.session_state.get("done"):
            with form(at, "decide") as f:
                f.submit("Decide")
            f.run(lambda _key: st.session_state.update(done=True, broken_off=True), done="decided")


def test_the_answer_to_a_double_click_stays_until_it_could_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "STAYS_SECONDS", 1000.0)
    at = AppTest.from_function(_pressed_twice).run()
    at.button[0].click().run()
    assert [one.value for one in at.success] == ["decided"]
    at.run()  # the form went with its act; the second press only draws the page anew
    assert [one.value for one in at.success] == ["decided"]
    monkeypatch.setattr(forms, "STAYS_SECONDS", 0.0)
    at.run()
    assert not at.success


def _said_without_a_rerun() -> None:
    import streamlit as st

    from ops_app.consoles.kit.forms import flash, flashes

    with flashes():
        if not st.session_state.get("said"):
            st.session_state["said"] = True
            flash("for the next run")


def test_what_a_run_adds_is_shown_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "STAYS_SECONDS", 0.0)
    at = AppTest.from_function(_said_without_a_rerun).run()
    assert not at.success
    at.run()
    assert [one.value for one in at.success] == ["for the next run"]
