"""Lists and searches over a million cases: every combination that a list declares, on SQLite and on PostgreSQL.

Each store is filled set-wise under a temporary folder and removed afterwards. What is measured is the service, as a
page calls it: first page and the page behind it, with the total. The limit is the same page read by the bare driver
from the index, in the same run. No plan may read a table of the book whole.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ops_app.domain.casework.cases import CaseState, Custody
from ops_app.domain.casework.personal import Term
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.services.casework import finding
from ops_app.services.casework.cases import (
    DECLARED,
    PLACEMENT_SORTS,
    TAG_SORT,
    CaseFilter,
    list_cases,
    list_placements,
    read_case,
)
from ops_app.services.casework.finding import search_cases
from ops_app.store.store import Store
from tests.bench import million, plans
from tests.bench.million import DAY, NOW
from tests.postgresql_server import start

LIMIT_MS = 300
TIMES = 5
_VALUES: dict[str, tuple[Any, ...]] = {
    "custody": tuple(Custody),
    "state": (CaseState.PLACED, CaseState.RETAINED, CaseState.CLOSED, CaseState.VISITING),
    "agency_code": ("AG01", "AG20"),
    "collector_id": (million.readers()["collector"].person_id,),
    "tag": ("promising", "hardship"),
}
_RANGES: dict[str, tuple[Any, Any]] = {
    "days_past_due": (30, 60),
    "balance_minor": (100_000, 200_000),
    "opened_date": (DAY - timedelta(days=400), DAY - timedelta(days=300)),
}
_PERIOD = {"due_at": date(2026, 12, 31), "ended_at": date(2026, 1, 1), "placed_at": date(2026, 10, 1)}
_MINUTES = itertools.count(2, 2)
_FIRST = "select * from cases order by days_past_due desc, case_id desc limit 51"


@dataclass(frozen=True)
class Measured:
    """One combination: who, what, and the milliseconds of each time it was asked."""

    store: str
    reader: str
    what: str
    ms: tuple[float, ...]
    read_whole: tuple[str, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.ms)


def bench_lists(rows: int = 1_000_000) -> dict[str, Any]:
    """Every declared list and search over ``rows`` cases on both stores; the slowest median is ``ours_s``."""
    found: list[Measured] = []
    limits: list[float] = []
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="recoup-lists-") as folder:
        for opened in (_sqlite, _postgresql):
            with opened(Path(folder)) as store:
                began = time.monotonic()
                million.write_book(store, Path(folder) / store.dialect, rows)
                sizes[store.dialect] = round(time.monotonic() - began, 1)
                limits.append(_limit_ms(store))
                for one in _measure(store, Path(folder) / store.dialect):
                    found.append(one)
                    said = f"{one.store} {one.reader}: {one.what}: {one.median:.1f} ms"
                    print(said, *one.read_whole, file=sys.stderr)  # half an hour on two cores: say where it is
    for line in _table(found):
        print(line)
    slowest = max(found, key=lambda one: one.median)
    whole = [f"{one.store} {one.reader} {one.what}: {one.read_whole[0]}" for one in found if one.read_whole]
    return {
        "name": "lists",
        "rows": rows,
        "limit_s": round(max(limits) / 1000, 4),
        "ours_s": round(slowest.median / 1000, 4),
        "ratio": round(slowest.median / max(max(limits), 0.01), 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "detail": {
            "combinations": len(found),
            "over_300_ms": [f"{one.store} {one.reader} {one.what}" for one in found if one.median > LIMIT_MS],
            "read_whole": whole[:20],
            "slowest": f"{slowest.store}, {slowest.reader}, {slowest.what}",
            "slowest_single_ms": round(max(max(one.ms) for one in found), 1),
            "written_s": sizes,
        },
    }


@contextmanager
def _sqlite(folder: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{folder / 'ops.db'}")
    store.migrate()
    try:
        yield store
    finally:
        store.close()
        for file in folder.glob("ops.db*"):
            file.unlink()


@contextmanager
def _postgresql(_folder: Path) -> Iterator[Store]:
    server = start(durable=True)
    try:
        server.execute("create database lists")
        store = Store.open(server.url("lists"))
        store.migrate()
        yield store
        store.close()
    finally:
        server.stop()


def _limit_ms(store: Store) -> float:
    took = []
    for _ in range(TIMES):
        with store.reading() as connection:
            began = time.perf_counter()
            connection.exec_driver_sql(_FIRST).all()
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def combinations(actor: Actor) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list of cases that ``actor`` is offered: what it is called, and what the service is asked."""
    scope = scope_of(actor)
    hers = {"collector_id": (million.readers()["agency collector"].person_id,)} if scope.agency_code else {}
    for name, sorts in DECLARED[scope.reach].items():
        values = (_VALUES | hers)[name] if name else (None,)
        for value in values:
            wanted = CaseFilter(**({name: value} if name else {}))
            for sort in sorts:
                for descending in (True, False):
                    said = f"{f'{name}={value}' if name else 'all'} by {sort}{'↓' if descending else '↑'}"
                    yield said, {"wanted": wanted, "sort": sort, "descending": descending}
                    if sort == TAG_SORT:
                        continue
                    least, most = _RANGES[sort]
                    ranged = replace(wanted, least=least, most=most)
                    yield f"{said} in a range", {"wanted": ranged, "sort": sort, "descending": descending}


