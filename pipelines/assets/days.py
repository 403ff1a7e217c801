"""The business dates of a run: one, or a range in a backfill."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg


def span_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last business date of this run."""
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Every business date of this run, in order."""
    first, last = span_of(context)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
