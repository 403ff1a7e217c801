"""What was refused of many things at once: a table of each with its reason, to read, to take along, to put away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Sheet
from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import DomainError

_PLACE = "_recoup_refused_"


@dataclass(frozen=True)
class RefusedOne:
    """One thing that was refused: how people call it, and why in both languages."""

    what: str
    en: str
    zh: str


def rows_of(refused: Mapping[str, DomainError], called: Callable[[str], str]) -> list[RefusedOne]:
    """A row for each refusal (by id); ``called`` says what a thing is called."""
    return [RefusedOne(called(one), why.en, why.zh) for one, why in refused.items()]


def keep(name: str, rows: Sequence[RefusedOne], *, rest_done: bool = True) -> None:
    """Remember what the act of this place refused, until the next act there; no rows: nothing was refused.
    ``rest_done``: whether the act did everything else, or nothing at all."""
    st.session_state[_PLACE + name] = (list(rows), rest_done)


def show(at: Here, name: str, *, what: str) -> None:
    """What the last act of this place refused, if anything. ``what`` heads the column of the things."""
    rows: list[RefusedOne]
    rows, rest_done = st.session_state.get(_PLACE + name, ([], True))
    if not rows:
        return
    with st.container(border=True):
        st.warning(at.t("refusals.left" if rest_done else "refusals.none_done", count=at.labels.count(len(rows))))
        table(at, name, rows, what=what)
        if st.button(at.t("refusals.close"), key=f"{name}_refused_close"):
            keep(name, ())
            st.rerun()


def table(at: Here, name: str, rows: Sequence[RefusedOne], *, what: str) -> None:
    """The refused with their reasons in the reader's language, and the button to take them along."""
    zh = at.actor.language == "zh"
    Column = tables.Column[RefusedOne]
    columns = (
        Column("what", what, lambda row: row.what),
        Column("why", at.t("refusals.why"), lambda row: row.zh if zh else row.en, width="large"),
    )
    title = at.t("refusals.title")
    tables.show_rows(columns, rows, title=title)
    # the export is bound to these very rows: one that was released is never made of others
    mark = key_hash(*(f"{row.what}/{row.en}" for row in rows))[:16]
    sheet = Sheet(f"{name}_refused", title, columns, {"rows": mark}, lambda limit: iter(rows[:limit]))
    export_sheet(at, sheet, st.container(), len(rows))
