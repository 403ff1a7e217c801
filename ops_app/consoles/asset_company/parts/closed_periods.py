"""Closed periods: which days are final, and the parameters they were computed with."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from ops_app.consoles.asset_company.parts.parameter_text import days_text, pair, scope_text, value_text
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.forms import form
from ops_app.domain.organisation.parameter_timeline import Held
from ops_app.domain.organisation.parameters import Scope
from ops_app.services.organisation.closed_periods import (
    CLOSED_ALONE,
    ClosedPeriod,
    close_period,
    list_closed_periods,
    read_closed_period,
)
from ops_app.services.organisation.parameter_catalogue import catalogue


def show(at: Here) -> None:
    """The closed periods, one opened, and the form that closes one."""
    t = at.t
    periods = list_closed_periods(at.actor, at.app.store, now=at.now)
    if periods:
        Column = tables.Column[ClosedPeriod]
        tables.show_rows(
            (
                Column("area", t("parameters.area"), lambda one: t(f"parameters.areas.{one.area}")),
                Column("period", t("parameters.period"), lambda one: _days(at, one)),
                Column("closed", t("parameters.closed_at"), lambda one: at.labels.moment(one.closed_at)),
                Column("reason", t("parameters.reason"), lambda one: one.reason),
            ),
            periods,
            title=t("parameters.parts.periods"),
        )
    else:
        st.info(t("parameters.no_periods"))
    chosen = choose_among(
        at,
        "periods",
        periods,
        (),
        row_id=lambda one: one.period_id,
        label=t("parameters.open_period"),
        show=lambda one: f"{t(f'parameters.areas.{one.area}')} · {_days(at, one)}",
    )
    if chosen in {one.period_id for one in periods}:
        _kept(at, str(chosen))
    if at.may("periods.close"):
        _close(at)


def _days(at: Here, one: ClosedPeriod) -> str:
    return f"{at.labels.day(one.first_date)} – {at.labels.day(one.end_date - timedelta(days=1))}"


def _kept(at: Here, period_id: str) -> None:
    t = at.t
    kept = read_closed_period(at.actor, at.app.store, now=at.now, period_id=period_id).kept
    rows = [(code, one) for (code, _), held in sorted(kept.items()) for one in held]
    known = catalogue().definitions
    st.markdown(f"**{t('parameters.kept')}**")
    Column = tables.Column[tuple[str, Held]]
    tables.show_rows(
        (
            Column("name", t("parameters.name"), lambda row: pair(at, known[row[0]].name), width="large"),
            Column("scope", t("parameters.scope"), lambda row: scope_text(at, Scope.parse(row[1].scope))),
            Column("value", t("parameters.value"), lambda row: value_text(at, known[row[0]], row[1].value)),
            Column(
                "days",
                t("parameters.days"),
                lambda row: days_text(at, row[1].valid_from_date, row[1].valid_to_date),
            ),
            Column("version", t("parameters.version"), lambda row: _version(at, row[1])),
        ),
        rows,
        title=t("parameters.kept"),
    )


def _version(at: Here, held: Held) -> str:
    return at.labels.count(held.version_no) if held.version_no else at.t("parameters.default")


def _close(at: Here) -> None:
    t = at.t
    with st.expander(t("parameters.close")), form(at, "close_period") as f:
        area = f.choice(
            "area", t("parameters.area"), CLOSED_ALONE, lambda code: t(f"parameters.areas.{code}"), index=None
        )
        one, two = st.columns(2)
        with one:
            first = f.day("first_date", t("parameters.first_date"), None)
        with two:
            last = f.day("end_date", t("parameters.last_date"), None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("parameters.close"))
    f.require({"area": area, "first_date": first, "end_date": last})
    if first is None or last is None:
        return
    f.run(
        lambda _key: close_period(
            at.actor,
            at.app.store,
            now=at.now,
            zone=at.app.settings.zone,
            area=str(area),
            first_date=first,
            end_date=last + timedelta(days=1),
            reason=reason,
        ),
        done=t("parameters.closed"),
    )
