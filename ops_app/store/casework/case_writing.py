"""Cases are held for a change and written back."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework import flags as f
from ops_app.store.casework.cases import Case
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases


def hold(connection: Connection, ids: Collection[str]) -> None:
    """Lock cases in the order of their ids, as every act on many does, so that no two wait for each other. SQLite has
    one writer."""
    if connection.dialect.name == "sqlite":
        return
    for some in chunks(sorted(ids)):
        connection.execute(
            select(cases.c.case_id).where(cases.c.case_id.in_(some)).order_by(cases.c.case_id).with_for_update()
        )


def write_back(connection: Connection, rows: Iterable[Case]) -> None:
    """Write what people and moves change of cases: state, custody, owners, flags, closing, version."""
    values = [
        {
            "of": one.case_id,
            "state": one.state.value,
            "state_before": one.state_before.value if one.state_before else None,
            "custody": one.custody.value,
            "agency_code": one.agency_code,
            "collector_id": one.collector_id,
            "flags": f.written(one.flags),
            "closed_date": one.closed_date,
            "close_reason": one.close_reason.value if one.close_reason else None,
            "closed_rule_version": one.closed_rule_version,
            "closed_file_id": one.closed_file_id,
            "closed_line_no": one.closed_line_no,
            "written_off_date": one.written_off_date,
            "event_count": one.event_count,
            "version": one.version,
        }
        for one in sorted(
            rows, key=lambda one: one.closed_date is None
        )  # a loan's old spell closes before another opens
    ]
    if values:
        connection.execute(update(cases).where(cases.c.case_id == bindparam("of")), values)
