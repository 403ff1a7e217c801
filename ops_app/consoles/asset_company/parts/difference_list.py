"""The list of differences between ledger and feed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.differences import DIFFERENCE_STATE_NAMES, DifferenceState
from ops_app.services.ledger.differences import (
    NOBODY,
    Difference,
    DifferenceFilter,
    DifferencePage,
    list_differences,
)

ORDERS = ("opened_date+", "opened_date-")


def part(at: Here, component: str) -> str:
    """A component by its name."""
    return at.labels.named(COMPONENT_NAMES, component)


def show(at: Here) -> tuple[Sequence[Difference], Sequence[Difference]]:
    """Filters, totals by currency, the list with its export; the rows shown and those selected."""
    t, labels = at.t, at.labels
    filters = _filters(at)
    wanted = DifferenceFilter(
        None if filters["state"] == "all" else filters["state"], filters["component"] or None,
        {"": None, "mine": at.actor.person_id, "nobody": NOBODY}[filters["owner"]], filters["lender"] or None,
    )  # fmt: skip
    last: list[DifferencePage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Difference], str | None]:
        page = list_differences(
            at.actor, at.app.store, now=at.now, wanted=wanted, overdue=filters["age"] == "overdue",
            descending=filters["sort"].endswith("-"), after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="differences", title=t("page.ledger_differences.title"), columns=_columns(at, last),
        row_id=lambda one: one.difference_id, fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    narrowed = filters["state"] != "open" or any(filters[name] for name in ("component", "owner", "lender", "age"))
    rows, selected = tables.show_keyed(at, stream, filters, empty=t("differences.none"), narrowed=narrowed)
    for total in last[0].sums if last else ():
        place.caption(
            t(
                "differences.sums", count=labels.count(total.count),
                ledger=labels.money(total.ledger_minor, total.currency),
                feed=labels.money(total.feed_minor, total.currency),
                difference=labels.money(total.difference_minor, total.currency),
                gross=labels.money(total.gross_minor, total.currency),
            )
        )  # fmt: skip
    if rows:
        export_stream(at, stream, filters, place)
    return rows, selected


def _filters(at: Here) -> dict[str, str]:
    t, labels, language = at.t, at.labels, at.actor.language
    one, two, three, four, five, six = st.columns(6)
    with one:
        state = url.choice("differences_state", t("differences.state"), [*(it.value for it in DifferenceState), "all"],
                           lambda code: t("lists.all") if code == "all" else labels.named(DIFFERENCE_STATE_NAMES, code),
                           default="open", language=language)  # fmt: skip
    with two:
        component = url.choice("differences_component", t("books.component"), ["", *(it.value for it in Component)],
                               lambda code: part(at, code) if code else t("lists.all"), default="",
                               language=language)  # fmt: skip
    with three:
        owner = url.choice("differences_owner", t("differences.owner"), ("", "mine", "nobody"),
                           lambda code: t(f"differences.owners.{code}") if code else t("lists.all"), default="",
                           language=language)  # fmt: skip
    with four:
        lender = url.text("differences_lender", t("differences.lender"), language=language)
    with five:
        age = url.choice("differences_age", t("differences.age"), ("", "overdue"),
                         lambda code: t("differences.overdue") if code else t("lists.all"), default="",
                         language=language)  # fmt: skip
    with six:
        sort = url.choice("differences_sort", t("lists.sort"), ORDERS,
                          lambda code: f"{t('differences.opened')} {'↓' if code.endswith('-') else '↑'}",
                          default=ORDERS[0], language=language)  # fmt: skip
    return {"state": state, "component": component, "owner": owner, "lender": lender, "age": age, "sort": sort}


def _columns(at: Here, last: list[DifferencePage]) -> tuple[tables.Column[Difference], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Difference]

    def money(name: str, label: str, of: str) -> tables.Column[Difference]:
        return Column(name, label, lambda one: labels.minor(getattr(one, of), one.currency),
                      value=lambda one: labels.figure(getattr(one, of), one.currency), right=True)  # fmt: skip

    def is_late(one: Difference) -> str:
        late = one.state == DifferenceState.OPEN.value and last and one.opened_date < last[0].overdue_before
        return t("labels.yes") if late else "–"

    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("lender", t("differences.lender"), lambda one: one.lender_code or one.source_code, width="small"),
        Column("component", t("books.component"), lambda one: part(at, one.component)),
        money("ledger", t("differences.by_ledger"), "ledger_minor"),
        money("feed", t("differences.by_feed"), "feed_minor"),
        money("difference", t("books.difference"), "difference_minor"),
        Column("currency", t("books.currency"), lambda one: one.currency, width="small"),
        Column("as_of", t("cases.as_of"), lambda one: labels.day(one.as_of_date)),
        Column("opened", t("differences.opened"), lambda one: labels.day(one.opened_date)),
        Column("late", t("differences.overdue"), is_late),
        Column("state", t("differences.state"), lambda one: labels.named(DIFFERENCE_STATE_NAMES, one.state)),
        Column("owner", t("differences.owner"), lambda one: one.owner_name or "–"),
        Column("reason", t("forms.reason"), lambda one: one.reason or "–"),
    )
