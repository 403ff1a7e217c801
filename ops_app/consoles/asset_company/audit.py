"""The audit log: search by person, act, object and period; open a row to see before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.consoles.kit.page import heading
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.networks import readable
from ops_app.services.organisation.audit import AuditFilter, AuditRow, list_actions, search_audit


def filters(at: Here) -> tuple[AuditFilter, dict[str, str]]:
    t, zone = at.t, at.app.settings.zone
    one, two, three, four, five, six = st.columns([3, 3, 3, 2, 2, 2])
    with one:
        actions = ["", *list_actions(at.actor, at.app.store, now=at.now)]
        action = url.choice(
            "audit_action",
            t("audit.action"),
            actions,
            lambda code: at.labels.code("action", code) if code else t("lists.all"),
            default="",
            language=at.actor.language,
        )
    with two:
        actor_id = url.text("audit_actor", t("audit.actor_id"), language=at.actor.language)
    with three:
        object_id = url.text("audit_object", t("audit.object_id"), language=at.actor.language, max_chars=300)
    with four:
        address = url.text("audit_address", t("audit.address"), language=at.actor.language, max_chars=64)
    with five:
        since = url.day("audit_since", t("audit.since"), lambda typed: t("lists.no_day", typed=typed))
    with six:
        until = url.day("audit_until", t("audit.until"), lambda typed: t("lists.no_day", typed=typed))
    wanted = AuditFilter(
        actor_id=actor_id or None,
        action=action or None,
        object_id=object_id or None,
        address=readable(address) if address else None,
        since=datetime.combine(since, time(0), zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(0), zone) if until else None,
    )
    named = {"action": action, "actor": actor_id, "object": object_id, "address": address, "since": str(since or "")}
    return wanted, named | {"until": str(until or "")}


def stream(at: Here, wanted: AuditFilter) -> tables.Stream[AuditRow]:
    t, labels = at.t, at.labels

    def fetch(before: int | None, limit: int) -> tuple[Sequence[AuditRow], int | None]:
        page = search_audit(at.actor, at.app.store, now=at.now, wanted=wanted, before=before, limit=limit)
        return page.rows, page.next_before

    def who(row: AuditRow) -> str:
        agency = f" · {row.agency_code}" if row.agency_code else ""
        return f"{row.actor_name} ({labels.role(row.role_code)}{agency})"

    return tables.Stream(
        name="audit",
        title=t("page.audit.title"),
        columns=(
            tables.Column("seq", t("audit.seq"), lambda row: str(row.seq), right=True, width="small"),
            tables.Column("at", t("record.when"), lambda row: labels.moment(row.occurred_at)),
            tables.Column("who", t("record.who"), who),
            tables.Column("address", t("audit.address"), lambda row: row.address or "–"),
            tables.Column("what", t("record.what"), lambda row: labels.code("action", row.action)),
            tables.Column("object", t("audit.object"), lambda row: labels.code("object", row.object_type)),
            tables.Column("id", t("audit.object_id"), lambda row: row.object_id),
            tables.Column("why", t("record.why"), lambda row: row.reason or "–", width="large"),
        ),
        row_id=lambda row: str(row.seq),
        fetch=fetch,
    )


def one_row(at: Here, row: AuditRow) -> None:
    t = at.t
    st.subheader(t("audit.row", seq=row.seq), anchor=False)
    facts(
        {
            t("record.when"): at.labels.moment(row.occurred_at),
            t("record.who"): f"{row.actor_name} · {row.actor_id}",
            t("audit.address"): row.address or "–",
            t("record.what"): f"{at.labels.code('action', row.action)} ({row.action})",
            t("audit.object"): f"{at.labels.code('object', row.object_type)} · {row.object_id}",
            t("audit.before"): row.before_json or "–",
            t("audit.after"): row.after_json or "–",
            t("record.why"): row.reason or "–",
            t("audit.hash"): f"{row.prev_hash[:16]}… → {row.row_hash[:16]}…",
        }
    )


current = here()
heading(current, "audit")
audit_filter, named_filters = filters(current)
the_stream = stream(current, audit_filter)
export_stream(current, the_stream, named_filters, st.container())
rows, selected = tables.show_stream(current, the_stream, named_filters)
chosen = choose_among(
    current,
    "audit",
    rows,
    selected,
    row_id=the_stream.row_id,
    label=current.t("audit.open"),
    show=lambda row: current.t("audit.one", seq=row.seq, what=current.labels.code("action", row.action)),
)
for row in rows:
    if the_stream.row_id(row) == chosen:
        one_row(current, row)
