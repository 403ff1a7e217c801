"""Business-date and month partitions, in the zone of the house."""

from __future__ import annotations

import dagster as dg

from ops_app.config import Settings

FIRST_BUSINESS_DATE = "2005-01-01"
"""Early enough for the oldest public panel; a partition is only a name until something is materialised in it."""


def business_dates(settings: Settings) -> dg.DailyPartitionsDefinition:
    """One partition per business date; the day ends at midnight of ``settings.timezone``."""
    return dg.DailyPartitionsDefinition(start_date=FIRST_BUSINESS_DATE, timezone=settings.timezone, end_offset=1)
