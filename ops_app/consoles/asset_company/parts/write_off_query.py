"""Cases by where they stand to a write-off (核销案件查询): may be, asked for, written off, recovered after."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts import write_off_form, write_off_list, write_off_record
from ops_app.consoles.asset_company.parts.write_off_ledger import path_choice
from ops_app.consoles.casework.lists import total
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.ledger.write_off_criteria import WriteOffPath
from ops_app.domain.ledger.write_offs import PENDING, STANDING, WriteOffState
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.services.ledger.write_off_reading import (
    CANDIDATE_SORTS,
    Candidate,
    CandidatesPage,
    Recourse,
    WriteOffFilter,
    list_candidates,
)

Row = tuple[Candidate, Recourse]
STAGES: dict[str, frozenset[WriteOffState]] = {
    "eligible": frozenset(),
    "pending": PENDING,
    "written_off": STANDING,
    "recovered": frozenset({WriteOffState.PARTLY_RECOVERED, WriteOffState.RECOVERED}),
    "ended": frozenset(WriteOffState) - PENDING - STANDING,
}


def show(at: Here) -> None:
    """The stage, its list, and what was chosen of it."""
    t, language = at.t, at.actor.language
    one, two, three, four = st.columns(4)
    with one:
        stage = url.choice(
            "write_off_stage", t("write_offs.stage"), list(STAGES), lambda code: t(f"write_offs.stages.{code}"),
            default="eligible", language=language,
        )  # fmt: skip
    with two:
        path = path_choice(at, name=f"write_off_{stage}_path", any_path=stage != "eligible")
    with three:
        lender = url.text("write_off_q_lender", t("write_offs.lender"), language=language, max_chars=64)
    with four:
        product = url.text("write_off_q_product", t("write_offs.product"), language=language, max_chars=64)
    filters = {"stage": stage, "path": path, "lender": lender, "product": product}
    if stage == "eligible":
        _eligible(at, WriteOffPath(path), lender, product, filters)
        return
    wanted = WriteOffFilter(
        states=STAGES[stage], lender_code=lender or None, product_code=product or None,
        path=WriteOffPath(path) if path else None,
    )  # fmt: skip
    narrowed = {name: value for name, value in filters.items() if name != "stage"}
    rows, selected = write_off_list.show(
        at, f"write_off_{stage}", wanted, narrowed | {"stage": stage}, empty=t("lists.none")
    )
    chosen = choose_among(
        at, "write_off", rows, selected, row_id=lambda it: it.write_off_id, label=t("write_offs.open"),
        show=lambda it: write_off_list.name_of(at, it),
    )  # fmt: skip
    if chosen:
        write_off_record.show(at, chosen)


def _eligible(at: Here, path: WriteOffPath, lender: str, product: str, filters: dict[str, str]) -> None:
    t, language = at.t, at.actor.language
    options = [f"{sort}{sign}" for sort in sorts_for(at.actor, CANDIDATE_SORTS) for sign in ("-", "+")]
    order = url.choice(
        "write_off_case_sort", t("lists.sort"), options,
        lambda code: f"{t(f'cases.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}", default=options[0],
        language=language,
    )  # fmt: skip
    last: list[CandidatesPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Row], str | None]:
        page = list_candidates(
            at.actor, at.app.store, now=at.now, path=path, lender_code=lender or None, product_code=product or None,
            sort=order[:-1], descending=order.endswith("-"), after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="write_off_case", title=t("write_offs.stages.eligible"), columns=_columns(at),
        row_id=lambda row: row[0].case.case_id, fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    said = {**filters, "sort": order}
    rows, selected = tables.show_keyed(
        at, stream, said, empty=t("write_offs.none_eligible"), narrowed=bool(lender or product)
    )
    if rows:
        place.caption(total(at, last[0].total))
        export_stream(at, stream, said, place)
    chosen = choose_among(
        at, "write_off_case", rows, selected, row_id=lambda row: row[0].case.case_id, label=t("write_offs.open_case"),
        show=lambda row: f"{row[0].case.loan_id} · {at.labels.days(row[0].case.days_past_due)}",
    )  # fmt: skip
    if chosen:
        write_off_form.show(at, chosen, path)


def _columns(at: Here) -> tuple[tables.Column[Row], ...]:
    """The case with what it owes by the ledger and what evidences its recourse."""
    t, labels = at.t, at.labels
    Column = tables.Column[Row]

    def amount(name: str) -> tables.Column[Row]:
        return Column(
            name, t(f"write_offs.{name}"), lambda row: labels.minor(getattr(row[0], name), row[0].case.currency),
            value=lambda row: labels.figure(getattr(row[0], name), row[0].case.currency), right=True,
        )  # fmt: skip

    return (
        Column("loan", t("cases.loan"), lambda row: row[0].case.loan_id),
        Column("debtor", t("cases.debtor"), lambda row: row[0].case.name_masked or "–"),
        Column("days", t("cases.days_past_due"), lambda row: labels.count(row[0].case.days_past_due), right=True),
        amount("owed_minor"),
        amount("off_minor"),
        Column("currency", t("cases.currency"), lambda row: row[0].case.currency, width="small"),
        Column("placements", t("write_offs.placements"), lambda row: labels.count(row[1].placements), right=True),
        Column("interruptions", t("write_offs.interruptions"), lambda row: labels.count(row[1].interruptions),
               right=True),
        Column("documents", t("write_offs.documents"), lambda row: labels.count(row[1].documents), right=True),
        Column("limitation", t("write_offs.limitation"), lambda row: labels.day(row[1].expires_date)),
        Column("lender", t("write_offs.lender"), lambda row: row[0].case.lender_code or "–"),
        Column("product", t("write_offs.product"), lambda row: row[0].case.product_code),
        Column("opened", t("cases.opened"), lambda row: labels.day(row[0].case.opened_date)),
    )  # fmt: skip
