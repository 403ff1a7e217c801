"""Dagster's entry: everything the pipeline has, assembled from the lists of its modules."""

from __future__ import annotations

import warnings

import dagster as dg

from ops_app.bootstrap import App
from ops_app.config import Settings
from pipelines.assets.extracts import extract_assets
from pipelines.assets.marts import mart_assets
from pipelines.assets.proof import proof_assets
from pipelines.assets.publish import publish_assets
from pipelines.assets.raw import arrival_assets, feed_assets
from pipelines.assets.reconcile import reconcile_assets
from pipelines.house import Progress, house_resource
from pipelines.jobs import jobs
from pipelines.schedules import schedules
from pipelines.sensors import sensors

# single-run backfills are marked beta by Dagster; what we use of them is held by tests
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def day_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of a business day, in the order of the flow."""
    marts = mart_assets(settings)
    return [
        arrival_assets(settings),
        feed_assets(),
        reconcile_assets(settings),
        extract_assets(),
        marts,
        publish_assets(settings, list(marts.keys)),
    ]


def build_definitions(settings: Settings, app: App | None = None, progress: Progress | None = None) -> dg.Definitions:
    """Definitions over one installation; the one of the environment unless ``app`` is given."""
    named = {job.name: job for job in jobs(settings)}
    return dg.Definitions(
        assets=[*day_assets(settings), proof_assets(settings)],
        jobs=list(named.values()),
        schedules=schedules(settings, named),
        sensors=sensors(settings, named, app),
        resources={"house": house_resource(app, progress)},
        # a run is one process under one lease, also one that somebody starts from Dagster's page
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location that ``dagster`` loads."""
    return build_definitions(Settings.load())
