"""No list and no search that is offered reads the book whole, on a small book that the stores are told is large."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.services.casework.cases import DECLARED, list_cases, list_placements, read_case
from ops_app.services.casework.finding import search_cases
from ops_app.store.casework import case_lists as stored
from ops_app.store.store import Store
from tests.bench import million, plans
from tests.bench.lists import combinations, placements, searches
from tests.bench.million import NOW

SMALL = 3_000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Path]]:
    """A small book; SQLite's statistics say that it is a thousand times as large, PostgreSQL scans only if it must."""
    folder = tmp_path_factory.mktemp("book")
    server = None
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{folder / 'ops.db'}")
    else:
        server = request.getfixturevalue("pg_server")
        server.execute("drop database if exists plans with (force)")
        server.execute("create database plans")
        store = Store.open(server.url("plans") + "&options=-cenable_seqscan%3Doff")
    store.migrate()
    million.write_book(store, folder, SMALL)
    if server is None:
        with store._writers.begin() as connection:
            connection.execute(text("analyze"))
            told = connection.execute(text("select rowid, stat from sqlite_stat1")).all()
            for row_id, stat in told:
                larger = {"stat": " ".join([f"{stat.split()[0]}000", *stat.split()[1:]]), "of": row_id}
                connection.execute(text("update sqlite_stat1 set stat = :stat where rowid = :of"), larger)
    store.close()
    yield store, folder
    store.close()
    if server is not None:
        server.execute("drop database plans with (force)")


@pytest.mark.parametrize("reader", list(million.readers()))
def test_no_declared_list_reads_a_table_whole(book: tuple[Store, Path], reader: str) -> None:
    store, _ = book
    actor = million.readers()[reader]
    wrong = []
    for said, given in combinations(actor):
        with plans.asked(store) as selects:
            page = list_cases(actor, store, now=NOW, limit=2, **given)
            list_cases(actor, store, now=NOW, limit=2, after=page.next_after, **given)
        assert len(selects) >= 4
        wrong += [f"{said}: {line}" for line in plans.read_whole(store, selects)]
    assert wrong == []


@pytest.mark.parametrize("ended", [None, True, False])
def test_no_list_of_placements_reads_a_table_whole(book: tuple[Store, Path], ended: bool | None) -> None:
    store, _ = book
    supervisor = million.readers()["supervisor"]
    wrong = []
    for said, given in placements(ended):
        with plans.asked(store) as selects:
            page = list_placements(supervisor, store, now=NOW, limit=2, **given)
            list_placements(supervisor, store, now=NOW, limit=2, after=page.next_after, **given)
        assert len(selects) >= 4
        wrong += [f"{said}: {line}" for line in plans.read_whole(store, selects, by_key="loan" in given)]
    assert wrong == []


@pytest.mark.parametrize("reader", list(million.readers()))
def test_no_search_and_no_record_reads_a_table_whole(book: tuple[Store, Path], reader: str) -> None:
    store, evidence = book
    actor = million.readers()[reader]
    for said, term, typed in searches():
        with plans.asked(store) as selects:
            search_cases(actor, store, now=NOW, term=term, text=typed, evidence=evidence)
        assert plans.read_whole(store, selects, by_key=True) == [], said
    some = list_cases(actor, store, now=NOW, limit=1).rows[0].case_id
    with plans.asked(store) as selects:
        read_case(actor, store, now=NOW, case_id=some)
    assert plans.read_whole(store, selects, by_key=True) == []


def test_a_list_that_is_not_declared_would_read_a_table_whole(
    book: tuple[Store, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard itself is tried: a sort by a column without an index is seen."""
    store, _ = book
    monkeypatch.setattr(stored, "SORTS", (*stored.SORTS, "interest_minor"))
    monkeypatch.setitem(DECLARED, stored.Reach.ALL, {None: ("interest_minor",)})
    with plans.asked(store) as selects:
        list_cases(million.readers()["supervisor"], store, now=NOW, sort="interest_minor")
    assert plans.read_whole(store, selects)
