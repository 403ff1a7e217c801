"""What a dashboard page is given instead of this app: a name, a language, where to read, and what it may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ops_app.consoles.kit import export
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_making import export_rows
from ops_app.domain.errors import DomainError
from ops_app.services.organisation.exports import Asked, record_opening


class HouseViewer:
    """The house's side of the ``Viewer`` that ``dashboards`` declares."""

    def __init__(self, here: Here) -> None:
        self._here = here

    @property
    def name(self) -> str:
        return self._here.actor.name

    @property
    def language(self) -> str:
        return self._here.actor.language

    @property
    def timezone(self) -> str:
        return self._here.app.settings.timezone

    @property
    def audience(self) -> str:
        return self._here.actor.audience

    @property
    def audience_dir(self) -> Path:
        """The folder of the snapshots that this person may open, with its ``current.json`` and ``live.json``."""
        return self._here.app.settings.published / self.audience

    def log_query(self, page: str, figure: str, filters: Mapping[str, str], rows: int) -> None:
        """Audit that the rows behind a figure were opened; once while they stay open, not at every run of the page."""
        mark = ("_recoup_opened", page, figure, tuple(sorted(filters.items())))
        seen: set[object] = st.session_state.setdefault("_recoup_opened", set())
        if mark in seen:
            return
        here = self._here
        what = f"{page}/{figure}"
        record_opening(here.actor, here.app.store, now=here.now, what=what, filters=filters, rows=rows)
        seen.add(mark)

    def may_export(self) -> bool:
        return self._here.may("rows.export")

    @property
    def refusals(self) -> tuple[type[DomainError], ...]:
        """What ``export`` raises to refuse: everything the house refuses has a sentence in both languages."""
        return (DomainError,)

    def export(
        self,
        what: str,
        headers: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        filters: Mapping[str, str],
        file_format: export.Format,
    ) -> bytes:
        """The rows as a file; entered and audited before the bytes are handed over.

        ``filters`` say with ``reason`` why, and with ``as_of`` and ``build`` of which day. Raises ``Refused`` for those
        who may not, ``ApprovalWaiting`` for many rows until somebody else has released them.
        """
        narrowing = {name: value for name, value in filters.items() if name not in _ABOUT}
        reason = filters.get("reason", "")
        asked = Asked(what, what, narrowing, len(rows), file_format, reason)
        return export_rows(self._here, asked, headers, rows)


_ABOUT = frozenset({"reason", "as_of", "build"})
"""What a dashboard says beside the filters: they do not make other rows of a figure another export."""
