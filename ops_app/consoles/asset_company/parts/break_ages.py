"""How long differences have stood: by kind and band of age, with totals, owners and what is past its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.domain.ledger.ageing import BANDS
from ops_app.domain.ledger.breaks import BREAK_KIND_NAMES, BreakKind
from ops_app.services.ledger.ageing import AgedRow, aged_breaks


@dataclass
class _Line:
    """One kind in one currency across the bands; without a kind it is the total of the currency."""

    kind: BreakKind | None
    currency: str
    cells: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, row: AgedRow) -> None:
        count, minor = self.cells.get(row.band, (0, 0))
        self.cells[row.band] = (count + row.count, minor + row.total_minor)


def show(at: Here) -> None:
    """The table by kind and band, then its rows as a list that may leave as a file."""
    t, labels = at.t, at.labels
    found = aged_breaks(at.actor, at.app.store, now=at.now)
    late = sum(row.escalated for row in found.rows)
    with st.container(horizontal=True):
        st.metric(t("breaks.count"), labels.count(sum(row.count for row in found.rows)), border=True, width="content")
        st.metric(t("breaks.escalated"), labels.count(late), border=True, width="content")
        st.metric(t("breaks.age_limit"), t("breaks.workdays", count=found.limit_days), border=True, width="content")
        st.metric(t("breaks.as_of"), labels.day(found.as_of_date), border=True, width="content")
    if not found.rows:
        st.info(t("breaks.none_aged"))
        return
    tables.show_rows(_columns(at), _lines(found.rows), title=t("breaks.tabs.ages"))
    st.subheader(t("breaks.aged_rows"), anchor=False)
    listing = _listing(at, found.rows)
    export_list(at, listing, tables.show_list(at, listing))


def band_name(at: Here, band: int) -> str:
    """The business days of a band, as a heading."""
    first = BANDS[band]
    if band == len(BANDS) - 1:
        return at.t("breaks.band_from", first=first)
    last = BANDS[band + 1] - 1
    return at.t("breaks.band_one", first=first) if first == last else at.t("breaks.band", first=first, last=last)


def _lines(rows: Sequence[AgedRow]) -> list[_Line]:
    lines: dict[tuple[str, str], _Line] = {}
    totals: dict[str, _Line] = {}
    for row in rows:
        lines.setdefault((row.kind, row.currency), _Line(row.kind, row.currency)).add(row)
        totals.setdefault(row.currency, _Line(None, row.currency)).add(row)
    order = list(BreakKind)
    known = sorted(lines.values(), key=lambda line: (order.index(line.kind or order[0]), line.currency))
    return [*known, *(totals[currency] for currency in sorted(totals))]


def _columns(at: Here) -> tuple[tables.Column[_Line], ...]:
    t, labels = at.t, at.labels

    def cell(line: _Line, bands: Sequence[int]) -> str:
        there = [line.cells[band] for band in bands if band in line.cells]
        if not there:
            return "–"
        total = sum(minor for _, minor in there)
        return f"{labels.count(sum(count for count, _ in there))} · {labels.minor(total, line.currency)}"

    Column = tables.Column[_Line]
    every = range(len(BANDS))
    return (
        Column("kind", t("breaks.kind"),
               lambda line: labels.named(BREAK_KIND_NAMES, line.kind) if line.kind else t("breaks.total")),
        Column("currency", t("breaks.currency"), lambda line: line.currency, width="small"),
        *(
            Column(f"band_{band}", band_name(at, band), lambda line, band=band: cell(line, [band]), right=True)
            for band in every
        ),
        Column("total", t("breaks.total"), lambda line: cell(line, every), right=True),
    )  # fmt: skip


def _listing(at: Here, rows: Sequence[AgedRow]) -> tables.Listing[AgedRow]:
    t, labels = at.t, at.labels
    Column = tables.Column[AgedRow]

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[AgedRow], int]:
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    return tables.Listing(
        name="break_ages",
        title=t("breaks.tabs.ages"),
        columns=(
            Column("kind", t("breaks.kind"), lambda row: labels.named(BREAK_KIND_NAMES, row.kind)),
            Column("owner", t("breaks.owner"), lambda row: labels.role(row.owner)),
            Column("band", t("breaks.age_band"), lambda row: band_name(at, row.band)),
            Column("count", t("breaks.count"), lambda row: labels.count(row.count), value=lambda row: row.count,
                   right=True),
            Column("total", t("breaks.size"), lambda row: labels.minor(row.total_minor, row.currency),
                   value=lambda row: labels.figure(row.total_minor, row.currency), right=True),
            Column("currency", t("breaks.currency"), lambda row: row.currency),
            Column("escalated", t("breaks.escalated"), lambda row: labels.count(row.escalated),
                   value=lambda row: row.escalated, right=True),
        ),
        row_id=lambda row: f"{row.kind}/{row.band}/{row.currency}",
        fetch=fetch,
        empty=t("breaks.none_aged"),
    )  # fmt: skip
