"""The list of a statement of account, and one entry with its lines."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.trial_table import known_until, name_of
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import CASH, COMPONENT_NAMES
from ops_app.domain.ledger.events import CAUSE_NAMES, EVENT_KIND_NAMES, EventKind
from ops_app.services.ledger.books import (
    PostedEntry,
    PostedLine,
    StatementFilter,
    StatementPage,
    StatementRow,
    account_statement,
    read_entry,
)
from ops_app.services.ledger.chart import chart


def show(at: Here) -> tuple[Sequence[StatementRow], Sequence[StatementRow]]:
    """Filters, opening and closing, the list with its export; the rows shown and those selected."""
    t, labels = at.t, at.labels
    wanted, filters = _filters(at)
    last: list[StatementPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[StatementRow], str | None]:
        page = account_statement(at.actor, at.app.store, now=at.now, wanted=wanted, after=after, limit=limit)
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="statement", title=t("page.account_statement.title"), columns=_columns(at),
        row_id=lambda row: f"{row.leg.entry_id}/{row.leg.line_no}/{row.leg.sign}", fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(at, stream, filters, empty=t("books.no_lines"))
    if last:
        page = last[0]
        place.caption(
            t(
                "books.sums", count=labels.count(page.total), opening=labels.money(page.opening_minor, wanted.currency),
                debits=labels.money(page.debit_minor, wanted.currency),
                credits=labels.money(page.credit_minor, wanted.currency),
                closing=labels.money(page.closing_minor, wanted.currency),
            )
        )  # fmt: skip
    if rows:
        export_stream(at, stream, filters, place)
    return rows, selected


def _filters(at: Here) -> tuple[StatementFilter, dict[str, str]]:
    t, language = at.t, at.actor.language
    one, two, three, four = st.columns(4)
    with one:
        account = url.choice("statement_account", t("books.account"), list(chart()),
                             lambda code: name_of(at, chart()[code]), default=CASH, language=language)  # fmt: skip
        case_id = url.text("statement_case", t("cases.number"), language=language)
    with two:
        currency = url.text("statement_currency", t("books.currency"), language=language, max_chars=3).upper() or "CNY"
        source = url.text("statement_source", t("books.source"), language=language)
    with three:
        first = url.day("statement_first", t("books.first"))
        last = url.day("statement_last", t("books.last"))
    with four:
        kind = url.choice("statement_kind", t("books.event"), ["", *(it.value for it in EventKind)],
                          lambda code: at.labels.named(EVENT_KIND_NAMES, code) if code else t("lists.all"), default="",
                          language=language)  # fmt: skip
        known = url.day("statement_known", t("books.known"))
    wanted = StatementFilter(
        account, currency, source or None, first, last, kind or None, case_id or None, known_until(at, known)
    )  # fmt: skip
    said = {"account": account, "currency": currency, "source": source, "kind": kind, "case": case_id}
    days = {"first": first, "last": last, "known": known}
    return wanted, said | {name: day.isoformat() if day else "" for name, day in days.items()}


def _columns(at: Here) -> tuple[tables.Column[StatementRow], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[StatementRow]

    def side(name: str, label: str, sign: int) -> tables.Column[StatementRow]:
        def amount(row: StatementRow) -> int | None:
            return row.leg.amount_minor if row.leg.sign == sign else None

        return Column(name, label, lambda row: labels.minor(amount(row), row.leg.currency),
                      value=lambda row: labels.figure(amount(row), row.leg.currency), right=True)  # fmt: skip

    def other(row: StatementRow) -> str:
        known = chart().get(row.leg.other)
        return name_of(at, known) if known else row.leg.other

    return (
        Column("accounting_date", t("books.accounting_date"), lambda row: labels.day(row.leg.accounting_date)),
        Column("value_date", t("books.value_date"), lambda row: labels.day(row.leg.value_date)),
        Column("entry", t("books.entry"), lambda row: str(row.leg.entry_no), width="small"),
        side("debit", t("books.debit"), 1),
        side("credit", t("books.credit"), -1),
        Column("balance", t("books.balance"), lambda row: labels.minor(row.balance_minor, row.leg.currency),
               value=lambda row: labels.figure(row.balance_minor, row.leg.currency), right=True),
        Column("event", t("books.event"), lambda row: labels.named(EVENT_KIND_NAMES, row.leg.kind)),
        Column("storno", t("books.storno"), lambda row: storno(at, row.leg.reverses_entry_id)),
        Column("other", t("books.against"), other),
        Column("component", t("books.component"), lambda row: labels.named(COMPONENT_NAMES, row.leg.component)
               if row.leg.component else "–"),
        Column("case", t("cases.number"), lambda row: row.leg.case_id or "–"),
        Column("source", t("books.source"), lambda row: row.leg.source_code, width="small"),
        Column("cause", t("books.cause"), lambda row: labels.named(CAUSE_NAMES, row.leg.cause)),
        Column("cause_id", t("books.cause_id"), lambda row: row.leg.cause_id),
        Column("posted", t("books.posted_at"), lambda row: labels.moment(row.leg.posted_at)),
    )  # fmt: skip


def storno(at: Here, reverses: str | None) -> str:
    """Whether an entry takes another back."""
    return at.t("books.is_storno") if reverses else "–"


def entry(at: Here, entry_id: str) -> None:
    """One entry with its lines."""
    t, labels = at.t, at.labels
    try:
        one = read_entry(at.actor, at.app.store, now=at.now, entry_id=entry_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(t("books.entry_no", number=one.entry_no), anchor=False)
    facts(
        {
            t("books.accounting_date"): labels.day(one.accounting_date),
            t("books.value_date"): labels.day(one.value_date),
            t("books.posted_at"): labels.moment(one.posted_at),
            t("books.storno"): storno(at, one.reverses_entry_id),
            t("books.total"): labels.money(one.total_minor, one.currency),
        }
    )
    entry_lines(at, one)


def entry_lines(at: Here, one: PostedEntry) -> None:
    """The lines of an entry: debit and credit account of each transfer."""
    t, labels = at.t, at.labels

    def account(code: str) -> str:
        return name_of(at, chart()[code]) if code in chart() else code

    Column = tables.Column[PostedLine]
    tables.show_rows(
        (
            Column("debit", t("books.debit"), lambda line: account(line.debit_account)),
            Column("credit", t("books.credit"), lambda line: account(line.credit_account)),
            Column("component", t("books.component"), lambda line: labels.named(COMPONENT_NAMES, line.component)
                   if line.component else "–"),
            Column("amount", t("cases.amount"), lambda line: labels.money(line.amount_minor, one.currency), right=True),
        ),
        one.lines,
        title=t("books.lines"),
    )  # fmt: skip
