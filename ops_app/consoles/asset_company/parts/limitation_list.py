"""The queue of cases whose limitation expires."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.parameter_text import names_of, pair
from ops_app.consoles.casework.columns import flags_of
from ops_app.consoles.casework.limitation import left
from ops_app.consoles.casework.lists import total
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_stream
from ops_app.domain.casework.cases import CASE_STATE_NAMES
from ops_app.services.casework.cases import Case
from ops_app.services.casework.limitation import ExpiringPage, StoredClock, list_expiring
from ops_app.services.organisation.parameter_catalogue import catalogue

Row = tuple[StoredClock, Case]
WHICH = ("any", "running", "expired")
ORDERS = ("expires_date+", "expires_date-")
WITHIN = ("", "30", "90", "180", "365", "1095")


def show(at: Here) -> tuple[Sequence[Row], Sequence[Row]]:
    """Filters, the list with its export, the rows shown and those selected."""
    t, labels, language = at.t, at.labels, at.actor.language
    packs = names_of("pack")
    one, two, three, four = st.columns(4)
    with one:
        days = url.choice(
            "limitation_within", t("limitation.within"), WITHIN,
            lambda code: labels.days(int(code)) if code else t("limitation.by_rule"), default="", language=language,
        )  # fmt: skip
    with two:
        pack = url.choice(
            "limitation_pack", t("limitation.pack"), ["", *packs],
            lambda code: pair(at, packs[code]) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with three:
        which = url.choice(
            "limitation_which", t("limitation.which_cases"), WHICH, lambda code: t(f"limitation.cases_of.{code}"),
            default=WHICH[0], language=language,
        )  # fmt: skip
    with four:
        order = url.choice(
            "limitation_sort", t("lists.sort"), ORDERS,
            lambda code: f"{t('limitation.expires')} {'↓' if code.endswith('-') else '↑'}", default=ORDERS[0],
            language=language,
        )  # fmt: skip
    last: list[ExpiringPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Row], str | None]:
        page = list_expiring(
            at.actor, at.app.store, now=at.now, within_days=int(days) if days else None, pack=pack or None,
            expired={"expired": True, "running": False}.get(which), descending=order.endswith("-"), after=after,
            limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="limitation", title=t("page.limitation.title"), columns=_columns(at), row_id=lambda row: row[0].case_id,
        fetch=fetch,
    )  # fmt: skip
    filters = {"within_days": days, "pack": pack, "which": which, "sort": order}
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(
        at, stream, filters, empty=t("limitation.none"), narrowed=bool(pack) or which != WHICH[0]
    )
    if rows:
        place.caption(total(at, last[0].total))
        export_stream(at, stream, filters, place)
    return rows, selected


def _columns(at: Here) -> tuple[tables.Column[Row], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Row]
    return (
        Column("expires", t("limitation.expires"), lambda row: labels.day(row[0].expires_date)),
        Column("left", t("limitation.days_left"), lambda row: left(at, row[0]),
               value=lambda row: (row[0].expires_date - at.today).days),
        Column("loan", t("cases.loan"), lambda row: row[1].loan_id),
        Column("debtor", t("cases.debtor"), lambda row: row[1].name_masked or "–"),
        Column("balance", t("cases.balance"), lambda row: labels.minor(row[1].balance_minor, row[1].currency),
               value=lambda row: labels.figure(row[1].balance_minor, row[1].currency), right=True),
        Column("currency", t("cases.currency"), lambda row: row[1].currency, width="small"),
        Column("due", t("limitation.due"), lambda row: labels.day(row[0].due_date)),
        Column("started", t("limitation.started"), lambda row: labels.day(row[0].started_date)),
        Column("pack", t("limitation.pack"), lambda row: labels.named(catalogue().packs, row[0].pack)),
        Column("state", t("cases.state"), lambda row: labels.named(CASE_STATE_NAMES, row[1].state)),
        Column("agency", t("cases.agency"), lambda row: row[1].agency_code or "–"),
        Column("flags", t("cases.flags"), lambda row: flags_of(at, row[1])),
    )  # fmt: skip
