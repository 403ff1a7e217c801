"""Bucket edges of a lender that has its own reach the SQL of the marts; without one the SQL is that of the house."""

from __future__ import annotations

from typing import Any

import duckdb
import jinja2
import pytest

from ops_app.config import PROJECT_ROOT

OWN = {"RIV": [["C", 0], ["M1", 15], ["M2", None]]}


def sql(own: dict[str, Any]) -> str:
    """The macro as dbt would render it for a model that has ``dpd`` and ``lender_code``."""
    source = (PROJECT_ROOT / "dbt" / "macros" / "bucket.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 SQL of the test's own
    environment.globals["var"] = lambda name, default: own or default
    return environment.from_string(source + "{{ bucket('dpd', 'lender_code') }}").render()


@pytest.mark.parametrize(
    ("lender", "days", "bucket"),
    [("RIV", 0, "C"), ("RIV", 15, "M1"), ("RIV", 16, "M2"), ("RIV", 400, "M2"), ("HYB", 15, "M1"), ("HYB", 31, "M2"),
     (None, 181, "M7")],
)  # fmt: skip
def test_a_lender_with_its_own_edges_is_judged_by_them_and_the_others_by_those_of_the_house(
    lender: str | None, days: int, bucket: str
) -> None:
    query = f"select {sql(OWN)} from (select ? as lender_code, cast(? as integer) as dpd)"
    assert duckdb.execute(query, [lender, days]).fetchall() == [(bucket,)]


def test_without_a_lender_of_its_own_edges_the_sql_does_not_ask_for_the_lender() -> None:
    assert "lender_code" not in sql({})
