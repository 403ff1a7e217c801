"""Results of file checks: per file and rule, rows checked and refused; what the expectation framework said."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading
from ops_app.consoles.kit.record import facts
from ops_app.gateways import operations_file
from ops_app.gateways.operations_file import CheckResult


def filters(at: Here) -> dict[str, str]:
    t, language = at.t, at.actor.language
    one, two = st.columns(2)
    with one:
        feeds = ["", *operations_file.known_values(at.actor, at.app.settings.published, "files", "feed")]
        feed = url.choice(
            "checks_feed",
            t("operations.feed"),
            feeds,
            lambda code: at.labels.code("feed", code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with two:
        names = {"refusing": t("expectations.refusing"), "all": t("lists.all")}
        which = url.choice(
            "checks_which",
            t("expectations.which"),
            list(names),
            names.__getitem__,
            default="refusing",
            language=language,
        )
    return {"feed": feed, "which": "" if which == "refusing" else which}


def listing(at: Here) -> tables.Listing[CheckResult]:
    t, labels = at.t, at.labels
    names = operations_file.Names(at.app.settings.published, at.actor.language)

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[CheckResult], int]:
        return operations_file.check_results(
            at.actor,
            at.app.settings.published,
            feed=wanted.filters["feed"],
            only_refusing=not wanted.filters["which"],
            sort=wanted.sort,
            descending=wanted.descending,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    def said(row: CheckResult) -> str:
        if row.gx_success is None:
            return t("expectations.on_result")
        return t("expectations.met") if row.gx_success else t("expectations.not_met")

    Column = tables.Column[CheckResult]
    return tables.Listing(
        name="checks",
        title=t("page.expectations.title"),
        columns=(
            Column("date", t("operations.file_date"), lambda row: labels.day(row.file_date)),
            Column("file", t("operations.file_name"), lambda row: row.file_name or row.file_id[:12]),
            Column("feed", t("operations.feed"), lambda row: labels.code("feed", row.feed)),
            Column("rule", t("operations.rule"), lambda row: names.rule(row.feed, row.rule), width="medium"),
            Column("column", t("operations.column"), lambda row: names.column(row.feed, row.column_name)),
            Column("checked", t("expectations.checked"), lambda row: labels.count(row.checked), right=True),
            Column("refused", t("expectations.refused"), lambda row: labels.count(row.refused), right=True),
            Column("said", t("expectations.said"), said),
        ),
        row_id=lambda row: f"{row.file_id}.{row.rule}.{row.column_name}",
        fetch=fetch,
        sorts={"file_date": t("operations.file_date"), "refused": t("expectations.refused")},
        default_sort="file_date",
        selectable=True,
        empty=t("expectations.none"),
    )


def one(at: Here, row: CheckResult) -> None:
    """What the framework found, from the JSON it left; no page of anybody else, no address from outside."""
    t = at.t
    names = operations_file.Names(at.app.settings.published, at.actor.language)
    st.subheader(f"{row.file_name or row.file_id[:12]} · {names.rule(row.feed, row.rule)}", anchor=False)
    result = json.loads(row.gx_json) if row.gx_json else {}
    config = result.get("expectation_config", {})
    shown = {t("expectations.expectation"): str(config.get("type", row.rule))}
    shown |= {f"{name}": json.dumps(value, ensure_ascii=False) for name, value in config.get("kwargs", {}).items()}
    found = result.get("result", {})
    shown |= {
        at.labels.code("gx", name): at.labels.count(value) if isinstance(value, int) else str(value)
        for name, value in found.items()
        if isinstance(value, int | float | str)
    }
    facts(shown)


current = here()
heading(current, "expectations")
the_list = listing(current)
shown_list = tables.show_list(current, the_list, filters(current))
export_list(current, the_list, shown_list)
for selected in shown_list.selected[:3]:
    one(current, selected)
