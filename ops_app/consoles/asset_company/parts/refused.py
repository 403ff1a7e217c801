"""Refused rows: why each was refused, and correcting or discarding it; the next run applies it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts import refused_rows
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.gateways import operations_file
from ops_app.gateways.operations_file import RefusedRow
from ops_app.services.organisation import quarantine

STATES = ("open", "replayed", "discarded", "all")
_STORED = {"": "open", "all": ""}
"""The chosen state → the one looked for; open ones unless another is chosen."""


def show(at: Here) -> None:
    """The refused rows, and one of them to correct."""
    t = at.t
    listing = _listing(at)
    shown = tables.show_list(at, listing, _filters(at))
    export_list(at, listing, shown)
    identity = choose(
        at,
        listing,
        shown,
        label=t("operations.open_row"),
        show=lambda row: t("operations.row_name", file=row.file_name, line=row.line_no),
    )
    for row in shown.rows:
        if listing.row_id(row) == identity:
            _one(at, row)
    _made(at)


def _filters(at: Here) -> dict[str, str]:
    t, language, published = at.t, at.actor.language, at.app.settings.published
    names = operations_file.Names(published, language)
    everything = t("lists.all")
    one, two, three = st.columns(3)
    with one:
        feed = url.choice(
            "refused_feed",
            t("operations.feed"),
            ["", *operations_file.known_values(at.actor, published, "quarantine", "feed")],
            lambda code: at.labels.code("feed", code) if code else everything,
            default="",
            language=language,
        )
    with two:
        rule = url.choice(
            "refused_rule",
            t("operations.rule"),
            ["", *operations_file.known_values(at.actor, published, "quarantine", "rule")],
            lambda code: names.rule_of_any_feed(code) if code else everything,
            default="",
            language=language,
        )
    with three:
        state = url.choice(
            "refused_state",
            t("operations.state"),
            STATES,
            lambda code: everything if code == "all" else at.labels.code("row_state", code),
            default="open",
            language=language,
        )
    return {"feed": feed, "rule": rule, "state": "" if state == "open" else state}


def _listing(at: Here) -> tables.Listing[RefusedRow]:
    t, labels = at.t, at.labels
    names = operations_file.Names(at.app.settings.published, at.actor.language)

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[RefusedRow], int]:
        return operations_file.refused_rows(
            at.actor,
            at.app.settings.published,
            feed=wanted.filters["feed"],
            rule=wanted.filters["rule"],
            state=_STORED.get(wanted.filters["state"], wanted.filters["state"]),
            sort=wanted.sort,
            descending=wanted.descending,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    return tables.Listing(
        name="refused",
        title=t("operations.tabs.refused"),
        columns=(
            tables.Column("date", t("operations.file_date"), lambda row: labels.day(row.file_date)),
            tables.Column("file", t("operations.file_name"), lambda row: row.file_name),
            refused_rows.line_column(at),
            tables.Column("feed", t("operations.feed"), lambda row: labels.code("feed", row.feed)),
            *refused_rows.what_columns(
                at,
                column=lambda row: names.column(row.feed, row.column_name),
                state=lambda row: labels.code("row_state", row.state),
            ),
        ),
        row_id=lambda row: f"{row.file_id}.{row.line_no}",
        fetch=fetch,
        sorts={name: t(f"operations.{name}") for name in operations_file.ROW_SORTS},
        default_sort="file_date",
        selectable=True,
        empty=t("operations.no_refused"),
    )


def _one(at: Here, row: RefusedRow) -> None:
    t = at.t
    st.subheader(t("operations.row_name", file=row.file_name, line=row.line_no), anchor=False)
    st.warning(refused_rows.why(at, row))
    names = operations_file.Names(at.app.settings.published, at.actor.language)
    if not at.may("quarantine.correct"):
        st.caption(t("operations.masked"))
        return
    _waiting(at, row)
    if row.state != "open":
        facts({names.column(row.feed, name): value or "–" for name, value in row.standard.items()})
        return
    decision = refused_rows.decision(at, f"decision_{row.file_id}_{row.line_no}")
    corrected: dict[str, str | None] = {}
    with form(at, f"correct_{row.file_id}_{row.line_no}_{decision}") as f:
        if decision == "replay":
            called = {name: names.column(row.feed, name) for name in row.standard}
            corrected = refused_rows.fields(f, called, row.standard, row.standard)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(at.labels.code("correction", decision))
    f.run(
        lambda key: quarantine.correct_row(
            at.actor,
            at.app.store,
            now=at.now,
            file_id=row.file_id,
            line_no=row.line_no,
            feed=row.feed,
            source_code=row.source_code,
            decision=decision,
            corrected=corrected,
            reason=reason,
            key=key,
        ),
        done=t("operations.kept"),
    )


def _waiting(at: Here, row: RefusedRow) -> None:
    """Whether a correction of this very row waits for the next run already: a second one takes its place."""
    for one in quarantine.waiting_corrections(
        at.actor, at.app.store, file_id=row.file_id, feed=row.feed, line_no=row.line_no
    ):
        decision = at.labels.code("correction", one.decision)
        st.info(at.t("refused.waits", decision=decision, moment=at.labels.moment(one.made_at), reason=one.reason))


def _made(at: Here) -> None:
    """The latest corrections and what became of them."""
    t, labels = at.t, at.labels
    made = quarantine.list_corrections(at.actor, at.app.store, limit=50)
    if not made:
        return
    st.subheader(t("operations.corrections"), anchor=False)
    Column = tables.Column[quarantine.Correction]
    columns = (
        Column("at", t("record.when"), lambda one: labels.moment(one.made_at)),
        Column("decision", t("refused.decision"), lambda one: labels.code("correction", one.decision)),
        Column("feed", t("operations.feed"), lambda one: labels.code("feed", one.feed)),
        Column("line", t("operations.line_no"), lambda one: labels.count(one.line_no), right=True),
        Column("why", t("record.why"), lambda one: one.reason),
        Column("outcome", t("operations.outcome"), lambda one: _outcome(at, one)),
    )
    tables.show_rows(columns, made, title=t("operations.corrections"))


def _outcome(at: Here, one: quarantine.Correction) -> str:
    if not one.outcome:
        return at.t("operations.waits_for_run")
    names = operations_file.Names(at.app.settings.published, at.actor.language)
    said = at.labels.code("correction_outcome", one.outcome.replace(" ", "_"))
    return names.sentence(one.outcome) if said == one.outcome.replace(" ", "_") else said
