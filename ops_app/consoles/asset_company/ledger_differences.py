"""Differences between ledger and feed: the list, and what may be done with one."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import difference_list, difference_record
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "ledger_differences")
rows, selected = difference_list.show(at)
chosen = choose_among(
    at,
    "difference",
    rows,
    selected,
    row_id=lambda one: one.difference_id,
    label=at.t("differences.open"),
    show=lambda one: f"{one.loan_id} · {difference_list.part(at, one.component)}",
)
if chosen:
    difference_record.show(at, chosen)
