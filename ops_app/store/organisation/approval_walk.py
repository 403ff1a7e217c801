"""Every request with all its rounds and decisions, for the check that they belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.store.tables.approvals import approval_decisions as decisions
from ops_app.store.tables.approvals import approval_requests as requests
from ops_app.store.tables.approvals import approval_rounds as rounds

Row = Any
_STEP = 500


def walk(connection: Connection) -> Iterator[tuple[Row, list[Row], list[Row]]]:
    """Each request as it is stored, its rounds in order, its decisions in order; by id."""
    last = ""
    while True:
        some = connection.execute(
            select(requests).where(requests.c.request_id > last).order_by(requests.c.request_id).limit(_STEP)
        ).all()
        if not some:
            return
        ids = [row.request_id for row in some]
        asked, said = defaultdict(list), defaultdict(list)
        for row in connection.execute(select(rounds).where(rounds.c.request_id.in_(ids)).order_by(rounds.c.round_no)):
            asked[row.request_id].append(row)
        for row in connection.execute(
            select(decisions).where(decisions.c.request_id.in_(ids)).order_by(decisions.c.nth)
        ):
            said[row.request_id].append(row)
        for row in some:
            yield row, asked[row.request_id], said[row.request_id]
        last = ids[-1]
