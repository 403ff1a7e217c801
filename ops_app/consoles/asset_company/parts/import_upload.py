"""Bringing a file: through which template and feed it is read, its bytes and its date."""

from __future__ import annotations

from datetime import date

import streamlit as st

from ops_app.consoles.asset_company.parts.import_working import begin
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.organisation.imports import FEEDS_WITH_AMOUNT
from ops_app.gateways.import_files import bring
from ops_app.gateways.lender_templates import LenderTemplate, templates_for
from ops_app.services.organisation.imports import Import

KINDS = ("csv", "txt", "tsv", "xlsx", "parquet", "jsonl", "gz", "zst", "sta", "mt940", "xml")


def show(at: Here) -> None:
    """Template and feed are chosen first, because the fields below belong to them."""
    t = at.t
    known = templates_for(at.app.settings, at.actor.agency_code)
    if not known:
        st.info(t("imports.no_templates"))
        return
    if at.actor.agency_code:
        st.caption(t("imports.agency_note"))
    with st.expander(t("imports.new"), expanded="imports_id" not in st.query_params):
        one, two = st.columns(2)
        with one:
            name = st.selectbox(
                t("imports.template"),
                list(known),
                format_func=lambda name: _template_name(at, known[name]),
                key=f"import_template.{at.actor.language}",
            )
        template = known[str(name)]
        with two:
            label = st.selectbox(
                t("imports.feed"),
                [entry.label for entry in template.entries],
                format_func=lambda label: _feed_name(at, template, label),
                key=f"import_feed.{template.name}.{at.actor.language}",
            )
        with form(at, "import") as f:
            given = f.file("file", t("imports.file"), KINDS)
            day = f.day("file_date", t("imports.file_date"), None)
            typed = typed_totals(at, f, template.entry(str(label)).feed)
            f.submit(t("imports.upload"))
        f.require({"file": given})
        f.run(lambda key: _bring(at, template, str(label), given, day, typed, key), done=t("imports.uploaded"))


def typed_totals(at: Here, f: Form, feed: str, rows: str = "", total: str = "") -> tuple[str, str]:
    """What the sender said of the file: its number of rows, and its sum where the feed holds amounts."""
    one, two = st.columns(2)
    with one:
        rows = f.text("typed_rows", at.t("imports.typed_rows"), value=rows, max_chars=15)
    if feed not in FEEDS_WITH_AMOUNT:
        return rows, ""
    with two:
        total = f.text("typed_sum", at.t("imports.typed_sum"), value=total, max_chars=24)
    return rows, total


def _template_name(at: Here, one: LenderTemplate) -> str:
    lender = one.zh if at.actor.language == "zh" else one.en
    return at.t("imports.template_name", lender=lender, name=one.name)


def _feed_name(at: Here, template: LenderTemplate, label: str) -> str:
    feed = at.labels.code("feed", template.entry(label).feed)
    return feed if template.entry(label).feed == label else at.t("imports.feed_name", feed=feed, label=label)


def _bring(
    at: Here,
    template: LenderTemplate,
    label: str,
    given: tuple[str, bytes] | None,
    day: date | None,
    typed: tuple[str, str],
    key: str,
) -> Import | None:
    if given is None:
        return None
    name, data = given
    one = bring(
        at.actor,
        at.app.store,
        at.app.settings,
        now=at.now,
        name=name,
        data=data,
        template=template.name,
        entry=label,
        file_date=day,
        key=key,
        typed_rows=typed[0],
        typed_sum=typed[1],
    )
    begin(one.import_id)
    return one
