"""Promises of a case from the published snapshot: with their amounts, or without for whoever may see none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb

from ops_app.domain.hidden import HIDDEN
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, Rights
from ops_app.gateways.case_facts import promises_of

SUPERVISOR = Actor("p-sup", "Sun", Role.SUPERVISOR)


def published(folder: Path) -> Path:
    """A snapshot of the asset company with one promise of the case ``c1``."""
    place = folder / "asset_company"
    place.mkdir()
    with duckdb.connect(str(place / "2026-11-24.duckdb")) as connection:
        connection.execute(
            "create table fct_promises as select 'c1' as case_id, 'p1' as promise_id,"
            " timestamp '2026-11-20 02:00:00' as promised_at, date '2026-11-30' as due_date, 'CNY' as currency,"
            " 7654321.09::decimal(18, 2) as amount, 'open' as state"
        )
    (place / "current.json").write_text(json.dumps({"name": "2026-11-24.duckdb", "build_id": "b"}))
    return folder


def test_a_promise_has_no_amount_for_whoever_may_see_none(tmp_path: Path) -> None:
    folder = published(tmp_path)
    blind = replace(SUPERVISOR, rights=Rights(withheld=frozenset({AMOUNTS})))
    (whole,) = promises_of(SUPERVISOR, folder, "c1", None)
    (hidden,) = promises_of(blind, folder, "c1", None)
    assert whole.amount_minor == 765_432_109
    assert hidden.amount_minor == HIDDEN
    assert replace(hidden, amount_minor=whole.amount_minor) == whole
