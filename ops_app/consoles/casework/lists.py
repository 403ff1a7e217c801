"""Lists of cases and of placements, as every console shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import streamlit as st

from ops_app.consoles.casework.narrowing import narrowed
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.casework.cases import CASE_STATE_NAMES, CLOSE_REASON_NAMES
from ops_app.domain.casework.flags import FLAG_NAMES, Deed
from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.services.casework.cases import (
    MOST_COUNTED,
    TAG_SORT,
    Case,
    CaseFilter,
    CasesPage,
    Placement,
    list_cases,
    list_placements,
)

PAGE = "_recoup_cases_page"
Column = tables.Column[Case]
Placed = tuple[Placement, Case]


def show_cases(
    at: Here, name: str, wanted: CaseFilter, *, extra: Sequence[Column] = ()
) -> tuple[Sequence[Case], Sequence[Case]]:
    """A list of cases with sort, range, pages and export; the rows shown, and those selected."""
    t, language = at.t, at.actor.language
    wanted, sorts = narrowed(at, name, wanted)
    one, two, three = st.columns([2, 1, 1])
    options = [f"{sort}{sign}" for sort in sorts for sign in ("-", "+")]
    with one:
        chosen = url.choice(
            f"{name}_sort", t("lists.sort"), options,
            lambda code: f"{t(f'cases.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=options[0], language=language,
        )  # fmt: skip
    sort, descending = chosen[:-1], chosen.endswith("-")
    least = most = ""
    if sort not in ("balance_minor", TAG_SORT):  # balances of several currencies have no common bound
        with two:
            least = url.text(f"{name}_least", t("cases.least"), language=language, max_chars=15)
        with three:
            most = url.text(f"{name}_most", t("cases.most"), language=language, max_chars=15)
    ranged = CaseFilter(**{**vars(wanted), "least": _bound(sort, least), "most": _bound(sort, most)})
    filters = {**wanted.named(), "sort": chosen, "least": least, "most": most}

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
        st.session_state[PAGE] = page
        return page.rows, page.next_after

    stream = tables.Stream(
        name=name,
        title=t("page.cases.title"),
        columns=(*columns(at), *extra),
        row_id=lambda one: one.case_id,
        fetch=fetch,
    )
    place = st.container(horizontal=True)
    try:
        rows, selected = tables.show_keyed(at, stream, filters)
    except Invalid as error:  # a value that there is not; the page below goes on
        st.error(error.sentence(language))
        return (), ()
    if rows:
        place.caption(_total(at, st.session_state[PAGE].total))
        export_stream(at, stream, filters, place)
    return rows, selected


def columns(at: Here) -> tuple[Column, ...]:
    """What a list shows of a case; personal data by its masks alone."""
    t, labels = at.t, at.labels
    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("debtor", t("cases.debtor"), lambda one: one.name_masked or "–"),
        Column("balance", t("cases.balance"), lambda one: labels.minor(one.balance_minor, one.currency),
               value=lambda one: Money(one.balance_minor, one.currency).amount, right=True),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        Column("dpd", t("cases.days_past_due"), lambda one: labels.count(one.days_past_due), right=True),
        Column("bucket", t("cases.bucket"), lambda one: one.bucket, width="small"),
        Column("state", t("cases.state"), lambda one: labels.named(CASE_STATE_NAMES, one.state)),
        Column("agency", t("cases.agency"), lambda one: one.agency_code or "–"),
        Column("collector", t("cases.collector"), lambda one: one.collector_name or "–"),
        Column("flags", t("cases.flags"), lambda one: flags_of(at, one)),
        Column("product", t("cases.product"), lambda one: one.product_code),
        Column("opened", t("cases.opened"), lambda one: labels.day(one.opened_date)),
    )  # fmt: skip


def flags_of(at: Here, one: Case) -> str:
    return at.labels.listing([at.labels.named(FLAG_NAMES, flag) for flag in sorted(one.flags)])


def against_placement(at: Here) -> Column:
    """Every reason why a case cannot be placed now (待委外)."""

    def said(one: Case) -> str:
        reasons = one.reasons_against(Deed.PLACEMENT)
        return at.labels.listing([it.zh if at.actor.language == "zh" else it.en for it in reasons])

    return Column("against", at.t("cases.against_placement"), said, width="large")


def countdown(at: Here) -> tuple[Column, ...]:
    """When the placement of a case ends, and by when the first contact is due."""

    def of(read: Callable[[Placement], str]) -> Callable[[Case], str]:
        def shown(one: Case) -> str:
            page: CasesPage = st.session_state[PAGE]
            found = page.placements.get(one.case_id)
            return read(found) if found else "–"

        return shown

    return (
        Column(
            "first_contact", at.t("cases.first_contact_due"), of(lambda it: left(at, it.first_contact_due_at - at.now))
        ),
        Column("due", at.t("cases.due"), of(lambda it: left(at, it.due_at - at.now))),
    )


def left(at: Here, time: timedelta) -> str:
    """Time that is left, in days, or by how much it is over."""
    days = abs(time.days if time.days >= 0 else time.days + 1)
    return at.t("cases.left" if time > timedelta(0) else "cases.over", days=at.labels.days(days))


def show_placements(at: Here, name: str, *, ended: bool | None) -> tuple[Sequence[Case], Sequence[Case]]:
    """Placements that ended, or all there were, with the cases they were of."""
    t, labels = at.t, at.labels
    agency = url.text(f"{name}_agency", t("cases.agency"), language=at.actor.language, max_chars=32)

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Placed], str | None]:
        page = list_placements(
            at.actor, at.app.store, now=at.now, ended=ended, agency_code=agency or None, after=after, limit=limit
        )
        return page.rows, page.next_after

    Shown = tables.Column[Placed]

    def column(key: str, label: str, read: Callable[[Placement], str], *, right: bool = False) -> Shown:
        return Shown(key, label, lambda row: read(row[0]), right=right)

    def amount(name: str) -> Callable[[Placement], str]:
        return lambda it: labels.minor(getattr(it, name), it.currency)

    stream = tables.Stream(
        name=name,
        title=t("page.cases.title"),
        columns=(
            Shown("loan", t("cases.loan"), lambda row: row[1].loan_id),
            Shown("debtor", t("cases.debtor"), lambda row: row[1].name_masked or "–"),
            column("nth", t("cases.nth"), lambda it: t("cases.nth_placement", nth=it.nth)),
            column("agency", t("cases.agency"), lambda it: it.agency_code),
            column("placed_at", t("cases.placed_at"), lambda it: labels.moment(it.placed_at)),
            column("ended_at", t("cases.ended_at"), lambda it: labels.moment(it.ended_at)),
            column("end_reason", t("cases.end_reason"), lambda it: labels.code("end_reason", it.end_reason)),
            column("placed_minor", t("cases.placed_balance"), amount("placed_balance_minor"), right=True),
            column("ended_minor", t("cases.ended_balance"), amount("ended_balance_minor"), right=True),
            column("currency", t("cases.currency"), lambda it: it.currency),
            Shown("now", t("cases.state"), lambda row: labels.named(CASE_STATE_NAMES, row[1].state)),
            Shown("why", t("cases.close_reason"), lambda row: labels.named(CLOSE_REASON_NAMES, row[1].close_reason)),
        ),
        row_id=lambda row: row[0].placement_id,
        fetch=fetch,
    )
    rows, selected = tables.show_keyed(at, stream, (name, agency))
    return [row[1] for row in rows], [row[1] for row in selected]


def name_of(at: Here, one: Case) -> str:
    """One case on one line, as a choice."""
    return f"{one.loan_id} · {one.name_masked or '–'} · {at.labels.money(one.balance_minor, one.currency)}"


def _bound(sort: str, typed: str) -> int | date | None:
    """What was typed as a bound of the sort's column; nothing if it is none."""
    text = typed.strip()
    if not text:
        return None
    try:
        if sort == "opened_date":
            return date.fromisoformat(text)
        return int(text) if text.isascii() and text.isdigit() else None
    except ValueError:
        return None


def _total(at: Here, total: int) -> str:
    if total > MOST_COUNTED:
        return at.t("lists.at_least", count=at.labels.count(MOST_COUNTED))
    return at.t("lists.count", count=at.labels.count(total))
