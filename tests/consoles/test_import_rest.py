"""Imports through the REST interface: the same preview, correction, confirmation and reversal; who may."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.testclient import TestClient

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Role
from pipelines.warehouse import Warehouse
from tests.consoles.conftest import SignedInAs
from tests.consoles.test_rest import as_role, client
from tests.pipelines.importing import dirty_sheet, write_template

__all__ = ["client"]
PLACE = "/api/v1/imports"


def body(**changes: object) -> dict[str, object]:
    return {
        "file_name": "还款_2026-03-06.csv",
        "content_base64": base64.b64encode(dirty_sheet()).decode(),
        "template": "dirty_bank",
        "entry": "repayments",
        **changes,
    }


def bring(client: TestClient, key: str = "k1", **changes: object) -> Any:
    return client.post(PLACE, json=body(**changes), headers={"Idempotency-Key": key})


def test_a_file_is_brought_corrected_confirmed_and_taken_back(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    write_template(app)
    as_role(client, signed_in, Role.OPERATOR)
    answer = bring(client)
    assert answer.status_code == 201, answer.json()
    one = answer.json()
    assert (one["state"], one["file_date"], one["rows_in"], one["rows_accepted"]) == ("previewed", "2026-03-06", 12, 8)
    assert bring(client).json() == one  # the same key again
    assert "imported already" in bring(client, key="k2").json()["detail"]
    place = f"{PLACE}/{one['import_id']}"
    rows = client.get(f"{place}/refused").json()["rows"]
    assert [row["line_no"] for row in rows] == [10, 11, 12, 13]
    correction = {"version": one["version"], "line_no": 11, "decision": "replay", "corrected": {"amount": "12.00"},
                  "reason": "told by telephone"}  # fmt: skip
    corrected = client.post(f"{place}/corrections", json=correction).json()
    assert corrected["rows_accepted"] == 9
    assert client.post(f"{place}/corrections", json=correction).status_code == 409  # of a version that is over
    decided = client.post(f"{place}/decisions", json={"version": corrected["version"], "decision": "confirm"}).json()
    assert decided["state"] == "applied"
    back = {"version": decided["version"], "decision": "reverse", "reason": "the wrong month"}
    assert client.post(f"{place}/decisions", json=back).json()["state"] == "reversed"
    assert Warehouse(app.settings.warehouse_path).query("select count(*) from raw.repayments") == [(0,)]
    assert client.get(PLACE).json()["total"] == 1


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_only_those_who_may_import_and_look(client: TestClient, signed_in: SignedInAs, role: Role) -> None:
    as_role(client, signed_in, role)
    looks = role in {
        Role.ADMINISTRATOR, Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR,
        Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR,
    }  # fmt: skip
    makes = role in {
        Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE, Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR
    }  # fmt: skip
    assert client.get(PLACE).status_code == (200 if looks else 403)
    assert bring(client).status_code == (404 if makes else 403)  # there is no such template for those who may
    assert client.get(f"{PLACE}/{'0' * 32}").status_code == (404 if looks else 403)
    # refused rows are shown in full, to those who may correct them
    assert client.get(f"{PLACE}/{'0' * 32}/refused").status_code == (404 if makes else 403)


def test_what_is_no_file_is_refused_beside_its_field(client: TestClient, app: App, signed_in: SignedInAs) -> None:
    write_template(app)
    as_role(client, signed_in, Role.OPERATOR)
    wrong = {
        "content_base64": {"content_base64": "%%%"},
        "file": {"file_name": "photo.exe"},
        "file_date": {"file_name": "nodate.csv"},
    }
    for number, (field, changes) in enumerate(wrong.items()):
        answer = bring(client, key=f"w{number}", **changes)
        assert answer.status_code == 422, field
        assert answer.json()["errors"][0]["field"] == field
    assert not list(app.settings.imports.iterdir())  # nothing is kept of what was refused


def test_control_totals_are_sent_with_the_file_and_typed_anew(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    write_template(app)
    as_role(client, signed_in, Role.OPERATOR)
    one = bring(client, typed_rows=13, typed_sum="1").json()
    assert (one["rows_agree"], one["sum_agrees"], one["refusal"]) == (False, False, "control_totals")
    place = f"{PLACE}/{one['import_id']}/totals"
    wrong = client.post(place, json={"version": one["version"], "typed_sum": "1.234"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "typed_sum")
    again = {"version": one["version"], "typed_rows": 12, "typed_sum": one["found_sum"]}
    right = client.post(place, json=again).json()
    assert (right["rows_agree"], right["sum_agrees"], right["refusal"]) == (True, True, None)
    assert client.post(place, json=again).status_code == 409
