"""Lists of cases, as every console shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from ops_app.consoles.casework import ranges
from ops_app.consoles.casework.columns import Column, columns
from ops_app.consoles.casework.drawn import drawn
from ops_app.consoles.casework.narrowing import narrowed
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.errors import Invalid
from ops_app.services.casework.cases import MOST_COUNTED, Case, CaseFilter, list_cases

_BEFORE_EXTRA = 6
"""What a view adds stands behind loan, debtor, number, balance, currency and days past due: in sight without
scrolling."""


def show_cases(
    at: Here, name: str, wanted: CaseFilter, *, empty: str, extra: Sequence[Column] = ()
) -> tuple[Sequence[Case], Sequence[Case]]:
    """A list of cases with sort, range, pages and export; the rows shown, and those selected. ``empty`` says what to do
    when there are none at all."""
    t, language = at.t, at.actor.language
    whole = wanted
    wanted, sorts = narrowed(at, name, whole)
    one, two, three = st.columns([2, 1, 1])
    options = [f"{sort}{sign}" for sort in sorts for sign in ("-", "+")]
    with one:
        chosen = url.choice(
            f"{name}_sort", t("lists.sort"), options,
            lambda code: f"{t(f'cases.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=options[0], language=language,
        )  # fmt: skip
    sort, descending = chosen[:-1], chosen.endswith("-")
    bounds = ranges.bounds(at, name, sort, (two, three))
    ranged = replace(wanted, least=bounds.least, most=bounds.most)
    filters = {**wanted.named(), "sort": chosen, "least": bounds.typed[0], "most": bounds.typed[1]}
    last = drawn()
    last.page, last.wanted, last.sort, last.descending = None, ranged, sort, descending

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Case], str | None]:
        page = list_cases(
            at.actor,
            at.app.store,
            now=at.now,
            wanted=ranged,
            sort=sort,
            descending=descending,
            after=after,
            limit=limit,
        )
        last.page = page
        return page.rows, page.next_after

    base = columns(at)
    stream = tables.Stream(
        name=name,
        title=t("page.cases.title"),
        columns=(*base[:_BEFORE_EXTRA], *extra, *base[_BEFORE_EXTRA:]),
        row_id=lambda one: one.case_id,
        fetch=fetch,
    )
    place = st.container(horizontal=True)
    try:
        rows, selected = tables.show_keyed(at, stream, filters, empty=empty, narrowed=ranged != whole)
    except Invalid as error:  # a value that there is not; the page below goes on
        st.error(error.sentence(language))
        return (), ()
    if rows and last.page is not None:
        place.caption(total(at, last.page.total))
        export_stream(at, stream, filters, place)
    return rows, selected


def name_of(at: Here, one: Case) -> str:
    """One case on one line, as a choice."""
    return f"{one.loan_id} · {one.name_masked or '–'} · {at.labels.money(one.balance_minor, one.currency)}"


def total(at: Here, counted: int) -> str:
    """How many rows a list has, which is counted so far and no further."""
    if counted > MOST_COUNTED:
        return at.t("lists.at_least", count=at.labels.count(MOST_COUNTED))
    return at.t("lists.count", count=at.labels.count(counted))
