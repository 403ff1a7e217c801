"""What one person's open page remembers between its runs: fillings of forms, and what is still to be said of acts.

A second press of a button starts a new run while the first is still at work, and the first is broken off at its next
touch of the page or of Streamlit's session state, which may lie between an act and the record that it was done. What
must never be lost there is kept in a plain object, whose change breaks nothing off.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import streamlit as st

STAYS_SECONDS = 2.0
_PLACE = "_recoup_sitting"


@dataclass(frozen=True)
class Said:
    """What is said of an act that was done: a sentence, and links (what is there, its address) to what it made."""

    sentence: str
    links: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False)
class _Flashed:
    """A sentence, and since when (monotonic seconds) it stood on a page that was drawn whole."""

    said: Said
    seen_at: float | None = None


@dataclass
class Sitting:
    """``turn`` is held during an act, so that a second press waits for the first; ``versions`` and ``texts`` belong to
    fillings (``kit/forms.py``)."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    versions: dict[tuple[str, str], Any] = field(default_factory=dict)
    texts: dict[str, dict[tuple[str, str, str], str]] = field(default_factory=dict)
    _fillings: dict[str, str] = field(default_factory=dict)
    _flashed: list[_Flashed] = field(default_factory=list)

    def filling(self, form: str) -> str:
        """The key of the present filling of a form: the same however often the button is pressed."""
        return self._fillings.setdefault(form, uuid.uuid4().hex)

    def is_over(self, form: str, filling: str) -> bool:
        """Whether the filling was carried out, or given up, since it was drawn."""
        return self._fillings.get(form) != filling

    def forget(self, form: str) -> None:
        """Begin a new filling of the form."""
        self._fillings.pop(form, None)
        self.texts.pop(form, None)

    def say(self, message: str | Said) -> None:
        """Say it on the next page that is drawn."""
        self._flashed.append(_Flashed(message if isinstance(message, Said) else Said(message)))

    def to_show(self) -> list[_Flashed]:
        """What goes on the page that is now drawn. A sentence goes with the first run that begins ``STAYS_SECONDS``
        after it stood on a whole page: the second press of a double click draws the page anew at once, and would take
        away the answer to the first."""
        now = time.monotonic()
        for one in list(self._flashed):
            if one.seen_at is not None and now - one.seen_at >= STAYS_SECONDS:
                self._flashed.remove(one)  # each by itself: another run may add one meanwhile
        return list(self._flashed)

    def has_news(self, shown: list[_Flashed]) -> bool:
        """Whether something was said that is not among ``shown``."""
        return any(one not in shown for one in list(self._flashed))


def present_sitting() -> Sitting:
    """The sitting of this page. Take it before the act: this touches the session state and may break the run off."""
    sitting: Sitting = st.session_state.setdefault(_PLACE, Sitting())
    return sitting


def flash(message: str | Said) -> None:
    """What is said at the top of the next run (the present one ends with a rerun)."""
    present_sitting().say(message)


@contextmanager
def flashes() -> Iterator[None]:
    """Show above a page what was flashed; what came while it was drawn (the first of two presses was still at work)
    draws it once more."""
    sitting = present_sitting()
    shown = sitting.to_show()
    for one in shown:
        _show(one.said)
    try:
        yield
    except Exception:
        _seen(shown)
        raise
    _seen(shown)  # not where the run was broken off for a new one
    if sitting.has_news(shown):
        st.rerun()


def _show(message: Said) -> None:
    st.success(message.sentence)
    if message.links:
        items = "".join(
            f'<li><a href="{escape(address)}" target="_self">{escape(name)}</a></li>' for name, address in message.links
        )
        st.html(f"<ul>{items}</ul>")


def _seen(shown: list[_Flashed]) -> None:
    for one in shown:
        if one.seen_at is None:
            one.seen_at = time.monotonic()
