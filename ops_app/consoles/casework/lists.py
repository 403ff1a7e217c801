"""Lists of cases and of placements, as every console shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import streamlit as st

from ops_app.consoles.casework.narrowing import agency_choice, narrowed
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.casework.cases import CASE_STATE_NAMES, CLOSE_REASON_NAMES
from ops_app.domain.casework.flags import FLAG_NAMES, Reason
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
from ops_app.services.casework.following import (
    Collected,
    Deadlines,
    collected_in,
    deadlines,
    placement_reasons,
)
from ops_app.services.organisation.parameter_catalogue import catalogue

PAGE = "_recoup_cases_page"
Column = tables.Column[Case]
Placed = tuple[Placement, Case]


_BEFORE_EXTRA = 5
"""What a view adds stands behind loan, debtor, balance, currency and days past due: in sight without scrolling."""


@dataclass
class Drawn:
    """The list that was drawn last: its page, and its filter, sort and direction. One a session: what draws a column
    keeps it at hand, also where a file is made later and no session is there to ask."""

    page: CasesPage | None = None
    wanted: CaseFilter = field(default_factory=CaseFilter)
    sort: str = "days_past_due"
    descending: bool = True


def drawn() -> Drawn:
    """What this session drew last."""
    found: Drawn = st.session_state.setdefault(PAGE, Drawn())
    return found


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
    least = most = ""
    if sort not in ("balance_minor", TAG_SORT):  # balances of several currencies have no common bound
        with two:
            least = url.text(
                f"{name}_least", t("cases.least", column=t(f"cases.sorts.{sort}")), language=language, max_chars=15
            )
        with three:
            most = url.text(
                f"{name}_most", t("cases.most", column=t(f"cases.sorts.{sort}")), language=language, max_chars=15
            )
    ranged = CaseFilter(**{**vars(wanted), "least": _bound(sort, least), "most": _bound(sort, most)})
    filters = {**wanted.named(), "sort": chosen, "least": least, "most": most}
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
        place.caption(_total(at, last.page.total))
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
        Column("product", t("cases.product"), lambda one: labels.named(catalogue().products, one.product_code)),
        Column("opened", t("cases.opened"), lambda one: labels.day(one.opened_date)),
    )  # fmt: skip


def flags_of(at: Here, one: Case) -> str:
    return at.labels.listing([at.labels.named(FLAG_NAMES, flag) for flag in sorted(one.flags)])


def against_placement(at: Here) -> Column:
    """Every reason why a case cannot be placed now (待委外)."""
    known: dict[str, tuple[Reason, ...]] = {}
    last = drawn()

    def said(one: Case) -> str:
        if one.case_id not in known:
            shown = last.page.rows if last.page is not None and one in last.page.rows else (one,)
            known.update(placement_reasons(at.actor, at.app.store, now=at.now, today=at.today, shown=shown))
        return at.labels.listing([it.zh if at.actor.language == "zh" else it.en for it in known[one.case_id]])

    return Column("against", at.t("cases.against_placement"), said)


def countdown(at: Here) -> tuple[Column, ...]:
    """By when the agency must try for the first time and again, when the placement of a case ends, and whether that is
    an announced recall."""
    known: dict[str, Deadlines] = {}
    last = drawn()

    def placement(one: Case) -> Placement | None:
        return last.page.placements.get(one.case_id) if last.page is not None else None

    def due(one: Case) -> Deadlines | None:
        its = placement(one)
        if its is None or last.page is None:
            return None
        if one.case_id not in known:
            running = last.page.placements
            placed = [(it, running[it.case_id]) for it in last.page.rows if it.case_id in running]
            known.update(deadlines(at.actor, at.app.store, now=at.now, today=at.today, placed=placed))
        return known[one.case_id]

    def first(one: Case) -> str:
        found = due(one)
        if found is None:
            return "–"
        first_due = found.first_contact_due_at
        return at.t("cases.contacted") if first_due is None else left(at, first_due - at.now)

    def touch(one: Case) -> str:
        found = due(one)
        return left(at, found.touch_due_at - at.now) if found else "–"

    def back(one: Case) -> str:
        its = placement(one)
        return left(at, its.due_at - at.now) if its else "–"

    return (
        Column("first_contact", at.t("cases.first_contact_due"), first),
        Column("touch", at.t("cases.touch_due"), touch),
        Column("due", at.t("cases.due"), back),
    )


def left(at: Here, time: timedelta) -> str:
    """Time that is left, in days (hours on the last), or by how much it is over."""
    days = abs(time.days if time.days >= 0 else time.days + 1)
    said = at.labels.days(days) if days else at.labels.duration(abs(time))
    return at.t("cases.left" if time > timedelta(0) else "cases.over", days=said)


def show_placements(at: Here, name: str, *, empty: str, ended: bool | None) -> tuple[Sequence[Case], Sequence[Case]]:
    """Placements that run, that ended, or all there were, with the cases they are of and what came in; ``empty`` says
    what to do when there are none at all."""
    t, labels = at.t, at.labels
    shown: list[Placed] = []
    with st.columns([1, 2])[0]:
        agency = agency_choice(at, f"{name}_agency")

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Placed], str | None]:
        page = list_placements(
            at.actor, at.app.store, now=at.now, ended=ended, agency_code=agency or None, after=after, limit=limit
        )
        shown[:] = page.rows
        return page.rows, page.next_after

    paid: dict[str, Collected] = {}

    def collected(row: Placed) -> Collected:
        if row[0].placement_id not in paid:
            paid.update(collected_in(at.actor, at.app.store, now=at.now, zone=labels.zone, placed=shown))
        return paid[row[0].placement_id]

    Shown = tables.Column[Placed]

    def column(key: str, label: str, read: Callable[[Placement], str], *, right: bool = False) -> Shown:
        return Shown(key, label, lambda row: read(row[0]), right=right)

    def amount(name: str) -> Callable[[Placement], str]:
        return lambda it: labels.minor(getattr(it, name), it.currency)

    if ended is False:
        when = [
            column("due_at", t("cases.due_back"), lambda it: labels.moment(it.due_at)),
            column("touched", t("cases.last_touch"), lambda it: labels.moment(it.last_touch_at)),
        ]
        rest = [
            Shown("now_minor", t("cases.balance_now"),
                  lambda row: labels.minor(row[1].balance_minor, row[1].currency), right=True),
            Shown("collector", t("cases.collector"), lambda row: row[1].collector_name or "–"),
        ]  # fmt: skip
    else:
        when = [
            column("ended_at", t("cases.ended_at"), lambda it: labels.moment(it.ended_at)),
            column("end_reason", t("cases.end_reason"), lambda it: labels.code("end_reason", it.end_reason)),
            column("note", t("cases.closing_note"), lambda it: it.end_note or "–"),
        ]
        rest = [
            column("ended_minor", t("cases.ended_balance"), amount("ended_balance_minor"), right=True),
            column("tail_until", t("cases.tail_until"), lambda it: labels.day(it.tail_until_date)),
            Shown("tail", t("cases.collected_in_tail"),
                  lambda row: labels.minor(collected(row).tail_minor, row[0].currency), right=True),
        ]  # fmt: skip

    stream = tables.Stream(
        name=name,
        title=t("page.cases.title"),
        columns=(
            Shown("loan", t("cases.loan"), lambda row: row[1].loan_id),
            Shown("debtor", t("cases.debtor"), lambda row: row[1].name_masked or "–"),
            column("nth", t("cases.nth"), lambda it: t("cases.nth_placement", nth=it.nth)),
            column("agency", t("cases.agency"), lambda it: it.agency_code),
            column("placed_at", t("cases.placed_at"), lambda it: labels.moment(it.placed_at)),
            *when,
            column("placed_minor", t("cases.placed_balance"), amount("placed_balance_minor"), right=True),
            Shown(
                "within",
                t("cases.collected"),
                lambda row: labels.minor(collected(row).within_minor, row[0].currency),
                right=True,
            ),
            *rest,
            column("currency", t("cases.currency"), lambda it: it.currency),
            Shown("now", t("cases.state"), lambda row: labels.named(CASE_STATE_NAMES, row[1].state)),
            Shown("why", t("cases.close_reason"), lambda row: labels.named(CLOSE_REASON_NAMES, row[1].close_reason)),
        ),
        row_id=lambda row: row[0].placement_id,
        fetch=fetch,
    )
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(at, stream, (name, agency), empty=empty, narrowed=bool(agency))
    if rows:
        place.caption(t(f"cases.order.{'history' if ended is None else 'ended' if ended else 'outsourced'}"))
        export_stream(at, stream, {"agency": agency, "view": name}, place)
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
