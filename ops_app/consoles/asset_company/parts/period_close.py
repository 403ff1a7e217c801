"""The open accounting period: what must hold before it is closed, what was set aside, the forms that ask for both."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.ledger.periods import CLOSE_CHECK_NAMES, NEVER_OVERRIDDEN, PERIOD_STATE_NAMES, CloseCheck, Span
from ops_app.services.ledger.closing import (
    AccountingPeriod,
    Override,
    ask_close,
    ask_override,
    list_periods,
    read_open_period,
)


def days(at: Here, span: Span) -> str:
    """The first and the last day of a period."""
    return f"{at.labels.day(span.first_date)} – {at.labels.day(span.last_date)}"


def show(at: Here) -> None:
    """The open period, then those that are closed."""
    t, labels = at.t, at.labels
    one = read_open_period(at.actor, at.app.store, now=at.now)
    if one is None:
        st.info(t("periods.none"))
    else:
        _open(at, one)
    st.subheader(t("periods.closed"), anchor=False)
    done = list_periods(at.actor, at.app.store, now=at.now)
    if not done:
        st.caption(t("periods.none_closed"))
        return
    Column = tables.Column[AccountingPeriod]
    tables.show_rows(
        (
            Column("days", t("periods.days"), lambda it: days(at, it.span)),
            Column("by", t("periods.closed_by"), lambda it: it.closed_by or "–"),
            Column("at", t("periods.closed_at"), lambda it: labels.moment(it.closed_at)),
            Column("why", t("periods.how"), lambda it: it.reason or "–"),
        ),
        done,
        title=t("periods.closed"),
    )


def _open(at: Here, one: AccountingPeriod) -> None:
    t, labels = at.t, at.labels
    st.subheader(t("periods.open", days=days(at, one.span)), anchor=False)
    facts({t("periods.state"): labels.named(PERIOD_STATE_NAMES, one.state)})

    def stands(check: CloseCheck) -> str:
        return t("periods.holds" if check.holds else "periods.set_aside" if check.is_overridden else "periods.fails")

    Column = tables.Column[CloseCheck]
    tables.show_rows(
        (
            Column("check", t("periods.check"), lambda it: labels.named(CLOSE_CHECK_NAMES, it.name), width="large"),
            Column("stands", t("periods.result"), stands),
            Column("found", t("periods.found"), lambda it: it.found[at.actor.language == "zh"] or "–", width="large"),
        ),
        one.checks,
        title=t("periods.checks"),
    )
    if one.overrides:
        _overrides(at, one.overrides)
    if not at.may("periods.close"):
        st.caption(names.who_may(at, "periods.close"))
        return
    _close(at, one)
    _set_aside(at, one)


def _overrides(at: Here, found: tuple[Override, ...]) -> None:
    t, labels = at.t, at.labels
    Column = tables.Column[Override]
    tables.show_rows(
        (
            Column("check", t("periods.check"), lambda it: labels.named(CLOSE_CHECK_NAMES, it.check_name)),
            Column("why", t("forms.reason"), lambda it: it.reason),
            Column("at", t("periods.approved_at"), lambda it: labels.moment(it.approved_at)),
            Column("until", t("periods.until"), lambda it: labels.moment(it.until_at)),
        ),
        found,
        title=t("periods.overrides"),
    )


def _close(at: Here, one: AccountingPeriod) -> None:
    t, first = at.t, one.span.first_date
    with form(at, f"close_ledger_{first}") as f:
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("periods.ask_close"))
    f.run(
        lambda key: ask_close(at.actor, at.app.store, now=at.now, first_date=first, reason=reason, key=key),
        done=t("periods.asked"),
    )


def _set_aside(at: Here, one: AccountingPeriod) -> None:
    t, first = at.t, one.span.first_date
    failing = [it.name for it in one.checks if not it.passed and it.name not in NEVER_OVERRIDDEN]
    if not failing:
        return
    with st.expander(t("periods.set_check_aside")), form(at, f"override_{first}") as f:
        chosen = f.choice("check_name", t("periods.check"), failing,
                          lambda code: at.labels.named(CLOSE_CHECK_NAMES, code), index=None)  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("periods.ask_override"), primary=False)
    f.require({"check_name": chosen})
    f.run(
        lambda key: ask_override(
            at.actor, at.app.store, now=at.now, first_date=first, check_name=str(chosen), reason=reason, key=key
        ),
        done=t("periods.override_asked"),
    )
