"""Lists of placements: what is with agencies now, what ended, and all there were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from ops_app.consoles.casework.columns import number
from ops_app.consoles.casework.lists import total
from ops_app.consoles.casework.narrowing import agency_choice
from ops_app.consoles.kit import names, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.casework.cases import CASE_STATE_NAMES, CLOSE_REASON_NAMES
from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Invalid
from ops_app.gateways.case_facts import Promise, open_promises
from ops_app.services.casework.cases import PLACEMENT_SORTS, Case, Placement, PlacementsPage, list_placements
from ops_app.services.casework.following import Collected, collected_in, complaints_in

Placed = tuple[Placement, Case]
Shown = tables.Column[Placed]
_LONGEST_LOAN = 60


@dataclass(frozen=True)
class _Wanted:
    """What the reader chose, each beside the others."""

    agency: str
    loan: str
    since: date | None
    until: date | None
    sort: str
    descending: bool

    @property
    def is_narrowed(self) -> bool:
        return bool(self.agency or self.loan or self.since or self.until)

    def filters(self) -> dict[str, str]:
        """As an export keeps them."""
        since, until = (day.isoformat() if day else "" for day in (self.since, self.until))
        sort = f"{self.sort}{'-' if self.descending else '+'}"
        return {"agency": self.agency, "loan": self.loan, "since": since, "until": until, "sort": sort}


def show(at: Here, name: str, *, empty: str, ended: bool | None) -> tuple[Sequence[Case], Sequence[Case]]:
    """Placements that run, that ended, or all there were, with the cases they are of and what came in; ``empty`` says
    what to do when there are none at all."""
    wanted, beside_loan = _wanted(at, name, ended)
    shown: list[Placed] = []
    last: list[PlacementsPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Placed], str | None]:
        page = list_placements(
            at.actor, at.app.store, now=at.now, ended=ended, agency_code=wanted.agency or None, loan=wanted.loan,
            since=wanted.since, until=wanted.until, sort=wanted.sort, descending=wanted.descending, after=after,
            limit=limit,
        )  # fmt: skip
        shown[:], last[:] = page.rows, [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name=name, title=at.t("page.cases.title"), columns=_columns(at, ended, shown),
        row_id=lambda row: row[0].placement_id, fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    filters = wanted.filters() | {"view": name}
    try:
        rows, selected = tables.show_keyed(at, stream, filters, empty=empty, narrowed=wanted.is_narrowed)
    except Invalid as error:
        beside_loan.error(error.sentence(at.actor.language))
        return (), ()
    if rows:
        place.caption(total(at, last[0].total))
        export_stream(at, stream, filters, place)
    return [row[1] for row in rows], [row[1] for row in selected]


def _wanted(at: Here, name: str, ended: bool | None) -> tuple[_Wanted, st.delta_generator.DeltaGenerator]:
    """The filters, and a place beside the loan for what is wrong with it."""
    t, language = at.t, at.actor.language
    sorts = PLACEMENT_SORTS[ended]
    options = [f"{sort}{sign}" for sort in sorts for sign in ("+-" if sort == "due_at" else "-+")]
    one, two, three, four, five = st.columns(5)
    with one:
        agency = agency_choice(at, f"{name}_agency")
    with two:
        loan = url.text(f"{name}_loan", t("cases.loan_begins"), language=language, max_chars=_LONGEST_LOAN)
        beside_loan = st.empty()
    with three:
        chosen = url.choice(
            f"{name}_sort", t("lists.sort"), options,
            lambda code: f"{t(f'cases.placement_sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=options[0], language=language,
        )  # fmt: skip
    column = t(f"cases.placement_sorts.{chosen[:-1]}")
    with four:
        since = url.day(f"{name}_since", t("cases.since", column=column), lambda typed: t("lists.no_day", typed=typed))
    with five:
        until = url.day(f"{name}_until", t("cases.until", column=column), lambda typed: t("lists.no_day", typed=typed))
        if since and until and since > until:
            st.error(t("lists.range_reversed"))
    return _Wanted(agency, loan, since, until, chosen[:-1], chosen.endswith("-")), beside_loan


def _columns(at: Here, ended: bool | None, shown: Sequence[Placed]) -> tuple[Shown, ...]:
    t, labels = at.t, at.labels
    paid: dict[str, Collected] = {}

    def collected(row: Placed) -> Collected:
        if row[0].placement_id not in paid:
            paid.update(collected_in(at.actor, at.app.store, now=at.now, zone=labels.zone, placed=shown))
        return paid[row[0].placement_id]

    def column(key: str, label: str, read: Callable[[Placement], str], *, right: bool = False) -> Shown:
        return Shown(key, label, lambda row: read(row[0]), right=right)

    def amount(name: str) -> Callable[[Placement], str]:
        return lambda it: labels.minor(getattr(it, name), it.currency)

    if ended is False:
        when = [
            column("due_at", t("cases.due_back"), lambda it: labels.moment(it.due_at)),
            column("touched", t("cases.last_touch"), lambda it: labels.moment(it.last_touch_at)),
            *_promises(at, shown),
            Shown("complaint", t("cases.complaint"),
                  lambda row: t("labels.yes") if Flag.COMPLAINT in row[1].flags else "–"),
        ]  # fmt: skip
        rest = [
            Shown("now_minor", t("cases.balance_now"),
                  lambda row: labels.minor(row[1].balance_minor, row[1].currency), right=True),
            Shown("collector", t("cases.collector"), lambda row: row[1].collector_name or "–"),
        ]  # fmt: skip
    else:
        when = [
            column("ended_at", t("cases.ended_at"), lambda it: labels.moment(it.ended_at)),
            column("end_reason", t("cases.end_reason"), lambda it: labels.code("end_reason", it.end_reason)),
            column("note", t("cases.closing_note"), lambda it: names.system_reason(at, it.end_note or "–")),
            _complaints(at, shown),
        ]
        rest = [
            column("ended_minor", t("cases.ended_balance"), amount("ended_balance_minor"), right=True),
            column("tail_until", t("cases.tail_until"), lambda it: labels.day(it.tail_until_date)),
            Shown("tail", t("cases.collected_in_tail"),
                  lambda row: labels.minor(collected(row).tail_minor, row[0].currency), right=True),
        ]  # fmt: skip
    return (
        Shown("loan", t("cases.loan"), lambda row: row[1].loan_id),
        Shown("debtor", t("cases.debtor"), lambda row: row[1].name_masked or "–"),
        number(at, lambda row: row[1]),
        column("nth", t("cases.nth"), lambda it: t("cases.nth_placement", nth=it.nth)),
        column("agency", t("cases.agency"), lambda it: it.agency_code),
        column("placed_at", t("cases.placed_at"), lambda it: labels.moment(it.placed_at)),
        *when,
        column("placed_minor", t("cases.placed_balance"), amount("placed_balance_minor"), right=True),
        Shown("within", t("cases.collected"),
              lambda row: labels.minor(collected(row).within_minor, row[0].currency), right=True),
        *rest,
        column("currency", t("cases.currency"), lambda it: it.currency),
        Shown("now", t("cases.state"), lambda row: labels.named(CASE_STATE_NAMES, row[1].state)),
        Shown("why", t("cases.close_reason"), lambda row: labels.named(CLOSE_REASON_NAMES, row[1].close_reason)),
    )  # fmt: skip


def _promises(at: Here, shown: Sequence[Placed]) -> tuple[Shown, Shown]:
    """The open promise of a case that is due first, as it was last published: its day and its amount."""
    labels = at.labels
    known: dict[str, Promise | str | None] = {}

    def promise(row: Placed) -> Promise | str | None:
        case_id = row[1].case_id
        if case_id not in known:
            ids = [one.case_id for _, one in shown]
            found = open_promises(at.actor, at.app.settings.published, ids)
            nothing = at.t("cases.not_published") if found is None else None
            known.update({it: (found or {}).get(it, nothing) for it in ids})
        return known[case_id]

    def said(row: Placed, show: Callable[[Promise], str]) -> str:
        one = promise(row)
        return one if isinstance(one, str) else "–" if one is None else show(one)

    return (
        Shown("promise_due", at.t("cases.open_promise"), lambda row: said(row, lambda it: labels.day(it.due_date))),
        Shown("promise", at.t("cases.promised_amount"),
              lambda row: said(row, lambda it: labels.money(it.amount_minor, it.currency)), right=True),
    )  # fmt: skip


def _complaints(at: Here, shown: Sequence[Placed]) -> Shown:
    """How many complaints were raised while a placement ran."""
    raised: dict[str, int] = {}

    def count(row: Placed) -> int:
        if row[0].placement_id not in raised:
            raised.update(complaints_in(at.actor, at.app.store, now=at.now, placed=shown))
        return raised[row[0].placement_id]

    return Shown("complaints", at.t("cases.complaints"), lambda row: at.labels.count(count(row)), count, right=True)
