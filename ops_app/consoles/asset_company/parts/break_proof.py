"""The daily proof sheet: the four sides of a business date, each difference explained or told as unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.domain.ledger.breaks import LEG_NAMES
from ops_app.domain.ledger.proof import PARTS, LegTotals, ProofSheet, SheetRow, code_names
from ops_app.services.ledger.proof_sheets import DayProof, list_proof_days, read_proof


@dataclass(frozen=True)
class _Row:
    """One row of the day: the row of a sheet, with the sheet it is of."""

    sheet: ProofSheet
    row: SheetRow


@dataclass(frozen=True)
class _Total:
    """One leg of a sheet added up."""

    sheet: ProofSheet
    leg: LegTotals


def show(at: Here) -> None:
    """The day that is asked for (the newest one otherwise), its legs, and every row of its sheets."""
    t, labels = at.t, at.labels
    days = list_proof_days(at.actor, at.app.store, now=at.now)
    if not days:
        st.info(t("breaks.proof_none"))
        return
    asked = url.day("proof_day", t("breaks.proof_day"))
    day = asked or days[0]
    found = read_proof(at.actor, at.app.store, now=at.now, business_date=day)
    if not found.sheets:
        st.info(t("breaks.proof_no_day", day=labels.day(day), last=labels.day(days[0])))
        return
    st.caption(t("breaks.proof_closed" if found.is_closed else "breaks.proof_open", day=labels.day(day)))
    totals = [_Total(sheet, leg) for sheet in found.sheets for leg in sheet.legs()]
    tables.show_rows(_totals(at, found), totals, title=t("breaks.proof_totals"))
    if all(one.leg.is_proven for one in totals):
        st.success(t("breaks.proof_holds"))
    else:
        st.error(t("breaks.proof_broken"))
    st.subheader(t("breaks.proof_rows"), anchor=False)
    listing = _listing(at, found)
    export_list(at, listing, tables.show_list(at, listing, {"day": day.isoformat()}))


def _totals(at: Here, found: DayProof) -> tuple[tables.Column[_Total], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[_Total]

    def moved(one: _Total) -> str:
        minor = found.moved(one.sheet.book, one.sheet.currency, one.leg.leg)
        return "–" if minor is None else labels.minor(minor, one.sheet.currency)

    def amount(name: str, label: str) -> tables.Column[_Total]:
        return Column(name, label, lambda one: labels.minor(getattr(one.leg, name), one.sheet.currency), right=True)

    return (
        Column("book", t("breaks.source"), lambda one: one.sheet.book),
        Column("currency", t("breaks.currency"), lambda one: one.sheet.currency, width="small"),
        Column("leg", t("breaks.leg"), lambda one: labels.named(LEG_NAMES, one.leg.leg)),
        amount("lender_minor", labels.named(PARTS, "lender")),
        amount("side_minor", labels.named(PARTS, "side")),
        amount("difference_minor", t("breaks.difference")),
        amount("explained_minor", labels.named(PARTS, "explained")),
        amount("unexplained_minor", labels.named(PARTS, "unexplained")),
        Column("moved", t("breaks.proof_moved"), moved, right=True),
    )


def _listing(at: Here, found: DayProof) -> tables.Listing[_Row]:
    t, labels = at.t, at.labels
    rows = [_Row(sheet, row) for sheet in found.sheets for row in sheet.rows]
    Column = tables.Column[_Row]

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[_Row], int]:
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    def code(one: _Row) -> str:
        if not one.row.code:
            return "–"
        return labels.named({one.row.code: code_names(one.row.part, one.row.code)}, one.row.code)

    return tables.Listing(
        name="proof_sheet",
        title=t("breaks.tabs.proof"),
        columns=(
            Column("day", t("breaks.proof_day"), lambda one: labels.day(one.sheet.business_date)),
            Column("book", t("breaks.source"), lambda one: one.sheet.book),
            Column("currency", t("breaks.currency"), lambda one: one.sheet.currency),
            Column("leg", t("breaks.leg"), lambda one: labels.named(LEG_NAMES, one.row.leg)),
            Column("part", t("breaks.proof_part"), lambda one: labels.named(PARTS, one.row.part)),
            Column("code", t("breaks.proof_why"), code),
            Column("items", t("breaks.proof_items"), lambda one: labels.count(one.row.items),
                   value=lambda one: one.row.items, right=True),
            Column("amount", t("breaks.proof_amount"),
                   lambda one: labels.minor(one.row.amount_minor, one.sheet.currency),
                   value=lambda one: labels.figure(one.row.amount_minor, one.sheet.currency), right=True),
            Column("revision", t("breaks.proof_revision"), lambda one: labels.count(one.sheet.revision),
                   value=lambda one: one.sheet.revision, right=True),
        ),
        row_id=lambda one: f"{one.sheet.book}/{one.sheet.currency}/{one.row.leg}/{one.row.part}/{one.row.code}",
        fetch=fetch,
        empty=t("breaks.proof_none"),
    )  # fmt: skip
