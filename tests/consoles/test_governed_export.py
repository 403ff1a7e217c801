"""Exports through every door: the button of a list, the page of one's exports, the link, the dashboards."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from secrets import token_urlsafe
from uuid import uuid4

import openpyxl
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient

from ops_app.bootstrap import App
from ops_app.consoles.kit import export
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_file, make_list
from ops_app.consoles.kit.export_making import Sheet
from ops_app.consoles.kit.tables import Column
from ops_app.consoles.kit.viewer import HouseViewer
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.exports import (
    ApprovalNeeded,
    ApprovalWaiting,
    ExportState,
    MadeAlready,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.headers import SecurityHeaders, page_policy
from ops_app.interfaces.rest.api import build_api
from ops_app.services.organisation import approvals, exports, people, sessions
from ops_app.services.organisation import export_releasing as releasing
from ops_app.services.organisation.exports import Asked, Export
from ops_app.services.organisation.sign_in import begin_session
from ops_app.store.organisation.people import by_id
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.planted import plant_breaks

ROWS_WITHOUT_APPROVAL = 1_000
MANY = ROWS_WITHOUT_APPROVAL + 1
ATTACKS = ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "＝1"]


def sheet(values: list[str], *, needs: str | None = None) -> Sheet:
    columns = (
        Column[str]("phone", "Phone", lambda row: "138****" + row[-4:], lambda row: row, needs=needs),
        Column[str]("b", "B", lambda row: "1.50"),
    )
    return Sheet("cases", "Cases", columns, {"state": "open"}, lambda limit: iter(values[:limit]))


@pytest.fixture
def here(app: App, signed_in: SignedInAs) -> Here:
    _, actor = signed_in(Role.SUPERVISOR)
    return Here(app, actor, app.clock.now())


@pytest.fixture
def manager(signed_in: SignedInAs) -> Actor:
    return signed_in(Role.MANAGER, name="releasing")[1]


def request(here: Here, **changes: object) -> Export:
    asked = replace(Asked("cases", "Cases", {"state": "open"}, MANY, "csv", "audit of the month"), **changes)
    return releasing.request_export(here.actor, here.app.store, now=here.now, asked=asked)


def release(app: App, manager: Actor, number: str) -> None:
    now = app.clock.now()
    (asked,) = approvals.requests_on(manager, app.store, now=now, object_type="export", object_id=number)
    approvals.approve(
        manager, app.store, now=now, request_id=asked.request_id, expected_version=asked.version,
        content_hash=asked.content_hash, key=uuid4().hex,
    )  # fmt: skip


def own(here: Here, one: Export) -> Export:
    rows = exports.list_my_exports(here.actor, here.app.store, now=here.app.clock.now()).rows
    return next(row for row in rows if row.export_id == one.export_id)


def ready(here: Here, manager: Actor, values: list[str], file_format: str = "csv") -> Export:
    one = request(here, file_format=file_format)
    release(here.app, manager, one.number)
    make_list(here, sheet(values), own(here, one))
    return own(here, one)


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_more_rows_than_the_limit_do_not_leave_at_a_press(here: Here) -> None:
    assert export_file(here, sheet(["13800001111"] * ROWS_WITHOUT_APPROVAL), "csv", "monthly review")
    with pytest.raises(ApprovalNeeded):
        export_file(here, sheet(["13800001111"] * MANY), "csv", "monthly review")


@pytest.mark.parametrize(("needs", "whole"), [(None, True), ("rows.export", True), ("audit.view", False)])
def test_a_field_leaves_masked_unless_the_person_may_see_it(here: Here, needs: str | None, whole: bool) -> None:
    rows = read_csv(export_file(here, sheet(["13800001111"], needs=needs), "csv", "monthly review"))
    assert rows[1][0] == ("13800001111" if whole else "138****1111")


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    served = Starlette(
        routes=[Mount("/api", app=build_api(app, Cookies(over_tls=False)))],
        middleware=[Middleware(SecurityHeaders, policy=page_policy(None), over_tls=False)],
    )
    with TestClient(served, base_url="http://testserver", raise_server_exceptions=False) as opened:
        yield opened


def link(one: Export) -> str:
    return f"/api/v1/exports/{one.export_id}/file"


def hold(client: TestClient, app: App, actor: Actor) -> None:
    """Let the client hold a session of ``actor``, in the role they have now."""
    token, now = token_urlsafe(32), app.clock.now()
    with app.store.writing(SYSTEM, now) as transaction:
        person = by_id(transaction.connection, actor.person_id)
        assert person is not None
        begin_session(transaction, person, token, "test")
    client.cookies.set("recoup_session", token)


def test_the_link_gives_the_watermarked_file_as_an_attachment(
    client: TestClient, app: App, here: Here, manager: Actor
) -> None:
    one = ready(here, manager, [*ATTACKS, *["13800001111"] * (MANY - len(ATTACKS))])
    assert client.get(link(one)).status_code == 401
    hold(client, app, here.actor)
    answer = client.get(link(one))
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert one.number in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    rows = read_csv(answer.content)
    assert len(rows) == MANY + 1
    for attack, row in zip(ATTACKS, rows[1:], strict=False):
        assert row[0] == "'" + attack
    (mark,) = {row[2] for row in rows[1:]}
    assert all(part in mark for part in (one.number, here.actor.name, "audit of the month"))
    assert own(here, one).fetches == 1


def test_a_workbook_says_on_its_first_sheet_and_line_who_took_it_and_why(
    client: TestClient, app: App, here: Here, manager: Actor
) -> None:
    one = ready(here, manager, [*ATTACKS, "13800001111"], "xlsx")
    hold(client, app, here.actor)
    book = openpyxl.load_workbook(io.BytesIO(client.get(link(one)).content))
    assert book.sheetnames == ["about", "rows"]
    about = "\n".join(str(row[0].value) for row in book["about"].iter_rows())
    line = book["rows"]["A1"].value
    for part in (one.number, here.actor.name, "audit of the month"):
        assert part in about
        assert part in line
        assert part in book["rows"].oddHeader.left.text
    assert [cell.value for cell in book["rows"][2]] == ["Phone", "B"]
    assert {cell.data_type for row in book["rows"].iter_rows(min_row=3) for cell in row} == {"s"}


def test_a_link_is_dead_for_others_after_changes_and_for_guesses_alike(
    client: TestClient, app: App, here: Here, manager: Actor, signed_in: SignedInAs
) -> None:
    one = ready(here, manager, ["13800001111"])
    hold(client, app, here.actor)
    missing = client.get("/api/v1/exports/" + "0" * 32 + "/file")
    assert missing.status_code == 404
    for guess in (one.number, "0" * 32, "x", "ops.db%00", "编号"):
        answer = client.get(f"/api/v1/exports/{guess}/file")
        assert (answer.status_code, answer.content) == (404, missing.content), guess
    for role in (Role.SUPERVISOR, Role.ANALYST, Role.COLLECTOR, Role.AGENCY_SUPERVISOR):
        token, _ = signed_in(role, name=f"foreign-{role.value.replace('_', '-')}")
        client.cookies.set("recoup_session", token)
        answer = client.get(link(one))
        assert (answer.status_code, answer.content) == (404, missing.content), role
    _, admin = signed_in(Role.ADMINISTRATOR)
    common = {"now": app.clock.now(), "person_id": here.actor.person_id, "reason": "moved"}
    people.change_role(admin, app.store, version=1, role=Role.AUDITOR, **common)
    hold(client, app, here.actor)
    answer = client.get(link(one))
    assert (answer.status_code, answer.content) == (404, missing.content)
    people.deactivate_person(admin, app.store, version=2, **common)
    assert client.get(link(one)).status_code == 401


def test_a_session_that_ended_gets_nothing_and_a_page_elsewhere_uses_up_nothing(
    client: TestClient, app: App, here: Here, manager: Actor
) -> None:
    one = ready(here, manager, ["13800001111"])
    hold(client, app, here.actor)
    assert client.get(link(one), headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert own(here, one).fetches == 0
    sessions.sign_out_everywhere(here.actor, app.store, now=app.clock.now())
    assert client.get(link(one)).status_code == 401


def test_a_figure_with_many_rows_waits_is_made_once_and_then_has_its_link(app: App, here: Here, manager: Actor) -> None:
    viewer = HouseViewer(here)
    rows = [["13800001111"]] * MANY

    def take(file_format: export.Format = "csv", **filters: str) -> bytes:
        said = {"reason": "audit of the month", "as_of": "2026-11-20", **filters}
        return viewer.export("portfolio", ["Phone"], rows, filters=said, file_format=file_format)

    with pytest.raises(ApprovalWaiting) as waiting:
        take()
    (one,) = exports.list_my_exports(here.actor, app.store, now=here.now).rows
    assert one.number in waiting.value.en
    with pytest.raises(ApprovalWaiting):
        take(as_of="2026-11-21")
    release(app, manager, one.number)
    assert len(read_csv(take())) == MANY + 1
    with pytest.raises(MadeAlready):
        take()
    assert own(here, one).state(here.now) is ExportState.READY
    with pytest.raises(ApprovalWaiting):
        take("xlsx")


def test_a_figure_with_few_rows_leaves_at_once_with_its_reason(here: Here) -> None:
    viewer = HouseViewer(here)
    taken = viewer.export("p", ["h"], [["x"]], filters={"reason": "monthly review"}, file_format="csv")
    assert read_csv(taken)[1][0] == "x"
    with pytest.raises(DomainError):
        viewer.export("p", ["h"], [["x"]], filters={}, file_format="csv")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_button_of_a_list_asks_then_makes_then_points_at_the_link(
    app: App, open_page: OpenPage, manager: Actor, language: str
) -> None:
    plant_breaks(app, MANY, now=app.clock.now())
    ask, make, asked_for = {
        "en": ("Ask for a CSV file", "Make the approved CSV file", "waits for approval"),
        "zh": ("申请 CSV 文件", "生成已获批的 CSV 文件", "待审批"),
    }[language]
    at = open_page("repayment_audit", Role.SUPERVISOR, language=language)
    assert not at.get("download_button")
    button = next(one for one in at.button if one.label == ask)
    assert button.disabled
    next(one for one in at.text_input if one.key == "breaks_export_reason").set_value("audit of the month").run()
    next(one for one in at.button if one.label == ask).click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert asked_for in words(at)
    (asked,) = approvals.list_requests(manager, app.store, now=app.clock.now()).rows
    release(app, manager, asked.object_id)
    at.run()
    next(one for one in at.button if one.label == make).click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert not at.error, [error.value for error in at.error]
    at.switch_page("exports.py").run()
    assert not at.exception, [error.value for error in at.exception]
    assert "/api/v1/exports/" in words(at)
    (living,) = app.settings.exports.iterdir()
    assert len(read_csv(living.read_bytes())) == MANY + 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_short_list_is_taken_at_once_but_not_without_a_reason(app: App, open_page: OpenPage, language: str) -> None:
    plant_breaks(app, 3, now=app.clock.now())
    at = open_page("repayment_audit", Role.SUPERVISOR, language=language)
    assert [one.proto.disabled for one in at.get("download_button")] == [True, True]
    next(one for one in at.text_input if one.key == "breaks_export_reason").set_value("monthly review").run()
    assert not at.exception
    assert [one.proto.disabled for one in at.get("download_button")] == [False, False]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_ones_exports_is_calm_when_empty(open_page: OpenPage, language: str) -> None:
    at = open_page("exports", Role.ANALYST, language=language)
    assert {"en": "You have taken no rows yet.", "zh": "您尚未导出数据"}[language] in words(at)
