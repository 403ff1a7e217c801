"""The list of payments: narrowed, sorted by an index, with its totals by currency."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.places import CONFIRMED, PLACE_NAMES, Place
from ops_app.domain.ledger.repayments import REPAYMENT_KIND_NAMES, RepaymentKind
from ops_app.domain.money import Money
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.services.ledger.payment_lists import (
    SORTS,
    ListedPayment,
    Payments,
    RepaymentFilter,
    last_days,
    list_repayments,
)
from ops_app.services.organisation.installation import installation

CHANNELS = ("bank_transfer", "auto_debit", "alipay", "wechat")
HOUSE_CURRENCY = "CNY"


def id_of(row: ListedPayment) -> str:
    """What the address calls a payment."""
    it = row.payment.content
    return f"{it.source_code}/{it.payment_id}"


def name_of(at: Here, row: ListedPayment) -> str:
    """One payment on one line, as a choice."""
    it = row.payment.content
    return f"{it.loan_id} · {at.labels.day(it.value_date)} · {at.labels.money(it.amount_minor, it.currency)}"


def show(at: Here) -> tuple[Sequence[ListedPayment], Sequence[ListedPayment]]:
    """Totals, filters, the list with its export; the rows shown and those selected."""
    above = st.container(horizontal=True)
    wanted, filters, sort, descending = _narrowed(at)
    last: list[Payments] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[ListedPayment], str | None]:
        page = list_repayments(
            at.actor, at.app.store, now=at.now, wanted=wanted, sort=sort, descending=descending, after=after,
            limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="repayments", title=at.t("page.repayments.title"), columns=columns(at), row_id=id_of, fetch=fetch
    )
    place = st.container(horizontal=True)
    try:
        rows, selected = tables.show_keyed(
            at, stream, filters, empty=at.t("repayments.none"), narrowed=any(filters[name] for name in _NARROWS)
        )
    except Invalid as error:
        st.error(error.sentence(at.actor.language))
        return (), ()
    if rows and last:
        with above:
            _totals(at, last[0])
        export_stream(at, stream, filters, place)
    return rows, selected


_NARROWS = ("source", "kind", "channel", "place", "text", "least", "most")


def _narrowed(at: Here) -> tuple[RepaymentFilter, dict[str, str], str, bool]:
    t, labels, language = at.t, at.labels, at.actor.language

    first = st.columns(4)
    with first[0]:
        since = url.day("repayments_since", t("repayments.since"))
    with first[1]:
        until = url.day("repayments_until", t("repayments.until"))
    with first[2]:
        place = url.choice(
            "repayments_place", t("repayments.place"), ["", *(one.value for one in Place)],
            lambda code: labels.named(PLACE_NAMES, code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with first[3]:
        text = url.text(
            "repayments_text", t("repayments.find"), placeholder=t("repayments.find_help"), language=language
        )
    second = st.columns(4)
    sources = sorted(installation().lenders)
    with second[0]:
        source = url.text("repayments_source", t("repayments.source"), placeholder=labels.listing(sources[:2]),
                          language=language)  # fmt: skip
    with second[1]:
        kind = url.choice(
            "repayments_kind", t("repayments.kind"), ["", *(one.value for one in RepaymentKind)],
            lambda code: labels.named(REPAYMENT_KIND_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with second[2]:
        channel = url.choice(
            "repayments_channel", t("repayments.channel"), ["", *CHANNELS],
            lambda code: labels.code("payment_channel", code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    posted = place not in ("", Place.PENDING.value)
    sorts = ("value_date",) if posted else sorts_for(at.actor, SORTS)
    options = [f"{name}{sign}" for name in sorts for sign in ("-", "+")]
    with second[3]:
        order = url.choice(
            "repayments_sort", t("lists.sort"), options,
            lambda code: f"{t(f'repayments.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=options[0], language=language,
        )  # fmt: skip
    least, most, currency = _amounts(at) if order.startswith("amount_minor") else ("", "", "")
    usual = last_days(at.today, 366 if text else 31)
    begin = since or (min(usual[0], until - timedelta(days=30)) if until else usual[0])
    wanted = RepaymentFilter(
        since=begin, until=until + timedelta(days=1) if until else max(usual[1], begin + timedelta(days=1)),
        source_code=source or None, kind=RepaymentKind(kind) if kind else None, channel=channel or None,
        currency=currency or None, place=Place(place) if place else None, least_minor=_minor(least, currency),
        most_minor=_minor(most, currency), text=text or None,
    )  # fmt: skip
    filters = {
        "since": _said(since), "until": _said(until), "source": source, "kind": kind, "channel": channel,
        "place": place, "text": text, "least": least, "most": most, "currency": currency, "sort": order,
    }  # fmt: skip
    return wanted, filters, order[:-1], order.endswith("-")


def _amounts(at: Here) -> tuple[str, str, str]:
    """The range of the amount and its currency, without which a range means nothing; what is no amount is said beside
    its field and narrows nothing."""
    fields = st.columns(4)
    with fields[2]:
        typed = url.text("repayments_currency", at.t("cases.currency"), placeholder=HOUSE_CURRENCY,
                         language=at.actor.language, max_chars=3).upper()  # fmt: skip
    currency = typed if len(typed) == 3 and typed.isascii() and typed.isalpha() else HOUSE_CURRENCY
    said = []
    for place, name in zip(fields[:2], ("least", "most"), strict=True):
        with place:
            amount = url.text(
                f"repayments_{name}", at.t(f"repayments.{name}"), language=at.actor.language, max_chars=20
            )
            if amount and _minor(amount, currency) is None:
                st.error(at.t("lists.no_number", typed=amount))
                amount = ""
            said.append(amount)
    return said[0], said[1], currency if typed or any(said) else ""


def _minor(typed: str, currency: str) -> int | None:
    """A typed amount in whole minor units of ``currency``; none where it is no amount of it."""
    if not typed:
        return None
    try:
        return Money.parse(unicodedata.normalize("NFKC", typed).replace(",", ""), currency).minor
    except DomainError:
        return None


def _said(day: date | None) -> str:
    return day.isoformat() if day else ""


def columns(at: Here) -> tuple[tables.Column[ListedPayment], ...]:
    """What a list shows of a payment."""
    t, labels = at.t, at.labels
    Column = tables.Column[ListedPayment]

    def part(name: str) -> tables.Column[ListedPayment]:
        def minor(row: ListedPayment) -> int | None:
            found: int | None = getattr(row.payment.content, f"{name}_minor")
            return found

        return Column(
            name, t(f"cases.{name}"), lambda row: labels.minor(minor(row), row.payment.content.currency),
            value=lambda row: labels.figure(minor(row), row.payment.content.currency), right=True,
        )  # fmt: skip

    return (
        Column("value_date", t("cases.value_date"), lambda row: labels.day(row.payment.content.value_date)),
        Column("loan", t("cases.loan"), lambda row: row.payment.content.loan_id),
        Column("kind", t("cases.kind"), lambda row: labels.code("payment_kind", row.payment.content.kind.value)),
        Column("amount", t("cases.amount"),
               lambda row: labels.minor(row.payment.content.amount_minor, row.payment.content.currency),
               value=lambda row: labels.figure(row.payment.content.amount_minor, row.payment.content.currency),
               right=True),
        Column("currency", t("cases.currency"), lambda row: row.payment.content.currency, width="small"),
        Column("place", t("repayments.place"), lambda row: posted(at, row)),
        *(part(name) for name in ("principal", "interest", "fees", "penalty")),
        Column("channel", t("cases.channel"),
               lambda row: labels.code("payment_channel", row.payment.content.channel)),
        Column("recorded", t("cases.recorded"), lambda row: labels.moment(row.payment.recorded_at)),
        Column("payment", t("cases.payment"), lambda row: row.payment.content.payment_id),
        Column("reverses", t("cases.reverses"), lambda row: row.payment.content.reverses_payment_id or "–"),
        Column("source", t("repayments.source"), lambda row: row.payment.content.source_code),
    )  # fmt: skip


def posted(at: Here, row: ListedPayment) -> str:
    """Where a payment was posted; to an agency's people, whether it counts."""
    if at.actor.agency_code is not None:
        return at.t("repayments.confirmed" if row.place in CONFIRMED else "repayments.unconfirmed")
    return at.labels.named(PLACE_NAMES, row.place)


def _totals(at: Here, page: Payments) -> None:
    for currency, count in page.counts.items():
        st.metric(at.t("repayments.count_of", currency=currency), at.labels.count(count), border=True, width="content")
        net = at.labels.money(page.sums_minor[currency], currency)
        st.metric(at.t("repayments.sum_of", currency=currency), net, border=True, width="content")
