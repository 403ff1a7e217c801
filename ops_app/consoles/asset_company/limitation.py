"""The limitation queue: open cases whose claim can soon no longer be sued for, and what interrupts the period."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import limitation_list
from ops_app.consoles.casework import limitation
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "limitation")
rows, selected = limitation_list.show(at)
chosen = choose_among(
    at,
    "limitation",
    rows,
    selected,
    row_id=lambda row: row[0].case_id,
    label=at.t("limitation.open"),
    show=lambda row: f"{row[1].loan_id} · {at.labels.day(row[0].expires_date)}",
)
if chosen:
    limitation.show(at, chosen)
