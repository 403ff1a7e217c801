"""What waits for its export, the list of batches, and one batch: its file, and what the general ledger said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.kit import export, names, session, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.services.ledger.vouchers import (
    Batch,
    Unexported,
    acknowledge_vouchers,
    export_vouchers,
    list_unexported,
    list_vouchers,
    read_vouchers,
    voucher_file,
)


def waiting(at: Here) -> None:
    """Entries that no batch holds, and the form that makes the batch of a closed period."""
    t, labels = at.t, at.labels
    found = list_unexported(at.actor, at.app.store, now=at.now)
    st.subheader(t("vouchers.waiting"), anchor=False)
    if not found:
        st.caption(t("vouchers.none_waiting"))
        return
    Column = tables.Column[Unexported]
    tables.show_rows(
        (
            Column("source", t("books.source"), lambda one: one.source_code, width="small"),
            Column("period", t("vouchers.period"), lambda one: _period(at, one)),
            Column("entries", t("vouchers.entries"), lambda one: labels.count(one.entries), right=True),
            Column("total", t("vouchers.total"), lambda one: labels.money(one.total_minor, one.currency), right=True),
        ),
        found,
        title=t("vouchers.waiting"),
    )
    closed = {f"{one.period_id}/{one.source_code}": one for one in found if one.period_id is not None}
    if not at.may("books.export"):
        st.caption(names.who_may(at, "books.export"))
    elif closed:
        _export(at, closed)
    else:
        st.caption(t("vouchers.close_first"))


def _period(at: Here, one: Unexported) -> str:
    days = f"{at.labels.day(one.first_date)} – {at.labels.day(one.last_date)}"
    return days if one.period_id else at.t("vouchers.still_open", days=days)


def _export(at: Here, closed: dict[str, Unexported]) -> None:
    t = at.t
    with form(at, "export_vouchers") as f:
        chosen = f.choice(
            "period_id", t("vouchers.which"), list(closed),
            lambda code: f"{closed[code].source_code} · {_period(at, closed[code])}", index=None,
        )  # fmt: skip
        f.submit(t("vouchers.export"))
    f.require({"period_id": chosen})
    f.run(
        lambda key: export_vouchers(
            at.actor, at.app.store, now=at.now, period_id=str(closed[str(chosen)].period_id),
            source_code=closed[str(chosen)].source_code, key=key,
        ),
        done=lambda one: t("vouchers.exported", number=f"{one.number:06d}"),
    )  # fmt: skip


def listing(at: Here) -> tables.Listing[Batch]:
    """The batches, the newest first."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Batch], int]:
        page = list_vouchers(at.actor, at.app.store, now=at.now, offset=wanted.offset, limit=wanted.limit)
        return page.rows, page.total

    Column = tables.Column[Batch]
    return tables.Listing(
        name="voucher",
        title=t("page.vouchers.title"),
        columns=(
            Column("number", t("vouchers.number"), lambda one: f"{one.number:06d}", width="small"),
            Column("source", t("books.source"), lambda one: one.source_code, width="small"),
            Column("period", t("vouchers.period"), lambda one: _days(at, one)),
            Column("entries", t("vouchers.entries"), lambda one: labels.count(one.entries), right=True),
            Column("rows", t("vouchers.rows"), lambda one: labels.count(one.rows), right=True),
            Column("made", t("vouchers.made_at"), lambda one: labels.moment(one.made_at)),
            Column("by", t("vouchers.made_by"), lambda one: one.made_by_name or one.made_by),
            Column("reference", t("vouchers.reference"), lambda one: one.reference or t("vouchers.not_acknowledged")),
        ),
        row_id=lambda one: one.batch_id,
        fetch=fetch,
        selectable=True,
        empty=t("vouchers.none"),
    )


def _days(at: Here, one: Batch) -> str:
    return f"{at.labels.day(one.first_date)} – {at.labels.day(one.end_date - timedelta(days=1))}"


def record(at: Here, batch_id: str) -> None:
    """One batch, its file, and the form for the acknowledgement."""
    t, labels = at.t, at.labels
    try:
        one = read_vouchers(at.actor, at.app.store, now=at.now, batch_id=batch_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(t("vouchers.one", number=f"{one.number:06d}"), anchor=False)
    facts(
        {
            t("vouchers.period"): _days(at, one),
            t("vouchers.entries"): labels.count(one.entries),
            t("vouchers.hash"): one.file_hash,
            t("vouchers.made_at"): labels.moment(one.made_at),
            t("vouchers.made_by"): one.made_by_name or one.made_by,
            t("vouchers.reference"): one.reference or t("vouchers.not_acknowledged"),
            t("vouchers.received"): labels.day(one.received_date),
            t("vouchers.recorded_by"): one.recorded_by_name or "",
        }
    )
    if not at.may("books.export"):
        return
    layout = "xlsx" if '"layout":"xlsx"' in one.template_json else "csv"
    st.download_button(
        t("vouchers.download"), data=_bytes(at, batch_id), file_name=f"vouchers_{one.number:06d}.{layout}",
        on_click="ignore", key=f"voucher_file_{batch_id}",
    )  # fmt: skip
    if one.reference is None:
        _acknowledge(at, one)


def _bytes(at: Here, batch_id: str) -> Callable[[], bytes]:
    """The file, made at the press; the session is asked again, for the page may have stood open."""
    token = session.cookie_token()

    def make() -> bytes:
        now = at.app.clock.now()
        actor = session.actor_of_token(at.app, token, now)
        if actor is None or actor != at.actor:
            return export.refusal(at.t("signed_out.text"), "csv")
        try:
            return voucher_file(actor, at.app.store, now=now, batch_id=batch_id)[1]
        except DomainError as error:
            return export.refusal(error.sentence(actor.language), "csv")

    return make


def _acknowledge(at: Here, one: Batch) -> None:
    t = at.t
    with form(at, f"acknowledge_{one.batch_id}") as f:
        reference = f.text("reference", t("vouchers.reference"), max_chars=200)
        received = f.day("received_date", t("vouchers.received"), at.today)
        f.submit(t("vouchers.acknowledge"))
    f.require({"reference": reference, "received_date": received})
    if received is None:
        return
    f.run(
        lambda _key: acknowledge_vouchers(
            at.actor, at.app.store, now=at.now, batch_id=one.batch_id, reference=reference, received_date=received
        ),
        done=t("vouchers.acknowledged"),
    )
