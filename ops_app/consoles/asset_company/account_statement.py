"""The statement of an account: its legs with the balance after each, and the entry of one of them."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import statement_list
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "account_statement")
rows, selected = statement_list.show(at)
chosen = choose_among(
    at,
    "entry",
    rows,
    selected,
    row_id=lambda row: row.leg.entry_id,
    label=at.t("books.open_entry"),
    show=lambda row: f"{row.leg.entry_no} · {at.labels.day(row.leg.accounting_date)}",
)
if chosen:
    statement_list.entry(at, chosen)
