"""What a service asked the ops store, and how the store goes about answering: no table is read whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from ops_app.store.store import Store

BIG = (
    "cases", "case_events", "case_tags", "case_attachments", "placements", "assignments", "debtors", "debtor_terms",
    "debtor_details", "payments",
)  # fmt: skip
"""Tables that grow with the book."""

_BIG = "|".join(BIG)
_READ_WHOLE = {
    # an index walked in the order of the answer stops with the page; a table or a sort of all of it does not
    "sqlite": re.compile(rf"SCAN (?:{_BIG})(?! USING (?:COVERING )?INDEX)\b"),
    "postgresql": re.compile(rf"Seq Scan on (?:{_BIG})\b"),
}
_WALKED = {
    "sqlite": re.compile(rf"SCAN (?:{_BIG}) USING (?:COVERING )?INDEX"),
    "postgresql": re.compile(
        rf"Index (?:Only )?Scan (?:Backward )?using \w+ on (?:{_BIG})\b[^\n]*(?:\n(?!\s*Index Cond)|$)"
    ),
}
"""An index walked without a key: right for a page, wrong for what is found by a key."""
_SORTED_BY_HAND = {
    "sqlite": re.compile("USE TEMP B-TREE FOR ORDER BY"),
    "postgresql": re.compile(r"(?<!Incremental )\bSort\b.*\brows=(?:\d{5,}|[2-9]\d{3})\b"),
}
"""A sort of more rows than a person's own cases; PostgreSQL says how many it expects, SQLite does not. An incremental
sort of rows that an index gives in the order of the first column ends with the page too."""
Asked = tuple[str, Any]


@contextmanager
def asked(store: Store) -> Iterator[list[Asked]]:
    """The selects that are run while the block lasts, each with its values."""
    found: list[Asked] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not many and statement.lstrip().lower().startswith(("select", "with")) and "pg_" not in statement:
            found.append((statement, values))

    engines = {id(one): one for one in (store._readers, store._writers)}.values()
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def plan_of(store: Store, one: Asked) -> str:
    """How the store goes about a select with its values."""
    statement, values = one
    verb = "explain query plan" if store.dialect == "sqlite" else "explain"
    with store.reading() as connection:
        rows = connection.exec_driver_sql(f"{verb} {statement}", values)
        return "\n".join(str(row[3] if store.dialect == "sqlite" else row[0]) for row in rows)


def read_whole(store: Store, selects: list[Asked], *, by_key: bool = False) -> list[str]:
    """Those lines of the plans that read a big table whole. A page may walk an index in its own order and sorts
    nothing; what is found ``by_key`` may be sorted, and walks no index without one."""
    wrong = []
    for one in selects:
        if " where " not in " ".join(one[0].lower().split()) and "order by" not in one[0].lower():
            continue  # any row will do
        plan = plan_of(store, one)
        wrong += [found[0] for found in _READ_WHOLE[store.dialect].finditer(plan)]
        if found := (_WALKED if by_key else _SORTED_BY_HAND)[store.dialect].search(plan):
            wrong.append(found[0])
    return wrong
