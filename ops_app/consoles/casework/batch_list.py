"""Batches that were asked for: what became of each, and case by case why something was left out or dropped."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import placement_file
from ops_app.consoles.casework.batch_form import said_reasons
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Sheet
from ops_app.consoles.kit.record import facts
from ops_app.consoles.pages import PAGES
from ops_app.domain.casework.placing import BATCH_KIND_NAMES, batch_number
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.approvals import REQUEST_STATE_NAMES, RequestState
from ops_app.services.casework.batch_changes import earlier_versions
from ops_app.services.casework.batches import Batch, BatchRow, list_batches, read_batch

Listed = tuple[Batch, str]
_CASES = next(spec.path for spec in PAGES if spec.key == "cases")


def show(at: Here) -> bool:
    """The newest batches, and the one that is chosen; whether there is any."""
    t, labels = at.t, at.labels
    found = list_batches(at.actor, at.app.store, now=at.now)
    column = tables.Column[Listed]
    columns = (
        column("number", t("cases.batch_number"), lambda row: batch_number(row[0].batch_id, row[0].made_at)),
        column("kind", t("cases.what"), lambda row: labels.named(BATCH_KIND_NAMES, row[0].kind)),
        column("agency", t("cases.agency"), lambda row: row[0].agency_code or "–"),
        column("count", t("cases.batch_cases"), lambda row: labels.count(row[0].case_count), right=True),
        column("left", t("cases.batch_left_out"), lambda row: labels.count(row[0].excluded_count), right=True),
        column("balance", t("cases.balance"), lambda row: labels.money(row[0].balance_minor, row[0].currency),
               right=True),
        column("who", t("cases.asked_by"), lambda row: row[0].made_by_name),
        column("when", t("cases.asked_at"), lambda row: labels.moment(row[0].made_at)),
        column("state", t("cases.state"), lambda row: labels.named(REQUEST_STATE_NAMES, RequestState(row[1]))),
    )  # fmt: skip
    if found:
        tables.show_rows(columns, found, title=t("cases.view.batches"))
    chosen = choose_among(
        at, "batch", found, (), row_id=lambda row: row[0].batch_id, label=t("cases.open_batch"),
        show=lambda row: _named(at, row[0]),
    )  # fmt: skip
    if chosen:
        _record(at, chosen)
    return bool(found)


def link(at: Here, batch_id: str) -> None:
    """From a request to its cases, for whoever may open the page."""
    if at.may("cases.company"):
        st.page_link(
            _CASES, label=at.t("cases.see_batch"), query_params={"cases_view": "batches", "batch_id": batch_id}
        )


def _record(at: Here, batch_id: str) -> None:
    t, labels = at.t, at.labels
    try:
        found = read_batch(at.actor, at.app.store, now=at.now, batch_id=batch_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
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
    placement_file.of_batch(at, batch)
    column = tables.Column[BatchRow]
    columns = (
        column("loan", t("cases.loan"), lambda row: row.loan_id),
        column("balance", t("cases.balance"), lambda row: labels.money(row.balance_minor, batch.currency), right=True),
        column("outcome", t("cases.outcome"), lambda row: labels.code("batch_outcome", row.outcome)),
        column("why", t("cases.why_left_out"), lambda row: said_reasons(at, row.reasons), width="large"),
    )
    title = _named(at, batch)
    tables.show_rows(columns, found.rows, title=title)
    sheet = Sheet(
        "case_batch", title, columns, {"batch": batch.batch_id}, lambda limit: iter(found.rows[:limit]),
    )  # fmt: skip
    export_sheet(at, sheet, st.container(), len(found.rows))
    _earlier(at, batch_id, columns)


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
