"""A list of write-offs with sort, pages, totals per currency and export."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework.lists import total
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.ledger.write_off_criteria import PATH_NAMES
from ops_app.domain.ledger.write_offs import WRITE_OFF_STATE_NAMES
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.services.ledger.write_off_reading import (
    SORTS,
    WriteOff,
    WriteOffFilter,
    WriteOffsPage,
    list_write_offs,
)


def show(
    at: Here, name: str, wanted: WriteOffFilter, filters: dict[str, str], *, empty: str
) -> tuple[Sequence[WriteOff], Sequence[WriteOff]]:
    """The rows shown and those selected; ``empty`` is said where there are none at all."""
    t, language = at.t, at.actor.language
    options = [f"{sort}{sign}" for sort in sorts_for(at.actor, SORTS) for sign in ("-", "+")]
    chosen = url.choice(
        f"{name}_sort", t("lists.sort"), options,
        lambda code: f"{t(f'write_offs.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
        default=options[0], language=language,
    )  # fmt: skip
    last: list[WriteOffsPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[WriteOff], str | None]:
        page = list_write_offs(
            at.actor, at.app.store, now=at.now, wanted=wanted, sort=chosen[:-1], descending=chosen.endswith("-"),
            after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name=name, title=t("page.write_offs.title"), columns=columns(at), row_id=lambda one: one.write_off_id,
        fetch=fetch,
    )  # fmt: skip
    said = {**filters, "sort": chosen}
    sums, place = st.container(horizontal=True), st.container(horizontal=True)
    rows, selected = tables.show_keyed(at, stream, said, empty=empty, narrowed=any(filters.values()))
    if rows:
        _totals(at, last[0], sums)
        place.caption(total(at, last[0].total))
        export_stream(at, stream, said, place)
    return rows, selected


def _totals(at: Here, page: WriteOffsPage, place: st.delta_generator.DeltaGenerator) -> None:
    """What all that the filter leaves comes to, per currency."""
    labels = at.labels
    with place:
        for one in page.sums:
            for name in ("claim_minor", "booked_minor", "recovered_minor", "remaining_minor"):
                st.metric(
                    at.t(f"write_offs.totals.{name}"), labels.money(getattr(one, name), one.currency), border=True,
                    width="content",
                )  # fmt: skip


def columns(at: Here) -> tuple[tables.Column[WriteOff], ...]:
    """What a list shows of a write-off."""
    t, labels = at.t, at.labels
    Column = tables.Column[WriteOff]

    def amount(name: str) -> tables.Column[WriteOff]:
        return Column(
            name, t(f"write_offs.{name}"), lambda one: labels.minor(getattr(one, name), one.currency),
            value=lambda one: labels.figure(getattr(one, name), one.currency), right=True,
        )  # fmt: skip

    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("state", t("write_offs.state"), lambda one: labels.named(WRITE_OFF_STATE_NAMES, one.state)),
        Column("effective", t("write_offs.effective_date"), lambda one: labels.day(one.effective_date)),
        amount("claim_minor"),
        amount("booked_minor"),
        amount("recovered_minor"),
        amount("remaining_minor"),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        Column("path", t("write_offs.path"), lambda one: labels.named(PATH_NAMES, one.path)),
        Column("lender", t("write_offs.lender"), lambda one: one.lender_code or "–"),
        Column("product", t("write_offs.product"), lambda one: one.product_code),
        Column("days", t("cases.days_past_due"), lambda one: labels.count(one.days_past_due), right=True),
        Column("document", t("write_offs.approval_document"), lambda one: one.approval_document),
        Column("voucher", t("write_offs.gl_voucher"), lambda one: one.gl_voucher or "–"),
        Column("by", t("write_offs.requested_by"), lambda one: one.requested_by_name),
        Column("number", t("write_offs.number"), lambda one: one.write_off_id),
    )


def name_of(at: Here, one: WriteOff) -> str:
    """One write-off on one line, as a choice."""
    state = at.labels.named(WRITE_OFF_STATE_NAMES, one.state)
    return f"{one.loan_id} · {at.labels.day(one.effective_date)} · {state}"
