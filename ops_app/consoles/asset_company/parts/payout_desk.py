"""What waits to be paid out, the form that makes a file of it, the list of files, and one with its payouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ops_app.consoles.kit import export, names, session, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.payouts import ENDINGS
from ops_app.domain.ledger.refunds import REFUND_STATE_NAMES
from ops_app.services.ledger.payouts import (
    Payable,
    Payout,
    PayoutFile,
    PayoutFilePage,
    list_payable,
    list_payout_files,
    make_payout_file,
    payout_file,
    payout_templates,
    read_payout_file,
)
from ops_app.services.ledger.refund_reading import Refund


def show(at: Here) -> None:
    """The desk of payouts."""
    t = at.t
    _waiting(at)
    st.subheader(t("payouts.files"), anchor=False)
    listing = _listing(at)
    shown = tables.show_list(at, listing)
    export_list(at, listing, shown)
    chosen = choose(
        at, listing, shown, label=t("payouts.open"), show=lambda one: f"{one.number:06d} · {one.source_code}"
    )  # fmt: skip
    if chosen:
        _record(at, chosen)


def _waiting(at: Here) -> None:
    t, labels = at.t, at.labels
    found = list_payable(at.actor, at.app.store, now=at.now)
    st.subheader(t("payouts.waiting"), anchor=False)
    if not found:
        st.caption(t("payouts.none_waiting"))
        return
    Column = tables.Column[Payable]
    tables.show_rows(
        (
            Column("source", t("repayments.source"), lambda one: one.source_code, width="small"),
            Column("count", t("payouts.count"), lambda one: labels.count(one.count), right=True),
            Column("total", t("payouts.total"), lambda one: labels.money(one.total_minor, one.currency), right=True),
        ),
        found,
        title=t("payouts.waiting"),
    )
    if not at.may("refunds.pay"):
        st.caption(names.who_may(at, "refunds.pay"))
        return
    for one in found:
        _make(at, one)


def _make(at: Here, one: Payable) -> None:
    t = at.t
    known = payout_templates(one.source_code)
    with form(at, f"payout_{one.source_code}_{one.currency}") as f:
        st.markdown(f"**{one.source_code} · {at.labels.money(one.total_minor, one.currency)}**")
        template = f.choice(
            "template", t("payouts.template"), list(one.templates),
            lambda code: f"{t(f'payouts.layouts.{known[code].layout.name.lower()}')} · {code}",
        )  # fmt: skip
        day = f.day("execution_date", t("payouts.execution_date"), at.today)
        f.submit(t("payouts.make"))
    f.require({"template": template, "execution_date": day})
    if day is None:
        return
    f.run(
        lambda key: make_payout_file(
            at.actor, at.app.store, now=at.now, source_code=one.source_code, currency=one.currency,
            template=str(template), execution_date=day, key=key, evidence=at.app.settings.evidence,
        ),
        done=lambda made: t("payouts.made", number=f"{made.number:06d}"),
    )  # fmt: skip


def _listing(at: Here) -> tables.Listing[PayoutFile]:
    t, labels = at.t, at.labels
    last: list[PayoutFilePage] = []

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[PayoutFile], int]:
        page = list_payout_files(at.actor, at.app.store, now=at.now, offset=wanted.offset, limit=wanted.limit)
        last[:] = [page]
        return page.rows, page.total

    Column = tables.Column[PayoutFile]
    return tables.Listing(
        name="payout_file",
        title=t("payouts.files"),
        columns=(
            Column("number", t("payouts.number"), lambda one: f"{one.number:06d}", width="small"),
            Column("source", t("repayments.source"), lambda one: one.source_code, width="small"),
            Column("count", t("payouts.count"), lambda one: labels.count(one.payouts), right=True),
            Column("total", t("payouts.total"), lambda one: labels.money(one.total_minor, one.currency), right=True),
            Column("day", t("payouts.execution_date"), lambda one: labels.day(one.execution_date)),
            Column("made", t("payouts.made_at"), lambda one: labels.moment(one.made_at)),
            Column("by", t("payouts.made_by"), lambda one: last[0].names.get(one.made_by, one.made_by)),
            Column("hash", t("payouts.hash"), lambda one: one.file_hash),
        ),
        row_id=lambda one: one.file_id,
        fetch=fetch,
        selectable=True,
        empty=t("payouts.none"),
    )


def _record(at: Here, file_id: str) -> None:
    t, labels = at.t, at.labels
    try:
        found = read_payout_file(at.actor, at.app.store, now=at.now, file_id=file_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one = found.item
    st.subheader(t("payouts.one", number=f"{one.number:06d}"), anchor=False)
    facts(
        {
            t("payouts.total"): labels.money(one.total_minor, one.currency),
            t("payouts.template"): t(f"payouts.layouts.{found.template.layout.name.lower()}"),
            t("payouts.execution_date"): labels.day(one.execution_date),
            t("payouts.hash"): one.file_hash,
            t("payouts.made_at"): labels.moment(one.made_at),
            t("payouts.made_by"): found.made_by_name,
        }
    )
    Column = tables.Column[tuple[Payout, Refund]]
    tables.show_rows(
        (
            Column("reference", t("refunds.reference"), lambda it: it[0].reference),
            Column("amount", t("cases.amount"), lambda it: labels.money(it[0].amount_minor, one.currency), right=True),
            Column("payee", t("refunds.payee_name"), lambda it: it[1].payee_name_masked),
            Column("account", t("refunds.payee_account"), lambda it: it[1].payee_account_masked),
            Column("state", t("refunds.state"), lambda it: labels.named(REFUND_STATE_NAMES, it[1].state)),
        ),
        found.payouts,
        title=t("payouts.payouts"),
    )
    if not at.may("refunds.pay"):
        st.caption(names.who_may(at, "refunds.pay"))
        return
    name = f"payout_{one.number:06d}_{one.source_code}.{ENDINGS[found.template.layout]}"
    st.download_button(
        t("payouts.download"), data=_bytes(at, file_id), file_name=name, on_click="ignore", key=f"payout_{file_id}"
    )  # fmt: skip
    st.caption(t("payouts.in_full"))


def _bytes(at: Here, file_id: str) -> Callable[[], bytes]:
    """The file, made at the press; the session is asked again, for the page may have stood open."""
    token = session.cookie_token()

    def make() -> bytes:
        now = at.app.clock.now()
        actor = session.actor_of_token(at.app, token, now)
        if actor is None or actor != at.actor:
            return export.refusal(at.t("signed_out.text"), "csv")
        try:
            return payout_file(actor, at.app.store, now=now, file_id=file_id, evidence=at.app.settings.evidence)[1]
        except DomainError as error:
            return export.refusal(error.sentence(actor.language), "csv")

    return make
