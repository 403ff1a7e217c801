"""What a page is given on every run: the installation, the person, their language, the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import streamlit as st

from ops_app.consoles.kit.i18n import Texts
from ops_app.consoles.kit.labels import Labels
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may

if TYPE_CHECKING:
    from ops_app.bootstrap import App

_APPS: list[App] = []
_HERE = "_recoup_here"


def use_app(app: App) -> None:
    """Name the installation that the pages of this process work on (once, by the server; again only by tests)."""
    _APPS[:] = [app]


def the_app() -> App:
    """The installation of this process. Raises ``RuntimeError`` when the server has not named one."""
    if not _APPS:
        raise RuntimeError("no installation: the server calls use_app before it serves pages")
    return _APPS[0]


@dataclass(frozen=True)
class Here:
    """One run of one page for one person. Made anew on each run, after the session was checked in the store."""

    app: App
    actor: Actor
    now: datetime

    @property
    def t(self) -> Texts:
        return Texts(self.actor.language)

    @property
    def labels(self) -> Labels:
        return Labels(self.t, self.app.settings.zone)

    @property
    def today(self) -> date:
        """The calendar day in the installation's zone."""
        return self.now.astimezone(self.app.settings.zone).date()

    def may(self, permission: str) -> bool:
        return may(self.actor, permission)


def set_here(here: Here) -> None:
    """Called by the shell alone, on each run, before the page."""
    st.session_state[_HERE] = here


def here() -> Here:
    """The present run's context. Raises ``KeyError`` outside the shell."""
    found: Here = st.session_state[_HERE]
    return found
