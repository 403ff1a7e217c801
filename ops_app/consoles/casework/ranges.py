"""Ranges that are typed beside a list: what is wrong with one stands beside its field, and what was typed stays."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here
from ops_app.services.casework.cases import TAG_SORT

UNBOUND = ("balance_minor", TAG_SORT)
"""Sorts without a range: balances of several currencies have no common bound."""


@dataclass(frozen=True)
class Bounds:
    """The range that a list is bound to, both ends included, and what was typed for it."""

    least: int | date | None = None
    most: int | date | None = None
    typed: tuple[str, str] = ("", "")


def bounds(at: Here, name: str, sort: str, places: Sequence[DeltaGenerator]) -> Bounds:
    """Two fields for the range of a sort's own column. What is no bound of it is said and not used."""
    if sort in UNBOUND:
        return Bounds()
    column = at.t(f"cases.sorts.{sort}")
    typed, found = [], []
    for place, end in zip(places, ("least", "most"), strict=True):
        with place:
            text = url.text(
                f"{name}_{end}", at.t(f"cases.{end}", column=column), language=at.actor.language, max_chars=15,
                placeholder=at.t("cases.example_day") if sort == "opened_date" else "",
            )  # fmt: skip
            value = read_bound(sort, text)
            if text and value is None:
                st.error(at.t("lists.no_day" if sort == "opened_date" else "lists.no_number", typed=text))
        typed.append(text)
        found.append(value)
    least, most = found
    if least is not None and most is not None and least > most:  # type: ignore[operator]
        places[1].error(at.t("lists.range_reversed"))
    return Bounds(least, most, (typed[0], typed[1]))


def read_bound(sort: str, typed: str) -> int | date | None:
    """What was typed as a bound of the sort's column, in characters of any width; nothing if it is none."""
    text = unicodedata.normalize("NFKC", typed).strip()
    try:
        if sort == "opened_date":
            return date.fromisoformat(text.replace("/", "-"))
        text = text.replace(",", "")
        return int(text) if text.isascii() and text.isdigit() else None
    except ValueError:
        return None
