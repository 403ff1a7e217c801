"""Requests on cases reach the warehouse with what the marts need, and nothing that anybody wrote."""

from __future__ import annotations

from contextlib import closing

from ops_app.bootstrap import App
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.people import Role
from pipelines.build import _OPS_TABLES
from pipelines.extracts import extract_ops
from pipelines.warehouse import Warehouse, connect
from tests.services.casework.asking import ask, decide
from tests.services.casework.casebook import NOW, SUPERVISOR, a_collector, assigned, some_cases


def test_a_request_is_extracted_without_its_form_and_its_words(app: App) -> None:
    (case_id,) = some_cases(app.store, app.settings.evidence, 1)
    hua = a_collector(app.store, "hua")
    sun = a_collector(app.store, "sun", None, Role.SUPERVISOR)
    assigned(app.store, SUPERVISOR, hua, case_id)
    one = ask(app.store, app.settings.evidence, hua, case_id, CaseRequestKind.WAIVER)
    decide(app.store, sun, one, reason="looked at it")
    warehouse = Warehouse(app.settings.warehouse_path)
    assert extract_ops(warehouse, app.settings)["case_requests"] == 1
    with closing(connect(warehouse.path, read_only=True)) as connection:
        found = connection.execute("select * from ops.case_requests")
        row = dict(zip([column[0] for column in found.description], found.fetchall()[0], strict=True))
    assert (row["case_request_id"], row["kind"], row["outcome"], row["needs_asset"]) == (one, "waiver", "granted", True)
    assert (row["amount_minor"], row["ended_at"]) == (60_000, NOW.replace(tzinfo=None))
    read = {column.split()[0] for column in _OPS_TABLES["case_requests"].split(", ")}
    assert read <= set(row)
    assert "looked at it" not in repr(row)
    assert "hardship" not in repr(row)
