"""The refused rows of an import, each with its rule beside it, and the form that corrects one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts import refused_rows
from ops_app.consoles.asset_company.parts.import_working import begin
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.imports import ImportState
from ops_app.gateways.import_files import Preview, RefusedLine, refused_lines, rules_of
from ops_app.services.organisation.imports import Import, RowCorrection, correct_import_row, read_corrections

STATES = ("open", "corrected", "refused_again", "discarded")
CORRECTABLE = frozenset({ImportState.PREVIEWED, ImportState.APPLIED})


def show(at: Here, one: Import, preview: Preview) -> None:
    """The list, and one of its rows."""
    made = {row.line_no: row for row in read_corrections(at.actor, at.app.store, now=at.now, import_id=one.import_id)}
    names = {column.name: column.zh if at.actor.language == "zh" else column.en for column in preview.columns}
    listing = _listing(at, one, names, made)
    shown = tables.show_list(at, listing, _filters(at, one))
    export_list(at, listing, shown)
    identity = choose(
        at,
        listing,
        shown,
        label=at.t("imports.open_row"),
        show=lambda row: at.t("imports.row_name", line=row.line_no, why=refused_rows.why(at, row)),
    )
    for row in shown.rows:
        if listing.row_id(row) == identity:
            _one(at, one, row, names, made.get(row.line_no))


def _filters(at: Here, one: Import) -> dict[str, str]:
    t, language = at.t, at.actor.language
    rules = rules_of(at.actor, at.app.settings, one)
    first, second, _ = st.columns(3)
    with first:
        state = url.choice(
            "import_row_state",
            t("refused.state"),
            ["", *STATES],
            lambda code: at.labels.code("import_row", code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with second:
        rule = url.choice(
            "import_row_rule",
            t("imports.rule"),
            ["", *rules],
            lambda code: at.labels.named(rules, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    return {"import": one.import_id, "state": state, "rule": rule}


def _listing(
    at: Here, one: Import, names: Mapping[str, str], made: Mapping[int, RowCorrection]
) -> tables.Listing[RefusedLine]:
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[RefusedLine], int]:
        return refused_lines(
            at.actor,
            at.app.settings,
            one,
            state=wanted.filters["state"],
            rule=wanted.filters["rule"],
            descending=wanted.descending,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    return tables.Listing(
        name="import_rows",
        title=t("imports.tabs.refused"),
        columns=(
            refused_rows.line_column(at),
            *refused_rows.what_columns(
                at,
                column=lambda row: _column(row, names),
                state=lambda row: labels.code("import_row", _state(row, made)),
            ),
        ),
        row_id=lambda row: str(row.line_no),
        fetch=fetch,
        sorts={"line_no": t("operations.line_no")},
        default_sort="line_no",
        default_descending=False,
        selectable=True,
        empty=t("imports.no_refused"),
    )  # fmt: skip


def _column(row: RefusedLine, names: Mapping[str, str]) -> str:
    return names.get(row.column_name or "", row.column_name or "–")


def _state(row: RefusedLine, made: Mapping[int, RowCorrection]) -> str:
    """As the preview found it, or what became of its correction once the import was applied."""
    correction = made.get(row.line_no)
    if correction is None:
        return row.state
    if correction.outcome is None:
        return row.state if row.state in ("corrected", "refused_again", "discarded") else "waits"
    return correction.outcome if correction.outcome in ("accepted", "discarded") else "refused_again"


def _one(at: Here, one: Import, row: RefusedLine, names: Mapping[str, str], correction: RowCorrection | None) -> None:
    t = at.t
    st.warning(t("imports.row_name", line=row.line_no, why=refused_rows.why(at, row)))
    chinese = at.actor.language == "zh"
    again = (row.again_zh if chinese else row.again_en) or ""
    if correction and correction.outcome not in (None, "accepted", "discarded"):
        again = again or str(correction.outcome)
    if again:
        st.error(t("imports.again", why=again))
    if correction is not None and correction.outcome is None:
        st.info(t("refused.waits_here"))
    settled = correction is not None and correction.outcome in ("accepted", "discarded")
    values = {**row.values, **(dict(correction.corrected) if correction else {})}
    if one.state not in CORRECTABLE or settled or (row.state == "discarded" and correction is None):
        facts({names.get(name, name): value or "–" for name, value in values.items()})
        return
    decision = refused_rows.decision(at, f"import_decision_{one.import_id}_{row.line_no}")
    corrected: dict[str, str | None] = {}
    with form(at, f"import_row_{one.import_id}_{row.line_no}_{decision}") as f:
        version = f.version(one.version)
        if decision == "replay":
            corrected = refused_rows.fields(f, names, row.values, values)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(at.labels.code("correction", decision))

    def correct(_key: str) -> None:
        correct_import_row(
            at.actor,
            at.app.store,
            now=at.now,
            import_id=one.import_id,
            expected_version=version,
            line_no=row.line_no,
            columns=names,
            decision=decision,
            corrected=corrected,
            reason=reason,
        )
        begin(one.import_id)

    f.run(correct, done=t("imports.corrected"))
