"""The trial balance by source and currency, its totals, and the way into the statement of an account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Sheet
from ops_app.consoles.pages import PAGES
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import ACCOUNT_KIND_NAMES, Account, AccountKind
from ops_app.services.ledger.books import TrialBalance, TrialRow, TrialTotal, trial_balance

STATEMENT = next(spec.path for spec in PAGES if spec.key == "account_statement")


@dataclass(frozen=True)
class Line:
    """A row of the table: an account, or (``account`` none) what those of its group add up to."""

    account: Account | None
    source_code: str
    currency: str
    is_memo: bool
    figures: TrialRow | TrialTotal

    @property
    def sub_minor(self) -> int | None:
        return getattr(self.figures, "sub_minor", None)

    @property
    def difference_minor(self) -> int | None:
        return getattr(self.figures, "difference_minor", None)


def known_until(at: Here, day: date | None) -> datetime | None:
    """The end of a day in the installation's zone: what was known by then."""
    return None if day is None else datetime.combine(day, time.max, tzinfo=at.app.settings.zone)


def name_of(at: Here, account: Account) -> str:
    """An account by number and name, in the person's language."""
    return f"{account.number} {account.name_zh if at.actor.language == 'zh' else account.name_en}"


def show(at: Here) -> None:
    """Days, the table of each source and currency, and one account to go on with."""
    t, language = at.t, at.actor.language
    one, two, three = st.columns(3)
    with one:
        first = url.day("trial_first", t("books.first"))
    with two:
        last = url.day("trial_last", t("books.as_of"))
    with three:
        known = url.day("trial_known", t("books.known"))
    try:
        made = trial_balance(
            at.actor, at.app.store, now=at.now, as_of_date=last, first_date=first, known_at=known_until(at, known)
        )
    except DomainError as error:
        st.error(error.sentence(language))
        return
    place = st.container(horizontal=True)
    days = {"first": at.labels.day(made.first_date), "last": at.labels.day(made.as_of_date)}
    place.caption(t("books.days", **days))
    lines = list(_lines(made))
    if not lines:
        st.info(t("books.none"))
        return
    columns = _columns(at)
    filters = {"first": made.first_date.isoformat(), "last": made.as_of_date.isoformat()}
    filters |= {"known": known.isoformat()} if known else {}
    sheet = Sheet("trial_balance", t("page.trial_balance.title"), columns, filters, lambda limit: iter(lines[:limit]))
    export_sheet(at, sheet, place, len(lines))
    for total in made.totals_by:
        _table(at, made, total, [one for one in lines if _group(one) == _group(total)], columns)
    st.caption(t("books.sub_of_positions" if made.is_of_positions else "books.sub_of_lines"))
    _go_on(at, made)


def _group(one: Line | TrialTotal) -> tuple[str, str, bool]:
    return one.source_code, one.currency, one.is_memo


def _lines(made: TrialBalance) -> Iterator[Line]:
    for total in made.totals_by:
        for row in made.rows:
            is_memo = row.account.kind is AccountKind.MEMO
            if (row.source_code, row.currency, is_memo) == _group(total):
                yield Line(row.account, row.source_code, row.currency, is_memo, row)
        yield Line(None, total.source_code, total.currency, total.is_memo, total)


def _table(
    at: Here, made: TrialBalance, total: TrialTotal, lines: Sequence[Line], columns: Sequence[tables.Column[Line]]
) -> None:
    t = at.t
    said = "books.memo_of" if total.is_memo else "books.accounts_of"
    title = t(said, source=total.source_code, currency=total.currency)
    st.subheader(title, anchor=False)
    tables.show_rows(columns, lines, title=title)
    if total.balances:
        st.caption(t("books.balances", amount=at.labels.money(total.debit_minor, total.currency)))
    else:
        st.error(t("books.does_not_balance"))
    if any(one.difference_minor for one in lines):
        st.error(t("books.sub_differs"))


def _columns(at: Here) -> tuple[tables.Column[Line], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Line]

    def money(name: str, label: str, of: str) -> tables.Column[Line]:
        def amount(one: Line) -> int | None:
            found: int | None = getattr(one, of) if hasattr(one, of) else getattr(one.figures, of)
            return found

        return Column(name, label, lambda one: labels.minor(amount(one), one.currency),
                      value=lambda one: labels.figure(amount(one), one.currency), right=True)  # fmt: skip

    def name(one: Line) -> str:
        if one.account is None:
            return t("books.total")
        return one.account.name_zh if at.actor.language == "zh" else one.account.name_en

    return (
        Column("source", t("books.source"), lambda one: one.source_code, width="small"),
        Column("currency", t("books.currency"), lambda one: one.currency, width="small"),
        Column("number", t("books.number"), lambda one: one.account.number if one.account else "", width="small"),
        Column("account", t("books.account"), name, width="medium"),
        Column("kind", t("books.kind"),
               lambda one: labels.named(ACCOUNT_KIND_NAMES, one.account.kind) if one.account else ""),
        money("opening", t("books.opening"), "opening_minor"),
        money("debits", t("books.debits"), "debit_minor"),
        money("credits", t("books.credits"), "credit_minor"),
        money("closing", t("books.closing"), "closing_minor"),
        money("sub", t("books.sub"), "sub_minor"),
        money("difference", t("books.difference"), "difference_minor"),
    )  # fmt: skip


def _go_on(at: Here, made: TrialBalance) -> None:
    t = at.t

    def identity(row: TrialRow) -> str:
        return f"{row.account.code}/{row.currency}/{row.source_code}"

    chosen = choose_among(
        at, "trial_account", made.rows, (), row_id=identity, label=t("books.open_account"),
        show=lambda row: f"{name_of(at, row.account)} · {row.source_code} · {row.currency}",
    )  # fmt: skip
    found = next((row for row in made.rows if identity(row) == chosen), None)
    if found is not None:
        asked = {
            "statement_account": found.account.code, "statement_currency": found.currency,
            "statement_source": found.source_code, "statement_first": made.first_date.isoformat(),
            "statement_last": made.as_of_date.isoformat(),
        }  # fmt: skip
        st.page_link(STATEMENT, label=t("books.to_statement"), query_params=asked)
