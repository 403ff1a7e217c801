"""Parameters: what may be set and what holds today, each with its versions and a form that asks for a change."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import closed_periods, parameter_list, parameter_record
from ops_app.consoles.asset_company.parts.parameter_text import pair
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

PARTS = ("list", "periods")


def parameters(at: Here) -> None:
    listing = parameter_list.listing(at)
    shown = tables.show_list(at, listing, parameter_list.filters(at))
    export_list(at, listing, shown)
    chosen = choose(at, listing, shown, label=at.t("parameters.open"), show=lambda row: pair(at, row.definition.name))
    if chosen:
        parameter_record.show(at, chosen)


current = here()
heading(current, "parameters")
part = url.tab(
    "parameters_part",
    current.t("parameters.part"),
    PARTS,
    lambda code: current.t(f"parameters.parts.{code}"),
    language=current.actor.language,
)
if part == "periods":
    closed_periods.show(current)
else:
    parameters(current)
