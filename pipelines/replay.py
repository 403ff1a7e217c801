"""Corrections that people made to refused rows, applied by the next run."""

from __future__ import annotations

from functools import partial

import polars as pl

from ops_app.domain.canonical import canonical_json
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation import quarantine
from pipelines.house import House


def apply_corrections(house: House) -> int:
    """Replay or discard every open correction under the same rules as any row; returns how many were applied."""
    waiting = quarantine.open_corrections(SYSTEM, house.app.store)
    if not waiting:
        return 0
    frame = pl.DataFrame(
        [
            {
                "correction_id": one.correction_id,
                "file_id": one.file_id,
                "line_no": one.line_no,
                "feed": one.feed,
                "decision": one.decision,
                "corrected_json": canonical_json(one.corrected),
            }
            for one in waiting
        ]
    )
    from pipelines.agency_files import custodies_of_files
    from pipelines.corrections import replay_corrections

    custodies = partial(custodies_of_files, house.app)
    outcomes = replay_corrections(house.warehouse, house.settings, frame, custodies)
    quarantine.note_replayed(SYSTEM, house.app.store, now=house.acting_at(house.business_date), outcomes=outcomes)
    return len(outcomes)
