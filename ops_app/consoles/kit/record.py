"""The record: facts above, then what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.labels import EMPTY

_STYLE = "columns:22rem;column-gap:2rem;margin:0;padding:0;font-size:.95rem"
"""As many columns as the page has room for, so that a record and its tabs stand on one screen."""
_PAIR = "display:grid;grid-template-columns:10.5rem 1fr;gap:0 1rem;break-inside:avoid;padding:.125rem 0"


@dataclass(frozen=True)
class Happening:
    """One thing that happened to a record."""

    at: datetime
    who: str
    what: str
    why: str | None = None


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values as a description list; values are text that anyone may have typed, so they are escaped."""
    rows = "".join(
        f'<div style="{_PAIR}"><dt style="color:#4d5a68;margin:0;padding:0;font-weight:400">{escape(name)}</dt>'
        f'<dd style="margin:0;padding:0;overflow-wrap:anywhere">{escape(value or EMPTY)}</dd></div>'
        for name, value in pairs.items()
    )
    st.html(f'<dl style="{_STYLE}">{rows}</dl>')


def history(here: Here, happenings: Sequence[Happening]) -> None:
    """What happened, newest first, with who and why."""
    st.subheader(here.t("record.history"))
    if not happenings:
        st.caption(here.t("record.nothing"))
        return
    rows = "".join(
        f"<tr>{''.join(_cell(text) for text in (here.labels.moment(it.at), it.who, it.what, it.why or EMPTY))}</tr>"
        for it in sorted(happenings, key=lambda it: it.at, reverse=True)
    )
    heads = "".join(
        f'<th scope="col" style="text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5dbe1">'
        f"{escape(here.t(f'record.{name}'))}</th>"
        for name in ("when", "who", "what", "why")
    )
    st.html(f'<table style="border-collapse:collapse;font-size:.95rem">{heads}{rows}</table>')


def _cell(text: str) -> str:
    return (
        '<td style="padding:.3rem .6rem;border-bottom:1px solid #eceff2;vertical-align:top;overflow-wrap:anywhere">'
        f"{escape(text)}</td>"
    )
