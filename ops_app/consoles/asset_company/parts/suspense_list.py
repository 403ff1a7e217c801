"""The list of what stands in suspense, with its totals tied to the ledger."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts import suspense_record
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.ledger.suspense import SUSPENSE_REASON_NAMES, SuspenseReason, reason_of
from ops_app.services.ledger.chart import chart
from ops_app.services.ledger.suspense import (
    NOBODY,
    SORTS,
    SuspenseFilter,
    SuspenseItem,
    SuspensePage,
    list_suspense,
    tie_suspense,
)


def show(at: Here) -> None:
    """Totals and tie, filters, the list with its export, and the item that is chosen."""
    t = at.t
    above = st.container()
    filters = _filters(at)
    wanted = SuspenseFilter(
        SuspenseReason(filters["reason"]) if filters["reason"] else None, filters["currency"] or None, None,
        {"": None, "mine": at.actor.person_id, "nobody": NOBODY}[filters["owner"]], text=filters["text"] or None,
    )  # fmt: skip
    last: list[SuspensePage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[SuspenseItem], str | None]:
        page = list_suspense(
            at.actor, at.app.store, now=at.now, wanted=wanted, overdue=filters["age"] == "overdue",
            sort=filters["sort"][:-1], descending=filters["sort"].endswith("-"), after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="suspense", title=t("page.suspense.title"), columns=_columns(at, last), row_id=lambda one: one.item_id,
        fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    narrowed = any(filters[name] for name in ("reason", "currency", "owner", "age", "text"))
    rows, selected = tables.show_keyed(at, stream, filters, empty=t("suspense.none"), narrowed=narrowed)
    with above:
        _totals(at, last[0] if last else None)
    if rows:
        export_stream(at, stream, filters, place)
    chosen = choose_among(
        at, "suspense", rows, selected, row_id=lambda one: one.item_id, label=t("suspense.open"),
        show=lambda one: name_of(at, one),
    )  # fmt: skip
    if chosen:
        suspense_record.show(at, chosen)


def name_of(at: Here, one: SuspenseItem) -> str:
    """One item on one line, as a choice."""
    return f"{one.loan_id} · {one.payment_id} · {at.labels.money(one.held_minor, one.currency)}"


def _totals(at: Here, page: SuspensePage | None) -> None:
    t, labels = at.t, at.labels
    with st.container(horizontal=True):
        for one in page.sums if page else ():
            label = f"{account_name(at, one.account)} · {labels.count(one.count)}"
            st.metric(label, labels.money(one.held_minor, one.currency), border=True, width="content")
            free = t("suspense.free_of", currency=one.currency)
            st.metric(free, labels.money(one.free_minor, one.currency), border=True, width="content")
    for tie in tie_suspense(at.actor, at.app.store, now=at.now):
        said = {
            "account": account_name(at, tie.account), "source": tie.source_code,
            "items": labels.money(tie.items_minor, tie.currency),
            "ledger": labels.money(tie.ledger_minor, tie.currency),
        }  # fmt: skip
        if tie.difference_minor:
            st.error(t("suspense.apart", **said))
        else:
            st.caption(t("suspense.tied", **said))


def account_name(at: Here, code: str) -> str:
    """An account by its number and name."""
    one = chart()[code]
    return f"{one.number} {one.name_zh if at.actor.language == 'zh' else one.name_en}"


def _filters(at: Here) -> dict[str, str]:
    t, labels, language = at.t, at.labels, at.actor.language
    orders = [f"{name}{sign}" for name in SORTS for sign in ("+", "-")]
    one, two, three, four, five, six = st.columns(6)
    with one:
        reason = url.choice("suspense_reason", t("suspense.reason"), ["", *(it.value for it in SuspenseReason)],
                            lambda code: labels.named(SUSPENSE_REASON_NAMES, code) if code else t("lists.all"),
                            default="", language=language)  # fmt: skip
    with two:
        owner = url.choice("suspense_owner", t("suspense.owner"), ("", "mine", "nobody"),
                           lambda code: t(f"suspense.owners.{code}") if code else t("lists.all"), default="",
                           language=language)  # fmt: skip
    with three:
        age = url.choice("suspense_age", t("suspense.due"), ("", "overdue"),
                         lambda code: t("suspense.overdue") if code else t("lists.all"), default="",
                         language=language)  # fmt: skip
    with four:
        currency = url.text("suspense_currency", t("cases.currency"), placeholder="CNY", max_chars=3,
                            language=language).upper()  # fmt: skip
    with five:
        text = url.text("suspense_text", t("repayments.find"), placeholder=t("repayments.find_help"),
                        language=language)  # fmt: skip
    with six:
        sort = url.choice("suspense_sort", t("lists.sort"), orders,
                          lambda code: f"{t(f'suspense.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
                          default=orders[0], language=language)  # fmt: skip
    return {"reason": reason, "owner": owner, "age": age, "currency": currency, "text": text, "sort": sort}


def _columns(at: Here, last: list[SuspensePage]) -> tuple[tables.Column[SuspenseItem], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[SuspenseItem]

    def money(name: str, label: str, of: str) -> tables.Column[SuspenseItem]:
        return Column(name, label, lambda one: labels.minor(getattr(one, of), one.currency),
                      value=lambda one: labels.figure(getattr(one, of), one.currency), right=True)  # fmt: skip

    def due(one: SuspenseItem) -> str:
        day = labels.day(last[0].due_date(one))
        return t("suspense.late", day=day) if last[0].is_late(one) else day

    return (
        Column("age", t("suspense.age"), lambda one: labels.count(last[0].age_days(one)), right=True),
        Column("due", t("suspense.due"), due),
        money("held", t("suspense.held"), "held_minor"),
        money("requested", t("suspense.requested"), "requested_minor"),
        money("free", t("suspense.free"), "free_minor"),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        Column("reason", t("suspense.reason"),
               lambda one: labels.named(SUSPENSE_REASON_NAMES, reason_of(one.account, one.held_minor))),
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("debtor", t("suspense.debtor"), lambda one: one.debtor_name or "–"),
        Column("payment", t("cases.payment"), lambda one: one.payment_id),
        Column("payer", t("repayments.payer"), lambda one: one.payer_name or "–"),
        Column("since", t("cases.value_date"), lambda one: labels.day(one.since_date)),
        Column("owner", t("suspense.owner"), lambda one: one.owner_name or t("suspense.owners.nobody")),
        Column("source", t("repayments.source"), lambda one: one.source_code),
    )  # fmt: skip
