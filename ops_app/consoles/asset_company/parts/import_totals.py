"""Control totals that were typed beside a file: whether it agrees, said beside each field, and typed anew."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts.import_upload import typed_totals
from ops_app.consoles.asset_company.parts.import_working import begin
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.organisation.imports import (
    FEEDS_WITH_AMOUNT,
    ImportState,
    checked_typed_rows,
    checked_typed_sum,
)
from ops_app.services.organisation.imports import Import, type_totals


def show(at: Here, one: Import) -> None:
    """What was typed and what the file has; before the confirmation, the form in which it can be put right."""
    t = at.t
    if one.state is not ImportState.PREVIEWED:
        if one.typed_rows is not None or one.typed_sum is not None:
            facts(dict(_said(at, one).values()))
        return
    disagrees = False in (one.rows_agree, one.sum_agrees)
    with st.expander(t("imports.typed"), expanded=disagrees):
        with form(at, f"import_totals_{one.import_id}_{one.version}") as f:
            typed = typed_totals(at, f, one.feed, str(one.typed_rows or ""), one.typed_sum or "")
            f.submit(t("imports.type_again"), primary=False)
        f.say({field: said for field, (_, said) in _said(at, one, only_wrong=True).items()})
        for label, said in _said(at, one, only_right=True).values():
            st.caption(f"{label}: {said}")

        def run(_key: str) -> None:
            type_totals(
                at.actor,
                at.app.store,
                now=at.now,
                import_id=one.import_id,
                expected_version=one.version,
                typed_rows=checked_typed_rows(typed[0]),
                typed_sum=checked_typed_sum(typed[1], has_amount=one.feed in FEEDS_WITH_AMOUNT),
            )
            begin(one.import_id)

        f.run(run, done=t("imports.typed_again"))


def _said(at: Here, one: Import, *, only_wrong: bool = False, only_right: bool = False) -> dict[str, tuple[str, str]]:
    """Field → its label and whether the file agrees with what was typed there."""
    t, count = at.t, at.labels.count
    found: dict[str, tuple[str, str]] = {}
    for field, agrees, typed, has in (
        ("typed_rows", one.rows_agree, count(one.typed_rows), count(one.rows_in)),
        ("typed_sum", one.sum_agrees, one.typed_sum or "", one.found_sum or ""),
    ):
        if agrees is None or (only_wrong and agrees) or (only_right and not agrees):
            continue
        key = "imports.typed_agrees" if agrees else "imports.typed_differs"
        found[field] = (t(f"imports.{field}_short"), t(key, typed=typed, found=has))
    return found
