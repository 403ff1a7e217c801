"""Batches that were asked for: what became of each, and case by case why something was left out or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from ops_app.consoles.casework import placement_file
from ops_app.consoles.casework.batch_form import said_reasons
from ops_app.consoles.casework.columns import SHORT_NUMBER
from ops_app.consoles.casework.lists import total
from ops_app.consoles.casework.narrowing import NONE, agency_choice
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_list, export_stream
from ops_app.consoles.kit.record import facts
from ops_app.consoles.pages import PAGES
from ops_app.domain.casework.placing import BATCH_KIND_NAMES, BatchKind, batch_number
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.approvals import REQUEST_STATE_NAMES, RequestState
from ops_app.services.casework.batch_changes import earlier_versions
from ops_app.services.casework.batches import (
    LISTED_BY,
    Batch,
    BatchesPage,
    BatchRow,
    ListedBatch,
    batch_makers,
    list_batches,
    read_batch,
)

_CASES = next(spec.path for spec in PAGES if spec.key == "cases")
_APPROVALS = next(spec.path for spec in PAGES if spec.key == "approvals")
_NAME = "batches"


@dataclass(frozen=True)
class _Wanted:
    """What the reader chose: one thing to narrow by, a sort, and where that is the time of asking a period."""

    by: str
    value: str
    sort: str
    descending: bool
    since: date | None = None
    until: date | None = None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.value or self.since or self.until)

    def filters(self) -> dict[str, str]:
        """As an export keeps them."""
        since, until = (day.isoformat() if day else "" for day in (self.since, self.until))
        return {
            self.by: self.value, "since": since, "until": until,
            "sort": f"{self.sort}{'-' if self.descending else '+'}", "view": _NAME,
        }  # fmt: skip


def show(at: Here) -> tuple[Sequence[BatchRow], Sequence[BatchRow]]:
    """The batches, and of the one that is chosen its cases: those on the screen, and those selected."""
    wanted = _wanted(at)
    last: list[BatchesPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[ListedBatch], str | None]:
        by = {
            "kind": BatchKind(wanted.value) if wanted.by == "kind" and wanted.value else None,
            "state": RequestState(wanted.value) if wanted.by == "state" and wanted.value else None,
            "agency_code": wanted.value if wanted.by == "agency_code" else None,
            "made_by": wanted.value if wanted.by == "made_by" else None,
        }
        page = list_batches(
            at.actor, at.app.store, now=at.now, **{name: value or None for name, value in by.items()},
            since=wanted.since, until=wanted.until, sort=wanted.sort, descending=wanted.descending, after=after,
            limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name=_NAME, title=at.t("cases.view.batches"), columns=_columns(at), row_id=lambda one: one.batch.batch_id,
        fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(
        at, stream, wanted.filters(), empty=at.t("cases.next.batches"), narrowed=wanted.is_narrowed
    )
    if rows:
        place.caption(total(at, last[0].total))
        export_stream(at, stream, wanted.filters(), place)
    chosen = choose_among(
        at, "batch", rows, selected, row_id=lambda one: one.batch.batch_id, label=at.t("cases.open_batch"),
        show=lambda one: _named(at, one.batch),
    )  # fmt: skip
    return _record(at, chosen) if chosen else ((), ())


def _wanted(at: Here) -> _Wanted:
    t, labels, language = at.t, at.labels, at.actor.language
    offered = [NONE, *(name for name in LISTED_BY if name)]
    one, two, three, four, five = st.columns(5)
    with one:
        by = url.choice(
            f"{_NAME}_by", t("cases.narrow"), offered, lambda code: t(f"cases.batches_by.{code}"), default=NONE,
            language=language,
        )  # fmt: skip
    value = ""
    with two:
        if by == "agency_code":
            value = agency_choice(at, f"{_NAME}_agency_code")
        elif by != NONE:
            makers = batch_makers(at.actor, at.app.store, now=at.now) if by == "made_by" else {}
            codes = {"kind": list(BatchKind), "state": list(RequestState), "made_by": list(makers)}[by]
            names = {"kind": BATCH_KIND_NAMES, "state": REQUEST_STATE_NAMES}

            def named(code: str) -> str:
                if not code:
                    return t("lists.all")
                return makers[code] if by == "made_by" else labels.named(names[by], code)

            value = url.choice(
                f"{_NAME}_{by}", t(f"cases.batches_by.{by}"), ["", *map(str, codes)], named, default="",
                language=language,
            )  # fmt: skip
    sorts = LISTED_BY[by if value else None]
    options = [f"{sort}{sign}" for sort in sorts for sign in "-+"]
    with three:
        chosen = url.choice(
            f"{_NAME}_sort", t("lists.sort"), options,
            lambda code: f"{t(f'cases.batch_sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=options[0], language=language,
        )  # fmt: skip
    since = until = None
    if chosen[:-1] == "made_at":
        column = t("cases.batch_sorts.made_at")
        with four:
            since = url.day(
                f"{_NAME}_since", t("cases.since", column=column), lambda typed: t("lists.no_day", typed=typed)
            )
        with five:
            until = url.day(
                f"{_NAME}_until", t("cases.until", column=column), lambda typed: t("lists.no_day", typed=typed)
            )
            if since and until and since > until:
                st.error(t("lists.range_reversed"))
    return _Wanted(by if value else NONE, value, chosen[:-1], chosen.endswith("-"), since, until)


def _columns(at: Here) -> tuple[tables.Column[ListedBatch], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[ListedBatch]
    return (
        Column("number", t("cases.batch_number"), lambda one: batch_number(one.batch.batch_id, one.batch.made_at)),
        Column("kind", t("cases.what"), lambda one: labels.named(BATCH_KIND_NAMES, one.batch.kind)),
        Column("agency", t("cases.agency"), lambda one: one.batch.agency_code or "–"),
        Column("count", t("cases.batch_cases"), lambda one: labels.count(one.batch.case_count),
               lambda one: one.batch.case_count, right=True),
        Column("left", t("cases.batch_left_out"), lambda one: labels.count(one.batch.excluded_count),
               lambda one: one.batch.excluded_count, right=True),
        Column("balance", t("cases.balance"), lambda one: labels.minor(one.batch.balance_minor, one.batch.currency),
               lambda one: labels.figure(one.batch.balance_minor, one.batch.currency), right=True),
        Column("currency", t("cases.currency"), lambda one: one.batch.currency, width="small"),
        Column("who", t("cases.asked_by"), lambda one: one.batch.made_by_name),
        Column("when", t("cases.asked_at"), lambda one: labels.moment(one.batch.made_at)),
        Column("state", t("cases.state"), lambda one: labels.named(REQUEST_STATE_NAMES, one.state)),
        Column("reason", t("forms.reason"), lambda one: one.batch.reason, width="large"),
    )  # fmt: skip


def link(at: Here, batch_id: str) -> None:
    """From a request to its cases, for whoever may open the page."""
    if at.may("cases.company"):
        st.page_link(
            _CASES, label=at.t("cases.see_batch"), query_params={"cases_view": "batches", "batch_id": batch_id}
        )


def _record(at: Here, batch_id: str) -> tuple[Sequence[BatchRow], Sequence[BatchRow]]:
    t, labels = at.t, at.labels
    try:
        found = read_batch(at.actor, at.app.store, now=at.now, batch_id=batch_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return (), ()
    batch = found.batch
    facts(
        {
            t("cases.batch_number"): batch_number(batch.batch_id, batch.made_at),
            t("cases.what"): labels.named(BATCH_KIND_NAMES, batch.kind),
            t("cases.agency"): batch.agency_code or "",
            t("cases.due_date"): labels.moment(batch.due_at) if batch.due_at else "",
            t("cases.principal"): labels.money(batch.principal_minor, batch.currency),
            t("cases.balance"): labels.money(batch.balance_minor, batch.currency),
            t("forms.reason"): batch.reason,
            t("cases.asked_by"): batch.made_by_name,
        }
    )
    if found.request_id and at.may("approvals.view"):
        st.page_link(
            _APPROVALS,
            label=t("cases.see_approval"),
            query_params={"approvals_tab": "all", "approvals_all_id": found.request_id},
        )
    placement_file.of_batch(at, batch)
    column = tables.Column[BatchRow]
    columns = (
        column("loan", t("cases.loan"), lambda row: row.loan_id),
        column("case", t("cases.number"), lambda row: row.case_id[:SHORT_NUMBER], lambda row: row.case_id),
        column("balance", t("cases.balance"), lambda row: labels.minor(row.balance_minor, batch.currency),
               lambda row: labels.figure(row.balance_minor, batch.currency), right=True),
        column("currency", t("cases.currency"), lambda row: batch.currency, width="small"),
        column("outcome", t("cases.outcome"), lambda row: labels.code("batch_outcome", row.outcome)),
        column("why", t("cases.why_left_out"), lambda row: said_reasons(at, row.reasons), width="large"),
    )  # fmt: skip

    def window(wanted: tables.Wanted) -> tuple[Sequence[BatchRow], int]:
        return found.rows[wanted.offset : wanted.offset + wanted.limit], len(found.rows)

    listing = tables.Listing(
        name="batch_cases", title=_named(at, batch), columns=columns, row_id=lambda row: row.case_id, fetch=window,
        selectable=True,
    )  # fmt: skip
    shown = tables.show_list(at, listing, {"batch": batch_id})
    export_list(at, listing, shown)
    _earlier(at, batch_id, columns)
    return shown.rows, shown.selected


def _earlier(at: Here, batch_id: str, columns: Sequence[tables.Column[BatchRow]]) -> None:
    """The versions that were returned, with their cases as they were asked for."""
    for one in earlier_versions(at.actor, at.app.store, now=at.now, batch_id=batch_id):
        number = at.labels.count(one.round_no)
        with st.expander(at.t("cases.earlier_version", number=number, count=at.labels.count(one.batch.case_count))):
            facts(
                {
                    at.t("cases.agency"): one.batch.agency_code or "",
                    at.t("cases.due_date"): at.labels.moment(one.batch.due_at) if one.batch.due_at else "",
                    at.t("cases.balance"): at.labels.money(one.batch.balance_minor, one.batch.currency),
                    at.t("forms.reason"): one.batch.reason,
                }
            )
            tables.show_rows(columns, one.rows, title=number)


def _named(at: Here, batch: Batch) -> str:
    kind = at.labels.named(BATCH_KIND_NAMES, batch.kind)
    parts = [
        batch_number(batch.batch_id, batch.made_at), kind, batch.agency_code or "–",
        at.labels.count(batch.case_count), at.labels.moment(batch.made_at),
    ]  # fmt: skip
    return " · ".join(parts)
