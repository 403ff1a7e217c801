"""The benchmarks by name, each beside its raw limit in the same run; what ``recoup bench NAME`` runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _ingest(rows: int | None) -> dict[str, Any]:
    from tests.bench.ingest import bench_ingest

    return bench_ingest(rows or 10_000_000)


def _build(rows: int | None) -> dict[str, Any]:
    from tests.bench.build import bench_build

    return bench_build(rows)


def _reconciliation(rows: int | None) -> dict[str, Any]:
    from tests.bench.reconciliation import bench_reconciliation

    return bench_reconciliation(rows or 1_000_000)


def _acts(rows: int | None) -> dict[str, Any]:
    from tests.bench.acts import bench_acts

    return bench_acts(rows or 60)


def _lists(rows: int | None) -> dict[str, Any]:
    from tests.bench.lists import bench_lists

    return bench_lists(rows or 1_000_000)


def _case_page(times: int | None) -> dict[str, Any]:
    from tests.bench.case_page import bench_case_page

    return bench_case_page(times or 20)


def _posting(rows: int | None) -> dict[str, Any]:
    from tests.bench.posting import bench_posting

    return bench_posting(rows or 2_000)


def _visible(count: int | None) -> dict[str, Any]:
    from tests.bench.visible import bench_visible

    return bench_visible(count or 30)


BENCHMARKS: dict[str, Callable[[int | None], dict[str, Any]]] = {
    "ingest": _ingest,
    "build": _build,
    "reconciliation": _reconciliation,
    "acts": _acts,
    "lists": _lists,
    "case_page": _case_page,
    "posting": _posting,
    "visible": _visible,
}
"""Name → the benchmark over so many rows (None: its own default)."""
