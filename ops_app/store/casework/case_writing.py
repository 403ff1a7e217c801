"""Cases are held for a change and written back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework import flags as f
from ops_app.store import driver
from ops_app.store.casework.cases import Case
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases

_MOVED = (
    "state", "state_before", "custody", "agency_code", "collector_id", "flags", "closed_date", "close_reason",
    "closed_rule_version", "closed_file_id", "closed_line_no", "written_off_date",
)  # fmt: skip
_COUNTED = ("event_count", "version")
_OWED = ("principal_minor", "interest_minor", "fees_minor", "penalty_minor", "balance_minor")
# made once: on the way of every payment, making a statement costs more than running it
_HOLD = (
    select(cases.c.case_id)
    .where(cases.c.case_id.in_(bindparam("ids", expanding=True)))
    .order_by(cases.c.case_id)
    .with_for_update()
)


def hold(connection: Connection, ids: Collection[str]) -> None:
    """Lock cases in the order of their ids, as every act on many does, so that no two wait for each other. SQLite has
    one writer."""
    if connection.dialect.name == "sqlite":
        return
    for some in chunks(sorted(ids)):
        connection.execute(_HOLD, {"ids": some})


def write_back(connection: Connection, rows: Iterable[Case]) -> None:
    """Write what people and moves change of cases: state, custody, owners, flags, closing, version."""
    _write(connection, rows, (*_MOVED, *_COUNTED))


def write_balances(connection: Connection, rows: Sequence[tuple[Case, Case]]) -> None:
    """Write cases, each as it was and as it is, with what they owe; columns that lists are sorted and narrowed by are
    left alone where nothing moved, since writing one writes all of its indexes."""
    still = [after for before, after in rows if all(getattr(before, it) == getattr(after, it) for it in _MOVED)]
    ids = {one.case_id for one in still}
    _write(connection, [after for _, after in rows if after.case_id not in ids], (*_MOVED, *_COUNTED, *_OWED))
    _write(connection, still, (*_COUNTED, *_OWED))


def _write(connection: Connection, rows: Iterable[Case], columns: tuple[str, ...]) -> None:
    # a loan's old spell closes before another opens
    ordered = sorted(rows, key=lambda one: one.closed_date is None)
    if ordered:
        driver.write(connection, _writing(columns), [_row(one, columns) for one in ordered])


@cache
def _writing(columns: tuple[str, ...]) -> Any:
    return (
        update(cases)
        .where(cases.c.case_id == bindparam("of"))
        .values({name: bindparam(f"_{name}") for name in columns})
    )  # fmt: skip


def _row(one: Case, columns: tuple[str, ...]) -> dict[str, Any]:
    row = {f"_{name}": getattr(one, name) for name in columns}
    if "state" in columns:
        row |= {
            "_state": one.state.value,
            "_state_before": one.state_before.value if one.state_before else None,
            "_custody": one.custody.value,
            "_flags": f.written(one.flags),
            "_close_reason": one.close_reason.value if one.close_reason else None,
        }
    return row | {"of": one.case_id}
