"""The tree of units as a list, each below its parent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.units import UNIT_KIND_NAMES
from ops_app.services.organisation.units import TreeRow, read_tree


def listing(at: Here, day: date) -> tables.Listing[TreeRow]:
    """The units of ``day``, parents before their children."""
    t, labels = at.t, at.labels
    rows = read_tree(at.actor, at.app.store, now=at.now, day=day)

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[TreeRow], int]:
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    Column = tables.Column[TreeRow]
    return tables.Listing(
        name="units",
        title=t("page.organisation.title"),
        columns=(
            Column(
                "name",
                t("organisation.name"),
                lambda one: "\u3000" * one.depth + one.row.name,
                value=lambda one: one.row.name,
                width="large",
            ),
            Column("code", t("organisation.code"), lambda one: one.unit.unit_code),
            Column("kind", t("organisation.kind"), lambda one: labels.named(UNIT_KIND_NAMES, one.row.kind)),
            Column("valid_from", t("organisation.valid_from"), lambda one: labels.day(one.row.period.valid_from)),
            Column("valid_to", t("organisation.valid_to"), lambda one: end(at, one.row.period)),
            Column("changed", t("organisation.changed"), lambda one: labels.moment(one.unit.changed_at)),
            Column("changed_by", t("organisation.changed_by"), lambda one: one.unit.changed_by),
        ),
        row_id=lambda one: one.unit.unit_id,
        fetch=fetch,
        selectable=True,
        empty=t("organisation.none"),
        page_size=200,
    )


def end(at: Here, period: Period) -> str:
    """The end of a period, or that it is open."""
    return at.t("organisation.open_end") if period.valid_to is None else at.labels.day(period.valid_to)
