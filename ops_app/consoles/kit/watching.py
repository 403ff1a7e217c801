"""A case that stands open on a page is drawn anew as soon as something happened to it: a collector who looks at it sees
that a payment came and contact is held, without asking for the page again.

One thread of the server looks at the store for all pages together (``gateways/changed_cases.py``) and asks Streamlit to
run the pages concerned once more, as they are. A page that is running is left alone until it has run: a press that is
being carried out is never broken off.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from streamlit import runtime
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ops_app.consoles.kit.context import Here
from ops_app.gateways.changed_cases import ChangedCases, Mark, marks_of
from ops_app.store.store import Store

EVERY_S = 0.25
_AFTER_A_FAULT_S = 5.0
_log = logging.getLogger(__name__)


@dataclass
class _Watched:
    """Session → the case on its page, and the mark that it had when the page was drawn."""

    pages: dict[str, tuple[str, Mark]] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)
    is_new: threading.Event = field(default_factory=threading.Event)
    of_store: Store | None = None


_watched = _Watched()


def forget_page() -> None:
    """The page of this session runs anew: what stood on it is no longer watched. Called by the shell on each run."""
    if (session_id := _session_id()) is not None:
        with _watched.turn:
            _watched.pages.pop(session_id, None)


def watch_case(at: Here, case_id: str) -> None:
    """Draw the page of this session anew when something happens to the case; called before the case is read. Does
    nothing where no server runs the page."""
    session_id = _session_id()
    if session_id is None or (mark := marks_of(at.app.store, [case_id]).get(case_id)) is None:
        return
    with _watched.turn:
        _watched.pages[session_id] = case_id, mark
        if _watched.of_store is not at.app.store:  # once in a server
            _watched.of_store = at.app.store
            threading.Thread(target=_watch, args=(at.app.store,), name="watch-cases", daemon=True).start()
    _watched.is_new.set()


def _session_id() -> str | None:
    context = get_script_run_ctx()
    if context is None or not runtime.exists() or getattr(runtime.get_instance(), "_session_mgr", None) is None:
        return None  # the page is run by no server, or by a test's stand-in for one
    return context.session_id


def _watch(store: Store) -> None:
    looked = ChangedCases(store)
    while _watched.of_store is store and runtime.exists():
        time.sleep(EVERY_S)
        with _watched.turn:
            pages = dict(_watched.pages)
        if not pages:
            _watched.is_new.wait(timeout=60)
            continue
        if _watched.is_new.is_set():
            _watched.is_new.clear()
            looked.look_at_all()
        try:
            marks = looked.marks({case_id for case_id, _ in pages.values()})
        except Exception:  # noqa: BLE001  whatever the store has, the watch goes on
            _log.exception("open cases could not be looked at")
            time.sleep(_AFTER_A_FAULT_S)
            continue
        for session_id, (case_id, mark) in pages.items():
            if marks is not None and marks.get(case_id) != mark:
                _draw_anew(session_id)


def _draw_anew(session_id: str) -> None:
    """Ask for one more run of a page; on the loop of the server, on which what people press arrives too."""
    if not runtime.exists():  # the server stops
        return
    server = runtime.get_instance()
    found = server._session_mgr.get_active_session_info(session_id)
    if found is None:  # the page was closed
        with _watched.turn:
            _watched.pages.pop(session_id, None)
        return
    server._get_async_objs().eventloop.call_soon_threadsafe(_run_again, found.session)


def _run_again(session: AppSession) -> None:
    if session._state is AppSessionState.APP_NOT_RUNNING and session._scriptrunner is None:
        with _watched.turn:
            _watched.pages.pop(session.id, None)
        session.request_rerun(session._client_state)
    else:
        _watched.is_new.set()  # looked at again when it has run, unless that run has shown it
