"""What refused rows have in common wherever they are shown: the columns of their list, the form of a correction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form


class Refused(Protocol):
    """A row that was refused: where it is in its file, what was sent, and why it was refused in both languages."""

    @property
    def line_no(self) -> int: ...
    @property
    def value(self) -> str | None: ...
    @property
    def reason_en(self) -> str: ...
    @property
    def reason_zh(self) -> str: ...


Row = TypeVar("Row", bound=Refused)


def why(at: Here, row: Refused) -> str:
    """Why it was refused, in the language of the reader."""
    return row.reason_zh if at.actor.language == "zh" else row.reason_en


def line_column(at: Here) -> tables.Column[Row]:
    """Which line of its file it is."""
    return tables.Column("line", at.t("operations.line_no"), lambda row: at.labels.count(row.line_no), right=True)


def what_columns(
    at: Here, *, column: Callable[[Row], str], state: Callable[[Row], str]
) -> tuple[tables.Column[Row], ...]:
    """Which column was refused, what was sent in it, why, and what became of the row."""
    t = at.t
    return (
        tables.Column("column", t("refused.column"), column),
        tables.Column("value", t("refused.value"), lambda row: row.value or "–"),
        tables.Column("why", t("refused.why"), lambda row: why(at, row), width="large"),
        tables.Column("state", t("refused.state"), state),
    )


def decision(at: Here, key: str) -> str:
    """Whether the row is corrected and read again, or discarded."""
    return str(
        st.segmented_control(
            at.t("refused.decision"),
            ["replay", "discard"],
            default="replay",
            required=True,
            format_func=lambda code: at.labels.code("correction", code),
            key=key,
        )
    )


def fields(
    f: Form, names: Mapping[str, str], sent: Mapping[str, str | None], values: Mapping[str, str | None]
) -> dict[str, str | None]:
    """A field for every column (``names``: column → what it is called) with the row's present value; gives those that
    differ from what was sent."""
    changed: dict[str, str | None] = {}
    places = st.columns(3)
    for position, (name, label) in enumerate(names.items()):
        with places[position % len(places)]:
            typed = f.text(name, label, value=values.get(name) or "", max_chars=2000)
        if typed != (sent.get(name) or ""):
            changed[name] = typed or None
    return changed