def placements(ended: bool | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list of placements that is offered: what it is called, and what the service is asked."""
    kind = {None: "all", True: "ended", False: "running"}[ended]
    for agency in (None, "AG01", "AG99"):
        of = f"placements: {kind}{f' of {agency}' if agency else ''}"
        for sort in PLACEMENT_SORTS[ended]:
            for descending in (True, False):
                given = {"ended": ended, "agency_code": agency, "sort": sort, "descending": descending}
                said = f"{of} by {sort}{'↓' if descending else '↑'}"
                yield said, given
                yield f"{said} in a period", given | {"since": _PERIOD[sort], "until": _PERIOD[sort]}
                yield f"{said} of a loan", given | {"loan": "L00000000"}


def searches() -> Iterator[tuple[str, Term, str]]:
    """Every search, by something common, something rare and something that is not there."""
    yield "name", Term.NAME, "王7"
    yield "national id", Term.NATIONAL_ID, "110101199001010001"
    yield "phone tail", Term.PHONE_TAIL, "0042"
    yield "id tail", Term.ID_TAIL, "0042"
    yield "loan, whole", Term.LOAN, "L000500000"
    yield "loan, beginning of all", Term.LOAN, "L0"
    yield "loan, beginning of none", Term.LOAN, "ZZ"
    yield "case, beginning", Term.CASE, "abcdef"


def _measure(store: Store, evidence: Path) -> Iterator[Measured]:
    for reader, actor in million.readers().items():
        yield from _lists(store, reader, actor)
        for said, term, text in searches():
            yield _timed(store, reader, f"search: {said}", _searching(actor, store, evidence, term, text), by_key=True)
        some = list_cases(actor, store, now=NOW, limit=1).rows[0].case_id
        yield _timed(store, reader, "open a case", partial(read_case, actor, store, now=NOW, case_id=some), by_key=True)
    supervisor = million.readers()["supervisor"]
    for ended in (None, True, False):
        for said, given in placements(ended):
            page = partial(list_placements, supervisor, store, now=NOW, **given)
            yield _timed(store, "supervisor", said, page, by_key="loan" in given)


def _lists(store: Store, reader: str, actor: Actor) -> Iterator[Measured]:
    for said, given in combinations(actor):
        page = partial(list_cases, actor, store, now=NOW, **given)
        yield _timed(store, reader, said, page)
        mark = page().next_after
        if mark is not None:
            yield _timed(store, reader, f"{said}, next page", partial(page, after=mark))


def _searching(actor: Actor, store: Store, evidence: Path, term: Term, text: str) -> Callable[[], Any]:
    def search() -> Any:
        now = NOW + finding.WINDOW * next(_MINUTES)  # a bench searches faster than people may
        return search_cases(actor, store, now=now, term=term, text=text, evidence=evidence)

    return search


def _timed(store: Store, reader: str, what: str, run: Callable[[], Any], *, by_key: bool = False) -> Measured:
    with plans.asked(store) as selects:
        run()  # the first time reads from the disk; people's lists are warm
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        took.append((time.perf_counter() - began) * 1000)
    wrong = plans.read_whole(store, selects, by_key=by_key)
    return Measured(store.dialect, reader, what, tuple(took), tuple(wrong))


def _table(found: list[Measured]) -> Iterator[str]:
    """Reader × what × milliseconds on either store, as a table for the record."""
    stores = sorted({one.store for one in found})
    yield f"| reader | list or search | {' | '.join(f'{store}, median ms (worst)' for store in stores)} |"
    yield f"|---|---|{'---:|' * len(stores)}"
    by: dict[tuple[str, str], dict[str, Measured]] = {}
    for one in found:
        by.setdefault((one.reader, one.what), {})[one.store] = one
    for (reader, what), cells in by.items():
        shown = [f"{cells[s].median:.1f} ({max(cells[s].ms):.1f})" if s in cells else "–" for s in stores]
        yield f"| {reader} | {what} | {' | '.join(shown)} |"
