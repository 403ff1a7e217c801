"""The list of commission lines walks an index with any one filter and either sort; no filter reads the table whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops_app.services.ledger import commission_reading
from ops_app.services.ledger.commission_reading import SORTS, LineFilter
from ops_app.store.store import Store
from tests.bench.plans import asked, plan_of
from tests.services.ledger.commissioning import CLOSING, a_house, lines, opened, paid

WHOLE = re.compile(r"SCAN commission_lines(?! USING (?:COVERING )?INDEX)|USE TEMP B-TREE FOR ORDER BY")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("by", ["", "agency_code", "settlement_id", "case_id", "batch_id", "tier"])
def test_a_page_walks_an_index(sqlite_url: str, tmp_path: Path, sort: str, by: str) -> None:
    store = Store.open(sqlite_url)
    house = a_house(store, tmp_path)
    paid(house, "P1", 1_000)
    line = lines(house, opened(house))[0]
    wanted = LineFilter(**{by: getattr(line, by) or "b"}) if by else LineFilter()
    with asked(store) as selects:
        commission_reading.list_lines(house.finance, store, now=CLOSING, wanted=wanted, sort=sort, limit=10)
    pages = [one for one in selects if "commission_lines" in one[0] and " limit " in one[0].lower().replace("\n", " ")]
    assert pages
    for one in pages:
        plan = plan_of(store, one)
        assert not WHOLE.search(plan), plan
    store.close()
