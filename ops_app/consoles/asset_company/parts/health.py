"""Feeds by sender, checks behind each decision, and what was announced."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.readiness import CHECK_NAMES, DECISION_NAMES, CheckState
from ops_app.gateways.snapshots import current_snapshot, read
from ops_app.services.organisation import notifications
from ops_app.services.organisation.readiness import list_readiness

_FEEDS = """
    select * from rpt_data_health
    where business_date = (select max(business_date) from rpt_data_health)
    order by is_missing desc, coalesce(days_late, 0) desc, source_code, feed
"""


def feeds(at: Here) -> None:
    """Per feed and sender on the last published day: files, rows, refused share, late or missing."""
    t, labels = at.t, at.labels
    snapshot = current_snapshot(at.app.settings.published, at.actor.audience)
    rows = read(snapshot, _FEEDS) if snapshot else []
    if not rows:
        st.info(t("operations.no_feeds"))
        return
    st.caption(t("header.as_of", day=labels.day(rows[0]["business_date"])))

    def state(row: dict[str, Any]) -> str:
        if row["is_missing"]:
            return t("operations.missing")
        late = row["days_late"] or 0
        return t("operations.late", days=labels.days(late)) if late > 0 else t("operations.on_time")

    columns = (
        tables.Column[dict[str, Any]]("source", t("operations.source"), lambda row: row["source_code"]),
        tables.Column[dict[str, Any]]("feed", t("operations.feed"), lambda row: labels.code("feed", row["feed"])),
        tables.Column[dict[str, Any]]("state", t("operations.arrival"), state),
        tables.Column[dict[str, Any]]("last", t("operations.last_file"), lambda row: labels.day(row["last_file_date"])),
        *(_counted(at, name) for name in ("files", "rows_in", "rows_accepted", "rows_quarantined")),
        *(_counted(at, name) for name in ("open_quarantine", "open_breaks")),
        tables.Column[dict[str, Any]](
            "share", t("operations.refused_share"), lambda row: labels.share(row["refused_share"]), right=True
        ),
    )
    tables.show_rows(columns, rows, title=t("operations.tabs.feeds"))


def _counted(at: Here, name: str) -> tables.Column[dict[str, Any]]:
    return tables.Column(name, at.t(f"operations.{name}"), lambda row: at.labels.count(row[name]), right=True)


def checks(at: Here) -> None:
    """What each decision needs, and which of it is not green."""
    for verdict, needed in list_readiness(at.actor, at.app.store, now=at.now):
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{at.labels.named(DECISION_NAMES, verdict.decision).capitalize()}**")
                if verdict.ready:
                    st.badge(at.t("operations.ready"), color="green")
                else:
                    st.badge(at.t("operations.not_ready"), color="orange")
            facts({at.labels.named(CHECK_NAMES, check.name): _state(at, check) for check in needed})


def _state(at: Here, check: Any) -> str:
    text = at.labels.code("check_state", check.state.value)
    if check.business_date:
        text += f" · {at.labels.day(check.business_date)}"
    if check.state is not CheckState.GREEN and check.reason:
        text += f" · {at.labels.finding(check.reason)}"
    return text


def announced(at: Here) -> None:
    """What was announced by mail or webhook, and whether it was delivered."""
    t, labels = at.t, at.labels
    rows = notifications.list_notifications(at.actor, at.app.store, limit=100)
    if not rows:
        st.info(t("operations.none_announced"))
        return
    chinese = at.actor.language == "zh"
    columns = (
        tables.Column[Any]("at", t("record.when"), lambda row: labels.moment(row.created_at)),
        tables.Column[Any]("text", t("operations.announcement"), lambda row: row.text_zh if chinese else row.text_en),
        tables.Column[Any](
            "sent",
            t("operations.delivered"),
            lambda row: labels.moment(row.sent_at) if row.sent_at else t("operations.not_delivered"),
        ),
    )
    tables.show_rows(columns, rows, title=t("operations.tabs.announced"))
