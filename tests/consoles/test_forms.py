"""A box whose texts change while a form is filled keeps what was chosen."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.consoles.kit import sitting


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

    from ops_app.consoles.kit.forms import form
    from ops_app.consoles.kit.sitting import flashes
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

    from ops_app.consoles.kit.forms import form
    from ops_app.consoles.kit.sitting import flashes

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
    monkeypatch.setattr(sitting, "STAYS_SECONDS", 1000.0)
    at = AppTest.from_function(_pressed_twice).run()
    at.button[0].click().run()
    assert [one.value for one in at.success] == ["decided"]
    at.run()  # the form went with its act; the second press only draws the page anew
    assert [one.value for one in at.success] == ["decided"]
    monkeypatch.setattr(sitting, "STAYS_SECONDS", 0.0)
    at.run()
    assert not at.success


def _said_without_a_rerun() -> None:
    import streamlit as st

    from ops_app.consoles.kit.sitting import flash, flashes

    with flashes():
        if not st.session_state.get("said"):
            st.session_state["said"] = True
            flash("for the next run")


def test_what_a_run_adds_draws_the_page_once_more() -> None:
    at = AppTest.from_function(_said_without_a_rerun).run()
    assert [one.value for one in at.success] == ["for the next run"]
    at.run()
    assert not at.success


def _broken_off_by_a_second_press() -> None:
    from types import SimpleNamespace
    from typing import Any

    import streamlit as st
    from streamlit.proto.WidgetStates_pb2 import WidgetStates
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from ops_app.consoles.kit.forms import form
    from ops_app.consoles.kit.sitting import flashes

    at: Any = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key: key)
    record = st.session_state.setdefault("record", {"owed": 100, "written": []})
    with flashes(), form(at, "write_off") as f:
        amount = record["owed"] and f.text("amount", "Amount", value=str(record["owed"]))
        f.submit("Ask")

    def write(key: str) -> None:
        record["written"].append((key, amount))
        record["owed"] = 0  # the form has another field from now on
        running: Any = get_script_run_ctx()
        pressed = WidgetStates(widgets=running.session_state.get_widget_states())
        running.script_requests.request_rerun(RerunData(widget_states=pressed))

    f.run(write, done="asked for")


def test_the_second_press_of_a_double_click_carries_out_nothing_and_takes_no_answer_away() -> None:
    at = AppTest.from_function(_broken_off_by_a_second_press).run()
    at.button[0].click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert [amount for _, amount in at.session_state["record"]["written"]] == ["100"]
    assert [one.value for one in at.success] == ["asked for"]
    assert not at.text_input


def _pressed_again_while_the_first_is_at_work() -> None:
    import threading
    from types import SimpleNamespace
    from typing import Any

    import streamlit as st

    from ops_app.consoles.kit.forms import form
    from ops_app.consoles.kit.sitting import flashes, present_sitting

    at: Any = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key: key)
    written = st.session_state.setdefault("written", [])
    with flashes():
        with form(at, "pay") as f:
            f.submit("Pay")
        sitting = present_sitting()
        if not written and st.session_state.get(f._field_key("submit")):  # the first press, in a run of its own
            sitting.turn.acquire()
            began = threading.Event()

            def first() -> None:
                began.wait()
                written.append("first")
                sitting.say("paid")
                sitting.forget("pay")
                sitting.turn.release()

            threading.Thread(target=first).start()
            began.set()
        f.run(lambda _key: written.append("second"), done="paid twice")


def test_a_press_waits_for_the_one_before_it_and_then_finds_that_all_is_done() -> None:
    at = AppTest.from_function(_pressed_again_while_the_first_is_at_work).run()
    at.button[0].click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert at.session_state["written"] == ["first"]
    assert [one.value for one in at.success] == ["paid"]
