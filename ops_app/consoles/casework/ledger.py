"""The ledger of a case on its record, and the calculator: what is owed on a day, what a payment would pay."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts.statement_list import entry_lines, storno
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.events import CAUSE_NAMES, EVENT_KIND_NAMES
from ops_app.domain.money import Money
from ops_app.services.casework.cases import CaseRecord
from ops_app.services.ledger.case_ledger import BalanceCheck, CaseLedger, LedgerStep, PostedEntry, read_case_ledger
from ops_app.services.ledger.posting import Owed, Posting, preview_posting, what_is_owed
from ops_app.services.organisation.parameter_catalogue import catalogue


def section(at: Here, record: CaseRecord) -> None:
    """Events in the order in which they count, one of them with its entries, and the check against the feed."""
    t = at.t
    made = read_case_ledger(at.actor, at.app.store, now=at.now, case_id=record.case.case_id)
    if not made.is_taken_over:
        st.caption(t("case_ledger.not_taken_over"))
        return
    _steps(at, made)
    _anew(at, made)
    _checks(at, made)


def _steps(at: Here, made: CaseLedger) -> None:
    t, labels = at.t, at.labels
    Column = tables.Column[LedgerStep]

    def owed(component: Component) -> tables.Column[LedgerStep]:
        def after(one: LedgerStep) -> int | None:
            return None if one.owed_minor is None else one.owed_minor[component.value]

        return Column(component.value, labels.named(COMPONENT_NAMES, component),
                      lambda one: labels.minor(after(one), made.currency), right=True)  # fmt: skip

    def state(one: LedgerStep) -> str:
        if not one.is_counted:
            return t("case_ledger.not_counted")
        return t("case_ledger.anew") if one.was_posted_anew else "–"

    tables.show_rows(
        (
            Column("value_date", t("books.value_date"), lambda one: labels.day(one.event.value_date)),
            Column("kind", t("books.event"), lambda one: labels.named(EVENT_KIND_NAMES, one.event.kind)),
            Column("amount", t("cases.amount"),
                   lambda one: labels.minor(one.event.amount_minor or None, made.currency), right=True),
            *(owed(component) for component in Component),
            Column("held", t("case_ledger.held"), lambda one: labels.minor(one.held_minor, made.currency), right=True),
            Column("state", t("case_ledger.changed"), state),
            Column("cause", t("books.cause"), lambda one: labels.named(CAUSE_NAMES, one.event.cause)),
            Column("cause_id", t("books.cause_id"), lambda one: one.event.cause_id),
            Column("recorded", t("cases.recorded"), lambda one: labels.moment(one.recorded_at)),
            Column("who", t("record.who"), lambda one: one.recorded_by_name),
            Column("why", t("record.why"), lambda one: one.reason or "–"),
        ),
        made.steps,
        title=t("cases.tabs.ledger"),
    )  # fmt: skip
    st.caption(t("case_ledger.lead", currency=made.currency))


def _anew(at: Here, made: CaseLedger) -> None:
    """One event with its entries: what was reversed, what was posted anew, and because of which event."""
    t, labels = at.t, at.labels
    by_id = {one.event.event_id: one for one in made.steps}

    def named(event_id: str) -> str:
        one = by_id[event_id].event
        return f"{labels.day(one.value_date)} · {labels.named(EVENT_KIND_NAMES, one.kind)} · {one.cause_id}"

    chosen = url.choice("ledger_event", t("case_ledger.open"), ["", *by_id],
                        lambda code: named(code) if code else "–", default="", language=at.actor.language)  # fmt: skip
    if not chosen:
        return
    Column = tables.Column[PostedEntry]
    tables.show_rows(
        (
            Column("entry", t("books.entry"), lambda it: str(it.entry_no), width="small"),
            Column("storno", t("books.storno"), lambda it: storno(at, it.reverses_entry_id)),
            Column("because", t("case_ledger.because"),
                   lambda it: named(it.because_event_id) if it.because_event_id in by_id else "–", width="large"),
            Column("accounting", t("books.accounting_date"), lambda it: labels.day(it.accounting_date)),
            Column("posted", t("books.posted_at"), lambda it: labels.moment(it.posted_at)),
            Column("total", t("books.total"), lambda it: labels.money(it.total_minor, it.currency), right=True),
        ),
        by_id[chosen].entries,
        title=t("case_ledger.entries"),
    )  # fmt: skip
    for it in by_id[chosen].entries:
        st.caption(t("books.entry_no", number=it.entry_no))
        entry_lines(at, it)


def _checks(at: Here, made: CaseLedger) -> None:
    t, labels = at.t, at.labels
    if not made.checks:
        return
    Column = tables.Column[BalanceCheck]
    title = t("case_ledger.check", day=labels.day(made.checks[0].as_of_date))
    st.markdown(f"**{title}**")
    tables.show_rows(
        (
            Column("component", t("books.component"), lambda it: labels.named(COMPONENT_NAMES, it.component)),
            Column("ledger", t("differences.by_ledger"), lambda it: labels.money(it.ledger_minor, made.currency),
                   right=True),
            Column("feed", t("differences.by_feed"), lambda it: labels.money(it.feed_minor, made.currency), right=True),
            Column("difference", t("books.difference"), lambda it: labels.money(it.difference_minor, made.currency),
                   right=True),
        ),
        made.checks,
        title=title,
    )  # fmt: skip


def calculator(at: Here, record: CaseRecord) -> None:
    """What is owed on a day, and how a payment of an amount would be posted; records nothing."""
    t, one = at.t, record.case
    if not at.may("fields.amounts") or one.closed_date is not None:
        return
    with st.expander(t("calculator.title")):
        with form(at, f"calculator_{one.case_id}") as f:
            day = f.day("on_date", t("calculator.day"), at.today)
            amount = f.text("amount_minor", t("calculator.amount", currency=one.currency), max_chars=20)
            answer = f.look(t("calculator.look"), lambda: _answer(at, record, day, amount))
        found = answer()
        if found is not None:
            _say(at, *found)


def _answer(at: Here, record: CaseRecord, day: object, amount: str) -> tuple[Owed, Posting | None]:
    one = record.case
    given = {"now": at.now, "case_id": one.case_id, "on_date": day}
    owed = what_is_owed(at.actor, at.app.store, **given)  # type: ignore[arg-type]
    if not amount.strip():
        return owed, None
    try:
        minor = Money.parse(amount.replace(",", ""), one.currency).minor
    except DomainError as error:
        raise Invalid(error.en, error.zh, field="amount_minor") from error
    return owed, preview_posting(at.actor, at.app.store, amount_minor=minor, **given)  # type: ignore[arg-type]


def _say(at: Here, owed: Owed, posting: Posting | None) -> None:
    t, labels = at.t, at.labels
    parts = {labels.named(COMPONENT_NAMES, code): labels.money(amount, owed.currency)
             for code, amount in owed.owed_minor.items()}  # fmt: skip
    st.markdown(f"**{t('calculator.owed', day=labels.day(owed.on_date))}**")
    facts(parts | {t("books.total"): labels.money(owed.total_minor, owed.currency)})
    said = "calculator.accrued" if owed.is_accrued else "calculator.as_of_feed"
    st.caption(t(said, day=labels.day(owed.as_of_date)))
    if posting is None:
        return
    orders = catalogue().definitions["ledger.posting_order"].code_names
    st.markdown(f"**{t('calculator.posting', amount=labels.money(posting.amount_minor, posting.currency))}**")
    facts(
        {labels.named(COMPONENT_NAMES, code): labels.money(amount, posting.currency)
         for code, amount in posting.parts.items()}
        | {t("calculator.rest"): labels.money(posting.rest_minor, posting.currency),
           t("calculator.order"): labels.named(orders, posting.order)}
    )  # fmt: skip
