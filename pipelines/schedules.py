"""Schedules, each with its business reason."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from ops_app.config import Settings
from pipelines.house import KIND_TAG


def _tick(context: dg.ScheduleEvaluationContext, settings: Settings, kind: str, days_back: int) -> dg.RunRequest:
    at = context.scheduled_execution_time.astimezone(settings.zone)
    day = at.date() - timedelta(days=days_back)
    return dg.RunRequest(run_key=f"{kind}-{at:%Y-%m-%dT%H:%M}", partition_key=day.isoformat(), tags={KIND_TAG: kind})


def schedules(settings: Settings, jobs: dict[str, dg.UnresolvedAssetJobDefinition]) -> list[dg.ScheduleDefinition]:
    """Hourly, nightly and monthly."""

    # A payment that the lender knows must hold back the next call: within the hour, not at night.
    @dg.schedule(
        job=jobs["intraday"], cron_schedule="5 8-21 * * *", execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING, description="Each hour: payments and bank lines",
    )  # fmt: skip
    def intraday_reconciliation(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return _tick(context, settings, "intraday", 0)

    # Lenders close their books after midnight; managers and collectors start at eight with yesterday complete.
    @dg.schedule(
        job=jobs["business_day"], cron_schedule="30 5 * * *", execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING, description="The nightly business day, before work begins",
    )  # fmt: skip
    def nightly_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return _tick(context, settings, "day", 1)

    # Finance signs the month on a sheet that says what was checked, after the last night of it.
    @dg.schedule(
        job=jobs["month_end"], cron_schedule="30 6 1 * *", execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING, description="Month-end proof for finance",
    )  # fmt: skip
    def month_end_proof(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return _tick(context, settings, "month_end", 1)

    return [intraday_reconciliation, nightly_day, month_end_proof]
