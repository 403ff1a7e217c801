"""One import: what it is, what its preview found, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ops_app.consoles.asset_company.parts import import_rows, import_totals
from ops_app.consoles.asset_company.parts.import_working import begin, watch
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt, form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.imports import STATE_NAMES, ImportState, may_reverse
from ops_app.gateways.import_files import ControlTotal, MappedColumn, NoPreview, Preview, read_preview
from ops_app.services.organisation.imports import (
    Import,
    ask_reversal,
    confirm_import,
    discard_import,
    read_import,
)

TABS = ("refused", "sample", "columns", "totals")


def show(at: Here, import_id: str) -> None:
    """The record of an import."""
    try:
        one = read_import(at.actor, at.app.store, now=at.now, import_id=import_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(one.file_name, anchor=False)
    watch(at, one)
    chinese = at.actor.language == "zh"
    if one.refusal is not None and one.state is ImportState.PREVIEWED:
        st.error((one.refusal_zh if chinese else one.refusal_en) or one.refusal)
    if said := (one.said_zh if chinese else one.said_en):
        st.warning(said)
    if one.given_up_at is not None and one.state is ImportState.CONFIRMED:
        st.info(at.t("imports.given_up_waits"))
    preview = _preview(at, one)
    facts(_facts(at, one, preview))
    if not at.may("imports.make"):
        st.caption(at.t("imports.may_look"))
        return
    import_totals.show(at, one)
    if preview is not None:
        _tabs(at, one, preview)
    _acts(at, one)


def _preview(at: Here, one: Import) -> Preview | None:
    if not at.may("imports.make"):
        return None
    try:
        return read_preview(at.actor, at.app.settings, one)
    except NoPreview:
        return None


def _facts(at: Here, one: Import, preview: Preview | None) -> dict[str, str]:
    t, labels = at.t, at.labels
    found = {
        t("imports.state"): labels.named(STATE_NAMES, one.state),
        t("imports.template"): one.template,
        t("imports.feed"): labels.code("feed", one.feed),
        t("imports.date"): labels.day(one.file_date),
        t("imports.rows_in"): labels.count(one.rows_in),
        t("imports.accepted"): labels.count(one.rows_accepted),
        t("imports.refused"): labels.count(one.rows_quarantined),
        t("imports.by"): f"{one.uploaded_by_name}, {labels.moment(one.uploaded_at)}",
    }
    if one.agency_code:
        found[t("imports.agency")] = one.agency_code
    if one.rows_repeated:
        found[t("imports.repeated")] = labels.count(one.rows_repeated)
    if preview is not None and preview.format:
        found[t("imports.written")] = " ".join(filter(None, (preview.format.upper(), preview.encoding.upper())))
    if preview is not None and preview.declared_rows is not None:
        found[t("imports.declared")] = t("imports.declared_rows", count=labels.count(preview.declared_rows))
    return found


def _tabs(at: Here, one: Import, preview: Preview) -> None:
    tab = url.tab(
        "imports_tab",
        at.t("page.imports.title"),
        TABS,
        lambda name: at.t(f"imports.tabs.{name}"),
        language=at.actor.language,
    )
    if tab == "refused":
        import_rows.show(at, one, preview)
    elif tab == "sample":
        _sample(at, preview)
    elif tab == "columns":
        _columns(at, preview)
    else:
        _totals(at, preview)


def _named(at: Here, one: MappedColumn | ControlTotal) -> str:
    return one.zh if at.actor.language == "zh" else one.en


def _sample(at: Here, preview: Preview) -> None:
    if not preview.sample:
        st.info(at.t("imports.no_sample"))
        return
    Column = tables.Column[tuple[int, dict[str, str | None]]]

    def value(name: str) -> Callable[[tuple[int, dict[str, str | None]]], str]:
        return lambda row: row[1].get(name) or "–"

    filled = [column for column in preview.columns if column.filled]
    tables.show_rows(
        (
            Column("line", at.t("imports.line"), lambda row: at.labels.count(row[0]), right=True, width="small"),
            *(Column(column.name, _named(at, column), value(column.name)) for column in filled),
        ),
        [(line, dict(values)) for line, values in preview.sample],
        title=at.t("imports.tabs.sample"),
    )


def _columns(at: Here, preview: Preview) -> None:
    t, labels = at.t, at.labels
    Column = tables.Column[MappedColumn]
    tables.show_rows(
        (
            Column("column", t("imports.column"), lambda one: _named(at, one)),
            Column("source", t("imports.source"), lambda one: one.source or t("imports.not_mapped"), width="medium"),
            Column(
                "required", t("imports.required"), lambda one: t("labels.yes") if one.is_required else t("labels.no")
            ),
            Column("filled", t("imports.filled"), lambda one: labels.count(one.filled), right=True),
        ),
        preview.columns,
        title=t("imports.tabs.columns"),
    )


def _totals(at: Here, preview: Preview) -> None:
    t = at.t
    if not preview.totals:
        st.info(t("imports.no_totals"))
        return
    st.caption(t("imports.totals_note"))
    Column = tables.Column[ControlTotal]
    tables.show_rows(
        (
            Column("column", t("imports.column"), lambda one: _named(at, one)),
            Column(
                "sum", t("imports.sum"), lambda one: at.labels.minor(one.sum_minor, one.currency or "CNY"), right=True
            ),
            Column("currency", t("imports.currency"), lambda one: one.currency or "–"),
        ),
        preview.totals,
        title=t("imports.tabs.totals"),
    )


def _acts(at: Here, one: Import) -> None:
    """The way on, and the way out."""
    t = at.t
    if one.state is ImportState.PREVIEWED:
        if one.refusal is None:
            _confirm(at, one)
        _with_reason(at, one, "discard", discard_import, done=t("imports.discarded"), work=False)
    elif one.state is ImportState.CONFIRMED and one.given_up_at is None:
        _with_reason(at, one, "give_up", discard_import, done=t("imports.given_up"), work=True)
    elif one.state is ImportState.APPLIED and may_reverse(one.feed):
        _with_reason(at, one, "reverse", ask_reversal, done=t("imports.reversing"), work=True)


def _confirm(at: Here, one: Import) -> None:
    t, count = at.t, at.labels.count
    accepted, refused = count(one.rows_accepted), count(one.rows_quarantined)
    st.caption(t("imports.confirm_note", accepted=accepted, refused=refused))
    if not may_reverse(one.feed):
        st.caption(t("imports.never_back"))

    def confirm() -> None:
        confirm_import(at.actor, at.app.store, now=at.now, import_id=one.import_id, expected_version=one.version)
        begin(one.import_id)

    # the version in the key: a button of a page that is no longer true does nothing
    if st.button(t("imports.confirm", count=accepted), type="primary", key=f"confirm_{one.import_id}_{one.version}"):
        attempt(at, confirm, done=t("imports.confirmed"))


def _with_reason(at: Here, one: Import, name: str, act: Callable[..., Import], *, done: str, work: bool) -> None:
    t = at.t
    with st.expander(t(f"imports.{name}")):
        if t.has(f"imports.{name}_note"):
            st.caption(t(f"imports.{name}_note"))
        with form(at, f"import_{name}_{one.import_id}") as f:
            version = f.version(one.version)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t(f"imports.{name}"), primary=False)

        def run(_key: str) -> None:
            act(
                at.actor, at.app.store, now=at.now, import_id=one.import_id, expected_version=version,
                reason=reason,
            )  # fmt: skip
            if work:
                begin(one.import_id)

        f.run(run, done=done)
